"""Limits that leave fewer examples than asked for: the most they can give, which of them binds, what to loosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

from studio.records import Array
from studio.selection.constraints import Axis, Near, pick_best, share_by

NEAR = "near"


@dataclass(frozen=True)
class Tightness:
    """Why a walk under limits is short of its budget. Limits are named <kind>:<column>, the similarity filter `near`.

    found: what the walk gave. most: no choice within the limits holds more; `is_exact` where one holds that many.
    alone: limit -> the most it gives by itself. without: limit -> what the walk gives when it alone is taken away.
    raise_to: cap -> a higher limit with which the walk fills the budget, everything else as it is. raise_all: where no
    single one does, caps -> higher limits with which it does when all of them are raised.
    """

    found: int
    budget: int
    usable: int
    most: int
    is_exact: bool
    alone: Mapping[str, int]
    without: Mapping[str, int]
    raise_to: Mapping[str, int]
    raise_all: Mapping[str, int]

    @property
    def binding(self) -> tuple[str, ...]:
        """Limits that by themselves give fewer than wanted; else those whose going fills it; else all of them."""
        wanted = min(self.budget, self.usable)
        few = tuple(name for name, n in self.alone.items() if n < wanted)
        return few or tuple(name for name, n in self.without.items() if n >= wanted) or tuple(self.without)


def limit_name(axis: Axis) -> str:
    """How a limit is named."""
    return f"{axis.kind}:{axis.name}"


def tightness(
    scores: Array, budget: int, axes: Sequence[Axis], near: Near | None = None, found: int | None = None
) -> Tightness:
    """Explain a walk: `pick_best` of the same arguments gives `found` rows.

    Ways of choosing that walk no order say what they found; what helps is tried going down the scores then. With limits
    on one column both give the same number: a choice nothing can be added to is as large as any.

    Args:
        scores: (n,) float64, NaN = may not be picked.
        budget: rows wanted.
        axes: caps and quotas.
        near: pairs of which at most one is kept.
        found: how many there are; None for those of the walk.
    """
    usable = ~np.isnan(scores)
    n_usable = int(np.count_nonzero(usable))
    found = len(pick_best(scores, budget, axes, near).rows) if found is None else found
    most, is_exact = most_possible(usable, axes)
    most = min(most, budget)
    is_exact = most == found or (is_exact and near is None)
    alone = {limit_name(axis): _alone(axis, usable) for axis in axes}
    without = {limit_name(axis): len(pick_best(scores, budget, _but(axes, axis), near).rows) for axis in axes}
    if near is not None:
        without[NEAR] = len(pick_best(scores, budget, axes).rows)
    wanted = min(budget, n_usable)
    raise_to = {limit_name(axis): _raised(scores, wanted, axes, axis, near) for axis in axes
                if axis.kind == "cap" and without[limit_name(axis)] >= wanted > found}  # fmt: skip
    raise_all = {} if raise_to else _all_raised(scores, wanted, axes, near)
    return Tightness(found, budget, n_usable, most, is_exact, alone, without, raise_to, raise_all)


def _but(axes: Sequence[Axis], left: Axis) -> list[Axis]:
    return [axis for axis in axes if axis is not left]


def _alone(axis: Axis, usable: Array) -> int:
    return int(np.minimum(_sizes(axis, usable), axis.limits).sum())


def _sizes(axis: Axis, usable: Array) -> Array:
    return np.bincount(axis.codes[usable].astype(np.int64) + 1, minlength=len(axis.limits))


def _raised(scores: Array, wanted: int, axes: Sequence[Axis], axis: Axis, near: Near | None) -> int:
    """The smallest equal cap found by halving with which the walk gives what is wanted."""

    def fills(limit: int) -> bool:
        wider = replace(axis, limits=np.full_like(axis.limits, limit))
        return (
            len(pick_best(scores, wanted, [wider if other is axis else other for other in axes], near).rows) >= wanted
        )

    low, high = int(axis.limits.max()), wanted  # a cap of everything wanted is none
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fills(middle) else (middle, high)
    return high


def _all_raised(scores: Array, wanted: int, axes: Sequence[Axis], near: Near | None) -> dict[str, int]:
    """Every cap that is too low by itself raised to where it is not; empty where that does not fill the budget."""
    usable = ~np.isnan(scores)
    wider, raised = list(axes), {}
    for place, axis in enumerate(axes):
        if axis.kind != "cap" or _alone(axis, usable) >= wanted:
            continue
        sizes, low, high = _sizes(axis, usable), int(axis.limits.max()), wanted
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if int(np.minimum(sizes, middle).sum()) >= wanted else (middle, high)
        wider[place] = replace(axis, limits=np.full_like(axis.limits, high))
        raised[limit_name(axis)] = high
    fills = raised and len(pick_best(scores, wanted, wider, near).rows) >= wanted
    return raised if fills else {}


def most_possible(usable: Array, axes: Sequence[Axis]) -> tuple[int, bool]:
    """The most rows any choice within the caps can hold, whatever their scores.

    One column: the sum of min(limit, rows of the key). Two: the maximum flow from the keys of one column to those of
    the other, an edge for every pair of keys with as much room as rows have both. More: the least of all pairs, which
    is an upper bound only.

    Args:
        usable: (n,) bool: rows that may be chosen.
        axes: caps; several of one column count as their least.

    Returns:
        The number, and whether some choice holds that many.

    Source: ours; maximum flow as in any text on networks.
    """
    merged: dict[str, Axis] = {}
    for axis in axes:
        other = merged.get(axis.name)
        least = axis.limits if other is None else np.minimum(other.limits, axis.limits)
        merged[axis.name] = replace(axis, limits=least)
    own = list(merged.values())
    n = int(np.count_nonzero(usable))
    if not own:
        return n, True
    if len(own) == 1:
        return _alone(own[0], usable), True
    pairs = [_flow(own[a], own[b], usable) for a in range(len(own)) for b in range(a + 1, len(own))]
    return min(pairs), len(own) == 2


def _flow(a: Axis, b: Axis, usable: Array) -> int:
    """Maximum flow source -> keys of a -> keys of b -> sink."""
    one, two = a.shifted(np.flatnonzero(usable)), b.shifted(np.flatnonzero(usable))
    n_a, n_b = len(a.limits), len(b.limits)
    cells = np.bincount(one * n_b + two, minlength=n_a * n_b)
    there = np.flatnonzero(cells)
    source, sink = n_a + n_b, n_a + n_b + 1
    rows = np.concatenate([np.full(n_a, source), there // n_b, n_a + np.arange(n_b)])
    columns = np.concatenate([np.arange(n_a), n_a + there % n_b, np.full(n_b, sink)])
    room = np.concatenate([a.limits, cells[there], b.limits]).astype(np.int64)
    graph = coo_array(
        (np.minimum(room, 2**31 - 1).astype(np.int32), (rows, columns)), shape=(sink + 1, sink + 1)
    ).tocsr()
    return int(maximum_flow(graph, source, sink).flow_value)


@dataclass(frozen=True)
class Gap:
    """A key of a target that has fewer usable rows than its share asks for."""

    column: str
    key: str
    wanted: int
    has: int


def target_gaps(column: str, keys: Sequence[str], codes: Array, usable: Array, budget: int,
                shares: Mapping[str, float]) -> tuple[Gap, ...]:  # fmt: skip
    """The keys of a target that cannot be filled, those the pool does not have at all with them; largest gap first."""
    names = list(dict.fromkeys([*shares]))
    share = np.array([max(shares[name], 0.0) for name in names], dtype=np.float64)
    plenty = np.where(share > 0, budget, 0)
    wanted = share_by(plenty, share / max(float(share.max(initial=0.0)), 1e-300), budget if share.any() else 0)
    counts = np.bincount(codes[usable].astype(np.int64) + 1, minlength=len(keys) + 1)
    there = dict(zip(("", *keys), counts.tolist(), strict=True))
    gaps = [Gap(column, name, int(n), int(there.get(name, 0))) for name, n in zip(names, wanted, strict=True)
            if n > there.get(name, 0)]  # fmt: skip
    return tuple(sorted(gaps, key=lambda gap: (gap.has - gap.wanted, gap.key)))
