from __future__ import annotations

import numpy as np
import pytest

from studio.errors import MeasureError
from studio.measures import compute
from studio.measures.novelty import CLUSTER_RARITY, NEIGHBOUR_DISTANCE
from studio.measures.relevance import NEAREST_TARGET, THREE_NEAREST_TARGETS
from studio.records import Batch, Knn


def batch(**fields) -> Batch:
    n = len(fields.pop("rows"))
    return Batch(ids=np.arange(n), texts=["x"] * n, **fields)


def test_relevance_is_the_cosine_to_the_nearest_targets():
    rows = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    targets = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], dtype=np.float32)
    given = batch(rows=rows, embeddings=rows, targets=targets)
    # cosines of row 2: .6, .48+.48=.96, .8, -.6
    np.testing.assert_allclose(compute(NEAREST_TARGET, given), [1, 1, 0.96], atol=1e-6)
    np.testing.assert_allclose(
        compute(THREE_NEAREST_TARGETS, given), [(1 + 0.8 + 0) / 3, (1 + 0.6 + 0) / 3, (0.96 + 0.8 + 0.6) / 3], atol=1e-6
    )


def test_one_target_makes_both_relevances_equal():
    rows = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)
    given = batch(rows=rows, embeddings=rows, targets=rows[:1])
    np.testing.assert_allclose(compute(NEAREST_TARGET, given), compute(THREE_NEAREST_TARGETS, given))


def test_targets_of_another_encoder_and_no_targets_are_refused():
    rows = np.eye(3, dtype=np.float32)
    with pytest.raises(MeasureError, match="embedded differently"):
        compute(NEAREST_TARGET, batch(rows=rows, embeddings=rows, targets=np.eye(2, dtype=np.float32)))
    with pytest.raises(MeasureError, match="at least one target"):
        compute(NEAREST_TARGET, batch(rows=rows, embeddings=rows, targets=np.empty((0, 3), dtype=np.float32)))


def test_neighbour_distance_is_the_mean_of_the_ten_nearest():
    distances = np.tile(np.linspace(0.1, 1.2, 12, dtype=np.float32), (2, 1))
    knn = Knn(np.zeros((2, 12), dtype=np.int32), distances)
    np.testing.assert_allclose(compute(NEIGHBOUR_DISTANCE, batch(rows=[0, 1], knn=knn)), [0.55, 0.55], atol=1e-6)


def test_cluster_rarity_is_the_surprise_of_the_cluster():
    given = batch(rows=range(8), clusters=np.array([0, 0, 0, 0, 1, 1, -1, 2]))
    expected = np.log([2, 2, 2, 2, 4, 4, 8, 8])
    np.testing.assert_allclose(compute(CLUSTER_RARITY, given), expected)
