"""Distances of word, length, language and source distributions from a reference, and how even they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from studio.diversity.hill import effective_number
from studio.diversity.record import MOST, Direction, DiversityMeasure, Number, undefined
from studio.records import Array

if TYPE_CHECKING:
    from studio.diversity.rows import Rows


def jensen_shannon(first: Array, second: Array) -> float:
    """Jensen-Shannon divergence of two histograms over the same codes, in nats.

    1/2 KL(p, m) + 1/2 KL(q, m) with m = (p + q) / 2 and 0 ln 0 = 0: 0 for equal shares, ln 2 for nothing in common.
    `scipy.spatial.distance.jensenshannon` is its square root.

    Args:
        first: (c,) counts.
        second: (c',) counts; the shorter one is filled with zeros.

    Returns:
        The divergence in [0, ln 2]; NaN where a histogram is empty.

    Paper: lin-1991; the divergence, not its square root.

    Example:
        >>> round(jensen_shannon([1, 0], [0, 1]), 6)
        0.693147
    """
    size = max(len(first), len(second))
    p, q = np.zeros(size), np.zeros(size)
    p[: len(first)], q[: len(second)] = first, second
    if not p.sum() or not q.sum():
        return float("nan")
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2

    def half(share: Array) -> float:
        inside = share > 0
        return float((share[inside] * np.log(share[inside] / middle[inside])).sum()) / 2

    return max(half(p) + half(q), 0.0)


def kolmogorov_smirnov(first: Array, second: Array) -> float:
    """Largest gap between two cumulative distributions, in [0, 1]; `second` is sorted; NaN where one is empty.

    Paper: smirnov-1948.

    Example:
        >>> kolmogorov_smirnov([1, 2], [3, 4])
        1.0
    """
    one, other = np.sort(np.asarray(first)), np.asarray(second)
    if not len(one) or not len(other):
        return float("nan")
    places = np.concatenate([one, other])
    gap = np.searchsorted(one, places, side="right") / len(one) - np.searchsorted(other, places, side="right") / len(
        other
    )
    return float(np.abs(gap).max())


def _length(rows: Rows) -> Number:
    """Median length of a text in words (characters in scripts without spaces), with its middle 80 %."""
    if not len(rows.lengths):
        return undefined("no_examples")
    low, middle, high = np.quantile(rows.lengths, (0.1, 0.5, 0.9))
    return Number(float(middle), values={"low": round(float(low), 1), "high": round(float(high), 1)})


def _length_range(rows: Rows) -> Number:
    """Length at 90 % minus length at 10 % of the texts, in words or characters; higher is more varied."""
    if not len(rows.lengths):
        return undefined("no_examples")
    low, high = np.quantile(rows.lengths, (0.1, 0.9))
    return Number(round(float(high - low), 6))


def _length_apart(rows: Rows) -> Number:
    """Kolmogorov-Smirnov distance of the text lengths from the reference's: 0 the same, 1 nothing in common.

    Paper: smirnov-1948.
    """
    theirs = rows.reference.lengths
    value = kolmogorov_smirnov(rows.lengths, theirs if theirs is not None else np.empty(0))
    return Number(value) if np.isfinite(value) else undefined("no_examples")


def _effective(rows: Rows, name: str) -> Number:
    """How many equally common values (languages, sources) would be as varied: exp(-sum p ln p).

    Paper: hill-1973.
    """
    codes = getattr(rows, name)
    counts = np.bincount(codes[codes >= 0])
    if not counts.sum():
        return undefined(f"no_{name}")
    return Number(effective_number(counts), values={"different": int((counts > 0).sum()), "known": int(counts.sum())})


def _apart(rows: Rows, name: str) -> Number:
    """Jensen-Shannon divergence of the shares of languages or sources from the reference's, in nats.

    Paper: lin-1991.
    """
    codes, theirs = getattr(rows, name), rows.reference.counts.get(name)
    value = float("nan") if theirs is None else jensen_shannon(np.bincount(codes[codes >= 0]), theirs)
    return Number(value) if np.isfinite(value) else undefined(f"no_{name}")


def _grams_apart(rows: Rows, n: int) -> Number:
    """Jensen-Shannon divergence of the n-gram shares from the reference's, in nats.

    Paper: lin-1991.
    Limits: a small set differs from any large one by chance; compare sets of one size.
    """
    theirs = rows.reference.grams.get(n)
    value = float("nan") if theirs is None else jensen_shannon(rows.grams[n].counts(), theirs)
    return Number(value) if np.isfinite(value) else undefined("short_texts")


def _one(
    name: str,
    group: str,
    needs: tuple[str, ...],
    unit: str,
    direction: Direction,
    by_size: bool,
    paper: str,
    compute: Callable[[Rows], Number],
) -> DiversityMeasure:
    return DiversityMeasure(name, group, f"diversity.name.{name}", needs, unit, direction, by_size, MOST, 1, paper,
                            compute)  # fmt: skip


WORDS_APART = _one("words_apart", "words", ("grams", "reference"), "nats", "apart", True, "lin-1991",
                   partial(_grams_apart, n=1))  # fmt: skip
PAIRS_APART = _one("pairs_apart", "words", ("grams", "reference"), "nats", "apart", True, "lin-1991",
                   partial(_grams_apart, n=2))  # fmt: skip
LENGTH = _one("length", "shape", ("lengths",), "units", "neither", False, "", _length)
LENGTH_RANGE = _one("length_range", "shape", ("lengths",), "units", "varied", False, "", _length_range)
LENGTH_APART = _one("length_apart", "shape", ("lengths", "reference"), "share", "apart", True, "smirnov-1948",
                    _length_apart)  # fmt: skip
LANGUAGES = _one("languages", "shape", ("languages",), "kinds", "varied", True, "hill-1973",
                 partial(_effective, name="languages"))  # fmt: skip
LANGUAGES_APART = _one("languages_apart", "shape", ("languages", "reference"), "nats", "apart", True, "lin-1991",
                       partial(_apart, name="languages"))  # fmt: skip
SOURCES = _one("sources", "shape", ("sources",), "kinds", "varied", True, "hill-1973",
               partial(_effective, name="sources"))  # fmt: skip
SOURCES_APART = _one("sources_apart", "shape", ("sources", "reference"), "nats", "apart", True, "lin-1991",
                     partial(_apart, name="sources"))  # fmt: skip
