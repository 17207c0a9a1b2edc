"""Rows of `finding`: what an audit found, kept per snapshot, audit, version and everything else it depends on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from studio.records import AuditResult, Condition, Finding
from studio.store.connection import Store

_ADD = "INSERT INTO finding VALUES ($snapshot_id, $audit, $version, $context_hash, $result, $created_at)"
_DROP = """
DELETE FROM finding
WHERE snapshot_id = $snapshot_id AND audit = $audit AND version = $version AND context_hash = $context_hash
"""
_GET = """
SELECT result, created_at FROM finding
WHERE snapshot_id = $snapshot_id AND audit = $audit AND version = $version AND context_hash = $context_hash
ORDER BY created_at DESC LIMIT 1
"""
_LABEL_STATE = """
SELECT (SELECT coalesce(max(a.seq), 0) FROM annotation AS a
        WHERE a.corpus_id = (SELECT s.corpus_id FROM snapshot AS s WHERE s.snapshot_id = $snapshot_id)),
       (SELECT max(d.created_at) FROM split_decision AS d WHERE d.snapshot_id = $snapshot_id)
"""
TABLE_ROWS = 5_000  # rows of a table that are kept; the findings are made from all of them


def put(store: Store, snapshot_id: str, version: int, context_hash: str, result: AuditResult) -> None:
    """Keep the result of an audit; the same key again replaces it."""
    key = {"snapshot_id": snapshot_id, "audit": result.audit, "version": version, "context_hash": context_hash}
    with store.write() as cursor:
        cursor.execute(_DROP, key)
        cursor.execute(_ADD, key | {"result": to_json(result), "created_at": datetime.now(UTC)})


def get(
    store: Store, snapshot_id: str, audit: str, version: int, context_hash: str
) -> tuple[AuditResult, datetime] | None:
    """The kept result and when it was computed; None where there is none of this very context."""
    key = {"snapshot_id": snapshot_id, "audit": audit, "version": version, "context_hash": context_hash}
    row = store.one(_GET, key)
    return (from_json(row[0]), row[1]) if row else None


def label_state(store: Store, snapshot_id: str) -> tuple[int, str]:
    """What changes when a label or a split does: the newest annotation's number, the moment of the split decision."""
    row = store.rows(_LABEL_STATE, {"snapshot_id": snapshot_id})[0]
    return int(row[0]), str(row[1])


def to_json(result: AuditResult) -> str:
    """The result as text; undefined numbers become null."""
    table = result.table.head(TABLE_ROWS)
    return json.dumps(
        {
            "audit": result.audit,
            "notes": list(result.notes),
            "findings": [finding_to_json(finding) for finding in result.findings],
            "table": {
                "columns": [str(name) for name in table.columns],
                "data": [[_plain(cell) for cell in row] for row in table.itertuples(index=False, name=None)],
            },
        },
        ensure_ascii=False,
    )


def from_json(text: str) -> AuditResult:
    """The inverse of `to_json`; list-valued cells stay lists, undefined numbers are NaN again."""
    given = json.loads(text)
    table = pd.DataFrame(given["table"]["data"], columns=given["table"]["columns"])
    return AuditResult(
        audit=given["audit"],
        findings=tuple(_finding(item) for item in given["findings"]),
        table=table,
        notes=tuple(given["notes"]),
    )


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """A finding as plain JSON values."""
    return {
        "audit": finding.audit,
        "key": finding.key,
        "values": {name: _plain(value) for name, value in finding.values.items()},
        "n": finding.n,
        "estimate": _plain(finding.estimate),
        "low": _plain(finding.low),
        "high": _plain(finding.high),
        "unit": finding.unit,
        "p": _plain(finding.p),
        "q": _plain(finding.q),
        "threshold": _plain(finding.threshold),
        "smallest_effect": _plain(finding.smallest_effect),
        "alarm": bool(finding.alarm),
        "examples": [[clause.column, clause.op, clause.value] for clause in finding.examples],
        "example_ids": [int(example_id) for example_id in finding.example_ids],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool | type(None)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _finding(item: Mapping[str, Any]) -> Finding:
    given = dict(item)
    given["examples"] = tuple(Condition(column, op, value) for column, op, value in given["examples"])
    given["example_ids"] = tuple(given["example_ids"])
    return Finding(**given)
