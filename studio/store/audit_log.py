"""The audit log: who did what, when, with which outcome; append-only."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from studio.records import Actor
from studio.store.connection import Store

_ADD = "INSERT INTO audit_log VALUES ($entry_id, $done_at, $actor, $role, $verified, $act, $outcome, $detail)"
_LATEST = """
SELECT done_at, actor, role, verified, act, outcome, detail FROM audit_log ORDER BY done_at DESC, entry_id LIMIT $limit
"""


def add(store: Store, actor: Actor, *, act: str, outcome: str, detail: Mapping[str, Any]) -> str:
    """Write one entry; joins the transaction of the act when there is one. Returns its id."""
    entry_id = uuid.uuid4().hex
    with store.write() as cursor:
        cursor.execute(
            _ADD,
            {
                "entry_id": entry_id,
                "done_at": datetime.now(UTC),
                "actor": actor.name,
                "role": actor.role,
                "verified": actor.verified,
                "act": act,
                "outcome": outcome,
                "detail": json.dumps(dict(detail), ensure_ascii=False, default=str),
            },
        )
    return entry_id


def latest(store: Store, limit: int = 100) -> pd.DataFrame:
    """The newest entries first."""
    return store.read(_LATEST, {"limit": limit})
