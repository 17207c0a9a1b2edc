"""What changes when a text speaks of another group: labels that flip, probabilities and scores that move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from studio.records import Array
from studio.statistics import corrected_q, wilson_pair

FEWEST = 5  # pairs below which no mean change is given an interval (ours)
COLUMNS = ("group", "other_group", "what", "name", "n", "change", "low", "high", "p", "q")


@dataclass(frozen=True)
class Flips:
    """How many of n pairs changed their most likely label, with the Wilson interval of the share."""

    n: int
    flips: int
    share: float
    low: float
    high: float


def flips(before: Array, after: Array) -> Flips:
    """Labels that differ between a text and its swapped twin.

    Args:
        before: (n, c) class probabilities of the texts.
        after: (n, c) of the twins.

    Paper: garg-2019, the counterfactual token fairness gap; here as a share with its interval.

    Example:
        >>> flips(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[0.8, 0.2], [0.6, 0.4]])).flips
        1
    """
    n = len(before)
    k = int((before.argmax(1) != after.argmax(1)).sum()) if n else 0
    low, high = wilson_pair(k, n)
    return Flips(n, k, k / n if n else 0.0, low, high)


def mean_change(before: Array, after: Array) -> tuple[int, float, float | None, float | None, float | None]:
    """Mean of after - before over the pairs that have both, its 95 % t interval and the paired t-test's p.

    m ± t_{0.975, n - 1} s / sqrt(n). Interval and p are None below 5 pairs; where no pair changes at all the interval
    is that point and p is 1.

    Returns:
        n, mean, low, high, p.

    Paper: student-1908; as published.

    Example:
        >>> n, mean, low, high, p = mean_change(np.zeros(5), np.array([1.0, 2, 3, 4, 5]))
        >>> n, mean, round(low, 4), round(high, 4), round(p, 4)
        (5, 3.0, 1.0368, 4.9632, 0.0132)
    """
    moved = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    moved = moved[np.isfinite(moved)]
    n = len(moved)
    if not n:
        return 0, 0.0, None, None, None
    mean = float(moved.mean())
    if n < FEWEST:
        return n, mean, None, None, None
    error = float(moved.std(ddof=1) / np.sqrt(n))
    if error <= 1e-12 * max(abs(mean), 1.0):
        return n, mean, mean, mean, 1.0 if mean == 0 else 0.0
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return n, mean, mean - half, mean + half, float(2 * stats.t.sf(abs(mean) / error, n - 1))


def changes(
    directions: Sequence[tuple[str, str]],
    of: Array,
    scores: dict[str, tuple[Array, Array]],
    probs: tuple[Array, Array] | None,
    labels: Sequence[str],
) -> pd.DataFrame:
    """Mean changes by direction: of every score, and of the probability of every label; all tests corrected together.

    Args:
        directions: (group, other group) pairs.
        of: (n,) which direction each pair has, -1 for texts that speak of both groups.
        scores: name -> values before and after, (n,) each, NaN where undefined.
        probs: class probabilities before and after, (n, c) each; None without a model.
        labels: names of the c classes.

    Returns:
        COLUMNS; `what` is score or label; low, high, p and q are NaN below 5 pairs.
    """
    rows = []
    for code, (group, other) in enumerate(directions):
        own = np.asarray(of) == code
        items = [("score", name, before[own], after[own]) for name, (before, after) in scores.items()]
        if probs is not None:
            items += [("label", name, probs[0][own, c], probs[1][own, c]) for c, name in enumerate(labels)]
        for what, name, before, after in items:
            n, mean, low, high, p = mean_change(before, after)
            if n:
                rows.append((group, other, what, name, n, mean, low, high, p))
    table = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    for column in ("low", "high", "p"):
        table[column] = table[column].astype(np.float64)
    table["q"] = corrected_q(table["p"].to_numpy(float)) if len(table) else np.array([])
    return table


def still_chosen(totals: Array, change: Array, chosen: Array) -> tuple[int, int, int]:
    """How a selection by score would change if these texts spoke of the other group, everything else as it is.

    A chosen text stays while its new total is at least the lowest total that was chosen; one that was not chosen
    enters above it. Limits (caps, quotas, near-duplicates) and the other views are held fixed.

    Args:
        totals: (n,) weighted scores before.
        change: (n,) what the swap adds to each.
        chosen: (n,) who was chosen.

    Returns:
        How many of the chosen stay, how many leave, how many of the others enter.

    Example:
        >>> still_chosen(np.array([0.9, 0.8, 0.7]), np.array([0.0, -0.3, 0.2]), np.array([True, True, False]))
        (1, 1, 1)
    """
    chosen = np.asarray(chosen, bool)
    if not chosen.any():
        return 0, 0, 0
    bar = float(np.asarray(totals)[chosen].min())
    now = np.asarray(totals) + np.asarray(change)
    stay = int((chosen & (now >= bar - 1e-12)).sum())
    return stay, int(chosen.sum()) - stay, int((~chosen & (now > bar + 1e-12)).sum())
