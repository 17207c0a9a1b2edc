"""Files in, one frozen snapshot out, every record accounted for: an example or a reject with its reason."""

from __future__ import annotations

import os
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow.parquet as pq

from studio.corpus import formats, readers
from studio.corpus.reading import odd
from studio.corpus.reading.form import Choices, Source
from studio.corpus.roles import Roles, guess_language, split_word
from studio.corpus.rows import Rows, broken_text
from studio.corpus.schema import EXAMPLES, NotUnicode, SnapshotWriter, file_sha256, row_hash
from studio.errors import CorpusError

__all__ = ["Choices", "ImportResult", "Source", "import_files"]
_PROGRESS_EVERY = 5_000
_LABELLED = ("classification", "classification_multi", "token_classification")  # labels; the others have answers
FEW_EXAMPLES = 50  # ours: below this no map, audit or model of the corpus says much
_LANGUAGE_SAMPLE = 2_000
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class ImportResult:
    """What an import did. n_records = n_examples + n_rejects, always."""

    manifest: Mapping[str, Any]
    n_records: int
    n_examples: int
    n_rejects: int
    rejects: Mapping[str, int]
    sources: tuple[Mapping[str, Any], ...]
    next_example_id: int
    n_known: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def snapshot_id(self) -> str:
        """The content name of the snapshot."""
        return str(self.manifest["snapshot_id"])


@dataclass
class _Ids:
    """Example ids: a row whose row_hash the corpus has seen keeps its id, any other gets the next free one."""

    next_id: int = 0
    known: dict[str, deque[int]] = field(default_factory=dict)
    n_known: int = 0

    def of(self, row: Mapping[str, Any]) -> int:
        if self.known:
            seen = self.known.get(row_hash(row))
            if seen:
                self.n_known += 1
                return seen.popleft()
        example_id = self.next_id
        self.next_id += 1
        return example_id


def import_files(
    sources: Sequence[Source],
    roles: Roles,
    parent: Path,
    *,
    rejects_path: Path,
    language: str | None = None,
    max_text_characters: int = 200_000,
    split_by_file: bool = False,
    next_example_id: int = 0,
    earlier: Iterable[Path] = (),
    on_progress: Progress | None = None,
) -> ImportResult:
    """Freeze files into `<parent>/<snapshot_id>/` and write the rejects as JSONL {file, line, reason, raw}.

    Args:
        sources: the files, read in this order as one corpus.
        roles: which column means what, the same for all files.
        parent: folder of the snapshots.
        rejects_path: where the rejects go; written even when there is none.
        language: en, zh or None to guess from the texts.
        max_text_characters: longer texts are rejected.
        split_by_file: take the imported split from each file's name (train, dev, test ...) instead of a column.
        next_example_id: first free id of the corpus.
        earlier: snapshot folders of the same corpus, whose rows keep their ids.
        on_progress: called with (lines done, lines in all, file name); it may raise to stop.

    Raises:
        CorpusError: a file that cannot be read, a mapping it cannot fill, or no example at all.
    """
    opened = [(source, _format_of(source)) for source in sources]
    if not opened:
        raise CorpusError("No file is given", fix="Choose at least one file.")
    columns = tuple(dict.fromkeys(name for _, form in opened for name in form.columns))
    roles.check(columns)
    rows = Rows(roles, max_text_characters=max_text_characters)
    writer = SnapshotWriter(parent, groups=tuple(roles.group_columns()), task=roles.task, active=rows.active)
    state = _Import(rows, writer, _Ids(next_example_id, known_ids(earlier)), len(opened) > 1, split_by_file)
    try:
        with rejects_path.open("wb") as rejects:
            state.total = sum(readers.count_lines(source.path, form, name=source.name) for source, form in opened)
            for source, form in opened:
                state.file(source, form, rejects, on_progress)
            rejects.flush()
            os.fsync(rejects.fileno())
        if len(writer) == 0:
            raise _nothing(state)
        return _finish(state, roles, language, columns)
    except BaseException:
        writer.abandon()
        raise


class _Import:
    """The running counts of one import."""

    def __init__(self, rows: Rows, writer: SnapshotWriter, ids: _Ids, name_source: bool, split_by_file: bool) -> None:
        self.rows, self.writer, self.ids = rows, writer, ids
        self._name_source, self._split_by_file = name_source, split_by_file
        self.rejects: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.sources: list[dict[str, Any]] = []
        self.sample: list[str] = []
        self.odd: Counter[str] = Counter()
        self.n_records = self.total = self._done = 0

    def file(self, source: Source, form: formats.Format, rejects: BinaryIO, on_progress: Progress | None) -> None:
        """Read one file to its end."""
        before, read_before, line = len(self.writer), self.n_records, 0
        file_split = split_of_name(source.name) if self._split_by_file else None
        for read in self.rows.unfold(readers.records(source.path, form, name=source.name)):
            self.n_records += 1
            line = read.line
            row, reason = self.rows.make(read.values) if read.values is not None else ({}, read.reason)
            if not reason:
                if self._name_source and "source" not in row:
                    row["source"] = source.name
                if file_split:
                    row["split"] = file_split
                reason = self._add(row)
            if reason:
                self.rejects[reason] += 1
                entry = {"file": source.name, "line": line, "reason": reason, "raw": readers.raw_text(read.raw)}
                rejects.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
            if on_progress and self.n_records % _PROGRESS_EVERY == 0:
                on_progress(min(self._done + line, self.total), self.total, source.name)
        self._done += line
        n = self.n_records - read_before
        self.sources.append(
            {
                "name": source.name,
                "kind": form.kind,
                "encoding": form.encoding,
                "read_as": source.choices.to_json(),
                "bytes": source.path.stat().st_size,
                "sha256": file_sha256(source.path),
                "n_records": n,
                "n_examples": len(self.writer) - before,
            }
        )

    def _add(self, row: dict[str, Any]) -> str:
        free = self.ids.next_id
        try:
            self.writer.append(self.ids.of(row), row)
        except NotUnicode:
            self.ids.next_id = free
            return broken_text(row)
        odd.count(row["text"], self.odd)
        if "split" in row:
            self.splits[row["split"]] += 1
        if len(self.sample) < _LANGUAGE_SAMPLE:
            self.sample.append(row["text"])
        return ""


def known_ids(earlier: Iterable[Path]) -> dict[str, deque[int]]:
    """row_hash -> ids of that row in ascending order, over the earlier snapshots of a corpus."""
    hash_of: dict[int, str] = {}
    for folder in earlier:
        for batch in pq.ParquetFile(folder / EXAMPLES).iter_batches(columns=["example_id", "row_hash"]):
            hash_of.update(zip(batch["example_id"].to_pylist(), batch["row_hash"].to_pylist(), strict=True))
    known: dict[str, deque[int]] = {}
    for example_id in sorted(hash_of):
        known.setdefault(hash_of[example_id], deque()).append(example_id)
    return known


def _format_of(source: Source) -> formats.Format:
    form = formats.detect(source.path, header=source.header, name=source.name, choices=source.choices)
    formats.require_sure(form, source.choices, source.name)
    return form


def split_of_name(name: str) -> str | None:
    """The split a file name speaks of: `cls_train.tsv` is train, `dev.csv` validation; None when it does not."""
    words = re.split(r"[\W_]+", Path(name).stem.lower())
    return next((split for word in reversed(words) if (split := split_word(word))), None)


def _nothing(state: _Import) -> CorpusError:
    common = ", ".join(f"{reason} {n:,}" for reason, n in state.rejects.most_common(3))
    return CorpusError(
        "No record of the file can be used as an example",
        got=f"{state.n_records:,} records, rejected: {common}" if state.n_records else "0 records",
        fix="Check the text column and the header, or mend the file.",
    )


def _finish(state: _Import, roles: Roles, language: str | None, columns: Sequence[str]) -> ImportResult:
    writer, n_examples = state.writer, len(state.writer)
    n_rejects = sum(state.rejects.values())
    rejects = dict(sorted(state.rejects.items()))
    manifest = writer.finish(
        language=language or guess_language(state.sample),
        roles=roles.to_json(),
        form=roles.form,
        notes={name: n for name, n in sorted((state.rows.notes + _named(state.odd)).items()) if n},
        group_columns=roles.group_columns(),
        source_columns=list(columns),
        sources=state.sources,
        n_records=state.n_records,
        n_rejects=n_rejects,
        rejects=rejects,
        imported_splits=dict(sorted(state.splits.items())),
        lineage={"method": "import", "files": state.sources, "language_guessed": language is None},
    )
    return ImportResult(
        manifest=manifest,
        n_records=state.n_records,
        n_examples=n_examples,
        n_rejects=n_rejects,
        rejects=rejects,
        sources=tuple(state.sources),
        next_example_id=state.ids.next_id,
        n_known=state.ids.n_known,
        warnings=warnings_of(manifest),
    )


def _named(found: Counter[str]) -> Counter[str]:
    return Counter({f"odd_{name}": n for name, n in found.items()})


def warnings_of(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Words keys (under corpus.warning) of what works but will limit later steps."""
    n, labels, task = int(manifest["n_examples"]), manifest["labels"], manifest.get("task", "classification")
    found = []
    if n < FEW_EXAMPLES:
        found.append("few_examples")
    if task.startswith("classification") and not labels:
        found.append("no_labels")
    elif task == "classification" and len(labels) == 1:
        found.append("one_label")
    elif task not in ("masked_lm", "chat") and manifest["n_labelled"] < n:
        found.append("partly_labelled" if task in _LABELLED else "partly_answered")
    return (*found, *(f"note_{name}" for name in manifest.get("notes", {})))
