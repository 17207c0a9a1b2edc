"""The first records of a file, looked at column by column: what the guesses at its shape rest on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson

from studio.corpus import roles as role_rules
from studio.corpus.shapes.build import fragment
from studio.corpus.values import as_text, nested

_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_LINK = re.compile(r"\S+://\S+")
_NUMBERS = re.compile(r"[-+\d.,:/ eE%]+")
MOST_ROWS = 300  # of the sample that are parsed for lists and objects; ours
MOST_KEPT = 4_000_000  # characters of records kept to show what a mapping makes of them; ours
FEWEST_KEPT = 20
MOST_CHARACTERS = 1_000  # of a value that are looked at; ours


class Sample:
    """Records of one file with the names of all their columns.

    Args:
        columns: names in file order.
        rows: records as read, at most a thousand.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        self.columns = tuple(name for name in columns if name)  # a column without a name cannot have a role
        self.rows = list(rows)
        self._prose: dict[str, bool] = {}
        self._lengths: dict[str, float] = {}
        self._chinese: dict[str, float] = {}

    @cached_property
    def values(self) -> dict[str, list[str]]:
        """Column -> its filled scalar values as text, long ones cut."""
        found = role_rules.plain_values(self.columns, self.rows)
        return {name: [text[:MOST_CHARACTERS] for text in texts] for name, texts in found.items()}

    @cached_property
    def nested(self) -> dict[str, list[Any]]:
        """Column -> the lists and objects found in it, in the first rows; columns that hold none are left out."""
        found = {
            name: [inner for row in self.rows[:MOST_ROWS] if (inner := nested(row.get(name))) is not None]
            for name in self.columns
        }
        return {name: values for name, values in found.items() if values}

    def named(self, *names: str) -> str | None:
        """The first column that bears one of these names, in the order of the names."""
        found = role_rules.named(self.columns, names)
        return found[0] if found else None

    def n_filled(self, column: str) -> int:
        """Records in which the column holds anything."""
        return sum(row.get(column) not in (None, "", [], {}) for row in self.rows)

    def is_nested(self, column: str | None) -> bool:
        """True when at least half of the filled values looked at are lists or objects."""
        if not column or column not in self.nested:
            return False
        filled = sum(row.get(column) not in (None, "") for row in self.rows[:MOST_ROWS])
        return 2 * len(self.nested[column]) >= filled

    def is_prose(self, column: str | None) -> bool:
        """True for plain text in words: mostly not numbers, mostly not the same few values, no links alone."""
        if not column or self.is_nested(column):
            return False
        if column not in self._prose:
            texts = self.values[column][:MOST_ROWS]
            is_varied = len(set(texts)) > max(1, len(texts) // 10)
            odd = sum(bool(_NUMBERS.fullmatch(text)) or bool(_LINK.fullmatch(text)) for text in texts)
            self._prose[column] = is_varied and 2 * odd < len(texts)
        return self._prose[column]

    def length(self, column: str) -> float:
        """Mean length in characters, a Chinese character counted twice, a long text as 1,000."""
        if column not in self._lengths:
            texts = self.values[column][:MOST_ROWS]
            total = sum(len(text) + len(_CHINESE.findall(text)) for text in texts)
            self._lengths[column] = total / len(texts) if texts else 0.0
        return self._lengths[column]

    def distinct(self, column: str) -> int:
        """Different values of the column."""
        return len(set(self.values[column]))

    def chinese_share(self, column: str) -> float:
        """Share of Chinese characters among the letters of the column."""
        if column not in self._chinese:
            joined = "".join(text[:300] for text in self.values[column][:100])
            letters = len(_LETTER.findall(joined))
            self._chinese[column] = len(_CHINESE.findall(joined)) / letters if letters else 0.0
        return self._chinese[column]

    def prose(self) -> list[str]:
        """All columns of running text, in file order."""
        return [name for name in self.columns if self.is_prose(name)]


def kept(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The first records, as many as fit into a few megabytes (at least twenty), with values JSON can hold."""
    found: list[dict[str, Any]] = []
    room = MOST_KEPT
    for row in rows:
        record = {name: _holdable(value) for name, value in row.items()}
        room -= sum(len(str(value)) for value in record.values())
        if room < 0 and len(found) >= FEWEST_KEPT:
            break
        found.append(record)
    return tuple(found)


def _holdable(value: Any) -> Any:
    """Lists, objects, texts, numbers and truth values as they are; dates and other kinds as text; depth is bounded."""
    try:
        return orjson.loads(orjson.dumps(value, default=fragment, option=orjson.OPT_PASSTHROUGH_SUBCLASS))
    except (TypeError, ValueError, RecursionError):
        return as_text(value) if not isinstance(value, list | dict) else str(value)[:MOST_CHARACTERS]
