"""distinct-n: how few of the word sequences of a corpus are used again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from studio.diversity.record import MOST, DiversityMeasure, Number, undefined

if TYPE_CHECKING:
    from studio.diversity.rows import Rows


def _distinct(rows: Rows, n: int) -> Number:
    """Different n-grams over all n-grams of the set; higher is more varied.

    Over words, or characters in scripts without spaces; an n-gram never crosses from one text into the next.

    Paper: distinct-n-2016; as published.
    Limits: falls as a set grows, so compare only sets of one size.
    """
    codes = rows.grams[n].codes
    if not len(codes):
        return undefined("short_texts")
    seen = np.zeros(rows.grams[n].n_kinds, dtype=bool)
    seen[codes] = True
    different = int(seen.sum())
    return Number(different / len(codes), values={"different": different, "all": len(codes)})


def _order(n: int) -> DiversityMeasure:
    return DiversityMeasure(f"distinct_{n}", "words", f"diversity.name.distinct_{n}", ("grams",), "share", "varied",
                            True, MOST, 1, "distinct-n-2016", partial(_distinct, n=n))  # fmt: skip


DISTINCT_1, DISTINCT_2, DISTINCT_3 = _order(1), _order(2), _order(3)
