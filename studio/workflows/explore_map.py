"""What is read from a map: who lies inside a lasso, what is nearest to an example, a text or a part, and search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.errors import MeasureError, StoreError
from studio.jobs import query
from studio.mapping import polygon as polygons
from studio.mapping.neighbours import nearest_to
from studio.models.encoders import encoder_info
from studio.records import Array, Condition
from studio.store import examples, maps, vectors
from studio.store.vectors import VectorSet
from studio.workflows.studio import Studio

MAX_SEARCH = 200
MAX_QUERY_CHARACTERS = 2_000
SEARCH_TIMEOUT_S = 60.0  # the first question starts a process and loads weights
MAX_MEAN_ROWS = 20_000  # ours: the mean of an evenly spaced part of a larger slice is the same to three digits


def points_inside(
    studio: Studio,
    snapshot_id: str,
    *,
    map_id: str | None,
    outline: str = "",
    conditions: Sequence[Condition] = (),
) -> Array:
    """(n,) int64 ascending ids of all examples inside a lasso and under filters, drawn or not.

    Without an outline, those under the filters. The bounding box is cut in SQL, the polygon tested on what is left.

    Raises:
        CorpusError: a filter that cannot be read.
        MeasureError: an outline that is no polygon.
    """
    inside = None
    if outline and map_id:
        corners = polygons.from_text(outline)
        if corners is None:
            raise MeasureError("The lasso cannot be read", got=outline[:80], fix="Draw it again on the map.")
        near = maps.points_in_box(studio.store, map_id, polygons.bounding_box(corners))
        mask = polygons.points_in_polygon(near["x"].to_numpy(), near["y"].to_numpy(), corners)
        inside = near["example_id"].to_numpy(np.int64)[mask]
        if not conditions:
            return inside
    listed = examples.ids(studio.store, snapshot_id, conditions, map_id=map_id)
    return listed if inside is None else np.intersect1d(inside, listed, assume_unique=True)


def neighbours_of(studio: Studio, snapshot_id: str, example_id: int, k: int = 8) -> list[tuple[int, float]]:
    """(example_id, cosine similarity) of the k nearest examples by the newest vectors, nearest first.

    Raises:
        StoreError: the snapshot is not embedded or lacks the example.
    """
    found = vectors.require(studio.store, snapshot_id)
    ids = examples.ids(studio.store, snapshot_id)
    row = _row_of(ids, example_id)
    folder = studio.workspace.root / found.knn_path
    index, distance = (np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist"))
    pairs = zip(index[row, :k], distance[row, :k], strict=True)
    return [(int(ids[i]), round(1.0 - float(d), 4)) for i, d in pairs]


def search(studio: Studio, snapshot_id: str, text: str, limit: int = 20) -> list[tuple[int, float]]:
    """(example_id, cosine similarity) of the examples nearest to a typed text, best first.

    The query worker embeds the text the way the corpus was embedded; the first question takes seconds.

    Raises:
        StoreError: the snapshot is not embedded.
        MeasureError: nothing was typed.
        JobError: the query worker cannot answer.
    """
    typed = text.strip()[:MAX_QUERY_CHARACTERS]
    if not typed:
        raise MeasureError("There is nothing to search for", got=text, fix="Type some words.")
    found = vectors.require(studio.store, snapshot_id)
    answer = query.ask(
        studio,
        {"op": "embed", "texts": [typed], "encoder": found.encoder, "fitted_dir": fitted_dir(found)},
        timeout=SEARCH_TIMEOUT_S,
    )
    return _nearest(studio, snapshot_id, found, np.asarray(answer["vectors"][0]), limit)


def more_like(
    studio: Studio, snapshot_id: str, example_ids: Sequence[int] | Array, limit: int = 20, *, without: bool = True
) -> list[tuple[int, float]]:
    """(example_id, cosine similarity) of the examples nearest to the middle of some others, best first.

    The middle is the mean of their unit vectors, scaled to length 1; of more than 20,000 an evenly spaced part.

    Args:
        studio: the open workspace.
        snapshot_id: which snapshot.
        example_ids: the examples to look like; those the snapshot lacks are passed over.
        limit: how many.
        without: leave the examples themselves out.

    Raises:
        StoreError: the snapshot is not embedded or holds none of them.
    """
    found = vectors.require(studio.store, snapshot_id)
    ids = examples.ids(studio.store, snapshot_id)
    given = np.unique(np.asarray(example_ids, dtype=np.int64).reshape(-1))
    rows = np.searchsorted(ids, given)
    there = rows < len(ids)
    rows = rows[there][ids[rows[there]] == given[there]]
    if not len(rows):
        raise StoreError("None of these examples is in the snapshot", got=len(given), fix="Choose other ones.")
    matrix = np.load(found.vectors_file(studio.workspace.root), mmap_mode="r", allow_pickle=False)
    some = rows[:: max(1, -(-len(rows) // MAX_MEAN_ROWS))]
    middle = np.asarray(matrix[some], dtype=np.float64).mean(axis=0)
    middle /= max(float(np.linalg.norm(middle)), 1e-12)
    most = limit + (len(rows) if without else 0)
    listed = _nearest(studio, snapshot_id, found, middle, min(most, len(ids)), ids=ids)
    own = set(ids[rows].tolist()) if without else set()
    return [pair for pair in listed if pair[0] not in own][:limit]


def _nearest(
    studio: Studio, snapshot_id: str, found: VectorSet, wanted: Array, limit: int, *, ids: Array | None = None
) -> list[tuple[int, float]]:
    matrix = np.load(found.vectors_file(studio.workspace.root), mmap_mode="r", allow_pickle=False)
    most = limit if ids is not None else min(limit, MAX_SEARCH)
    positions, similarity = nearest_to(matrix, wanted, most)
    known = examples.ids(studio.store, snapshot_id) if ids is None else ids
    return [(int(known[p]), round(float(s), 4)) for p, s in zip(positions, similarity, strict=True)]


def _row_of(ids: Array, example_id: int) -> int:
    row = int(np.searchsorted(ids, example_id))
    if row >= len(ids) or ids[row] != example_id:
        raise StoreError("This example is not in the snapshot", got=example_id, fix="Choose another one.")
    return row


def fitted_dir(found: VectorSet) -> str:
    """Where the query worker finds the fitted state of an encoder, relative to the workspace; empty for none."""
    return found.path if encoder_info(found.encoder).needs_fit else ""
