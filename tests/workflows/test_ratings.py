"""People rate, a run learns a head from it, it becomes a score; what does not count is counted."""

from __future__ import annotations

import numpy as np
import pytest

from studio.errors import AccessError, SelectionError
from studio.records import Actor
from studio.settings import Settings
from studio.store import examples, scores, snapshots
from studio.store import ratings as rows
from studio.workflows import rated_inputs, ratings, runs, select_scores
from studio.workflows.ratings import ONE, TWO
from studio.workflows.studio import open_studio
from tests.workflows import select_corpus
from tests.workflows.test_measures import run
from tests.workflows.test_select import TARGETS

ANN, BEN, CARL = Actor("ann", "annotator"), Actor("ben", "annotator"), Actor("carl", "analyst")


@pytest.fixture
def snapshot(studio, scored_snapshot):
    return snapshots.require(studio.store, scored_snapshot)


def desk_of(studio, snapshot, actor=ANN, view="quality", kind=ONE, state=None):
    state = state or select_scores.state(studio, snapshot.snapshot_id)
    return ratings.read(studio, snapshot, state, actor=actor, view=view, kind=kind)


def opinion(text: str) -> int:
    """What these raters like: money words."""
    liked = {"invoice", "charge", "payment", "amount", "bill", "fee", "price", "money"}
    return min(1 + sum(word in liked for word in text.split()), 5)


def go_on(studio, snapshot, n, actor=ANN, view="quality", kind=ONE, start=0):
    """N presses at the desk; returns what was shown."""
    seen, state = [], select_scores.state(studio, snapshot.snapshot_id)
    for number in range(start, start + n):
        shown = desk_of(studio, snapshot, actor, view, kind, state).shown
        seen.append(shown.ids)
        entry = f"{actor.name}-{view}-{kind}-{number}"
        if kind == ONE:
            ratings.rate(studio, actor, snapshot=snapshot, view=view, shown=shown, value=opinion(shown.texts[0]),
                         entry_id=entry)  # fmt: skip
        else:
            a, b = (opinion(text) for text in shown.texts)
            outcome = "first" if a > b else "second" if b > a else "tie"
            ratings.compare(studio, actor, snapshot=snapshot, view=view, shown=shown, outcome=outcome, entry_id=entry)
    return seen


def test_nobody_sees_an_example_twice_or_one_of_the_test_split(studio, snapshot):
    seen = go_on(studio, snapshot, 30)
    assert len({ids[0] for ids in seen}) == 30
    split = examples.frame(studio.store, snapshot.snapshot_id, ["example_id", "split_now"]).set_index("example_id")
    assert "test" not in set(split.loc[[ids[0] for ids in seen], "split_now"])
    desk = desk_of(studio, snapshot)
    assert (desk.said.n, desk.n_mine, desk.n_missing) == (30, 30, 20)


def test_what_is_shown_first_is_spread_over_the_score(studio, snapshot):
    seen = [ids[0] for ids in go_on(studio, snapshot, 20)]
    usual = next(item for item in select_scores.state(studio, snapshot.snapshot_id).sets
                 if item.measure == "rule_quality")  # fmt: skip
    ids, _, unit = scores.values(studio.store, snapshot.snapshot_id, usual)
    fifths = np.minimum((unit[np.searchsorted(ids, seen)] * 5).astype(int), 4)
    there = len(np.unique(np.minimum((unit * 5).astype(int), 4)))
    assert np.bincount(fifths).max() <= int(np.ceil(20 / there)) + 1


def test_a_second_person_gets_some_of_the_same_and_agreement_is_shown_from_ten_on(studio, snapshot):
    go_on(studio, snapshot, 40)
    second = go_on(studio, snapshot, 20, BEN)
    desk = desk_of(studio, snapshot, BEN)
    assert desk.said.n == 56 and desk.said.people == ("ann", "ben") and len(set(second)) == 20
    told = desk.said.between()
    assert told == {"n": 4, "rho": None, "same": None}
    go_on(studio, snapshot, 30, BEN, start=20)
    told = desk_of(studio, snapshot, BEN).said.between()
    assert (told["n"], told["same"]) == (10, 1.0) and told["rho"] == pytest.approx(1.0)


def test_a_head_learnt_from_ratings_is_a_score_with_its_agreement(studio, snapshot):
    go_on(studio, snapshot, 70)
    told = run(studio, snapshot.snapshot_id, ["rated_quality"])
    assert told["undefined"] == {"rated_quality": 0} and told["skipped"] == {}
    desk = desk_of(studio, snapshot)
    assert desk.head is not None and not desk.is_stale
    found = desk.head.context["agreement"]
    assert (found["kind"], found["n"], found["folds"]) == ("ratings", 70, 5) and found["low"] > 0
    assert desk.head.context["n_judged"] == 70 and desk.head.context["n_people"] == 1
    ids, raw, _ = scores.values(studio.store, snapshot.snapshot_id, desk.head)
    texts = examples.frame(studio.store, snapshot.snapshot_id, ["text"])["text"]
    assert np.corrcoef(raw, [opinion(text) for text in texts])[0, 1] > 0.7
    state = select_scores.state(studio, snapshot.snapshot_id)
    assert "rated_quality" not in select_scores.default_inner(state, {})["quality"], "used when somebody asks for it"
    assert "rated_quality" in select_scores.default_inner(state, {"rated_quality": 1.0})["quality"]


def test_it_is_stale_once_somebody_says_more_or_takes_back(studio, snapshot):
    go_on(studio, snapshot, 51)
    run(studio, snapshot.snapshot_id, ["rated_quality"])
    assert not desk_of(studio, snapshot).is_stale
    go_on(studio, snapshot, 1, start=51)
    state = select_scores.state(studio, snapshot.snapshot_id)
    assert ("rated_quality", "rated.stale", {"old": 51, "new": 52}) in state.views["quality"].stale
    desk = desk_of(studio, snapshot)
    ratings.undo(studio, ANN, kind=ONE, supersedes=desk.newest, entry_id="u1")
    assert not desk_of(studio, snapshot).is_stale, "what was learnt from is what counts again"
    go_on(studio, snapshot, 1, view="difficulty")
    assert not desk_of(studio, snapshot).is_stale, "another view's ratings are none of its business"


def test_a_head_learnt_from_pairs(studio, snapshot):
    seen = go_on(studio, snapshot, 60, kind=TWO)
    assert len({number for ids in seen for number in ids}) == 120
    told = run(studio, snapshot.snapshot_id, ["pairwise_quality"])
    assert told["skipped"] == {}
    desk = desk_of(studio, snapshot, kind=TWO)
    found = desk.head.context["agreement"]
    assert found["kind"] == "pairs" and found["n"] == 60 and found["n_judged"] == 60 - found["n_ties"]
    assert found["low"] <= found["share"] <= found["high"] and found["share"] > 0.6


def test_rows_that_changed_or_went_are_not_used_and_counted(studio, snapshot):
    go_on(studio, snapshot, 5)
    shown = desk_of(studio, snapshot).shown
    old = ratings.Shown(shown.ids, shown.texts, ("what it said before",))
    ratings.rate(studio, ANN, snapshot=snapshot, view="quality", shown=old, value=5, entry_id="old")
    gone = ratings.Shown((99_999,), ("",), ("x",))
    ratings.rate(studio, ANN, snapshot=snapshot, view="quality", shown=gone, value=5, entry_id="gone")
    ratings.rate(studio, ANN, snapshot=snapshot, view="quality", entry_id="skip", value=None,
                 shown=desk_of(studio, snapshot, BEN).shown)  # fmt: skip
    desk = desk_of(studio, snapshot)
    assert (desk.said.n_changed, desk.said.n_gone) == (1, 1)
    assert desk.shown.ids == shown.ids, "it says something else now, so it is put before them again"
    assert desk.said.n + desk.said.n_skipped == 5


def test_it_needs_enough_that_differ_vectors_and_the_role(studio, snapshot):
    made = snapshot.snapshot_id
    with pytest.raises(SelectionError, match="too few") as found:
        ratings.train(studio, CARL, snapshot_id=made, view="quality", kind=ONE)
    assert found.value.got == 0
    state = select_scores.state(studio, made)
    for number in range(50):
        shown = desk_of(studio, snapshot, state=state).shown
        ratings.rate(studio, ANN, snapshot=snapshot, view="quality", shown=shown, value=3, entry_id=f"e{number}")
    with pytest.raises(SelectionError, match="the same"):
        ratings.train(studio, CARL, snapshot_id=made, view="quality", kind=ONE)
    shown = desk_of(studio, snapshot).shown
    ratings.rate(studio, ANN, snapshot=snapshot, view="quality", shown=shown, value=5, entry_id="other")
    with pytest.raises(AccessError):
        ratings.train(studio, ANN, snapshot_id=made, view="quality", kind=ONE)
    with pytest.raises(AccessError):
        ratings.rate(studio, Actor("vera", "viewer"), snapshot=snapshot, view="quality", shown=shown, value=5,
                     entry_id="v")  # fmt: skip
    assert ratings.train(studio, CARL, snapshot_id=made, view="quality", kind=ONE)
    with pytest.raises(SelectionError, match="not rated that way"):
        desk_of(studio, snapshot, view="difficulty", kind=TWO)


def test_without_vectors_people_can_rate_but_nothing_is_learnt(studio):
    from tests.workflows import small_corpus

    made = snapshots.require(studio.store, small_corpus.make(studio.store, n=100))
    go_on(studio, made, 55)
    assert not desk_of(studio, made).has_vectors
    with pytest.raises(SelectionError, match="no scores to compute"):
        ratings.train(studio, CARL, snapshot_id=made.snapshot_id, view="quality", kind=ONE)


def test_when_everything_was_seen_the_desk_is_empty(studio):
    from tests.workflows import small_corpus

    made = snapshots.require(studio.store, small_corpus.make(studio.store, n=20))
    n = len(examples.ids(studio.store, made.snapshot_id))
    left = sum(1 for _ in range(n) if desk_of(studio, made).shown is not None and go_on(studio, made, 1, start=_))
    assert left == n - int((examples.frame(studio.store, made.snapshot_id, ["split_now"])["split_now"] == "test").sum())
    assert desk_of(studio, made).shown is None


def test_a_worker_learns_it(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    try:
        made = select_corpus.make(opened)
        select_corpus.score(opened, made, TARGETS)
        snapshot = snapshots.require(opened.store, made)
        go_on(opened, snapshot, 60)
        run_id = ratings.train(opened, CARL, snapshot_id=made, view="quality", kind=ONE)
        runs.wait(opened, run_id, 120)
        desk = desk_of(opened, snapshot)
        assert desk.head is not None and desk.head.run_id == run_id and desk.head.n_undefined == 0
        assert desk.head.context["agreement"]["n"] == 60
        assert rated_inputs.said(opened, made, "ratings_quality").n == 60
        assert rows.count(opened.store, "rating", snapshot.corpus_id) == 60
    finally:
        opened.close()
