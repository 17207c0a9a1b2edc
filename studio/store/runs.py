"""The index of runs and their metrics; the run directories are the truth and both tables can be made from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import pyarrow as pa

from studio.records import RunSpec, RunStatus
from studio.store.connection import Store

_PUT = """
INSERT OR REPLACE INTO run (run_id, kind, title, state, reason, corpus_id, snapshot_id, ticket, created_at, created_by,
    finished_at, attempts, spec, result)
VALUES ($run_id, $kind, $title, $state, $reason, $corpus_id, $snapshot_id, $ticket, $created_at, $created_by,
    $finished_at, $attempts, $spec, $result)
"""
_KNOWN = "SELECT run_id, state, attempts FROM run"
_DELETE = "DELETE FROM run WHERE run_id = $run_id"
_RECENT = """
SELECT run_id, kind, title, state, reason, corpus_id, snapshot_id, created_at, created_by, finished_at, attempts
FROM run ORDER BY created_at DESC, ticket DESC LIMIT $limit
"""
_NEWEST_DONE = """
SELECT run_id, spec, result FROM run
WHERE kind = $kind AND snapshot_id = $snapshot_id AND state = 'done' ORDER BY finished_at DESC, ticket DESC LIMIT 1
"""
_DELETE_METRICS = "DELETE FROM metric WHERE run_id = $run_id"
_METRIC_COLUMNS = ("run_id", "attempt", "step", "name", "value", "logged_at")
_METRICS = """
SELECT attempt, step, name, value, logged_at FROM metric WHERE run_id = $run_id ORDER BY step, attempt, name
"""


def put(store: Store, spec: RunSpec, status: RunStatus, result: Mapping[str, Any] | None = None) -> None:
    """Write or replace the row of one run."""
    with store.write() as cursor:
        cursor.execute(
            _PUT,
            {
                "run_id": spec.run_id,
                "kind": spec.kind,
                "title": spec.title,
                "state": status.state,
                "reason": status.reason or None,
                "corpus_id": spec.corpus_id,
                "snapshot_id": spec.snapshot_id,
                "ticket": spec.ticket,
                "created_at": spec.created_at,
                "created_by": spec.created_by,
                "finished_at": status.finished_at or None,
                "attempts": status.attempt,
                "spec": json.dumps(asdict(spec), ensure_ascii=False, default=str),
                "result": None if result is None else json.dumps(dict(result), ensure_ascii=False, default=str),
            },
        )


def delete(store: Store, run_id: str) -> None:
    """Remove the row and the metrics of a run whose directory is gone."""
    with store.write() as cursor:
        cursor.execute(_DELETE, {"run_id": run_id})
        cursor.execute(_DELETE_METRICS, {"run_id": run_id})


def known(store: Store) -> dict[str, tuple[str, int]]:
    """run_id -> (state, attempts) as the index has it."""
    return {run_id: (state, attempts) for run_id, state, attempts in store.rows(_KNOWN)}


def recent(store: Store, limit: int = 100) -> pd.DataFrame:
    """The newest runs first, as the index has them; a live run's state is in its directory."""
    return store.read(_RECENT, {"limit": limit})


def newest_done(store: Store, *, kind: str, snapshot_id: str) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
    """(run_id, spec, result) of the last done run of a kind on a snapshot, or None."""
    row = store.one(_NEWEST_DONE, {"kind": kind, "snapshot_id": snapshot_id})
    return None if row is None else (row[0], json.loads(row[1]), json.loads(row[2] or "{}"))


def put_metrics(store: Store, run_id: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Replace the stored metrics of a run by its cleaned series; returns the number of values.

    Each number of a line becomes a row (attempt, step, name, value); text and null are left out.
    """
    values = [
        (run_id, int(row.get("attempt", 1)), int(row.get("step", 0)), name, float(value), _number(row.get("time")))
        for row in rows
        for name, value in row.items()
        if name not in ("attempt", "step", "time") and _number(value) is not None
    ]
    with store.write() as cursor:
        cursor.execute(_DELETE_METRICS, {"run_id": run_id})
        if values:
            columns = map(list, zip(*values, strict=True))
            store.insert("metric", pa.table(dict(zip(_METRIC_COLUMNS, columns, strict=True))))
    return len(values)


def metrics(store: Store, run_id: str) -> pd.DataFrame:
    """Columns attempt, step, name, value, logged_at of an ended run, by step."""
    return store.read(_METRICS, {"run_id": run_id})


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
