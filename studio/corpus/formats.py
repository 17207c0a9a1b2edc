"""What kind of file this is, decided by its content; wrong kinds and wrong encodings get a clear refusal."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from studio.errors import CorpusError

HEAD_BYTES = 1024 * 1024
LONG_HEAD_BYTES = 16 * 1024 * 1024
FIELD_CHARACTERS = 4 * 1024 * 1024
KINDS: tuple[str, ...] = ("csv", "tsv", "jsonl", "json", "parquet")
_DELIMITERS = (",", "\t", ";", "|")
_SAMPLE_RECORDS = 200
_SAMPLE_LINES = 5_000
_MOST_BAD_LINES = 0.05  # ours: above this share of undecodable lines the file, not the line, is in another encoding
_BOM = b"\xef\xbb\xbf"
csv.field_size_limit(FIELD_CHARACTERS)

_MAGIC: tuple[tuple[bytes, int, str, str], ...] = (
    (b"\x89PNG", 0, "a PNG image", "Upload a table of texts."),
    (b"\xff\xd8\xff", 0, "a JPEG image", "Upload a table of texts."),
    (b"GIF8", 0, "a GIF image", "Upload a table of texts."),
    (b"%PDF", 0, "a PDF document", "Copy its text into a table with one example per row."),
    (b"PK\x03\x04", 0, "a zip archive or an Excel or Word file", "Unpack it, or save the sheet as CSV (UTF-8)."),
    (b"\xd0\xcf\x11\xe0", 0, "an old Office file", "Open it and save the sheet as CSV (UTF-8)."),
    (b"\x1f\x8b", 0, "a gzip archive", "Unpack it first."),
    (b"BZh", 0, "a bzip2 archive", "Unpack it first."),
    (b"\xfd7zXZ", 0, "an xz archive", "Unpack it first."),
    (b"\x28\xb5\x2f\xfd", 0, "a zstd archive", "Unpack it first."),
    (b"7z\xbc\xaf", 0, "a 7z archive", "Unpack it first."),
    (b"Rar!", 0, "a rar archive", "Unpack it first."),
    (b"SQLite format 3", 0, "an SQLite database", "Export the table as CSV."),
    (b"DUCK", 8, "a DuckDB database", "Export the table as Parquet."),
    (b"ARROW1", 0, "an Arrow file", "Save it as Parquet."),
    (b"\x80\x04\x95", 0, "a Python pickle, which is never read", "Save the data as JSONL."),
    (b"\x80\x05\x95", 0, "a Python pickle, which is never read", "Save the data as JSONL."),
    (b"\x7fELF", 0, "a program", "Upload a table of texts."),
)


@dataclass(frozen=True)
class Format:
    """How a file is read.

    `delimiter`, `quoted` and `header` matter for csv and tsv only. `columns` are the names in file order; for JSON
    kinds they are the names seen in the first records, and later records may hold more.
    """

    kind: str
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    quoted: bool = True
    header: bool = True


def detect(path: Path, *, header: bool | None = None, name: str | None = None) -> Format:
    """The format of a file.

    Args:
        path: the file.
        header: whether the first record of a CSV or TSV holds column names; None looks at the values.
        name: the name people know the file by, used in messages and as a tie-break between CSV and TSV.

    Raises:
        CorpusError: empty, not a table of texts, or not UTF-8; the message names the mend.
    """
    shown = name or path.name
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES)
        if b"\n" not in head[3:]:
            head += handle.read(LONG_HEAD_BYTES)  # a first line longer than the head is rare but no reason to refuse
        whole = not handle.read(1)
    if not head.removeprefix(_BOM).strip():
        raise CorpusError("The file is empty", got=shown, fix="Choose a file with at least two examples.")
    if head[:4] == b"PAR1":
        return Format("parquet")
    _refuse_other_kinds(head, shown)
    if not whole:
        head = head[: head.rfind(b"\n") + 1] or head
    _refuse_other_encodings(head, shown, whole)
    text = head.decode("utf-8-sig", errors="surrogateescape")
    first = text.lstrip()[:1]
    if first in ("{", "["):
        found = _json_format(text, whole, shown)
        if found is not None:
            return found
    return _delimited_format(text, whole, header, shown)


def _refuse_other_kinds(head: bytes, shown: str) -> None:
    for magic, offset, what, fix in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            raise CorpusError(f"The file is {what}, not a table of texts", got=shown, fix=fix)
    start = head[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise CorpusError(
            "The file is a web page or XML, not a table of texts",
            got=shown,
            fix="Download the data itself as CSV, JSONL or Parquet.",
        )


def _refuse_other_encodings(head: bytes, shown: str, whole: bool) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _wrong_encoding(shown, "UTF-16", 0, 1)
    try:
        head.decode("utf-8")
        valid = True
    except UnicodeDecodeError as error:
        valid = not whole and error.start > len(head) - 4 and b"\n" not in head[error.start :]
        at = error.start
    nul_share = head.count(b"\0") / len(head)
    if nul_share > 0.1 or (not valid and (b"\n\0" in head or b"\0\n" in head)):
        if _is_utf16(head):
            raise _wrong_encoding(shown, "UTF-16", head.find(b"\0"), 1)
        raise CorpusError(
            "The file is binary, not a table of texts", got=shown, fix="Upload CSV, TSV, JSONL or Parquet."
        )
    if valid:
        return
    lines = [line for line in re.split(rb"\r\n|\n|\r", head) if line.strip()]
    bad = sum(not _is_utf8(line) for line in lines)
    if bad > _MOST_BAD_LINES * len(lines):
        line = head.count(b"\n", 0, at) + 1
        raise _wrong_encoding(shown, _guess_encoding(head), at, line)


def _is_utf16(head: bytes) -> bool:
    """True when the bytes make sense as UTF-16 without a mark: nearly all characters printable, line ends present."""
    for codec in ("utf-16-le", "utf-16-be"):
        text = head[: len(head) // 2 * 2].decode(codec, errors="replace")
        readable = sum(character.isprintable() or character in "\r\n\t" for character in text)
        if readable > 0.98 * len(text) and "\n" in text and "\ufffd" not in text:
            return True
    return False


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guess_encoding(head: bytes) -> str:
    cut = head[: head.rfind(b"\n") + 1] or head
    try:
        text = cut.decode("gb18030")
    except UnicodeDecodeError:
        return "Latin-1 or Windows-1252"
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in text)
    beyond = sum(character > "\x7f" for character in text)
    return "GB18030 or GBK" if chinese >= 0.5 * beyond else "Latin-1 or Windows-1252"


def _wrong_encoding(shown: str, guess: str, offset: int, line: int) -> CorpusError:
    return CorpusError(
        f"The file is not UTF-8: it looks like {guess}",
        got=f"{shown}, byte {offset:,}, line {line:,}",
        fix="Save it as UTF-8 (in Excel: CSV UTF-8; on a terminal: iconv -t UTF-8) and upload it again.",
    )


# --- JSON -------------------------------------------------------------------------------------------------------------
def _json_format(text: str, whole: bool, shown: str) -> Format | None:
    lines = [line for line in text.split("\n")[:_SAMPLE_LINES] if line.strip()]
    parsed = [record for line in lines if isinstance(record := _parse(line), dict)]
    if text.lstrip()[0] == "[" and not parsed:
        return _array_format(text, whole, shown)
    if parsed and (isinstance(_parse(lines[0]), dict) or 2 * len(parsed) >= len(lines)):
        return Format("jsonl", columns=_names_of(parsed))
    if whole and isinstance(_parse(text), dict):
        raise CorpusError(
            "The file is one JSON object, not a list of examples",
            got=shown,
            fix="Save it as JSONL (one object per line) or as a JSON array of objects.",
        )
    if text.lstrip()[0] == "{" and re.match(r"\s*\{\s*(\"|\n)", text):
        raise CorpusError(
            "No line of the file is a whole JSON object",
            got=shown,
            fix="Save it as JSONL (one object per line) or as a JSON array of objects.",
        )
    return None


def _array_format(text: str, whole: bool, shown: str) -> Format | None:
    decoder, start, found = json.JSONDecoder(), text.index("[") + 1, []
    while len(found) < _SAMPLE_RECORDS:
        start += len(text[start : start + 4096]) - len(text[start : start + 4096].lstrip(" \t\r\n,"))
        try:
            value, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        found.append(value)
    objects = [value for value in found if isinstance(value, dict)]
    if objects:
        return Format("json", columns=_names_of(objects))
    if whole and isinstance(_parse(text), list):
        raise CorpusError(
            "The JSON array holds no objects",
            got=shown,
            fix='Write each example as an object with named fields, such as {"text": "...", "label": "..."}.',
        )
    return None


def _parse(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _names_of(records: Sequence[dict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for record in records for name in record))


# --- delimited --------------------------------------------------------------------------------------------------------
def _delimited_format(text: str, whole: bool, header: bool | None, shown: str) -> Format:
    delimiter, quoted, rows = _dialect(text, whole, shown)
    if not rows:
        raise CorpusError("The file is empty", got=shown, fix="Choose a file with at least two examples.")
    has_header = looks_like_header(rows) if header is None else header
    columns = header_names(rows[0]) if has_header else tuple(f"column_{i + 1}" for i in range(len(rows[0])))
    return Format("tsv" if delimiter == "\t" else "csv", columns, delimiter, quoted, has_header)


def _dialect(text: str, whole: bool, shown: str) -> tuple[str, bool, list[list[str]]]:
    """The delimiter and quoting under which the sample has the most even table."""
    best: tuple[tuple[float, ...], str, bool, list[list[str]]] | None = None
    favourite = "\t" if shown.lower().endswith((".tsv", ".tab")) else ","
    for delimiter in _DELIMITERS:
        for quoted in _quotings(text, delimiter):
            rows = _sample(text, delimiter, quoted, whole)
            if not rows:
                continue
            width, count = Counter(len(row) for row in rows).most_common(1)[0]
            even = count / len(rows)
            score = (width > 1 and even >= 0.8, len(rows[0]) == width, round(even, 2), delimiter == favourite, width)
            if best is None or score > best[0]:
                best = (score, delimiter, quoted, rows)
    if best is None:
        return favourite, True, []
    score, delimiter, quoted, rows = best
    if not score[0]:  # one column, or no delimiter that cuts evenly: the most common kind, one wide or ragged
        quoted = next(iter(_quotings(text, favourite)))
        return favourite, quoted, _sample(text, favourite, quoted, whole)
    return delimiter, quoted, rows


def _quotings(text: str, delimiter: str) -> tuple[bool, ...]:
    """Whether quotes quote: always for commas; for tabs only where fields that open a quote also close it."""
    if delimiter != "\t":
        return (True,)
    opened = len(re.findall(r'(?:^|\t)"', text, re.MULTILINE))
    if opened == 0:
        return (False,)
    closed = len(re.findall(r'(?:^|\t)"(?:[^"]|"")*"(?=\t|\r|\n|\Z)', text, re.MULTILINE))
    return (closed >= opened,)


def _sample(text: str, delimiter: str, quoted: bool, whole: bool) -> list[list[str]]:
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting):
            if row:
                rows.append(row)
            if len(rows) > _SAMPLE_RECORDS:
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
        name = cell.strip().replace("\0", "") or f"column_{position}"
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
