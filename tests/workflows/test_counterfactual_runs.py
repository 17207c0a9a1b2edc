"""Swapped groups as a run: pairs, scores, a real model's flips, what a selection keeps, killed and stale."""

import json
import os
import signal
import time

import numpy as np
import pandas as pd
import pytest

from studio import audits
from studio.errors import MeasureError
from studio.records import Actor
from studio.selection.recipe import Recipe
from studio.settings import Settings, Workspace
from studio.store import snapshots
from studio.tasks import counterfactual as task
from studio.workflows import corpora, runs
from studio.workflows import counterfactual as acts
from studio.workflows.studio import open_studio

ACTOR = Actor("tester", "admin", True)
GENDER = ("gender", "men", "women")


@pytest.fixture(scope="module")
def opened(tmp_path_factory, shared_barriers):
    studio = open_studio(Settings(workspace=Workspace(tmp_path_factory.mktemp("home") / "workspace").make()))
    run_id = corpora.open_demo(studio, ACTOR, language="en", n=600)
    assert runs.wait(studio, run_id, 120).state == "done"
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def snapshot(opened):
    return snapshots.list_all(opened.store)[0]


def start(opened, snapshot, contrast=GENDER):
    return acts.start(opened, ACTOR, snapshot_id=snapshot.snapshot_id, contrast=contrast)


def test_a_killed_run_can_be_started_again_and_gives_pairs(opened, snapshot, shared_barriers):
    hold, reached = shared_barriers.folder / "counterfactual.hold", shared_barriers.folder / "counterfactual.reached"
    hold.touch()
    run_id = start(opened, snapshot)
    end = time.monotonic() + 60
    while not reached.exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(json.loads(reached.read_text())["pid"], signal.SIGKILL)
    hold.unlink()
    assert runs.wait(opened, run_id, 60).state in ("crashed", "failed")
    assert acts.ended_badly(opened, snapshot.snapshot_id).run_id == run_id
    assert acts.outcome(opened, snapshot_id=snapshot.snapshot_id, contrast=GENDER) is None
    runs.resume(opened, ACTOR, run_id=run_id)
    assert runs.wait(opened, run_id, 120).state == "done"
    found = acts.outcome(opened, snapshot_id=snapshot.snapshot_id, contrast=GENDER)
    content = found.content
    assert not found.is_stale
    assert content["n_pairs"] > 5 and content["n_read"] == content["n_texts"] == 600
    assert content["flips"] == [] and content["selection"] is None  # no model, no selection yet
    rows = content["changes"]
    assert {row["name"] for row in rows} == {"rule_quality", "fluency", "length"}
    for row in rows:
        if row["low"] is not None:
            assert row["low"] <= row["change"] <= row["high"]
    one = content["examples"][0]
    assert one["before"] != one["after"] and one["n"] >= 1
    assert content["flips_beyond"] == [] and 0 < content["n_plain"] <= content["n_pairs"]
    assert any(pair["plain"] for pair in content["examples"])
    for row in rows:  # the change less that of an ordinary word, on the texts that have one
        if row["beyond"] is not None and row["control_n"] == row["n"]:
            assert row["beyond"] == pytest.approx(row["change"] - row["control"], abs=1e-9)


def test_only_groups_with_pairs(opened, snapshot):
    assert GENDER in acts.options(snapshot)
    with pytest.raises(MeasureError):
        start(opened, snapshot, ("gender", "cats", "dogs"))


def test_positions_are_mid_rank_quantiles():
    ordered = np.array([1.0, 2.0, 2.0, 4.0])
    found = task._position(ordered, np.array([1.0, 2.0, 3.0, 9.0, np.nan]))
    assert found[:4] == pytest.approx([1 / 8, 4 / 8, 6 / 8, 1.0]) and np.isnan(found[4])


class _Selected:
    """The part of a Task that the judgement of a selection reads."""

    class spec:  # noqa: N801 - mirrors Task.spec
        params = {"quality": {"fluency": 1.0}, "weight": 0.5}


@pytest.mark.parametrize(("inner", "expected"), [
    ({}, {"rule_quality": 1.0, "fluency": 1.0}),
    ({"margin": 2.0}, {"rule_quality": 1.0, "fluency": 1.0}),
    ({"rule_quality": 2.0}, {"rule_quality": 2.0}),
    ({"rule_quality": 0.0, "fluency": 3.0}, {"fluency": 3.0}),
])  # fmt: skip
def test_the_quality_view_is_that_of_the_selection(inner, expected):
    """A recipe that names measures of a view uses these alone, as `select_scores.default_inner` reads it."""
    assert acts._inner(Recipe(inner=inner)) == expected


def test_who_stays_in_the_selection_by_hand():
    """Five texts with fluency 1..5; two chosen. The better one falls from 5 to 1.

    Its position falls from 0.9 to 0.1, its total from 0.80 to 0.80 - 0.5 * 0.8 = 0.40, below the bar of 0.70.
    """
    stored = {"fluency": np.array([1.0, 2.0, 3.0, 4.0, 5.0])}
    rows, chosen = np.array([3, 4]), {3: 0.70, 4: 0.80}
    scores = {"fluency": (np.array([4.0, 5.0]), np.array([4.0, 1.0]))}
    found = task._selection(_Selected, stored, rows, rows, scores, chosen)
    assert found == {"n": 2, "stay": 1, "leave": 1, "n_selected": 2}
    assert task._selection(_Selected, {}, rows, rows, scores, chosen) is None


def test_a_model_that_looks_at_the_word_flips():
    """Probabilities of three pairs: the first flips, the direction of each is that of its only group."""
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), np.array([[0.2, 0.8], [0.7, 0.3], [0.3, 0.7]])
    found = task._flips(probs, np.array([0, 1, -1]), [("men", "women"), ("women", "men")])
    assert [(f["group"], f["n"], f["flips"]) for f in found] == [("", 3, 1), ("men", 1, 1), ("women", 1, 0)]


def test_the_command_swaps_and_prints_one_json_object(opened, snapshot, capsys, monkeypatch):
    import sys

    from studio.cli.main import main

    monkeypatch.setattr(sys.modules["studio.cli.main"], "ROOMS", ("audits",))
    monkeypatch.setattr("studio.cli.context.open_studio", lambda settings: opened)
    monkeypatch.setattr(type(opened), "close", lambda self: None)
    home = str(opened.workspace.root)
    assert main(["--workspace", home, "audit", "--json", "--counterfactual", "gender:men:women"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["contrast"] == ["gender", "men", "women"] and printed["n_pairs"] > 5
    assert main(["--workspace", home, "audit", "--json", "--counterfactual", "gender:cats:dogs"]) == 1


def test_a_model_that_reads_only_the_pronoun_flips_every_pair(tmp_path):
    """A classifier trained on nothing but he and she: all 40 swapped texts get the other label, both ways."""
    from studio import lexicons
    from studio.audits import material
    from studio.jobs.task import Task
    from studio.models import classifier
    from studio.models.baseline import NgramClassifier
    from studio.records import RunSpec

    texts = [f"{'he' if i % 2 else 'she'} wrote on day {i // 2 % 10}" for i in range(40)]
    labels = ["man" if i % 2 else "woman" for i in range(40)]
    pd.DataFrame({"example_id": np.arange(40), "text": texts}).to_parquet(tmp_path / "examples.parquet", index=False)
    given = pd.DataFrame({"example_id": np.arange(40), "label": labels})
    material.write(tmp_path / "given", given, material.Facts(lexicon=lexicons.builtin("en")))
    classifier.save_ngrams(tmp_path / "model", NgramClassifier.fit(texts, labels))
    params = {"contrast": list(GENDER), "weight": 0.0, "version": audits.VERSION}
    spec = RunSpec("r", "counterfactual", "t", "", "x", params=params,
                   inputs={name: name for name in ("given", "model")} | {"examples": "examples.parquet"})  # fmt: skip
    run_dir = tmp_path / "runs" / "r"
    run_dir.mkdir(parents=True)
    one = Task(run_dir, spec, Settings(workspace=Workspace(tmp_path)))
    assert task.run(one) == {"n_pairs": 40, "n_read": 40, "has_model": True}
    content = json.loads((one.result_dir / "pairs.json").read_text())
    assert [(f["group"], f["n"], f["flips"]) for f in content["flips"]] == [
        ("", 40, 40), ("men", 20, 20), ("women", 20, 20)]  # fmt: skip
    moved = {(row["group"], row["name"]): row["change"] for row in content["changes"] if row["what"] == "label"}
    assert moved["men", "woman"] > 0.3 and moved["men", "man"] == pytest.approx(-moved["men", "woman"], abs=1e-6)
    whole = content["flips_beyond"][0]  # wrote and day stand in every text, but no word puts another pronoun there
    assert (whole["swap"], whole["control"], whole["only_control"]) == (whole["n"], 0, 0)
    assert whole["n"] == content["n_plain"] == 40 and whole["difference"] == 1.0 and whole["p"] < 1e-9
    lengths = {row["group"]: row["change"] for row in content["changes"] if row["name"] == "length"}
    assert lengths == {"men": 1.0, "women": -1.0}  # she is one letter longer than he
    first = content["examples"][0]
    assert {first["label"], first["new_label"]} == {"man", "woman"} and first["n"] == 1
