"""Overlap under moved weights, against ranking by hand and sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.records import VIEWS
from studio.selection.live import LiveMatrix, Rule, rank
from studio.selection.sensitivity import CLOUD, MAP_STEP, STEPS, cloud_of, jaccard, map_weights, sensitivity


def w(*values):
    return dict(zip(VIEWS, values, strict=True))


def pool(n, seed, views=4):
    unit = np.random.default_rng(seed).random((n, 4)).astype(np.float32)
    unit[:, views:] = np.nan
    return LiveMatrix(np.arange(n) + 100, unit)


def by_hand(matrix, weights, budget):
    """The ids of a plain ranking, one Python number at a time."""
    scores = [sum(weights[view] * float(matrix.unit[row, v]) for v, view in enumerate(VIEWS) if weights[view])
              for row in range(len(matrix))]  # fmt: skip
    return set(sorted(range(len(matrix)), key=lambda row: (-scores[row], row))[:budget])


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_jaccard_is_that_of_sets(a, b):
    expected = len(a & b) / len(a | b) if a | b else 1.0
    assert jaccard(np.array(sorted(a), int), np.array(sorted(b), int)) == expected


@given(st.integers(0, 10**6), st.integers(1, 30))
@settings(max_examples=15, deadline=None)
def test_every_number_is_that_of_ranking_by_hand(seed, budget):
    matrix, weights = pool(30, seed), w(40, 30, 20, 10)
    found = sensitivity(matrix, weights, budget, Rule(), np.random.default_rng(seed))
    base = by_hand(matrix, weights, budget)
    for one in found.moved:
        rows = by_hand(matrix, one.weights, budget)
        assert one.changed == len(base - rows)
        assert one.jaccard == pytest.approx(len(base & rows) / len(base | rows))
        assert one.weights[one.view] == min(max(weights[one.view] + one.step, 0), 100)
    cloud = cloud_of(weights, CLOUD, np.random.default_rng(seed))
    inside = [by_hand(matrix, own, budget) for own in cloud]
    order = rank(matrix, weights, budget).rows.tolist()
    assert found.stays.tolist() == pytest.approx([sum(row in one for one in inside) / CLOUD for row in order])
    assert found.n_shaky == sum(share < 0.95 for share in found.stays)
    assert found.cloud.tolist() == pytest.approx([len(base & one) / len(base | one) for one in inside])
    for i, j in [(0, 0), (4, 3), (10, 0)]:
        rows = by_hand(matrix, map_weights(weights, found.axes, i * MAP_STEP, j * MAP_STEP, VIEWS), budget)
        assert found.grid[i, j] == pytest.approx(len(base & rows) / len(base | rows))
    assert found.grid[4, 3] == 1.0  # the weights now: 40 and 30, the others 2 : 1
    assert np.isnan(found.grid[10, 1]) and not np.isnan(found.grid[10, 0])


def test_the_cloud_lies_around_the_weights():
    drawn = cloud_of(w(25, 25, 50, 0), 4_000, np.random.default_rng(0))
    values = np.array([[own[view] for view in VIEWS] for own in drawn])
    assert (values.sum(axis=1) == 100).all() and (values[:, 3] == 0).all()
    assert values.mean(axis=0) == pytest.approx([25, 25, 50, 0], abs=0.4)
    assert values.std(axis=0)[0] == pytest.approx(5, abs=0.3)  # sqrt(1/4 * 3/4 / 75) = 0.05


def test_one_view_nothing_to_choose_and_everything():
    alone = sensitivity(pool(20, 1, views=1), w(100, 0, 0, 0), 5, Rule(), np.random.default_rng(0), free=["relevance"])
    assert alone.moved == () and (alone.cloud == 1).all() and alone.n_shaky == 0
    every = sensitivity(pool(12, 2), w(25, 25, 25, 25), 12, Rule(), np.random.default_rng(0))
    assert len(every.moved) == 4 * len(STEPS) and all(one.changed == 0 for one in every.moved)
    none = sensitivity(pool(12, 2), w(25, 25, 25, 25), 0, Rule(), np.random.default_rng(0))
    assert len(none.stays) == 0 and (none.cloud == 1).all()
    same = LiveMatrix(np.arange(9), np.full((9, 4), 0.5, np.float32))
    assert sensitivity(same, w(25, 25, 25, 25), 4, Rule(), np.random.default_rng(0)).n_shaky == 0


def test_weights_of_the_map():
    assert map_weights(w(40, 30, 20, 10), ("relevance", "diversity"), 10, 30, VIEWS) == w(10, 30, 40, 20)
    assert map_weights(w(50, 50, 0, 0), ("relevance", "diversity"), 0, 50, VIEWS) == w(0, 50, 25, 25)
    assert map_weights(w(50, 50, 0, 0), ("relevance", "diversity"), 0, 0, VIEWS[:2]) == w(50, 50, 0, 0)
    assert map_weights(w(50, 50, 0, 0), ("relevance", "diversity"), 30, 10, VIEWS[:2]) == w(75, 25, 0, 0)


def test_progress_is_told():
    seen = []
    sensitivity(pool(12, 2), w(40, 30, 20, 10), 3, Rule(), np.random.default_rng(0), tick=lambda *at: seen.append(at))
    assert seen[-1][0] == seen[-1][1] == len(seen) == 24 + CLOUD + 66
