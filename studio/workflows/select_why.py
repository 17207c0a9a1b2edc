"""Why one example: what each view and measure gave, its nearest chosen neighbour, and what it lost its place to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from studio.errors import SelectionError
from studio.records import VIEWS, Array
from studio.selection.explain import Explanation, lost_to, measure_parts, nearest
from studio.store import examples
from studio.workflows import select, select_matrix
from studio.workflows.select import Choice
from studio.workflows.studio import Studio


@dataclass(frozen=True)
class MeasureGave:
    """One measure of a view for one example; `share` is its share of the four views' weights, 0 to 1. NaN = none."""

    view: str
    name: str
    raw: float
    unit: float
    share: float
    part: float


@dataclass(frozen=True)
class Other:
    """Another example this one is held against; similarity is the cosine of the two vectors, NaN without vectors."""

    example_id: int
    similarity: float
    score: float


@dataclass(frozen=True)
class Why:
    """Everything about one example under a choice. `explained` is there for the weighted sum only.

    `code` is the reason code. `neighbour`: the chosen example most like it, None without vectors or another chosen one.
    `lost_to`: the chosen example that has the place it would need, None where no other example is the reason.
    """

    example_id: int
    is_in: bool
    code: str
    explained: Explanation | None
    measures: tuple[MeasureGave, ...]
    neighbour: Other | None
    lost_to: Other | None


def about(studio: Studio, snapshot_id: str, choice: Choice, example_id: int) -> Why:
    """What can be said about one example of the pool.

    Args:
        studio: the open workspace.
        snapshot_id: the pool's snapshot.
        choice: who gets in.
        example_id: whom it is about.

    Raises:
        SelectionError: the example is not in the pool.
    """
    found = choice.pool.matrix.rows_of(np.array([example_id], dtype=np.int64))
    if not len(found):
        raise SelectionError("The example is not in the pool", got=example_id,
                             fix="Choose one that has no label yet and is in the pool split.")  # fmt: skip
    row = int(found[0])
    place = np.flatnonzero(choice.rows == row)
    explained = select.why(choice, example_id) if choice.ranking is not None else None
    if explained is not None:
        code = explained.code
    else:
        code = choice.reasons[int(place[0])] if len(place) else select.why_not(choice, [example_id])[0]
    vectors = select_matrix.vectors(studio, choice.state) if choice.state.around.vectors_path is not None else None
    return Why(
        example_id, bool(len(place)), code, explained,
        tuple(_measures(studio, snapshot_id, choice, row, explained)),
        _neighbour(choice, row, vectors),
        None if len(place) else _lost_to(choice, row, code, vectors),
    )  # fmt: skip


def _measures(
    studio: Studio, snapshot_id: str, choice: Choice, row: int, explained: Explanation | None
) -> list[MeasureGave]:
    everyone, at = examples.ids(studio.store, snapshot_id), int(choice.pool.rows[row])
    gave: list[MeasureGave] = []
    for view in (view for view in VIEWS if view in choice.pool.inner):
        inner = choice.pool.inner[view]
        own = {item.measure: item for item in choice.state.views[view].sets if item.measure in inner}
        raw, unit = {}, {}
        for name, item in own.items():
            raw[name] = float(select_matrix.values(studio, snapshot_id, item, everyone)[0][at])
            unit[name] = float(select_matrix.unit_of(studio, snapshot_id, item, choice.recipe, everyone)[at])
        parts: Mapping[str, float] = {}
        if explained is not None:
            parts = measure_parts(explained.gave[view], {name: inner[name] for name in own}, unit)
        total = sum(inner[name] for name in own)
        weight = choice.weights[view] / 100
        gave += [MeasureGave(view, name, raw[name], unit[name], weight * inner[name] / total,
                             parts.get(name, float("nan"))) for name in own]  # fmt: skip
    return gave


def _neighbour(choice: Choice, row: int, vectors: Array | None) -> Other | None:
    others = choice.rows[choice.rows != row]
    if vectors is None or not len(others):
        return None
    found = nearest(vectors[choice.pool.rows[row]], vectors[choice.pool.rows[others]])
    if found is None:
        return None
    at = int(others[found[0]])
    return Other(int(choice.pool.matrix.ids[at]), found[1], float(choice.weighted[at]))


def _lost_to(choice: Choice, row: int, code: str, vectors: Array | None) -> Other | None:
    if choice.ranking is None:
        return None
    at = lost_to(choice.pool.matrix, choice.ranking, row, code)
    if at is None:
        return None
    alike = None
    if vectors is not None:
        alike = nearest(vectors[choice.pool.rows[row]], vectors[choice.pool.rows[[at]]])
    return Other(int(choice.pool.matrix.ids[at]), alike[1] if alike else float("nan"), float(choice.weighted[at]))
