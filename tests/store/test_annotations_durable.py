"""Events are written once, journalled first, restored when the database lost them."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import replace

import pytest

from studio.errors import AnnotationError, StoreError
from studio.records import AnnotationEvent
from studio.settings import Workspace
from studio.store import annotations, journal, journal_files
from studio.store.connection import Store


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "w").make()


@pytest.fixture
def store(workspace):
    store = Store(workspace)
    yield store
    store.close()


def draft(example_id: int = 1, value: str = "a", *, event: str = "label", **more) -> AnnotationEvent:
    payload = {"version": 1, "kind": "class", "value": value} if event == "label" else {"version": 1}
    base = AnnotationEvent(
        event_id=uuid.uuid4().hex,
        corpus_id="c",
        snapshot_id="s",
        example_id=example_id,
        row_hash="h",
        event=event,
        payload=payload,
        actor="ann",
        role="annotator",
        selection_id="q",
        split="train",
    )
    return replace(base, **more)


def test_an_event_is_read_back_with_number_and_time(store):
    first, second = annotations.append(store, [draft(1, "a"), draft(2, "乙")])
    assert (first.seq, second.seq) == (1, 2)
    assert second.label == "乙" and second.created_at.endswith("+00:00")
    (third,) = annotations.append(store, [draft(3)])
    assert third.seq == 3


def test_the_same_uuid_twice_is_one_row_whatever_the_second_says(store):
    one = draft(1, "a")
    annotations.append(store, [one])
    (again,) = annotations.append(store, [replace(one, payload={"version": 1, "kind": "class", "value": "b"})])
    assert again.label == "a" and annotations.count(store) == 1
    assert len(annotations.append(store, [replace(draft(2), event_id="x"), replace(draft(2), event_id="x")])) == 1
    assert annotations.count(store) == 2


def test_two_tabs_pressing_at_once_lose_nothing_and_share_no_number(store):
    twice = [draft(n, "a") for n in range(20)]
    barrier = threading.Barrier(4)

    def press(events):
        barrier.wait()
        for event in events:
            annotations.append(store, [event])

    threads = [threading.Thread(target=press, args=(e,)) for e in (twice, twice, [draft(99)] * 5, [draft(98)])]
    [t.start() for t in threads]
    [t.join() for t in threads]
    stored = annotations.events(store, "c")
    assert len(stored) == 22 and [e.seq for e in stored] == list(range(1, 23))


def test_the_journal_has_every_event_before_the_table(store, workspace):
    events = annotations.append(store, [draft(n, "标签") for n in range(3)])
    lines = [json.loads(line) for f in journal_files.files(workspace) for line in f.read_text("utf-8").splitlines()]
    assert [line["event_id"] for line in lines] == [e.event_id for e in events]
    assert list(journal_files.read(workspace)) == events


def test_a_deleted_wal_loses_no_label(workspace):
    """The process dies without a checkpoint and the log is gone: the journal brings every event back, once."""
    store = Store(workspace)
    events = annotations.append(store, [draft(n) for n in range(5)])
    store._connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    store._connection.close()
    store._connection = None
    wal = workspace.database.with_name("studio.duckdb.wal")
    assert wal.exists()
    wal.unlink()
    store = Store(workspace)
    assert annotations.count(store) == 0
    assert journal.restore_from_journal(store, workspace) == 5
    assert annotations.events(store, "c") == events
    assert journal.restore_from_journal(store, workspace) == 0
    assert annotations.append(store, [draft(9)])[0].seq == 6
    store.close()


def test_a_torn_last_line_is_skipped_and_closed_by_the_next_write(store, workspace):
    (kept,) = annotations.append(store, [draft(1)])
    (file,) = journal_files.files(workspace)
    with file.open("ab") as handle:
        handle.write(b'{"v":1,"event_id":"torn","corp')
    (after,) = annotations.append(store, [draft(2)])
    assert list(journal_files.read(workspace)) == [kept, after]
    assert journal.restore_from_journal(store, workspace, force=True) == 0


def test_what_the_database_refused_does_not_come_back_but_the_second_try_does(store, workspace, monkeypatch):
    event = draft(1)

    def refuse(*_):
        raise StoreError("disk full")

    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(annotations, "_insert", refuse)
        annotations.append(store, [event])
    assert list(journal_files.read(workspace)) == [] and annotations.count(store) == 0
    annotations.append(store, [event])
    assert [e.event_id for e in journal_files.read(workspace)] == [event.event_id]


@pytest.mark.parametrize(
    "bad",
    [
        {"event": "erase"},
        {"event_id": ""},
        {"event_id": "x" * 65},
        {"payload": {"version": 1, "kind": "class", "value": ""}},
        {"event": "undo", "supersedes": None},
    ],
)
def test_bad_events_are_refused_before_anything_is_written(store, workspace, bad):
    with pytest.raises(AnnotationError):
        annotations.append(store, [draft(1), replace(draft(2), **bad)])
    assert annotations.count(store) == 0 and journal_files.files(workspace) == []
