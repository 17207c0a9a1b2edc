"""What a choice does: group shares against random draws of the same size, and how varied it is. Made on release."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.audits.diversity import mean_distance, spread, vendi_scores
from studio.records import Array
from studio.selection.bands import (
    DRAWS,
    AgainstRandom,
    Band,
    against_random,
    correct_together,
    hypergeometric_bands,
    random_draws,
    simulated_bands,
)
from studio.selection.constraints import Axis
from studio.store import selections
from studio.workflows import select_matrix
from studio.workflows.select import Choice
from studio.workflows.studio import Studio

LEAST_DRAWS = 39  # fewer give no 95 % band
_WORK = 6e10  # multiply-adds spent on Vendi scores of draws, about 3 s on one core; fixed, so the count is repeatable
_MOST_CELLS = 4e8  # numbers read from the vectors file for the distances of all draws
_KEPT = 16
_kept: OrderedDict[tuple[Any, ...], Effect] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class GroupBand:
    """A band with the column and the key it is about; an empty key is a missing value (no cluster, for clusters)."""

    column: str
    key: str
    band: Band


@dataclass(frozen=True)
class Effect:
    """The effect of one choice. `distance` and `vendi` are None without vectors or with fewer than two examples."""

    groups: Mapping[str, tuple[GroupBand, ...]]
    distance: AgainstRandom | None
    vendi: AgainstRandom | None
    draws: int
    is_simulated: bool

    @property
    def alarms(self) -> tuple[GroupBand, ...]:
        """Groups of 50 and more that a random draw would very rarely treat so, the farthest outside first."""
        found = [g for groups in self.groups.values() for g in groups
                 if g.band.verdict in ("fewer", "more") and not g.band.is_small]  # fmt: skip
        return tuple(sorted(found, key=lambda g: (-abs(g.band.gap) / max(g.band.expected, 1.0), g.column, g.key)))


def effect(studio: Studio, choice: Choice, draws: int = DRAWS) -> Effect:
    """Bands and diversity of a choice; from memory when it was worked out before.

    Exact hypergeometric bands without limits. With caps, quotas or the near-duplicate filter: random draws that obey
    the same ones, seeded by the recipe.

    Raises:
        SelectionError: fewer than 39 draws were asked for.
    """
    key = (str(studio.workspace.root), choice.pool.ids_hash, selections.hash_ids(np.sort(choice.ids)),
           choice.recipe.rule, choice.recipe.seed, choice.recipe.strategy, draws, choice.state.around)  # fmt: skip
    key = tuple(repr(part) for part in key)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = _make(studio, choice, draws)
    with _lock:
        _kept[key] = made
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return made


def _make(studio: Studio, choice: Choice, draws: int) -> Effect:
    matrix = choice.pool.matrix
    rng = np.random.default_rng([choice.recipe.seed, 2])
    axes, near = _limits(choice)
    is_simulated = bool(axes) or near is not None
    drawn = random_draws(np.arange(len(matrix)), len(choice.rows), len(matrix), rng, draws=draws, axes=axes, near=near)
    columns = list(matrix.columns)
    bands = correct_together([_column_bands(choice, name, drawn if is_simulated else []) for name in columns])
    groups = {
        name: tuple(GroupBand(name, matrix.key_name(name, band.code), band) for band in own)
        for name, own in zip(columns, bands, strict=True)
    }
    distance, vendi = _diversity(studio, choice, drawn)
    return Effect(groups, distance, vendi, draws, is_simulated)


def _limits(choice: Choice) -> tuple[list[Axis], Any]:
    if choice.ranking is None:
        return [], None
    return list(choice.ranking.picked.axes), choice.pool.matrix.near if choice.recipe.rule.near else None


def _column_bands(choice: Choice, column: str, drawn: list[Array]) -> list[Band]:
    matrix = choice.pool.matrix
    pool, picked = matrix.counts(column), matrix.counts(column, choice.rows)
    if not drawn:
        return hypergeometric_bands(pool, picked)
    return simulated_bands(pool, picked, np.stack([matrix.counts(column, rows) for rows in drawn]))


def _diversity(studio: Studio, choice: Choice, drawn: list[Array]) -> tuple[AgainstRandom | None, AgainstRandom | None]:
    """Mean pairwise distance and Vendi score beside those of the draws; fewer draws where they would take long."""
    if choice.state.around.vectors_path is None or len(choice.rows) < 2:
        return None, None
    vectors = select_matrix.vectors(studio, choice.state)
    size, d = len(choice.rows), vectors.shape[1]
    for_vendi = _affordable(len(drawn), _WORK / (size * d * d + 10 * d**3))
    for_distance = _affordable(len(drawn), _MOST_CELLS / (size * d))

    def of(rows: Array) -> Any:
        return spread(vectors, np.sort(choice.pool.rows[rows]))

    own = of(choice.rows)
    spreads = [of(rows) for rows in drawn[: max(for_vendi, for_distance)] if len(rows) > 1]
    if len(spreads) < LEAST_DRAWS:
        return None, None
    distance = against_random(mean_distance(own), np.array([mean_distance(one) for one in spreads[:for_distance]]))
    scores = np.array([vendi_scores(one, (1.0,))[1.0] for one in spreads[:for_vendi]])
    return distance, against_random(vendi_scores(own, (1.0,))[1.0], scores)


def _affordable(draws: int, within: float) -> int:
    return int(min(draws, max(LEAST_DRAWS, within)))
