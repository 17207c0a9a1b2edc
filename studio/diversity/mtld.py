"""MTLD: how long a text goes on before its words begin to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from studio.diversity.record import MOST, DiversityMeasure, Number, undefined

if TYPE_CHECKING:
    from studio.diversity.rows import Rows

FACTOR = 0.72  # mtld-2010
LEAST_WORDS = 50  # ours: in a shorter text hardly a factor closes and MTLD is its length under another name


def mtld(words: Sequence[object], threshold: float = FACTOR) -> float:
    """Mean of the forward and the backward pass of words / factors; NaN for no word.

    A factor closes when the share of different words in it falls to the threshold; what is left over counts as
    (1 - share) / (1 - threshold) of a factor; a text in which no word repeats has one factor.

    Paper: mtld-2010; as published.

    Example:
        >>> mtld(["a", "b", "a", "b"])
        4.0
    """
    if not len(words):
        return float("nan")
    return (_one_way(words, threshold) + _one_way(words[::-1], threshold)) / 2


def _one_way(words: Sequence[object], threshold: float) -> float:
    factors, seen, count = 0.0, set(), 0
    for word in words:
        count += 1
        seen.add(word)
        if len(seen) / count <= threshold:
            factors, seen, count = factors + 1, set(), 0
    if count:
        factors += (1 - len(seen) / count) / (1 - threshold)
    return len(words) / factors if factors else float(len(words))


def _mean(rows: Rows) -> Number:
    """Mean MTLD of the texts with at least 50 words (characters in scripts without spaces); higher is more varied.

    Paper: mtld-2010; per text, then averaged, because it depends on the order of the words.
    Limits: says nothing of a corpus of short texts; over characters it is not comparable with words.
    """
    known = rows.mtld[~np.isnan(rows.mtld)]
    if not len(known):
        return undefined("short_texts")
    return Number(float(known.mean()), values={"texts": len(known), "least": LEAST_WORDS})


MTLD = DiversityMeasure("mtld", "words", "diversity.name.mtld", ("mtld",), "units", "varied", False, MOST, 1,
                        "mtld-2010", _mean)  # fmt: skip
