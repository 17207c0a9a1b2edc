"""What audits read of every example of a snapshot, row by row out of SQL: labels in force, topics, scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from studio.errors import StoreError
from studio.store import clusters, labels
from studio.store.connection import Store
from studio.store.scores import ScoreSet

ROWS_AT_ONCE = 65_536
# An annotation of a text that has changed since is no label of this text, here as in training.
_NOW = "CASE WHEN n.row_hash IS NULL OR n.row_hash = e.row_hash THEN n.label END"
_OWN = "e.label"
_VISIBLE = "CASE WHEN coalesce(s.split, 'pool') <> 'pool' THEN e.label END"
_VISIBLE_SEVERAL = "CASE WHEN coalesce(s.split, 'pool') <> 'pool' THEN e.labels END"
_FROM = """
FROM read_parquet($file) AS e
LEFT JOIN (SELECT example_id, split FROM split WHERE snapshot_id = $snapshot_id) AS s ON s.example_id = e.example_id
LEFT JOIN newest AS n ON n.example_id = e.example_id
"""
_MAP = f"LEFT JOIN (SELECT example_id, cluster FROM ({clusters.POINTS})) AS m ON m.example_id = e.example_id\n"
_SCORE = """
LEFT JOIN (SELECT example_id, raw FROM score WHERE snapshot_id = $snapshot_id AND measure = $measure_{i}
           AND version = $version_{i} AND context_hash = $context_{i}) AS c{i} ON c{i}.example_id = e.example_id
"""


@contextmanager
def rows(
    store: Store,
    snapshot_id: str,
    *,
    reveal: bool,
    map_id: str | None = None,
    score_sets: Sequence[ScoreSet] = (),
    several: bool = False,
) -> Iterator[pa.RecordBatchReader]:
    """Batches in ascending example_id: example_id, label, cluster where a map is given, a column per score set.

    Never more than one batch is a Python object, so a corpus of a million costs the server what one of ten thousand
    does.

    Args:
        store: the workspace database.
        snapshot_id: which snapshot.
        reveal: take the corpus's own labels of the pool too, where nobody annotated.
        map_id: the map whose clusters (merges in force) are read; -1 where an example has none.
        score_sets: what to read under the name of its measure; null where undefined.
        several: examples carry several labels: `labels` too, a JSON list; the corpus's own, nobody annotates them.

    Raises:
        AnnotationError: an unknown snapshot.
        StoreError: the snapshot's file cannot be read.
    """
    wanted = ["e.example_id", f"coalesce({_NOW}, {_OWN if reveal else _VISIBLE})::VARCHAR AS label"]
    if several:
        wanted.append(f"{'e.labels' if reveal else _VISIBLE_SEVERAL} AS labels")
    source, given = _FROM, labels.parameters(store, snapshot_id)
    if map_id is not None:
        wanted.append("coalesce(m.cluster, -1)::BIGINT AS cluster")
        source, given = source + _MAP, given | {"map_id": map_id}
    for i, item in enumerate(score_sets):
        wanted.append(f'c{i}.raw AS "{item.measure.replace(chr(34), chr(34) * 2)}"')
        source += _SCORE.replace("{i}", str(i))
        given |= {f"measure_{i}": item.measure, f"version_{i}": item.version, f"context_{i}": item.context_hash}
    sql = f"WITH {labels.NEWEST} SELECT {', '.join(wanted)} {source} ORDER BY e.example_id"
    with store.cursor() as cursor:
        yield _reader(cursor, snapshot_id, sql, given)


def _reader(
    cursor: duckdb.DuckDBPyConnection, snapshot_id: str, sql: str, given: dict[str, Any]
) -> pa.RecordBatchReader:
    try:
        return cursor.execute(sql, given).to_arrow_reader(ROWS_AT_ONCE)
    except duckdb.IOException as error:
        raise StoreError(
            "The examples of this snapshot cannot be read",
            got=f"{snapshot_id}: {str(error)[:120]}",
            fix="Import the corpus again or restore the folder snapshots/ from a backup.",
        ) from error
