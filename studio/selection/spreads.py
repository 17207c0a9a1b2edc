"""How one score lies over a corpus, how several go together, and which examples stand at its ends and in its middle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.records import Array
from studio.selection.combine import CORRELATED, rank_correlation
from studio.statistics import Z95

BINS = 40
FEW_VALUES = 12  # ours: a score with up to this many different values gets a bar for each
FAR = 3.0  # ours: where the whole range is this much wider than the middle 99 %, the ends are gathered in two bars
_TAIL = 0.005


@dataclass(frozen=True, eq=False)
class Spread:
    """Where the defined values of a score lie.

    edges (b + 1,) and counts (b,) of the bars; `points` (b,) are the values themselves where there are few different
    ones, else None. n_below and n_above values beyond the axis are counted in the first and the last bar.
    low, median, high: the 5th, 50th and 95th percentile; NaN without a value.
    """

    edges: Array
    counts: Array
    points: Array | None
    n: int
    n_undefined: int
    low: float
    median: float
    high: float
    n_below: int = 0
    n_above: int = 0


def spread(raw: Array) -> Spread:
    """The distribution of a score; undefined values (NaN) are counted and left out.

    Args:
        raw: (n,) float.
    """
    raw = np.asarray(raw, dtype=np.float64)
    values = raw[np.isfinite(raw)]
    missing = len(raw) - len(values)
    if not len(values):
        nan = float("nan")
        return Spread(np.empty(0), np.empty(0, np.int64), None, 0, missing, nan, nan, nan)
    low, median, high = (float(value) for value in np.quantile(values, (0.05, 0.5, 0.95)))
    points, counts = np.unique(values, return_counts=True)
    if len(points) <= FEW_VALUES:
        return Spread(points, counts, points, len(values), missing, low, median, high)
    first, last = (float(value) for value in np.quantile(values, (_TAIL, 1 - _TAIL)))
    if not (last > first and points[-1] - points[0] > FAR * (last - first)):
        first, last = float(points[0]), float(points[-1])
    counts, edges = np.histogram(np.clip(values, first, last), bins=BINS, range=(first, last))
    return Spread(edges, counts, None, len(values), missing, low, median, high, int((values < first).sum()),
                  int((values > last).sum()))  # fmt: skip


@dataclass(frozen=True)
class Tie:
    """Rank correlation of two scores over the n rows that have both, with its 95 % interval; NaN where undefined."""

    rho: float
    low: float
    high: float
    n: int

    @property
    def is_strong(self) -> bool:
        """True beyond 0.7 in size: two sliders that move one signal."""
        return abs(self.rho) > CORRELATED


def tie(a: Array, b: Array) -> Tie:
    """Spearman's rho with the interval of Bonett and Wright: tanh(atanh rho ± 1.96 sqrt((1 + rho²/2) / (n - 3))).

    Example:
        >>> t = tie(np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 1, 4, 3, 5]))
        >>> round(t.rho, 2), t.n
        (0.8, 5)
    """
    n = int((np.isfinite(a) & np.isfinite(b)).sum())
    rho = rank_correlation(np.asarray(a, np.float64), np.asarray(b, np.float64))
    if math.isnan(rho) or n < 4:
        return Tie(rho, float("nan"), float("nan"), n)
    half = Z95 * math.sqrt((1 + rho * rho / 2) / (n - 3))
    middle = math.atanh(min(max(rho, -0.9999999), 0.9999999))
    return Tie(rho, math.tanh(middle - half), math.tanh(middle + half), n)


def ties(columns: Mapping[str, Array]) -> dict[tuple[str, str], Tie]:
    """Every pair of the columns, in their order, the earlier name first."""
    names = list(columns)
    return {(a, b): tie(columns[a], columns[b]) for i, a in enumerate(names) for b in names[i + 1 :]}


def strong(found: Mapping[tuple[str, str], Tie]) -> list[tuple[str, str, Tie]]:
    """The pairs beyond 0.7 in size, strongest first."""
    pairs = [(a, b, one) for (a, b), one in found.items() if one.is_strong]
    return sorted(pairs, key=lambda pair: (-abs(pair[2].rho), pair[0], pair[1]))


@dataclass(frozen=True, eq=False)
class Ends:
    """Row positions of a score's best, middle and worst examples; equal values are in an order drawn by seed."""

    best: Array
    middle: Array
    worst: Array


def ends(unit: Array, k: int, seed: int) -> Ends:
    """The k best, the k around the median and the k worst rows by unit score, no row twice.

    With fewer than 3 k defined values every part gets a third of them at most, the best first.

    Args:
        unit: (n,) scores where higher is wanted; NaN = undefined.
        k: how many of each.
        seed: of the order among equal scores.
    """
    unit = np.asarray(unit, dtype=np.float64)
    defined = np.flatnonzero(np.isfinite(unit))
    lots = np.random.default_rng(seed).permutation(len(unit))[defined]
    order = defined[np.lexsort((lots, -unit[defined]))]
    n = len(order)
    each = [min(k, (n + 2 - part) // 3) for part in range(3)]  # best, worst, middle
    best, worst = order[: each[0]], order[n - each[1] :][::-1]
    start = min(max((n - each[2]) // 2, each[0]), max(n - each[1] - each[2], each[0]))
    return Ends(best, order[start : start + each[2]], worst)


def sample(n: int, most: int, seed: int) -> Array:
    """Ascending positions of at most `most` of n rows, drawn by seed; all of them where that is enough."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=most, replace=False))


def grid(names: Sequence[str], found: Mapping[tuple[str, str], Tie]) -> tuple[Array, Array]:
    """(k, k) rho and (k, k) n of the pairs below the diagonal; NaN and 0 elsewhere."""
    rho, n = np.full((len(names), len(names)), np.nan), np.zeros((len(names), len(names)), dtype=np.int64)
    for i, a in enumerate(names):
        for j, b in enumerate(names[:i]):
            one = found.get((b, a))
            if one is not None:
                rho[i, j], n[i, j] = one.rho, one.n
    return rho, n
