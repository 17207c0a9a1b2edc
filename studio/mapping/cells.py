"""Neighbours in large corpora: rows in cells around centres, every row compared with the cells nearest to it only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studio.mapping.topk import Best
from studio.records import Array, Knn

TRAIN_PER_CELL = 64  # ours: rows per centre that the centres are fitted on; more did not find more neighbours
TRAIN_ROUNDS = 6
OVERFULL = 3.0  # times the mean size: a larger cell is cut, so that one cell of copies cannot cost the square of it
QUERY_ROWS = 8_192  # rows compared with one cell at a time; bounds memory


@dataclass(frozen=True)
class Cells:
    """Rows of a base grouped around centres: centres (c, d) unit rows; members[i] = ascending positions in cell i."""

    centres: Array
    members: tuple[Array, ...]


def make_cells(base: Array, *, seed: int, n_cells: int | None = None) -> Cells:
    """Cells of about sqrt(n) rows by spherical k-means on a seeded sample; none holds more than 3 times the mean.

    Args:
        base: (n, d) float32 unit rows.
        seed: of the sample and the first centres.
        n_cells: centres; by default the square root of n.

    Paper: lloyd-1982, with cosine as in spherical k-means.
    """
    n = len(base)
    count = max(1, min(n, n_cells or round(n**0.5)))
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(n, min(n, count * TRAIN_PER_CELL), replace=False))
    centres = _fit(np.asarray(base[drawn]), count, rng)
    cell = _nearest_centre(base, centres)
    members: list[Array] = []
    kept: list[Array] = []
    most = max(1, int(OVERFULL * n / count))
    for number in range(count):
        inside = np.flatnonzero(cell == number)
        for part in _cut(base, inside, most, rng):
            members.append(part)
            kept.append(centres[number] if len(part) == len(inside) else _unit(base[part].mean(axis=0)[None])[0])
    return Cells(np.asarray(kept, dtype=np.float32), tuple(members))


def _cut(base: Array, inside: Array, most: int, rng: np.random.Generator) -> list[Array]:
    """A cell in parts of at most `most` rows: around centres of its own, and by position where that does not help."""
    if len(inside) <= most:
        return [inside] if len(inside) else []
    count = -(-len(inside) // (most // 2 + 1))
    rows = np.asarray(base[inside])
    drawn = np.sort(rng.choice(len(rows), min(len(rows), count * TRAIN_PER_CELL), replace=False))
    cell = _nearest_centre(rows, _fit(rows[drawn], count, rng))
    parts = [inside[cell == number] for number in range(count)]
    return [part[start : start + most] for part in parts for start in range(0, len(part), most)]


def _fit(rows: Array, count: int, rng: np.random.Generator) -> Array:
    """(count, d) centres after a few rounds of k-means; an empty one stays where it is."""
    centres = rows[np.sort(rng.choice(len(rows), count, replace=False))].copy()
    for _ in range(TRAIN_ROUNDS):
        cell = _nearest_centre(rows, centres)
        order = np.argsort(cell, kind="stable")
        numbers, starts = np.unique(cell[order], return_index=True)
        sums = np.add.reduceat(rows[order], starts, axis=0, dtype=np.float32)
        centres[numbers] = _unit(sums)
    return centres


def _unit(rows: Array) -> Array:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _nearest_centre(rows: Array, centres: Array) -> Array:
    """(n,) int32 number of the centre of largest cosine, the first of equals."""
    found = np.empty(len(rows), dtype=np.int32)
    for start in range(0, len(rows), QUERY_ROWS):
        found[start : start + QUERY_ROWS] = (rows[start : start + QUERY_ROWS] @ centres.T).argmax(axis=1)
    return found


def nearest_by_cells(
    base: Array,
    queries: Array,
    k: int,
    *,
    cells: Cells,
    n_probes: int,
    skip_own: bool = False,
    on_progress: Callable[[int], None] | None = None,
    check_stop: Callable[[], None] | None = None,
) -> Knn:
    """The k rows of `base` nearest to each query among those in the query's nearest cells; the same bytes every time.

    Every query is compared with all rows of its `n_probes` nearest cells. The work is bounded by queries x probes x 3
    times the mean cell, the memory by a block.

    Args:
        base: (m, d) float32 unit rows.
        queries: (n, d) float32 unit rows.
        k: neighbours per query.
        cells: of `base`.
        n_probes: cells looked into per query; all of them makes it exact.
        skip_own: query i is row i of base and must not find itself.
        on_progress: called with the number of queries done (in proportion: a query is done cell by cell).
        check_stop: called before each cell; raises to stop.

    Returns:
        Knn of shapes (n, k); a place nothing was found for has position -1 and distance 2.

    Paper: sivic-zisserman-2003, the inverted file, on cells of dense vectors without compression.
    """
    n, count = len(queries), len(cells.members)
    n_probes = min(n_probes, count)
    probes = Best(n, n_probes)
    numbers = np.arange(count, dtype=np.int64)
    for start in range(0, n, QUERY_ROWS):
        rows = np.arange(start, min(start + QUERY_ROWS, n))
        probes.see(queries[start : start + QUERY_ROWS] @ cells.centres.T, rows, numbers)
    flat = probes.positions.ravel()
    order = np.argsort(flat, kind="stable")
    ends = np.searchsorted(flat[order], np.arange(count + 1))
    best = Best(n, k)
    done = 0
    for number in range(count):
        if check_stop is not None:
            check_stop()
        asking = order[ends[number] : ends[number + 1]] // n_probes
        columns = cells.members[number].astype(np.int64)
        transposed = np.ascontiguousarray(np.asarray(base[columns]).T)
        for start in range(0, len(asking), QUERY_ROWS):
            rows = asking[start : start + QUERY_ROWS].astype(np.int64)
            best.see(np.asarray(queries[rows]) @ transposed, rows, columns, rows if skip_own else None)
        done += len(asking)
        if on_progress is not None:
            on_progress(int(done / n_probes))
    return best.knn()
