"""The folder of an export: data, dataset card, manifest.json, SHA256SUMS; or the same as one zip."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from studio.corpus.writing import catalogue, files, rows, shapes, sinks
from studio.corpus.writing.plan import ExportPlan
from studio.errors import CorpusError

MANIFEST, SUMS, CARD, LEFT_OUT = "manifest.json", "SHA256SUMS", "README.md", "left_out.jsonl"
FORMAT_VERSION = 1
_LOADABLE = frozenset({".jsonl", ".json", ".csv", ".tsv", ".parquet"})
_NOT_LOADABLE = frozenset({"squad"})
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold: the same content gives the same bytes
_ALREADY_SMALL = frozenset({".parquet"})
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Bundle:
    """What was written: its content name, the files by path, records by data file, what was left out by reason."""

    export_id: str
    manifest: Mapping[str, Any]

    @property
    def n(self) -> int:
        """Records in all data files."""
        return int(self.manifest["n"])


def write_bundle(
    source: rows.Source,
    plan: ExportPlan,
    folder: Path,
    *,
    words: Mapping[str, str],
    facts: Mapping[str, Any],
    labels: tuple[str, ...] = (),
    card: str = "",
    progress: rows.Progress | None = None,
) -> Bundle:
    """Write a whole export into an empty folder.

    Args:
        source: which rows.
        plan: how; checked by the caller against the task and the columns.
        folder: exists and is empty; the caller renames or removes it.
        words: texts of the card's last section, by name (title, files, left_out, loses and one per loss and reason).
        facts: what goes into the manifest beside what is known here (snapshot, selection, recipes, seeds, version).
        labels: label names an instruction may list.
        card: the dataset card of the snapshot, Markdown with front matter; a short one is made when empty.
        progress: called with (rows read, rows in all); it may raise to stop.

    Raises:
        CorpusError: nothing to write, or the disk refuses.
    """
    form = catalogue.by_name(plan.format)
    language = str(source.manifest.get("language", "en"))
    options = plan.options(source.task, labels, language, rows.usual_columns(source))
    plain = frozenset()
    if form.is_table and form.sink in (sinks.Parquet, sinks.DatasetsFolder):
        plain = files.structured_as_text(rows.rows(source, splits=plan.splits), options.columns)
    try:
        done = files.write_data(rows.rows(source, splits=plan.splits, progress=progress), folder, form, options,
                                by_split=plan.by_split, plain=plain, strict=plan.strict)  # fmt: skip
        _write_beside(folder, form, options, done)
        manifest = _manifest(folder, plan, options, done, facts, source.task)
        _put(folder / CARD, _card(card, manifest, form, words).encode("utf-8"))
        _put(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        sums = "".join(f"{digest}  {path}\n" for path, _, digest in files.file_sums(folder))
        _put(folder / SUMS, sums.encode("utf-8"))
    except OSError as error:
        raise sinks.cannot_write(folder, error) from error
    return Bundle(str(manifest["export_id"]), manifest)


def _write_beside(folder: Path, form: catalogue.Format, options: shapes.Options, done: files.Written) -> None:
    """What stands beside the data: the list of rows left out, and what some trainers read the data by."""
    if done.named:
        lines = [orjson.dumps({"example_id": key, "reason": reason}) + b"\n" for key, reason in done.named]
        _put(folder / LEFT_OUT, b"".join(lines))
    if form.describes:
        _put(folder / form.describes, orjson.dumps(dataset_info(options, done.records), option=orjson.OPT_INDENT_2))
    if form.is_folder and set(done.records) != {files.DATA}:
        _put(folder / "dataset_dict.json", orjson.dumps({"splits": list(done.records)}))


def dataset_info(options: shapes.Options, records: Mapping[str, int]) -> dict[str, Any]:
    """What LLaMA-Factory's dataset_info.json says of each data file: its shape and the names of its columns.

    Paper: llama-factory-2024.
    """
    if options.task == "chat":
        how: dict[str, Any] = {"formatting": "sharegpt", "columns": {"messages": "conversations"},
                               "tags": {"role_tag": "from", "content_tag": "value", "user_tag": "human",
                                        "assistant_tag": "gpt", "observation_tag": "observation",
                                        "system_tag": "system"}}  # fmt: skip
    elif options.task == "preference":
        how = {"ranking": True, "columns": {"prompt": "instruction", "query": "input", "chosen": "chosen",
                                            "rejected": "rejected"}}  # fmt: skip
    else:
        how = {"columns": {"prompt": "instruction", "query": "input", "response": "output"}}
    return {f"winnow_{Path(name).stem}": {"file_name": name} | how for name in records}


def _manifest(folder: Path, plan: ExportPlan, options: shapes.Options, done: files.Written,
              facts: Mapping[str, Any], task: str) -> dict[str, Any]:  # fmt: skip
    listed = files.file_sums(folder)
    content = hashlib.sha256(
        orjson.dumps([plan.to_json(), facts.get("snapshot_id"), [[path, digest] for path, _, digest in listed]],
                     option=orjson.OPT_SORT_KEYS)
    ).hexdigest()  # fmt: skip
    return {
        "format_version": FORMAT_VERSION,
        "export_id": content[:12],
        "content_sha256": content,
        **facts,
        "plan": plan.to_json(),
        "task": task,
        "columns": list(options.columns),
        "instruction": options.instruction.words if options.instruction else None,
        "n": done.n,
        "records": dict(done.records),
        "n_left_out": sum(done.left_out.values()),
        "left_out": dict(sorted(done.left_out.items())),
        "loses": list(catalogue.by_name(plan.format).lost(task)),
        "files": [{"path": path, "bytes": size, "sha256": digest} for path, size, digest in listed],
    }


# --- the card ---------------------------------------------------------------------------------------------------------
def _card(card: str, manifest: Mapping[str, Any], form: catalogue.Format, words: Mapping[str, str]) -> str:
    """The snapshot's card with the data files in its front matter and a section about this export."""
    text = card or f"---\ntags:\n- winnow\n---\n\n# {words['title']}\n"
    if form.extension in _LOADABLE and form.name not in _NOT_LOADABLE:
        stems = {Path(name).stem: name for name in manifest["records"]}
        lines = ["configs:", "- config_name: default", "  data_files:"]
        for stem, name in stems.items():
            lines += [f"  - split: {'train' if stem == files.DATA else stem}", f"    path: {name}"]
        text = text.replace("---\n", "---\n" + "\n".join(lines) + "\n", 1)
    body = [
        f"## {words['section']}",
        "",
        words[f"line.{form.name}"],
        "",
        f"| {words['file']} | {words['n']} |",
        "|---|---:|",
    ]
    body += [f"| `{name}` | {n:,} |" for name, n in manifest["records"].items()]
    losses = [words[f"loses.{code}"] for code in manifest["loses"]]
    body += ["", f"{words['loses']} " + " ".join(losses)] if losses else []
    body += [f"- {words[f'left.{code}']}: {n:,}" for code, n in manifest["left_out"].items()]
    return text.rstrip() + "\n\n" + "\n".join([*body, "", f"{words['check']} `sha256sum -c {SUMS}`", ""])


def _put(path: Path, data: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


# --- zip --------------------------------------------------------------------------------------------------------------
def zip_folder(folder: Path, target: Path, *, inside: str) -> str:
    """The folder as one zip, its files below the name `inside`; returns its sha256. Same files, same bytes.

    Raises:
        CorpusError: the disk refuses; nothing is left behind then.
    """
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
            for path in sorted(item for item in folder.rglob("*") if item.is_file()):
                entry = zipfile.ZipInfo(f"{inside}/{path.relative_to(folder).as_posix()}", _ZIP_TIME)
                small = path.suffix in _ALREADY_SMALL
                entry.compress_type = zipfile.ZIP_STORED if small else zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                entry.file_size = path.stat().st_size
                with path.open("rb") as handle, archive.open(entry, "w") as out:
                    shutil.copyfileobj(handle, out, _BLOCK)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        temporary.replace(target)
    except OSError as error:
        raise sinks.cannot_write(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return digest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an export folder.

    Raises:
        CorpusError: it is missing or damaged.
    """
    try:
        return orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise CorpusError("The export cannot be read", got=folder.name, fix="Export again.") from error
