"""The Train page in each of its states, in both languages, without training anything in the test."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from studio.jobs import rundir
from studio.records import Actor, RunStatus
from studio.settings import Settings
from studio.store import labels, rounds
from studio.training.evaluate import evaluate
from studio.words import t
from studio.workflows import annotate, train
from studio.workflows.studio import open_studio
from tests.conftest import ROOT
from tests.workflows import small_corpus

ANALYST = Actor("ann", "analyst")


@pytest.fixture
def opened(workspace, monkeypatch):
    monkeypatch.setenv("STUDIO_HOME", str(workspace.root))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    st.cache_resource.clear()
    made = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    yield made
    made.close()
    st.cache_resource.clear()


def open_page(opened, snapshot_id: str, lang: str, **params: str) -> AppTest:
    """The page on a studio of its own: the one that made the rows is closed first (one process, one connection)."""
    opened.close()
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    page.query_params["lang"] = lang
    page.query_params["s"] = snapshot_id
    for name, value in params.items():
        page.query_params[name] = value
    page.switch_page(str(ROOT / "pages/train.py"))
    page.run()
    assert not page.exception, page.exception
    return page


def texts(page: AppTest) -> str:
    every = [*page.text, *page.caption, *page.info, *page.warning, *page.error, *page.success, *page.markdown]
    return "\n".join(str(element.value) for element in every)


def span(seconds: float, lang: str) -> str:
    """Seconds up to a minute and a half, minutes above, as the page says them."""
    name, n = ("seconds", round(seconds)) if seconds < 90 else ("minutes", round(seconds / 60))
    return t(f"train.{name}", lang=lang, n=max(1, n))


def annotated(opened) -> str:
    made = small_corpus.make(opened.store, n=200)
    small_corpus.freeze(opened.store, made, labels.pool_left(opened.store, made)[:30])
    annotate.simulate_rest(opened, ANALYST, selection_id="q1")
    return made


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_labels_and_without_a_queue_the_page_leads_to_select(opened, lang):
    page = open_page(opened, small_corpus.make(opened.store, n=60), lang)
    assert t("train.no_labels", lang=lang, train=0, validation=18) in texts(page)
    assert t("train.go_select", lang=lang) in [button.label for button in page.button]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_with_labels_the_form_shows_gate_cost_and_launch(opened, lang):
    made = annotated(opened)
    cost = train.prepare(opened, snapshot_id=made, plan=train.default_plan("minilm", "lora")).estimate
    page = open_page(opened, made, lang)
    shown = texts(page)
    assert t("train.counts", lang=lang, train="30", annotated="30", validation="60", pool="90") in shown
    assert t("train.launch", lang=lang) in [button.label for button in page.button]
    assert t("round.none", lang=lang) in shown
    assert t("train.device", lang=lang, device="CPU") in shown
    assert 0 < cost.low_s < cost.high_s
    ends = [span(seconds, lang) for seconds in (cost.low_s, cost.high_s)]
    assert t("train.time", lang=lang, low=ends[0], high=ends[1]) in shown


def test_a_contradicting_setting_is_said_and_nothing_can_be_launched(opened):
    page = open_page(opened, annotated(opened), "en")
    next(box for box in page.selectbox if box.key == "method_minilm").select("frozen").run()
    next(box for box in page.number_input if box.key == "set_minilm_frozen_frozen_layers").set_value(7).run()
    assert "MiniLM has 6 layers" in texts(page).replace("\\", "")
    assert t("train.launch", lang="en") not in [button.label for button in page.button]


@pytest.mark.parametrize(
    ("state", "key"), [("stopped", "kept_nothing"), ("crashed", "crashed"), ("cancelled", "cancelled")]
)
def test_a_run_that_ended_without_a_round_says_how(opened, state, key):
    made = annotated(opened)
    run_id = train.launch(opened, ANALYST, snapshot_id=made, plan=train.default_plan("ngrams", "linear_probe"))
    rundir.write_status(opened.workspace.run_dir(run_id), RunStatus(state, finished_at=rundir.utc_now()))
    page = open_page(opened, made, "en", round=run_id)
    assert t(f"train.live.{key}", lang="en") in texts(page)
    assert ("resume_run" in [button.key for button in page.button]) is (state != "cancelled")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_finished_round_shows_figures_tables_and_the_way_on(opened, lang, monkeypatch):
    made = annotated(opened)
    import numpy as np
    import pandas as pd

    truth = ["billing", "login"] * 30
    said = ["billing"] * 40 + ["login"] * 20
    result = evaluate(truth, said, labels=["billing", "login"], rng=np.random.default_rng(0),
                      groups={"gender": ["f", "m"] * 30})  # fmt: skip
    plan = train.default_plan("ngrams", "linear_probe")
    report = {"labels": ["billing", "login"], "validation": result, "device": "cpu",
              "fit": {"seconds": 2.0, "steps": 0},
              "n_train": 30, "n_simulated": 30, "gate": [], "plan": plan.to_json()}  # fmt: skip
    folder = opened.workspace.model_dir("r1")
    folder.mkdir()
    pool = labels.pool_left(opened.store, made)
    frame = pd.DataFrame({"example_id": pool, "part": "pool", "predicted": "billing", "margin": 0.5, "entropy": 0.5,
                          "least_confidence": 0.5, "probs": [[0.5, 0.5]] * len(pool)})  # fmt: skip
    frame.to_parquet(folder / "predictions.parquet")
    snapshot = opened.store.one("SELECT corpus_id FROM snapshot WHERE snapshot_id = ?", [made])
    rounds.add(opened.store, {
        "round_id": "r1", "corpus_id": snapshot[0], "snapshot_id": made, "name": "first", "arm": "selection",
        "run_id": "r1", "loop_id": None, "plan": plan.to_json(), "n_train": 30, "n_validation": 60,
        "accuracy": result["accuracy"]["value"], "macro_f1": result["macro_f1"]["value"], "report": report,
        "path": "models/r1", "test_openings": 0, "created_by": "ann",
    })  # fmt: skip
    page = open_page(opened, made, lang, round="r1")
    shown = texts(page)
    assert t("round.next_text", lang=lang, n=f"{len(pool):,}") in shown
    assert t("round.test_closed", lang=lang, n=0) in shown
    assert "50.0 %" in [metric.value for metric in page.metric]
    assert t("round.next_button", lang=lang, k=50) in [button.label for button in page.button]


def test_a_link_to_a_run_that_is_gone_says_so(opened):
    page = open_page(opened, annotated(opened), "en", round="0" * 32)
    assert t("train.live.gone", lang="en") in texts(page)
