"""Intervals, corrections and the smallest effect that could be seen: the statistics every audit shares."""

from __future__ import annotations

import numpy as np
from scipy import stats

from studio.records import Array
from studio.statistics import ALPHA, wilson

POWER = 0.80
GAP = 0.05  # the difference of two shares that the sentences on power speak of: five points
Z80 = float(stats.norm.ppf(POWER))


def _z_of(alpha: Array | float) -> Array:
    return stats.norm.isf(np.asarray(alpha) / 2)


def smallest_odds_ratio(n_in: Array, n_out: Array, share: Array, alpha: float = ALPHA) -> Array:
    """The smallest odds ratio above 1 that 80 % of corpora with these counts would show at level alpha.

    Solves ln OR = (z_{alpha/2} + z_{0.80}) · SE(OR), SE the Woolf error of the expected cells when the share outside
    the group is `share` and the odds inside are OR times as high. Found by bisection: the smallest solution.

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

    # the error grows without end as the share inside nears 1, so the first crossing is looked for from below
    steps = np.linspace(0.0, np.log(1000.0), 70)
    over = np.stack([excess(np.full(n1.shape, step)) > 0 for step in steps[1:]])
    reachable, first = usable & over.any(0), over.argmax(0)
    low, high = np.where(reachable, steps[first], low), np.where(reachable, steps[first + 1], high)
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


def worth_of_widening(low: Array, high: Array, wide_low: Array, wide_high: Array) -> Array:
    """What part of its examples a ratio with a widened interval is worth: (ln(high / low) / ln(wide_high / wide_low))².

    1 where there is no widened interval (NaN).

    Example:
        >>> worth_of_widening([0.5], [2.0], [0.25], [4.0]).tolist()  # twice as wide on the log scale
        [0.25]
    """
    low, high, wide_low, wide_high = (np.asarray(x, dtype=np.float64) for x in (low, high, wide_low, wide_high))
    known = np.isfinite(wide_low) & np.isfinite(wide_high)
    wide = np.log(np.where(known, wide_high, high)) - np.log(np.where(known, wide_low, low))
    return ((np.log(high) - np.log(low)) / wide) ** 2


# --- how many examples a difference needs -----------------------------------------------------------------------------
def examples_for_gap(share: Array, fraction: Array, gap: Array | float = GAP, alpha: Array | float = ALPHA) -> Array:
    """How many examples in all show a gap between a group and the others in 80 % of corpora.

    n = (z_{alpha/2} sqrt(p (1-p) (1/f + 1/(1-f))) + z_{0.80} sqrt(p1 (1-p1)/f + p0 (1-p0)/(1-f)))² / gap², with p0 the
    share outside, p1 = p0 + gap (p0 - gap where that would pass 1), f the group's part of the examples and
    p = f p1 + (1-f) p0.

    Args:
        share: p0 in [0, 1]; any shape.
        fraction: f in (0, 1); broadcasts with share.
        gap: the difference to be seen, in shares.
        alpha: two-sided level.

    Returns:
        Numbers of examples; inf where the group is empty or everything.

    Paper: fleiss-1981; as published, without the continuity correction.

    Example:
        >>> round(float(examples_for_gap(0.5, 0.5)))  # 50 % against 55 %, two groups of 1,565 each
        3129
    """
    p0, f = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(share, fraction))
    usable = (f > 0) & (f < 1)
    f = np.where(usable, f, 0.5)
    p1 = np.where(p0 + gap <= 1, p0 + gap, p0 - gap)
    pooled = f * p1 + (1 - f) * p0
    null = np.sqrt(pooled * (1 - pooled) * (1 / f + 1 / (1 - f)))
    other = np.sqrt(p1 * (1 - p1) / f + p0 * (1 - p0) / (1 - f))
    return np.where(usable, ((_z_of(alpha) * null + Z80 * other) / gap) ** 2, np.inf)


def examples_for_share(expected: Array, gap: Array | float = GAP, alpha: Array | float = ALPHA) -> Array:
    """How many examples show a share that lies `gap` off the expected one in 80 % of corpora.

    n = (z_{alpha/2} sqrt(q (1-q)) + z_{0.80} sqrt(p (1-p)))² / gap², p = q + gap (q - gap where that would pass 1).

    Args:
        expected: q in [0, 1]; any shape.
        gap: the difference to be seen; negative for a share below the expected one.
        alpha: two-sided level.

    Paper: fleiss-1981; as published, without the continuity correction.

    Example:
        >>> round(float(examples_for_share(0.5)))
        783
    """
    q, size = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(expected, gap))
    p = np.clip(np.where(q + size <= 1, q + size, q - size), 0.0, 1.0)
    return ((_z_of(alpha) * np.sqrt(q * (1 - q)) + Z80 * np.sqrt(p * (1 - p))) / size) ** 2


def examples_for_order(fraction: Array, gap: float = GAP, alpha: float = ALPHA) -> Array:
    """How many examples show that a group's texts are the longer ones in 50 % + gap of random pairs.

    n = (z_{alpha/2} + z_{0.80})² / (12 f (1-f) gap²), f the group's part of the examples.

    Paper: noether-1987; as published.
    """
    f = np.asarray(fraction, dtype=np.float64)
    usable = (f > 0) & (f < 1)
    f = np.where(usable, f, 0.5)
    return np.where(usable, ((_z_of(alpha) + Z80) / gap) ** 2 / (12 * f * (1 - f)), np.inf)


def difference_interval(
    k1: Array, n1: Array, k2: Array, n2: Array, alpha: Array | float = ALPHA
) -> tuple[Array, Array]:
    """Newcombe's interval of the difference of two shares, k1 / n1 - k2 / n2, from the Wilson interval of each.

    low = d - sqrt((p1 - l1)² + (u2 - p2)²), high = d + sqrt((u1 - p1)² + (p2 - l2)²).

    Args:
        k1: how many of the n1 have the property; any shape.
        n1: above 0.
        k2: the same of the second group.
        n2: above 0.
        alpha: 0.05 for a 95 % interval; 0.05 / m so that m intervals hold together.

    Paper: newcombe-1998, method 10; as published.
    """
    k1, n1, k2, n2 = (np.asarray(x, dtype=np.float64) for x in (k1, n1, k2, n2))
    first, second = k1 / n1, k2 / n2
    (l1, u1), (l2, u2) = wilson(k1, n1, _z_of(alpha)), wilson(k2, n2, _z_of(alpha))
    low = first - second - np.sqrt((first - l1) ** 2 + (u2 - second) ** 2)
    return low, first - second + np.sqrt((u1 - first) ** 2 + (second - l2) ** 2)


def smallest_gap(n_in: Array, n_out: Array, share: Array, alpha: Array | float = ALPHA) -> Array:
    """The smallest gap of two shares that 80 % of corpora with these counts would show at level alpha.

    Solves `examples_for_gap` for the gap, above the share where there is room and below it where there is not.

    Args:
        n_in: examples in the first group; any shape.
        n_out: examples in the second.
        share: the share in the second group, in [0, 1].
        alpha: two-sided level; may differ by test.

    Returns:
        Gaps in (0, 1]; 1 where not even the largest possible one would be seen.
    """
    n1, n0, p0 = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(n_in, n_out, share))
    n = n1 + n0
    room = np.maximum(p0, 1 - p0)
    low, high = np.zeros(n.shape), room.copy()
    for _ in range(50):
        middle = np.maximum((low + high) / 2, 1e-9)
        # a gap above the share first, as far as there is room, then below it
        needed = examples_for_gap(p0, n1 / np.maximum(n, 1e-9), middle, alpha)
        seen = needed <= n
        low, high = np.where(seen, low, middle), np.where(seen, middle, high)
    possible = examples_for_gap(p0, n1 / np.maximum(n, 1e-9), room, alpha) <= n
    return np.where(possible, high, 1.0)
