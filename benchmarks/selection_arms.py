"""Who each arm of the selection benchmark would buy, and how good a head fitted on what was bought is.

An arm is a recipe as the Select page makes it, or a baseline. First batch: nobody has labelled anything, so the views
are relevance (to one sentence about the task), diversity and quality; difficulty's share goes to these. Arms after
labels start from 64 labels of the seed's random draw, which count as bought, and know difficulty by the probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.selection_pools import SKIPPED, Prepared
from studio.measures import DEFAULT_MEASURES, by_name, compute
from studio.measures.probe import probe_probs
from studio.records import VIEWS, Array, Batch, Pool
from studio.selection import by_name as strategy
from studio.selection.combine import view_score, weighted_scores
from studio.selection.constraints import near_pairs
from studio.selection.live import LiveMatrix, rank
from studio.selection.proxy import fit_head
from studio.selection.recipe import RANKED, Recipe
from studio.selection.unit_scores import unit_scores
from studio.selection.weights import PRESETS
from studio.workflows.select import weights_in_force
from studio.workflows.select_apply import options
from studio.workflows.select_scores import ranked_part

BUDGETS = (64, 128, 256, 512, 1_024)
FIRST_LABELS = 64
EVEN = 0.5  # alpha of the page's "Spread over clusters", which is on (decision 0126)
INNER: Mapping[str, Mapping[str, tuple[str, ...]]] = {  # what is known -> view -> its measures
    "goal": {view: DEFAULT_MEASURES[view] for view in ("relevance", "diversity", "quality")},
    "no_goal": {view: DEFAULT_MEASURES[view] for view in ("diversity", "quality")},
    "ngrams": {**{view: DEFAULT_MEASURES[view] for view in VIEWS}, "difficulty": ("ngram_loss",)},
    "labels": {view: DEFAULT_MEASURES[view] for view in VIEWS},
}


@dataclass(frozen=True)
class Arm:
    """One way to spend a budget. role: primary, candidate (settings of the page) or described; knows: key of INNER."""

    name: str
    role: str
    recipe: Recipe
    knows: str = "goal"
    is_bottom: bool = False


def _recipe(preset: str = "balanced", **more: object) -> Recipe:
    return Recipe(**{"weights": dict(PRESETS[preset]), "alpha": EVEN} | more)


def _arms() -> Iterator[Arm]:
    yield Arm("default", "primary", _recipe())
    yield Arm("random", "primary", Recipe(strategy="random"))
    yield Arm("stratified", "candidate", Recipe(strategy="stratified"))
    yield Arm("no_goal", "candidate", _recipe(), "no_goal")
    yield Arm("as_the_pool", "candidate", _recipe(alpha=1.0))
    yield Arm("all_clusters_equal", "candidate", _recipe(alpha=0.0))
    yield Arm("no_quotas", "candidate", _recipe(alpha=None))
    yield Arm("apart", "candidate", _recipe(tau=0.9))
    yield Arm("relevance_first", "candidate", _recipe("relevance_first"))
    yield Arm("clean_typical", "candidate", _recipe("clean_typical"))
    yield Arm("explore_widely", "candidate", _recipe("explore_widely"))
    yield Arm("sampled", "candidate", Recipe(strategy="sampled"))
    yield Arm("facility_location", "candidate", Recipe(strategy="facility_location"))
    yield Arm("k_center", "candidate", Recipe(strategy="k_center"))
    yield Arm("mmr", "candidate", Recipe(strategy="mmr"))
    yield Arm("longest", "described", Recipe(strategy="longest"))
    yield Arm("heuristic", "described", Recipe(strategy="heuristic"))
    for view in ("relevance", "diversity", "quality"):
        yield Arm(f"only_{view}", "described", Recipe(strategy="model_score", view=view))
    yield Arm("only_ngram_loss", "described", Recipe(strategy="model_score", view="difficulty"), "ngrams")
    yield Arm("hard_cases_ngrams", "described", _recipe("hard_cases"), "ngrams")
    yield Arm("bottom", "described", _recipe(), is_bottom=True)
    yield Arm("full", "described", Recipe(strategy="random"))
    yield Arm("default_after_labels", "described", _recipe(), "labels")
    yield Arm("hard_cases_after_labels", "described", _recipe("hard_cases"), "labels")
    yield Arm("uncertainty_after_labels", "described", Recipe(strategy="margin"), "labels")


ARMS: tuple[Arm, ...] = tuple(_arms())


def arm(name: str) -> Arm:
    """The arm of that name."""
    return next(one for one in ARMS if one.name == name)


# --- choosing ---------------------------------------------------------------------------------------------------------
def unit_matrix(raw: Mapping[str, Array], n: int, inner: Mapping[str, Sequence[str]]) -> Array:
    """(n, 4) scores of the views, as the page makes them of stored raw values; NaN for a view without measures."""
    unit = np.full((n, len(VIEWS)), np.nan, dtype=np.float32, order="F")
    for view, names in inner.items():
        units = {name: unit_scores(ranked_part(by_name(name), raw[name]), by_name(name).prefer) for name in names}
        unit[:, VIEWS.index(view)] = view_score(units, dict.fromkeys(names, 1.0))
    return unit


def first_probs(pool: Prepared) -> Array | None:
    """(n, c) class probabilities by a probe on the first 64 labels; None where it cannot be fitted."""
    labels: list[str | None] = [None] * len(pool)
    for row in pool.perm[:FIRST_LABELS]:
        if pool.drawn.label[row] != SKIPPED:
            labels[row] = f"{pool.drawn.label[row]:03d}"
    known = [label for label in labels if label is not None]
    if len(known) < 10 or len(set(known)) < 2:
        return None
    return probe_probs(pool.x, labels, np.random.default_rng(pool.seed))[0]


def live(pool: Prepared, one: Arm, rows: Array, probs: Array | None = None) -> LiveMatrix:
    """The rows of the pool one may choose from, with the scores this arm knows of, scaled over the whole pool."""
    raw = dict(pool.raw)
    if one.knows == "labels":
        batch = Batch(np.arange(len(pool)), list(pool.texts), pool.corpus.language, class_probs=probs)
        raw["margin"] = compute(by_name("margin"), batch)
    if one.knows == "ngrams":
        raw["ngram_loss"] = pool.asked("ngram_loss")
    unit = unit_matrix(raw, len(pool), INNER[one.knows])
    if one.is_bottom:
        unit = np.asfortranarray(1 - unit)
    names = tuple(f"c{i}" for i in range(int(pool.clusters.max()) + 1))
    near = near_pairs(pool.knn, one.recipe.tau) if one.recipe.tau is not None else None
    return LiveMatrix(rows.astype(np.int64), np.asfortranarray(unit[rows]), {"cluster": pool.clusters[rows]},
                      {"cluster": names}, near)  # fmt: skip


def choose(pool: Prepared, one: Arm, rows: Array, budget: int, probs: Array | None = None) -> Array:
    """Rows of the pool that the arm takes of `rows`, as the page does: the live ranking, or the strategy itself."""
    recipe = replace(one.recipe, seed=pool.seed, budget=budget)
    matrix, weights = live(pool, one, rows, probs), weights_in_force(recipe.weights, tuple(INNER[one.knows]))
    if recipe.strategy in RANKED:
        return rank(matrix, weights, budget, recipe.rule).ids
    whole = len(rows) == len(pool)  # the graph names rows of the whole pool; arms after labels do not ask for it
    given = Pool(matrix.ids, weighted_scores(matrix.unit, weights, recipe.missing), matrix.unit,
                 matrix.columns["cluster"], {}, None if probs is None else probs[rows], pool.x[rows],
                 pool.knn if whole else None, [pool.texts[i] for i in rows])  # fmt: skip
    rng = np.random.default_rng([pool.seed, 6])
    return strategy(recipe.strategy).pick(given, budget, rng, **options(recipe)).ids


def bought(pool: Prepared, one: Arm, budgets: Sequence[int] = BUDGETS) -> list[Array]:
    """Rows bought at each budget; fewer than the budget where limits or missing scores leave fewer.

    Raises:
        ValueError: the probe cannot be fitted on the first labels.
    """
    if one.name == "random":
        return [pool.perm[:budget] for budget in budgets]
    everyone = np.arange(len(pool))
    if one.name == "full":
        return [everyone]
    if one.knows != "labels":
        return [choose(pool, one, everyone, budget) for budget in budgets]
    probs = first_probs(pool)
    if probs is None:
        raise ValueError("the first labels are of one class or fewer than 10")
    first, rest = pool.perm[:FIRST_LABELS], np.sort(pool.perm[FIRST_LABELS:])
    return [np.concatenate([first, choose(pool, one, rest, budget - FIRST_LABELS, probs)])
            if budget > FIRST_LABELS else pool.perm[:budget] for budget in budgets]  # fmt: skip


# --- judging ----------------------------------------------------------------------------------------------------------
def judge(x: Array, y: Array, held_x: Array, held_y: Array, n_classes: int) -> tuple[float, float]:
    """Accuracy and mean recall per class on the test set, of a logistic head fitted on the rows that have a label.

    Without any labelled row both are 1 / classes.
    """
    kept = y != SKIPPED
    if not kept.any():
        return 1.0 / n_classes, 1.0 / n_classes
    head = fit_head(x[kept], y[kept], n_classes)
    right = (held_x @ head[:-1] + head[-1]).argmax(axis=1) == held_y
    there, inverse = np.unique(held_y, return_inverse=True)
    recall = np.bincount(inverse, weights=right) / np.bincount(inverse)
    return float(right.mean()), float(recall[: len(there)].mean())


def area(values: Sequence[float], budgets: Sequence[int] = BUDGETS) -> float:
    """Area under a learning curve over log2(budget) by trapezoids, divided by the width: a mean height.

    Example:
        >>> area([0.2, 0.4, 0.6], [64, 128, 256])
        0.4
    """
    at, height = np.log2(np.asarray(budgets, dtype=np.float64)), np.asarray(values, dtype=np.float64)
    if len(at) == 1:
        return float(height[0])
    return float(((height[1:] + height[:-1]) / 2 * np.diff(at)).sum() / (at[-1] - at[0]))


def run_arm(pool: Prepared, one: Arm, budgets: Sequence[int] = BUDGETS) -> dict[str, object]:
    """One cell: the learning curve of an arm on the pool of a seed, as a JSON line."""
    corpus, kinds, copies_of = pool.corpus, pool.drawn.kind, pool.drawn.place
    sets = bought(pool, one, budgets)
    curve = [judge(pool.x[rows], pool.drawn.label[rows], corpus.test.x, corpus.test.y, len(corpus.classes))
             for rows in sets]  # fmt: skip
    curve = curve * len(budgets) if one.name == "full" else curve
    accuracy, recall = ([round(pair[which], 5) for pair in curve] for which in (0, 1))
    truth = np.where(kinds == 1, SKIPPED, 0)
    own, copy = kinds == 0, kinds == 2
    truth[own] = corpus.own.y[copies_of[own]]
    truth[copy] = corpus.own.y[corpus.copy_of[copies_of[copy]]]
    return {
        "corpus": corpus.name, "state": pool.state, "seed": pool.seed, "arm": one.name, "pool": len(pool),
        "budgets": list(budgets), "bought": [len(rows) for rows in sets], "accuracy": accuracy, "recall": recall,
        "area": round(area(accuracy, budgets), 6), "recall_area": round(area(recall, budgets), 6),
        "off_topic": [int((kinds[rows] == 1).sum()) for rows in sets],
        "copies": [int((kinds[rows] == 2).sum()) for rows in sets],
        "wrong": [int((truth[rows] != pool.drawn.label[rows]).sum()) for rows in sets],
        "classes": [len(set(pool.drawn.label[rows]) - {SKIPPED}) for rows in sets],
    }  # fmt: skip
