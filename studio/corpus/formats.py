"""What kind of file this is and in which encoding, decided by its content; wrong kinds get a clear refusal."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from studio.corpus.reading import delimited, encodings, excel, features, json_document, opening, plain
from studio.corpus.reading.delimited import FIELD_CHARACTERS, header_names, looks_like_header
from studio.corpus.reading.encodings import EncodingGuess, codec_of
from studio.corpus.reading.form import KINDS, UNITS, Choices, Format, Source
from studio.corpus.reading.refusals import refuse_other_kinds
from studio.corpus.spreadsheet import is_marked, undo_cell
from studio.errors import CorpusError

__all__ = [
    "FIELD_CHARACTERS", "KINDS", "Choices", "EncodingGuess", "Format", "Source", "detect", "header_names",
    "looks_like_header", "require_sure",
]  # fmt: skip
HEAD_BYTES = 1024 * 1024
LONG_HEAD_BYTES = 16 * 1024 * 1024
_SAMPLE_LINES = 5_000
_SPOTS, _SPOT_BYTES = 8, 64 * 1024  # ours: a file whose start is ASCII is looked into further on
_MOST_SHEETS = 50
_COLUMN_WORDS = frozenset(
    "text texts sentence content body review comment message question query prompt instruction tweet title label "
    "category class target 文本 内容 正文 句子 评论 问题 标题 标签 类别".split()
)


def detect(
    path: Path, *, header: bool | None = None, name: str | None = None, choices: Choices | None = None
) -> Format:
    """The format of a file.

    Args:
        path: the file, which may be packed with gzip or zstd.
        header: whether the first record of a table holds column names; None looks at the values.
        name: the name people know the file by, used in messages and as a tie-break between kinds.
        choices: what a person decided; it overrules what the file shows.

    Raises:
        CorpusError: no plain file, empty, or not a table of texts; the message names the mend.
    """
    shown, chosen = name or path.name, choices or Choices()
    _check(chosen)
    chosen = chosen if chosen.header is not None else replace(chosen, header=header)
    packing = opening.packing_of(path, shown)
    head, whole = _head(path, packing, shown)
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise CorpusError("The file is empty", got=shown, fix="Choose a file with at least two examples.")
    if head[:4] == b"PAR1":
        return _parquet(path, packing, shown)
    if head[:4] == b"PK\x03\x04" and _is_workbook(path, packing, shown):
        return _workbook(path, packing, chosen, shown)
    refuse_other_kinds(head, shown)
    found = _guess(path, packing, head, whole, shown) if chosen.encoding is None else None
    guess = found or _as_chosen(head, whole, str(chosen.encoding))
    text = _decode(head, guess.encoding, whole)
    if not text.strip():
        raise CorpusError("The file is empty", got=shown, fix="Choose a file with at least two examples.")
    base = Format("text", encoding=guess.encoding, packing=packing, guess=guess,
                  newline="\r" if "\r" in text and "\n" not in text else "")  # fmt: skip
    return _with_apostrophes(_text_format(path, base, text, whole, chosen, shown), head, chosen)


def _with_apostrophes(form: Format, head: bytes, chosen: Choices) -> Format:
    """A CSV that was written for spreadsheets says so in its first line; a person may say otherwise."""
    undo = is_marked(head) if chosen.apostrophes is None else chosen.apostrophes
    if form.kind not in ("csv", "tsv") or not undo:
        return form
    return replace(form, apostrophes=True, columns=tuple(map(undo_cell, form.columns)))


def require_sure(form: Format, choices: Choices, shown: str) -> None:
    """Refuse to read a file whose encoding is a weak guess nobody confirmed.

    Raises:
        CorpusError: with the guess and the line it was judged by.
    """
    if choices.encoding is None and not form.guess.is_sure:
        name = encodings.NAMES[form.encoding]
        raise CorpusError(
            "The encoding of the file is not certain",
            got=f"{shown}: {name} at {form.guess.confidence:.0%}, read as: {form.guess.sample[:60]}",
            fix="Say which encoding it is, or save the file as UTF-8.",
        )


def _check(chosen: Choices) -> None:
    for value, known in ((chosen.kind, KINDS), (chosen.encoding, encodings.ENCODINGS), (chosen.unit, UNITS)):
        if value is not None and value not in known:
            raise CorpusError("This way of reading is not known", got=value, fix=f"Use one of: {', '.join(known)}.")
    if chosen.delimiter is not None and (len(chosen.delimiter) != 1 or chosen.delimiter in '"\r\n\0'):
        raise CorpusError("A delimiter is one character that is no quote and no line end", got=chosen.delimiter,
                          fix="Use a comma, a tab, a semicolon or a bar.")  # fmt: skip


# --- bytes and encodings ----------------------------------------------------------------------------------------------
def _head(path: Path, packing: str, shown: str) -> tuple[bytes, bool]:
    with opening.open_bytes(path, packing, shown) as handle:
        head = handle.read(HEAD_BYTES)
        if b"\n" not in head[3:] and b"\r" not in head[3:]:
            head += handle.read(LONG_HEAD_BYTES)  # a first line longer than the head is rare but no reason to refuse
        return head, not handle.read(1)


def _guess(path: Path, packing: str, head: bytes, whole: bool, shown: str) -> EncodingGuess:
    cut = head if whole else head[: head.rfind(b"\n") + 1] or head
    more = b"" if whole or packing or not cut.isascii() else _spots(path, shown)
    found = encodings.guess(cut, whole=whole, more=more)
    if found is None:
        raise CorpusError(
            "The file is binary, not a table of texts", got=shown, fix="Upload CSV, TSV, JSONL or Parquet."
        )
    return found


def _spots(path: Path, shown: str) -> bytes:
    """Whole lines from several places of a large file."""
    size, found = path.stat().st_size, []
    with opening.open_file(path, shown) as handle:
        for spot in range(1, _SPOTS + 1):
            handle.seek(max(0, size * spot // _SPOTS - _SPOT_BYTES))
            block = handle.read(_SPOT_BYTES)
            found.append(block[block.find(b"\n") + 1 : block.rfind(b"\n") + 1])
    return b"".join(found)


def _as_chosen(head: bytes, whole: bool, encoding: str) -> EncodingGuess:
    text = _decode(head, encoding, whole)
    line = next((line for line in text.splitlines()[:200] if line.strip() and not line.isascii()), "")
    return EncodingGuess(encoding, 1.0, line.encode("utf-8", "backslashreplace").decode()[:120])


def _decode(head: bytes, encoding: str, whole: bool) -> str:
    errors = "surrogateescape" if encoding == "utf-8" else opening.MARK
    text = codecs.getincrementaldecoder(codec_of(encoding))(errors).decode(head, whole).removeprefix("\ufeff")
    if whole:
        return text
    return text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text


# --- kinds ------------------------------------------------------------------------------------------------------------
def _parquet(path: Path, packing: str, shown: str) -> Format:
    from studio.corpus.parquet import named_columns, parquet_columns  # pyarrow's reader is needed for this kind only

    columns, left_out, _ = parquet_columns(path, shown, packing)
    return Format("parquet", columns, packing=packing, left_out=left_out, named=named_columns(path, shown, packing))


def _is_workbook(path: Path, packing: str, shown: str) -> bool:
    with opening.open_seekable(path, packing, shown) as handle:
        return excel.is_workbook(handle)


def _workbook(path: Path, packing: str, chosen: Choices, shown: str) -> Format:
    sheets = excel.sheets_of(path, packing, shown)[:_MOST_SHEETS]
    first = {sheet: excel.first_rows(path, packing, sheet, shown, 1) for sheet in sheets}
    parts = tuple(sheet for sheet, rows in first.items() if rows)
    part = chosen.part or next(iter(parts), "")
    rows = excel.first_rows(path, packing, part, shown, delimited.SAMPLE_RECORDS) if part else []
    if not rows:
        raise CorpusError("The sheet is empty", got=f"{shown}: {part}", fix="Choose a sheet with at least two rows.")
    has_header = looks_like_header(rows) if chosen.header is None else chosen.header
    width = max(len(row) for row in rows)
    cells = rows[0] + [""] * (width - len(rows[0])) if has_header else [""] * width
    return Format("excel", header_names(cells), header=has_header, packing=packing, part=part, parts=parts)


def _text_format(path: Path, base: Format, text: str, whole: bool, chosen: Choices, shown: str) -> Format:
    kind = chosen.kind if chosen.kind not in ("parquet", "excel") else None
    if kind == "text":
        return _plain(base, text, chosen)
    if kind == "conll":
        columns = plain.look_for_columns(text, forced=True)
        if columns is None:
            raise CorpusError("The file has no columns of tokens and tags", got=shown,
                              fix="Write one token per line, its tag after a tab or a blank.")  # fmt: skip
        return replace(base, kind="conll", delimiter=columns[0], columns=columns[1], header=False)
    if kind in ("csv", "tsv") or chosen.delimiter is not None:
        return _table(base, text, whole, chosen, shown, must=True)
    if kind is None and text.lstrip()[:1] not in ("{", "["):
        return _columns(base, text, whole, chosen, shown)
    found = _json(path, base, text, whole, chosen, shown)
    if found is None and kind is not None:
        raise CorpusError(
            "The file is not JSON of that kind", got=shown, fix="Choose another kind, or let it be found."
        )
    return found or _columns(base, text, whole, chosen, shown)


def _plain(base: Format, text: str, chosen: Choices) -> Format:
    return replace(base, kind="text", columns=("text",), unit=chosen.unit or plain.guess_unit(text), header=False)


def _columns(base: Format, text: str, whole: bool, chosen: Choices, shown: str) -> Format:
    found = plain.look_for_columns(text) if chosen.header is None else None
    if found is not None:
        return replace(base, kind="conll", delimiter=found[0], columns=found[1], header=False)
    table = _table(base, text, whole, chosen, shown, must=chosen.header is not None)
    return table if table.kind != "text" else _plain(base, text, chosen)


def _table(base: Format, text: str, whole: bool, chosen: Choices, shown: str, *, must: bool) -> Format:
    """A table; or, unless it must be one, plain text where nothing cuts the lines evenly."""
    delimiters = (chosen.delimiter,) if chosen.delimiter else ("\t",) if chosen.kind == "tsv" else delimited.DELIMITERS
    delimiter, quoted, rows, is_table = delimited.dialect(text, whole, shown, delimiters)
    if not rows:
        raise CorpusError("The file is empty", got=shown, fix="Choose a file with at least two examples.")
    named = any(cell.strip().lower() in _COLUMN_WORDS for cell in rows[0])
    by_name = shown.lower().removesuffix(".gz").removesuffix(".zst").endswith((".csv", ".tsv", ".tab"))
    if not (must or is_table or named or by_name):
        return replace(base, kind="text")
    has_header = looks_like_header(rows) if chosen.header is None else chosen.header
    columns = header_names(rows[0]) if has_header else tuple(f"column_{i + 1}" for i in range(len(rows[0])))
    kind = "tsv" if delimiter == "\t" else "csv"
    return replace(base, kind=kind, columns=columns, delimiter=delimiter, quoted=quoted, header=has_header)


# --- JSON -------------------------------------------------------------------------------------------------------------
def _json(path: Path, base: Format, text: str, whole: bool, chosen: Choices, shown: str) -> Format | None:
    lines = [line for line in text.split(base.newline or "\n")[:_SAMPLE_LINES] if line.strip()]
    parsed = [value for line in lines if isinstance(value := _parse(line), dict)]
    is_array = text.lstrip()[:1] == "["
    forced = chosen.kind in ("json_object", "squad", "json")
    # An array with an object per line: all but the last line end in a comma, so few of them are objects.
    if is_array and 2 * len(parsed) < len(lines) or chosen.kind == "json":
        return _array(path, base, text, whole, shown)
    is_one = len(lines) == 1 and not is_array and not shown.lower().endswith((".jsonl", ".ndjson"))
    if is_one or forced or not _parse_dict(lines[0]):
        found = None if is_array else _object(path, base, chosen, shown)
        if found is not None and (is_one or forced or len(parsed) < 0.5 * len(lines)):
            return found
    if parsed and (_parse_dict(lines[0]) or 2 * len(parsed) >= len(lines)):
        return replace(base, kind="jsonl", columns=_names_of(parsed))
    _refuse_objects(text, whole, shown)
    return None


def _refuse_objects(text: str, whole: bool, shown: str) -> None:
    start = text.lstrip()
    if whole and _parse_dict(text):
        raise CorpusError(
            "The file is one JSON object, not a list of examples",
            got=shown,
            fix="Save it as JSONL (one object per line) or as a JSON array of objects.",
        )
    if start[0] == "{" and start[1:].lstrip(" \t")[:1] in ('"', "\n", "\r"):
        raise CorpusError(
            "No line of the file is a whole JSON object",
            got=shown,
            fix="Save it as JSONL (one object per line) or as a JSON array of objects.",
        )


def _array(path: Path, base: Format, text: str, whole: bool, shown: str) -> Format | None:
    first = json_document.first_elements(path, base, shown, delimited.SAMPLE_RECORDS)
    objects = [value for value in first if isinstance(value, dict)]
    if objects:
        return replace(base, kind="json", columns=_names_of(objects))
    if first and all(type(value) is str for value in first):
        return replace(base, kind="json", columns=("text",))
    if columns := json_document.columns_of_lists(first):
        return replace(base, kind="json", columns=columns)
    if whole and isinstance(_parse(text), list):
        raise CorpusError(
            "The JSON array holds no objects",
            got=shown,
            fix='Write each example as an object with named fields, such as {"text": "...", "label": "..."}.',
        )
    return None


def _object(path: Path, base: Format, chosen: Choices, shown: str) -> Format | None:
    """An object with at least one list of objects; the first list, or the one chosen, is read."""
    fields = json_document.overview(path, base, shown, delimited.SAMPLE_RECORDS)
    parts = tuple(key for key, first in fields.items() if first)
    if not parts:
        return None
    part = chosen.part or parts[0]
    if part not in parts:
        raise CorpusError("The file has no such list", got=part, fix=f"Choose among: {', '.join(parts[:10])}.")
    first, left_out = fields[part] or [], tuple(key for key in fields if key != part)
    is_squad = isinstance(first[0].get("paragraphs"), list)
    columns = json_document.SQUAD_COLUMNS if is_squad else _names_of(first)
    kind = "squad" if is_squad and chosen.kind != "json_object" else "json_object"
    if kind == "json_object":
        columns = _names_of(first)
    return replace(base, kind=kind, columns=columns, part=part, parts=parts, left_out=left_out)


def _parse(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _parse_dict(text: str) -> bool:
    return isinstance(_parse(text), dict)


def _names_of(records: Sequence[dict]) -> tuple[str, ...]:
    """The names in order; one that is not valid Unicode costs its records, which the import rejects."""
    apart = map(features.apart, records)
    return tuple(dict.fromkeys(name for record in apart for name in record if _is_unicode(name)))


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
