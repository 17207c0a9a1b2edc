"""Bringing annotations back from the journal after the database lost them."""

from __future__ import annotations

import logging

from studio.records import ANNOTATION_EVENTS, AnnotationEvent
from studio.settings import Workspace
from studio.store import annotations, journal_files
from studio.store.connection import Store

log = logging.getLogger(__name__)
_BATCH = 10_000


def restore_from_journal(store: Store, workspace: Workspace, *, force: bool = False) -> int:
    """Bring back the events that the journal has and the table lacks; returns how many.

    Called at every start: when the table holds at least as many rows as the journal holds lines there is nothing to
    do, and only bytes were read. Idempotent by event id; restored events keep their own number and time.

    Args:
        store: the open database of `workspace`.
        workspace: where the journal lies.
        force: compare event by event even when the counts agree (after a damaged log was set aside).

    Raises:
        StoreError: the database cannot be written, or a time in the journal cannot be read.
    """
    if not force and not store.notices and journal_files.count_lines(workspace) <= annotations.count(store):
        return 0
    known = annotations.known_ids(store)
    missing: list[AnnotationEvent] = []
    restored = 0
    for event in journal_files.read(workspace):
        if event.event_id in known or event.event not in ANNOTATION_EVENTS:
            continue
        known.add(event.event_id)
        missing.append(event)
        if len(missing) >= _BATCH:
            restored += annotations.bring_back(store, missing)
            missing = []
    restored += annotations.bring_back(store, missing)
    if restored:
        log.warning("annotations restored n=%s", restored)
    return restored
