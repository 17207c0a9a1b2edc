"""Intervals, corrections and the smallest effect that could be seen: the statistics every audit shares."""

from __future__ import annotations

import numpy as np
from scipy import stats

from studio.records import Array
from studio.statistics import ALPHA

POWER = 0.80
Z80 = float(stats.norm.ppf(POWER))


def level_of_one_among(n_tests: int) -> float:
    """The level a lone effect must reach among m tests for its BH q-value to pass: 0.05 / m."""
    return ALPHA / max(n_tests, 1)


def _z_of(alpha: float) -> float:
    return float(stats.norm.isf(alpha / 2))


def smallest_odds_ratio(n_in: Array, n_out: Array, share: Array, alpha: float = ALPHA) -> Array:
    """The smallest odds ratio above 1 that 80 % of corpora with these counts would show at level alpha.

    Solves ln OR = (z_{alpha/2} + z_{0.80}) · SE(OR), SE the Woolf error of the expected cells when the share outside
    the group is `share` and the odds inside are OR times as high. Found by bisection on ln OR.

    Args:
        n_in: examples in the group.
        n_out: examples outside it.
        share: share of the label among the examples outside, in (0, 1).
        alpha: two-sided level; 0.05 / m when the test is one of m.

    Returns:
        odds ratios, same shape; inf where no odds ratio up to 1,000 could be seen.

    Paper: woolf-1955 for the error; the search is ours.
    """
    n1, n0, p0 = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(n_in, n_out, share))
    usable = (n1 > 0) & (n0 > 0) & (p0 > 0) & (p0 < 1)
    n1, n0, p0 = np.where(usable, n1, 1.0), np.where(usable, n0, 1.0), np.where(usable, p0, 0.5)
    needed = _z_of(alpha) + Z80
    low, high = np.zeros(n1.shape), np.full(n1.shape, np.log(1000.0))

    def excess(log_or: Array) -> Array:
        odds = np.exp(log_or) * p0 / (1 - p0)
        p1 = odds / (1 + odds)
        error = np.sqrt(1 / (n1 * p1) + 1 / (n1 * (1 - p1)) + 1 / (n0 * p0) + 1 / (n0 * (1 - p0)))
        return log_or - needed * error

    reachable = usable & (excess(high) > 0)
    for _ in range(60):
        middle = (low + high) / 2
        over = excess(middle) > 0
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.where(reachable, np.exp(high), np.inf)


def smallest_ratio(n: float, expected: Array, alpha: float = ALPHA) -> Array:
    """The representation ratio nearest below 1 that 80 % of corpora of n examples would show at level alpha.

    Solves q - p = z_{alpha/2} sqrt(q (1-q) / n) + z_{0.80} sqrt(p (1-p) / n) for the share p below the expected q.

    Returns:
        p / q in [0, 1); 0 where even a group that is absent could be missed.
    """
    q = np.asarray(expected, dtype=np.float64)
    safe = np.where((q > 0) & (q < 1), q, 0.5)
    if n <= 0:
        return np.zeros(q.shape)
    wanted = safe - _z_of(alpha) * np.sqrt(safe * (1 - safe) / n)
    low, high = np.zeros(safe.shape), safe.copy()
    for _ in range(60):
        p = (low + high) / 2
        seen = p + Z80 * np.sqrt(p * (1 - p) / n) <= wanted
        low, high = np.where(seen, p, low), np.where(seen, high, p)
    return np.where((q > 0) & (q < 1) & (wanted > 0), low / safe, 0.0)


def noncentrality_interval(chi2: float, df: int) -> tuple[float, float]:
    """The 95 % interval of a chi-square statistic's noncentrality, by inverting its distribution.

    low solves P(X² >= chi2 | low) = 0.025 and high solves P(X² <= chi2 | high) = 0.025; 0 where even 0 is too high.
    """

    def solve(target: float) -> float:
        # P(X² <= chi2 | nc) falls as nc grows
        if stats.chi2.cdf(chi2, df) <= target:
            return 0.0
        low, high = 0.0, max(4.0 * chi2, 50.0)
        for _ in range(80):
            middle = (low + high) / 2
            if stats.ncx2.cdf(chi2, df, middle) > target:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    if df < 1 or not np.isfinite(chi2):
        return 0.0, 0.0
    return solve(0.975), solve(0.025)


def visible_noncentrality(df: int, alpha: float = ALPHA) -> float:
    """The noncentrality at which a chi-square test of level alpha alarms in 80 % of corpora."""
    critical = float(stats.chi2.isf(alpha, df))
    low, high = 0.0, 10.0 * critical + 100.0
    for _ in range(80):
        middle = (low + high) / 2
        if stats.ncx2.sf(critical, df, middle) < POWER:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def effective_n(families: Array | None, n: int) -> float:
    """How many independent examples n examples are worth when families repeat each other.

    Kish: (sum m)² / sum m² over family sizes m, which treats members of a family as saying the same thing.

    Returns:
        n where no families are known; 0 for no example.

    Paper: kish-1965.
    """
    if n == 0:
        return 0.0
    if families is None:
        return float(n)
    sizes = np.unique(np.asarray(families), return_counts=True)[1].astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())
