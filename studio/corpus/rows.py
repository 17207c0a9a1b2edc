"""From a record as read to a row of the snapshot, or to the reason why not."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from studio.corpus.readers import Lexeme
from studio.corpus.roles import Roles
from studio.corpus.schema import group_column

# Reason codes of rejects; the words of each are in the catalogue under corpus.reason.<code>.
REASONS: tuple[str, ...] = (
    "no_text", "blank_text", "text_too_long", "nul_character", "structured_value", "name_too_long", "not_utf8",
    "lone_surrogate", "unreadable_value", "broken_json", "not_an_object", "too_few_fields", "too_many_fields",
    "unclosed_quote", "field_too_long", "line_too_long",
)  # fmt: skip
NAME_CHARACTERS = 200
_META = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Rows:
    """Makes rows under one mapping of columns to roles.

    Args:
        roles: the mapping; the caller has checked it.
        max_text_characters: longer texts are rejected.
    """

    def __init__(self, roles: Roles, *, max_text_characters: int) -> None:
        self._text = roles.text or ""
        self._max = max_text_characters
        self._names = tuple(
            (field, column)
            for field, column in (
                ("label", roles.label),
                ("split", roles.split),
                ("source", roles.source),
                ("language", roles.language),
                *((group_column(name), column) for name, column in roles.group_columns().items()),
            )
            if column
        )
        self._time = roles.time
        self._used = frozenset(roles.used())
        self.active = frozenset(
            {"text", "meta", "split", "source", "time", "row_hash", *(field for field, _ in self._names)}
        )

    def make(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """A row without an id and no reason, or an empty row and the reason code of the reject.

        Names (label, groups, split, source, language) lose outer spaces; a blank one is missing. The text is kept
        as it was written. Every column without a role goes into `meta` as JSON, with its type.
        """
        text = values.get(self._text)
        if type(text) is not str:
            if isinstance(text, dict | list):
                return {}, "structured_value"
            text = as_text(text)
            if text is None:
                return {}, "no_text"
        if not text or text.isspace():
            return {}, "blank_text"
        if len(text) > self._max:
            return {}, "text_too_long"
        if "\0" in text:
            return {}, "nul_character"
        row = {"text": text}
        for field, column in self._names:
            value = values.get(column)
            if value is None:
                continue
            if isinstance(value, dict | list):
                return {}, "structured_value"
            name = (as_text(value) or "").strip()
            if name:
                if len(name) > NAME_CHARACTERS:
                    return {}, "name_too_long"
                if "\0" in name:
                    return {}, "nul_character"
                row[field] = name
        if self._time:
            moment = values.get(self._time)
            if moment is not None and not isinstance(moment, dict | list):
                row["time"] = as_text(moment)
        rest = {column: value for column, value in values.items() if column not in self._used and value is not None}
        if rest:
            try:
                row["meta"] = orjson.dumps(rest, default=_fragment, option=_META).decode()
            except TypeError:
                return {}, broken_text(values)
        return row, ""


def as_text(value: Any) -> str | None:
    """A scalar as it was written: numbers keep their digits, booleans are true and false, null stays missing.

    Example:
        >>> [as_text(v) for v in (7, True, Lexeme("1e5"), None, "NA")]
        ['7', 'true', '1e5', None, 'NA']
    """
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    return str(value)


def broken_text(values: Any) -> str:
    """The reason code for values that are not valid Unicode."""
    try:
        shown = json.dumps(values, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "unreadable_value"
    if _ESCAPED_BYTE.search(shown):
        return "not_utf8"
    return "lone_surrogate" if _SURROGATE.search(shown) else "unreadable_value"


def _fragment(value: Any) -> Any:
    if isinstance(value, Lexeme):
        return orjson.Fragment(value.encode())
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
