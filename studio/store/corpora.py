"""Rows of the table `corpus`: a body of text with its language, task and id counter."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pandas as pd

from studio.errors import CorpusError
from studio.store.connection import Store

_ADD = """
INSERT INTO corpus (corpus_id, name, language, task, created_at, created_by, next_example_id, origin)
VALUES ($corpus_id, $name, $language, $task, $created_at, $created_by, 0, $origin)
"""
_COLUMNS = "corpus_id, name, language, task, created_at, created_by, next_example_id, origin"
_GET = f"SELECT {_COLUMNS} FROM corpus WHERE corpus_id = $corpus_id"
_NAMED = f"SELECT {_COLUMNS} FROM corpus WHERE lower(name) = lower($name) ORDER BY created_at DESC LIMIT 1"
_BY_ORIGIN = f"SELECT {_COLUMNS} FROM corpus WHERE origin = $origin ORDER BY created_at DESC LIMIT 1"
_ALL = """
SELECT c.corpus_id, c.name, c.language, c.task, c.created_at, c.origin, s.snapshot_id, s.n_examples, s.n_rejects,
       s.label_names, s.groups, s.created_at AS frozen_at, s.n_snapshots
FROM corpus AS c
JOIN (SELECT corpus_id, arg_max(snapshot_id, created_at) AS snapshot_id, arg_max(n_examples, created_at) AS n_examples,
             arg_max(n_rejects, created_at) AS n_rejects, arg_max(label_names, created_at) AS label_names,
             arg_max("groups", created_at) AS groups, max(created_at) AS created_at, count(*)::BIGINT AS n_snapshots
      FROM snapshot GROUP BY corpus_id) AS s USING (corpus_id)
ORDER BY s.created_at DESC, c.corpus_id
"""
_PROGRESS = """
SELECT (SELECT count(*) FROM map WHERE snapshot_id = $snapshot_id) AS explore,
       (SELECT count(*) FROM selection WHERE snapshot_id = $snapshot_id) AS "select",
       (SELECT count(DISTINCT a.example_id) FROM annotation AS a
        WHERE a.corpus_id = (SELECT corpus_id FROM snapshot WHERE snapshot_id = $snapshot_id) AND a.event = 'label'
          AND NOT EXISTS (SELECT 1 FROM annotation AS u WHERE u.event = 'undo' AND u.supersedes = a.event_id))
           AS annotate,
       (SELECT count(*) FROM round WHERE snapshot_id = $snapshot_id) AS train,
       (SELECT count(*) FROM "loop" WHERE snapshot_id = $snapshot_id) AS "loop"
"""
_STEPS = ("explore", "select", "annotate", "train", "loop")
_SET_NEXT = "UPDATE corpus SET next_example_id = $next_id WHERE corpus_id = $corpus_id AND next_example_id <= $next_id"


def new_id() -> str:
    """A fresh corpus id."""
    return uuid.uuid4().hex[:16]


def add(store: Store, *, corpus_id: str, name: str, language: str, task: str, by: str, origin: str = "") -> None:
    """Add a corpus; a known id is left as it is."""
    with store.write() as cursor:
        if cursor.execute(_GET, {"corpus_id": corpus_id}).fetchone():
            return
        values = {"corpus_id": corpus_id, "name": name, "language": language, "task": task, "origin": origin}
        cursor.execute(_ADD, values | {"created_at": datetime.now(UTC), "created_by": by})


def get(store: Store, corpus_id: str) -> dict[str, object]:
    """One corpus as a mapping.

    Raises:
        CorpusError: no such corpus.
    """
    found = _first(store, _GET, {"corpus_id": corpus_id})
    if found is None:
        raise CorpusError("This corpus is not known", got=corpus_id, fix="Choose one on the Home page.")
    return found


def named(store: Store, name: str) -> dict[str, object] | None:
    """The newest corpus of that name, capitals aside, or None."""
    return _first(store, _NAMED, {"name": name})


def of_origin(store: Store, origin: str) -> dict[str, object] | None:
    """The newest corpus made from a built-in origin such as `demo:en:1`, or None."""
    return _first(store, _BY_ORIGIN, {"origin": origin})


def list_all(store: Store) -> pd.DataFrame:
    """Every corpus that has a snapshot, newest first, with the facts of its newest snapshot."""
    return store.read(_ALL)


def progress(store: Store, snapshot_id: str) -> dict[str, int]:
    """How much was done with a snapshot: maps, frozen selections, labelled examples, rounds, loops, by page name."""
    row = store.one(_PROGRESS, {"snapshot_id": snapshot_id})
    return dict(zip(_STEPS, map(int, row or (0,) * len(_STEPS)), strict=True))


def set_next_example_id(store: Store, corpus_id: str, next_id: int) -> None:
    """Move the id counter on; it never goes back, so no id is used twice."""
    with store.write() as cursor:
        cursor.execute(_SET_NEXT, {"corpus_id": corpus_id, "next_id": int(next_id)})


def _first(store: Store, sql: str, values: dict[str, str]) -> dict[str, object] | None:
    row = store.one(sql, values)
    return dict(zip(_COLUMNS.split(", "), row, strict=True)) if row else None
