"""How much a choice hangs on its weights, worked out beside the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.records import VIEWS
from studio.selection.sensitivity import Sensitivity, sensitivity
from studio.workflows import select_apply
from studio.workflows.select import Choice
from studio.workflows.select_soon import Pending, Tick, soon
from studio.workflows.studio import Studio

MOST_SHAKY = 50


def of_choice_soon(
    studio: Studio, snapshot_id: str, choice: Choice, axes: tuple[str, str] | None = None
) -> Pending | None:
    """The sensitivity of a choice in the background; its result is a Sensitivity. None for other ways of choosing.

    Seeded by the recipe. About 190 rankings: a second at 100,000 examples.

    Args:
        studio: the open workspace.
        snapshot_id: the pool's snapshot.
        choice: who gets in.
        axes: the two views of the map; the two heaviest by default.
    """
    if choice.ranking is None or not choice.state.available:
        return None
    key = ("sensitivity", str(studio.workspace.root), axes,
           select_apply.key_of(studio, snapshot_id, choice.state, choice.pool, choice.recipe))  # fmt: skip

    def work(tick: Tick) -> Sensitivity:
        rng = np.random.default_rng([choice.recipe.seed, 3])
        return sensitivity(choice.pool.matrix, choice.weights, choice.recipe.budget, choice.recipe.rule, rng,
                           free=choice.state.available, axes=axes, tick=tick)  # fmt: skip

    return soon(key, work)


def shaky(choice: Choice, found: Sensitivity, most: int = MOST_SHAKY) -> list[tuple[int, float]]:
    """(example_id, share of the drawn settings it is in under) of the chosen that stay in least, lowest first."""
    order = np.argsort(found.stays, kind="stable")[: min(most, found.n_shaky)]
    return [(int(choice.ids[at]), float(found.stays[at])) for at in order]


def pairs(available: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of views a map can be drawn over."""
    there = [view for view in VIEWS if view in available]
    return [(a, b) for number, a in enumerate(there) for b in there[number + 1 :]]
