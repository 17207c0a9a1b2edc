"""Statistics several rooms share: the interval of a share, correction of many tests, when a group is too small."""

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
