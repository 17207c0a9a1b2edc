"""Who a way of choosing may pick: whoever has what it looks at, filters and thresholds in force."""

from __future__ import annotations

import numpy as np

from studio.records import VIEWS, Array, Strategy
from studio.selection.live import LiveMatrix


def usable(
    matrix: LiveMatrix, strategy: Strategy, weighted: Array, *, view: str = "difficulty", probs: Array | None = None
) -> Array:
    """(n,) bool: rows that a strategy may pick.

    Args:
        matrix: the pool.
        strategy: how is chosen; its needs say what it looks at.
        weighted: (n,) weighted scores.
        view: what `model_score` looks at.
        probs: (n, c) class probabilities, for a strategy that needs them.
    """
    lacking = np.zeros(len(matrix), dtype=bool)
    if "scores" in strategy.needs:
        lacking = np.isnan(weighted)
    elif "unit" in strategy.needs:
        for name in ("difficulty", "quality") if strategy.name == "deita" else (view,):
            lacking |= np.isnan(matrix.unit[:, VIEWS.index(name)])
    elif "probs" in strategy.needs and probs is not None:
        lacking = np.isnan(probs).any(axis=1)
    if matrix.barred is not None:
        lacking |= matrix.barred != 0
    return ~lacking
