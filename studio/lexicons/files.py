"""A lexicon as a CSV file: read with checks, written so that a spreadsheet shows it as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from studio.errors import CorpusError
from studio.lexicons.matching import key_of
from studio.records import Lexicon, Term

AXES: tuple[str, ...] = (
    "gender",
    "race_ethnicity",
    "nationality_region",
    "religion",
    "age",
    "disability",
    "sexual_orientation",
    "socioeconomic",
)
MATCHES: tuple[str, ...] = ("word", "substring")
COLUMNS: tuple[str, ...] = ("term", "axis", "group", "match", "ambiguous", "note")
MOST_BYTES, MOST_TERMS, MOST_CHARACTERS = 1024 * 1024, 5_000, 60  # ours: far above what a person reads through
_YES, _NO = frozenset({"yes", "true", "1", "y", "是", "x"}), frozenset({"", "no", "false", "0", "n", "否"})
_FORMULA = ("=", "+", "-", "@")


def parse(data: bytes, language: str, *, source: str, reviewer: str) -> Lexicon:
    """A lexicon from an uploaded CSV with the columns of COLUMNS; the last three may be missing.

    Raises:
        CorpusError: too large, not UTF-8, no such columns, or what `of_rows` raises.
    """
    if len(data) > MOST_BYTES:
        raise CorpusError("The file is too large for a list of terms", got=f"{len(data):,} bytes",
                          fix="Give one line per term.")  # fmt: skip
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError("The list of terms is not UTF-8", fix="Save it as UTF-8.") from error
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise CorpusError("The list of terms cannot be read as CSV", got=str(error), fix="Check its quotes.") from error
    named = set(rows[0]) if rows else set()
    if not {"term", "axis", "group"} <= named:
        raise CorpusError("A list of terms needs the columns term, axis and group",
                          got=", ".join(str(name) for name in named)[:120] or None,
                          fix=f"Write {','.join(COLUMNS)} on the first line.")  # fmt: skip
    return of_rows(rows, language, source=source, reviewer=reviewer)


def of_rows(rows: Iterable[Mapping[str, Any]], language: str, *, source: str, reviewer: str) -> Lexicon:
    """A lexicon from rows with the columns of COLUMNS; rows without a term are left out.

    Raises:
        CorpusError: no term, too many, an unknown axis or way to match, no group, or a term twice in an axis.
    """
    terms: list[Term] = []
    seen: set[tuple[str, str]] = set()
    for row in rows:
        term = _term(row, language)
        if term is None:
            continue
        place = (term.axis, key_of(term.term))
        if place in seen:
            raise CorpusError("A term stands twice in one axis", got=f"{term.term} ({term.axis})",
                              fix="Keep one of the two lines.")  # fmt: skip
        seen.add(place)
        terms.append(term)
    if not 1 <= len(terms) <= MOST_TERMS:
        raise CorpusError(f"A list of terms needs 1 to {MOST_TERMS} terms", got=len(terms), fix="Write one line each.")
    return Lexicon(language, tuple(terms), source, reviewer)


def _term(row: Mapping[str, Any], language: str) -> Term | None:
    cells = {name: _cell(row.get(name)) for name in COLUMNS}
    word = cells["term"]
    if not word:
        return None
    if len(word) > MOST_CHARACTERS or not key_of(word).strip("' ") or not word.isprintable():
        raise CorpusError(f"A term needs 1 to {MOST_CHARACTERS} characters on one line", got=word[:80],
                          fix="Write a word or a short phrase.")  # fmt: skip
    if cells["axis"] not in AXES:
        raise CorpusError("There is no such axis of identity", got=f"{cells['axis']} ({word})",
                          fix=f"Use one of: {', '.join(AXES)}.")  # fmt: skip
    if not cells["group"]:
        raise CorpusError("A term needs a group", got=word, fix="Say which group of people it names.")
    match = cells["match"] or ("substring" if language == "zh" else "word")
    if match not in MATCHES:
        raise CorpusError("There is no such way to match a term", got=f"{match} ({word})",
                          fix=f"Use one of: {', '.join(MATCHES)}.")  # fmt: skip
    ambiguous = cells["ambiguous"].lower()
    if ambiguous not in _YES | _NO:
        raise CorpusError("Whether a term is ambiguous is yes or no", got=f"{ambiguous} ({word})",
                          fix="Write yes, or leave it empty.")  # fmt: skip
    return Term(word, cells["axis"], cells["group"][:MOST_CHARACTERS], match, ambiguous in _YES, cells["note"][:200])


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    text = ("yes" if value else "") if isinstance(value, bool) else str(value).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA else text


def to_rows(lexicon: Lexicon) -> list[dict[str, Any]]:
    """The terms as plain rows with the columns of COLUMNS."""
    return [
        {"term": term.term, "axis": term.axis, "group": term.group, "match": term.match,
         "ambiguous": "yes" if term.is_ambiguous else "", "note": term.note}
        for term in lexicon.terms
    ]  # fmt: skip


def to_csv(lexicon: Lexicon) -> str:
    """The terms as CSV text; a cell that a spreadsheet would run as a formula gets an apostrophe, undone by `parse`."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in to_rows(lexicon):
        writer.writerow({name: f"'{cell}" if cell[:1] in _FORMULA else cell for name, cell in row.items()})
    return out.getvalue()
