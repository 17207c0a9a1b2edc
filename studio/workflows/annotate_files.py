"""Labels out to a file and back in: a queue can be labelled elsewhere and its labels brought home."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.annotation import batches
from studio.annotation.destination import destination
from studio.corpus import exporting, formats, readers
from studio.errors import AnnotationError
from studio.records import Actor, AnnotationEvent
from studio.store import annotations, examples, labels
from studio.workflows.acts import act
from studio.workflows.annotate import Shown, class_payload, draft
from studio.workflows.studio import Studio

COLUMNS: tuple[str, ...] = (
    "example_id", "row_hash", "text", "label", "state", "actor", "at", "simulated", "split", "note",
)  # fmt: skip
MOST_ROWS = 1_000_000
_BATCH = 5000


@dataclass(frozen=True)
class Imported:
    """What came of a file: labels stored now, labels that were stored before, empty cells, and refusals by reason."""

    n_new: int
    n_known: int
    n_empty: int
    refused: Mapping[str, int] = field(default_factory=dict)
    first_refused: tuple[str, ...] = ()


@act("annotate.export", "annotator")
def export_queue(
    studio: Studio,
    actor: Actor,
    *,
    selection_id: str,
    path: Path | None = None,
    fmt: str = "jsonl",
    for_spreadsheets: bool = False,
) -> Path:
    """Write a queue with its labels; a file with empty labels can be filled in and imported.

    Args:
        studio: the open workspace.
        actor: who exports.
        selection_id: which queue.
        path: the file; by default one in the workspace's exports folder.
        fmt: jsonl, csv or parquet.
        for_spreadsheets: CSV that no spreadsheet runs as formulas.

    Raises:
        AnnotationError: an unknown queue.
        CorpusError: an unknown format, or the file cannot be written.
    """
    head = _head(studio, selection_id)
    target = path or studio.workspace.exports / f"queue-{selection_id[:16]}.{fmt}"
    exporting.write_rows(_rows(studio, head), target, fmt=fmt, columns=COLUMNS, for_spreadsheets=for_spreadsheets)
    return target


def _head(studio: Studio, selection_id: str) -> annotations.QueueHead:
    head = annotations.queue_head(studio.store, selection_id)
    if head is None:
        raise AnnotationError("This queue is not known", got=selection_id, fix="Freeze a selection on the Select page.")
    return head


def _rows(studio: Studio, head: annotations.QueueHead) -> Iterator[dict[str, Any]]:
    queue = annotations.queue(studio.store, head.corpus_id, head.selection_id)
    newest = {event.example_id: event for event in annotations.standing(studio.store, head.corpus_id, "label")}
    notes = {event.example_id: event for event in annotations.standing(studio.store, head.corpus_id, "note")}
    ids = [int(i) for i in queue.example_id]
    state = dict(zip(ids, queue.state, strict=True))
    for start in range(0, len(ids), _BATCH):
        part = ids[start : start + _BATCH]
        rows = examples.by_ids(studio.store, head.snapshot_id, part, ["example_id", "text", "row_hash"])
        for row in rows.itertuples(index=False):
            label, note = newest.get(int(row.example_id)), notes.get(int(row.example_id))
            yield {
                "example_id": int(row.example_id),
                "row_hash": row.row_hash,
                "text": row.text,
                "label": label.label if label else None,
                "state": state[int(row.example_id)],
                "actor": label.actor if label else None,
                "at": label.created_at if label else None,
                "simulated": label.simulated if label else None,
                "split": label.split if label else None,
                "note": note.payload.get("value") if note else None,
            }


@act("annotate.import", "annotator")
def import_labels(
    studio: Studio,
    actor: Actor,
    *,
    selection_id: str,
    path: Path,
    add_labels: bool = False,
    encoding: str | None = None,
) -> Imported:
    """Store the labels of a file (columns example_id and label) as annotations of a queue.

    The same file imported twice stores nothing the second time. A row whose row_hash differs from the snapshot's is
    refused: its label was given to another text. Rows for examples outside the queue are refused too.

    Args:
        studio: the open workspace.
        actor: in whose name.
        selection_id: which queue.
        path: JSONL, CSV, TSV or Parquet.
        add_labels: take labels the corpus does not know yet (needs the role analyst).
        encoding: of the file, where a person says it; otherwise it is found out, and a weak guess is refused.

    Raises:
        AnnotationError: an unknown queue, or a file of more than a million rows.
        CorpusError: the file cannot be read, or nobody said which of two likely encodings it has.
    """
    head = _head(studio, selection_id)
    choices = formats.Choices(encoding=encoding)
    form = formats.detect(path, choices=choices)
    formats.require_sure(form, choices, path.name)
    queue = annotations.queue(studio.store, head.corpus_id, selection_id)
    reasons = {int(row.example_id): str(row.reason) for row in queue.itertuples(index=False)}
    rows = examples.by_ids(studio.store, head.snapshot_id, list(reasons), ["example_id", "row_hash"])
    hashes = {int(row.example_id): str(row.row_hash) for row in rows.itertuples(index=False)}
    names = labels.names(studio.store, head.snapshot_id)
    given: list[tuple[int, str, int]] = []
    refused: dict[str, int] = {}
    first: list[str] = []
    n_empty = 0
    for read in readers.records(path, form):
        if read.line > MOST_ROWS + 1:
            raise AnnotationError("The file is too long", got=f"more than {MOST_ROWS:,} rows", fix="Split it.")
        example_id, value, problem = _look(read.values, hashes, names, add_labels)
        if problem:
            refused[problem] = refused.get(problem, 0) + 1
            first.extend([f"row {read.line}: {problem}"] if len(first) < 10 else [])
        elif value is None:
            n_empty += 1
        else:
            given.append((example_id, value, read.line))
    if add_labels:
        _add_names(studio, actor, head, [value for _, value, _ in given if value not in names])
    drafts = _drafts(studio, actor, head, given, reasons, hashes, _digest(path))
    known = annotations.count(studio.store)
    for start in range(0, len(drafts), _BATCH):
        annotations.append(studio.store, drafts[start : start + _BATCH])
    n_new = annotations.count(studio.store) - known
    return Imported(n_new, len(drafts) - n_new, n_empty, refused, tuple(first))


def _look(values: Any, hashes: Mapping[int, str], names: list[str], add_labels: bool) -> tuple[int, str | None, str]:
    """Example id, label (None when empty) and the reason why the row cannot be used (empty when it can)."""
    if not isinstance(values, Mapping) or "example_id" not in values:
        return 0, None, "no example_id"
    raw = str(values["example_id"]).strip()
    if not raw.isdigit():
        return 0, None, "example_id is not a number"
    example_id = int(raw)
    value = str(values.get("label") or "").strip()  # JSONL leaves empty cells out
    if not value:
        return example_id, None, ""
    if example_id not in hashes:
        return example_id, None, "example is not in this queue"
    given_hash = str(values.get("row_hash") or "")
    if given_hash and given_hash != hashes[example_id]:
        return example_id, None, "the text has changed since"
    if value not in names and not add_labels:
        return example_id, None, "label does not exist in this corpus"
    return example_id, value, ""


def _add_names(studio: Studio, actor: Actor, head: annotations.QueueHead, fresh: list[str]) -> None:
    from studio.workflows import annotate  # the act itself, so that the role is checked and the log written

    for name in dict.fromkeys(fresh):
        annotate.add_label(studio, actor, snapshot_id=head.snapshot_id, name=name)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _drafts(
    studio: Studio,
    actor: Actor,
    head: annotations.QueueHead,
    given: list[tuple[int, str, int]],
    reasons: Mapping[int, str],
    hashes: Mapping[int, str],
    digest: str,
) -> list[AnnotationEvent]:
    ids = [example_id for example_id, _, _ in given]
    earlier = annotations.splits_of(studio.store, head.corpus_id, ids)
    counted = annotations.split_counts(studio.store, head.corpus_id)
    fixed = labels.has_corpus_validation(studio.store, head.snapshot_id)
    mixed = annotations.has_control(studio.store, head.selection_id)
    out: list[AnnotationEvent] = []
    for example_id, value, number in given:
        shown = Shown(head.corpus_id, head.snapshot_id, head.selection_id, example_id, hashes[example_id])
        split = destination(
            counted["train"],
            counted["validation"],
            has_corpus_validation=fixed,
            earlier=earlier.get(example_id),
            eligible=not mixed or batches.is_random(reasons[example_id]),
        )
        if example_id not in earlier:
            counted[split] += 1
            earlier[example_id] = split
        event_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{head.selection_id}:{digest}:{number}").hex
        out.append(draft(actor, shown, event_id, "label", payload=class_payload(value), split=split))
    return out
