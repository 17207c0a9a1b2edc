"""Numbers of many audits beside those of random draws: band, p by rank, Holm's correction, a plain verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.records import Array
from studio.selection.bands import LEVEL, against_random, is_beyond_draws
from studio.selection.draw_test import FEWEST_DEFINED, LEAST_GAP, LEAST_RATIO

VERDICTS: tuple[str, ...] = ("more", "less", "open", "slight", "within", "silent")


@dataclass(frozen=True)
class Placed:
    """One number of the choice among the draws that have it.

    low..high: the (D + 1) 2.5 % smallest and largest of D draws; q: p by Holm over all numbers. verdict: more or less
    (outside the band, q < 0.05 and far enough off), open (outside all draws, of which there are too few to tell),
    slight (outside, but not after correction or hardly off), within, or silent: the choice, or nearly every draw, does
    not have the number; then only `value` and `draws` say anything.
    """

    value: float
    median: float
    low: float
    high: float
    p: float
    q: float
    draws: int
    verdict: str


def holm(p_values: Sequence[float]) -> Array:
    """Holm's step-down correction; NaN stays NaN and is no test.

    q_(i) = max over j <= i of min(1, (m - j + 1) p_(j)), with p_(1) <= ... <= p_(m).

    Paper: holm-1979; as published.

    Example:
        >>> [round(float(q), 6) for q in holm([0.01, 0.04, 0.03, 0.005])]
        [0.03, 0.06, 0.06, 0.02]
    """
    p = np.asarray(p_values, dtype=np.float64)
    q = np.full(p.shape, np.nan)
    at = np.flatnonzero(~np.isnan(p))
    order = at[np.argsort(p[at], kind="stable")]
    steps = np.arange(len(order), 0, -1)
    q[order] = np.minimum(np.maximum.accumulate(steps * p[order]), 1.0)
    return q


def place(values: Sequence[float], drawn: Sequence[Array], relative: Sequence[bool]) -> list[Placed]:
    """Every number of the choice among those of its own draws, corrected together.

    Args:
        values: (m,) of the choice, NaN where it does not have the number.
        drawn: (m,) arrays of the same number of random draws; they may have different lengths.
        relative: (m,) whether a gap worth a word is a fifth of the median draw instead of 0.05.
    """
    found: list[Placed] = []
    for value, own in zip(values, drawn, strict=True):
        there = np.asarray(own, dtype=np.float64)
        there = np.round(there[np.isfinite(there)], 9)  # sums in another order differ in their last digits
        if not np.isfinite(value) or len(there) < FEWEST_DEFINED:
            nan = float("nan")
            found.append(Placed(float(value), nan, nan, nan, nan, nan, len(there), "silent"))
            continue
        one = against_random(round(float(value), 9), there)
        found.append(Placed(float(value), float(np.median(there)), one.low, one.high, one.p, 1.0, one.draws,
                            one.verdict))  # fmt: skip
    q = holm([one.p for one in found])
    return [
        one
        if one.verdict == "silent"
        else Placed(*_numbers(one), float(own), one.draws, _verdict(one, own, is_relative))
        for one, own, is_relative in zip(found, q, relative, strict=True)
    ]


def _numbers(one: Placed) -> tuple[float, ...]:
    return one.value, one.median, one.low, one.high, one.p


def _verdict(one: Placed, q: float, is_relative: bool) -> str:
    if one.verdict == "within":
        return "within"
    least = LEAST_RATIO * abs(one.median) if is_relative else LEAST_GAP
    if abs(one.value - one.median) < least - 1e-12:
        return "slight"
    if q < 1 - LEVEL:
        return "less" if one.verdict == "lower" else "more"
    return "open" if is_beyond_draws(one.p, one.draws) else "slight"
