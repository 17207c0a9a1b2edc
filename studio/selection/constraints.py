"""What a greedy walk down a ranking must respect: caps per key and no near-duplicate of a row already kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from studio.errors import SelectionError
from studio.records import Array, Knn

_ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Axis:
    """A cap per key of one column: codes (n,) int of the pool, -1 = missing (a key of its own); limits (k + 1,).

    `limits[0]` belongs to the missing key, `limits[1 + code]` to a code. kind: cap (the same for all), quota (of the
    pool's shares) or target (of given shares).
    """

    name: str
    codes: Array
    limits: Array
    kind: str = "cap"

    def shifted(self, rows: Array) -> Array:
        """Codes of some rows moved up by one, so that missing is 0."""
        return self.codes[rows].astype(np.int64) + 1


def equal_cap(name: str, codes: Array, limit: int) -> Axis:
    """At most `limit` rows of each key.

    Raises:
        SelectionError: a limit below 1.
    """
    if limit < 1:
        raise SelectionError("A cap must let at least one example in", got=limit, fix="Set it to 1 or more.")
    top = int(codes.max()) if len(codes) else -1
    return Axis(name, codes, np.full(top + 2, min(limit, max(len(codes), 1)), dtype=np.int64))  # more binds nobody


def proportional_quotas(name: str, codes: Array, usable: Array, budget: int, alpha: float) -> Axis:
    """Quotas proportional to (usable rows of a key)^alpha that sum to the budget, never above what a key has.

    alpha 1 keeps the shares of the pool, 0 gives every key the same; what a small key cannot fill goes to the others
    by the same rule.

    Args:
        name: of the column.
        codes: (n,) int, -1 = missing.
        usable: (n,) bool: rows that may be picked.
        budget: what the quotas sum to, cut to the usable rows.
        alpha: in [0, 1].

    Raises:
        SelectionError: alpha outside [0, 1].
    """
    if not 0.0 <= alpha <= 1.0:
        raise SelectionError("Alpha must lie between 0 and 1", got=alpha, fix="1 keeps shares, 0 makes them equal.")
    top = int(codes.max()) if len(codes) else -1
    sizes = np.bincount(codes[usable].astype(np.int64) + 1, minlength=top + 2)
    return Axis(name, codes, share_out(sizes, min(budget, int(sizes.sum())), alpha), "quota")


def target_quotas(
    name: str, codes: Array, keys: Sequence[str], usable: Array, budget: int, shares: Mapping[str, float]
) -> Axis:
    """Quotas with the shares of a reference, never above what a key has; keys it does not name get none.

    What a key cannot fill goes to the other named keys in proportion to their shares, so the quotas sum to the budget
    where the named keys have that many rows.

    Args:
        name: of the column.
        codes: (n,) int, -1 = missing.
        keys: the name of each code.
        usable: (n,) bool: rows that may be picked.
        budget: what the quotas sum to, where there are so many.
        shares: key -> share, in any proportion; "" names the missing key.
    """
    sizes = np.bincount(codes[usable].astype(np.int64) + 1, minlength=len(keys) + 1)
    wanted = np.array([shares.get(key, 0.0) for key in ("", *keys)], dtype=np.float64)
    wanted /= max(float(wanted.max(initial=0.0)), 1e-300)
    sizes = np.where(wanted > 0, sizes, 0)
    return Axis(name, codes, share_by(sizes, wanted, min(budget, int(sizes.sum()))), "target")


def share_out(sizes: Array, total: int, alpha: float = 1.0) -> Array:
    """Whole numbers summing to `total`, proportional to sizes^alpha, each at most its size (largest remainder)."""
    return share_by(sizes, sizes.astype(np.float64) ** alpha, total)


def share_by(sizes: Array, wanted: Array, total: int) -> Array:
    """Whole numbers summing to `total`, proportional to `wanted`, each at most its size (largest remainder)."""
    given = np.zeros(len(sizes), dtype=np.int64)
    open_ = sizes > 0
    left = total
    while left > 0:
        weights = np.where(open_, wanted, 0.0)
        exact = left * weights / weights.sum()
        over = open_ & (given + exact >= sizes)
        if over.any():  # fill what is too small for its share, then share the rest again
            left -= int((sizes - given)[over].sum())
            given[over] = sizes[over]
            open_ &= ~over
            continue
        whole = np.floor(exact).astype(np.int64)
        fractions = np.where(open_, exact - whole, -1.0)
        first = np.lexsort((np.arange(len(sizes)), -fractions))[: left - int(whole.sum())]
        whole[first] += 1
        given += whole
        left = 0
    return given


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of pool rows whose cosine similarity is above tau, each once, first (e,) and second (e,) int64."""

    first: Array
    second: Array
    tau: float

    def among(self, walked: Array, n: int) -> tuple[Array, Array]:
        """The pairs whose rows are both walked, as (earlier, later) places of the walk; n = size of the pool."""
        place = np.full(n, -1, dtype=np.int64)
        place[walked] = np.arange(len(walked))
        a, b = place[self.first], place[self.second]
        both = (a >= 0) & (b >= 0)
        return np.minimum(a, b)[both], np.maximum(a, b)[both]


@dataclass(frozen=True, eq=False)
class NearGraph:
    """The same pairs, looked up in the stored k-NN graph for the walked rows only: nothing is made for the whole pool.

    knn: graph over a snapshot, its arrays may be memory maps; rows (n,) places of the pool in the snapshot, or None
    where the graph is the pool's own.
    """

    knn: Knn
    tau: float
    rows: Array | None = None

    def among(self, walked: Array, n: int) -> tuple[Array, Array]:
        """As `NearPairs.among`; a pair found from both of its rows is given twice."""
        own = walked if self.rows is None else self.rows[walked]
        place = np.full(len(self.knn.indices), -1, dtype=np.int32)
        place[own] = np.arange(len(own), dtype=np.int32)
        a, b = near_entries(self.knn.indices[own], self.knn.distances[own], self.tau)
        b = place[b]
        both = (b >= 0) & (a != b)
        a, b = a[both], b[both].astype(np.int64)
        return np.minimum(a, b), np.maximum(a, b)


Near = NearPairs | NearGraph


def near_pairs(knn: Knn, tau: float) -> NearPairs:
    """Pairs of the stored k-NN graph with cosine similarity above tau, in either direction.

    Args:
        knn: graph over the rows of the pool; an index of -1 is no neighbour.
        tau: cosine similarity in (-1, 1]; a pair exactly at tau is not near.

    Paper: deita-2024 (its repr filter, on a graph instead of a running maximum).
    Limits: one-sided: a near-duplicate beyond the stored neighbours of both rows is not seen.
    """
    indices = np.asarray(knn.indices)
    a, b = near_entries(indices, np.asarray(knn.distances), tau)
    low, high = np.minimum(a, b), np.maximum(a, b)
    n = max(len(indices), 1)
    pairs = np.unique((low * n + high)[low != high])
    return NearPairs(pairs // n, pairs % n, tau)


def near_entries(indices: Array, distances: Array, tau: float) -> tuple[Array, Array]:
    """Row and neighbour of every entry whose similarity, 1 - distance in float64, is above tau."""
    indices, distances = np.ascontiguousarray(indices).reshape(-1), np.asarray(distances)
    k = distances.shape[1] if distances.ndim == 2 and distances.shape[1] else 1
    distances = np.ascontiguousarray(distances).reshape(-1)
    # in the graph's own precision first, a little too many; the exact test sees what is left
    found = np.flatnonzero(distances < np.asarray(1.0 - tau + 1e-6, dtype=distances.dtype))
    found = found[(1.0 - distances[found].astype(np.float64) > tau) & (indices[found] >= 0)]
    return found // k, indices[found].astype(np.int64)


@dataclass(frozen=True, eq=False)
class Picked:
    """The outcome of a walk: `rows` picked in order; of `walked` rows (best first) what kept each out.

    kept_out[i] is 0 for a picked row, 1 = the budget was full, 2 + a = cap of axis a, -(r + 1) = near-duplicate of
    pool row r. Rows not walked come after all of these, or had a key that was full before them (`passed_over`).
    """

    rows: Array
    walked: Array
    kept_out: Array
    n_usable: int
    capacity: int
    axes: tuple[Axis, ...] = field(default=())
    passed_over: bool = False
    is_full: bool = True


def best_first(scores: Array, count: int) -> Array:
    """Rows of the `count` largest scores and all ties of the last one, best first, ties by row; NaN never."""
    n_usable = len(scores) - int(np.isnan(scores).sum())
    count = min(count, n_usable)
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    negative = -scores
    if count < len(scores):
        threshold = np.partition(negative, count - 1)[count - 1]  # NaN is put last
        rows = np.flatnonzero(negative <= threshold)
    else:
        rows = np.arange(len(scores))
    return rows[np.argsort(negative[rows], kind="stable")]


def pick_best(scores: Array, budget: int, axes: Sequence[Axis] = (), near: Near | None = None) -> Picked:
    """Walk down the scores and keep every row that no cap and no near-duplicate forbids, until the budget is full.

    Works on a prefix of the ranking that grows while the budget is not full, so a million rows cost one partition.

    Args:
        scores: (n,) float64, NaN = may not be picked; ties fall to the lower row.
        budget: most rows to pick, at least 0.
        axes: caps; a row must fit all of them.
        near: pairs of which at most one is kept, the better one.

    Returns:
        The walk; fewer than min(budget, usable) rows where the constraints give no more.

    Raises:
        SelectionError: a negative budget.
    """
    if budget < 0:
        raise SelectionError("Budget cannot be below 0", got=budget, fix="Ask for 0 or more examples.")
    n_usable = len(scores) - int(np.isnan(scores).sum())
    constrained = bool(axes) or near is not None
    prefix = budget if not constrained else 3 * budget + 64
    open_, n_open, passed_over = scores, n_usable, False
    while True:
        walked = best_first(open_, prefix)
        edges = _edges(walked, len(scores), near)
        keep, _ = _greedy(walked, axes, edges) if constrained else (np.ones(len(walked), bool), 0)
        if int(keep.sum()) >= budget or prefix >= n_open:
            break
        prefix *= 4
        if axes and near is None:  # what has a full key now will not be kept later either
            open_ = _with_open_keys(scores, walked, keep, axes)
            n_open, passed_over = len(open_) - int(np.isnan(open_).sum()), True
    kept_out = _reasons(walked, keep, axes, edges)
    places = np.flatnonzero(keep)
    if len(places) >= budget:  # the budget is full: what comes after is not even looked at
        full = places[budget - 1] + 1 if budget else 0
        kept_out[full:] = 1
        places = places[:budget]
    return Picked(walked[places], walked, kept_out, n_usable, int(keep.sum()), tuple(axes), passed_over,
                  len(places) >= budget)  # fmt: skip


def _with_open_keys(scores: Array, walked: Array, keep: Array, axes: Sequence[Axis]) -> Array:
    """The scores of the walked rows and of those whose keys all have room left; NaN elsewhere."""
    is_open = np.ones(len(scores), dtype=bool)
    for axis in axes:
        counts = np.bincount(axis.shifted(walked[keep]), minlength=len(axis.limits))
        room = counts < axis.limits
        is_open &= np.append(room[1:], room[0])[axis.codes]  # -1, missing, is the last place
    is_open[walked] = True
    return np.where(is_open, scores, np.nan)


def greedy_keep(walked: Array, n: int, axes: Sequence[Axis], near: Near | None) -> tuple[Array, int]:
    """Which rows a plain greedy walk would keep, worked out for all rows at once.

    Each round bounds what stands before a row: if it fits even when every undecided row before it is kept, it is kept;
    if it does not fit with only the kept ones before it, it is out. The first undecided row is always decided, few
    rounds do for most inputs, and a plain loop ends the rest.

    Returns:
        (m,) bool in walking order, and how many rows the plain loop had to decide.
    """
    return _greedy(walked, axes, _edges(walked, n, near))


def _greedy(walked: Array, axes: Sequence[Axis], edges: tuple[Array, Array]) -> tuple[Array, int]:
    m = len(walked)
    kept, undecided = np.zeros(m, dtype=bool), np.ones(m, dtype=bool)
    sorts = [_KeyOrder(axis.shifted(walked)) for axis in axes]
    limits = [axis.limits[axis.shifted(walked)] for axis in axes]
    before, after = edges
    for _ in range(_ROUNDS):
        if not undecided.any():
            return kept, 0
        fits, out = undecided.copy(), np.zeros(m, dtype=bool)
        for order, limit in zip(sorts, limits, strict=True):
            fits &= order.count_before(kept | undecided) < limit
            out |= order.count_before(kept) >= limit
        fits[after] = False
        out[after[kept[before]]] = True
        kept |= fits
        undecided &= ~(fits | out)
        # only pairs that can still decide something are looked at again
        open_ = undecided[after] & (kept[before] | undecided[before])
        before, after = before[open_], after[open_]
    left = np.flatnonzero(undecided)
    _finish(left, kept, axes, walked, sorts, limits, (before, after))
    return kept, len(left)


def _finish(
    left: Array,
    kept: Array,
    axes: Sequence[Axis],
    walked: Array,
    sorts: Sequence[_KeyOrder],
    limits: Sequence[Array],
    edges: tuple[Array, Array],
) -> None:
    """The plain loop over what the bounds left open; fills `kept` in place."""
    counts = [order.count_before(kept)[left] for order in sorts]
    keys = [axis.shifted(walked)[left] for axis in axes]
    added: list[dict[int, int]] = [{} for _ in axes]
    rivals: dict[int, list[int]] = {}
    for earlier, later in zip(edges[0].tolist(), edges[1].tolist(), strict=True):
        rivals.setdefault(later, []).append(earlier)
    for i, place in enumerate(left.tolist()):
        if any(kept[rival] for rival in rivals.get(place, ())):
            continue
        if all(counts[a][i] + added[a].get(int(keys[a][i]), 0) < limits[a][place] for a in range(len(axes))):
            kept[place] = True
            for a in range(len(axes)):
                key = int(keys[a][i])
                added[a][key] = added[a].get(key, 0) + 1


class _KeyOrder:
    """Rows sorted by key once, so that counting marked rows before each row of the same key is one cumulative sum."""

    def __init__(self, keys: Array) -> None:
        self.order = np.argsort(keys, kind="stable")
        ordered = keys[self.order]
        begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(keys) else np.empty(0, np.int64)
        self.begins = np.repeat(begins, np.diff(np.append(begins, len(keys))))

    def count_before(self, marked: Array) -> Array:
        """(m,) how many marked rows of the same key stand before each row."""
        in_order = marked[self.order].astype(np.int64)
        running = np.cumsum(in_order) - in_order
        counts = np.empty(len(marked), dtype=np.int64)
        counts[self.order] = running - running[self.begins] if len(marked) else running
        return counts


def _edges(walked: Array, n: int, near: Near | None) -> tuple[Array, Array]:
    """Near pairs among the walked rows as (earlier, later) places."""
    if near is None or not len(walked):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return near.among(walked, n)


def _reasons(walked: Array, keep: Array, axes: Sequence[Axis], edges: tuple[Array, Array]) -> Array:
    """For every walked row 0 if kept, else the first constraint that holds: near-duplicate, then caps in order."""
    why = np.zeros(len(walked), dtype=np.int64)
    if keep.all():
        return why
    for a in reversed(range(len(axes))):
        order = _KeyOrder(axes[a].shifted(walked))
        full = ~keep & (order.count_before(keep) >= axes[a].limits[axes[a].shifted(walked)])
        why[full] = 2 + a
    before, after = edges
    kept_first = keep[before] & ~keep[after]
    before, after = before[kept_first], after[kept_first]
    best = np.lexsort((before, after))[::-1]  # the best kept rival is written last
    why[after[best]] = -(walked[before[best]] + 1)
    return why
