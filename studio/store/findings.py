"""Rows of `finding`: what an audit found, kept per snapshot, audit, version and everything else it depends on."""

from __future__ import annotations

from datetime import UTC, datetime

from studio.findings import finding_to_json, from_json, to_json
from studio.records import AuditResult
from studio.store.connection import Store

__all__ = ["finding_to_json", "from_json", "get", "label_state", "newest", "put", "to_json"]

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
_NEWEST = """
SELECT result, created_at FROM finding WHERE snapshot_id = $snapshot_id AND audit = $audit AND version = $version
ORDER BY created_at DESC, context_hash LIMIT 1
"""
_LABEL_STATE = """
SELECT (SELECT coalesce(max(a.seq), 0) FROM annotation AS a
        WHERE a.corpus_id = (SELECT s.corpus_id FROM snapshot AS s WHERE s.snapshot_id = $snapshot_id)),
       (SELECT max(d.created_at) FROM split_decision AS d WHERE d.snapshot_id = $snapshot_id)
"""


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


def newest(store: Store, snapshot_id: str, audit: str, version: int) -> tuple[AuditResult, datetime] | None:
    """The kept result computed last, whatever it rests on; None where there is none."""
    row = store.one(_NEWEST, {"snapshot_id": snapshot_id, "audit": audit, "version": version})
    return (from_json(row[0]), row[1]) if row else None
