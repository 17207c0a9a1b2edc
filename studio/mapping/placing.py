"""Places without a new layout: rows between placed rows, new rows on an earlier map, and how far two maps differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studio.errors import MeasureError
from studio.mapping.neighbours import nearest_in
from studio.records import Array, Knn

NEIGHBOURS = 8  # ours: placed rows a new one lies between
EXACT_UP_TO = 2_000_000_000  # similarities in all; above it the nearest cells are searched only
AT_ONCE = 65_536  # rows whose neighbours' places are in memory together
STEPS = 20  # of the median; more move no row by a thousandth of the picture
PLACING_PROBES = 24  # ours: cells looked into then
SAME_ROW = 0.999  # cosine: one text embedded twice in other company differs by rounding, a changed text by far more


@dataclass(frozen=True)
class Displacement:
    """How far shared rows lie from where they lay, after the new map was laid onto the earlier one.

    median and p90 in shares of the earlier map's extent (the longer side of the box around the rows), 0 = no row moved.
    """

    median: float
    p90: float
    n: int


@dataclass(frozen=True)
class Grown:
    """An earlier map with new rows: xy (n, 2) float32, labels (n,) int32, is_kept (n,) bool, n_changed texts."""

    xy: Array
    labels: Array
    is_kept: Array
    n_changed: int


def nearest_placed(
    rows: Array,
    base: Array,
    *,
    seed: int = 0,
    check_stop: Callable[[], None] | None = None,
) -> Knn:
    """The 8 placed rows nearest to each row: exactly, or for large products among its 24 nearest cells.

    Args:
        rows: (n, d) unit rows to place.
        base: (m, d) unit rows that have a place; without any, no row has a neighbour.
        seed: of the cells.
        check_stop: called before each block; raises to stop.
    """
    k = min(NEIGHBOURS, len(base))
    if not len(rows) or not k:
        return Knn(np.empty((len(rows), k), dtype=np.int32), np.empty((len(rows), k), dtype=np.float32))
    if len(rows) * len(base) <= EXACT_UP_TO:
        return nearest_in(base, rows, k, check_stop=check_stop)
    from studio.mapping.cells import make_cells, nearest_by_cells  # compiled: only workers need it

    cells = make_cells(base, seed=seed)
    knn = nearest_by_cells(base, rows, k, cells=cells, n_probes=PLACING_PROBES, check_stop=check_stop)
    knn.indices[knn.indices < 0] = 0  # a place nothing was found for has distance 2 and hardly counts
    return knn


def place_between(
    rows: Array,
    base: Array,
    placed: Array,
    *,
    seed: int = 0,
    check_stop: Callable[[], None] | None = None,
) -> Array:
    """(n, 2) float32: each row in the middle of its 8 nearest placed rows (`middle_place`).

    A row's place depends on that row and on the placed ones, never on what else is placed with it.

    Args:
        rows: (n, d) unit rows to place.
        base: (m, d) unit rows that have a place.
        placed: (m, 2) their places.
        seed: of the cells of very large bases.
        check_stop: called before each block; raises to stop.
    """
    return middle_place(nearest_placed(rows, base, seed=seed, check_stop=check_stop), placed)


def middle_place(near: Knn, placed: Array) -> Array:
    """(n, 2) float32 geometric medians of the places of each row's neighbours, weighted by 1 / distance.

    argmin over y of sum_j w_j |y - p_j|, by Weiszfeld's steps from the weighted mean. A mean would pull a row off its
    island for every neighbour on another one; the median stays with most of them (0174).

    Paper: weiszfeld-1937.
    """
    xy = np.empty((len(near.indices), 2), dtype=np.float32)
    for at in range(0, len(xy), AT_ONCE):
        part = slice(at, at + AT_ONCE)
        weight = 1.0 / np.maximum(near.distances[part].astype(np.float64), 1e-6)  # (n, k)
        given = placed.astype(np.float64)[near.indices[part]]  # (n, k, 2)
        xy[part] = _geometric_median(given, weight, STEPS)
    return xy


def _geometric_median(points: Array, weight: Array, steps: int) -> Array:
    """(n, 2) of (n, k, 2) points with weights (n, k); exact where they are all equal."""
    x = np.einsum("nk,nkd->nd", weight / weight.sum(axis=1, keepdims=True), points)
    if not points.size:
        return x
    least = max(float(np.ptp(points.reshape(-1, 2), axis=0).max()) * 1e-6, 1e-12)  # a step onto a point must not divide
    for _ in range(steps):
        distance = np.sqrt(((points - x[:, None]) ** 2).sum(axis=2)) + least
        pull = weight / distance
        x = np.einsum("nk,nkd->nd", pull / pull.sum(axis=1, keepdims=True), points)
    return x


def majority(near: Knn, labels: Array) -> Array:
    """(n,) int32: the label most of a row's neighbours have, weighted by 1 / distance; the smallest of equals.

    Args:
        near: neighbours of n rows among m labelled ones.
        labels: (m,) -1 (in no cluster) is a label like any other.
    """
    weight = 1.0 / np.maximum(near.distances.astype(np.float64), 1e-6)
    given = labels[near.indices]  # (n, k)
    support = np.zeros_like(weight)
    for column in range(given.shape[1]):
        support += weight[:, [column]] * (given == given[:, [column]])
    support[support < support.max(axis=1, keepdims=True) * (1 - 1e-9)] = -1
    return np.where(support >= 0, given, np.iinfo(np.int32).max).min(axis=1).astype(np.int32)


def grow(
    ids: Array,
    vectors: Array,
    old_ids: Array,
    old_vectors: Array,
    old_xy: Array,
    old_labels: Array,
    *,
    seed: int = 0,
    check_stop: Callable[[], None] | None = None,
) -> Grown:
    """New rows get places on an earlier map; no old row moves.

    A row with the same example_id and the same vector (cosine >= 0.999) keeps its place and cluster. Every other row
    lies in the middle of its 8 nearest kept rows and joins the cluster most of them are in.

    Args:
        ids: (n,) ascending example ids of the corpus now.
        vectors: (n, d) their unit rows, from the encoder state the earlier vectors came from.
        old_ids: (m,) ascending example ids of the earlier map.
        old_vectors: (m, d) their unit rows.
        old_xy: (m, 2) their places.
        old_labels: (m,) their clusters.
        seed: of the cells of very large maps.
        check_stop: called before each block; raises to stop.

    Raises:
        MeasureError: the encoders differ in size, or the two share no row.

    Limits: a topic the earlier map did not have ends up between its nearest topics; make a fresh map then.
    """
    if vectors.shape[1] != old_vectors.shape[1]:
        raise MeasureError(
            "The earlier map was made from other vectors",
            got=f"{old_vectors.shape[1]} numbers per row, now {vectors.shape[1]}",
            fix="Make a fresh map.",
        )
    _, here, there = np.intersect1d(ids, old_ids, assume_unique=True, return_indices=True)
    same = np.zeros(len(here), dtype=bool)
    for at in range(0, len(here), 65_536):
        a, b = np.asarray(vectors[here[at : at + 65_536]]), np.asarray(old_vectors[there[at : at + 65_536]])
        cosine = np.einsum("nd,nd->n", a, b, dtype=np.float64)
        same[at : at + 65_536] = (cosine >= SAME_ROW) | (np.abs(a - b).max(axis=1) == 0)  # rows of zeros stay too
    kept, source = here[same], there[same]
    if not len(kept):
        raise MeasureError("No example of the earlier map is left in this corpus", got=0, fix="Make a fresh map.")
    xy = np.empty((len(ids), 2), dtype=np.float32)
    labels = np.empty(len(ids), dtype=np.int32)
    is_kept = np.zeros(len(ids), dtype=bool)
    is_kept[kept] = True
    xy[kept], labels[kept] = old_xy[source], old_labels[source]
    new = np.flatnonzero(~is_kept)
    if len(new):
        near = nearest_placed(np.asarray(vectors[new]), np.asarray(vectors[kept]), seed=seed, check_stop=check_stop)
        xy[new], labels[new] = middle_place(near, xy[kept]), majority(near, labels[kept])
    return Grown(xy, labels, is_kept, int((~same).sum()))


def align(xy: Array, onto: Array, rows: Array | None = None) -> Array:
    """(n, 2) float32: the map turned, mirrored, scaled and moved so that its rows lie as near as can be to `onto`.

    min over scale s, orthogonal R, shift t of sum_i |s R x_i + t - y_i|^2.

    Args:
        xy: (n, 2) the map to lay on.
        onto: (n, 2) where its rows should lie, or (m, 2) for `rows`.
        rows: (m,) positions in `xy` that the fit looks at; by default all.

    Paper: schonemann-1970, orthogonal Procrustes, with scale.
    """
    x = np.asarray(xy if rows is None else xy[rows], dtype=np.float64)
    y = np.asarray(onto, dtype=np.float64)
    from_centre, to_centre = x.mean(axis=0), y.mean(axis=0)
    x, y = x - from_centre, y - to_centre
    size = float((x**2).sum())
    if len(x) < 2 or size == 0 or not np.any(y):
        return np.asarray(xy, dtype=np.float32)
    left, stretch, right = np.linalg.svd(x.T @ y)
    rotation, scale = left @ right, stretch.sum() / size
    return ((np.asarray(xy, dtype=np.float64) - from_centre) @ rotation * scale + to_centre).astype(np.float32)


def displacement(xy: Array, earlier: Array) -> Displacement:
    """How far rows lie from where they lay, in shares of the earlier map's extent.

    Args:
        xy: (n, 2) places now.
        earlier: (n, 2) places of the same rows on the earlier map.
    """
    if not len(xy):
        return Displacement(0.0, 0.0, 0)
    extent = float(np.ptp(earlier, axis=0).max()) or 1.0
    moved = np.hypot(*(xy.astype(np.float64) - earlier.astype(np.float64)).T) / extent
    return Displacement(float(np.median(moved)), float(np.quantile(moved, 0.9)), len(xy))
