"""Records out of files, one after the other in bounded memory; what cannot be read comes out as a reject.

Every reader yields `Read(line, values, raw, reason)`: either `values` (column -> value) or a reason code. Nothing is
dropped in silence: blank lines are the only thing that is not a record.
"""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import orjson

from studio.corpus.formats import Format
from studio.errors import CorpusError

LINE_BYTES = 16 * 1024 * 1024
RAW_CHARACTERS = 2_000
_MOST_RECOVERIES = 1_000
_LONG_RECORD_LINES = 20
_SURROGATE = re.compile("[\ud800-\udfff]")


class Read(NamedTuple):
    """One record as read: `values` and no reason, or a reason code and no values."""

    line: int
    values: Mapping[str, Any] | None
    raw: Any
    reason: str = ""


class Lexeme(str):
    """A JSON number kept as it was written, such as 1e5 or 0.10; becomes that number again in JSON output."""

    __slots__ = ()


def records(path: Path, form: Format, *, name: str | None = None) -> Iterator[Read]:
    """All records of a file in order.

    Args:
        path: the file.
        form: its format, from `formats.detect`.
        name: the name people know the file by, for messages.

    Raises:
        CorpusError: the file breaks in a way that leaves no way to go on (a damaged Parquet file or JSON array).
    """
    shown = name or path.name
    if form.kind == "parquet":
        from studio.corpus.parquet import parquet_records  # Arrow's reader takes 0.2 s to load

        return parquet_records(path, shown)
    if form.kind == "jsonl":
        return _jsonl(path)
    if form.kind == "json":
        return _json_array(path, shown)
    return _delimited(path, form, shown)


def raw_text(raw: Any) -> str:
    """What stood in the file, as text that is safe to store, cut to 2,000 characters."""
    if isinstance(raw, bytes):
        text = raw[: RAW_CHARACTERS * 4].decode("utf-8", errors="backslashreplace")
    elif isinstance(raw, str):
        text = raw[: RAW_CHARACTERS * 2]
    else:
        text = json.dumps(raw, ensure_ascii=False, default=str)[: RAW_CHARACTERS * 2]
    text = _SURROGATE.sub(_escaped, text).rstrip("\r\n")
    return text if len(text) <= RAW_CHARACTERS else text[: RAW_CHARACTERS - 1] + "…"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


# --- JSON -------------------------------------------------------------------------------------------------------------
def _jsonl(path: Path) -> Iterator[Read]:
    loads = orjson.loads
    with path.open("rb") as handle:
        if handle.read(3) != b"\xef\xbb\xbf":
            handle.seek(0)
        number = 0
        while line := handle.readline(LINE_BYTES):
            number += 1
            if len(line) == LINE_BYTES and line[-1:] != b"\n":
                _skip_line(handle)
                yield Read(number, None, line[: RAW_CHARACTERS * 4], "line_too_long")
                continue
            try:
                value = loads(line)
                if type(value) is dict and float in map(type, value.values()):
                    value = _exact(line.decode())
            except (ValueError, RecursionError):
                if not line.strip():
                    continue
                value, reason = _mend(line)
                if reason:
                    yield Read(number, None, line, reason)
                    continue
            if type(value) is dict:
                yield Read(number, value, line)
            else:
                yield Read(number, None, line, "not_an_object")


def _skip_line(handle: Any) -> None:
    while rest := handle.readline(LINE_BYTES):
        if rest[-1:] == b"\n":
            return


def _exact(text: str) -> Any:
    """The value with numbers as they were written; NaN and Infinity, which JSON does not have, become null."""
    return json.loads(text, parse_float=Lexeme, parse_int=Lexeme, parse_constant=lambda _: None)


def _mend(line: bytes) -> tuple[Any, str]:
    """A second look at a line orjson refused: NaN and lone surrogates are read, the rest gets its reason."""
    try:
        return _exact(line.decode("utf-8")), ""
    except UnicodeDecodeError:
        return None, "not_utf8"
    except (ValueError, RecursionError):
        return None, "broken_json"


def _json_array(path: Path, shown: str) -> Iterator[Read]:
    decoder = json.JSONDecoder(parse_float=Lexeme, parse_int=Lexeme, parse_constant=lambda _: None)
    with path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        text, at, line, size, ended = "", 0, 1, 1024 * 1024, False

        def more() -> bool:
            nonlocal text, at, ended
            chunk = handle.read(size)
            text, at, ended = text[at:] + chunk, 0, not chunk
            return not ended

        more()
        line, at = line + text.count("\n", 0, text.index("[")), text.index("[") + 1
        while True:
            skipped = _SPACE.match(text, at).end()
            line, at = line + text.count("\n", at, skipped), skipped
            if at == len(text):
                if more():
                    continue
                raise _broken_array(shown, line)
            if text[at] == "]":
                return
            try:
                value, end = decoder.raw_decode(text, at)
                whole = end < len(text) or ended
            except (ValueError, RecursionError):
                whole = False
            if not whole:
                if len(text) - at > LINE_BYTES:
                    raise _broken_array(shown, line)
                size = min(size * 2, LINE_BYTES)
                if ended or not more():
                    raise _broken_array(shown, line)
                continue
            raw = text[at:end]
            yield Read(line, value, raw) if isinstance(value, dict) else Read(line, None, raw, "not_an_object")
            line, at = line + raw.count("\n"), end


_SPACE = re.compile(r"[\s,]*")


def _broken_array(shown: str, line: int) -> CorpusError:
    return CorpusError(
        "The JSON array is broken and cannot be read past this place",
        got=f"{shown}, line {line:,}",
        fix="Mend it there, or save the data as JSONL, where one bad line costs one example.",
    )


# --- CSV and TSV ------------------------------------------------------------------------------------------------------
class _LongLine(Exception):
    """A physical line above the limit; the rest of it has been skipped."""


class _Lines:
    """Physical lines for csv.reader that remembers those of the record being read, so that they can be given back."""

    def __init__(self, handle: TextIO) -> None:
        self._handle = handle
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.line = 0
        self.is_torn = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._handle.readline(LINE_BYTES)
        if not line:
            self.is_torn = bool(self.taken)
            raise StopIteration
        self.line += 1
        self.taken.append(line)
        if len(line) >= LINE_BYTES and line[-1] not in "\r\n":
            while (rest := self._handle.readline(LINE_BYTES)) and rest[-1] not in "\r\n":
                pass
            raise _LongLine
        return line

    def take(self) -> str:
        """The text of the record just read; the next record starts clean."""
        text, self.taken, self.is_torn = "".join(self.taken), [], False
        return text

    def give_back(self) -> str:
        """The first line of the record; the others will be read again as records of their own."""
        first, rest = self.taken[0], self.taken[1:]
        self._back.extendleft(reversed(rest))
        self.line -= len(rest)
        self.taken, self.is_torn = [], False
        return first


def _delimited(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """Rows of a CSV or TSV; a quote that is never closed costs one line, not the rest of the file."""
    width, columns, recoveries, header = len(form.columns), form.columns, 0, form.header
    with path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        lines = _Lines(handle)
        reader = _reader(lines, form)
        while True:
            start, row, reason = lines.line + 1, [], ""
            try:
                row = next(reader)
                if len(lines.taken) > _LONG_RECORD_LINES and len(row) != width:
                    reason = "unclosed_quote"
            except StopIteration:
                return
            except _LongLine:
                yield Read(start, None, lines.take(), "line_too_long")
                reader = _reader(lines, form)
                continue
            except csv.Error as error:
                row, reason = _look_again(lines, form, error)
                reader = _reader(lines, form)
            if reason:
                recoveries += 1
                if recoveries > _MOST_RECOVERIES:
                    raise _open_everywhere(shown, start)
                yield Read(start, None, lines.give_back(), reason)
                reader = _reader(lines, form)
                continue
            raw = lines.take()
            if header:
                header = not row
            elif row and not (len(row) == 1 < width and not row[0].strip()):
                yield _row(start, row, raw, columns, width)


def _reader(lines: Iterator[str], form: Format, *, strict: bool = True) -> Any:
    """A csv reader; strict, because text after a closing quote is how a stray quote far above shows itself."""
    quoting = csv.QUOTE_MINIMAL if form.quoted else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=form.delimiter, quoting=quoting, strict=strict)


def _look_again(lines: _Lines, form: Format, error: csv.Error) -> tuple[list[str], str]:
    """A record the strict reader refused: one line with text after a quote is read as every other reader does."""
    if len(lines.taken) > 1 or lines.is_torn:
        return [], "unclosed_quote"
    if "expected after" in str(error):
        try:
            return next(_reader(iter(lines.taken), form, strict=False)), ""
        except csv.Error:
            return [], "field_too_long"
    return [], "field_too_long"


def _open_everywhere(shown: str, line: int) -> CorpusError:
    return CorpusError(
        f"Quotes are left open in more than {_MOST_RECOVERIES:,} places",
        got=f"{shown}, line {line:,}",
        fix='Write a quote inside a quoted field as two quotes (""), or save the data as JSONL.',
    )


def _row(line: int, row: list[str], raw: str, columns: tuple[str, ...], width: int) -> Read:
    if len(row) == width:
        return Read(line, dict(zip(columns, row, strict=True)), raw)
    if len(row) < width:
        return Read(line, None, raw, "too_few_fields")
    if any(cell.strip() for cell in row[width:]):
        return Read(line, None, raw, "too_many_fields")
    return Read(line, dict(zip(columns, row[:width], strict=True)), raw)
