"""`export`, `exports`, `convert` and `template`: examples out without the browser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio import words
from studio.cli.context import Context
from studio.corpus.writing import FORMATS, NAMES, PACKS, ExportPlan
from studio.errors import CorpusError
from studio.records import SPLITS
from studio.workflows import corpora_export, export_files

_HELP = "; ".join(f"{form.name}: {words.t(form.title)}" for form in FORMATS)


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verbs of this room."""
    export = commands.add_parser("export", parents=[common], help="write examples in the format a trainer reads")
    export.add_argument("--snapshot", help="id, start of an id, or corpus name (default: the newest)")
    export.add_argument("--what", default="snapshot", help="snapshot, labelled, or selection:ID")
    export.add_argument("--format", choices=NAMES, default="jsonl", help=_HELP)
    export.add_argument("--for-spreadsheets", action="store_true", help="the same as --format csv_sheet")
    export.add_argument("--columns", default="", help="names separated by commas (default: all that are not empty)")
    export.add_argument("--splits", default="", help=f"only these, separated by commas: {', '.join(SPLITS)}")
    export.add_argument("--by-split", action="store_true", help="one data file per split")
    export.add_argument("--instruction", default="", help="words around labels; {labels} and {text} are filled in")
    export.add_argument("--pack", choices=PACKS, default="folder")
    export.add_argument("--strict", action="store_true", help="fail at the first example the format cannot hold")
    export.add_argument("--out", type=Path, help="where to put a copy: a folder, a .zip, or a file for the data alone")
    export.add_argument("--detach", action="store_true", help="queue the run and return")
    export.set_defaults(run=_export)
    listed = commands.add_parser("exports", parents=[common], help="earlier exports with their size")
    listed.add_argument("--delete", metavar="NAME", help="delete one of them")
    listed.set_defaults(run=_exports)


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas.

    Example:
        >>> names("text, label,")
        ('text', 'label')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _export(context: Context) -> None:
    given = context.arguments
    out: Path | None = given.out
    plan = ExportPlan(
        format="csv_sheet" if given.for_spreadsheets else given.format,
        what=given.what,
        columns=names(given.columns),
        splits=names(given.splits),
        by_split=given.by_split,
        words=given.instruction,
        pack="zip" if out is not None and out.suffix == ".zip" else given.pack,
        strict=given.strict,
    )
    if out is not None and not out.parent.is_dir():
        raise CorpusError("The folder is not there", got=str(out.parent), fix="Make it first.")
    run_id = corpora_export.start(context.studio, context.actor, snapshot_id=context.snapshot().snapshot_id, plan=plan)
    context.wait(run_id)
    if given.detach:
        return
    done = export_files.outcome(context.studio, run_id)
    for code, n in done.manifest["left_out"].items():
        context.say(f"{n:,} left out: {words.t(f'export.left.{code}')}")
    place = export_files.copy_to(done, out) if out is not None else done.path
    first = done.data_files[0] if done.data_files else {"sha256": ""}
    said = done.manifest
    context.emit(file=str(place), n_rows=said["n"], sha256=first["sha256"], what=given.what, format=plan.format,
                 export=done.name, records=said["records"], left_out=said["left_out"], loses=said["loses"],
                 run_id=run_id)  # fmt: skip


def _exports(context: Context) -> None:
    if context.arguments.delete:
        freed = export_files.delete(context.studio, context.actor, name=context.arguments.delete)
        context.emit(deleted=context.arguments.delete, bytes=freed)
        return
    found = export_files.listed(context.studio)
    context.emit(exports=[
        {"name": item.name, "bytes": item.n_bytes, "n": item.manifest["n"], "format": item.manifest["plan"]["format"],
         "what": item.manifest["plan"]["what"], "snapshot_id": item.manifest.get("snapshot_id"), "path": str(item.path)}
        for item in found
    ])  # fmt: skip
