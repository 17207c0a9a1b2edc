"""How a file is read: the format found by looking, and what a person decided instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from studio.corpus.reading.encodings import EncodingGuess

UNITS: tuple[str, ...] = ("line", "paragraph")


@dataclass(frozen=True)
class Choices:
    """What a person decided about reading a file; None leaves it to what the file shows.

    `kind` is one of `KINDS`; `encoding` one of `encodings.ENCODINGS`; `part` is the sheet of an Excel file or the list
    of a JSON object; `unit` says what one record of a plain text is: a line or a paragraph. `apostrophes` says whether
    the apostrophes that keep a spreadsheet from running a cell are taken off.
    """

    kind: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    part: str | None = None
    unit: str | None = None
    apostrophes: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """The decisions only, for a run's parameters."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> Choices:
        """The inverse of `to_json`; unknown entries are ignored."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: item for name, item in (value or {}).items() if name in known})


@dataclass(frozen=True)
class Source:
    """A file to import: where it lies, the name people know it by, and what was decided about reading it."""

    path: Path
    name: str
    header: bool | None = None
    choices: Choices = Choices()


@dataclass(frozen=True)
class Format:
    r"""How a file is read.

    `delimiter` and `quoted` matter for csv and tsv, `header` for those and excel. `columns` are the names in file
    order; for JSON kinds they are the names seen in the first records, and later records may hold more. `newline` is
    "\r" for a file that knows no other line end. `part` is the sheet or list read, `parts` are all there are;
    `left_out` names what the file holds beside the records, `named` the columns whose label numbers it names itself.
    `guess` is how the encoding was found. `apostrophes` is True for a CSV written for spreadsheets, whose apostrophes
    before formulas are taken off.
    """

    kind: str
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    quoted: bool = True
    header: bool = True
    encoding: str = "utf-8"
    packing: str = ""
    newline: str = ""
    unit: str = "line"
    part: str = ""
    parts: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    guess: EncodingGuess = EncodingGuess("utf-8")
    apostrophes: bool = False


KINDS: tuple[str, ...] = (
    "csv", "tsv", "jsonl", "json", "json_object", "squad", "parquet", "excel", "conll", "text",
)  # fmt: skip


def format_from_json(value: Mapping[str, Any]) -> Format:
    """The inverse of `dataclasses.asdict` after a way through JSON."""
    guess = value["guess"]
    lists = {name: tuple(value[name]) for name in ("columns", "parts", "left_out", "named")}
    others = tuple((name, line) for name, line in guess["others"])
    return Format(**{**value, **lists, "guess": EncodingGuess(**{**guess, "others": others})})
