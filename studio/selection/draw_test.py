"""Counts of a choice beside those of random draws of the same size: many numbers at once, corrected together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from studio.records import Array
from studio.selection.bands import LEVEL, AgainstRandom, against_random, is_beyond_draws
from studio.statistics import corrected_q

LEAST, MOST = 199, 1_999  # draws
LEAST_GAP = 0.05  # ours: of a share or a tie; what is rarer than chance and smaller than this is no alarm
LEAST_RATIO = 0.2  # ours: of a length or an evenness
FEWEST_DEFINED = 39  # draws that have the number at all; fewer give no band


@dataclass(frozen=True)
class Statistic:
    """A number of a set of rows; `values` fill the words of its name.

    An alarm is at least LEAST_GAP away from the mean of the draws, or, where `is_relative`, a fifth of that mean.
    """

    name: str
    of: Callable[[Array], float]
    values: Mapping[str, object] = field(default_factory=dict)
    is_relative: bool = False


@dataclass(frozen=True)
class Tested:
    """A statistic of the choice beside its draws.

    verdict: lower or higher (outside the band, q < 0.05, and far enough off), open (outside all draws and far enough
    off, but so few draws tell nothing after correction), slight (outside, but not after correction or hardly off) or
    within.
    """

    name: str
    values: Mapping[str, object]
    value: float
    mean: float
    low: float
    high: float
    p: float
    q: float
    draws: int
    verdict: str


def draws_needed(n_statistics: int) -> int:
    """How many draws let one statistic alone be an alarm after correction: 2 m / (draws + 1) < 0.05; 199 to 1,999."""
    return min(MOST, max(LEAST, math.ceil(2 * n_statistics / (1 - LEVEL) - 1e-9)))


def compare_with_draws(statistics: Sequence[Statistic], rows: Array, drawn: Iterable[Array]) -> list[Tested]:
    """Every statistic of the rows among those of the draws; q by Benjamini-Hochberg over the statistics.

    p is two-sided by rank (see bands.against_random). A statistic that is undefined for the rows or for all but a few
    draws is left out; one that no draw changes is within.

    Args:
        statistics: what is counted.
        rows: the choice.
        drawn: random draws of the same size.

    Paper: benjamini-hochberg-1995
    """
    own = np.array([one.of(rows) for one in statistics], dtype=np.float64)
    found = np.array([[one.of(other) for one in statistics] for other in drawn], dtype=np.float64)
    placed = []
    for at, one in enumerate(statistics):
        values = found[:, at] if len(found) else np.empty(0)
        values = values[np.isfinite(values)]
        if np.isfinite(own[at]) and len(values) >= FEWEST_DEFINED:
            # sums in another order differ in their last digits; equal numbers must stay equal
            placed.append((one, against_random(round(own[at], 9), np.round(values, 9))))
    q = corrected_q(np.array([place.p for _, place in placed]))
    return [
        Tested(one.name, one.values, place.value, place.mean, place.low, place.high, place.p, float(own_q), place.draws,
               _verdict(one, place, float(own_q)))
        for (one, place), own_q in zip(placed, q, strict=True)
    ]  # fmt: skip


def _verdict(one: Statistic, place: AgainstRandom, q: float) -> str:
    if place.verdict == "within":
        return "within"
    least = LEAST_RATIO * abs(place.mean) if one.is_relative else LEAST_GAP
    if abs(place.value - place.mean) < least:
        return "slight"
    if q < 1 - LEVEL:
        return place.verdict
    return "open" if is_beyond_draws(place.p, place.draws) else "slight"


# --- what is counted --------------------------------------------------------------------------------------------------
def largest_share(counts: Array) -> float:
    """Share of the largest group; NaN of nobody."""
    total = counts.sum()
    return float(counts.max() / total) if total else float("nan")


def effective_groups(counts: Array) -> float:
    """exp(H) with H = -sum p ln p: how many equally large groups are as even; NaN of nobody.

    Example:
        >>> round(effective_groups(np.array([5, 5, 0])), 9)
        2.0
    """
    total = counts.sum()
    if not total:
        return float("nan")
    p = counts[counts > 0] / total
    return float(np.exp(-(p * np.log(p)).sum()))


def tie(first: Array, second: Array, shape: tuple[int, int]) -> float:
    """Cramer's V of two columns over the rows that have both, V = sqrt(chi2 / (n min(r - 1, c - 1))).

    Not corrected for its bias: draws of the same size carry the same. NaN where one of the two does not vary.

    Args:
        first: (n,) codes, -1 = missing.
        second: (n,) codes.
        shape: how many keys each has.
    """
    both = (first >= 0) & (second >= 0)
    table = np.bincount(first[both].astype(np.int64) * shape[1] + second[both], minlength=shape[0] * shape[1])
    table = table.reshape(shape).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n = table.sum()
    if min(table.shape) < 2:
        return float("nan")
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / n
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / (n * (min(table.shape) - 1))))


def told_apart(codes: Array, values: Array, k: int) -> float:
    """eta^2 = between-group sum of squares / total: how far a column tells the values apart. NaN without variance."""
    there = codes >= 0
    codes, values = codes[there].astype(np.int64), values[there]
    if len(values) < 2:
        return float("nan")
    counts, sums = np.bincount(codes, minlength=k), np.bincount(codes, values, minlength=k)
    mean = values.mean()
    total = float(((values - mean) ** 2).sum())
    filled = counts > 0
    between = float((counts[filled] * (sums[filled] / counts[filled] - mean) ** 2).sum())
    return between / total if total > 1e-12 and filled.sum() > 1 else float("nan")


def in_families(families: Array) -> float:
    """Share of rows whose family has another row here; NaN of nobody."""
    if not len(families):
        return float("nan")
    _, place, counts = np.unique(families, return_inverse=True, return_counts=True)
    return float((counts[place] > 1).mean())
