"""What an audit says in one or two numbers, of any rows of a corpus that has been read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studio.audits.context import Context
from studio.records import Array

Of = Callable[[Array], dict[str, float]]  # ascending rows -> number by name, NaN where they cannot give it


@dataclass(frozen=True)
class Number:
    """One number of an audit; its words are `audit_draws.number.<audit>_<name>`.

    A gap worth a word is 0.05, or, where `is_relative`, a fifth of what random draws give. unit: share (read in
    percent), whole, or number.
    """

    name: str
    unit: str = "number"
    is_relative: bool = False


@dataclass(frozen=True)
class Headline:
    """The numbers of one audit of the catalogue, comparable between sets of equal size.

    `prepare(frame, context)` reads the corpus once and gives the function of rows, or a words key that says why it has
    nothing to count. What follows from the corpus as a whole (which values, periods, topics, pairs of groups there are)
    is settled then, so that every set is counted alike; copies are not discounted, since draws carry them too.
    """

    audit: str
    numbers: tuple[Number, ...]
    prepare: Callable[[pd.DataFrame, Context], Of | str]


def only(name: str, values: Sequence[float]) -> dict[str, float]:
    """The mean of the defined values under one name; NaN where there are none."""
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    return {name: float(found.mean()) if len(found) else float("nan")}


def corrected_v(counts: Array) -> float:
    """Bias-corrected Cramer's V as in `association.cramers_v`; NaN where there is nothing to compare.

    Example:
        >>> round(corrected_v(np.array([[30, 10], [10, 30]])), 6)
        0.49029
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    n, (r, c) = table.sum(), table.shape
    if r < 2 or c < 2 or n < 2:
        return float("nan")
    phi2 = float((table**2 / np.outer(table.sum(1), table.sum(0))).sum()) - 1 - (r - 1) * (c - 1) / (n - 1)
    span = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(max(phi2, 0.0) / span)) if span > 0 else 0.0


def label_ties(counts: Array, totals: Array, is_exclusive: bool) -> list[float]:
    """Corrected V of labels by values: one table where labels exclude one another, else one per label given or not.

    Args:
        counts: (labels, values) examples with both.
        totals: (values,) labelled examples.
        is_exclusive: every labelled example carries exactly one label.
    """
    if is_exclusive:
        return [corrected_v(counts)]
    return [corrected_v(np.stack([own, totals - own])) for own in counts]


def named(numbers: tuple[Number, ...], found: Mapping[str, float]) -> list[float]:
    """The numbers in the order of the record; NaN for what is not there."""
    return [float(found.get(number.name, float("nan"))) for number in numbers]
