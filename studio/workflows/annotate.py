"""What an annotator does: label, skip, note, undo, redo; and the simulated annotator doing the rest."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.annotation import batches, simulate
from studio.annotation.destination import destination
from studio.annotation.leases import Holder
from studio.errors import AnnotationError
from studio.records import Actor, AnnotationEvent
from studio.store import annotations, examples, labels
from studio.workflows.acts import act
from studio.workflows.studio import Studio

MAX_NOTE = 2000
MAX_LABEL = 80
MAX_GUIDELINES = 20_000
_BATCH = 5000


@dataclass(frozen=True)
class Shown:
    """The example a key belongs to, as it stood on the screen; made by the desk, carried by every button."""

    corpus_id: str
    snapshot_id: str
    selection_id: str
    example_id: int
    row_hash: str
    reason: str = ""
    has_control: bool = False
    has_corpus_validation: bool = True


def press_id(display: str, event: str, value: str = "") -> str:
    """The event id of one button of one display: the same button sent twice gives the same id.

    Args:
        display: UUID made when the example was put on the screen.
        event: label, skip, note, undo or redo.
        value: what the button says.
    """
    return uuid.uuid5(uuid.UUID(display), f"{event}\x1f{value}").hex


def draft(actor: Actor, shown: Shown, event_id: str, event: str, **more: Any) -> AnnotationEvent:
    """An event about what was shown, in the actor's name, not stored yet."""
    return AnnotationEvent(
        event_id=event_id,
        corpus_id=shown.corpus_id,
        snapshot_id=shown.snapshot_id,
        example_id=shown.example_id,
        row_hash=shown.row_hash,
        selection_id=shown.selection_id,
        event=event,
        actor=actor.name,
        role=actor.role,
        **more,
    )


def class_payload(value: str) -> dict[str, Any]:
    """The payload of a class label."""
    return {"version": 1, "kind": "class", "value": value}


@act("annotate.label", "annotator", log=False)  # the event is its own audit entry: who, role, when, what
def label(
    studio: Studio,
    actor: Actor,
    *,
    shown: Shown,
    value: str,
    event_id: str,
    suggestion: Mapping[str, Any] | None = None,
    duration_ms: int | None = None,
) -> AnnotationEvent:
    """Give an example a label; durable in the journal and the database when this returns.

    Returns:
        The event as it was read back from the table.

    Raises:
        AnnotationError: the label is not one of the corpus's labels.
        StoreError: it could not be written; nothing was saved.
    """
    known = labels.names(studio.store, shown.snapshot_id)
    if value not in known:
        raise AnnotationError(
            "This label does not exist in this corpus", got=value, fix="Choose one of the labels, or add it first."
        )
    earlier = annotations.splits_of(studio.store, shown.corpus_id, [shown.example_id])
    # Counting every label costs more than storing one, and decides nothing when the corpus has validation labels.
    counted = {} if shown.has_corpus_validation else annotations.split_counts(studio.store, shown.corpus_id)
    split = destination(
        counted.get("train", 0),
        counted.get("validation", 0),
        has_corpus_validation=shown.has_corpus_validation,
        earlier=earlier.get(shown.example_id),
        eligible=not shown.has_control or batches.is_random(shown.reason),
    )
    made = draft(
        actor,
        shown,
        event_id,
        "label",
        payload=class_payload(value),
        split=split,
        suggestion=suggestion,
        duration_ms=duration_ms,
    )
    stored = annotations.append(studio.store, [made])[0]
    studio.leases.finish(shown.selection_id, shown.example_id)
    return stored


@act("annotate.skip", "annotator", log=False)
def skip(studio: Studio, actor: Actor, *, shown: Shown, event_id: str) -> AnnotationEvent:
    """Put an example aside without a label; it can be looked at again when the queue is through."""
    stored = annotations.append(studio.store, [draft(actor, shown, event_id, "skip")])[0]
    studio.leases.finish(shown.selection_id, shown.example_id)
    return stored


@act("annotate.note", "annotator", log=False)
def note(studio: Studio, actor: Actor, *, shown: Shown, text: str, event_id: str) -> AnnotationEvent:
    """Keep a remark about an example.

    Raises:
        AnnotationError: the note is empty or longer than 2,000 characters.
    """
    clean = text.encode("utf-8", "replace").decode().strip()
    if not clean or len(clean) > MAX_NOTE:
        raise AnnotationError(
            "A note must have between 1 and 2,000 characters", got=f"{len(clean)} characters", fix="Change its length."
        )
    payload = {"version": 1, "kind": "note", "value": clean}
    return annotations.append(studio.store, [draft(actor, shown, event_id, "note", payload=payload)])[0]


@act("annotate.undo", "annotator", log=False)
def undo(
    studio: Studio, actor: Actor, *, selection_id: str, supersedes: str, event_id: str, session: str = ""
) -> AnnotationEvent:
    """Take back one label or skip of one's own by a new event; the old one stays in the table.

    With a `session` the example goes back to that desk, unless another one has it by now.

    Raises:
        AnnotationError: the event is unknown, of another queue, or another person's.
    """
    found = annotations.by_ids(studio.store, [supersedes])
    if not found or found[0].event not in ("label", "skip") or found[0].selection_id != selection_id:
        raise AnnotationError("There is nothing to undo here", got=supersedes, fix="Reload the page and try again.")
    old = found[0]
    if old.actor != actor.name:
        raise AnnotationError(
            "A label of another person cannot be undone", got=old.actor, fix="Give the example the label you mean."
        )
    done = annotations.undo_of(studio.store, supersedes)
    done = done or annotations.append(studio.store, [_undo_draft(actor, old, event_id)])[0]
    if session:
        studio.leases.take(selection_id, old.example_id, Holder(session, actor.name))
    return done


def _undo_draft(actor: Actor, old: AnnotationEvent, event_id: str) -> AnnotationEvent:
    shown = Shown(old.corpus_id, old.snapshot_id, old.selection_id or "", old.example_id, old.row_hash)
    return draft(actor, shown, event_id, "undo", supersedes=old.event_id, payload={"version": 1})


@act("annotate.redo", "annotator", log=False)
def redo(studio: Studio, actor: Actor, *, selection_id: str, undone: str, event_id: str) -> AnnotationEvent:
    """Bring back what the last undo took back, as a new event with the same label.

    Raises:
        AnnotationError: the last act was not that undo any more.
    """
    already = annotations.by_ids(studio.store, [event_id])
    if already:
        return already[0]
    found = annotations.by_ids(studio.store, [undone])
    old = found[0] if found else None
    last = annotations.last_undone_of(studio.store, old.corpus_id, selection_id, actor.name) if old else None
    if old is None or last is None or last.event_id != old.event_id:
        raise AnnotationError("There is nothing to bring back", got=undone, fix="Give the example its label again.")
    shown = Shown(old.corpus_id, old.snapshot_id, selection_id, old.example_id, old.row_hash)
    made = draft(actor, shown, event_id, old.event, payload=old.payload, split=old.split, suggestion=old.suggestion)
    stored = annotations.append(studio.store, [made])[0]
    studio.leases.finish(selection_id, old.example_id)
    return stored


@act("annotate.add_label", "analyst")
def add_label(studio: Studio, actor: Actor, *, snapshot_id: str, name: str) -> list[str]:
    """Add a label to the corpus; returns all labels one may choose from.

    Raises:
        AnnotationError: the name is empty, too long, or exists already.
    """
    clean = " ".join(name.split())
    known = labels.names(studio.store, snapshot_id)
    if not clean or len(clean) > MAX_LABEL or clean in known:
        raise AnnotationError(
            "This label cannot be added", got=name, fix=f"Use a new name of 1 to {MAX_LABEL} characters."
        )
    labels.add_name(studio.store, snapshot_id, clean)
    return [*known, clean]


@act("annotate.guidelines", "analyst")
def set_guidelines(studio: Studio, actor: Actor, *, corpus_id: str, text: str) -> str:
    """Replace what annotators of this corpus are told.

    Raises:
        AnnotationError: longer than 20,000 characters.
    """
    clean = text.encode("utf-8", "replace").decode().strip()
    if len(clean) > MAX_GUIDELINES:
        raise AnnotationError(
            "The guidelines are too long", got=f"{len(clean)} characters", fix="Keep them under 20,000 characters."
        )
    labels.set_guidelines(studio.store, corpus_id, clean)
    return clean


@act("annotate.simulate", "analyst")
def simulate_rest(
    studio: Studio,
    actor: Actor,
    *,
    selection_id: str,
    error_rate: float = 0.0,
    seed: int = 0,
    limit: int | None = None,
) -> int:
    """Let the simulated annotator label every open example of a queue with the corpus's own labels; returns how many.

    The events are marked simulated and carry the simulated annotator as their actor; labels people gave are left.

    Raises:
        AnnotationError: an unknown queue, or a corpus that came without labels.
    """
    head = annotations.queue_head(studio.store, selection_id)
    if head is None:
        raise AnnotationError("This queue is not known", got=selection_id, fix="Freeze a selection on the Select page.")
    if not labels.has_corpus_labels(studio.store, head.snapshot_id):
        raise AnnotationError(
            "The simulated annotator has nothing to reveal",
            got="a corpus without labels of its own",
            fix="Label the queue by hand, or import labels.",
        )
    queue = annotations.queue(studio.store, head.corpus_id, selection_id)
    todo = queue[queue.state != "label"][: limit if limit is not None else len(queue)]
    ids = [int(i) for i in todo.example_id]
    truth = {int(i): str(v) for i, v in labels.hidden(studio.store, head.snapshot_id, ids).itertuples(index=False)}
    given = simulate.reveal(
        truth,
        ids,
        labels.names(studio.store, head.snapshot_id),
        rng=np.random.default_rng(seed),
        error_rate=error_rate,
    )
    reasons = {int(row.example_id): str(row.reason) for row in todo.itertuples()}
    drafts = _bulk(studio, head, given, reasons, simulated=True, namespace=f"simulated:{seed}:{error_rate}")
    for start in range(0, len(drafts), _BATCH):
        annotations.append(studio.store, drafts[start : start + _BATCH])
    return len(drafts)


def _bulk(
    studio: Studio,
    head: annotations.QueueHead,
    given: Sequence[tuple[int, str]],
    reasons: Mapping[int, str],
    *,
    simulated: bool,
    namespace: str,
) -> list[AnnotationEvent]:
    """Drafts of many labels of one queue, each sent to train or validation as if they came one by one."""
    ids = [example_id for example_id, _ in given]
    rows = examples.by_ids(studio.store, head.snapshot_id, ids, ["example_id", "row_hash"])
    hashes = dict(zip(rows.example_id.astype(int), rows.row_hash, strict=True))
    earlier = annotations.splits_of(studio.store, head.corpus_id, ids)
    counted = annotations.split_counts(studio.store, head.corpus_id)
    fixed = labels.has_corpus_validation(studio.store, head.snapshot_id)
    mixed = annotations.has_control(studio.store, head.selection_id)
    drafts: list[AnnotationEvent] = []
    actor = Actor(name=simulate.SIMULATED_ACTOR, role="annotator")
    # A new UUID per call: after an undo the same example may be revealed again.
    call = uuid.uuid4()
    for example_id, value in given:
        shown = Shown(head.corpus_id, head.snapshot_id, head.selection_id, example_id, str(hashes[example_id]))
        split = destination(
            counted["train"],
            counted["validation"],
            has_corpus_validation=fixed,
            earlier=earlier.get(example_id),
            eligible=not mixed or batches.is_random(reasons.get(example_id, "")),
        )
        counted[split] += example_id not in earlier
        event_id = uuid.uuid5(call, f"{namespace}:{example_id}").hex
        drafts.append(
            draft(actor, shown, event_id, "label", payload=class_payload(value), split=split, simulated=simulated)
        )
    return drafts
