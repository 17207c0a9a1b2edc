"""Places between placed rows, an earlier map with new rows on it, and how far two maps differ, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from studio.errors import MeasureError
from studio.mapping import placing as module
from studio.mapping.placing import align, displacement, grow, majority, middle_place, nearest_placed, place_between
from studio.records import Knn


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_middle_of_three_and_of_an_island_with_strangers():
    # equal weights at the corners of an equilateral triangle: its centre
    corners = np.array([[0, 0], [6, 0], [3, 3 * 3**0.5]], dtype=np.float32)
    even = Knn(np.array([[0, 1, 2]], dtype=np.int32), np.full((1, 3), 0.2, dtype=np.float32))
    assert middle_place(even, corners) == pytest.approx(np.array([[3.0, 3**0.5]]), abs=1e-4)
    # five neighbours on an island, three far away: the row stays on the island, where a mean would lie off it
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5], [90, 0], [0, 80], [-70, 5]], dtype=np.float32)
    near = Knn(np.arange(8, dtype=np.int32)[None], np.full((1, 8), 0.3, dtype=np.float32))
    middle = middle_place(near, places)[0]
    assert (-0.1 <= middle).all() and (middle <= 1.1).all()
    assert places.mean(axis=0)[1] > 10
    # a neighbour that is the row itself, all but for rounding, has the place
    same = Knn(near.indices, np.array([[0.3] * 7 + [0.0]], dtype=np.float32))
    assert middle_place(same, places)[0] == pytest.approx(places[7], abs=1e-2)
    assert middle_place(near, np.ones((8, 2), np.float32))[0].tolist() == [1.0, 1.0]


def test_the_middle_is_where_the_weighted_distances_are_least():
    rng = np.random.default_rng(3)
    placed = rng.normal(scale=5, size=(40, 2)).astype(np.float32)
    near = Knn(rng.permuted(np.tile(np.arange(40, dtype=np.int32), (25, 1)), axis=1)[:, :8],
               rng.uniform(0.2, 0.4, size=(25, 8)).astype(np.float32))  # fmt: skip
    found = middle_place(near, placed)
    for row in range(25):
        points, weight = placed[near.indices[row]].astype(float), 1 / near.distances[row].astype(float)

        def total(y, points=points, weight=weight):
            return (weight * np.hypot(*(points - y).T)).sum()

        best = minimize(total, points.mean(axis=0), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
        assert total(found[row]) <= best.fun * 1.001


def test_the_majority_of_three_neighbours():
    near = Knn(np.array([[0, 1, 2]], dtype=np.int32), np.array([[0.1, 0.2, 0.4]], dtype=np.float32))
    assert majority(near, np.array([3, 1, 1], dtype=np.int32)).tolist() == [3]  # 10 against 7.5
    assert majority(near, np.array([3, -1, 3], dtype=np.int32)).tolist() == [3]
    even = Knn(near.indices[:, :2], np.array([[0.2, 0.2]], dtype=np.float32))
    assert majority(even, np.array([4, 2, 0], dtype=np.int32)).tolist() == [2]  # the smaller of equals


def test_a_place_depends_on_the_row_alone():
    rng = np.random.default_rng(0)
    base, rows = unit(rng.normal(size=(200, 8))), unit(rng.normal(size=(30, 8)))
    placed = rng.normal(size=(200, 2)).astype(np.float32)
    together = place_between(rows, base, placed)
    alone = np.vstack([place_between(rows[i : i + 1], base, placed) for i in range(30)])
    assert np.abs(together - alone).max() < 1e-4
    # for one row: the middle of the 8 largest cosines
    cosine = base.astype(float) @ rows[7].astype(float)
    best = np.argsort(-cosine)[:8]
    near = Knn(best[None].astype(np.int32), (1 - cosine[best])[None].astype(np.float32))
    assert together[7] == pytest.approx(middle_place(near, placed)[0], abs=1e-3)


def test_large_products_go_through_cells_and_agree(monkeypatch):
    rng = np.random.default_rng(1)
    base = unit(rng.normal(size=(20, 16))[rng.integers(0, 20, 900)] + 0.3 * rng.normal(size=(900, 16)))
    rows = base[:300] + 0
    exact = nearest_placed(rows, base)
    monkeypatch.setattr(module, "EXACT_UP_TO", 0)
    monkeypatch.setattr(module, "PLACING_PROBES", 10_000)
    assert np.array_equal(nearest_placed(rows, base).indices, exact.indices)


def test_growing_moves_no_old_row_and_places_only_new_and_changed_ones():
    rng = np.random.default_rng(2)
    old = unit(rng.normal(size=(50, 8)))
    old_ids, old_xy = np.arange(100, 150), rng.normal(size=(50, 2)).astype(np.float32)
    labels = (np.arange(50) % 3).astype(np.int32)
    ids = np.concatenate([np.arange(105, 150), [200, 201]])  # five went, two came
    vectors = np.vstack([old[5:], old[[10]], unit(rng.normal(size=(1, 8)))])
    vectors[20] = -vectors[20]  # example 125 says something else now
    grown = grow(ids, vectors, old_ids, old, old_xy, labels)
    kept = np.ones(47, dtype=bool)
    kept[[20, 45, 46]] = False
    assert grown.is_kept.tolist() == kept.tolist() and grown.n_changed == 1
    assert np.array_equal(grown.xy[kept], old_xy[5:][kept[:45]])
    assert np.array_equal(grown.labels[kept], labels[5:][kept[:45]])
    # example 200 is a copy of old row 10: distance 0, so its place and cluster to float precision
    assert grown.xy[45] == pytest.approx(old_xy[10], abs=1e-3) and grown.labels[45] == labels[10]
    moved = displacement(grown.xy[kept], old_xy[5:][kept[:45]])
    assert (moved.median, moved.p90, moved.n) == (0.0, 0.0, 44)


def test_rounding_of_an_encoder_is_no_change():
    rng = np.random.default_rng(3)
    old = unit(rng.normal(size=(20, 64)))
    now = unit(old + 1e-3 * rng.normal(size=old.shape))  # cosine about 1 - 3e-5
    grown = grow(np.arange(20), now, np.arange(20), old, np.zeros((20, 2), np.float32), np.zeros(20, np.int32))
    assert grown.is_kept.all()


def test_maps_that_share_nothing_are_refused():
    old = unit(np.eye(4))
    given = (np.arange(4), old, np.zeros((4, 2), np.float32), np.zeros(4, np.int32))
    with pytest.raises(MeasureError, match="No example"):
        grow(np.arange(10, 14), old, *given)
    with pytest.raises(MeasureError, match="other vectors"):
        grow(np.arange(4), unit(np.eye(5)[:4]), *given)


def test_a_turned_mirrored_scaled_and_moved_map_is_laid_back():
    rng = np.random.default_rng(4)
    xy = rng.normal(size=(80, 2))
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([1, -1])
    other = 2.5 * xy @ turn + np.array([30.0, -4.0])
    assert np.abs(align(other, xy) - xy).max() < 1e-4
    assert np.abs(align(other, xy[:40], rows=np.arange(40)) - xy).max() < 1e-4
    assert np.array_equal(align(np.zeros((3, 2)), xy[:3]), np.zeros((3, 2)))  # nothing to turn


def test_displacement_is_in_shares_of_the_extent():
    earlier = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 4.0]])
    moved = displacement(earlier + np.array([[0.0, 1.0], [0.0, 2.0], [3.0, 0.0]]), earlier)
    assert moved.median == pytest.approx(0.2) and moved.p90 == pytest.approx(0.28) and moved.n == 3
