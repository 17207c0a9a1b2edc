"""How much a choice hangs on its weights: who stays when they move a little, and how far one may go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.records import VIEWS, Array
from studio.selection.live import LiveMatrix, Rule, rank
from studio.selection.weights import TOTAL, largest_remainder, move_weight

STEPS: tuple[int, ...] = (-20, -10, -5, 5, 10, 20)  # points one slider is moved by
CLOUD = 99  # settings drawn around the weights
SPREAD = 0.05  # ours: a weight of a quarter varies by about 5 points in the cloud
STABLE = 0.95
MAP_STEP = 10  # points between two cells of the map
Tick = Callable[[int, int], None]


@dataclass(frozen=True)
class Moved:
    """One slider moved by `step` points (as far as it goes): the weights then, who changed, the overlap."""

    view: str
    step: int
    weights: Mapping[str, int]
    changed: int
    jaccard: float


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What moving the weights does to the choice.

    moved: single moves that change the weights. cloud (m,) overlap of every drawn setting with the choice; stays (n,)
    share of the drawn settings under which each chosen row, in pick order, is in. axes: the two views of the map; grid
    (s, s) overlap where axes[0] has row * MAP_STEP points and axes[1] column * MAP_STEP, NaN beyond 100 together.
    """

    moved: tuple[Moved, ...]
    cloud: Array
    stays: Array
    axes: tuple[str, str]
    grid: Array

    @property
    def n_shaky(self) -> int:
        """Chosen examples that are in under fewer than 95 % of the drawn settings."""
        return int((self.stays < STABLE).sum())


def jaccard(a: Array, b: Array) -> float:
    """|a and b| / |a or b| of two sets of rows, each row once; 1 for two empty ones."""
    both = len(np.intersect1d(a, b, assume_unique=True))
    either = len(a) + len(b) - both
    return both / either if either else 1.0


def cloud_of(weights: Mapping[str, int], n: int, rng: np.random.Generator) -> list[dict[str, int]]:
    """Settings drawn around the weights: Dirichlet(s * w), s so that a weight of 1/4 has a deviation of SPREAD.

    s = (1/4 * 3/4) / SPREAD^2 - 1 = 74. Views of weight 0 stay 0. Rounded to whole points that sum to 100.
    """
    strength = 0.25 * 0.75 / SPREAD**2 - 1
    used = [view for view in VIEWS if weights[view]]
    drawn = rng.dirichlet([strength * weights[view] / TOTAL for view in used], size=n)
    return [dict.fromkeys(VIEWS, 0) | dict(zip(used, largest_remainder(row.tolist(), TOTAL), strict=True))
            for row in drawn]  # fmt: skip


def map_weights(
    weights: Mapping[str, int], axes: tuple[str, str], a: int, b: int, free: Sequence[str]
) -> dict[str, int]:
    """The weights with `a` and `b` points on two views; the others of `free` share the rest in proportion.

    Others that are all 0 share equally; without others the rest goes to the two in proportion.
    """
    rest = TOTAL - a - b
    others = [view for view in free if view not in axes]
    fixed = dict.fromkeys(VIEWS, 0) | {axes[0]: a, axes[1]: b}
    if not others:
        shared = largest_remainder([a, b] if a + b else [1, 1], TOTAL)
        return fixed | {axes[0]: shared[0], axes[1]: shared[1]}
    given = largest_remainder([weights[view] for view in others], rest)
    return fixed | dict(zip(others, given, strict=True))


def sensitivity(
    matrix: LiveMatrix,
    weights: Mapping[str, int],
    budget: int,
    rule: Rule,
    rng: np.random.Generator,
    *,
    free: Collection[str] = VIEWS,
    axes: tuple[str, str] | None = None,
    tick: Tick | None = None,
) -> Sensitivity:
    """Rank again under moved weights and count who stays. The caps and quotas of the rule hold in every ranking.

    Args:
        matrix: the pool.
        weights: the weights now.
        budget: the budget now.
        rule: the rule now.
        rng: draws the cloud.
        free: views that have scores; the others keep 0.
        axes: the two views of the map; the two heaviest free ones by default.
        tick: called with (done, all) after every ranking.

    Raises:
        SelectionError: weights, budget or a rule that cannot be used.
    """
    there = [view for view in VIEWS if view in free]
    axes = axes or _axes(weights, there)
    base = rank(matrix, weights, budget, rule).rows
    moves = [(view, step, moved) for view in there for step in STEPS
             if (moved := move_weight(weights, view, weights[view] + step, [v for v in VIEWS if v not in there]))
             != dict(weights)]  # fmt: skip
    cloud = cloud_of(weights, CLOUD, rng)
    side = TOTAL // MAP_STEP + 1
    cells = [(i, j) for i in range(side) for j in range(side - i)]
    settings = [own for _, _, own in moves] + cloud
    settings += [map_weights(weights, axes, i * MAP_STEP, j * MAP_STEP, there) for i, j in cells]
    inside, overlaps, changed = np.zeros(len(matrix), dtype=np.int64), [], []
    for number, own in enumerate(settings):
        rows = rank(matrix, own, budget, rule).rows
        overlaps.append(jaccard(base, rows))
        changed.append(len(np.setdiff1d(base, rows, assume_unique=True)) if number < len(moves) else 0)
        if len(moves) <= number < len(moves) + len(cloud):
            inside[rows] += 1
        if tick is not None:
            tick(number + 1, len(settings))
    grid = np.full((side, side), np.nan)
    grid[tuple(np.array(cells).T)] = overlaps[len(moves) + len(cloud) :]
    found = tuple(Moved(*move, gone, own) for move, gone, own in zip(moves, changed, overlaps, strict=False))
    drawn = np.array(overlaps[len(moves) : len(moves) + len(cloud)])
    return Sensitivity(found, drawn, inside[base] / len(cloud), axes, grid)


def _axes(weights: Mapping[str, int], there: Sequence[str]) -> tuple[str, str]:
    """The two heaviest views that have scores; a view without any stands in where there is only one."""
    heaviest = sorted(there, key=lambda view: (-weights[view], VIEWS.index(view)))
    return heaviest[0], (heaviest[1:] or [view for view in VIEWS if view != heaviest[0]])[0]
