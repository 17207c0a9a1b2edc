"""Why this example: what each view gave, what let it in or kept it out, and the smallest slider move that flips it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from studio.errors import SelectionError
from studio.records import VIEWS, Array
from studio.selection import reasons
from studio.selection.live import LiveMatrix, Ranking, Rule, parts, rank, rejection
from studio.selection.weights import TOTAL, move_weight


@dataclass(frozen=True)
class Flip:
    """A single slider move that changes whether an example is in; `weights` are all four after it."""

    view: str
    before: int
    after: int
    weights: Mapping[str, int]


@dataclass(frozen=True)
class Explanation:
    """Everything the studio can say about one example under one ranking.

    `place` is its rank by score alone, 1 = best, 0 without a score; `of` how many have a score; `threshold` the score
    of the last one picked. `gave` maps view -> its part of the score (None = undefined). `code` is the reason code.
    """

    example_id: int
    is_in: bool
    score: float | None
    place: int
    of: int
    threshold: float | None
    gave: Mapping[str, float | None]
    unit: Mapping[str, float | None]
    code: str


def explain(
    matrix: LiveMatrix, ranking: Ranking, weights: Mapping[str, int], example_id: int, missing: str = "leave_out"
) -> Explanation:
    """The facts about one example under a ranking.

    Raises:
        SelectionError: the example is not in the pool.
    """
    found = matrix.rows_of(np.array([example_id], dtype=np.int64))
    if not len(found):
        raise SelectionError(
            "The example is not in the pool",
            got=example_id,
            fix="Choose one that has no label yet and is in the pool split.",
        )
    row = int(found[0])
    score = float(ranking.scores[row])
    is_in = bool((ranking.rows == row).any())
    has_score = not np.isnan(score)
    better = ranking.scores > score
    ties = (ranking.scores == score) & (np.arange(len(matrix)) < row)
    if is_in:
        free = reasons.best_rows(ranking.scores, len(ranking.rows))
        code = reasons.TOP_SCORE if (free == row).any() else reasons.MADE_ROOM
    else:
        code = rejection(matrix, ranking, row)
    gave = parts(matrix, weights, np.array([row]), missing)[0]
    return Explanation(
        example_id,
        is_in,
        score if has_score else None,
        int(better.sum() + ties.sum()) + 1 if has_score else 0,
        ranking.picked.n_usable,
        float(ranking.scores[ranking.rows[-1]]) if len(ranking.rows) else None,
        {view: _number(gave[v]) for v, view in enumerate(VIEWS)},
        {view: _number(matrix.unit[row, v]) for v, view in enumerate(VIEWS)},
        code,
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def smallest_flip(
    matrix: LiveMatrix,
    weights: Mapping[str, int],
    budget: int,
    rule: Rule,
    example_id: int,
    *,
    locks: Collection[str] = (),
    most_rankings: int = 400,
) -> tuple[Flip | None, int]:
    """The smallest move of one slider that takes the example in or out, found by ranking again for every move.

    Moves of 1, 2, 3, ... points are tried on every unlocked slider, up before down, views in their order; the others
    follow by `move_weight`, exactly as on the page. Stops at the first that flips.

    Args:
        matrix: the pool.
        weights: the weights now.
        budget: the budget now.
        rule: the rule now.
        example_id: which example.
        locks: locked views.
        most_rankings: most re-rankings to try.

    Returns:
        The move, or None where none of those tried flips it, and how many points away the search went.

    Raises:
        SelectionError: the example is not in the pool.
    """
    found = matrix.rows_of(np.array([example_id], dtype=np.int64))
    if not len(found):
        raise SelectionError("The example is not in the pool", got=example_id, fix="Choose one of the pool.")
    row = int(found[0])
    is_in = bool((rank(matrix, weights, budget, rule).rows == row).any())
    tried = 0
    for distance in range(1, TOTAL + 1):
        for view in (v for v in VIEWS if v not in locks):
            for target in (weights[view] + distance, weights[view] - distance):
                moved = move_weight(weights, view, target, locks)
                if not 0 <= target <= TOTAL or moved[view] != target:
                    continue
                if tried >= most_rankings:
                    return None, distance - 1
                tried += 1
                if bool((rank(matrix, moved, budget, rule).rows == row).any()) != is_in:
                    return Flip(view, weights[view], target, moved), distance
    return None, TOTAL


def measure_parts(part: float | None, weights: Mapping[str, float], units: Mapping[str, float]) -> dict[str, float]:
    """A view's part of a score shared out among its measures, by weight times unit score.

    part_m = part * a_m u_m / sum_k a_k u_k over the measures k the example has; all 0 where the sum is

    Args:
        part: what the view gave; None = undefined.
        weights: measure -> inner weight above 0.
        units: measure -> the example's unit score, NaN = undefined.

    Returns:
        Measure -> its part; NaN for a measure the example lacks. The defined ones sum to the view's part.

    Limits: a view is the quantile of this weighted mean, so the parts say who pulled how much, not what the score would
    be without one of them.
    """
    pull = {name: weight * units.get(name, np.nan) for name, weight in weights.items()}
    total = float(np.nansum(list(pull.values()))) if pull else 0.0
    if part is None:
        return dict.fromkeys(pull, float("nan"))
    return {name: value if np.isnan(value) else part * value / total if total > 0 else 0.0
            for name, value in pull.items()}  # fmt: skip


def nearest(vector: Array, others: Array) -> tuple[int, float] | None:
    """The row of `others` with the highest cosine to a vector, the first of equal ones; None where none is defined."""
    v, x = np.asarray(vector, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if not len(x):
        return None
    scale = np.linalg.norm(x, axis=1) * np.linalg.norm(v)
    defined = np.isfinite(scale) & (scale > 0)
    if not defined.any():
        return None
    cosine = np.where(defined, x @ v / np.where(defined, scale, 1.0), -np.inf)
    row = int(np.argmax(cosine))
    return row, float(np.clip(cosine[row], -1.0, 1.0))


def lost_to(matrix: LiveMatrix, ranking: Ranking, row: int, code: str) -> int | None:
    """The picked row that an example that is out lost its place to; None where no other example is the reason.

    Over the budget: the last one picked. A limit: the last one picked of the same key. A near-duplicate: the one that
    is kept instead. Nobody: a filter, a threshold, a missing score.
    """
    head, _, rest = code.partition(":")
    if head == "near_duplicate_of":
        found = matrix.rows_of(np.array([int(rest)], dtype=np.int64))
        return int(found[0]) if len(found) else None
    picked = ranking.rows
    if head == "cap":
        codes = matrix.codes(rest.partition(":")[0])
        picked = picked[codes[picked] == codes[row]]
    elif head != reasons.OVER_BUDGET:
        return None
    return int(picked[-1]) if len(picked) else None
