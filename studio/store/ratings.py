"""Rows of `rating` and `comparison`: what people said of examples for a view; append-only, taken back by a new row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from studio.errors import SelectionError, StoreError
from studio.records import Actor
from studio.store import snapshots
from studio.store.connection import Store

SMALLEST, LARGEST = 1, 5
OUTCOMES: tuple[str, ...] = ("first", "second", "tie")
TABLES: tuple[str, ...] = ("rating", "comparison")
_COMMON = (
    "entry_id, seq, corpus_id, snapshot_id, view, example_id, row_hash, kind, supersedes, created_at, actor, role, "
    "verified"
)
_OWN = {"rating": ("value",), "comparison": ("other_id", "other_hash", "outcome")}
_ADD = """
INSERT INTO {table} ({columns})
SELECT $entry_id, (SELECT coalesce(max(seq), 0) + 1 FROM {table}), $corpus_id, $snapshot_id, $view, $example_id,
       $row_hash, $kind, $supersedes, $created_at, $actor, $role, $verified, {own}
WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE entry_id = $entry_id)
"""
_ONE = "SELECT * EXCLUDE (created_at), epoch_ms(created_at) AS at_ms FROM {table} WHERE entry_id = $entry_id"
# the newest entry of each person about an example (a pair: in either order) that was not taken back
_IN_FORCE = """
WITH active AS (
    SELECT * EXCLUDE (created_at), epoch_ms(created_at) AS at_ms FROM {table} AS a
    WHERE corpus_id = $corpus_id AND view = $view AND kind <> 'undo' AND NOT EXISTS (
        SELECT 1 FROM {table} AS u WHERE u.kind = 'undo' AND u.supersedes = a.entry_id))
SELECT entry_id, seq, kind, actor, at_ms, e.example_id, e.row_hash, {own} FROM active AS e
QUALIFY row_number() OVER (PARTITION BY actor, {subject} ORDER BY seq DESC) = 1
"""
_SUBJECT = {"rating": "example_id", "comparison": "least(example_id, other_id), greatest(example_id, other_id)"}
_RATINGS = """
SELECT f.*, h.row_hash IS NULL AS is_gone, coalesce(h.row_hash <> f.row_hash, false) AS is_changed
FROM ({in_force}) AS f LEFT JOIN (SELECT example_id, row_hash FROM read_parquet($file)) AS h USING (example_id)
ORDER BY seq
"""
_COMPARISONS = """
WITH h AS (SELECT example_id, row_hash FROM read_parquet($file))
SELECT f.*, a.row_hash IS NULL OR b.row_hash IS NULL AS is_gone,
       coalesce(a.row_hash <> f.row_hash, false) OR coalesce(b.row_hash <> f.other_hash, false) AS is_changed
FROM ({in_force}) AS f LEFT JOIN h AS a ON a.example_id = f.example_id LEFT JOIN h AS b ON b.example_id = f.other_id
ORDER BY seq
"""
_NEWEST = """
SELECT arg_max(entry_id, seq) FROM {table} AS a
WHERE corpus_id = $corpus_id AND view = $view AND actor = $actor AND kind <> 'undo' AND NOT EXISTS (
    SELECT 1 FROM {table} AS u WHERE u.kind = 'undo' AND u.supersedes = a.entry_id)
"""
_ALL = """
SELECT {columns}, epoch_ms(created_at) AS at_ms FROM {table} WHERE corpus_id = $corpus_id ORDER BY seq
"""
_COUNT = "SELECT count(*)::BIGINT FROM {table} WHERE corpus_id = $corpus_id"


def _add(store: Store, table: str, given: dict[str, Any], by: Actor) -> dict[str, Any]:
    """Write one row once, and give it back as it stands in the table; durable when this returns.

    Raises:
        StoreError: it cannot be read back.
    """
    own = _OWN[table]
    sql = _ADD.format(table=table, columns=f"{_COMMON}, {', '.join(own)}", own=", ".join(f"${name}" for name in own))
    values = {"supersedes": None, **dict.fromkeys(own), "created_at": datetime.now(UTC)} | given
    values |= {"actor": by.name, "role": by.role, "verified": by.verified}
    with store.write() as cursor:
        cursor.execute(sql, values)
    found = store.read(_ONE.format(table=table), {"entry_id": given["entry_id"]})
    if not len(found):
        raise StoreError("What was said was not stored", got=given["entry_id"], fix="Try again.")
    return found.iloc[0].to_dict()


def _check(value: bool, what: str, got: Any, fix: str) -> None:
    if not value:
        raise SelectionError(what, got=got, fix=fix)


def rate(
    store: Store, *, entry_id: str, corpus_id: str, snapshot_id: str, view: str, example_id: int, row_hash: str,
    value: int | None, by: Actor,
) -> dict[str, Any]:  # fmt: skip
    """Keep a rating of 1 to 5, or that a person passed over the example (None); the same entry_id twice is one row.

    Raises:
        SelectionError: another value.
        StoreError: it could not be written.
    """
    _check(value is None or (isinstance(value, int) and SMALLEST <= value <= LARGEST), "A rating is a whole number",
           value, "Give 1, 2, 3, 4 or 5, or pass.")  # fmt: skip
    row = {"entry_id": entry_id, "corpus_id": corpus_id, "snapshot_id": snapshot_id, "view": view}
    row |= {"example_id": int(example_id), "row_hash": row_hash, "kind": "skip" if value is None else "rate"}
    return _add(store, "rating", row | {"value": value}, by)


def compare(
    store: Store, *, entry_id: str, corpus_id: str, snapshot_id: str, view: str, pair: tuple[int, int],
    hashes: tuple[str, str], outcome: str | None, by: Actor,
) -> dict[str, Any]:  # fmt: skip
    """Keep which of two examples is better (first, second or tie), or that a person passed over the pair (None).

    Raises:
        SelectionError: another outcome, or an example beside itself.
        StoreError: it could not be written.
    """
    _check(outcome is None or outcome in OUTCOMES, "A comparison has no such outcome", outcome,
           f"Give one of {', '.join(OUTCOMES)}.")  # fmt: skip
    _check(pair[0] != pair[1], "An example cannot be compared with itself", pair[0], "Give two examples.")
    row = {"entry_id": entry_id, "corpus_id": corpus_id, "snapshot_id": snapshot_id, "view": view}
    row |= {"example_id": int(pair[0]), "row_hash": hashes[0], "kind": "skip" if outcome is None else "compare"}
    return _add(store, "comparison", row | {"other_id": int(pair[1]), "other_hash": hashes[1], "outcome": outcome}, by)


def undo(store: Store, table: str, *, entry_id: str, supersedes: str, by: Actor) -> dict[str, Any]:
    """Take back one's own entry by a new row.

    Raises:
        SelectionError: no such entry, or another person's.
    """
    found = store.read(_ONE.format(table=_known(table)), {"entry_id": supersedes})
    _check(bool(len(found)) and found["actor"].iloc[0] == by.name, "Only what one said oneself can be taken back",
           supersedes, "Take back your own newest one.")  # fmt: skip
    old = found.iloc[0].to_dict()
    kept = {name: old[name] for name in ("corpus_id", "snapshot_id", "view", "row_hash")}
    more = {name: old[name] for name in ("other_hash",) if name in old} | (
        {"other_id": int(old["other_id"])} if "other_id" in old else {}
    )
    row = kept | more | {"example_id": int(old["example_id"]), "kind": "undo", "supersedes": supersedes}
    return _add(store, table, row | {"entry_id": entry_id}, by)


def newest(store: Store, table: str, corpus_id: str, view: str, actor: str) -> str | None:
    """The entry of a person's that "take back" would mean; None where there is none."""
    row = store.one(_NEWEST.format(table=_known(table)), {"corpus_id": corpus_id, "view": view, "actor": actor})
    return row[0] if row else None


def in_force(store: Store, table: str, snapshot_id: str, view: str) -> pd.DataFrame:
    """What holds now of a view, over all versions of the corpus, beside what this snapshot's rows are.

    Returns:
        Columns entry_id, seq, kind (rate, compare or skip), actor, at_ms, example_id, row_hash, value (or other_id,
        other_hash, outcome), is_gone (the snapshot lacks a row) and is_changed (its content is another one now).
    """
    found = snapshots.require(store, snapshot_id)
    own = ", ".join(_OWN[_known(table)])
    inner = _IN_FORCE.format(table=table, own=own, subject=_SUBJECT[table])
    sql = (_RATINGS if table == "rating" else _COMPARISONS).format(in_force=inner)
    file = str(store.workspace.examples_file(snapshot_id).resolve())
    return store.read(sql, {"corpus_id": found.corpus_id, "view": view, "file": file})


def everything(store: Store, table: str, corpus_id: str) -> pd.DataFrame:
    """Every row of a corpus as it was written, oldest first; for a file."""
    columns = ", ".join((_COMMON.replace(", created_at", ""), *_OWN[_known(table)]))
    return store.read(_ALL.format(table=table, columns=columns), {"corpus_id": corpus_id})


def count(store: Store, table: str, corpus_id: str) -> int:
    """How many rows a corpus has, those taken back among them."""
    return int(store.rows(_COUNT.format(table=_known(table)), {"corpus_id": corpus_id})[0][0])


def _known(table: str) -> str:
    _check(table in TABLES, "There is no such table of ratings", table, f"Use one of {', '.join(TABLES)}.")
    return table
