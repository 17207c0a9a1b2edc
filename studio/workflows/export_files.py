"""What an export left: its files in their place, the list of earlier ones, a look before writing, a copy elsewhere."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.writing import bundle, catalogue, files, rows
from studio.corpus.writing.plan import ExportPlan
from studio.errors import CorpusError
from studio.jobs import rundir
from studio.records import Actor, RunSpec
from studio.store import labels
from studio.workflows import corpora_export
from studio.workflows.acts import act
from studio.workflows.corpora_export import Chosen
from studio.workflows.studio import Studio

SHOWN_RECORDS = 3
SHOWN_CHARACTERS = 6_000
_SAMPLE = 200  # rows a look at the beginning reads: the size is judged by them
_ARROW = frozenset({".parquet", ""})


@dataclass(frozen=True)
class Export:
    """One export in the workspace: its folder or zip, what its manifest says, bytes on disk, sha256 of a zip."""

    name: str
    path: Path
    manifest: Mapping[str, Any]
    n_bytes: int
    sha256: str

    @property
    def is_zip(self) -> bool:
        """True for one file, False for a folder."""
        return self.path.suffix == ".zip"

    @property
    def data_files(self) -> list[Mapping[str, Any]]:
        """The data files with bytes and sha256."""
        named = set(self.manifest["records"])
        return [item for item in self.manifest["files"] if item["path"].split("/")[0] in named]


@dataclass(frozen=True)
class Look:
    """The first records exactly as they would be written, and what is known before the whole is written.

    `left_out` counts the reasons among the rows that were looked at; `n_bytes` is the estimated size of the data.
    """

    text: str
    n_examples: int
    n_looked_at: int
    left_out: Mapping[str, int]
    n_bytes: int
    is_cut: bool


# --- before -----------------------------------------------------------------------------------------------------------
def look(studio: Studio, *, chosen: Chosen, plan: ExportPlan) -> Look:
    """The first three records exactly as they would be written, and the size to expect; writes nothing that stays.

    Raises:
        CorpusError: none of the first rows can be written in this format.
    """
    form = catalogue.by_name(plan.format)
    plan = corpora_export.with_words(chosen, plan).check(chosen.snapshot.task, corpora_export.rows_columns(chosen))
    n = chosen.count(plan.splits)
    read = list(rows.rows(chosen.first(studio, plan.splits, _SAMPLE)))
    names = tuple(labels.names(studio.store, chosen.snapshot.snapshot_id))
    options = plan.options(chosen.snapshot.task, names, chosen.snapshot.language,
                           corpora_export.usual_columns(studio, chosen))  # fmt: skip
    plain = files.structured_as_text(read, options.columns)
    with tempfile.TemporaryDirectory(dir=studio.workspace.cache) as folder:
        every, first = Path(folder, "every"), Path(folder, "first")
        every.mkdir()
        done = files.write_data(read, every, form, options, plain=plain)
        size = sum(size for _, size, _ in files.file_sums(every))
        first.mkdir()
        shape = catalogue.shape_for(form, options.task)
        shown = files.writable(read, shape, options, SHOWN_RECORDS)
        files.write_data(shown, first, form, options, plain=plain)
        text = _as_text(first / f"{files.DATA}{form.extension}", form)
    estimate = _estimate(studio, chosen, form, size, done.n, n)
    is_cut = len(text) > SHOWN_CHARACTERS
    return Look(text[:SHOWN_CHARACTERS], n, len(read), dict(done.left_out), estimate, is_cut)


def _as_text(path: Path, form: catalogue.Format) -> str:
    """A data file as text: what stands in it, or for Arrow kinds its schema and rows."""
    if form.extension not in _ARROW:
        return path.read_bytes().decode("utf-8-sig")
    if form.is_folder:
        with pa.OSFile(str(path / "data-00000-of-00001.arrow"), "rb") as handle:
            table = pa.ipc.open_stream(handle).read_all()
    else:
        table = pq.read_table(path)
    schema = "\n".join(f"{field.name}: {field.type}" for field in table.schema)
    lines = [orjson.dumps(row, default=str).decode() for row in table.to_pylist()]
    return schema + "\n\n" + "\n".join(lines)


def _estimate(studio: Studio, chosen: Chosen, form: catalogue.Format, size: int, sample: int, n: int) -> int:
    """Bytes of the data files: by the sample, except for Parquet, which is as dense as the snapshot itself."""
    if form.extension == ".parquet":
        stored = studio.workspace.examples_file(chosen.snapshot.snapshot_id).stat().st_size
        return int(stored * n / max(1, chosen.snapshot.n_examples))
    return int(size * n / max(1, sample))


# --- after ------------------------------------------------------------------------------------------------------------
def finish_export(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Move the folder or the zip to the exports of the workspace; may be called again."""
    made = rundir.read_result(run_dir)
    name, result = str(made["name"]), run_dir / "result"
    is_zip = spec.params["plan"]["pack"] == "zip"
    target = studio.workspace.exports / (f"{name}.zip" if is_zip else name)
    source = result / (f"{name}.zip" if is_zip else "bundle")
    if not target.exists():
        rundir.check_result(run_dir, source.name if is_zip else f"bundle/{bundle.MANIFEST}")
        os.rename(source, target)
    shutil.rmtree(result / "bundle", ignore_errors=True)
    (result / f"{name}.zip").unlink(missing_ok=True)
    corpora_export.forget_inputs(studio, spec)


def outcome(studio: Studio, run_id: str) -> Export:
    """The export a finished run left.

    Raises:
        JobError: no such run, or it has no result yet.
        CorpusError: the export was deleted since.
    """
    made = rundir.read_result(studio.workspace.run_dir(Path(run_id).name))
    found = get(studio, f"{made['name']}.zip" if "zip_sha256" in made else str(made["name"]))
    return replace(found, sha256=str(made.get("zip_sha256", "")))


def get(studio: Studio, name: str) -> Export:
    """One export by the name of its folder or zip.

    Raises:
        CorpusError: there is none of that name.
    """
    path = studio.workspace.exports / Path(name).name
    found = _read(path) if Path(name).name == name and not path.is_symlink() else None
    if found is None:
        raise CorpusError("This export is not in the workspace any more", got=name, fix="Export again.")
    return found


def listed(studio: Studio, snapshot_id: str | None = None) -> list[Export]:
    """The exports in the workspace, newest first; files of other kinds in the folder are passed over."""
    paths = [path for path in studio.workspace.exports.iterdir() if not path.name.startswith(".")]
    found = [export for path in paths if (export := _read(path)) is not None]
    if snapshot_id is not None:
        found = [export for export in found if export.manifest.get("snapshot_id") == snapshot_id]
    return sorted(found, key=lambda export: (-export.path.stat().st_mtime, export.name))


def _read(path: Path) -> Export | None:
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(f"{path.stem}/{bundle.MANIFEST}") as handle:
                manifest = orjson.loads(handle.read())
            return Export(path.name, path, manifest, path.stat().st_size, "")
        manifest = orjson.loads((path / bundle.MANIFEST).read_bytes())
        return Export(path.name, path, manifest, sum(item["bytes"] for item in manifest["files"]), "")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


@act("export.delete", "analyst")
def delete(studio: Studio, actor: Actor, *, name: str) -> int:
    """Remove one export from the workspace; returns the bytes that are free again.

    Raises:
        CorpusError: there is none of that name, or the disk refuses.
    """
    export = get(studio, name)
    try:
        export.path.unlink() if export.is_zip else shutil.rmtree(export.path)
    except OSError as error:
        raise CorpusError("The export cannot be deleted", got=f"{name}: {error.strerror}",
                          fix="Check that the folder may be written.") from error  # fmt: skip
    return export.n_bytes


def copy_to(export: Export, target: Path) -> Path:
    """Put an export where a person wants it: a zip or a folder as it is, one data file alone for a name with an ending.

    Raises:
        CorpusError: the target exists already as a folder, several data files for one name, or the disk refuses.
    """
    one = export.data_files
    try:
        if export.is_zip or (target.suffix and target.suffix != ".zip"):
            if not export.is_zip and len(export.manifest["records"]) > 1:
                raise CorpusError("This export has several data files, which do not fit under one name",
                                  got=target.name, fix="Give a folder, or leave --by-split out.")  # fmt: skip
            source = export.path if export.is_zip else export.path / one[0]["path"]
            temporary = target.with_name(f".{target.name}.tmp")
            shutil.copyfile(source, temporary)
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            temporary.replace(target)
            return target
        if target.exists():
            raise CorpusError("The folder is there already", got=target.name, fix="Give a name that is free.")
        temporary = target.with_name(f".{target.name}.tmp")
        shutil.copytree(export.path, temporary)
        temporary.rename(target)
        return target
    except OSError as error:
        raise CorpusError("The export cannot be written", got=f"{target.name}: {error.strerror}",
                          fix="Choose a folder you may write to, with enough space.") from error  # fmt: skip


# --- one file, without a run ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Exported:
    """A data file that was written: where, how many rows, its sha256."""

    path: Path
    n_rows: int
    sha256: str


@act("export.file", "analyst")
def export(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    what: str = "snapshot",
    fmt: str = "jsonl",
    path: Path | None = None,
    for_spreadsheets: bool = False,
) -> Exported:
    """Write the data alone to one file, in this process: for notebooks. Pages and the command line start a run.

    Args:
        studio: the open workspace.
        actor: who exports; the audit log keeps it.
        snapshot_id: of which snapshot.
        what: see `corpora_export.choose`.
        fmt: name of a format that is one file.
        path: the file to make or replace; by default one in the workspace's exports folder.
        for_spreadsheets: CSV that no spreadsheet runs as formulas.

    Raises:
        CorpusError: nothing to export, a format that does not fit, or the file cannot be written.
    """
    form = catalogue.by_name("csv_sheet" if for_spreadsheets and fmt == "csv" else fmt)
    chosen = corpora_export.choose(studio, snapshot_id=snapshot_id, what=what)
    plan = corpora_export.with_words(chosen, ExportPlan(form.name, what))
    plan.check(chosen.snapshot.task, corpora_export.rows_columns(chosen))
    names = tuple(labels.names(studio.store, snapshot_id))
    usual = corpora_export.usual_columns(studio, chosen)
    options = plan.options(chosen.snapshot.task, names, chosen.snapshot.language, usual)
    tag = what.replace(":", "-")[:40]
    target = path or studio.workspace.exports / f"{snapshot_id}-{tag}{form.extension}"
    source = chosen.source(studio)
    plain = files.structured_as_text(rows.rows(source), options.columns)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
            done = files.write_data(rows.rows(source), Path(folder), form, options, plain=plain)
            ((name, _, digest),) = files.file_sums(Path(folder))
            os.replace(Path(folder, name), target)
    except OSError as error:
        raise CorpusError("The export cannot be written", got=f"{target.name}: {error.strerror}",
                          fix="Choose a folder you may write to, with enough space.") from error  # fmt: skip
    return Exported(target, done.n, digest)
