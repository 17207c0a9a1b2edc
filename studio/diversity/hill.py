"""How many equally common kinds would be as varied."""

from __future__ import annotations

import numpy as np

from studio.records import Array


def effective_number(counts: Array) -> float:
    """exp(-sum p ln p) of the shares p of some counts; NaN where all are 0.

    Paper: hill-1973; order 1.

    Example:
        >>> round(effective_number([6, 1, 3]), 6)
        2.454556
    """
    k = np.asarray(counts, dtype=np.float64)
    k = k[k > 0]
    if not len(k):
        return float("nan")
    share = k / k.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
