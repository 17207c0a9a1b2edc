"""Rows of the tables `slice` and `slice_decision`: parts of a snapshot people named, renamed, put away.

A slice never changes: its examples are those it was saved with. Its name in force and whether it is listed are
decisions, append-only; a slice that was put away still resolves, so that links and recipes with it keep their meaning.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import StoreError
from studio.records import Array
from studio.store.connection import Store

RENAME, DELETE, RESTORE = "rename", "delete", "restore"
_ADD = """
INSERT INTO slice (slice_id, snapshot_id, name, definition, example_ids, created_at, created_by)
VALUES ($slice_id, $snapshot_id, $name, $definition, $example_ids, $created_at, $created_by)
"""
_NOW = """
SELECT s.slice_id, s.snapshot_id, coalesce(d.name, s.name) AS name, s.definition,
       len(s.example_ids)::BIGINT AS n, s.created_at, s.created_by, coalesce(d.is_deleted, false) AS is_deleted
FROM slice AS s LEFT JOIN (
    SELECT slice_id, arg_max(name, number) FILTER (WHERE kind = 'rename') AS name,
           arg_max(kind = 'delete', number) FILTER (WHERE kind IN ('delete', 'restore')) AS is_deleted
    FROM slice_decision GROUP BY slice_id) AS d USING (slice_id)
"""
_ONE = f"{_NOW} WHERE s.slice_id = $slice_id"
_LIST = f"""
SELECT slice_id, name, n, created_at, created_by, definition, is_deleted FROM ({_NOW})
WHERE snapshot_id = $snapshot_id AND ($deleted OR NOT is_deleted) ORDER BY created_at DESC, slice_id
"""
_DECIDE = """
INSERT INTO slice_decision (slice_id, snapshot_id, number, kind, name, created_at, created_by)
SELECT $slice_id, $snapshot_id, coalesce(max(number), 0) + 1, $kind, $name, $created_at, $created_by
FROM slice_decision WHERE slice_id = $slice_id
"""
_IDS = "SELECT example_ids FROM slice WHERE snapshot_id = $snapshot_id AND slice_id = $slice_id"
_IS_OF = "SELECT 1 FROM slice WHERE snapshot_id = $snapshot_id AND slice_id = $slice_id"


@dataclass(frozen=True)
class Slice:
    """A part of a snapshot somebody named, of n examples (`ids` has them); `definition` says how it was found."""

    slice_id: str
    snapshot_id: str
    name: str
    definition: Mapping[str, Any]
    n: int
    created_at: str
    created_by: str
    is_deleted: bool = False


def add_slice(
    store: Store,
    snapshot_id: str,
    *,
    name: str,
    definition: Mapping[str, Any],
    example_ids: Sequence[int] | Array,
    by: str,
) -> str:
    """Write a named part of a snapshot down; returns its slice_id."""
    slice_id = uuid.uuid4().hex[:12]
    with store.write() as cursor:
        cursor.execute(
            _ADD,
            {
                "slice_id": slice_id,
                "snapshot_id": snapshot_id,
                "name": name,
                "definition": json.dumps(dict(definition), ensure_ascii=False),
                "example_ids": [int(i) for i in example_ids],
                "created_at": datetime.now(UTC),
                "created_by": by,
            },
        )
    return slice_id


def decide(store: Store, slice_id: str, *, kind: str, by: str, name: str | None = None) -> None:
    """Add a decision on a slice: rename (with a name), delete or restore.

    Raises:
        StoreError: the slice is not known.
    """
    found = require_slice(store, slice_id)
    with store.write() as cursor:
        cursor.execute(
            _DECIDE,
            {
                "slice_id": slice_id,
                "snapshot_id": found.snapshot_id,
                "kind": kind,
                "name": name,
                "created_at": datetime.now(UTC),
                "created_by": by,
            },
        )


def get_slice(store: Store, slice_id: str) -> Slice | None:
    """One slice under its name in force, put away or not; None when unknown (an id from a URL may be anything)."""
    row = store.one(_ONE, {"slice_id": slice_id})
    if row is None:
        return None
    made = row[5].isoformat(timespec="seconds")
    return Slice(row[0], row[1], row[2], json.loads(row[3]), int(row[4]), made, row[6], bool(row[7]))


def require_slice(store: Store, slice_id: str) -> Slice:
    """One slice.

    Raises:
        StoreError: it is not known.
    """
    found = get_slice(store, slice_id)
    if found is None:
        raise StoreError("This slice is not known", got=slice_id, fix="Save the slice again on the Explore page.")
    return found


def slices(store: Store, snapshot_id: str, *, deleted: bool = False) -> pd.DataFrame:
    """Columns slice_id, name, n, created_at, created_by, definition (JSON), is_deleted; newest first.

    Args:
        store: the workspace database.
        snapshot_id: of which snapshot.
        deleted: those that were put away too.
    """
    return store.read(_LIST, {"snapshot_id": snapshot_id, "deleted": deleted})


def ids(store: Store, snapshot_id: str, slice_id: str) -> Array | None:
    """(n,) int64 example ids of a slice of this snapshot as they were saved, or None when there is none of that id.

    They come as Arrow: half a million as Python numbers took a tenth of a second.
    """
    found = store.arrow(_IDS, {"snapshot_id": snapshot_id, "slice_id": slice_id})["example_ids"].combine_chunks()
    return found.flatten().to_numpy(zero_copy_only=False).astype(np.int64) if len(found) else None


def is_of(store: Store, snapshot_id: str, slice_id: str) -> bool:
    """True when a slice of that id was saved of this snapshot."""
    return store.one(_IS_OF, {"snapshot_id": snapshot_id, "slice_id": slice_id}) is not None
