"""Who a removal means: rows by number, by a column's value, their children, their copies, and the texts they held."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from studio.errors import CorpusError
from studio.records import Array
from studio.store import metadata, snapshots
from studio.store.connection import Store

_LONG_META = 40  # characters; ours: a longer value of `meta` is a text of its own, a shorter one may be anybody's
_TEXTS = ("text", "prompt", "completion", "rejected", "context", "messages")
_PLAIN = frozenset({"source", "language", "time", "label", "text", "split"})
_IDS = 'SELECT example_id FROM read_parquet($file) WHERE "{column}" = $value ORDER BY example_id'
_META_IDS = """
SELECT example_id FROM read_parquet($file)
WHERE meta IS NOT NULL AND json_extract_string(meta, $path) = $value ORDER BY example_id
"""
_CHILDREN = "SELECT example_id FROM read_parquet($file) WHERE parent_id IN (SELECT unnest($ids::BIGINT[]))"
_FROM = """
SELECT example_id FROM read_parquet($file)
WHERE meta LIKE '%"from_example"%' AND json_extract_string(meta, '$.from_corpus') = $corpus_id
  AND ($whole OR TRY_CAST(json_extract_string(meta, '$.from_example') AS BIGINT) IN (SELECT unnest($ids::BIGINT[])))
"""
_VALUES = 'SELECT "{column}" AS v, count(*)::BIGINT AS n FROM read_parquet($file) WHERE v IS NOT NULL GROUP BY v '
_META_VALUES = """
SELECT json_extract_string(meta, $path) AS v, count(*)::BIGINT AS n FROM read_parquet($file)
WHERE meta IS NOT NULL AND v IS NOT NULL GROUP BY v """
_MOST = "ORDER BY n DESC, v LIMIT $limit"


def _file(store: Store, snapshot_id: str) -> str:
    return str(store.workspace.examples_file(snapshot_id).resolve())


def columns(store: Store, snapshot_id: str) -> tuple[str, ...]:
    """Columns whose value may name a person or a source: source, groups, language, time, and `meta.<key>`."""
    found = snapshots.require(store, snapshot_id)
    plain = [name for name in ("source", *found.group_columns, "language", "time", "label") if name in found.columns]
    return (*plain, *metadata.columns(store, snapshot_id))


def _known(store: Store, snapshot_id: str, column: str) -> None:
    found = snapshots.require(store, snapshot_id)
    is_plain = column in found.columns and (column in _PLAIN or column in found.group_columns)
    if not (is_plain or metadata.is_meta(column)):
        raise CorpusError("Rows cannot be found by this column", got=column[:80],
                          fix="Use source, language, time, label, text, group_NAME, or meta.NAME.")  # fmt: skip


def values(store: Store, snapshot_id: str, column: str, limit: int = 500) -> list[tuple[str, int]]:
    """The most frequent values of a column with their counts.

    Raises:
        CorpusError: an unknown column.
    """
    _known(store, snapshot_id, column)
    given: dict[str, Any] = {"file": _file(store, snapshot_id), "limit": limit}
    if metadata.is_meta(column):
        return [(str(v), int(n)) for v, n in store.rows(_META_VALUES + _MOST, given | {"path": metadata.path(column)})]
    return [(str(v), int(n)) for v, n in store.rows(_VALUES.format(column=column) + _MOST, given)]


def matching(store: Store, snapshot_id: str, column: str, value: str) -> set[int]:
    """Ids of the rows whose column is exactly this value; none where the snapshot lacks the column.

    Raises:
        CorpusError: a column rows cannot be found by.
    """
    given = {"file": _file(store, snapshot_id), "value": value}
    if metadata.is_meta(column):
        _known(store, snapshot_id, column)
        return _set(store.rows(_META_IDS, given | {"path": metadata.path(column)}))
    if column.startswith("group_") and column not in snapshots.require(store, snapshot_id).columns:
        return set()
    _known(store, snapshot_id, column)
    return _set(store.rows(_IDS.format(column=column), given))


def present(store: Store, snapshot_id: str, ids: Iterable[int]) -> set[int]:
    """Those of the ids that the snapshot holds."""
    given = pa.table({"example_id": pa.array(sorted(ids), pa.int64())})
    with store.table(given) as (cursor, name):
        sql = f"SELECT example_id FROM read_parquet($file) SEMI JOIN {name} USING (example_id)"
        return _set(cursor.execute(sql, {"file": _file(store, snapshot_id)}).fetchall())


def all_ids(store: Store, snapshot_id: str) -> set[int]:
    """Every id of a snapshot."""
    return _set(store.rows("SELECT example_id FROM read_parquet($file)", {"file": _file(store, snapshot_id)}))


def children(store: Store, snapshot_id: str, ids: Iterable[int]) -> set[int]:
    """Examples made from these by augmentation or generation."""
    return _set(store.rows(_CHILDREN, {"file": _file(store, snapshot_id), "ids": sorted(ids)}))


def derived(store: Store, snapshot_id: str, corpus_id: str, ids: Iterable[int], *, whole: bool = False) -> set[int]:
    """Examples a search copied into this snapshot from these of another corpus (`whole`: from any of it)."""
    given = {"file": _file(store, snapshot_id), "corpus_id": corpus_id, "ids": sorted(ids), "whole": whole}
    return _set(store.rows(_FROM, given))


def same_text(store: Store, snapshot_id: str, texts: Iterable[str]) -> set[int]:
    """Examples of a snapshot whose text is one of these, letter by letter."""
    given = pa.table({"text": pa.array(sorted(set(texts)), pa.string())})
    if not given.num_rows:
        return set()
    with store.table(given) as (cursor, name):
        sql = f"SELECT example_id FROM read_parquet($file) SEMI JOIN {name} USING (text)"
        return _set(cursor.execute(sql, {"file": _file(store, snapshot_id)}).fetchall())


def texts(store: Store, snapshot_id: str, ids: Iterable[int]) -> set[str]:
    """Every text the rows hold: role fields, turns of a conversation, long values of `meta`."""
    have = snapshots.require(store, snapshot_id).columns
    wanted = [name for name in (*_TEXTS, "meta") if name in have]
    given = pa.table({"example_id": pa.array(sorted(ids), pa.int64())})
    with store.table(given) as (cursor, name):
        sql = f"SELECT {', '.join(wanted)} FROM read_parquet($file) SEMI JOIN {name} USING (example_id)"
        rows = cursor.execute(sql, {"file": _file(store, snapshot_id)}).fetchall()
    found: set[str] = set()
    for row in rows:
        for column, cell in zip(wanted, row, strict=True):
            if not cell:
                continue
            if column in ("messages", "meta"):
                least = 1 if column == "messages" else _LONG_META
                found.update(text for text in _strings(cell) if len(text) >= least)
            else:
                found.add(str(cell))
    return found


def plain_texts(store: Store, snapshot_id: str, ids: Iterable[int]) -> set[str]:
    """The rendered texts of the rows."""
    given = pa.table({"example_id": pa.array(sorted(ids), pa.int64())})
    with store.table(given) as (cursor, name):
        sql = f"SELECT DISTINCT text FROM read_parquet($file) SEMI JOIN {name} USING (example_id)"
        return {str(row[0]) for row in cursor.execute(sql, {"file": _file(store, snapshot_id)}).fetchall() if row[0]}


def still_standing(store: Store, snapshot_id: str, without: Iterable[int], texts: Iterable[str]) -> set[str]:
    """Those of the texts that other rows of the snapshot hold too: they stay, so nobody looks for them afterwards."""
    some = pa.table({"text": pa.array(sorted(set(texts)), pa.string())})
    gone = pa.table({"example_id": pa.array(sorted(without), pa.int64())})
    with store.table(some) as (cursor, name):
        cursor.register(f"{name}_gone", gone)
        try:
            sql = f"""SELECT DISTINCT e.text FROM read_parquet($file) AS e SEMI JOIN {name} AS t ON t.text = e.text
                      WHERE e.example_id NOT IN (SELECT example_id FROM {name}_gone)"""
            return {str(row[0]) for row in cursor.execute(sql, {"file": _file(store, snapshot_id)}).fetchall()}
        finally:
            cursor.unregister(f"{name}_gone")


def keep_mask(store: Store, snapshot_id: str, ids: Iterable[int]) -> Array:
    """(n,) True for the rows that stay, in ascending example_id."""
    order = np.array(sorted(all_ids(store, snapshot_id)), dtype=np.int64)
    return ~np.isin(order, np.fromiter(ids, dtype=np.int64))


def _strings(cell: str) -> list[str]:
    try:
        value = json.loads(cell)
    except ValueError:
        return [cell]
    found, stack = [], [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found


def _set(rows: Iterable[tuple[Any, ...]]) -> set[int]:
    return {int(row[0]) for row in rows}
