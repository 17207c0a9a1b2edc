"""`annotate`: queues, labels out to a file and back, and the simulated annotator."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from studio.cli.context import Context
from studio.corpus.reading import encodings
from studio.errors import AnnotationError
from studio.store import annotations, labels
from studio.workflows import annotate, annotate_files


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb and its parts."""
    verb = commands.add_parser("annotate", help="queues: list, export, import, simulate")
    parts = verb.add_subparsers(dest="part", metavar="PART", required=True)
    listing = parts.add_parser("list", parents=[common], help="the queues of a snapshot")
    listing.set_defaults(run=_list)
    out = parts.add_parser("export", parents=[common], help="write a queue with its labels to a file")
    out.add_argument("--out", type=Path, default=None, help="the file (default: in the workspace's exports folder)")
    out.add_argument("--format", choices=("jsonl", "csv", "parquet"), default="jsonl")
    out.add_argument("--for-spreadsheets", action="store_true", help="CSV that no spreadsheet runs as formulas")
    out.set_defaults(run=_export)
    back = parts.add_parser("import", parents=[common], help="store the labels of a file (example_id, label)")
    back.add_argument("file", type=Path)
    back.add_argument("--encoding", metavar="NAME", help="such as gb18030, big5 or cp1252 (default: found out)")
    back.add_argument("--add-labels", action="store_true", help="take labels the corpus does not know yet")
    back.set_defaults(run=_import)
    simulate = parts.add_parser("simulate", parents=[common], help="let the corpus's own labels stand in for people")
    simulate.add_argument("--error-rate", type=float, default=0.0, help="share of wrong labels (0 to 1)")
    simulate.add_argument("--limit", type=int, default=None, help="label at most this many")
    simulate.add_argument("--seed", type=int, default=0)
    simulate.set_defaults(run=_simulate)
    for part in (listing, out, back, simulate):
        part.add_argument("--snapshot", help="snapshot id, start of one, or corpus name (default: the newest)")
    for part in (out, back, simulate):
        part.add_argument("--selection", help="the queue (default: the newest of the snapshot)")


def _queue(context: Context) -> str:
    asked = context.arguments.selection
    if asked and annotations.queue_head(context.studio.store, asked):
        return asked
    queues = annotations.queues(context.studio.store, context.snapshot().snapshot_id)
    fitting = [head for head in queues if not asked or head.selection_id.startswith(asked) or head.name == asked]
    if not fitting or (asked and len(fitting) > 1):
        known = ", ".join(f"{head.selection_id} ({head.name})" for head in queues[:10]) or "none yet"
        raise AnnotationError(
            "No single queue fits", got=asked or "the newest", fix=f"Freeze one with `select`. Queues: {known}."
        )
    return fitting[0].selection_id


def _list(context: Context) -> None:
    store, snapshot = context.studio.store, context.snapshot()
    rows = []
    for head in annotations.queues(store, snapshot.snapshot_id):
        state = annotations.queue(store, head.corpus_id, head.selection_id).state
        counted = {name: int((state == name).sum()) for name in ("open", "label", "skip")}
        rows.append({"selection_id": head.selection_id, "name": head.name, "n": head.n, **counted})
    counted = labels.counts(store, snapshot.snapshot_id).to_dict("records")
    context.emit(snapshot_id=snapshot.snapshot_id, queues=rows, labels=counted)


def _export(context: Context) -> None:
    asked, selection_id = context.arguments, _queue(context)
    path = annotate_files.export_queue(
        context.studio, context.actor, selection_id=selection_id, path=asked.out, fmt=asked.format,
        for_spreadsheets=asked.for_spreadsheets,
    )  # fmt: skip
    context.emit(selection_id=selection_id, path=str(path))


def _import(context: Context) -> None:
    asked, selection_id = context.arguments, _queue(context)
    if not asked.file.is_file():
        raise AnnotationError("This file does not exist", got=str(asked.file), fix="Name a file of labels.")
    found = annotate_files.import_labels(
        context.studio, context.actor, selection_id=selection_id, path=asked.file, add_labels=asked.add_labels,
        encoding=encodings.known(asked.encoding) or asked.encoding if asked.encoding else None,
    )  # fmt: skip
    context.emit(selection_id=selection_id, **dataclasses.asdict(found))


def _simulate(context: Context) -> None:
    asked, selection_id = context.arguments, _queue(context)
    n = annotate.simulate_rest(
        context.studio, context.actor, selection_id=selection_id, error_rate=asked.error_rate, seed=asked.seed,
        limit=asked.limit,
    )  # fmt: skip
    context.emit(selection_id=selection_id, n_simulated=n, simulated=True)
