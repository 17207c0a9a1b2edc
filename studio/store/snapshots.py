"""Rows of the table `snapshot`: which frozen versions there are, of which corpus, with what inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from studio.errors import CorpusError
from studio.records import Snapshot
from studio.store.connection import Store

_COLUMNS = (
    'snapshot_id, corpus_id, name, language, task, n_examples, n_rejects, "groups", label_names, columns, manifest, '
    "created_at, created_by"
)
_ADD = f"""
INSERT INTO snapshot ({_COLUMNS}, parent_id, run_id)
VALUES ($snapshot_id, $corpus_id, $name, $language, $task, $n_examples, $n_rejects, $groups, $label_names, $columns,
        $manifest, $created_at, $created_by, $parent_id, $run_id)
"""
_GET = f"SELECT {_COLUMNS} FROM snapshot WHERE snapshot_id = $snapshot_id"
_ALL = f"SELECT {_COLUMNS} FROM snapshot ORDER BY created_at DESC, snapshot_id"
_OF_CORPUS = f"SELECT {_COLUMNS} FROM snapshot WHERE corpus_id = $corpus_id ORDER BY created_at DESC, snapshot_id"
_SUCCESSOR = "SELECT new_id FROM snapshot_successor WHERE old_id = $snapshot_id ORDER BY made_at DESC LIMIT 1"
_OF_RUN = "SELECT snapshot_id FROM snapshot WHERE run_id = $run_id"


def add(
    store: Store,
    manifest: Mapping[str, Any],
    *,
    corpus_id: str,
    name: str,
    by: str,
    run_id: str | None = None,
    parent_id: str | None = None,
) -> bool:
    """Index a snapshot by its manifest; False when it was known already."""
    with store.write() as cursor:
        if cursor.execute(_GET, {"snapshot_id": manifest["snapshot_id"]}).fetchone():
            return False
        cursor.execute(
            _ADD,
            {
                "snapshot_id": manifest["snapshot_id"],
                "corpus_id": corpus_id,
                "name": name,
                "language": manifest["language"],
                "task": manifest["task"],
                "n_examples": manifest["n_examples"],
                "n_rejects": manifest.get("n_rejects", 0),
                "groups": list(manifest["groups"]),
                "label_names": list(manifest["labels"]),
                "columns": list(manifest["columns"]),
                "manifest": json.dumps(manifest, ensure_ascii=False),
                "created_at": datetime.now(UTC),
                "created_by": by,
                "parent_id": parent_id,
                "run_id": run_id,
            },
        )
    return True


def get(store: Store, snapshot_id: str) -> Snapshot | None:
    """One snapshot, or None when it is not known."""
    row = store.one(_GET, {"snapshot_id": snapshot_id})
    return _record(row) if row else None


def successor(store: Store, snapshot_id: str) -> str | None:
    """The snapshot that took the place of one after a removal, over several removals; None when there is none."""
    seen = {snapshot_id}
    at = _next(store, snapshot_id)
    while at is not None and at not in seen and get(store, at) is None:
        seen.add(at)
        at = _next(store, at)
    return at


def _next(store: Store, snapshot_id: str) -> str | None:
    row = store.one(_SUCCESSOR, {"snapshot_id": snapshot_id})
    return row[0] if row else None


def resolve(store: Store, snapshot_id: str) -> Snapshot | None:
    """One snapshot, or the one that took its place when examples were removed from it; None when neither is known."""
    found = get(store, snapshot_id)
    if found is not None:
        return found
    heir = successor(store, snapshot_id)
    return get(store, heir) if heir else None


def require(store: Store, snapshot_id: str) -> Snapshot:
    """One snapshot.

    Raises:
        CorpusError: it is not known.
    """
    found = get(store, snapshot_id)
    if found is None:
        raise CorpusError("This snapshot is not known", got=snapshot_id, fix="Choose a corpus on the Home page.")
    return found


def list_all(store: Store) -> list[Snapshot]:
    """Every snapshot, newest first."""
    return [_record(row) for row in store.rows(_ALL)]


def of_corpus(store: Store, corpus_id: str) -> list[Snapshot]:
    """The snapshots of one corpus, newest first."""
    return [_record(row) for row in store.rows(_OF_CORPUS, {"corpus_id": corpus_id})]


def of_run(store: Store, run_id: str) -> str | None:
    """The snapshot an import run made, or None."""
    row = store.one(_OF_RUN, {"run_id": run_id})
    return str(row[0]) if row else None


def _record(row: tuple[Any, ...]) -> Snapshot:
    return Snapshot(
        snapshot_id=row[0],
        corpus_id=row[1],
        name=row[2],
        language=row[3],
        task=row[4],
        n_examples=int(row[5]),
        n_rejects=int(row[6]),
        groups=tuple(row[7]),
        label_names=tuple(row[8]),
        columns=tuple(row[9]),
        manifest=json.loads(row[10]),
        created_at=row[11].isoformat(timespec="seconds"),
        created_by=row[12],
    )
