"""Limits on a choice, the same for every way of choosing: caps and quotas by column, near-duplicates of one kept.

A way of choosing that goes down an order walks it (`down`); one that compares candidates asks `Room` who may still be
taken. Limits only ever close doors: a key that is full stays full, so whatever is taken keeps to them at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from studio.records import Array, Pool, Selection
from studio.selection import reasons
from studio.selection.constraints import Axis, Near, NearGraph, NearPairs, Picked, near_entries, pick_best


@dataclass(frozen=True, eq=False)
class Limits:
    """What a choice must keep to: room per key of some columns, and near-duplicates of which one is kept.

    axes: a row must fit all of them; near: pairs of which at most one is chosen; keys: column -> the name of each code,
    for reasons.
    """

    axes: tuple[Axis, ...] = ()
    near: Near | None = None
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.axes) or self.near is not None

    def key_name(self, axis: Axis, code: int) -> str:
        """The name of a key; its code where names are not known, empty for missing."""
        if axis.name not in self.keys:
            return str(code)
        return str(self.keys[axis.name][code]) if code >= 0 else ""

    def at(self, rows: Array, n: int) -> Limits:
        """The limits of some of n rows, ascending, whose places then count from 0."""
        axes = tuple(replace(axis, codes=axis.codes[rows]) for axis in self.axes)
        return replace(self, axes=axes, near=None if self.near is None else _near_at(self.near, rows, n))

    def times(self, factor: int) -> Limits:
        """Limits with so many times the room for every key."""
        return replace(self, axes=tuple(replace(axis, limits=axis.limits * factor) for axis in self.axes))

    def with_own(self, axes: Sequence[Axis] = (), near: Near | None = None) -> Limits:
        """With what a way of choosing asks of itself on top."""
        return replace(self, axes=(*self.axes, *axes), near=self.near if near is None else near)


NONE = Limits()
SHARE_FULL = "share_full"  # of a stratum: what the way of choosing itself gives it


def _near_at(near: Near, rows: Array, n: int) -> Near:
    if isinstance(near, NearGraph):
        return replace(near, rows=rows if near.rows is None else near.rows[rows])
    place = np.full(n, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    first, second = place[near.first], place[near.second]
    both = (first >= 0) & (second >= 0)
    return NearPairs(first[both], second[both], near.tau)


# --- down an order ----------------------------------------------------------------------------------------------------
def down(
    pool: Pool,
    order: Array,
    budget: int,
    limits: Limits,
    own: Callable[[int], str],
    no_value: Callable[[int], str],
    *,
    wishes: Limits = NONE,
    filled: str = "",
) -> Selection:
    """Walk down an order and keep what the limits allow; exactly the walk of the weighted sum.

    Args:
        pool: whose rows.
        order: (n,) the higher the earlier, NaN = may not be picked; ties fall to the lower id.
        budget: how many to pick.
        limits: kept to whatever happens.
        own: the reason of a picked row that needs no limit to get in.
        no_value: the reason of a row without a place in the order.
        wishes: limits of the way of choosing itself; once they leave fewer than the budget, rows they kept out fill
            it, in the same order and within `limits`.
        filled: the reason of those.

    Returns:
        min(budget, what the limits allow going down) ids, in order; filled-up ones after the others.
    """
    all_limits = limits.with_own(wishes.axes, wishes.near)
    picked = pick_best(order, budget, all_limits.axes, all_limits.near)
    rows = picked.rows
    free = set(reasons.best_rows(order, len(rows)).tolist()) if limits else set(rows.tolist())
    why = [own(row) if row in free else reasons.MADE_ROOM for row in rows.tolist()]
    if wishes and len(rows) < min(budget, picked.n_usable):
        more = fill(order, rows, budget, limits)
        rows, why = np.concatenate([rows, more]), why + [filled] * len(more)
    mask = np.zeros(len(pool.ids), dtype=bool)
    mask[rows] = True
    told = reasons.walk_reasons(pool.ids, order, picked, all_limits.key_name, no_value)
    hard = kept_out(pool.ids, rows, replace(limits, near=None))

    def reason(row: int) -> str:
        code = told(row)
        return code if not wishes.axes or not code.startswith("cap:") else hard(row) or SHARE_FULL

    return Selection(pool.ids[rows], tuple(why), reasons.Rejected(pool.ids, mask, reason), order)


def fill(order: Array, rows: Array, budget: int, limits: Limits) -> Array:
    """Rows that may be added to some that keep to the limits, going down the order until the budget is full."""
    lifted = np.array(order, dtype=np.float64)
    lifted[rows] = np.inf  # they are walked first, and as they keep to the limits all of them stay
    found = pick_best(lifted, budget, limits.axes, limits.near).rows
    return found[~np.isin(found, rows, assume_unique=True)]


# --- one after the other, whoever adds most ---------------------------------------------------------------------------
class Room:
    """Which candidates may still be taken: none whose key is full. For ways of choosing that compare candidates.

    made_room[i] says whether the i-th taken got in because a better one was held back by a full key.
    """

    def __init__(self, axes: Sequence[Axis], n: int) -> None:
        """Axes over n candidates."""
        self.is_open = np.ones(n, dtype=bool)
        self.made_room: list[bool] = []
        self._keys = [axis.codes.astype(np.int64) + 1 for axis in axes]
        self._left = [axis.limits.copy() for axis in axes]
        self._members: list[tuple[Array, Array]] = []
        for keys, left in zip(self._keys, self._left, strict=True):
            by_key = np.argsort(keys, kind="stable")
            self._members.append((by_key, np.searchsorted(keys[by_key], np.arange(len(left) + 1))))
            self.is_open &= left[keys] > 0

    def take(self, place: int, made_room: bool = False) -> None:
        """Take one; whoever shares a key that is full now is out."""
        self.made_room.append(made_room)
        self.is_open[place] = False
        for keys, left, (by_key, begins) in zip(self._keys, self._left, self._members, strict=True):
            key = keys[place]
            left[key] -= 1
            if left[key] == 0:
                self.is_open[by_key[begins[key] : begins[key + 1]]] = False


def kept_out(ids: Array, rows: Array, limits: Limits) -> Callable[[int], str]:
    """What stands between a row and a finished choice: a near-duplicate in it, else a full key; empty for nothing."""
    full = [np.bincount(axis.shifted(rows), minlength=len(axis.limits)) >= axis.limits for axis in limits.axes]
    beside: list[Callable[[int], int]] = []  # looked up once somebody asks

    def reason(row: int) -> str:
        if limits.near is not None:
            if not beside:
                beside.append(_near_of(limits.near, rows))
            if (twin := beside[0](row)) >= 0:
                return f"near_duplicate_of:{int(ids[twin])}"
        for axis, is_full in zip(limits.axes, full, strict=True):
            code = int(axis.codes[row])
            if is_full[code + 1]:
                return f"cap:{axis.name}:{limits.key_name(axis, code)}"
        return ""

    return reason


def _near_of(near: Near, rows: Array) -> Callable[[int], int]:
    """Answers for a row which of some chosen rows, the first in their order, it is near to; -1 for none of them."""
    if isinstance(near, NearPairs):
        place = {row: i for i, row in enumerate(rows.tolist())}
        told: dict[int, int] = {}
        for one, other in ((near.first, near.second), (near.second, near.first)):
            inside = np.isin(one, rows)
            for chosen, row in zip(one[inside].tolist(), other[inside].tolist(), strict=True):
                told[row] = min(told.get(row, len(rows)), place[chosen])
        return lambda row: int(rows[told[row]]) if row in told else -1
    own = rows if near.rows is None else near.rows[rows]
    place = {row: i for i, row in enumerate(own.tolist())}
    a, b = near_entries(near.knn.indices[own], near.knn.distances[own], near.tau)
    found = dict(zip(b[::-1].tolist(), a[::-1].tolist(), strict=True))  # the first in order is written last

    def ask(row: int) -> int:
        at = row if near.rows is None else int(near.rows[row])
        mine = near_entries(near.knn.indices[[at]], near.knn.distances[[at]], near.tau)[1].tolist()
        places = [place[other] for other in mine if other in place] + ([found[at]] if at in found else [])
        return int(rows[min(places)]) if places else -1

    return ask


def walked_reason(ids: Array, scores: Array, picked: Picked, limits: Limits, row: int) -> str:
    """The reason of one row of a walk that keeps to limits."""
    return reasons.walk_reasons(ids, scores, picked, limits.key_name, lambda _: "")(row)
