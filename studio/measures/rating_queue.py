"""In which order examples are put before people: spread over a score and over clusters, drawn by seed."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from studio.records import Array

PARTS = 5  # fifths of the score
SHARED_EVERY = 5  # every fifth example a person gets is one that somebody else judged, so that people can be compared


def spread(unit: Array | None, clusters: Array | None, n: int, seed: int) -> Array:
    """(n,) positions in such an order that any beginning of it is spread over fifths of the score and over clusters.

    The fifths take turns, lot by lot; inside a fifth the clusters do; inside a cluster the order is drawn.

    Args:
        unit: (n,) unit scores, NaN = undefined (a part of its own); None for no score.
        clusters: (n,) codes, -1 = none; None for no clusters.
        n: how many examples.
        seed: of all draws.
    """
    rng = np.random.default_rng(seed)
    part = np.zeros(n, dtype=np.int64)
    if unit is not None:
        known = np.isfinite(unit)
        part[known] = 1 + np.minimum((np.asarray(unit)[known] * PARTS).astype(np.int64), PARTS - 1)
    codes = np.zeros(n, dtype=np.int64) if clusters is None else np.unique(clusters, return_inverse=True)[1].reshape(-1)
    lots = rng.permutation(n)
    inside = _turn(part * (codes.max(initial=0) + 1) + codes, lots)
    among = _turn(part, inside * (n + 1) + rng.permutation(n))
    return np.lexsort((rng.permutation(n), among))


def _turn(groups: Array, keys: Array) -> Array:
    """(n,) the place of every row inside its group, in the order of its key."""
    order = np.lexsort((keys, groups))
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) != 0]) if len(order) else np.empty(0, np.int64)
    lengths = np.diff(np.r_[starts, len(order)])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.repeat(starts, lengths)
    return place


def next_for(order: Array, mine: Collection[int], others: Collection[int]) -> int | None:
    """The subject a person gets next; None when there is none they have not had.

    Every fifth is the first that somebody else judged; the others are the first nobody had, or at last any.

    Args:
        order: subjects in the order of the queue.
        mine: those this person judged or passed over.
        others: those somebody else judged.
    """
    had = np.isin(order, np.asarray(list(mine), dtype=np.int64))
    told = np.isin(order, np.asarray(list(others), dtype=np.int64))
    shared, fresh = np.flatnonzero(told & ~had), np.flatnonzero(~told & ~had)
    first, second = (shared, fresh) if len(mine) % SHARED_EVERY == 0 else (fresh, shared)
    for rows in (first, second):
        if len(rows):
            return int(order[rows[0]])
    return None
