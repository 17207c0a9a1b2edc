"""Where texts still stand: many texts looked for at once in the bytes of any file, plain or as JSON writes them."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.records import Array

WINDOW = 12  # bytes; ours: shorter texts ("ok", "thanks") stand everywhere by chance and are looked for as whole cells
EXCERPT = 60  # bytes of the beginning that give a longer text away: logs and tables cut texts short
REMOVED = "[removed]"
_CHUNK = 1 << 22
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_BLOCK = 1 << 16
_TABLE_BITS = 20
_NUMBERS = frozenset({".npy", ".safetensors"})  # arrays of numbers; no text can stand in them


class Traces:
    """A set of texts to look for.

    A rolling hash over windows of 12 bytes (Karp and Rabin) is compared with a table of the texts' first windows; what
    fits is compared byte by byte. A text is found as UTF-8, as a JSON string with or without escapes, and with the
    doubled quotes of CSV.

    Args:
        texts: whole texts; those under 12 bytes are found as whole cells of tables only.
        exact: short values found where a JSON string or a cell equals them.

    Paper: karp-rabin-1987.
    """

    def __init__(self, texts: Iterable[str], exact: Iterable[str] = ()) -> None:
        self.texts = frozenset(text for text in texts if text)
        self.exact = frozenset(value for value in exact if value)
        self._of_window: dict[bytes, list[bytes]] = {}
        for text in self.texts:
            for form in _forms(text):
                if len(form) >= WINDOW:
                    self._of_window.setdefault(form[:WINDOW], []).append(form)
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        self._heads = np.empty(0, np.uint64)
        if self._of_window:
            self._heads = np.sort(_hashes(np.frombuffer(b"".join(self._of_window), np.uint8))[::WINDOW])
            self._table[_slots(self._heads)] = True

    @property
    def has_short(self) -> bool:
        """True when some text is too short to be told from chance in a file of bytes."""
        return any(len(text.encode("utf-8", "replace")) < WINDOW for text in self.texts)

    def in_bytes(self, data: bytes, *, excerpts: bool = True) -> bool:
        """True when one of the texts (with `excerpts`, its first 60 bytes) stands in the data."""
        return next(self._hits(data, excerpts), None) is not None

    def in_text(self, text: str) -> bool:
        """`in_bytes` of a text."""
        return self.in_bytes(text.encode("utf-8", "replace"))

    def _hits(self, data: bytes, excerpts: bool) -> Iterator[tuple[int, int]]:
        """Start and end of every hit, ascending."""
        if len(data) < WINDOW or not self._of_window:
            return
        for start in self._candidates(np.frombuffer(data, np.uint8)):
            for form in self._of_window.get(data[start : start + WINDOW], ()):
                least = min(len(form), EXCERPT) if excerpts else len(form)
                if data.startswith(form[:least], start):
                    whole = data.startswith(form, start)
                    yield start, start + (len(form) if whole else least)
                    break

    def _candidates(self, data: Array) -> Iterator[int]:
        """Places whose window has the hash of some text's first window, ascending; in blocks the cache can hold."""
        for block in range(0, len(data) - WINDOW + 1, _BLOCK):
            hashes = _hashes(data[block : block + _BLOCK + WINDOW - 1])
            near = np.flatnonzero(self._table[_slots(hashes)])
            if len(near):
                at = np.minimum(np.searchsorted(self._heads, hashes[near]), len(self._heads) - 1)
                yield from (near[self._heads[at] == hashes[near]] + block).tolist()

    def in_file(self, path: Path, *, excerpts: bool = True) -> bool:
        """True when one of the texts stands in the file; Parquet, Arrow, zip and gzip are looked into.

        A file that cannot be read as what its ending says is looked at as bytes.

        Raises:
            OSError: the file cannot be read.
        """
        if path.suffix in _NUMBERS:
            return False
        try:
            if path.suffix == ".parquet":
                return self._in_parquet(path)
            if path.suffix == ".arrow":
                with pa.OSFile(str(path), "rb") as handle:
                    return self._in_table(pa.ipc.open_stream(handle).read_all())
            if path.suffix == ".gz":
                with gzip.open(path, "rb") as handle:
                    return self._in_stream(handle, excerpts)
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    return any(self._in_member(archive, name, excerpts) for name in archive.namelist())
        except (pa.ArrowException, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, ValueError):
            pass
        with path.open("rb") as handle:
            head = handle.read(4)
            handle.seek(0)
            if head == b"PAR1" and path.suffix != ".parquet":
                try:
                    return self._in_parquet(path)
                except (pa.ArrowException, ValueError):
                    handle.seek(0)
            return self._in_stream(handle, excerpts)

    def _in_member(self, archive: zipfile.ZipFile, name: str, excerpts: bool) -> bool:
        with archive.open(name) as handle:
            if name.endswith(".parquet"):
                return self._in_table(pq.read_table(pa.BufferReader(handle.read())))
            if name.endswith(".arrow"):
                return self._in_table(pa.ipc.open_stream(handle.read()).read_all())
            return self._in_stream(handle, excerpts)  # type: ignore[arg-type]

    def _in_stream(self, handle: BinaryIO | Any, excerpts: bool) -> bool:
        longest = max((len(form) for forms in self._of_window.values() for form in forms), default=WINDOW)
        keep = min(longest, EXCERPT) if excerpts else longest
        tail = b""
        while chunk := handle.read(_CHUNK):
            if self.in_bytes(tail + chunk, excerpts=excerpts):
                return True
            tail = (tail + chunk)[-keep:]
        return False

    def _in_parquet(self, path: Path) -> bool:
        file = pq.ParquetFile(path)
        return any(self._in_table(pa.Table.from_batches([batch])) for batch in file.iter_batches(4_096))

    def _in_table(self, table: pa.Table) -> bool:
        for column in table.columns:
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                cells = {cell for cell in column.unique().to_pylist() if cell}
            elif pa.types.is_nested(column.type):
                cells = {json.dumps(cell, ensure_ascii=False, default=str) for cell in column.to_pylist()}
            else:
                continue
            if cells & self.texts or self.in_bytes("\n".join(cells).encode("utf-8", "replace")):
                return True
        return False

    # --- taking out ---------------------------------------------------------------------------------------------------
    def redacted(self, value: Any) -> Any:
        """A JSON value with every string that holds one of the texts, or equals an exact one, replaced."""
        if isinstance(value, str):
            if value in self.exact:
                return REMOVED
            return self.redacted_text(value)
        if isinstance(value, dict):
            return {self.redacted(key): self.redacted(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redacted(item) for item in value]
        return value

    def redacted_text(self, text: str) -> str:
        """A text with every hit replaced by `[removed]`."""
        data = text.encode("utf-8", "surrogatepass")
        parts, at = [], 0
        for start, end in self._hits(data, True):
            if start >= at:
                parts += [data[at:start], REMOVED.encode()]
            at = max(at, end)
        if not parts:
            return text
        return b"".join([*parts, data[at:]]).decode("utf-8", "replace")

    def redacted_stored(self, text: str) -> str:
        """A stored string: JSON is redacted inside and written again, other text directly; equal when nothing stood."""
        if text[:1] in ("{", "["):
            try:
                value = json.loads(text)
            except ValueError:
                return self.redacted_text(text)
            clean = self.redacted(value)
            return text if clean == value else json.dumps(clean, ensure_ascii=False)
        return str(self.redacted(text))


def _forms(text: str) -> set[bytes]:
    """How a text may stand in a file: as it is, as JSON, as ASCII JSON, as a quoted CSV cell."""
    plain = text.encode("utf-8", "replace")
    forms = {plain, json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace"),
             json.dumps(text)[1:-1].encode()}  # fmt: skip
    return forms | {plain.replace(b'"', b'""')}


def _hashes(data: Array) -> Array:
    """(n - 11,) uint64: sum of byte · factor^place over each window, modulo 2^64."""
    n = len(data) - WINDOW + 1
    total = np.zeros(n, dtype=np.uint64)
    wide = data.astype(np.uint64)
    for place in range(WINDOW):
        total *= _FACTOR
        total += wide[place : place + n]
    return total


def _slots(hashes: Array) -> Array:
    return (hashes >> np.uint64(64 - _TABLE_BITS)).astype(np.int64)
