"""Rows of `reference`: the shares a group attribute should have, as somebody decided them; append-only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from studio.errors import CorpusError
from studio.store.connection import Store

_ADD = "INSERT INTO reference VALUES ($snapshot_id, $group_name, $shares, $note, $created_at, $created_by)"
_CURRENT = """
SELECT group_name, arg_max(shares, created_at), arg_max(note, created_at), max(created_at),
       arg_max(created_by, created_at)
FROM reference WHERE snapshot_id = $snapshot_id GROUP BY group_name ORDER BY group_name
"""


def check_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """The shares as floats in [0, 1] that sum to 1 within 1e-6.

    Raises:
        CorpusError: none given, a negative or undefined share, or a sum other than 1.
    """
    values = {str(name): float(share) for name, share in shares.items()}
    if not values or not all(math.isfinite(share) and share >= 0 for share in values.values()):
        raise CorpusError("A reference needs shares of 0 or more", got=values, fix="Give every value a share.")
    total = math.fsum(values.values())
    if abs(total - 1) > 1e-6:
        raise CorpusError("The shares of a reference must sum to 1", got=f"{total:.4f}", fix="Change one of them.")
    return values


def set_shares(
    store: Store, snapshot_id: str, group: str, shares: Mapping[str, float], *, by: str, note: str = ""
) -> None:
    """Decide the reference shares of one group attribute; an empty mapping takes the reference back.

    Raises:
        CorpusError: shares that do not sum to 1.
    """
    checked = check_shares(shares) if shares else {}
    with store.write() as cursor:
        cursor.execute(
            _ADD,
            {
                "snapshot_id": snapshot_id,
                "group_name": group,
                "shares": json.dumps(checked, ensure_ascii=False),
                "note": note,
                "created_at": datetime.now(UTC),
                "created_by": by,
            },
        )


def shares(store: Store, snapshot_id: str) -> dict[str, dict[str, float]]:
    """Group name -> value -> reference share, for the groups that have a reference in force."""
    return {name: entry["shares"] for name, entry in decisions(store, snapshot_id).items()}


def decisions(store: Store, snapshot_id: str) -> dict[str, dict[str, Any]]:
    """Group name -> {shares, note, created_at, created_by} of the reference in force."""
    found = {}
    for name, values, note, created_at, by in store.rows(_CURRENT, {"snapshot_id": snapshot_id}):
        if parsed := json.loads(values):
            found[str(name)] = {"shares": parsed, "note": note, "created_at": created_at, "created_by": by}
    return found
