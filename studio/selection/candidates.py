"""Who is compared with one another: the best PREFIX per example of the budget, and what becomes of the others.

Within limits the candidates are what the ranking would take if everything were PREFIX times as much: the caps and
quotas times PREFIX, the better one of near-duplicates. So every key has the candidates its quota needs, and no two
candidates are near-duplicates. Where the picks among them end before the budget is full, the ranking goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.records import Array, Pool, Selection
from studio.selection import reasons
from studio.selection.constraints import Picked, pick_best
from studio.selection.limits import NONE, Limits, fill, kept_out, walked_reason

PREFIX = 5  # candidates per example of the budget: superfiltering-2024's two stages (prefix by score, then cover)
FILLED = "filled_by_score"


def candidate_rows(pool: Pool, budget: int, prefix: int = PREFIX, limits: Limits = NONE) -> Array:
    """Rows of the best prefix * budget scores, in pool order; rows without a score or labelled are no candidates.

    Within limits, what the ranking would take of so many under the same limits times `prefix`.
    """
    return np.sort(_candidate_walk(_scores(pool), budget, prefix, limits).rows)


def _scores(pool: Pool) -> Array:
    scores = np.asarray(pool.scores, dtype=np.float64)
    return scores if pool.chosen is None else np.where(pool.chosen, np.nan, scores)


def _candidate_walk(scores: Array, budget: int, prefix: int, limits: Limits) -> Picked:
    wider = limits.times(prefix)
    return pick_best(scores, min(prefix * budget, len(scores)), wider.axes, wider.near)


def finish(pool: Pool, budget: int, rows: Array, why: Sequence[str], limits: Limits, prefix: int = PREFIX) -> Selection:
    """Picks among the candidates as a choice from the whole pool: filled up within the limits, a reason for every row.

    Args:
        pool: ids and scores of everybody, unit for the name of a missing view, chosen.
        budget: how many were to be picked.
        rows: the picks.
        why: their reasons.
        limits: what they keep to; all of them leave no candidate where the picks are fewer than they could be.
        prefix: as the candidates were taken.
    """
    scores = _scores(pool)
    if limits and len(rows) < min(budget, len(scores) - int(np.count_nonzero(np.isnan(scores)))):
        more = fill(scores, rows, budget, limits)
        rows, why = np.concatenate([rows, more]), [*why, *[FILLED] * len(more)]
    picked = np.zeros(len(pool.ids), dtype=bool)
    picked[rows] = True
    out = kept_out(pool.ids, rows, limits)
    walked: list[tuple[Picked, Array]] = []  # worked out once somebody asks

    def reason(row: int) -> str:
        if pool.chosen is not None and pool.chosen[row]:
            return reasons.LABELLED
        if np.isnan(pool.scores[row]):
            return reasons.missing_view_of(pool, row)
        if told := out(row):
            return told
        if not walked:
            found = _candidate_walk(scores, budget, prefix, limits)
            walked.append((found, np.sort(found.rows)))
        found, candidates = walked[0]
        at = int(np.searchsorted(candidates, row))
        if at < len(candidates) and candidates[at] == row:
            return reasons.OVER_BUDGET
        told = walked_reason(pool.ids, scores, found, limits, row) if limits.near is not None else ""
        return told if told.startswith("near_duplicate_of:") else reasons.BELOW_THRESHOLD

    return Selection(pool.ids[rows], tuple(why), reasons.Rejected(pool.ids, picked, reason))
