"""The funnel of a choice now, or of a saved selection with what became of it: annotated, trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from studio.errors import StudioError
from studio.records import Array
from studio.selection.combine import weighted_scores
from studio.selection.funnel import STEPS, Funnel, funnel
from studio.selection.live import LiveMatrix
from studio.selection.recipe import Recipe, recipe_from_json
from studio.store import labels, selections
from studio.store.selections import FrozenSelection
from studio.workflows import select, select_apply, select_matrix
from studio.workflows.select import Choice
from studio.workflows.select_scores import ScoreState
from studio.workflows.studio import Studio

LABEL = "label"
UNKNOWN = -2  # the label of an example nobody has labelled: not missing, hidden


@dataclass(frozen=True)
class Found:
    """A funnel, the name of every key of its columns, and how many examples each step holds.

    `is_then` is False where a saved selection's recipe cannot be applied any more and nothing says who was filtered.
    """

    funnel: Funnel
    keys: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, int]
    is_then: bool = True

    def key_name(self, column: str, code: int) -> str:
        """The name of a code of a column; empty for missing."""
        return self.keys[column][code] if code >= 0 else ""


def of_choice(choice: Choice) -> Found:
    """Pool, filtered and selected of a choice that is not frozen: nobody has labelled any of it."""
    matrix = choice.pool.matrix
    inside = np.zeros(len(matrix), dtype=bool)
    inside[choice.rows] = True
    steps = [("pool", np.ones(len(matrix), dtype=bool)), ("filtered", choice.usable | inside), ("selected", inside)]
    return _found(matrix, steps, {})


def of_frozen(studio: Studio, frozen: FrozenSelection, state: ScoreState) -> Found:
    """All five steps of a saved selection. The pool is who is unlabelled now, with the chosen in it.

    Filters and thresholds are those of its recipe, applied to the scores there are now.

    Args:
        studio: the open workspace.
        frozen: the selection.
        state: which scores are in use.

    Raises:
        CorpusError: the snapshot is gone.
    """
    snapshot_id = frozen.snapshot_id
    ids = selections.ids(studio.store, frozen.selection_id)
    everyone = np.union1d(np.asarray(labels.pool_left(studio.store, snapshot_id), dtype=np.int64), ids)
    is_then = True
    try:
        recipe = recipe_from_json(_flat(frozen))
        pool = select_matrix.of_rows(studio, snapshot_id, state, recipe, everyone)
        weights = select.weights_in_force(recipe.weights, state.available)
        weighted = weighted_scores(pool.matrix.unit, weights, recipe.missing)
        passed = select_apply.asked(studio, snapshot_id, state, pool, weighted, recipe).usable
    except (StudioError, KeyError, TypeError, ValueError, AttributeError):  # whatever a stored recipe holds
        is_then = False
        pool = select_matrix.of_rows(studio, snapshot_id, state, Recipe(), everyone)
        passed = np.ones(len(everyone), dtype=bool)
    inside = np.isin(everyone, ids, assume_unique=False)
    now = labels.table(studio.store, snapshot_id)
    known = pd.DataFrame({"example_id": now["example_id"].to_numpy(), "label": now["label"].to_pylist(),
                          "split": now["split"].to_pylist()})  # fmt: skip
    known = known[np.isin(known["example_id"], ids)]
    annotated = np.isin(everyone, known["example_id"])
    train = np.isin(everyone, known.loc[known["split"] == "train", "example_id"])
    steps = [("pool", np.ones(len(everyone), dtype=bool))]
    if is_then:
        steps.append(("filtered", passed | inside))
    steps += [("selected", inside), ("annotated", annotated & inside), ("train", train & inside)]
    return replace(_found(pool.matrix, steps, _labels(everyone, known)), is_then=is_then)


def _flat(frozen: FrozenSelection) -> dict[str, object]:
    stored = dict(frozen.recipe)
    inner = stored.get("inner")
    if isinstance(inner, Mapping) and any(isinstance(own, Mapping) for own in inner.values()):
        stored["inner"] = {name: float(weight) for own in inner.values() for name, weight in dict(own).items()}
    return stored


def _labels(everyone: Array, known: pd.DataFrame) -> dict[str, tuple[Array, tuple[str, ...]]]:
    """Labels in force of the examples as one more column; those of the pool are hidden and stay unknown."""
    if known.empty:
        return {}
    texts = [label if isinstance(label, str) else None for label in known["label"]]
    codes, names = pd.factorize(pd.Series(texts, dtype=object), sort=True)
    if len(names) > select_matrix.MOST_KEYS or not len(names):
        return {}
    column = np.full(len(everyone), UNKNOWN, dtype=np.int64)
    column[np.searchsorted(everyone, known["example_id"].to_numpy())] = codes
    return {LABEL: (column, tuple(str(name) for name in names))}


def _found(
    matrix: LiveMatrix, steps: list[tuple[str, Array]], more: Mapping[str, tuple[Array, tuple[str, ...]]]
) -> Found:
    columns = {name: (matrix.codes(name), len(matrix.keys[name])) for name in matrix.limitable}
    keys = {name: tuple(matrix.keys[name]) for name in matrix.limitable}
    for name, (codes, names) in more.items():
        columns[name], keys[name] = (codes, len(names)), names
    order = {name: place for place, name in enumerate(STEPS)}
    steps = sorted(steps, key=lambda step: order[step[0]])
    return Found(funnel(columns, steps), keys, {name: int(inside.sum()) for name, inside in steps})
