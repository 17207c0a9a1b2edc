"""What the limits of a choice come to: why it is short, which targets the pool cannot meet, what may be limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studio.selection.recipe import Recipe
from studio.selection.tightness import Gap, Tightness, target_gaps, tightness
from studio.store import examples, references
from studio.workflows import select_matrix
from studio.workflows.select_scores import ScoreState
from studio.workflows.studio import Studio

if TYPE_CHECKING:  # a Choice is made by the module that asks this one
    from studio.workflows.select import Choice


def tight(choice: Choice) -> Tightness | None:
    """Why a choice is short of its budget; None where it is not."""
    if not choice.is_short or not choice.limits:
        return None
    order = choice.ranking.scores if choice.ranking is not None else choice.picked.order if choice.picked else None
    if order is None:  # candidates are compared: what helps is tried going down the ranking
        order = np.where(choice.usable, choice.weighted, np.nan)
    limits = choice.limits
    return tightness(order, choice.recipe.budget, limits.axes, limits.near, len(choice.ids))


def gaps(choice: Choice) -> tuple[Gap, ...]:
    """Groups that a target of the recipe asks more of than can be chosen, largest gap first."""
    matrix, usable = choice.pool.matrix, choice.usable
    budget = min(choice.recipe.budget, choice.n_usable)
    found: list[Gap] = []
    for column, shares in choice.recipe.rule.targets.items():
        found += target_gaps(column, matrix.keys[column], matrix.codes(column), usable, budget, shares)
    return tuple(sorted(found, key=lambda gap: (gap.has - gap.wanted, gap.column, gap.key)))


def columns(studio: Studio, snapshot_id: str, state: ScoreState) -> dict[str, tuple[str, ...]]:
    """Column -> its keys, for every column of the pool that limits and quotas may name."""
    matrix = select_matrix.load(studio, snapshot_id, state, Recipe()).matrix
    return {name: matrix.keys[name] for name in matrix.limitable}


def value_range(studio: Studio, snapshot_id: str, state: ScoreState, measure: str) -> tuple[float, float, float] | None:
    """Smallest, middle and largest raw value of a measure in the snapshot; None where none is defined."""
    found = next((item for item in state.sets if item.measure == measure), None)
    if found is None:
        return None
    raw = select_matrix.values(studio, snapshot_id, found, examples.ids(studio.store, snapshot_id))[0]
    defined = raw[np.isfinite(raw)]
    return (float(defined.min()), float(np.median(defined)), float(defined.max())) if len(defined) else None


def reference_shares(studio: Studio, snapshot_id: str) -> dict[str, dict[str, float]]:
    """Group column -> value -> share, for the groups whose reference shares somebody decided on."""
    return {name if name.startswith("group_") else f"group_{name}": dict(shares)
            for name, shares in references.shares(studio.store, snapshot_id).items()}  # fmt: skip
