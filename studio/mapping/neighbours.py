"""The k-NN graph: who is nearest to whom by cosine; made once, used by maps, clusters, measures and audits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from studio.errors import MeasureError
from studio.records import Array, Knn

DEFAULT_K = 30  # ours: serves UMAP (15), novelty and label noise (10) and near-duplicates with room
EXACT_UP_TO = 50_000  # ours: above it the exact product costs minutes on two cores, docs/log.md
N_PROBES = 40  # ours: cells looked into per row above that; recall 0.96 of 30 neighbours on 87,000 texts, docs/log.md
BLOCK_CELLS = 16_000_000  # cells of one block of similarities, 64 MB
COMPILED_ABOVE = 16_000_000  # similarities in all: less is not worth loading the compiled search for
RECALL_SAMPLE = 500
TIE = 1e-6  # similarities closer than this are equal: float32 products of equal rows differ by less


def nearest_neighbours(
    vectors: Array,
    k: int = DEFAULT_K,
    *,
    seed: int = 0,
    exact: bool | None = None,
    on_progress: Callable[[int], None] | None = None,
    check_stop: Callable[[], None] | None = None,
) -> Knn:
    """The k nearest other rows of every row by cosine distance.

    Args:
        vectors: (n, d) float32 unit rows; a row of zeros is at distance 1 from everything.
        k: neighbours wanted; cut to n - 1.
        seed: of the approximate search.
        exact: True or False forces the way; None takes exact up to 50,000 rows, then the 40 nearest cells of each row.
        on_progress: called with the number of rows done.
        check_stop: called before each block; raises to stop.

    Returns:
        Knn of shapes (n, min(k, n - 1)): no row is its own neighbour, ordered by distance (in steps of 1e-6), then by
        position.

    Raises:
        MeasureError: k below 1 or vectors that are not a matrix of finite numbers.
    """
    _check(vectors, k)
    n = len(vectors)
    k = min(k, n - 1)
    if k < 1:
        return Knn(np.empty((n, 0), dtype=np.int32), np.empty((n, 0), dtype=np.float32))
    if exact is None:
        exact = n <= EXACT_UP_TO
    if not exact:
        return _by_cells(vectors, k, seed, on_progress, check_stop)
    return nearest_in(vectors, vectors, k, skip_own=True, on_progress=on_progress, check_stop=check_stop)


def nearest_in(
    base: Array,
    queries: Array,
    k: int,
    *,
    skip_own: bool = False,
    on_progress: Callable[[int], None] | None = None,
    check_stop: Callable[[], None] | None = None,
) -> Knn:
    """The k rows of `base` nearest to each query row, exactly, block by block.

    Args:
        base: (m, d) float32 unit rows.
        queries: (n, d) float32 unit rows.
        k: neighbours per query, at most m (m - 1 with `skip_own`).
        skip_own: query i is row i of base and must not find itself.
        on_progress: called with the number of queries done.
        check_stop: called before each block; raises to stop.
    """
    n, m = len(queries), len(base)
    if n * m > COMPILED_ABOVE:
        return _nearest_compiled(base, queries, k, skip_own, on_progress, check_stop)
    indices = np.empty((n, k), dtype=np.int32)
    distances = np.empty((n, k), dtype=np.float32)
    transposed = np.ascontiguousarray(base.T)
    height = max(1, min(2_048, BLOCK_CELLS // max(m, 1)))
    for start in range(0, n, height):
        if check_stop is not None:
            check_stop()
        stop = min(start + height, n)
        similarity = queries[start:stop] @ transposed  # (rows, m)
        if skip_own:
            similarity[np.arange(stop - start), np.arange(start, stop)] = -np.inf
        indices[start:stop], distances[start:stop] = _largest(similarity, k)
        if on_progress is not None:
            on_progress(stop)
    return Knn(indices, distances)


def _largest(similarity: Array, k: int) -> tuple[Array, Array]:
    """Positions and cosine distances of the k largest cells per row; equal ones (within 1e-6) by position."""
    n, m = similarity.shape
    steps = _steps(np.partition(similarity, m - k, axis=1)[:, m - k])  # the k-th largest of each row, in steps
    row, column = np.nonzero(similarity >= ((steps - 1) * TIE)[:, None])
    step = _steps(similarity[row, column])
    keep = step >= steps[row]
    row, column, step = row[keep], column[keep], step[keep]
    order = np.lexsort((column, -step, row))
    row, column, step = row[order], column[order], step[order]
    rank = np.arange(len(row)) - np.searchsorted(row, np.arange(n))[row]
    first = rank < k
    distance = np.clip(1 - step[first] * TIE, 0, 2)
    return column[first].reshape(n, k).astype(np.int32), distance.reshape(n, k).astype(np.float32)


def _steps(similarity: Array) -> Array:
    return np.rint(similarity.astype(np.float64) / TIE)


def _nearest_compiled(
    base: Array,
    queries: Array,
    k: int,
    skip_own: bool,
    on_progress: Callable[[int], None] | None,
    check_stop: Callable[[], None] | None,
) -> Knn:
    """`nearest_in` with the k best of each row kept while blocks of `base` pass by: the same result, faster."""
    from studio.mapping.topk import Best  # compiled: only workers need it

    n, m = len(queries), len(base)
    best = Best(n, k)
    height, width = min(n, 2_048), min(m, 16_384)
    for start in range(0, n, height):
        if check_stop is not None:
            check_stop()
        rows = np.arange(start, min(start + height, n))
        part = np.asarray(queries[start : start + height])
        for left in range(0, m, width):
            columns = np.arange(left, min(left + width, m))
            best.see(part @ np.asarray(base[left : left + width]).T, rows, columns, rows if skip_own else None)
        if on_progress is not None:
            on_progress(int(rows[-1]) + 1)
    return best.knn()


def _by_cells(
    vectors: Array,
    k: int,
    seed: int,
    on_progress: Callable[[int], None] | None,
    check_stop: Callable[[], None] | None,
) -> Knn:
    """Neighbours among the rows of each row's nearest cells; a row with too few there is looked up in all."""
    from studio.mapping.cells import make_cells, nearest_by_cells  # compiled: only workers need it

    cells = make_cells(vectors, seed=seed)
    knn = nearest_by_cells(
        vectors,
        vectors,
        k,
        cells=cells,
        n_probes=N_PROBES,
        skip_own=True,
        on_progress=on_progress,
        check_stop=check_stop,
    )
    for row in np.flatnonzero((knn.indices < 0).any(axis=1)):  # cells of single rows: tiny corpora only
        similarity = (vectors @ vectors[row])[None, :]
        similarity[0, row] = -np.inf
        knn.indices[row], knn.distances[row] = (part[0] for part in _largest(similarity, k))
    return knn


def knn_recall(vectors: Array, knn: Knn, *, rng: np.random.Generator) -> tuple[float, int]:
    """Share of the true neighbours that a graph holds, and on how many rows that was counted; 1 = all of them.

    A row counts a neighbour as found when its distance is at most that of the true k-th, so that ties are no misses.

    Args:
        vectors: (n, d) float32 unit rows.
        knn: their graph.
        rng: draws at most 500 rows.
    """
    n, k = knn.indices.shape
    if k == 0:
        return 1.0, 0
    sample = np.sort(rng.choice(n, min(n, RECALL_SAMPLE), replace=False))
    true = nearest_in(vectors, np.asarray(vectors[sample]), k + 1)
    is_own = true.indices == sample[:, None]
    # the row itself is left out; where equal rows hide it, the farthest is
    is_own[~is_own.any(axis=1), -1] = True
    last = true.distances[~is_own].reshape(len(sample), k)[:, -1]
    return float((knn.distances[sample] <= last[:, None] + 1.5 * TIE).mean()), len(sample)


def _check(vectors: Array, k: int) -> None:
    if k < 1:
        raise MeasureError("At least one neighbour is needed", got=k, fix="Ask for 1 or more.")
    if vectors.ndim != 2:
        raise MeasureError(
            "Vectors must be a matrix", got=f"shape {vectors.shape}", fix="Give one row of numbers per example."
        )
    if not np.isfinite(vectors).all():
        raise MeasureError("Vectors must be finite", got="NaN or infinity", fix="Embed the snapshot again.")


def nearest_to(vectors: Array, query: Array, k: int) -> tuple[Array, Array]:
    """Positions and cosine similarities of the k rows nearest to one query vector, best first, ties by position."""
    k = min(k, len(vectors))
    if k < 1:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    positions, distances = _largest((vectors @ np.asarray(query, dtype=np.float32))[None, :], k)
    return positions[0].astype(np.int64), (1 - distances[0]).astype(np.float32)
