"""Statistics several rooms share: the interval of a share, order, correction of many tests, when a group is small."""

from __future__ import annotations

import numpy as np
from scipy import stats

from studio.records import Array

CONFIDENCE = 0.95
ALPHA = 0.05
Z95 = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
SMALL_GROUP = 50  # groups under this count are shown pale: a share of them moves by 14 points by chance alone


def wilson(counts: Array | int, totals: Array | int, z: float = Z95) -> tuple[Array, Array]:
    """The Wilson score interval of a share, 95 % unless z says otherwise.

    centre = (k + z²/2) / (n + z²), half = z / (n + z²) · sqrt(k (n - k) / n + z²/4), with z = 1.959964.

    Args:
        counts: k, how many have the property; any shape.
        totals: n, out of how many; broadcasts with counts; may be fractional (an effective n).
        z: two-sided normal quantile of the interval's level.

    Returns:
        low and high, each in [0, 1]; 0 and 1 where n is 0 (nothing is known).

    Paper: wilson-1927; as published.

    Example:
        >>> low, high = wilson(5, 10)
        >>> round(float(low), 4), round(float(high), 4)
        (0.2366, 0.7634)
    """
    k = np.asarray(counts, dtype=np.float64)
    n = np.asarray(totals, dtype=np.float64)
    safe = np.where(n > 0, n, 1.0)
    z2 = z * z
    centre = (k + z2 / 2) / (safe + z2)
    half = z / (safe + z2) * np.sqrt(np.maximum(k * (safe - k) / safe, 0.0) + z2 / 4)
    low = np.where(n > 0, np.clip(centre - half, 0.0, 1.0), 0.0)
    high = np.where(n > 0, np.clip(centre + half, 0.0, 1.0), 1.0)
    # at the ends the bound equals the end exactly; rounding must not leave 1e-17 there
    return np.where((k <= 0) & (n > 0), 0.0, low), np.where((k >= n) & (n > 0), 1.0, high)


def corrected_q(p_values: Array) -> Array:
    """Benjamini-Hochberg false discovery rate q-values; NaN stays NaN and is not counted as a test.

    q_(i) = min over j >= i of p_(j) · m / j, with p_(1) <= ... <= p_(m).

    Paper: benjamini-hochberg-1995; as published.
    """
    p = np.asarray(p_values, dtype=np.float64)
    q = np.full(p.shape, np.nan)
    tested = ~np.isnan(p)
    if tested.any():
        q[tested] = stats.false_discovery_control(np.clip(p[tested], 0.0, 1.0), method="bh")
    return q


def wilson_pair(count: int, total: int) -> tuple[float, float]:
    """`wilson` of one share as two plain numbers, ready for JSON.

    Example:
        >>> tuple(round(v, 4) for v in wilson_pair(8, 10))
        (0.4902, 0.9433)
    """
    low, high = wilson(count, total)
    return float(low), float(high)


def chance_of_more(inside: Array, outside: Array, worth: float = 1.0) -> tuple[float, float, float, float]:
    """P(a value inside is higher) + 1/2 P(equal), its 95 % interval, and the two-sided Mann-Whitney p.

    A = U / (n1 n0). The error is DeLong's, from the variance of each value's own placement among the others, on the
    logit scale, so that the interval stays inside 0 to 1; one value alone is taken to have the largest variance, 1/4.
    Where all values of one side lie above the others the error cannot be seen; the interval is then bounded by
    z sqrt(1 / (4 min(n1, n0))). p: normal approximation with ties and the continuity correction.

    Args:
        inside: (m,) how many values inside lie at each of m ascending levels.
        outside: (m,) the same for the others.
        worth: what one example is worth, at most 1 (copies): errors are 1 / sqrt(worth) times as large.

    Returns:
        A, low, high, p; 0.5, 0, 1, 1 where one side is empty.

    Paper: delong-1988 for the error, mann-whitney-1947.

    Example:
        >>> area, low, high, p = chance_of_more(np.array([0, 1, 2]), np.array([2, 1, 0]))  # 2 3 3 against 1 1 2
        >>> round(area, 4)
        0.9444
    """
    x, y = np.asarray(inside, dtype=np.float64), np.asarray(outside, dtype=np.float64)
    n1, n0 = float(x.sum()), float(y.sum())
    if n1 == 0 or n0 == 0:
        return 0.5, 0.0, 1.0, 1.0
    above_others = (np.cumsum(y) - y / 2) / n0
    under_others = 1 - (np.cumsum(x) - x / 2) / n1
    area = float((x * above_others).sum() / n1)

    def spread(weights: Array, placement: Array, n: float) -> float:
        return float((weights * (placement - area) ** 2).sum() / (n - 1) / n) if n > 1 else 0.25

    variance = spread(x, above_others, n1) + spread(y, under_others, n0)
    n, ties = n1 + n0, x + y
    null = n1 * n0 / 12 * ((n + 1) - float((ties**3 - ties).sum()) / (n * (n - 1))) if n > 1 else 0.0
    p = 1.0
    if null > 0:
        z = (abs(area - 0.5) * n1 * n0 - 0.5) / np.sqrt(null / worth)
        p = float(min(2 * stats.norm.sf(z), 1.0))
    if not 0 < area < 1:
        half = Z95 * np.sqrt(0.25 / min(n1, n0) / worth)
        return area, max(0.0, area - half), min(1.0, area + half), p
    logit, error = np.log(area / (1 - area)), np.sqrt(variance / worth) / (area * (1 - area))
    low, high = (1 / (1 + np.exp(-(logit + sign * Z95 * error))) for sign in (-1, 1))
    return area, float(low), float(high), p
