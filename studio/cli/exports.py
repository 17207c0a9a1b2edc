"""`export`, `exports` and `convert`: examples out without the browser."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from studio import words
from studio.cli.context import Context
from studio.corpus.writing import FORMATS, NAMES, PACKS, ExportPlan
from studio.corpus.writing.converting import REFUSED, Conversion, to_json
from studio.errors import CorpusError
from studio.records import SPLITS, TASK_TYPES
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
    _add_convert(commands, common)


def _add_convert(commands: Any, common: argparse.ArgumentParser) -> None:
    convert = commands.add_parser("convert", parents=[common], help="one file into another format, without a workspace")
    convert.add_argument("source", type=Path, metavar="IN", help="any file an import reads")
    convert.add_argument("target", type=Path, metavar="OUT", help="the file (datasets, llama_factory: folder) to make")
    convert.add_argument("--to", choices=NAMES, required=True, metavar="FORMAT", help=_HELP)
    convert.add_argument("--task", choices=[task.name for task in TASK_TYPES], default="",
                         help="what the examples are for (default: found out)")  # fmt: skip
    convert.add_argument("--recipe", type=Path, metavar="FILE", help="a saved mapping: which column means what")
    convert.add_argument("--columns", default="", help="names separated by commas")
    convert.add_argument("--instruction", default="", help="words around labels; {labels} and {text} are filled in")
    convert.add_argument("--encoding", default="", help="of the file (default: found out)")
    convert.add_argument("--strict", action="store_true", help="fail at the first example the format cannot hold")
    convert.set_defaults(run=_convert)


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


def _convert(context: Context) -> None:
    given = context.arguments
    for path, is_there in ((given.source, given.source.is_file()), (given.recipe, None)):
        if path is not None and not (path.is_file() if is_there is None else is_there):
            raise CorpusError("The file is not there", got=str(path), fix="Check the path.")
    if not given.target.absolute().parent.is_dir():
        raise CorpusError("The folder is not there", got=str(given.target.parent), fix="Make it first.")
    asked = Conversion(
        str(given.source.resolve()), str(given.target.absolute()), given.to, given.task,
        given.recipe.read_text(encoding="utf-8") if given.recipe else "", names(given.columns), given.instruction,
        given.encoding, given.strict,
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "studio.corpus.writing.converting"], input=to_json(asked),
                          stdout=subprocess.PIPE, check=False, cwd=Path(__file__).parents[2])  # fmt: skip
    if done.returncode not in (0, REFUSED) or not done.stdout:
        raise CorpusError("The conversion was ended by its limits", got=given.source.name,
                          fix="Split the file into smaller ones, or import it.")  # fmt: skip
    said = json.loads(done.stdout)
    if "what" in said:
        raise CorpusError(said["what"], got=said["got"] or None, fix=said["fix"])
    for code, n in said["left_out"].items():
        context.say(f"{n:,} left out: {words.t(f'export.left.{code}')}")
    for code, n in said["rejects"].items():
        context.say(f"{n:,} not read: {words.t(f'corpus.reason.{code}')}")
    for code in said["loses"]:
        context.say(words.t(f"export.loses.{code}"))
    context.emit(**said)
