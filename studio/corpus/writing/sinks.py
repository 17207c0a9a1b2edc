"""Records into open files, one after the other in bounded memory; every sink writes one file (or one folder).

A sink has `add(record)` and `close()`. Closing ends the file and makes it durable; whoever holds the folder removes it
when something went wrong in between.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.exporting import as_cell, write_header
from studio.corpus.spreadsheet import escape_cell
from studio.errors import CorpusError

Record = Mapping[str, Any]
_BATCH = 16_384
_INTEGERS = frozenset({"example_id", "parent_id", "rank"})
_BOOLEANS = frozenset({"simulated", "stale"})
_TEXTS = pa.list_(pa.string())
_SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_TYPED: Mapping[str, pa.DataType] = {"labels": _TEXTS, "tokens": _TEXTS, "tags": _TEXTS, "spans": pa.list_(_SPAN),
                                     "messages": pa.list_(_MESSAGE)}  # fmt: skip
STRUCTURED: frozenset[str] = frozenset(_TYPED)
_KEYS: Mapping[str, frozenset[str]] = {"spans": frozenset({"start", "end", "label"}),
                                       "messages": frozenset({"role", "content"})}  # fmt: skip


class Sink(Protocol):
    """Where the records of one split go."""

    def add(self, record: Record) -> None:
        """Write one record."""

    def close(self) -> None:
        """End the file and sync it."""


class _File:
    """An open file that is synced when it is closed."""

    def __init__(self, path: Path) -> None:
        self.handle: BinaryIO = path.open("wb", buffering=1 << 20)

    def close(self) -> None:
        self.handle.flush()
        os.fsync(self.handle.fileno())
        self.handle.close()


class JsonLines(_File):
    """One JSON object per line; nulls are left out."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path)

    def add(self, record: Record) -> None:
        """Write one line."""
        kept = {name: value for name, value in record.items() if value is not None}
        self.handle.write(orjson.dumps(kept, option=orjson.OPT_APPEND_NEWLINE))


class JsonArray(_File):
    """One JSON array, an object per line inside it."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path)
        self._between = b"[\n"

    def add(self, record: Record) -> None:
        """Write one object."""
        kept = {name: value for name, value in record.items() if value is not None}
        self.handle.write(self._between + orjson.dumps(kept))
        self._between = b",\n"

    def close(self) -> None:
        """End the array; one without objects is `[]`."""
        self.handle.write(b"[]\n" if self._between == b"[\n" else b"\n]\n")
        super().close()


class Csv(_File):
    """Comma-separated values in UTF-8; structured values are JSON in their cell."""

    for_spreadsheets = False

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path)
        self._columns = tuple(columns)
        self._safe: Callable[[str], str] = escape_cell if self.for_spreadsheets else str
        encoding = "utf-8-sig" if self.for_spreadsheets else "utf-8"
        self._text = io.TextIOWrapper(self.handle, encoding=encoding, newline="", write_through=False)
        write_header(self._text, self._columns, for_spreadsheets=self.for_spreadsheets)
        self._writer = csv.writer(self._text, lineterminator="\r\n")

    def add(self, record: Record) -> None:
        """Write one row."""
        self._writer.writerow([self._safe(as_cell(record.get(name))) for name in self._columns])

    def close(self) -> None:
        """Flush the text and sync."""
        self._text.flush()
        self._text.detach()
        super().close()


class SpreadsheetCsv(Csv):
    """CSV that no spreadsheet runs as formulas: byte order mark, quoted header, apostrophes."""

    for_spreadsheets = True


class PairsTsv(_File):
    """`prompt` and `completion` separated by a tab; a text with a tab, a quote or a line break is quoted.

    The header is always quoted: readers decide from the first line whether quotes mean something.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path)
        self._text = io.TextIOWrapper(self.handle, encoding="utf-8", newline="")
        self._text.write('"prompt"\t"completion"\n')
        # CR stands in the terminator only so that a text with a bare CR is quoted too.
        self._writer = csv.writer(self._text, delimiter="\t", lineterminator="\r\n")

    def add(self, record: Record) -> None:
        """Write one pair."""
        self._writer.writerow([record["prompt"], record["completion"]])

    def close(self) -> None:
        """Flush the text and sync."""
        self._text.flush()
        self._text.detach()
        super().close()


class Conll(_File):
    """A token and its tag per line with a tab between, an empty line after each sentence."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path)

    def add(self, record: Record) -> None:
        """Write one sentence."""
        lines = [f"{token}\t{tag}\n" for token, tag in zip(record["tokens"], record["tags"], strict=True)]
        self.handle.write(("".join(lines) + "\n").encode("utf-8"))


class Squad(_File):
    """SQuAD 2.0 JSON; questions about the same passage that follow each other share it."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path)
        self._title: str | None = None
        self._context: str | None = None
        self.handle.write(b'{"version":"v2.0","data":[')

    def add(self, record: Record) -> None:
        """Write one question."""
        title, context = record["title"], record["context"]
        question = orjson.dumps({name: record[name] for name in ("id", "question", "answers", "is_impossible")})
        same_title = self._title == title
        same_context = same_title and self._context == context
        if same_context:
            self.handle.write(b"," + question)
            return
        if self._title is not None:
            self.handle.write(b"]}," if same_title else b"]}]},")
        if not same_title:
            self.handle.write(b'\n{"title":' + orjson.dumps(title) + b',"paragraphs":[')
        self.handle.write(b'\n{"context":' + orjson.dumps(context) + b',"qas":[\n' + question)
        self._title, self._context = title, context

    def close(self) -> None:
        """End every list that is open."""
        self.handle.write(b"]}\n" if self._title is None else b"]}]}]}\n")
        super().close()


# --- Arrow ------------------------------------------------------------------------------------------------------------
def arrow_type(name: str, plain: frozenset[str]) -> pa.DataType:
    """The Arrow type of a column; names in `plain` are JSON text although they are structured."""
    if name in _INTEGERS:
        return pa.int64()
    if name in _BOOLEANS:
        return pa.bool_()
    return pa.string() if name in plain else _TYPED.get(name, pa.string())


def fits(name: str, value: Any) -> bool:
    """True when a structured value fits the Arrow type of its column without losing anything.

    Messages with more than role and content (tool calls, images) do not, nor do spans with further fields.
    """
    if value is None or name not in _TYPED:
        return True
    if not isinstance(value, list):
        return False
    if name not in _KEYS:
        return all(isinstance(item, str) for item in value)
    keys = _KEYS[name]
    if not all(isinstance(item, dict) and keys == item.keys() for item in value):
        return False
    return all(isinstance(item["content"], str) and isinstance(item["role"], str) for item in value) \
        if name == "messages" else all(type(item["start"]) is type(item["end"]) is int for item in value)  # fmt: skip


class _Arrow:
    """Buffers records and hands them on as Arrow tables of a fixed schema."""

    def __init__(self, columns: Sequence[str], plain: frozenset[str]) -> None:
        self.schema = pa.schema([pa.field(name, arrow_type(name, plain)) for name in columns])
        self.write: Callable[[pa.Table], None]  # set by the kinds below once their file is open
        self._rows: list[Record] = []

    def add(self, record: Record) -> None:
        """Take one record."""
        self._rows.append(record)
        if len(self._rows) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if self._rows:
            arrays = [
                pa.array([_value(row.get(field.name), field) for row in self._rows], field.type)
                for field in self.schema
            ]
            self.write(pa.Table.from_arrays(arrays, schema=self.schema))
            self._rows = []


def _value(value: Any, field: pa.Field) -> Any:
    if value is None or not pa.types.is_string(field.type):
        return value
    return as_cell(value)


class Parquet(_Arrow):
    """One Parquet file: lists stay lists, ids stay numbers."""

    def __init__(self, path: Path, columns: Sequence[str], plain: frozenset[str] = frozenset()) -> None:
        super().__init__(columns, plain)
        self._path = path
        self._writer = pq.ParquetWriter(path, self.schema, compression="zstd")
        self.write = self._writer.write_table

    def close(self) -> None:
        """Write the rest and the footer."""
        self.flush()
        self._writer.close()
        _sync(self._path)


class DatasetsFolder(_Arrow):
    """The folder `datasets.Dataset.save_to_disk` makes: an Arrow stream, dataset_info.json, state.json.

    Written without the package, which would first copy everything into its cache; `datasets.load_from_disk` reads it.
    """

    _DATA = "data-00000-of-00001.arrow"

    def __init__(self, path: Path, columns: Sequence[str], plain: frozenset[str] = frozenset()) -> None:
        super().__init__(columns, plain)
        path.mkdir()
        self._path = path
        self._file = pa.OSFile(str(path / self._DATA), "wb")
        self._writer = pa.ipc.new_stream(self._file, self.schema)
        self.write = self._writer.write_table

    def close(self) -> None:
        """Write the rest, the two JSON files, and sync all three."""
        self.flush()
        self._writer.close()
        self._file.close()
        info = {"citation": "", "description": "", "homepage": "", "license": ""}
        with (self._path / self._DATA).open("rb") as handle:
            fingerprint = hashlib.file_digest(handle, "sha256").hexdigest()[:16]
        state = {
            "_data_files": [{"filename": self._DATA}],
            "_fingerprint": fingerprint,
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        (self._path / "dataset_info.json").write_bytes(orjson.dumps(info, option=orjson.OPT_INDENT_2))
        (self._path / "state.json").write_bytes(orjson.dumps(state, option=orjson.OPT_INDENT_2))
        for file in self._path.iterdir():
            _sync(file)


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def cannot_write(path: Path, error: OSError) -> CorpusError:
    """The clear error of a disk that refuses."""
    return CorpusError("The export cannot be written", got=f"{path.name}: {error.strerror or error}",
                       fix="Free some space on the disk, or choose a folder you may write to.")  # fmt: skip
