"""Rows of `card`: what people wrote on a snapshot's dataset card; every version is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from studio.store.connection import Store

_ADD = "INSERT INTO card VALUES ($snapshot_id, $body, $created_at, $created_by)"
_ALL = """
SELECT body, created_at, created_by FROM card WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC
"""


def add(store: Store, snapshot_id: str, body: Mapping[str, Any], *, by: str) -> None:
    """Put a version of the card in force; the earlier ones stay."""
    with store.write() as cursor:
        values = {"snapshot_id": snapshot_id, "body": json.dumps(dict(body), ensure_ascii=False)}
        cursor.execute(_ADD, values | {"created_at": datetime.now(UTC), "created_by": by})


def history(store: Store, snapshot_id: str) -> list[dict[str, Any]]:
    """Every version, newest first: body, created_at, created_by."""
    rows = store.rows(_ALL, {"snapshot_id": snapshot_id})
    return [{"body": json.loads(row[0]), "created_at": row[1], "created_by": row[2]} for row in rows]


def newest(store: Store, snapshot_id: str) -> dict[str, Any] | None:
    """The version in force, or None when nobody wrote one."""
    found = history(store, snapshot_id)
    return found[0] if found else None
