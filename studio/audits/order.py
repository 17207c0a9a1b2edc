"""Whether the values of some examples lie above those of others: the area under the curve, its error and its test."""

from __future__ import annotations

import numpy as np
from scipy import stats

from studio.records import Array
from studio.statistics import Z95


def chance_of_more(inside: Array, outside: Array, worth: float = 1.0) -> tuple[float, float, float, float]:
    """P(a value inside is higher) + 1/2 P(equal), its 95 % interval, and the two-sided Mann-Whitney p.

    A = U / (n1 n0). The error is DeLong's, from the variance of each value's own placement among the others, on the
    logit scale, so that the interval stays inside 0 to 1; one value alone is taken to have the largest variance, 1/4.
    Where all values of one side lie above the others the error cannot be seen; the interval is then bounded by
    z sqrt(1 / (4 min(n1, n0))). p: normal approximation with ties and the continuity correction.

    Args:
        inside: (m,) how many values inside lie at each of m ascending levels.
        outside: (m,) the same for the others; both sides hold at least one.
        worth: what one example is worth, at most 1 (copies): errors are 1 / sqrt(worth) times as large.

    Returns:
        A, low, high, p.

    Paper: delong-1988 for the error, mann-whitney-1947.

    Example:
        >>> area, low, high, p = chance_of_more(np.array([0, 1, 2]), np.array([2, 1, 0]))  # 2 3 3 against 1 1 2
        >>> round(area, 4)
        0.9444
    """
    x, y = np.asarray(inside, dtype=np.float64), np.asarray(outside, dtype=np.float64)
    n1, n0 = float(x.sum()), float(y.sum())
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
