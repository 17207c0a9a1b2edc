"""Why one example, against brute force over the stored vectors; changes against any saved selection."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from studio.errors import SelectionError
from studio.records import VIEWS
from studio.selection.recipe import Recipe
from studio.store import scores, selections, snapshots
from studio.workflows import select, select_effect, select_verdict, select_why
from tests.workflows import small_corpus
from tests.workflows.test_select import ANALYST, w


@pytest.fixture
def snapshot_id(scored_snapshot):
    return scored_snapshot


def brute_neighbour(studio, choice, example_id):
    path = studio.workspace.root / choice.state.around.vectors_path / "vectors.npy"
    x = np.load(path).astype(np.float64)
    of = dict(zip(choice.pool.matrix.ids.tolist(), choice.pool.rows.tolist(), strict=True))
    own = x[of[example_id]]
    return max(
        float(own @ x[of[i]] / np.linalg.norm(own) / np.linalg.norm(x[of[i]]))
        for i in choice.ids.tolist() if i != example_id
    )  # fmt: skip


def test_parts_neighbour_and_what_it_lost_to(studio, snapshot_id):
    recipe = Recipe(weights=w(50, 25, 0, 25), budget=20, caps={"cluster": 6})
    choice = select.choose(studio, snapshot_id, recipe)
    out = [int(i) for i in choice.pool.matrix.ids if i not in set(choice.ids.tolist())]
    for example_id in [int(choice.ids[0]), int(choice.ids[-1]), *out[:12]]:
        found = select_why.about(studio, snapshot_id, choice, example_id)
        assert found.is_in == (example_id in choice.ids) and found.code == select.why(choice, example_id).code
        for view in VIEWS:
            own = [one.part for one in found.measures if one.view == view and not math.isnan(one.part)]
            if own and choice.weights[view]:
                assert math.isclose(sum(own), found.explained.gave[view], abs_tol=1e-9)
        shares = sum(one.share for one in found.measures)
        assert math.isclose(shares, 1.0)
        stored = scores.of_example(studio.store, snapshot_id, example_id, choice.pool.sets).set_index("measure")
        for one in found.measures:
            assert one.raw == pytest.approx(stored.loc[one.name, "raw"], nan_ok=True)
            assert one.unit == pytest.approx(stored.loc[one.name, "unit_value"], rel=1e-6, nan_ok=True)
        assert found.neighbour.similarity == pytest.approx(brute_neighbour(studio, choice, example_id), abs=1e-6)
        assert found.neighbour.example_id in choice.ids and found.neighbour.example_id != example_id
        if found.is_in:
            assert found.lost_to is None
        elif found.code == "over_budget":
            assert found.lost_to.example_id == choice.ids[-1]
            assert found.lost_to.score >= found.explained.score


def test_other_strategies_and_unknown_examples(studio, snapshot_id):
    choice = select.choose(studio, snapshot_id, Recipe(strategy="random", weights=w(34, 33, 0, 33), budget=10))
    found = select_why.about(studio, snapshot_id, choice, int(choice.ids[0]))
    assert (found.explained, found.code, found.lost_to) == (None, "random_draw", None) and found.neighbour is not None
    with pytest.raises(SelectionError, match="not in the pool"):
        select_why.about(studio, snapshot_id, choice, 10**9)
    one = select.choose(studio, snapshot_id, Recipe(weights=w(34, 33, 0, 33), budget=1))
    assert select_why.about(studio, snapshot_id, one, int(one.ids[0])).neighbour is None


def test_changes_against_any_saved_selection(studio, snapshot_id):
    first = Recipe(weights=w(100, 0, 0, 0), budget=10)
    select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="first", recipe=first, selection_id="one")
    second = Recipe(weights=w(0, 0, 0, 100), budget=15)
    select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="second", recipe=second, selection_id="two")
    choice = select.choose(studio, snapshot_id, second)
    assert select.compare(studio, snapshot_id, choice).last.selection_id == "two"
    change = select.compare(studio, snapshot_id, choice, selections.get_or_none(studio.store, "one"))
    before, now = set(selections.ids(studio.store, "one").tolist()), set(choice.ids.tolist())
    assert {i for i, _ in change.entered} == now - before and {i for i, _ in change.left} == before - now
    assert (change.kept, change.labelled, change.absent) == (len(before & now), 0, 0)


def test_a_selection_of_another_version_counts_who_is_not_here(studio, snapshot_id):
    other = small_corpus.make(studio.store, n=30)
    ids = np.array([3, 4, 5_000, 6_000])
    small_corpus.freeze(studio.store, other, ids, selection_id="elsewhere")
    choice = select.choose(studio, snapshot_id, Recipe(weights=w(34, 33, 0, 33), budget=10))
    change = select.compare(studio, snapshot_id, choice, selections.get_or_none(studio.store, "elsewhere"))
    assert change.absent == 2 and change.kept + len(change.left) + change.labelled == 2


def test_the_sentence_about_a_frozen_selection_is_that_of_its_choice(studio, snapshot_id):
    recipe = Recipe(weights=w(50, 25, 0, 25), budget=12)
    select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="first", recipe=recipe, selection_id="one")
    choice = select.choose(studio, snapshot_id, recipe)
    select_effect.variety(studio, choice)
    snapshot = snapshots.require(studio.store, snapshot_id)
    now = select_verdict.of_choice(studio, snapshot, choice)
    for _ in range(200):
        if now[1]["key"] != "verdict.variety.pending":
            break
        time.sleep(0.05)
        now = select_verdict.of_choice(studio, snapshot, choice)
    frozen = select_verdict.of_frozen(studio, selections.get_or_none(studio.store, "one"))
    assert frozen == now and now[2]["key"] == "verdict.proof.untested"
