"""Plain text, a record per line or per paragraph, and CoNLL columns, a record per sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from studio.corpus.reading import record
from studio.corpus.reading.encodings import codec_of
from studio.corpus.reading.form import Format
from studio.corpus.reading.opening import open_text
from studio.corpus.reading.record import RAW_CHARACTERS, Read

_COMMENT = re.compile(r"#\s*([\w.\-]+)\s*=\s*(.*)")
_TAG = re.compile(r"O|[BIESLUMW]|[BIESLUM][-_].+")
_DOCSTART = "-DOCSTART-"
_MOST_COLUMNS = 20


def _lines(handle: TextIO) -> Iterator[tuple[int, str, bool]]:
    """(line number, line without its end, whether it was too long and is cut)."""
    number, most = 0, record.LINE_BYTES
    while line := handle.readline(most):
        number += 1
        if len(line) >= most and line[-1] not in "\r\n":
            while (rest := handle.readline(most)) and rest[-1] not in "\r\n":
                pass
            yield number, line[: RAW_CHARACTERS * 2], True
        else:
            yield number, line.rstrip("\r\n"), False


def texts_of(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """Lines, or paragraphs set apart by blank lines, as `{"text": ...}`."""
    with open_text(path, form.packing, codec_of(form.encoding), shown) as handle:
        yield from _paragraphs(handle) if form.unit == "paragraph" else _single_lines(handle)


def _single_lines(handle: TextIO) -> Iterator[Read]:
    for number, line, is_cut in _lines(handle):
        if is_cut:
            yield Read(number, None, line, "line_too_long")
        elif line.strip():
            yield Read(number, {"text": line}, line)


def _paragraphs(handle: TextIO) -> Iterator[Read]:
    start, size, taken = 0, 0, []
    for number, line, is_cut in _lines(handle):
        if not line.strip():
            yield from _paragraph(start, size, taken)
            start, size, taken = 0, 0, []
            continue
        start = start or number
        size += record.LINE_BYTES if is_cut else len(line) + 1
        if size < record.LINE_BYTES or not taken:
            taken.append(line)
    yield from _paragraph(start, size, taken)


def _paragraph(start: int, size: int, taken: list[str]) -> Iterator[Read]:
    if not taken:
        return
    text = "\n".join(taken)
    if size >= record.LINE_BYTES:
        yield Read(start, None, text[: RAW_CHARACTERS * 2], "line_too_long")
    else:
        yield Read(start, {"text": text}, text)


def guess_unit(text: str) -> str:
    r"""`paragraph` where blank lines set apart blocks of several lines, else `line`.

    Example:
        >>> guess_unit("one line\nof a block\n\nand another\nblock\n")
        'paragraph'
    """
    blocks = [block.split("\n") for block in re.split(r"\n[ \t]*\n+", re.sub(r"\r\n?", "\n", text).strip("\n"))]
    n_lines = sum(len(block) for block in blocks)
    return "paragraph" if len(blocks) > 1 and n_lines >= 1.8 * len(blocks) else "line"


# --- CoNLL ------------------------------------------------------------------------------------------------------------
def sentences_of(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """One record per sentence: `tokens`, `tags` (the last column), `column_2` ... between, comments as fields.

    A sentence with a line of another width is rejected as a whole; `-DOCSTART-` lines are no records.
    """
    separator, width = form.delimiter, _width(form.columns)
    with open_text(path, form.packing, codec_of(form.encoding), shown) as handle:
        start, rows, fields, raw, reason = 0, [], {}, [], ""
        for number, line, is_cut in _lines(handle):
            if not line.strip():
                yield from _sentence(start, rows, fields, raw, reason)
                start, rows, fields, raw, reason = 0, [], {}, [], ""
                continue
            if line.startswith(_DOCSTART):
                continue
            start = start or number
            if len(raw) < RAW_CHARACTERS:
                raw.append(line)
            comment = _COMMENT.fullmatch(line) if not rows else None
            if comment:
                fields[_field(comment.group(1))] = comment.group(2)
                continue
            cells = cells_of(line, separator)
            if is_cut or len(rows) * width > record.LINE_BYTES // 16:
                reason = "line_too_long"
            elif len(cells) != width:
                reason = reason or ("too_few_fields" if len(cells) < width else "too_many_fields")
            else:
                rows.append(cells)
        yield from _sentence(start, rows, fields, raw, reason)


def _sentence(start: int, rows: list[list[str]], fields: dict, raw: list[str], reason: str) -> Iterator[Read]:
    text = "\n".join(raw)
    if reason:
        yield Read(start, None, text, reason)
    elif rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        values = {"tokens": columns[0], "tags": columns[-1]}
        values |= {f"column_{i}": column for i, column in enumerate(columns[1:-1], start=2)}
        yield Read(start, values | fields, text)
    elif fields:
        yield Read(start, None, text, "too_few_fields")


def _field(name: str) -> str:
    taken = name in ("tokens", "tags") or re.fullmatch(r"column_\d+", name)
    return f"comment_{name}" if taken else name


def _width(columns: tuple[str, ...]) -> int:
    return 2 + sum(re.fullmatch(r"column_\d+", name) is not None for name in columns)


def cells_of(line: str, separator: str) -> list[str]:
    """The columns of a line: cut at each tab, or at runs of blanks."""
    return line.split("\t") if separator == "\t" else line.split()


def look_for_columns(text: str, *, forced: bool = False) -> tuple[str, tuple[str, ...]] | None:
    """Separator and column names where the text is CoNLL columns, else None.

    All lines have the same number of columns, at least two; sentences are set apart by blank lines; the last column
    holds tags such as O and B-PER, or few different values against the tokens. `forced` takes a person's word for it.
    """
    lines = re.sub(r"\r\n?", "\n", text).split("\n")[:5_000]
    filled = [line for line in lines if line.strip() and not line.startswith(_DOCSTART)]
    comments = [match.group(1) for line in filled if (match := _COMMENT.fullmatch(line))]
    body = [line for line in filled if not _COMMENT.fullmatch(line)]
    if not body:
        return None
    for separator in ("\t", " "):
        rows = [cells_of(line, separator) for line in body]
        width, count = Counter(len(row) for row in rows).most_common(1)[0]
        if not 2 <= width <= _MOST_COLUMNS or (count < 0.98 * len(rows) and not forced):
            continue
        even = [row for row in rows if len(row) == width]
        if forced or _are_tags([row[-1] for row in even], [row[0] for row in even], len(lines) - len(filled)):
            middle = [f"column_{i}" for i in range(2, width)]
            names = ("tokens", "tags", *middle, *dict.fromkeys(_field(name) for name in comments))
            return separator, names
    return None


def _are_tags(last: list[str], first: list[str], n_blank: int) -> bool:
    tokens = sum(len(token.split()) <= 1 for token in first) / len(first)
    tagged = sum(_TAG.fullmatch(tag) is not None for tag in last) / len(last)
    if tagged >= 0.95 and tokens >= 0.95 and len(last) >= 4 and (n_blank > 1 or any(len(tag) > 2 for tag in last)):
        return True
    few = len(set(last)) <= min(100, len(last) / 4)
    return n_blank > 1 and tokens >= 0.95 and few and len(last) / n_blank >= 3
