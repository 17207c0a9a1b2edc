"""A random draw with the same mix of clusters or groups as the pool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.records import Array, Pool, Selection, Strategy
from studio.selection import reasons
from studio.selection.constraints import Axis, share_by, share_out
from studio.selection.limits import NONE, Limits, down
from studio.selection.strategies import check, in_order, pool_codes


def pick_stratified(
    pool: Pool, budget: int, rng: np.random.Generator, *, axis: str = "cluster", limits: Limits = NONE
) -> Selection:
    """A random draw inside each cluster or group, with the shares of the pool (largest remainder).

    Within limits the shares are cut to the caps of the same column and what is cut goes to the others; where other
    limits leave a stratum short, the draw goes on over all of them. Quotas of the same column take the shares' place.

    Args:
        pool: clusters or the group column named by `axis`.
        budget: how many to pick.
        rng: draws inside the strata.
        axis: cluster or a group column.
        limits: what a draw must fit.

    Returns:
        min(budget, n, what the limits allow) ids, stratum by stratum; within limits in drawing order.

    Raises:
        EmptyPool: no rows.
        SelectionError: the pool has no such column.

    Source: ours; proportional allocation as in any text on sampling.
    """
    n = check(pool, budget)
    codes = pool_codes(pool, axis).astype(np.int64) + 1
    if limits:
        return _stratified_within(pool, budget, rng, axis, codes, limits)
    given = share_out(np.bincount(codes), min(budget, n))
    parts, why = [], []
    for code in np.flatnonzero(given):
        parts.append(rng.permutation(np.flatnonzero(codes == code))[: given[code]])
        why += [f"stratum:{axis}:{int(code) - 1}"] * int(given[code])
    return _with_rows(pool, np.concatenate(parts) if parts else np.empty(0, dtype=np.int64), why)


def _stratified_within(
    pool: Pool, budget: int, rng: np.random.Generator, axis: str, codes: Array, limits: Limits
) -> Selection:
    own: list[Axis] = []
    if not any(limit.name == axis and limit.kind != "cap" for limit in limits.axes):
        sizes = np.bincount(codes)
        room = sizes
        for cap in (limit for limit in limits.axes if limit.name == axis):
            room = np.minimum(room, cap.limits[: len(sizes)])
        shares = share_by(room, sizes.astype(np.float64), min(budget, int(room.sum())))
        own.append(Axis(axis, codes - 1, shares, "quota"))

    def reason(row: int) -> str:
        return f"stratum:{axis}:{int(codes[row]) - 1}"

    drawn = in_order(rng.permutation(len(codes)))
    return down(pool, drawn, budget, limits, reason, lambda row: reasons.OVER_BUDGET, wishes=Limits(tuple(own)),
                filled="random_draw")  # fmt: skip


def _with_rows(pool: Pool, rows: Array, why: Sequence[str]) -> Selection:
    picked = np.zeros(len(pool.ids), dtype=bool)
    picked[rows] = True
    return Selection(pool.ids[rows], tuple(why), reasons.Rejected(pool.ids, picked, lambda row: reasons.OVER_BUDGET))


STRATIFIED = Strategy("stratified", "strategy.stratified.title", ("clusters",), "", pick_stratified)
