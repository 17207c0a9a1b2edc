"""CSV, TSV and their like: how the table is cut, and its rows; a quote never closed costs one line."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from studio.corpus.reading import record
from studio.corpus.reading.encodings import codec_of
from studio.corpus.reading.form import Format
from studio.corpus.reading.opening import open_text
from studio.corpus.reading.record import Read
from studio.corpus.spreadsheet import undo_cell
from studio.errors import CorpusError

FIELD_CHARACTERS = 4 * 1024 * 1024
DELIMITERS: tuple[str, ...] = (",", "\t", ";", "|")
SAMPLE_RECORDS = 200
MOST_RECOVERIES = 1_000
LONG_RECORD_LINES = 20
csv.field_size_limit(FIELD_CHARACTERS)
_QUOTED_LINE = re.compile(r'"[^"\r\n]*"(?:\t"[^"\r\n]*")+\r?\n')  # a header quoted throughout


# --- looking ----------------------------------------------------------------------------------------------------------
def dialect(
    text: str, whole: bool, shown: str, delimiters: Sequence[str] = DELIMITERS
) -> tuple[str, bool, list[list[str]], bool]:
    """The delimiter and quoting under which the sample has the most even table, its rows, and whether it is a table."""
    best: tuple[tuple[float, ...], str, bool, list[list[str]]] | None = None
    favourite = "\t" if shown.lower().endswith((".tsv", ".tab")) else ","
    for delimiter in delimiters:
        for quoted in quotings(text, delimiter):
            rows = sample(text, delimiter, quoted, whole)
            if not rows:
                continue
            width, count = Counter(len(row) for row in rows).most_common(1)[0]
            even = count / len(rows)
            score = (width > 1 and even >= 0.8, len(rows[0]) == width, round(even, 2), delimiter == favourite, width)
            if best is None or score > best[0]:
                best = (score, delimiter, quoted, rows)
    if best is None:
        return favourite, True, [], False
    score, delimiter, quoted, rows = best
    if not score[0] and len(delimiters) > 1:  # one column, or no delimiter that cuts evenly: one wide or ragged
        quoted = next(iter(quotings(text, favourite)))
        return favourite, quoted, sample(text, favourite, quoted, whole), False
    return delimiter, quoted, rows, bool(score[0])


def quotings(text: str, delimiter: str) -> tuple[bool, ...]:
    """Whether quotes quote: always for commas; for tabs only where fields that open a quote also close it."""
    if delimiter != "\t" or _QUOTED_LINE.match(text):
        return (True,)
    opened = len(re.findall(r'(?:^|\t)"', text, re.MULTILINE))
    if opened == 0:
        return (False,)
    closed = len(re.findall(r'(?:^|\t)"(?:[^"]|"")*"(?=\t|\r|\n|\Z)', text, re.MULTILINE))
    return (closed >= opened,)


def sample(text: str, delimiter: str, quoted: bool, whole: bool) -> list[list[str]]:
    """The first 200 rows that are not empty; the last one, which may be cut, is dropped unless `whole`."""
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting):
            if row:
                rows.append(row)
            if len(rows) > SAMPLE_RECORDS:
                return rows[:-1]
    except csv.Error:
        return rows
    return rows if whole or len(rows) < 2 else rows[:-1]


def header_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Column names from header cells: trimmed, blank ones numbered, repeated ones told apart.

    Example:
        >>> header_names([" text", "", "text"])
        ('text', 'column_2', 'text_2')
    """
    names: list[str] = []
    for position, cell in enumerate(cells, start=1):
        name = cell.strip().replace("\0", "").encode("utf-8", "backslashreplace").decode() or f"column_{position}"
        unique, n = name, 1
        while unique in names:
            n += 1
            unique = f"{name}_{n}"
        names.append(unique)
    return tuple(names)


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """True unless the first record looks like the data below it.

    It is data when a cell is long or a number, repeats within the record, or returns in its own column below.

    Example:
        >>> looks_like_header([["text", "label"], ["hello", "a"]])
        True
        >>> looks_like_header([["to category", "A title", "law"], ["to category", "Another", "law"]])
        False
    """
    first = [cell.strip() for cell in rows[0]]
    rest = [row for row in rows[1:] if list(row) != list(rows[0])]  # files glued together repeat their header
    filled = [cell for cell in first if cell]
    if not filled or any(len(cell) > 60 or "\n" in cell for cell in filled):
        return False
    if any(re.fullmatch(r"[-+]?\d+([.,]\d+)?", cell) for cell in filled) or len(set(filled)) < len(filled):
        return False
    for position, cell in enumerate(first):
        if cell and any(position < len(row) and row[position].strip() == cell for row in rest):
            return False
    return True


# --- reading ----------------------------------------------------------------------------------------------------------
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
        most = record.LINE_BYTES
        line = self._back.popleft() if self._back else self._handle.readline(most)
        if not line:
            self.is_torn = bool(self.taken)
            raise StopIteration
        self.line += 1
        self.taken.append(line)
        if len(line) >= most and line[-1] not in "\r\n":
            while (rest := self._handle.readline(most)) and rest[-1] not in "\r\n":
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


def rows_of(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """Rows of a CSV or TSV; a quote that is never closed costs one line, not the rest of the file."""
    width, columns, recoveries, header = len(form.columns), form.columns, 0, form.header
    with open_text(path, form.packing, codec_of(form.encoding), shown) as handle:
        lines = _Lines(handle)
        reader = _reader(lines, form)
        while True:
            start, row, reason = lines.line + 1, [], ""
            try:
                row = next(reader)
                if len(lines.taken) > LONG_RECORD_LINES and len(row) != width:
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
                if recoveries > MOST_RECOVERIES:
                    raise _open_everywhere(shown, start)
                yield Read(start, None, lines.give_back(), reason)
                reader = _reader(lines, form)
                continue
            raw = lines.take()
            if form.apostrophes:
                row = [undo_cell(cell) for cell in row]
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
        f"Quotes are left open in more than {MOST_RECOVERIES:,} places",
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
