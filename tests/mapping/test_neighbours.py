from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from studio.errors import MeasureError
from studio.mapping import neighbours
from studio.mapping.neighbours import nearest_in, nearest_neighbours, nearest_to


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def brute(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Float64, steps of 1e-6, ties by position, no self."""
    similarity = np.rint(vectors.astype(np.float64) @ vectors.astype(np.float64).T / 1e-6)
    np.fill_diagonal(similarity, -np.inf)
    order = np.lexsort((np.broadcast_to(np.arange(len(vectors)), similarity.shape), -similarity), axis=1)[:, :k]
    return order, 1 - np.take_along_axis(similarity, order, axis=1) * 1e-6


def test_agrees_with_sklearn_on_random_rows():
    vectors = unit(np.random.default_rng(0).normal(size=(400, 24)))
    graph = nearest_neighbours(vectors, 10)
    distance, index = NearestNeighbors(n_neighbors=11, metric="cosine", algorithm="brute").fit(vectors).kneighbors()
    assert np.array_equal(graph.indices, index[:, :10])
    assert np.abs(graph.distances - distance[:, :10]).max() < 2e-6
    assert graph.indices.dtype == np.int32 and graph.distances.dtype == np.float32


def test_block_borders_change_nothing(monkeypatch):
    vectors = unit(np.random.default_rng(1).normal(size=(300, 16)))
    whole = nearest_neighbours(vectors, 7)
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", 300 * 7)
    parts = nearest_neighbours(vectors, 7)
    assert np.array_equal(whole.indices, parts.indices)
    assert np.abs(whole.distances - parts.distances).max() <= 1e-6


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 12), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_copies_fall_in_order_of_position(seed, n, k, n_different):
    """Many exact copies: every tie is broken by position, as the float64 oracle does."""
    rng = np.random.default_rng(seed)
    vectors = unit(rng.normal(size=(n_different, 8)))[rng.integers(0, n_different, n)]
    graph = nearest_neighbours(vectors, k)
    index, distance = brute(vectors, min(k, n - 1))
    assert np.array_equal(graph.indices, index)
    assert np.abs(graph.distances - distance).max() < 2e-6


def test_rows_of_zeros_are_at_distance_one_from_all():
    vectors = unit(np.random.default_rng(2).normal(size=(20, 4)))
    vectors[5] = 0
    graph = nearest_neighbours(vectors, 3)
    assert graph.indices[5].tolist() == [0, 1, 2]
    assert graph.distances[5].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_corpora(n):
    vectors = np.ones((n, 4), dtype=np.float32) / 2
    graph = nearest_neighbours(vectors, 5)
    assert graph.indices.shape == (n, max(n - 1, 0))


@pytest.mark.slow
def test_approximate_search_finds_almost_all_and_repeats_itself():
    rng = np.random.default_rng(3)
    vectors = unit(rng.normal(size=(60, 32))[rng.integers(0, 60, 1500)] + 0.3 * rng.normal(size=(1500, 32)))
    vectors[:4] = 0
    exact = nearest_neighbours(vectors, 10, exact=True)
    first, second = (nearest_neighbours(vectors, 10, exact=False, seed=5) for _ in range(2))
    assert np.array_equal(first.indices, second.indices)
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact.indices[4:], first.indices[4:], strict=True)])
    assert shared > 0.95
    assert (first.indices != np.arange(1500)[:, None]).all()
    assert np.isfinite(first.distances).all() and (np.diff(first.distances, axis=1) >= 0).all()


def test_queries_against_a_base():
    base = np.eye(4, dtype=np.float32)
    query = unit(np.array([[1.0, 0.5, 0, 0]]))
    graph = nearest_in(base, query, 2)
    assert graph.indices.tolist() == [[0, 1]]
    assert np.allclose(graph.distances, [[1 - 2 / 5**0.5, 1 - 1 / 5**0.5]], atol=2e-6)
    positions, similarity = nearest_to(base, query[0], 10)
    assert positions.tolist() == [0, 1, 2, 3]
    assert np.allclose(similarity, [2 / 5**0.5, 1 / 5**0.5, 0, 0], atol=2e-6)
    assert nearest_to(base[:0], query[0], 3)[0].shape == (0,)


def test_a_stop_is_obeyed_and_bad_input_named():
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    vectors = np.eye(4, dtype=np.float32)
    with pytest.raises(Stop):
        nearest_neighbours(vectors, 2, check_stop=stop)
    with pytest.raises(MeasureError, match="At least one"):
        nearest_neighbours(vectors, 0)
    with pytest.raises(MeasureError, match="finite"):
        nearest_neighbours(np.full((3, 2), np.nan, dtype=np.float32), 1)
    with pytest.raises(MeasureError, match="matrix"):
        nearest_neighbours(np.ones(3, dtype=np.float32), 1)
