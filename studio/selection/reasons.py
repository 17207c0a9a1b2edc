"""Why a row is in or out: codes, as compact arrays that read like a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from studio.records import VIEWS, Array, Pool
from studio.selection.constraints import Axis, Picked, best_first

TOP_SCORE = "top_score"
MADE_ROOM = "made_room"
OVER_BUDGET = "over_budget"
BELOW_THRESHOLD = "below_threshold"
LABELLED = "labelled"


class Rejected(Mapping[int, str]):
    """id -> reason for every pool id that was not picked, without a Python object per id."""

    def __init__(self, ids: Array, picked: Array, reason_at: Callable[[int], str]) -> None:
        """`picked` is a row mask of `ids`; `reason_at(row)` gives the code of a row that was not picked."""
        self._ids = ids
        self._picked = picked
        self._reason_at = reason_at

    def _row(self, example_id: int) -> int:
        row = int(np.searchsorted(self._ids, example_id))
        return row if row < len(self._ids) and self._ids[row] == example_id and not self._picked[row] else -1

    def __getitem__(self, example_id: int) -> str:
        row = self._row(example_id)
        if row < 0:
            raise KeyError(example_id)
        return self._reason_at(row)

    def __contains__(self, example_id: object) -> bool:
        return isinstance(example_id, int | np.integer) and self._row(int(example_id)) >= 0

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids[~self._picked].tolist())

    def __len__(self) -> int:
        return len(self._ids) - int(self._picked.sum())


def walk_reasons(
    ids: Array, scores: Array, picked: Picked, key_name: Callable[[Axis, int], str], no_score: Callable[[int], str]
) -> Callable[[int], str]:
    """The reason of any row of a walk: what kept it out, or over_budget for a row the walk never came to.

    Args:
        ids: (n,) pool ids.
        scores: (n,) with NaN for rows that may not be picked.
        picked: the walk.
        key_name: names a key of an axis, given its code (-1 = missing).
        no_score: the code of a row without a score.
    """
    place = {int(row): i for i, row in enumerate(picked.walked) if picked.kept_out[i] not in (0, 1)}

    def reason(row: int) -> str:
        if np.isnan(scores[row]):
            return no_score(row)
        if row not in place:
            return _passed_over(scores, picked, row, key_name)
        code = int(picked.kept_out[place[row]])
        if code < 0:
            return f"near_duplicate_of:{int(ids[-code - 1])}"
        axis = picked.axes[code - 2]
        return f"cap:{axis.name}:{key_name(axis, int(axis.codes[row]))}"

    return reason


def _passed_over(scores: Array, picked: Picked, row: int, key_name: Callable[[Axis, int], str]) -> str:
    """The reason of a row the walk did not look at: a key that was full before it, else the budget."""
    if picked.passed_over:
        chosen = scores[picked.rows]
        before = int(np.count_nonzero((chosen > scores[row]) | ((chosen == scores[row]) & (picked.rows < row))))
        if before < len(picked.rows) or not picked.is_full:
            for axis in picked.axes:
                code = int(axis.codes[row])
                if int(np.count_nonzero(axis.codes[picked.rows[:before]] == code)) >= axis.limits[code + 1]:
                    return f"cap:{axis.name}:{key_name(axis, code)}"
    return OVER_BUDGET


def entry_reasons(scores: Array, picked: Picked) -> tuple[str, ...]:
    """top_score for a row that needs no constraint to get in, made_room for one that others were held back for."""
    best = best_rows(scores, len(picked.rows))
    free = set(best.tolist())
    return tuple(TOP_SCORE if int(row) in free else MADE_ROOM for row in picked.rows)


def best_rows(scores: Array, budget: int) -> Array:
    """Rows a plain ranking without constraints would pick."""
    return best_first(scores, budget)[:budget]


def missing_view_of(pool: Pool, row: int) -> str:
    """no_score:<view> for the first view the row lacks, no_score alone when the pool carries no views."""
    if pool.unit is not None:
        for column, view in enumerate(VIEWS):
            if np.isnan(pool.unit[row, column]):
                return f"no_score:{view}"
    return "no_score"
