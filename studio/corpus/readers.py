"""Records out of files, one after the other in bounded memory; what cannot be read comes out as a reject.

Every reader yields `Read(line, values, raw, reason)`: either `values` (column -> value) or a reason code. Nothing is
dropped in silence: blank lines, comments and -DOCSTART- marks of CoNLL files are the only things that are no record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from studio.corpus.reading import delimited, excel, features, json_document, json_lines, opening, plain
from studio.corpus.reading.encodings import codec_of
from studio.corpus.reading.record import RAW_CHARACTERS, Lexeme, Read, raw_text

if TYPE_CHECKING:
    from studio.corpus.formats import Format

__all__ = ["RAW_CHARACTERS", "READERS", "Lexeme", "Read", "count_lines", "raw_text", "records"]
Reader = Callable[[Path, "Format", str], Iterator[Read]]


def _parquet(path: Path, form: Format, shown: str) -> Iterator[Read]:
    from studio.corpus.parquet import parquet_records  # Arrow's reader takes 0.2 s to load

    return parquet_records(path, shown, form.packing)


READERS: Mapping[str, Reader] = {
    "csv": delimited.rows_of,
    "tsv": delimited.rows_of,
    "jsonl": json_lines.lines_of,
    "json": json_document.array_of,
    "json_object": json_document.list_in,
    "squad": json_document.squad_of,
    "parquet": _parquet,
    "excel": excel.cells_of,
    "conll": plain.sentences_of,
    "text": plain.texts_of,
}
_NESTED = frozenset({"jsonl", "json", "json_object", "parquet"})  # kinds whose values may be objects


def records(path: Path, form: Format, *, name: str | None = None) -> Iterator[Read]:
    """All records of a file in order.

    Args:
        path: the file.
        form: its format, from `formats.detect`.
        name: the name people know the file by, for messages.

    Raises:
        CorpusError: the file breaks in a way that leaves no way to go on (a damaged archive, Parquet or JSON array).
    """
    found = READERS[form.kind](path, form, name or path.name)
    is_apart = form.kind in _NESTED and features.has_languages(form.columns)
    return features.taken_apart(found) if is_apart else found


def count_lines(path: Path, form: Format, *, name: str | None = None) -> int:
    """Physical lines of a text file, or rows of a table: what progress is measured against, not what is promised."""
    shown = name or path.name
    if form.kind == "parquet":
        from studio.corpus.parquet import parquet_columns

        return parquet_columns(path, shown, form.packing)[2]
    if form.kind == "excel":
        return excel.count_rows(path, form, shown)
    end = (form.newline or "\n").encode(codec_of(form.encoding))
    with opening.open_bytes(path, form.packing, shown) as handle:
        return sum(block.count(end) for block in iter(lambda: handle.read(1 << 20), b"")) + 1
