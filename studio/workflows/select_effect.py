"""What a choice does: group shares against random draws of the same size, and how varied it is. Made on release."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.diversity.vendi import Spread, mean_distance, spread, vendi_scores
from studio.records import Array
from studio.selection.bands import (
    DRAWS,
    PREFIX,
    AgainstRandom,
    Band,
    against_random,
    correct_together,
    hypergeometric_bands,
    random_draws,
    simulated_bands,
    stratified_bands,
)
from studio.selection.constraints import Axis
from studio.selection.draw_test import draws_needed
from studio.store import selections
from studio.workflows import select_matrix
from studio.workflows.select import Choice
from studio.workflows.select_soon import Pending, soon
from studio.workflows.studio import Studio

LEAST_DRAWS = 39  # fewer give no 95 % band
_WORK = 6e10  # multiply-adds spent on Vendi scores of draws, about 3 s on one core; fixed, so the count is repeatable
_MOST_CELLS = 4e8  # numbers read from the vectors file for the distances of all draws
_MOST_WALKED = 5e7  # rows shuffled for the draws of groups, some seconds; fixed, so the count is repeatable
_MOST_CONVOLVED = 3e7  # groups x kinds x examples of exact bands under one quota, about a second
_KEPT = 32
_MOST_KEPT_ROWS = 500_000  # of all draws of one choice, 4 MB; more are drawn again
_kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class GroupBand:
    """A band with the column and the key it is about; an empty key is a missing value (no cluster, for clusters)."""

    column: str
    key: str
    band: Band


@dataclass(frozen=True)
class Variety:
    """How varied a choice is beside random draws from the pool that obey the same limits."""

    distance: AgainstRandom
    vendi: AgainstRandom


@dataclass(frozen=True)
class GroupEffect:
    """Bands of every group of every column, corrected together; `draws` is 0 where the bands are exact.

    `is_limited`: the draws of the bands obey limits, as the choice does.
    """

    groups: Mapping[str, tuple[GroupBand, ...]]
    draws: int
    is_limited: bool = False

    @property
    def undecided(self) -> tuple[GroupBand, ...]:
        """Groups of 50 and more outside all draws, of which there are too few for one group alone to be an alarm."""
        return tuple(g for groups in self.groups.values() for g in groups
                     if g.band.verdict == "open" and not g.band.is_small)  # fmt: skip

    @property
    def alarms(self) -> tuple[GroupBand, ...]:
        """Groups of 50 and more that a random draw would very rarely treat so, in the order of the verdict.

        People first, clusters after them; the farthest from what chance would pick, in parts of that, comes first.
        """
        found = [g for groups in self.groups.values() for g in groups
                 if g.band.verdict in ("fewer", "more") and not g.band.is_small]  # fmt: skip
        return tuple(sorted(found, key=lambda g: (g.column == "cluster", -abs(g.band.picked - g.band.expected)
                                                  / max(g.band.expected, 1.0), g.column, g.key)))  # fmt: skip


def group_effect(choice: Choice, draws: int = DRAWS) -> GroupEffect:
    """Group shares of a choice against random draws of the same size; from memory when worked out before.

    Exact bands without limits and where one quota says how many of each kind every draw takes (decision 0243). With
    caps, several quotas or the near-duplicate filter: random draws that obey the same ones, seeded by the recipe; more
    of them where so few cannot tell a group's p from that of its neighbours.

    Raises:
        SelectionError: fewer than 39 draws were asked for.
    """
    return _remembered(("groups", *_key(choice, draws)), lambda: _group_effect(choice, draws))


def variety(
    studio: Studio, choice: Choice, draws: int = DRAWS, tick: Callable[[int, int], None] | None = None
) -> Variety | None:
    """Mean pairwise distance and Vendi score of a choice beside those of random draws; from memory when known.

    Args:
        studio: the open workspace.
        choice: who gets in.
        draws: most random draws; fewer where they would take long, the number is in the result.
        tick: called with (done, all) after every draw, so that a page may show progress or give up.

    Returns:
        None without vectors, with fewer than two examples or with limits that leave no draw.
    """
    key = ("variety", str(studio.workspace.root), *_key(choice, draws))
    return _remembered(key, lambda: _variety(studio, choice, draws, tick or (lambda done, all_: None)))


def variety_soon(studio: Studio, choice: Choice, draws: int = DRAWS, owner: str = "") -> Pending:
    """`variety` in the background for `owner` (a browser session): returns at once, ask again until `is_over`."""
    key = ("variety", str(studio.workspace.root), *_key(choice, draws))
    return soon(key, lambda tick: variety(studio, choice, draws, tick), owner)


def _key(choice: Choice, draws: int) -> tuple[Any, ...]:
    """Everything a comparison depends on: who is chosen beside what its draws depend on."""
    return selections.hash_ids(np.sort(choice.ids)), repr(choice.recipe.rule), *_draws_key(choice, draws)


def _draws_key(choice: Choice, draws: int) -> tuple[Any, ...]:
    """Everything random draws depend on: the limits as counts too, which quotas share out by who has a score.

    Not who is chosen: a slider moves the choice, and as long as its limits stay the same so do the draws.
    """
    axes, near = _limits(choice)
    counts = tuple((axis.kind, axis.name, axis.limits.tobytes()) for axis in axes)
    return (choice.pool.ids_hash, len(choice.rows), near is not None, choice.recipe.tau, choice.recipe.seed,
            choice.recipe.strategy, draws, choice.state.around, counts, choice.pool.columns_hash)  # fmt: skip


def _remembered(key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = make()
    with _lock:
        _kept[key] = made
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return made


def draws_of(choice: Choice, draws: int) -> list[Array]:
    """Random selections of the same size under the same limits, rows of the pool, seeded by the recipe."""
    if draws * len(choice.rows) > _MOST_KEPT_ROWS:
        return _drawn(choice, draws)
    return _remembered(("draws", *_draws_key(choice, draws)), lambda: _drawn(choice, draws))


def _drawn(choice: Choice, draws: int) -> list[Array]:
    axes, near = _limits(choice)
    rng = np.random.default_rng([choice.recipe.seed, 2])
    n = len(choice.pool.matrix)
    return random_draws(np.arange(n), len(choice.rows), n, rng, draws=draws, axes=axes, near=near)


def _group_effect(choice: Choice, draws: int) -> GroupEffect:
    matrix = choice.pool.matrix
    axes, near = _limits(choice)
    under_limits = is_limited(choice)
    columns = list(matrix.columns)
    fixed = _fixed_quota(choice, axes[0]) if len(axes) == 1 and near is None else None
    drawn = draws_of(choice, draws) if under_limits and fixed is None else []
    bands = correct_together([_column_bands(choice, name, drawn, fixed) for name in columns])
    if drawn and (more := _more_draws(choice, bands, draws)) > draws:
        drawn = draws_of(choice, more)
        bands = correct_together([_column_bands(choice, name, drawn, None) for name in columns])
    groups = {
        name: tuple(GroupBand(name, matrix.key_name(name, band.code), band) for band in own)
        for name, own in zip(columns, bands, strict=True)
    }
    return GroupEffect(groups, len(drawn), under_limits)


def _more_draws(choice: Choice, bands: list[list[Band]], draws: int) -> int:
    """How many draws let one large group alone be an alarm after correction, where one lies outside all draws so far.

    p is never below 2 / (draws + 1): over 30 groups 199 draws could call nothing an alarm, whoever is shut out.
    """
    flat = [band for own in bands for band in own]
    is_open = any(band.verdict == "open" and not band.is_small for band in flat)
    walked = min(len(choice.pool.matrix), PREFIX * len(choice.rows) + 64)
    return min(draws_needed(len(flat)), int(_MOST_WALKED / walked)) if is_open else draws


def is_limited(choice: Choice) -> bool:
    """True where random draws obey limits, whatever way of choosing it is."""
    axes, near = _limits(choice)
    return bool(axes) or near is not None


def _limits(choice: Choice) -> tuple[list[Axis], Any]:
    if choice.ranking is None:
        return list(choice.limits.axes), choice.limits.near
    return list(choice.ranking.picked.axes), choice.pool.matrix.near if choice.recipe.rule.near else None


def _fixed_quota(choice: Choice, axis: Axis) -> tuple[Array, Array] | None:
    """Stratum of every row of the pool and how many every draw takes of each; None where draws may differ in that.

    They cannot where the quotas sum to what is chosen: every one is filled.
    """
    strata = axis.shifted(np.arange(len(axis.codes)))
    taken = np.minimum(axis.limits, np.bincount(strata, minlength=len(axis.limits)))
    n_groups = sum(len(choice.pool.matrix.counts(name)) for name in choice.pool.matrix.columns)
    if int(taken.sum()) != len(choice.rows) or n_groups * len(taken) * len(choice.rows) > _MOST_CONVOLVED:
        return None
    return strata, taken


def _column_bands(choice: Choice, column: str, drawn: list[Array], fixed: tuple[Array, Array] | None) -> list[Band]:
    matrix = choice.pool.matrix
    pool, picked = matrix.counts(column), matrix.counts(column, choice.rows)
    if fixed is not None:
        strata, taken = fixed
        groups = matrix.codes(column).astype(np.int64) + 1
        cells = np.bincount(strata * len(pool) + groups, minlength=len(taken) * len(pool))
        return stratified_bands(pool, picked, cells.reshape(len(taken), len(pool)), taken)
    if not drawn:
        return hypergeometric_bands(pool, picked)
    return simulated_bands(pool, picked, np.stack([matrix.counts(column, rows) for rows in drawn]))


def _variety(studio: Studio, choice: Choice, draws: int, tick: Callable[[int, int], None]) -> Variety | None:
    if choice.state.around.vectors_path is None or len(choice.rows) < 2:
        return None
    vectors = select_matrix.vectors(studio, choice.state)
    size, d = len(choice.rows), vectors.shape[1]
    for_vendi = _affordable(draws, _WORK / (size * d * d + 10 * d**3))
    for_distance = max(for_vendi, _affordable(draws, _MOST_CELLS / (size * d)))
    distances, scores = [], []
    drawn = [rows for rows in draws_of(choice, for_distance) if len(rows) > 1]
    if len(drawn) < LEAST_DRAWS:
        return None
    for number, rows in enumerate(drawn):
        found = _spread(vectors, choice, rows)
        distances.append(mean_distance(found))
        if number < for_vendi:
            scores.append(vendi_scores(found, (1.0,))[1.0])
        tick(number + 1, len(drawn))
    own = _spread(vectors, choice, choice.rows)
    return Variety(
        against_random(mean_distance(own), np.array(distances)),
        against_random(vendi_scores(own, (1.0,))[1.0], np.array(scores)),
    )


def _spread(vectors: Array, choice: Choice, rows: Array) -> Spread:
    return spread(vectors, np.sort(choice.pool.rows[rows]))


def _affordable(draws: int, within: float) -> int:
    return int(min(draws, max(LEAST_DRAWS, within)))
