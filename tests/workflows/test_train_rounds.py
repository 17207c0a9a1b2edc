"""A round from labels to model, predictions, comparison, test split and the next batch, through a real worker."""

from __future__ import annotations

import numpy as np
import pytest

from studio.errors import AccessError, PlanError
from studio.models import classifier
from studio.records import Actor
from studio.settings import Settings
from studio.store import labels, rounds, selections
from studio.workflows import annotate, openings, runs, train, train_live, train_rounds
from studio.workflows.studio import open_studio
from tests.workflows import small_corpus

ANALYST = Actor("ann", "analyst")


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One studio for the module: rounds are costly and every test only adds to it."""
    from studio.settings import Workspace

    opened = open_studio(Settings(workspace=Workspace(tmp_path_factory.mktemp("ws") / "w").make(), device="cpu"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def snapshot_id(studio):
    made = small_corpus.make(studio.store, n=300, noise=5)
    pool = labels.pool_left(studio.store, made)
    small_corpus.freeze(studio.store, made, pool[:40], selection_id="first")
    annotate.simulate_rest(studio, ANALYST, selection_id="first")
    return made


def finished(studio, snapshot_id, **values) -> rounds.Round:
    plan = train.default_plan("ngrams", "linear_probe", values.pop("seed", 0))
    run_id = train.launch(studio, ANALYST, snapshot_id=snapshot_id, plan=plan, **values)
    status = runs.wait(studio, run_id, 120)
    assert status.state == "done", runs.detail(studio, run_id).failure
    return rounds.require(studio.store, run_id)


@pytest.fixture(scope="module")
def first(studio, snapshot_id) -> rounds.Round:
    return finished(studio, snapshot_id, name="first")


def test_a_round_is_stored_with_its_model_and_report(studio, snapshot_id, first):
    assert (first.number, first.arm, first.n_train, first.n_validation) == (1, "selection", 40, 90)
    folder = studio.workspace.root / first.path
    loaded = classifier.load(folder / "model")
    assert loaded.labels == first.labels == tuple(sorted(small_corpus.WORDS))
    report = first.report["validation"]
    assert report["accuracy"]["low"] <= first.accuracy <= report["accuracy"]["high"]
    assert {row["attribute"] for row in report["groups"]} == {"gender"}
    assert sum(row["n"] for row in report["groups"]) == 90
    assert first.report["n_simulated"] == 40
    assert not (studio.workspace.run_dir(first.run_id) / "checkpoints").exists()


def test_every_remaining_pool_example_is_scored_and_the_test_labels_stay_shut(studio, snapshot_id, first):
    pool = rounds.predicted_part(studio.store, first.round_id, "pool")
    assert pool["example_id"].tolist() == labels.pool_left(studio.store, snapshot_id)
    assert len(rounds.predicted_part(studio.store, first.round_id, "test")) == 30
    assert "test" not in first.report
    assert rounds.test_openings(studio.store, snapshot_id) == 0


def test_the_least_sure_come_first_whatever_the_doubt(studio, first):
    frame = rounds.predicted_part(studio.store, first.round_id, "pool").set_index("example_id")
    for by, sign in (("margin", 1), ("entropy", -1), ("least_confidence", -1)):
        picked = rounds.best_next(studio.store, first.round_id, 5, by=by)
        assert picked == train_rounds.best_next(studio, first.round_id, 5, by=by)
        values = (sign * frame[by]).sort_index(kind="stable").sort_values(kind="stable")
        assert picked == values.index[:5].tolist()
    assert picked[0] not in rounds.best_next(studio.store, first.round_id, 5, by=by, leave=[picked[0]])


def test_suggestions_are_probabilities_of_the_models_labels(studio, first):
    ids = rounds.predicted_part(studio.store, first.round_id, "pool")["example_id"].tolist()[:3]
    said = train_rounds.suggestions(studio, first.round_id, [*ids, 10**9], most=4)
    assert list(said) == ids
    for answers in said.values():
        assert sum(p for _, p in answers) == pytest.approx(1, abs=1e-5)
        assert [p for _, p in answers] == sorted((p for _, p in answers), reverse=True)


def test_the_next_batch_is_a_selection_with_a_blind_share(studio, snapshot_id, first):
    made = train_rounds.next_batch(studio, ANALYST, round_id=first.round_id, k=20, seed=3, selection_id="next")
    again = train_rounds.next_batch(studio, ANALYST, round_id=first.round_id, k=20, seed=3, selection_id="next")
    assert made == again == "next"
    frozen = selections.get(studio.store, made)
    rows = selections.examples(studio.store, made)
    assert (frozen.strategy, frozen.round_id, len(rows)) == ("uncertainty", first.round_id, 20)
    assert (rows["reason"] == "control_random").sum() == 4
    assert set(rows["example_id"]) <= set(labels.pool_left(studio.store, snapshot_id))


@pytest.mark.slow
def test_more_labels_make_a_second_round_that_is_compared_in_pairs(studio, snapshot_id, first):
    pool = labels.pool_left(studio.store, snapshot_id)
    small_corpus.freeze(studio.store, snapshot_id, pool[:60], selection_id="more")
    annotate.simulate_rest(studio, ANALYST, selection_id="more")
    second = finished(studio, snapshot_id, name="second")
    result = train_rounds.compare(studio, first.round_id, second.round_id)
    assert result["n"] == 90
    assert result["difference"] == pytest.approx(second.accuracy - first.accuracy)
    right = train_rounds.correctness(studio, second.round_id)
    assert np.mean(list(right.values())) == pytest.approx(second.accuracy)
    random = finished(studio, snapshot_id, arm="random", name="random")
    assert (random.arm, random.n_train) == ("random", second.n_train)
    assert rounds.latest(studio.store, snapshot_id).round_id == second.round_id
    n = rounds.test_openings(studio.store, snapshot_id)
    opened = finished(studio, snapshot_id, open_test=True, open_why="the same with fewer", per_class=3)
    assert (opened.n_train, opened.test_openings) == (12, 1)
    assert "the same with fewer" in openings.told(studio, opened.round_id, lang="en")
    assert rounds.test_openings(studio.store, snapshot_id) == n + 1


def test_the_test_split_is_opened_on_request_and_counted(studio, snapshot_id, first):
    n = rounds.test_openings(studio.store, snapshot_id)
    with pytest.raises(PlanError, match="once a selection is approved"):
        finished(studio, snapshot_id, open_test=True, per_class=3)
    result = openings.open_test(studio, ANALYST, round_id=first.round_id, why="nobody else works here")
    assert result["n"] == 30
    assert rounds.require(studio.store, first.round_id).report["test"]["accuracy"] == result["accuracy"]
    assert rounds.test_openings(studio.store, snapshot_id) == n + 1


def test_metrics_can_be_followed_by_offset(studio, first):
    series = train_live.follow(studio, first.run_id)
    assert series.best["val_macro_f1"] == pytest.approx(first.macro_f1)
    assert train_live.follow(studio, first.run_id, series).raw == series.raw


def test_the_same_run_id_is_one_round_and_taking_over_twice_changes_nothing(studio, snapshot_id, first):
    plan = train.default_plan("ngrams", "linear_probe")
    again = train.launch(studio, ANALYST, snapshot_id=snapshot_id, plan=plan, run_id=first.run_id)
    assert again == first.run_id
    n = len(rounds.of_snapshot(studio.store, snapshot_id))
    from studio.jobs import rundir

    run_dir = studio.workspace.run_dir(first.run_id)
    train.finish_train(studio, run_dir, rundir.read_spec(run_dir))
    assert len(rounds.of_snapshot(studio.store, snapshot_id)) == n


def test_what_cannot_be_trained_is_refused_with_a_reason(studio, workspace):
    empty = small_corpus.make(studio.store, n=60, seed=9)
    plan = train.default_plan("ngrams", "linear_probe")
    assert train.label_counts(studio, empty)["train"] == 0
    with pytest.raises(PlanError, match="gate is closed"):
        train.launch(studio, ANALYST, snapshot_id=empty, plan=plan)
    with pytest.raises(PlanError, match="random-selection"):
        train.prepare(studio, snapshot_id=empty, plan=plan, arm="random")
    with pytest.raises(AccessError):
        train.launch(studio, Actor("eve", "annotator"), snapshot_id=empty, plan=plan)
