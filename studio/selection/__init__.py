"""Who gets in: weights, unit scores, constraints, strategies, bands, reasons."""

from __future__ import annotations

from studio.errors import SelectionError
from studio.records import Strategy
from studio.selection.cover import FACILITY_LOCATION, K_CENTER, MMR
from studio.selection.sampled import SAMPLED
from studio.selection.strategies import (
    DEITA,
    HEURISTIC,
    LONGEST,
    MODEL_SCORE,
    RANDOM,
    STRATIFIED,
    UNCERTAINTY,
    WEIGHTED_SUM,
)

STRATEGIES: tuple[Strategy, ...] = (
    WEIGHTED_SUM,
    FACILITY_LOCATION,
    K_CENTER,
    MMR,
    DEITA,
    SAMPLED,
    UNCERTAINTY,
    MODEL_SCORE,
    STRATIFIED,
    RANDOM,
    LONGEST,
    HEURISTIC,
)


def by_name(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        SelectionError: there is none.
    """
    for strategy in STRATEGIES:
        if strategy.name == name:
            return strategy
    raise SelectionError(
        "There is no such strategy", got=name, fix=f"Choose one of {', '.join(s.name for s in STRATEGIES)}."
    )
