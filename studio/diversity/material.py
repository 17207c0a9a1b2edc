"""What the measures read, as files: which examples, on which side, with which topics and copies; written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from studio.diversity.prepare import Progress, prepare
from studio.diversity.rows import Parts, Rows
from studio.errors import MeasureError
from studio.records import Array, Knn

GIVEN = "given.parquet"
COLUMNS: tuple[str, ...] = ("example_id", "text", "prompt", "messages", "language", "source")
BLOCK = 16_384
Copies = Callable[[Sequence[str]], Array]


@dataclass(frozen=True)
class Source:
    """One snapshot: its Parquet file, and its folders of vectors and neighbours where they are to be used."""

    examples: Path
    vectors: Path | None = None
    knn: Path | None = None


def read(
    sources: Sequence[Source],
    given: pd.DataFrame,
    *,
    absent: Mapping[str, str] | None = None,
    seed: int = 0,
    find_copies: Copies | None = None,
    on_progress: Progress | None = None,
) -> Rows:
    """The examples named in `given`, ready to be measured.

    Args:
        sources: the snapshots, in the order `part` counts them.
        given: columns part, row (position in the snapshot by ascending example_id), example_id, and where known
            cluster (-1 = none) and family.
        absent: field -> reason why it may not be used, such as vectors of two encoders.
        seed: of what is sampled.
        find_copies: texts -> families, used where `given` has none.
        on_progress: see `prepare`.

    Raises:
        MeasureError: the examples, vectors or neighbours do not belong to the snapshot.
    """
    columns = _columns(sources, given)
    made = prepare(
        columns["text"],
        prompts=columns["prompt"],
        messages=columns["messages"],
        languages=columns["language"],
        sources=columns["source"],
        seed=seed,
        on_progress=on_progress,
    )
    family = given["family"].to_numpy(np.int64) if "family" in given and given["family"].notna().all() else None
    if family is None and find_copies is not None:
        family = find_copies(columns["text"])
    vectors, graph = _vectors(sources, given)
    clusters = given["cluster"].to_numpy(np.int64) if "cluster" in given and given["cluster"].notna().any() else None
    if clusters is not None and len(sources) > 1:
        clusters = None if vectors is None else nearest_topic(vectors, clusters, given["part"].to_numpy() == 0)
    reasons = dict(made.absent) | dict(absent or {})
    return replace(made, families=family, vectors=vectors, graph=graph, clusters=clusters, absent=reasons)


def _columns(sources: Sequence[Source], given: pd.DataFrame) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {name: [] for name in COLUMNS[1:]}
    for part, source in enumerate(sources):
        own = given[given["part"] == part]
        table = pq.read_table(source.examples, columns=list(COLUMNS)).sort_by("example_id")
        rows = own["row"].to_numpy(np.int64)
        if len(rows) and (
            rows.max() >= table.num_rows or not np.array_equal(table["example_id"].to_numpy()[rows], own["example_id"])
        ):
            raise _strange("examples", table.num_rows, len(own))
        taken = table.take(rows)
        for name, values in found.items():
            values += taken[name].to_pylist()
    return found


def _vectors(sources: Sequence[Source], given: pd.DataFrame) -> tuple[Array | Parts | None, Knn | None]:
    """Vectors of the given rows, and the stored neighbours where the rows are one whole snapshot."""
    if any(source.vectors is None for source in sources):
        return None, None
    matrices = [np.load(source.vectors / "vectors.npy", mmap_mode="r", allow_pickle=False) for source in sources]
    for part, matrix in enumerate(matrices):
        rows = given.loc[given["part"] == part, "row"]
        if len(rows) and rows.max() >= len(matrix):
            raise _strange("vectors", len(matrix), len(rows))
    first = sources[0]
    is_whole = len(sources) == 1 and np.array_equal(given["row"].to_numpy(), np.arange(len(matrices[0])))
    if not is_whole:
        return Parts(matrices, given["part"].to_numpy(), given["row"].to_numpy(np.int64)), None
    if first.knn is None or not (first.knn / "idx.npy").exists():
        return matrices[0], None
    graph = Knn(*(np.load(first.knn / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist")))
    if len(graph.indices) != len(matrices[0]):
        raise _strange("neighbours", len(graph.indices), len(matrices[0]))
    return matrices[0], graph


def nearest_topic(vectors: Array | Parts, clusters: Array, known: Array) -> Array:
    """(n,) the topic whose centre is nearest to each row; centres are means of the known rows of a topic.

    Every row of either snapshot is placed by the same rule, so that neither side has topics of its own making; a row of
    zeros is in no topic. Without a topic among the known rows all are -1.
    """
    usable = known & (clusters >= 0)
    placed = np.full(len(clusters), -1, dtype=np.int64)
    if not usable.any():
        return placed
    n_topics = int(clusters[usable].max()) + 1
    centres = np.zeros((n_topics, vectors.shape[1]))
    for start in range(0, len(clusters), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(clusters)))
        rows = rows[usable[rows]]
        np.add.at(centres, clusters[rows], np.asarray(vectors[rows], dtype=np.float64))
    norms = np.linalg.norm(centres, axis=1)
    centres = (centres / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)
    there = np.flatnonzero(norms > 0)
    for start in range(0, len(clusters), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(clusters)))
        block = np.asarray(vectors[rows], dtype=np.float32)
        has_direction = np.abs(block).max(axis=1, initial=0) > 0
        placed[rows[has_direction]] = there[(block[has_direction] @ centres[there].T).argmax(axis=1)]
    return placed


def _strange(what: str, got: int, wanted: int) -> MeasureError:
    return MeasureError(
        f"The {what} do not belong to this snapshot",
        got=f"{got} rows for {wanted} examples",
        fix="Make the map again.",
    )
