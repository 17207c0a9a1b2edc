"""Rows of `split` and `split_decision`: which example is in which split, and who decided that how.

`split` holds the assignment in force. Every decision keeps its own in `assignment`: one byte per example in ascending
example_id (its place in SPLITS), compressed, so that an earlier one can be put back exactly.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import StoreError
from studio.records import SPLITS, Array
from studio.store.connection import Store

_CLEAR = "DELETE FROM split WHERE snapshot_id = $snapshot_id"
_DECIDE = """
INSERT INTO split_decision (snapshot_id, method, seed, shares, created_at, created_by, decision_id, plan, assignment)
VALUES ($snapshot_id, $method, $seed, $shares, $created_at, $created_by, $decision_id, $plan, $assignment)
"""
_DECISIONS = """
SELECT method, seed, shares, created_at, created_by, decision_id, plan, assignment IS NOT NULL
FROM split_decision WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC
"""
_ASSIGNMENT = "SELECT assignment FROM split_decision WHERE snapshot_id = $snapshot_id AND decision_id = $decision_id"
_KEEP = """
UPDATE split_decision SET decision_id = coalesce(decision_id, $decision_id), assignment = $assignment
WHERE snapshot_id = $snapshot_id AND created_at = $created_at AND assignment IS NULL
"""
_COUNTS = "SELECT split, count(*)::BIGINT AS n FROM split WHERE snapshot_id = $snapshot_id GROUP BY split"
_FRAME = "SELECT example_id, split FROM split WHERE snapshot_id = $snapshot_id ORDER BY example_id"
_IDS = "SELECT example_id FROM split WHERE snapshot_id = $snapshot_id AND split = $split ORDER BY example_id"


def decide(
    store: Store,
    snapshot_id: str,
    *,
    ids: Array,
    names: Array,
    method: str,
    seed: int,
    shares: Mapping[str, Any],
    by: str,
    plan: Mapping[str, Any] | None = None,
) -> str:
    """Put a split decision in force; returns its id. The rows replace those of the last one, which stays on record.

    Args:
        store: the workspace database.
        snapshot_id: of which snapshot.
        ids: (n,) int64 example ids.
        names: (n,) split names, one of pool, train, validation, test.
        method: how it was made, such as random.
        seed: of the random part.
        shares: what was asked for, kept as JSON.
        by: name of the actor.
        plan: the whole plan with notes, kept as JSON.
    """
    ids, names = np.asarray(ids, np.int64), np.asarray(names, dtype=object)
    decision_id = uuid.uuid4().hex[:16]
    rows = pd.DataFrame({"snapshot_id": snapshot_id, "example_id": ids, "split": names})
    with store.write() as cursor:
        _keep_what_is_in_force(store, snapshot_id)
        cursor.execute(_CLEAR, {"snapshot_id": snapshot_id})
        store.insert("split", rows)
        cursor.execute(
            _DECIDE,
            {
                "snapshot_id": snapshot_id,
                "method": method,
                "seed": int(seed),
                "shares": json.dumps(dict(shares)),
                "created_at": datetime.now(UTC),
                "created_by": by,
                "decision_id": decision_id,
                "plan": json.dumps(dict(plan), ensure_ascii=False) if plan is not None else None,
                "assignment": _packed(names[np.argsort(ids, kind="stable")]),
            },
        )
    return decision_id


def _keep_what_is_in_force(store: Store, snapshot_id: str) -> None:
    """Give a decision made before assignments were kept its own, while it is still in force."""
    found = history(store, snapshot_id)
    if found and not found[0]["is_kept"]:
        names = frame(store, snapshot_id)["split"].to_numpy(object)
        values = {"decision_id": uuid.uuid4().hex[:16], "assignment": _packed(names)}
        with store.write() as cursor:
            cursor.execute(_KEEP, values | {"snapshot_id": snapshot_id, "created_at": found[0]["created_at"]})


def _packed(names: Array) -> bytes:
    place = {name: i for i, name in enumerate(SPLITS)}
    return zlib.compress(np.array([place[name] for name in names], dtype=np.uint8).tobytes(), 6)


def history(store: Store, snapshot_id: str) -> list[dict[str, Any]]:
    """Every decision of a snapshot, newest first; the first one is in force.

    Each with method, seed, shares, created_at, created_by, decision_id, plan (or None) and is_kept: whether its
    assignment is on record.
    """
    names = ("method", "seed", "shares", "created_at", "created_by", "decision_id", "plan", "is_kept")
    found = [dict(zip(names, row, strict=True)) for row in store.rows(_DECISIONS, {"snapshot_id": snapshot_id})]
    for one in found:
        one["seed"], one["shares"] = int(one["seed"]), json.loads(one["shares"])
        one["plan"] = json.loads(one["plan"]) if one["plan"] else None
    return found


def decision(store: Store, snapshot_id: str) -> dict[str, Any] | None:
    """The decision in force: method, seed, shares, created_at, created_by and more; None when there is none."""
    found = history(store, snapshot_id)
    return found[0] if found else None


def assignment(store: Store, snapshot_id: str, decision_id: str) -> Array:
    """(n,) split names of a decision on record, in ascending example_id.

    Raises:
        StoreError: no such decision, or one from before assignments were kept.
    """
    row = store.one(_ASSIGNMENT, {"snapshot_id": snapshot_id, "decision_id": decision_id})
    if row is None or row[0] is None:
        raise StoreError("This split is not on record", got=decision_id, fix="Choose another one from the list.")
    codes = np.frombuffer(zlib.decompress(bytes(row[0])), dtype=np.uint8)
    return np.array(SPLITS, dtype=object)[codes]


def counts(store: Store, snapshot_id: str) -> dict[str, int]:
    """Number of examples by split, for the splits that have any."""
    return {str(name): int(n) for name, n in store.rows(_COUNTS, {"snapshot_id": snapshot_id})}


def frame(store: Store, snapshot_id: str) -> pd.DataFrame:
    """example_id (ascending) and split of every example."""
    return store.read(_FRAME, {"snapshot_id": snapshot_id})


def ids(store: Store, snapshot_id: str, split: str) -> Array:
    """(n,) int64 ascending ids of one split."""
    return store.read(_IDS, {"snapshot_id": snapshot_id, "split": split})["example_id"].to_numpy(np.int64)
