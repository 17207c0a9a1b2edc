from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import EmptyPool, SelectionError
from studio.records import VIEWS
from studio.selection.constraints import NearPairs
from studio.selection.explain import explain, smallest_flip
from studio.selection.live import LiveMatrix, Rule, parts, rank, rejections
from studio.selection.weights import move_weight

NAN = float("nan")


def w(*values: int) -> dict[str, int]:
    return dict(zip(VIEWS, values, strict=True))


def matrix(n: int = 60, seed: int = 0) -> LiveMatrix:
    rng = np.random.default_rng(seed)
    unit = np.asfortranarray(rng.random((n, 4), dtype=np.float32))
    return LiveMatrix(
        np.arange(n) * 7 + 3,
        unit,
        {"cluster": rng.integers(-1, 3, n), "group_region": rng.integers(0, 2, n)},
        {"cluster": ("0", "1", "2"), "group_region": ("north", "south")},
    )


def test_the_parts_add_up_to_the_score():
    m = matrix()
    ranking = rank(m, w(40, 30, 20, 10), 10)
    np.testing.assert_allclose(parts(m, w(40, 30, 20, 10), ranking.rows).sum(axis=1), ranking.scores[ranking.rows])
    assert (np.diff(ranking.scores[ranking.rows]) <= 0).all()


def test_examples_lacking_a_weighted_view_are_left_out_and_counted():
    m = matrix()
    m.unit[:5, 0] = NAN
    m.unit[3:9, 3] = NAN
    ranking = rank(m, w(25, 25, 25, 25), 100)
    assert ranking.n_left_out == 9 and ranking.left_out == {"relevance": 5, "quality": 6}
    assert len(ranking.rows) == 51 and not ranking.is_short
    assert rejections(m, ranking, np.array([0, 7])) == ["no_score:relevance", "no_score:quality"]
    assert len(rank(m, w(0, 50, 50, 0), 100).rows) == 60
    assert len(rank(m, w(25, 25, 25, 25), 100, Rule(missing="half")).rows) == 60


def test_caps_that_leave_too_few_make_a_short_ranking_not_an_error():
    ranking = rank(matrix(), w(25, 25, 25, 25), 30, Rule(caps={"cluster": 4}))
    assert len(ranking.rows) == 16 and ranking.is_short
    with pytest.raises(SelectionError, match="no such column"):
        rank(matrix(), w(25, 25, 25, 25), 30, Rule(caps={"group_x": 4}))
    with pytest.raises(EmptyPool):
        rank(LiveMatrix(np.empty(0, int), np.empty((0, 4), np.float32)), w(25, 25, 25, 25), 3)


def test_reasons_name_the_cap_and_the_twin():
    m = matrix(4)
    m.unit[:] = np.array([[0.9], [0.8], [0.7], [0.6]], dtype=np.float32)
    m.columns["group_region"][:] = [0, 0, 0, 1]
    near = LiveMatrix(m.ids, m.unit, m.columns, m.keys, NearPairs(np.array([0]), np.array([1]), 0.9))
    ranking = rank(near, w(25, 25, 25, 25), 2, Rule(caps={"group_region": 1}, near=True))
    assert ranking.ids.tolist() == [3, 24]
    assert rejections(near, ranking, np.array([1, 2])) == ["near_duplicate_of:3", "cap:group_region:north"]
    assert explain(near, ranking, w(25, 25, 25, 25), 24).code == "made_room"
    assert explain(near, ranking, w(25, 25, 25, 25), 3).code == "top_score"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 12), st.booleans(), st.sets(st.sampled_from(VIEWS), max_size=2))
def test_the_flip_flips_and_nothing_smaller_does(seed, budget, capped, locks):
    m = matrix(16, seed)
    rule = Rule(caps={"group_region": 4} if capped else {})
    weights = w(40, 30, 20, 10)
    example_id = int(m.ids[seed % 16])
    is_in = example_id in rank(m, weights, budget, rule).ids
    flip, searched = smallest_flip(m, weights, budget, rule, example_id, locks=locks)

    def flips(view, target):
        moved = move_weight(weights, view, target, locks)
        return moved[view] == target and (example_id in rank(m, moved, budget, rule).ids) != is_in

    if flip is not None:
        assert flips(flip.view, flip.after) and abs(flip.after - flip.before) == searched
    nearest = searched if flip is not None else 101
    free = [v for v in VIEWS if v not in locks]
    assert not any(
        flips(v, t)
        for v in free
        for t in range(max(0, weights[v] - nearest + 1), min(100, weights[v] + nearest - 1) + 1)
    )


def test_an_explanation_says_place_score_and_parts():
    m = matrix()
    weights = w(40, 30, 20, 10)
    ranking = rank(m, weights, 10)
    third = explain(m, ranking, weights, int(ranking.ids[2]))
    assert (third.is_in, third.place, third.of) == (True, 3, 60)
    assert sum(third.gave.values()) == pytest.approx(third.score)
    m.unit[0, 0] = NAN
    lost = explain(m, rank(m, weights, 10), weights, int(m.ids[0]))
    assert (lost.score, lost.place, lost.code) == (None, 0, "no_score:relevance")
    assert lost.gave["relevance"] is None
    with pytest.raises(SelectionError, match="not in the pool"):
        explain(m, ranking, weights, 999_999)
