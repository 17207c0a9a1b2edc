"""From a record as read to a row of the snapshot, or to the reason why not."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from studio.corpus.readers import Read
from studio.corpus.roles import Roles
from studio.corpus.schema import ROLE_FIELDS, group_column
from studio.corpus.shapes.build import SIMPLE, build, fragment, unfold
from studio.corpus.shapes.labels import named
from studio.corpus.shapes.reject import Reject
from studio.corpus.values import as_text

__all__ = ["REASONS", "Rows", "as_text", "broken_text"]  # as_text is read from here together with the rest

# Reason codes of rejects; the words of each are in the catalogue under corpus.reason.<code>.
REASONS: tuple[str, ...] = (
    "no_text", "blank_text", "text_too_long", "nul_character", "structured_value", "name_too_long", "not_utf8",
    "lone_surrogate", "unreadable_value", "broken_json", "not_an_object", "too_few_fields", "too_many_fields",
    "unclosed_quote", "field_too_long", "line_too_long",
    "no_prompt", "no_answer", "not_a_conversation", "broken_message", "empty_conversation", "no_tokens",
    "unequal_tags", "broken_span", "span_outside", "span_differs", "broken_labels", "unknown_label",
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

    Attributes:
        active: the columns of the snapshot that may be filled.
        notes: counts of what was kept but is worth knowing, such as tags that stand where they cannot.
    """

    def __init__(self, roles: Roles, *, max_text_characters: int) -> None:
        self._roles = roles
        self._is_simple = roles.task in SIMPLE
        self._text = roles.text or ""
        self._max = max_text_characters
        label = roles.label if roles.task == "classification" else None
        self._label_names = roles.label_names if label else ()
        self._names = tuple(
            (field, column)
            for field, column in (
                ("label", label),
                ("split", roles.split),
                ("source", roles.source),
                ("language", roles.language),
                *zip(map(group_column, roles.group_columns()), roles.groups, strict=False),
            )
            if column
        )
        self._time = roles.time
        derived = map(group_column, list(roles.group_columns())[len(roles.groups) :])
        self._derived = tuple(zip(derived, (rule.rule() for rule in roles.derived), strict=True))
        self._used = frozenset(roles.used()) | ({"input", "output"} if roles.instances else frozenset())
        self.notes: Counter[str] = Counter()
        fields = {"text", "label"} if self._is_simple else ROLE_FIELDS
        named = {*(field for field, _ in self._names), *(field for field, _ in self._derived)}
        self.active = frozenset({*fields, "meta", "split", "source", "time", "row_hash", *named})

    def unfold(self, reads: Iterator[Read]) -> Iterator[Read]:
        """The records to make rows of: as they come, or one per instance where a role says so."""
        return self._instances(reads) if self._roles.instances else reads

    def unfold_values(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The same for plain records."""
        for values in rows:
            yield from unfold(values, self._roles.instances) if self._roles.instances else (values,)

    def _instances(self, reads: Iterator[Read]) -> Iterator[Read]:
        for read in reads:
            if read.values is None:
                yield read
                continue
            for values in unfold(read.values, self._roles.instances):
                yield read._replace(values=values)

    def make(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """A row without an id and no reason, or an empty row and the reason code of the reject.

        Names (label, groups, split, source, language) lose outer spaces; a blank one is missing. The text is kept
        as it was written. Every column without a role goes into `meta` as JSON, with its type.

        Raises:
            CorpusError: a pattern of a derived group takes too long.
        """
        row, reason = self._simple(values) if self._is_simple else self._built(values)
        if reason:
            return {}, reason
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
        if self._label_names and "label" in row:
            try:
                row["label"] = named(row["label"], self._label_names)
            except Reject as reject:
                return {}, reject.reason
        if self._time:
            moment = values.get(self._time)
            if moment is not None and not isinstance(moment, dict | list):
                row["time"] = as_text(moment)
        for field, rule in self._derived:
            found = rule(values, row["text"])
            if found:
                row[field] = found.replace("\0", "")
        rest = {column: value for column, value in values.items() if column not in self._used and value is not None}
        if not self._is_simple:
            rest |= self._several_answers(values)
        if rest:
            try:
                row["meta"] = orjson.dumps(rest, default=fragment, option=_META).decode()
            except TypeError:
                return {}, broken_text(values)
        return row, ""

    def _simple(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
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
        return {"text": text}, ""

    def _built(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        try:
            row = build(values, self._roles, self.notes)
        except Reject as reject:
            return {}, reject.reason
        except TypeError:
            return {}, broken_text(values)
        if not row["text"] or row["text"].isspace():
            return {}, "blank_text"
        if any(len(value) > self._max for value in row.values()):
            return {}, "text_too_long"
        if any("\0" in value for value in row.values()):
            return {}, "nul_character"
        return dict(row), ""

    def _several_answers(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A column with several answers, of which the role field keeps the first, stays in `meta` as a whole."""
        column = self._roles.completion if self._roles.form == "standard" else None
        value = values.get(column) if column else None
        return {column: value} if column and isinstance(value, list | dict) else {}


def broken_text(values: Any) -> str:
    """The reason code for values that are not valid Unicode."""
    try:
        shown = json.dumps(values, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "unreadable_value"
    if _ESCAPED_BYTE.search(shown):
        return "not_utf8"
    return "lone_surrogate" if _SURROGATE.search(shown) else "unreadable_value"
