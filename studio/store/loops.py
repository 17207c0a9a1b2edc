"""Rows of `loop`: what each loop was started with, where it stands, and why it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from studio.errors import StoreError
from studio.store.connection import Store

_COLUMNS = "loop_id, corpus_id, snapshot_id, name, config, state, detail, stop_reason, created_by"
_GET = f'SELECT {_COLUMNS} FROM "loop" WHERE loop_id = $loop_id'
_OF_SNAPSHOT = f'SELECT {_COLUMNS} FROM "loop" WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC, loop_id'
_LIVE = f"SELECT {_COLUMNS} FROM \"loop\" WHERE state NOT IN ('stopped') ORDER BY created_at, loop_id"
_ADD = f"""
INSERT INTO "loop" ({_COLUMNS}, created_at, updated_at)
SELECT $loop_id, $corpus_id, $snapshot_id, $name, $config, $state, $detail, NULL, $created_by, $now, $now
WHERE NOT EXISTS (SELECT 1 FROM "loop" WHERE loop_id = $loop_id)
"""
_PUT = """
UPDATE "loop" SET state = $state, detail = $detail, stop_reason = $stop_reason, updated_at = $now,
    config = coalesce($config, config)
WHERE loop_id = $loop_id
"""


@dataclass(frozen=True)
class LoopRow:
    """One loop. `state` is labelling, training, paused or stopped; `detail` is what the state machine remembers."""

    loop_id: str
    corpus_id: str
    snapshot_id: str
    name: str
    config: Mapping[str, Any]
    state: str
    detail: Mapping[str, Any]
    stop_reason: str | None
    created_by: str


def add(
    store: Store,
    *,
    loop_id: str,
    corpus_id: str,
    snapshot_id: str,
    name: str,
    config: Mapping[str, Any],
    state: str,
    detail: Mapping[str, Any],
    by: str,
) -> LoopRow:
    """Write a loop once; a second call with the same id (a double click) gives the first back.

    Args:
        store: the open database.
        loop_id: a UUID made by the client.
        corpus_id: of the snapshot.
        snapshot_id: what is labelled and learnt from.
        name: given by the person.
        config: what it was started with, JSON.
        state: its first state.
        detail: what the state machine remembers, JSON.
        by: name of the actor.
    """
    with store.write() as cursor:
        cursor.execute(
            _ADD,
            {
                "loop_id": loop_id,
                "corpus_id": corpus_id,
                "snapshot_id": snapshot_id,
                "name": name,
                "config": json.dumps(dict(config), ensure_ascii=False),
                "state": state,
                "detail": json.dumps(dict(detail), ensure_ascii=False),
                "created_by": by,
                "now": datetime.now(UTC),
            },
        )
    return require(store, loop_id)


def put(
    store: Store,
    loop_id: str,
    *,
    state: str,
    detail: Mapping[str, Any],
    stop_reason: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> LoopRow:
    """Move a loop to a state; `config` only when its settings change too."""
    with store.write() as cursor:
        cursor.execute(
            _PUT,
            {
                "loop_id": loop_id,
                "state": state,
                "detail": json.dumps(dict(detail), ensure_ascii=False),
                "stop_reason": stop_reason,
                "config": None if config is None else json.dumps(dict(config), ensure_ascii=False),
                "now": datetime.now(UTC),
            },
        )
    return require(store, loop_id)


def require(store: Store, loop_id: str) -> LoopRow:
    """One loop.

    Raises:
        StoreError: it is not known.
    """
    found = get(store, loop_id)
    if found is None:
        raise StoreError("This loop is not known", got=loop_id, fix="Choose one of the list on the Loop page.")
    return found


def get(store: Store, loop_id: str) -> LoopRow | None:
    """One loop, or None."""
    row = store.one(_GET, {"loop_id": loop_id})
    return _record(row) if row else None


def of_snapshot(store: Store, snapshot_id: str) -> list[LoopRow]:
    """The loops of a snapshot, newest first."""
    return [_record(row) for row in store.rows(_OF_SNAPSHOT, {"snapshot_id": snapshot_id})]


def live(store: Store) -> list[LoopRow]:
    """Every loop that has not stopped, oldest first."""
    return [_record(row) for row in store.rows(_LIVE)]


def _record(row: tuple[Any, ...]) -> LoopRow:
    return LoopRow(*row[:4], json.loads(row[4]), row[5], json.loads(row[6]), *row[7:])
