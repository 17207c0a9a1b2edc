"""One table out to one file other tools read: JSONL, Parquet, CSV, and CSV that is safe in a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.spreadsheet import escape_cell
from studio.errors import CorpusError

FORMATS: tuple[str, ...] = ("jsonl", "parquet", "csv")
_INTEGERS = frozenset({"example_id", "rank"})
_BATCH = 20_000


def write_rows(
    rows: Iterable[Mapping[str, Any]],
    path: Path,
    *,
    fmt: str,
    columns: Sequence[str],
    for_spreadsheets: bool = False,
) -> tuple[int, str]:
    """Write rows under a temporary name, fsync, rename; returns their number and the sha256 of the file.

    Args:
        rows: mappings; None is null (JSONL leaves it out, CSV leaves the cell empty).
        path: the file to make or replace.
        fmt: jsonl, parquet or csv.
        columns: for parquet and csv; JSONL writes what each row holds.
        for_spreadsheets: CSV only: a byte order mark, and an apostrophe before cells a spreadsheet would run as a
            formula. Numbers stay. Such a file says in its first line what it is, so that an import can undo it.

    Raises:
        CorpusError: an unknown format, or the file cannot be written.
    """
    if fmt not in FORMATS:
        raise CorpusError("There is no such export format", got=fmt, fix=f"Use one of: {', '.join(FORMATS)}.")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as handle:
            if fmt == "jsonl":
                n = _jsonl(rows, handle)
            elif fmt == "parquet":
                n = _parquet(rows, handle, columns)
            else:
                n = _csv(rows, handle, columns, for_spreadsheets)
            handle.flush()
            os.fsync(handle.fileno())
        with temporary.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        temporary.replace(path)
    except OSError as error:
        raise CorpusError("The export cannot be written", got=f"{path.name}: {error.strerror}",
                          fix="Choose a folder you may write to, with enough space.") from error  # fmt: skip
    finally:
        temporary.unlink(missing_ok=True)
    return n, digest


def _jsonl(rows: Iterable[Mapping[str, Any]], handle: BinaryIO) -> int:
    n = 0
    for row in rows:
        kept = {name: value for name, value in row.items() if value is not None}
        handle.write(orjson.dumps(kept, option=orjson.OPT_APPEND_NEWLINE))
        n += 1
    return n


def _parquet(rows: Iterable[Mapping[str, Any]], handle: BinaryIO, columns: Sequence[str]) -> int:
    schema = pa.schema([pa.field(name, pa.int64() if name in _INTEGERS else pa.string()) for name in columns])
    n = 0
    with pq.ParquetWriter(handle, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            arrays = [pa.array([_cell(row.get(field.name), field.type) for row in batch], field.type)
                      for field in schema]  # fmt: skip
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            n += len(batch)
    return n


def _cell(value: Any, kind: pa.DataType) -> Any:
    return value if value is None or kind == pa.int64() else as_cell(value)


def _csv(rows: Iterable[Mapping[str, Any]], handle: BinaryIO, columns: Sequence[str], for_spreadsheets: bool) -> int:
    n = 0
    with _text(handle, "utf-8-sig" if for_spreadsheets else "utf-8") as text:
        write_header(text, columns, for_spreadsheets=for_spreadsheets)
        writer = csv.writer(text, lineterminator="\r\n")
        safe = escape_cell if for_spreadsheets else str
        for row in rows:
            writer.writerow([safe(as_cell(row.get(name))) for name in columns])
            n += 1
    return n


def write_header(text: TextIO, columns: Sequence[str], *, for_spreadsheets: bool = False) -> None:
    """The first line of a CSV; quoted throughout in one for spreadsheets, which is how an import knows it."""
    quoting = csv.QUOTE_ALL if for_spreadsheets else csv.QUOTE_MINIMAL
    safe = escape_cell if for_spreadsheets else str
    csv.writer(text, lineterminator="\r\n", quoting=quoting).writerow([safe(name) for name in columns])


@contextmanager
def _text(handle: BinaryIO, encoding: str) -> Iterator[Any]:
    text = io.TextIOWrapper(handle, encoding=encoding, newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def as_cell(value: Any) -> str:
    """A value as the text of one cell: null is empty, structured values are JSON.

    Example:
        >>> [as_cell(v) for v in (None, True, 3, "a", [1, "b"])]
        ['', 'true', '3', 'a', '[1,"b"]']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return str(value)
