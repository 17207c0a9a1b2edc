from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from studio.errors import MeasureError
from studio.mapping import neighbours
from studio.mapping.cells import make_cells
from studio.mapping.neighbours import knn_recall, nearest_in, nearest_neighbours, nearest_to


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
    assert np.abs(whole.distances - parts.distances).max() < 2e-6  # one step of 1e-6 and its rounding in float32


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 12), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_copies_fall_in_order_of_position(seed, n, k, n_different):
    """Many exact copies: every tie is broken by position, as the float64 oracle does."""
    rng = np.random.default_rng(seed)
    different = unit(rng.normal(size=(n_different, 8)))
    steps = different.astype(np.float64) @ different.T.astype(np.float64) / 1e-6
    # on the border between two steps float32 may put equal rows on both sides: the rule promises nothing there
    assume(np.abs(steps - np.floor(steps) - 0.5).min() > 0.2)
    vectors = different[rng.integers(0, n_different, n)]
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


def hard_rows(n: int = 400) -> np.ndarray:
    """Rows on a grid of angles (many exact ties), copies, and rows of zeros."""
    rng = np.random.default_rng(3)
    rows = rng.integers(-2, 3, size=(n, 4)).astype(np.float64)
    rows[: n // 8] = rows[n // 8 : n // 4]
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(norms > 0, norms, 1)).astype(np.float32)


def test_the_compiled_search_and_all_cells_equal_brute_force(monkeypatch):
    vectors = hard_rows()
    expected, distance = brute(vectors, 12)
    plain = nearest_neighbours(vectors, 12)
    monkeypatch.setattr(neighbours, "COMPILED_ABOVE", 0)
    compiled = nearest_neighbours(vectors, 12)
    monkeypatch.setattr(neighbours, "N_PROBES", 10_000)
    by_cells = nearest_neighbours(vectors, 12, exact=False)
    for graph in (plain, compiled, by_cells):
        assert np.abs(graph.distances - distance).max() < 2e-6
        same = np.mean(
            [set(row) == set(found) for row, found in zip(expected.tolist(), graph.indices.tolist(), strict=True)]
        )
        # where float32 puts a tie on the other side of a step, another row of the same distance may be named
        assert same > 0.97
        assert (graph.indices != np.arange(len(vectors))[:, None]).all()


def test_cells_find_almost_all_and_repeat_themselves():
    rng = np.random.default_rng(3)
    vectors = unit(rng.normal(size=(60, 32))[rng.integers(0, 60, 3000)] + 0.3 * rng.normal(size=(3000, 32)))
    vectors[:4] = 0
    first, second = (nearest_neighbours(vectors, 10, exact=False, seed=5) for _ in range(2))
    assert first.indices.tobytes() == second.indices.tobytes()
    assert first.distances.tobytes() == second.distances.tobytes()
    exact = nearest_neighbours(vectors, 10, exact=True)
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact.indices[4:], first.indices[4:], strict=True)])
    assert shared > 0.95
    assert np.isfinite(first.distances).all() and (np.diff(first.distances, axis=1) >= 0).all()
    share, n = knn_recall(vectors, first, rng=np.random.default_rng(0))
    assert n == 500 and abs(share - shared) < 0.02
    assert knn_recall(vectors, exact, rng=np.random.default_rng(0))[0] == 1.0


def test_recall_counts_what_is_missing():
    """Half of the stored neighbours of every row are replaced by its farthest row."""
    vectors = unit(np.random.default_rng(0).normal(size=(100, 8)))
    graph = nearest_neighbours(vectors, 10)
    graph.distances[:, 5:] = 1.9
    assert knn_recall(vectors, graph, rng=np.random.default_rng(0)) == (0.5, 100)


def test_a_cell_of_copies_is_cut_and_costs_no_square():
    vectors = np.tile(unit(np.ones((1, 8))), (2_000, 1))
    cells = make_cells(vectors, seed=0)
    sizes = [len(part) for part in cells.members]
    assert max(sizes) <= 3 * 2_000 / round(2_000**0.5) + 1
    assert sorted(np.concatenate(cells.members).tolist()) == list(range(2_000))
    graph = nearest_neighbours(vectors, 5, exact=False)
    assert np.abs(graph.distances).max() < 2e-6 and (graph.indices >= 0).all()


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
