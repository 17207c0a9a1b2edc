"""Annotation events: append-only rows, written to the journal and to DuckDB in one act, read back before it is said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from studio.errors import AnnotationError, StoreError
from studio.records import ANNOTATION_EVENTS, AnnotationEvent
from studio.store import journal_files
from studio.store.connection import Store

_COLUMNS = (
    "event_id",
    "seq",
    "corpus_id",
    "snapshot_id",
    "example_id",
    "row_hash",
    "event",
    "payload",
    "supersedes",
    "split",
    "selection_id",
    "suggestion",
    "simulated",
    "duration_ms",
    "actor",
    "role",
    "created_at",
)
# Times leave the database as milliseconds: fetching TIMESTAMPTZ as Python objects needs pytz.
_READ = ", ".join(_COLUMNS[:-1]) + ", epoch_ms(created_at) AS created_at"
_SELECT = f"SELECT {_READ} FROM annotation"
_INSERT = f"INSERT INTO annotation ({', '.join(_COLUMNS)}) VALUES ({', '.join('$' + name for name in _COLUMNS)})"
_KNOWN = "SELECT event_id FROM annotation WHERE event_id IN (SELECT unnest($ids))"
_BY_IDS = f"{_SELECT} WHERE event_id IN (SELECT unnest($ids)) ORDER BY seq"
_LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM annotation"
_LABELLED = """
SELECT example_id FROM annotation WHERE corpus_id = $corpus_id AND event = 'label'
GROUP BY example_id ORDER BY max(seq) DESC LIMIT $limit
"""
_COUNT = "SELECT count(*) FROM annotation"
_ALL_IDS = "SELECT event_id FROM annotation"
_EVENTS = (
    f"{_SELECT} WHERE corpus_id = $corpus_id AND ($selection_id IS NULL OR selection_id = $selection_id) ORDER BY seq"
)
_ACTIVE = """
active AS (
    SELECT a.* FROM annotation AS a
    WHERE a.corpus_id = $corpus_id AND a.event IN ('label', 'skip', 'note') AND NOT EXISTS (
        SELECT 1 FROM annotation AS u
        WHERE u.corpus_id = $corpus_id AND u.event = 'undo' AND u.supersedes = a.event_id))
"""
_LAST_BY = f"""
WITH {_ACTIVE}
SELECT event_id FROM active
WHERE actor = $actor AND event IN ('label', 'skip') AND selection_id = $selection_id AND NOT simulated
ORDER BY seq DESC LIMIT 1
"""
_LAST_UNDO_BY = """
SELECT event_id FROM annotation
WHERE corpus_id = $corpus_id AND actor = $actor AND selection_id = $selection_id AND event <> 'note' AND NOT simulated
ORDER BY seq DESC LIMIT 1
"""
_OF_EXAMPLE = f"""
WITH {_ACTIVE}
SELECT {_READ} FROM active WHERE example_id = $example_id ORDER BY seq
"""
_STANDING = f"""
WITH {_ACTIVE}
SELECT {_READ} FROM active WHERE event = $event
QUALIFY row_number() OVER (PARTITION BY example_id ORDER BY seq DESC) = 1 ORDER BY example_id
"""
_QUEUE = """
WITH chosen AS (
    SELECT rank, example_id, score, reason FROM selection_example WHERE selection_id = $selection_id),
gone AS (
    SELECT supersedes FROM annotation WHERE corpus_id = $corpus_id AND event = 'undo'),
newest AS (
    SELECT a.example_id, arg_max(a.event, a.seq) AS event, max(a.seq) AS seq, arg_max(a.simulated, a.seq) AS simulated
    FROM annotation AS a SEMI JOIN chosen AS c ON c.example_id = a.example_id
    WHERE a.corpus_id = $corpus_id AND a.event IN ('label', 'skip')
      AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.supersedes = a.event_id)
    GROUP BY a.example_id)
SELECT s.rank, s.example_id, s.score, s.reason, coalesce(n.event, 'open') AS state,
       coalesce(n.seq, 0) AS seq, coalesce(n.simulated, false) AS simulated
FROM chosen AS s LEFT JOIN newest AS n USING (example_id)
ORDER BY s.rank, s.example_id
"""
_HEAD_COLUMNS = "selection_id, corpus_id, snapshot_id, name, arm, n, loop_id"
_HEAD = f"SELECT {_HEAD_COLUMNS} FROM selection WHERE selection_id = $selection_id"
_HEADS = (
    f"SELECT {_HEAD_COLUMNS} FROM selection WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC, selection_id"
)
_HAS_CONTROL = """
SELECT 1 FROM selection_example WHERE selection_id = $selection_id AND reason = 'control_random' LIMIT 1
"""
_NEWEST_BY = """
SELECT event_id FROM annotation
WHERE corpus_id = $corpus_id AND actor = $actor AND selection_id = $selection_id AND NOT simulated
ORDER BY seq DESC LIMIT 1
"""
_UNDO_OF = "SELECT event_id FROM annotation WHERE event = 'undo' AND supersedes = $event_id ORDER BY seq LIMIT 1"
_SPLIT_COUNTS = f"""
WITH {_ACTIVE},
newest AS (
    SELECT example_id, arg_max(split, seq) AS split FROM active WHERE event = 'label' GROUP BY example_id)
SELECT coalesce(split, 'train') AS split, count(*) FROM newest GROUP BY ALL
"""
_SPLITS_OF = """
SELECT example_id, arg_min(split, seq) AS split FROM annotation
WHERE corpus_id = $corpus_id AND event = 'label' AND split IS NOT NULL AND example_id IN (SELECT unnest($ids))
GROUP BY example_id
"""
_FREQUENT = """
SELECT payload->>'$.value' AS label FROM annotation WHERE corpus_id = $corpus_id AND event = 'label'
GROUP BY label ORDER BY count(*) DESC, label LIMIT $limit
"""
_PACE = """
SELECT created_at, duration_ms FROM annotation
WHERE corpus_id = $corpus_id AND actor = $actor AND event = 'label' AND NOT simulated
ORDER BY seq DESC LIMIT $limit
"""


def append(store: Store, drafts: Sequence[AnnotationEvent]) -> list[AnnotationEvent]:
    """Store events for good: journal line (fsync), then the committed row, then read back what the table holds.

    An event whose `event_id` is already stored is left as it is, whatever the draft says: the same press sent twice
    is one row. Must not be called inside another write, whose rollback would come after the journal line.

    Args:
        store: the open database; its workspace holds the journal.
        drafts: events without `seq` and `created_at`, in the order they happened.

    Returns:
        The stored events in order of `seq`, one per distinct event id.

    Raises:
        AnnotationError: an event that cannot be stored as it was given.
        StoreError: the journal or the database cannot be written; nothing was saved.
    """
    for draft in drafts:
        _check(draft)
    ids = list(dict.fromkeys(draft.event_id for draft in drafts))
    written: list[str] = []
    try:
        with store.write() as cursor:
            known = {row[0] for row in cursor.execute(_KNOWN, {"ids": ids}).fetchall()} if ids else set()
            fresh = _numbered(store, [draft for draft in drafts if draft.event_id not in known])
            journal_files.append(store.workspace, fresh)
            written = [event.event_id for event in fresh]
            _insert(store, cursor, fresh)
    except BaseException:
        if written:
            journal_files.abort(store.workspace, written)
        raise
    return by_ids(store, ids)


def _check(draft: AnnotationEvent) -> None:
    if draft.event not in ANNOTATION_EVENTS:
        raise AnnotationError(
            "This kind of annotation is not known", got=draft.event, fix=f"Use one of {', '.join(ANNOTATION_EVENTS)}."
        )
    if not draft.event_id or len(draft.event_id) > 64:
        raise AnnotationError("An annotation needs an id of its own", got=draft.event_id, fix="Reload the page.")
    if draft.event == "label" and not draft.label:
        raise AnnotationError(
            "A label cannot be empty", got=draft.payload.get("value"), fix="Choose one of the labels."
        )
    if draft.event == "undo" and not draft.supersedes:
        raise AnnotationError("An undo must name what it takes back", got=draft.supersedes, fix="Reload the page.")


def _numbered(store: Store, drafts: Sequence[AnnotationEvent]) -> list[AnnotationEvent]:
    (last,) = store.one(_LAST_SEQ) or (0,)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    unique = {draft.event_id: draft for draft in reversed(drafts)}
    ordered = [draft for draft in drafts if unique.get(draft.event_id) is draft]
    return [
        replace(draft, seq=last + place, created_at=draft.created_at or now)
        for place, draft in enumerate(ordered, start=1)
    ]


def _row(event: AnnotationEvent) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(event, name) for name in _COLUMNS}
    row["payload"] = json.dumps(dict(event.payload), ensure_ascii=False)
    row["suggestion"] = None if event.suggestion is None else json.dumps(dict(event.suggestion), ensure_ascii=False)
    row["created_at"] = datetime.fromisoformat(event.created_at)
    return row


_ARROW = pa.schema(
    [
        ("event_id", pa.string()),
        ("seq", pa.int64()),
        ("corpus_id", pa.string()),
        ("snapshot_id", pa.string()),
        ("example_id", pa.int64()),
        ("row_hash", pa.string()),
        ("event", pa.string()),
        ("payload", pa.string()),
        ("supersedes", pa.string()),
        ("split", pa.string()),
        ("selection_id", pa.string()),
        ("suggestion", pa.string()),
        ("simulated", pa.bool_()),
        ("duration_ms", pa.int64()),
        ("actor", pa.string()),
        ("role", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
    ]
)


def _insert(store: Store, cursor: Any, events: Sequence[AnnotationEvent]) -> None:
    if len(events) == 1:
        cursor.execute(_INSERT, _row(events[0]))
    elif events:
        store.insert("annotation", pa.Table.from_pylist([_row(event) for event in events], schema=_ARROW))


def _event(row: Sequence[Any]) -> AnnotationEvent:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["payload"] = json.loads(values["payload"])
    values["suggestion"] = None if values["suggestion"] is None else json.loads(values["suggestion"])
    values["created_at"] = datetime.fromtimestamp(values["created_at"] / 1000, UTC).isoformat(timespec="milliseconds")
    return AnnotationEvent(**values)


# --- reading ----------------------------------------------------------------------------------------------------------
def by_ids(store: Store, event_ids: Iterable[str]) -> list[AnnotationEvent]:
    """The stored events of these ids, oldest first; unknown ids are left out."""
    return [_event(row) for row in store.rows(_BY_IDS, {"ids": list(event_ids)})]


def events(store: Store, corpus_id: str, selection_id: str | None = None) -> list[AnnotationEvent]:
    """Every event of a corpus (of one queue when given), oldest first, undone ones included."""
    return [_event(row) for row in store.rows(_EVENTS, {"corpus_id": corpus_id, "selection_id": selection_id})]


def of_example(store: Store, corpus_id: str, example_id: int) -> list[AnnotationEvent]:
    """What stands about one example: labels, skips and notes that nobody took back, oldest first."""
    return [_event(row) for row in store.rows(_OF_EXAMPLE, {"corpus_id": corpus_id, "example_id": example_id})]


def standing(store: Store, corpus_id: str, event: str) -> list[AnnotationEvent]:
    """The newest event of one kind of every example of a corpus, undone ones left out, by example id."""
    return [_event(row) for row in store.rows(_STANDING, {"corpus_id": corpus_id, "event": event})]


def last_of(store: Store, corpus_id: str, selection_id: str, actor: str) -> AnnotationEvent | None:
    """The newest label or skip of this person in this queue that is not undone; what "undo" takes back."""
    found = store.one(_LAST_BY, {"corpus_id": corpus_id, "selection_id": selection_id, "actor": actor})
    return by_ids(store, [found[0]])[0] if found else None


def newest_of(store: Store, corpus_id: str, selection_id: str, actor: str) -> AnnotationEvent | None:
    """The newest event of this person in this queue, whatever it is; what "saved #n" is read from."""
    found = store.one(_NEWEST_BY, {"corpus_id": corpus_id, "selection_id": selection_id, "actor": actor})
    return by_ids(store, [found[0]])[0] if found else None


def last_undone_of(store: Store, corpus_id: str, selection_id: str, actor: str) -> AnnotationEvent | None:
    """What "redo" brings back: the event taken back by this person's newest act, when that act was an undo."""
    found = store.one(_LAST_UNDO_BY, {"corpus_id": corpus_id, "selection_id": selection_id, "actor": actor})
    newest = by_ids(store, [found[0]])[0] if found else None
    if newest is None or newest.event != "undo" or newest.supersedes is None:
        return None
    undone = by_ids(store, [newest.supersedes])
    return undone[0] if undone else None


def undo_of(store: Store, event_id: str) -> AnnotationEvent | None:
    """The undo that took this event back, when there is one."""
    found = store.one(_UNDO_OF, {"event_id": event_id})
    return by_ids(store, [found[0]])[0] if found else None


def queue(store: Store, corpus_id: str, selection_id: str) -> pd.DataFrame:
    """The queue of a frozen selection in pick order.

    Returns:
        Columns rank, example_id, score, reason, state (open, label, skip; a label by anyone closes an example), seq
        (of the event behind the state, 0 when open), simulated.
    """
    return store.read(_QUEUE, {"corpus_id": corpus_id, "selection_id": selection_id})


@dataclass(frozen=True)
class QueueHead:
    """The frozen selection behind a queue."""

    selection_id: str
    corpus_id: str
    snapshot_id: str
    name: str
    arm: str
    n: int
    loop_id: str | None


def queue_head(store: Store, selection_id: str) -> QueueHead | None:
    """Name, corpus and snapshot of a queue; None when no selection has this id."""
    found = store.one(_HEAD, {"selection_id": selection_id})
    return QueueHead(*found) if found else None


def queues(store: Store, snapshot_id: str) -> list[QueueHead]:
    """The frozen selections of a snapshot, newest first."""
    return [QueueHead(*row) for row in store.rows(_HEADS, {"snapshot_id": snapshot_id})]


def has_control(store: Store, selection_id: str) -> bool:
    """True when the queue mixes picks of a model with picks drawn at random for control."""
    return store.one(_HAS_CONTROL, {"selection_id": selection_id}) is not None


def split_counts(store: Store, corpus_id: str) -> dict[str, int]:
    """How many annotated examples go to train and to validation."""
    found = dict(store.rows(_SPLIT_COUNTS, {"corpus_id": corpus_id}))
    return {"train": int(found.get("train", 0)), "validation": int(found.get("validation", 0))}


def splits_of(store: Store, corpus_id: str, example_ids: Sequence[int]) -> dict[int, str]:
    """Where earlier labels of these examples went (undone ones count: an example never changes sides)."""
    rows = store.rows(_SPLITS_OF, {"corpus_id": corpus_id, "ids": [int(i) for i in example_ids]})
    return {int(example_id): str(split) for example_id, split in rows}


def recent(store: Store, corpus_id: str, actor: str, limit: int = 30) -> pd.DataFrame:
    """This person's newest labels, newest first: created_at, duration_ms; what the pace is computed from."""
    return store.read(_PACE, {"corpus_id": corpus_id, "actor": actor, "limit": limit})


def frequent_labels(store: Store, corpus_id: str, limit: int) -> list[str]:
    """The labels given most often in this corpus, most frequent first."""
    return [row[0] for row in store.rows(_FREQUENT, {"corpus_id": corpus_id, "limit": limit})]


def labelled_ids(store: Store, corpus_id: str, limit: int) -> list[int]:
    """The examples labelled last, newest first; one whose label was taken back is among them."""
    return [int(row[0]) for row in store.rows(_LABELLED, {"corpus_id": corpus_id, "limit": limit})]


def count(store: Store) -> int:
    """How many events the table holds, all corpora together."""
    (total,) = store.one(_COUNT) or (0,)
    return int(total)


# --- restoring --------------------------------------------------------------------------------------------------------
def known_ids(store: Store) -> set[str]:
    """The ids of all stored events; what a restore compares the journal with."""
    return {row[0] for row in store.rows(_ALL_IDS)}


def bring_back(store: Store, restored: Sequence[AnnotationEvent]) -> int:
    """Insert journal events the table lacks, with their own numbers and times; returns how many.

    Raises:
        StoreError: a time in the journal cannot be read, or the database cannot be written.
    """
    try:
        rows = [_row(event) for event in restored]
    except ValueError as error:
        raise StoreError(
            "The annotation journal holds a time that cannot be read",
            got=str(error)[:100],
            fix="Mend that line of the newest file in journal/ and start again.",
        ) from error
    if rows:
        store.insert("annotation", pa.Table.from_pylist(rows, schema=_ARROW))
    return len(rows)
