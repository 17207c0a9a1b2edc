"""A round as a person watches it: curves through a real worker, stop and keep, resume, and the comparisons."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages._ui import frame
from studio.jobs import rundir
from studio.records import Actor
from studio.store import labels, rounds
from studio.training.evaluate import evaluate
from studio.words import t
from studio.workflows import annotate, runs, train, train_rounds
from tests.pages.app import open_app
from tests.workflows import small_corpus

ANALYST = Actor("ann", "analyst")
LANGUAGES = ("en", "zh")


@pytest.fixture
def snapshot_id(studio) -> str:
    made = small_corpus.make(studio.store, n=400)
    small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:48])
    annotate.simulate_rest(studio, ANALYST, selection_id="q1")
    return made


def figures(app: AppTest) -> list[dict]:
    """The traces of every chart on the page, by name."""
    specs = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    return [{trace.get("name", ""): trace for trace in spec["data"]} for spec in specs]


def said(app: AppTest) -> str:
    kinds = ("text", "caption", "info", "success", "markdown", "warning")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


@pytest.mark.slow
def test_curves_move_while_it_trains_and_stop_keeps_what_there_is(tmp_path, monkeypatch, barriers, app_home):
    from tests.training.tiny import base_folder

    base = str(base_folder(tmp_path / "tiny"))
    monkeypatch.setenv("STUDIO_MODELS", base)
    studio = frame._open(str(app_home.root))
    made = small_corpus.make(studio.store, n=400)
    small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:48])
    annotate.simulate_rest(studio, ANALYST, selection_id="q1")
    values = {"epochs": 3, "lr": 5e-3, "batch_size": 12, "max_length": 48, "patience": 0}
    barriers.hold("checkpoint")
    run_id = train.launch(studio, ANALYST, snapshot_id=made, plan=train.default_plan(base, "full", **values))
    barriers.reached("checkpoint")  # the first evaluation is written, its checkpoint is not
    app = open_app("train", "en", s=made, round=run_id)
    rows = rundir.metrics(studio.workspace.run_dir(run_id))
    held = next(row for row in rows if "val_accuracy" in row)
    loss, validation, groups = figures(app)
    assert loss[t("train.live.train_loss")]["y"] == [row["loss"] for row in rows if "loss" in row]
    assert validation[t("train.live.accuracy")]["y"] == pytest.approx([100 * held["val_accuracy"]])
    assert len(groups) == 2, "two groups of 60 validation examples each"
    assert len(app.get("progress")) == 1
    app.button(key="stop_run").click().run()
    assert rundir.requested(studio.workspace.run_dir(run_id), 1) == "stop"
    barriers.release("checkpoint")
    status = runs.wait(studio, run_id, 60)
    assert status.state == "stopped" and status.checkpoint
    app = open_app("train", "zh", s=made, round=run_id)
    assert t("train.live.kept", lang="zh", checkpoint=status.checkpoint.replace("-", "\\-")) in said(app)
    app.button(key="resume_run").click().run()
    assert not app.exception
    assert runs.wait(studio, run_id, 120).state == "done"
    app = open_app("train", "zh", s=made, round=run_id)
    assert t("round.next", lang="zh") in said(app)
    assert len(figures(app)) == 4, "the confusion matrix, loss, validation and groups"


def add_round(studio, snapshot_id: str, name: str, *, n_right: int, n_train: int, arm: str = "selection") -> None:
    """A finished round that answers the first `n_right` validation examples rightly and the others wrongly."""
    truth = train_rounds.truth_of(studio, snapshot_id, "validation").sort_index()
    every = sorted(set(truth))
    said = [label if i < n_right else every[every.index(label) - 1] for i, label in enumerate(truth)]
    result = evaluate(truth.tolist(), said, labels=every, rng=np.random.default_rng(0), groups={})
    plan = train.default_plan("ngrams", "linear_probe")
    folder = studio.workspace.model_dir(name)
    folder.mkdir()
    even = {"margin": 0.5, "entropy": 0.5, "least_confidence": 0.5, "probs": [[0.25] * 4] * len(truth)}
    frame = pd.DataFrame({"example_id": truth.index, "part": "validation", "predicted": said, **even})
    frame.to_parquet(folder / "predictions.parquet")
    corpus_id = studio.store.one("SELECT corpus_id FROM snapshot WHERE snapshot_id = ?", [snapshot_id])[0]
    report = {"labels": every, "validation": result, "device": "cpu", "fit": {"seconds": 2.0, "steps": 0},
              "n_train": n_train, "n_simulated": 0, "gate": [], "plan": plan.to_json()}  # fmt: skip
    rounds.add(studio.store, {
        "round_id": name, "corpus_id": corpus_id, "snapshot_id": snapshot_id, "name": name, "arm": arm, "run_id": name,
        "loop_id": None, "plan": plan.to_json(), "n_train": n_train, "n_validation": len(truth),
        "accuracy": result["accuracy"]["value"], "macro_f1": result["macro_f1"]["value"], "report": report,
        "path": f"models/{name}", "test_openings": 0, "created_by": "ann",
    })  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_round_is_compared_with_the_last_one_and_with_a_random_one(studio, snapshot_id, lang):
    """120 validation examples: 60, then 90 answered rightly, 84 by the random round; one includes the other."""
    add_round(studio, snapshot_id, "first", n_right=60, n_train=24)
    app = open_app("train", lang, s=snapshot_id, round="first")
    assert t("round.compare_first", lang=lang) in said(app)
    assert t("round.random_launch", lang=lang) in [button.label for button in app.button]
    add_round(studio, snapshot_id, "second", n_right=90, n_train=48)
    add_round(studio, snapshot_id, "random", n_right=84, n_train=48, arm="random")
    app = open_app("train", lang, s=snapshot_id, round="second")
    versus = {metric.label: metric.value for metric in app.metric}
    last = versus[t("round.compare_last", lang=lang, number=1, name="first")]
    random = versus[t("round.compare_random", lang=lang, number=3)]
    assert "+25.0" in last and "+5.0" in random
    gained = t("round.compare_n", lang=lang, n="120", better=30, worse=0, p="< 0.001")
    p_random = f"= {2 * 0.5**6:.3f}"  # exact McNemar: six changed one way, none the other
    assert gained in said(app) and t("round.compare_n", lang=lang, n="120", better=6, worse=0, p=p_random) in said(app)
    assert t("round.compare_size", lang=lang, n="24", own="48") in said(app)
