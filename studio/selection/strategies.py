"""Rules that pick by a score, by chance or by a simple property; `cover.py` holds those that look at distances."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from studio.errors import BudgetTooLarge, EmptyPool, SelectionError
from studio.records import VIEWS, Array, Pool, Selection, Strategy
from studio.selection import reasons
from studio.selection.constraints import (
    Axis,
    equal_cap,
    near_pairs,
    proportional_quotas,
)
from studio.selection.limits import NONE, Limits, down

_WORDS = re.compile(r"[\u3400-\u9fff]|[^\W\d_]+", re.UNICODE)


def check(pool: Pool, budget: int) -> int:
    """Refuse an empty pool, a negative budget and ids out of order; returns the pool's size.

    Raises:
        EmptyPool: no rows.
        SelectionError: a negative budget, or ids that are not strictly increasing.
    """
    n = len(pool.ids)
    if budget < 0:
        raise SelectionError("Budget cannot be below 0", got=budget, fix="Ask for 0 or more examples.")
    if not n:
        raise EmptyPool("There is nothing to choose from", got=0, fix="Import more examples or loosen the filter.")
    if n > 1 and not (np.diff(pool.ids) > 0).all():
        raise SelectionError("Pool ids must be strictly increasing", got="ids out of order", fix="Sort the pool.")
    return n


def need(pool: Pool, field: str) -> None:
    """Refuse a pool without a field a strategy needs.

    Raises:
        SelectionError: it is missing.
    """
    if getattr(pool, field) is None:
        raise SelectionError(f"This strategy needs {field}", got=None, fix="Prepare the scores of this snapshot first.")


def by_score(
    pool: Pool, scores: Array, budget: int, reason: Callable[[int], str], no_score: str, limits: Limits = NONE
) -> Selection:
    """The best rows by a column within limits, ties by id; rows with NaN are left out under the code `no_score`."""
    return down(pool, scores, budget, limits, reason, lambda row: no_score)


def pool_codes(pool: Pool, axis: str) -> Array:
    """Codes of the clusters or of a group column.

    Raises:
        SelectionError: the pool has no such column.
    """
    codes = pool.clusters if axis == "cluster" else pool.groups.get(axis)
    if codes is None:
        raise SelectionError(
            "The pool has no such column", got=axis, fix=f"Choose one of {', '.join(['cluster', *pool.groups])}."
        )
    return np.asarray(codes)


def caps_of(pool: Pool, caps: Mapping[str, int]) -> list[Axis]:
    """The caps of a recipe as axes, in the order of the column names so that reasons do not depend on a dict."""
    return [equal_cap(axis, pool_codes(pool, axis), limit) for axis, limit in sorted(caps.items())]


def pick_weighted_sum(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    caps: Mapping[str, int] | None = None,
    alpha: float | None = None,
    quota_axis: str = "cluster",
    tau: float | None = None,
    threshold: float | None = None,
    limits: Limits = NONE,
) -> Selection:
    """The best weighted scores that the caps, the quotas and the near-duplicate filter allow.

    Walk down the scores; keep a row unless a kept row is nearer than tau (cosine similarity), its key is full, or the
    budget is.

    Args:
        pool: scores; clusters, groups and knn where an option needs them.
        budget: how many to pick.
        rng: not used, nothing is random here.
        caps: column -> most examples of any one key.
        alpha: quotas of `quota_axis` proportional to size^alpha.
        quota_axis: cluster or a group column.
        tau: cosine similarity above which only the better one is kept.
        threshold: lowest score that may be picked.
        limits: further ones, worked out already; they may leave fewer than the budget.

    Returns:
        min(budget, rows with a score at or above the threshold) ids, best first.

    Raises:
        EmptyPool: no rows.
        BudgetTooLarge: caps, quotas or tau give fewer; says how many they give.

    Paper: deita-2024 (the walk with tau); the sum is the project's method D.
    """
    check(pool, budget)
    scores = np.asarray(pool.scores, dtype=np.float64)
    if threshold is not None:
        scores = np.where(scores >= threshold, scores, np.nan)
    axes = caps_of(pool, caps or {})
    if alpha is not None:
        axes.append(proportional_quotas(quota_axis, pool_codes(pool, quota_axis), ~np.isnan(scores), budget, alpha))
    if tau is not None:
        need(pool, "knn")
    near = near_pairs(pool.knn, tau) if tau is not None else None

    def no_score(row: int) -> str:
        below = threshold is not None and not np.isnan(pool.scores[row])
        return reasons.BELOW_THRESHOLD if below else reasons.missing_view_of(pool, row)

    found = down(pool, scores, budget, limits.with_own(axes, near), lambda row: reasons.TOP_SCORE, no_score)
    if not limits and len(found.ids) < min(budget, int(np.count_nonzero(~np.isnan(scores)))):
        raise too_large(len(found.ids), budget, axes)
    return found


def too_large(
    fits: int, budget: int, axes: Sequence[Axis], raise_to: Mapping[str, int] | None = None
) -> BudgetTooLarge:
    """The error for caps that cannot be met, with the number that fits and a cap that would do where one is known."""
    names = ", ".join(axis.name for axis in axes) or "near-duplicates"
    fix = f"Lower the budget to {fits} or raise the limits."
    for name, limit in sorted((raise_to or {}).items())[:1]:
        fix = f"Lower the budget to {fits}, or raise the limit on {name.partition(':')[2]} to {limit}."
    return BudgetTooLarge(
        "The limits leave fewer examples than the budget",
        got=f"{fits} of {budget} fit (limits on {names})",
        fix=fix,
    )


def pick_random(pool: Pool, budget: int, rng: np.random.Generator, *, limits: Limits = NONE) -> Selection:
    """A simple random draw without replacement: the baseline every strategy must beat.

    Args:
        pool: ids only.
        budget: how many to pick.
        rng: draws.
        limits: what is drawn and does not fit them is put back.

    Returns:
        min(budget, n, what the limits allow) ids in drawing order.

    Raises:
        EmptyPool: no rows.

    Paper: random-selection-2024.
    """
    n = check(pool, budget)
    drawn = rng.permutation(n)
    return down(pool, in_order(drawn), budget, limits, lambda row: "random_draw", lambda row: reasons.OVER_BUDGET)


def in_order(rows: Array) -> Array:
    """(n,) an order in which the rows stand as given."""
    order = np.empty(len(rows))
    order[rows] = np.arange(len(rows), 0, -1)
    return order


def pick_longest(pool: Pool, budget: int, rng: np.random.Generator, *, limits: Limits = NONE) -> Selection:
    """The texts with most characters: a baseline that is hard to beat for instruction data.

    Args:
        pool: texts.
        budget: how many to pick.
        rng: not used.
        limits: what a text must fit.

    Returns:
        min(budget, n, what the limits allow) ids, longest first, ties by id.

    Raises:
        EmptyPool: no rows.
        SelectionError: no texts.

    Paper: long-is-more-2024.
    """
    check(pool, budget)
    need(pool, "texts")
    lengths = np.array([len(text or "") for text in pool.texts], dtype=np.float64)
    return by_score(pool, lengths, budget, lambda row: "longest", "no_text", limits)


def pick_heuristic(pool: Pool, budget: int, rng: np.random.Generator, *, limits: Limits = NONE) -> Selection:
    """Texts of middling length made of words that many texts use: rules only, no model.

    score_i = mean over the different words w of text i of ln(texts with w / n), plus 1,000 inside the middle half of
    the lengths in characters. A word is a run of letters, or one Chinese character.

    Args:
        pool: texts.
        budget: how many to pick.
        rng: not used.
        limits: what a text must fit.

    Returns:
        min(budget, n, what the limits allow) ids, best first, ties by id.

    Raises:
        EmptyPool: no rows.
        SelectionError: no texts.

    Source: ours; the "heuristic rules (length, word frequency)" baseline of the project's method D.
    """
    n = check(pool, budget)
    need(pool, "texts")
    words = [set(_WORDS.findall((text or "").lower())) for text in pool.texts]
    used = Counter(word for found in words for word in found)
    commonness = np.array(
        [np.mean([np.log(used[w] / n) for w in sorted(found)]) if found else -np.log(n) - 1.0 for found in words]
    )
    lengths = np.array([len(text or "") for text in pool.texts], dtype=np.float64)
    low, high = np.percentile(lengths, [25, 75])
    inside = (lengths >= low) & (lengths <= high)
    return by_score(
        pool,
        np.where(inside, 1000.0, 0.0) + commonness,
        budget,
        lambda row: "common_words" if inside[row] else "common_words_odd_length",
        "no_text",
        limits,
    )


def pick_model_score(
    pool: Pool, budget: int, rng: np.random.Generator, *, view: str = "difficulty", limits: Limits = NONE
) -> Selection:
    """The best rows by one view alone.

    Args:
        pool: unit (n, 4).
        budget: how many to pick.
        rng: not used.
        view: which view.
        limits: what a row must fit.

    Returns:
        min(budget, rows that have the view, what the limits allow) ids, best first, ties by id.

    Raises:
        EmptyPool: no rows.
        SelectionError: no unit scores, or no such view.

    Source: ours; the "model score" baseline of the project's method D.
    """
    check(pool, budget)
    need(pool, "unit")
    if view not in VIEWS:
        raise SelectionError("There is no such view", got=view, fix=f"Choose one of {', '.join(VIEWS)}.")
    scores = np.asarray(pool.unit[:, VIEWS.index(view)], dtype=np.float64)
    return by_score(pool, scores, budget, lambda row: f"view:{view}", f"no_score:{view}", limits)


def pick_margin(pool: Pool, budget: int, rng: np.random.Generator, *, limits: Limits = NONE) -> Selection:
    """The rows whose two likeliest classes are closest (breaking ties).

    Args:
        pool: probs (n, c), c >= 2.
        budget: how many to pick.
        rng: not used.
        limits: what a row must fit.

    Returns:
        min(budget, rows without NaN, what the limits allow) ids, smallest margin first, ties by id.

    Raises:
        EmptyPool: no rows.
        SelectionError: no probabilities, or fewer than two classes.

    Paper: margin-2001; as published.
    """
    check(pool, budget)
    need(pool, "probs")
    if pool.probs.shape[1] < 2:
        raise SelectionError(
            "Margin needs at least two classes", got=pool.probs.shape[1], fix="Use a label set with two or more names."
        )
    ordered = np.sort(np.asarray(pool.probs, dtype=np.float64), axis=1)
    margin = np.where(np.isnan(ordered).any(axis=1), np.nan, ordered[:, -1] - ordered[:, -2])
    return by_score(pool, -margin, budget, lambda row: "smallest_margin", "no_probabilities", limits)


def pick_deita(
    pool: Pool, budget: int, rng: np.random.Generator, *, tau: float = 0.9, limits: Limits = NONE
) -> Selection:
    """The best products of difficulty and quality, near-duplicates of a better one only once nothing else is left.

    score_i = difficulty_i * quality_i; walk down it, skip what is more alike than tau (cosine similarity) to a kept
    row; where the walk ends before the budget is full, the skipped rows fill it, best first.

    Args:
        pool: unit (n, 4) and knn.
        budget: how many to pick.
        rng: not used.
        tau: cosine similarity in (-1, 1].
        limits: caps and quotas a row must fit, filled up or not.

    Returns:
        min(budget, rows with both views, what the limits allow) ids, best first, ties by id; filled-up ones after the
        others.

    Raises:
        EmptyPool: no rows.
        SelectionError: no unit scores or no k-NN graph.

    Paper: deita-2024; scores that need no judge model in place of its two scorers, and the budget is always filled.
    """
    check(pool, budget)
    need(pool, "unit")
    need(pool, "knn")
    parts = {view: np.asarray(pool.unit[:, VIEWS.index(view)], dtype=np.float64) for view in ("difficulty", "quality")}
    scores = parts["difficulty"] * parts["quality"]

    def no_score(row: int) -> str:
        return f"no_score:{'difficulty' if np.isnan(parts['difficulty'][row]) else 'quality'}"

    return down(pool, scores, budget, limits, lambda row: "difficult_and_good", no_score,
                wishes=Limits(near=near_pairs(pool.knn, tau)), filled="filled_up")  # fmt: skip


WEIGHTED_SUM = Strategy("weighted_sum", "strategy.weighted_sum.title", ("scores",), "deita-2024", pick_weighted_sum)
RANDOM = Strategy("random", "strategy.random.title", (), "random-selection-2024", pick_random)
LONGEST = Strategy("longest", "strategy.longest.title", ("texts",), "long-is-more-2024", pick_longest)
HEURISTIC = Strategy("heuristic", "strategy.heuristic.title", ("texts",), "", pick_heuristic)
MODEL_SCORE = Strategy("model_score", "strategy.model_score.title", ("unit",), "", pick_model_score)
UNCERTAINTY = Strategy("margin", "strategy.margin.title", ("probs",), "margin-2001", pick_margin)
DEITA = Strategy("deita", "strategy.deita.title", ("unit", "knn"), "deita-2024", pick_deita)
