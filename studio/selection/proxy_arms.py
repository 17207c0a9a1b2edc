"""Who each arm of a study would choose among labelled rows: the recipe itself, simple baselines, random draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from studio.errors import SelectionError
from studio.records import VIEWS, Array, Condition, Knn, Pool
from studio.selection import by_name
from studio.selection.combine import weighted_scores
from studio.selection.live import LiveMatrix, Rule, limits_of, rank
from studio.selection.proxy import FEWEST_ROWS
from studio.selection.recipe import RANKED, Recipe
from studio.selection.strategies import pick_longest
from studio.selection.stratified import pick_stratified
from studio.selection.usable import usable

PREDICTED = "predicted"
SELECTION, RANDOM, STRATIFIED, LONGEST, BOTTOM, FULL = "selection", "random", "stratified", "longest", "bottom", "full"


@dataclass(frozen=True, eq=False)
class Candidates:
    """The labelled rows as the ranking takes them, and what strategies may ask for besides; row i is one example.

    `weights` are the four in force, `options` what the recipe's strategy takes besides pool, budget and generator; the
    rest is None where the recipe does not need it.
    """

    matrix: LiveMatrix
    weights: Mapping[str, int]
    texts: Sequence[str]
    embeddings: Array | None = None
    probs: Array | None = None
    knn: Knn | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def allowed(self) -> Array:
        """Rows no filter or threshold keeps out, ascending."""
        barred = self.matrix.barred
        return np.arange(len(self)) if barred is None else np.flatnonzero(barred == 0)

    @property
    def scored(self) -> Array:
        """(4,) which views have any score among these rows."""
        return np.array([bool(np.isfinite(self.matrix.unit[:, column]).any()) for column in range(len(VIEWS))])


def choose(given: Candidates, recipe: Recipe, size: int) -> Array:
    """Rows the recipe takes when these are the pool, in pick order; fewer where scores are missing or limits bind.

    Limits in examples are scaled to the size, so that they bind as they do at the recipe's own budget.

    Raises:
        SelectionError: a strategy that cannot be used with these rows.
    """
    if recipe.strategy in RANKED:
        return rank(given.matrix, given.weights, size, _scaled(recipe, size)).rows
    strategy, matrix = by_name(recipe.strategy), given.matrix
    pool = _pool(given, recipe)
    rows = matrix.rows_of(pool.ids)
    weighted = weighted_scores(matrix.unit, given.weights, recipe.missing)
    may = usable(matrix, strategy, weighted, view=recipe.view, probs=given.probs)
    limits = limits_of(matrix, may, size, _scaled(recipe, size)).at(rows, len(matrix))
    picked = strategy.pick(pool, size, np.random.default_rng(recipe.seed), limits=limits, **given.options)
    return given.matrix.rows_of(picked.ids)


def _scaled(recipe: Recipe, size: int) -> Rule:
    caps = {column: max(1, math.ceil(limit * size / recipe.budget)) for column, limit in recipe.rule.caps.items()}
    return replace(recipe.rule, caps=caps)


def _pool(given: Candidates, recipe: Recipe) -> Pool:
    """The rows no filter or threshold keeps out, as a strategy takes them."""
    matrix, rows = given.matrix, given.allowed
    weighted = weighted_scores(matrix.unit, given.weights, recipe.missing)
    knn = given.knn
    if knn is not None and len(rows) < len(matrix):
        place = np.full(len(matrix), -1, dtype=np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        near = np.asarray(knn.indices)[rows]
        knn = Knn(np.where(near >= 0, place[np.maximum(near, 0)], -1), np.asarray(knn.distances)[rows])
    codes = {name: own[rows] for name, own in matrix.columns.items()}
    return Pool(matrix.ids[rows], weighted[rows], matrix.unit[rows], codes.pop("cluster", None), codes,
                None if given.probs is None else given.probs[rows],
                None if given.embeddings is None else given.embeddings[rows], knn,
                [given.texts[row] for row in rows])  # fmt: skip


def baselines(given: Candidates, recipe: Recipe, size: int) -> dict[str, Array]:
    """The arms without chance: longest texts, each single view, the bottom of the same score, all rows.

    A view alone is ranked under the recipe's own limits; bottom turns every unit score round, u -> 1 - u.
    """
    found = {LONGEST: given.matrix.rows_of(pick_longest(_pool(given, recipe), size, np.random.default_rng(0)).ids)}
    ranked = replace(recipe, strategy="weighted_sum")
    for view in np.array(VIEWS)[given.scored]:
        alone = replace(given, weights=dict.fromkeys(VIEWS, 0) | {str(view): 100})
        found[str(view)] = choose(alone, ranked, size)
    if recipe.strategy in RANKED:
        turned = replace(given.matrix, unit=np.asfortranarray(1 - given.matrix.unit))
        found[BOTTOM] = choose(replace(given, matrix=turned), recipe, size)
    return {name: rows for name, rows in found.items() if len(rows)} | {FULL: np.arange(len(given))}


def stratified(given: Candidates, size: int, rng: np.random.Generator) -> Array | None:
    """A random draw inside each cluster, of the rows no filter keeps out; None without clusters."""
    if "cluster" not in given.matrix.columns:
        return None
    matrix, rows = given.matrix, given.allowed
    pool = Pool(matrix.ids[rows], np.zeros(len(rows)), clusters=matrix.columns["cluster"][rows])
    return matrix.rows_of(pick_stratified(pool, size, rng).ids)


def draw(n: int, size: int, seed: int, number: int) -> Array:
    """Rows of the random draw of that number: of one number a larger size holds the smaller, as prefixes do."""
    return np.random.default_rng([seed, number]).permutation(n)[:size]


def asks_predicted(recipe: Recipe) -> bool:
    """True where a filter or a limit names predicted labels: a labelled example has none a model gave unseen."""
    named = {*recipe.caps, *recipe.quotas, *recipe.targets, *(clause.column for clause in recipe.filters)}
    return PREDICTED in named


def predicted_is(clause: Condition, codes: Array, keys: Sequence[str]) -> Array:
    """(n,) bool, which rows meet a clause on predicted labels.

    Raises:
        SelectionError: a comparison labels do not know.
    """
    wanted = clause.value if isinstance(clause.value, list | tuple) else [clause.value]
    if clause.op not in ("eq", "in", "ne"):
        raise SelectionError("Predicted labels cannot be asked for that", got=f"{clause.op} {clause.value}",
                             fix="Choose some of the labels.")  # fmt: skip
    inside = np.isin(codes, [code for code, key in enumerate(keys) if key in {str(value) for value in wanted}])
    return ~inside if clause.op == "ne" else inside


def check_allowed(n: int) -> None:
    """Refuse a study of the few rows that filters leave.

    Raises:
        SelectionError: fewer than 40.
    """
    if n < FEWEST_ROWS:
        raise SelectionError("Filters and thresholds leave too few labelled examples to compare choices", got=n,
                             fix=f"Loosen them until {FEWEST_ROWS} or more are left.")  # fmt: skip


def check_usable(rows: Array) -> None:
    """Refuse a choice that left nobody.

    Raises:
        SelectionError: none of the labelled examples can be chosen.
    """
    if not len(rows):
        raise SelectionError("None of the labelled examples has every score in use", got=0,
                             fix="Prepare the scores again, or count missing scores as middling.")  # fmt: skip
