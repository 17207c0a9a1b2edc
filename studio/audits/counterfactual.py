"""What changes when a text speaks of another group: labels that flip, probabilities and scores that move.

Each against a control: the same texts with an ordinary word swapped instead (studio.audits.neutral).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from studio.records import Array
from studio.statistics import corrected_q, wilson_pair

FEWEST = 5  # pairs below which no mean change is given an interval (ours)
RESAMPLES = 2_000
COLUMNS = ("group", "other_group", "what", "name", "n", "change", "low", "high", "p", "q")
BEYOND = ("control_n", "control", "beyond", "beyond_low", "beyond_high", "beyond_p", "beyond_q")


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


@dataclass(frozen=True)
class FlipsBeyond:
    """Flips by the group's words and by an ordinary word in the same n texts; difference of the two shares.

    only_swap and only_control count texts that flip in one way alone; low, high: bootstrap; p: exact sign test.
    """

    n: int
    swap: int
    control: int
    only_swap: int
    only_control: int
    difference: float
    low: float
    high: float
    p: float


def flips_beyond(before: Array, after: Array, control: Array, rng: np.random.Generator) -> FlipsBeyond:
    """Whether a group's words flip more labels than an ordinary word does, paired by text.

    difference = (only_swap - only_control) / n; its 95 % percentile interval over 2,000 resamples of the texts (a
    multinomial draw of the three kinds of text); where no text, or every text, flips in one way alone, Wilson's bounds.
    p: two-sided binomial test of only_swap among the texts that flip in one way alone.

    Args:
        before: (n, c) class probabilities of the texts.
        after: (n, c) of the twins.
        control: (n, c) of the texts with an ordinary word swapped; rows of NaN where there is none, left out.
        rng: of the resamples.

    Paper: bootstrap-1979, percentile form; mcnemar-1947 in its exact form.
    """
    there = np.isfinite(control).all(1) if len(control) else np.zeros(0, bool)
    label, twin, other = (probs[there].argmax(1) for probs in (before, after, control))
    swap, plain = label != twin, label != other
    n, first, second = int(there.sum()), int((swap & ~plain).sum()), int((plain & ~swap).sum())
    if not n:
        return FlipsBeyond(0, 0, 0, 0, 0, 0.0, -1.0, 1.0, 1.0)
    if first + second == 0:
        high = wilson_pair(0, n)[1]
        low = -high
    elif n in (first, second):  # every text alike: resampling would give no width
        low, high = (wilson_pair(n, n)[0], 1.0) if first else (-1.0, -wilson_pair(n, n)[0])
    else:
        drawn = rng.multinomial(n, np.array([first, second, n - first - second]) / n, size=RESAMPLES)
        low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [0.025, 0.975])
    p = float(stats.binomtest(first, first + second, 0.5).pvalue) if first + second else 1.0
    return FlipsBeyond(n, int(swap.sum()), int(plain.sum()), first, second, (first - second) / n, float(low),
                       float(high), p)  # fmt: skip


def beyond(before: Array, after: Array, control: Array, rng: np.random.Generator) -> tuple[float | int | None, ...]:
    """How much more a group's words move a number than an ordinary word in the same texts.

    The mean of (after - before) - (control - before) over the texts that have all three; its 95 % percentile interval
    over 2,000 resamples of the texts; p by the exact sign test of after against control. None below 5 texts.

    Returns:
        control_n, control (mean of control - before), beyond, low, high, p.

    Paper: bootstrap-1979, percentile form; the sign test in its exact form.
    """
    there = np.isfinite(before) & np.isfinite(after) & np.isfinite(control)
    n = int(there.sum())
    if not n:
        return 0, None, None, None, None, None
    plain, more = (control - before)[there], (after - control)[there]
    if n < FEWEST:
        return n, float(plain.mean()), float(more.mean()), None, None, None
    means = more[rng.integers(n, size=(RESAMPLES, n))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    up, down = int((more > 1e-12).sum()), int((more < -1e-12).sum())
    p = float(stats.binomtest(up, up + down, 0.5).pvalue) if up + down else 1.0
    return n, float(plain.mean()), float(more.mean()), float(low), float(high), p


def changes(
    directions: Sequence[tuple[str, str]],
    of: Array,
    scores: dict[str, tuple[Array, ...]],
    probs: tuple[Array, ...] | None,
    labels: Sequence[str],
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Mean changes by direction: of every score, and of the probability of every label; all tests corrected together.

    Args:
        directions: (group, other group) pairs.
        of: (n,) which direction each pair has, -1 for texts that speak of both groups.
        scores: name -> values before and after, and with an ordinary word swapped; (n,) each, NaN where undefined.
        probs: the same of class probabilities, (n, c) each; None without a model.
        labels: names of the c classes.
        rng: of the resamples behind `beyond`; without it, and without a third part, those columns are NaN.

    Returns:
        COLUMNS and BEYOND; `what` is score or label; low, high, p and q are NaN below 5 pairs.
    """
    rows = []
    for code, (group, other) in enumerate(directions):
        own = np.asarray(of) == code
        items = [("score", name, [side[own] for side in sides]) for name, sides in scores.items()]
        if probs is not None:
            items += [("label", name, [side[own, c] for side in probs]) for c, name in enumerate(labels)]
        for what, name, sides in items:
            n, mean, low, high, p = mean_change(sides[0], sides[1])
            more = beyond(*sides, rng) if rng is not None and len(sides) > 2 else (None,) * 6
            if n:
                rows.append((group, other, what, name, n, mean, low, high, p, *more))
    table = pd.DataFrame(rows, columns=[*COLUMNS[:-1], *BEYOND[:-1]])
    for column in ("low", "high", "p", *BEYOND[:-1]):
        table[column] = table[column].astype(np.float64)
    table["q"] = corrected_q(table["p"].to_numpy(float)) if len(table) else np.array([])
    table["beyond_q"] = corrected_q(table["beyond_p"].to_numpy(float)) if len(table) else np.array([])
    return table[[*COLUMNS, *BEYOND]]


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
