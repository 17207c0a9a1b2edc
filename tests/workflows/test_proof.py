"""Does it help: a real study of the small corpus, kept, stale when something changes, and what it refuses."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from studio.cli.main import main
from studio.errors import AccessError, SelectionError
from studio.records import VIEWS, Actor
from studio.selection.recipe import Recipe
from studio.settings import Settings
from studio.store import labels, snapshots
from studio.workflows import annotate, runs, select_proof, select_scores
from studio.workflows.studio import open_studio
from tests.workflows import select_corpus, small_corpus
from tests.workflows.test_select import TARGETS

ACTOR = Actor("ann", "analyst")
RECIPE = Recipe(budget=30, weights=dict(zip(VIEWS, (34, 33, 0, 33), strict=True)))


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()


def labelled(studio, *, n=400, n_train=160):
    """A scored snapshot with training labels of the first pool examples."""
    made = select_corpus.make(studio, n=n)
    select_corpus.score(studio, made, TARGETS)
    small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:n_train], selection_id="first")
    annotate.simulate_rest(studio, ACTOR, selection_id="first")
    return snapshots.require(studio.store, made)


def state_of(studio, snapshot):
    return select_scores.state(studio, snapshot.snapshot_id, None)


def study(studio, snapshot, recipe=RECIPE, **more):
    state = state_of(studio, snapshot)
    run_id = select_proof.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=recipe, state=state, **more)
    status = runs.wait(studio, run_id, 240)
    assert status.state == "done", (status.reason, status.message)
    found = select_proof.prospect(studio, snapshot, recipe, state, **more)
    return select_proof.kept(studio, snapshot, found)


def test_a_study_is_run_kept_and_goes_stale(studio):
    snapshot = labelled(studio)
    state = state_of(studio, snapshot)
    found = select_proof.prospect(studio, snapshot, RECIPE, state)
    assert select_proof.kept(studio, snapshot, found) is None
    made = study(studio, snapshot)
    facts = made.facts
    assert not made.stale and (facts["n_rows"], facts["n_held"], facts["own"]) == (160, 120, 30)
    assert facts["n_choice"] + facts["n_report"] == 120 and facts["n_report"] == 40
    arms = made.arms.set_index("arm")
    assert set(arms.index) == {"selection", "random", "stratified", "longest", "bottom", "full",
                               "relevance", "diversity", "quality"}  # fmt: skip
    assert arms.loc["full", "size"] == 160 and (arms.drop("full")["size"] == 30).all()
    draws = arms.loc["selection", "draws"]
    assert len(draws) == 100 and arms.loc["random", "value"] == pytest.approx(np.mean(draws))
    assert arms.loc["selection", "n_lower"] == sum(value < arms.loc["selection", "value"] - 1e-12 for value in draws)
    assert made.curve["size"].tolist() == [2, 3, 8, 16, 30, 32, 64, 112, 160]
    assert made.curve["value"].iloc[-1] == pytest.approx(arms.loc["full", "value"])
    assert facts["within"] <= facts["best"] and facts["seed"] == 0 and facts["n_fits"] > 250
    # another recipe, then other labels: the old study is shown and says what changed
    other = Recipe(budget=30, weights=dict(zip(VIEWS, (10, 80, 0, 10), strict=True)))
    shown = select_proof.kept(studio, snapshot, select_proof.prospect(studio, snapshot, other, state))
    assert shown.stale == ("recipe",)
    small_corpus.freeze(studio.store, snapshot.snapshot_id, labels.pool_left(studio.store, snapshot.snapshot_id)[:5],
                        selection_id="more")  # fmt: skip
    annotate.simulate_rest(studio, ACTOR, selection_id="more")
    found = select_proof.prospect(studio, snapshot, RECIPE, state_of(studio, snapshot))
    assert "labels" in select_proof.kept(studio, snapshot, found).stale


def test_a_view_of_a_study_is_the_same_again_by_seed_and_another_by_another_seed(studio):
    snapshot = labelled(studio, n_train=80)
    first = study(studio, snapshot)
    draws = first.selection["draws"]
    found = select_proof.prospect(studio, snapshot, RECIPE, state_of(studio, snapshot), seed=3)
    assert select_proof.kept(studio, snapshot, found).stale == ("seed",)
    second = study(studio, snapshot, seed=3)
    assert second.selection["value"] == first.selection["value"]  # nothing is random in the recipe itself
    assert second.selection["draws"] != draws


def test_what_cannot_be_checked_says_why(studio):
    snapshot = labelled(studio, n_train=20)
    state = state_of(studio, snapshot)
    found = select_proof.prospect(studio, snapshot, RECIPE, state)
    assert found.key is None and found.lacking == "proof.lacking.head"
    assert (found.values["n"], found.values["held"]) == (20, 120)
    with pytest.raises(SelectionError, match="too few labelled"):
        select_proof.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state)
    with pytest.raises(AccessError):
        select_proof.start(studio, Actor("vi", "viewer"), snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state)


def test_the_command_prints_the_verdict_first(studio, workspace, capsys, monkeypatch):
    labelled(studio, n_train=60)
    monkeypatch.setattr(sys.modules["studio.cli.main"], "ROOMS", ("proof",))
    monkeypatch.setattr("studio.cli.context.open_studio", lambda settings: studio)
    monkeypatch.setattr(type(studio), "close", lambda self: None)
    base = ["--workspace", str(workspace.root), "proof", "--json", "--budget", "20"]
    assert main([*base, "--quality", "100"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert next(iter(printed)) == "verdict" and printed["verdict"] in ("better", "same", "worse")
    assert printed["weights"]["quality"] == 100 and printed["size"] == 20 and printed["n_draws"] == 100
    assert printed["difference"] == pytest.approx(printed["value"] - printed["draws_mean"])
    assert main([*base, "--budget", "0"]) == 1
    assert "error" in json.loads(capsys.readouterr().out)
