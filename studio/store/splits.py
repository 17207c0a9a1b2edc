"""Rows of `split` and `split_decision`: which example is in which split, and who decided that how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from studio.records import Array
from studio.store.connection import Store

_CLEAR = "DELETE FROM split WHERE snapshot_id = $snapshot_id"
_DECIDE = "INSERT INTO split_decision VALUES ($snapshot_id, $method, $seed, $shares, $created_at, $created_by)"
_DECISION = """
SELECT method, seed, shares, created_at, created_by FROM split_decision WHERE snapshot_id = $snapshot_id
ORDER BY created_at DESC LIMIT 1
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
) -> None:
    """Put a split decision in force: the rows replace those of the last decision, which stays on record.

    Args:
        store: the workspace database.
        snapshot_id: of which snapshot.
        ids: (n,) int64 example ids.
        names: (n,) split names, one of pool, train, validation, test.
        method: random or imported.
        seed: of the random part.
        shares: what was asked for, kept as JSON.
        by: name of the actor.
    """
    rows = pd.DataFrame({"snapshot_id": snapshot_id, "example_id": np.asarray(ids, np.int64), "split": names})
    with store.write() as cursor:
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
            },
        )


def decision(store: Store, snapshot_id: str) -> dict[str, Any] | None:
    """The decision in force: method, seed, shares, created_at, created_by; None when there is none."""
    row = store.one(_DECISION, {"snapshot_id": snapshot_id})
    if row is None:
        return None
    return {
        "method": row[0],
        "seed": int(row[1]),
        "shares": json.loads(row[2]),
        "created_at": row[3],
        "created_by": row[4],
    }


def counts(store: Store, snapshot_id: str) -> dict[str, int]:
    """Number of examples by split, for the splits that have any."""
    return {str(name): int(n) for name, n in store.rows(_COUNTS, {"snapshot_id": snapshot_id})}


def frame(store: Store, snapshot_id: str) -> pd.DataFrame:
    """example_id (ascending) and split of every example."""
    return store.read(_FRAME, {"snapshot_id": snapshot_id})


def ids(store: Store, snapshot_id: str, split: str) -> Array:
    """(n,) int64 ascending ids of one split."""
    return store.read(_IDS, {"snapshot_id": snapshot_id, "split": split})["example_id"].to_numpy(np.int64)
