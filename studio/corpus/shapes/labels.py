"""Several labels on one example, in any of the usual spellings, as one sorted list of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio.corpus.shapes.reject import Reject
from studio.corpus.values import as_text, nested

SEPARATORS: tuple[str, ...] = (",", ";", "|", "、", "，", "；", "/", " ")
YES = frozenset({"1", "1.0", "true", "yes", "y", "是"})
NO = frozenset({"0", "0.0", "false", "no", "n", "否", ""})
LABEL_CHARACTERS = 200


def named(text: str, names: Sequence[str]) -> str:
    """The name of a label number, or the text itself when there are no names or it is one of them.

    Raises:
        Reject: unknown_label, a number that has no name.

    Example:
        >>> named("1", ("no", "yes")), named("1", ()), named("yes", ("no", "yes"))
        ('yes', '1', 'yes')
    """
    if not names or text in names:
        return text
    digits = text.removesuffix(".0")
    if digits.isascii() and digits.isdigit() and len(digits) < 7 and int(digits) < len(names):
        return names[int(digits)]
    raise Reject("unknown_label")


def read_labels(value: Any, separator: str = "", names: Sequence[str] = ()) -> list[str] | None:
    """The labels of one column, sorted and without repeats; None where nothing was written.

    An empty list says "none of the labels", which is an answer; an empty text says nothing.

    Raises:
        Reject: broken_labels, name_too_long, unknown_label.

    Example:
        >>> read_labels("b;a;b", ";"), read_labels('["x"]'), read_labels("", ";"), read_labels([])
        (['a', 'b'], ['x'], None, [])
    """
    found = nested(value)
    if isinstance(found, Mapping):
        found = [name for name, flag in found.items() if is_yes(flag)]
    if found is None:
        text = (as_text(value) or "").strip()
        if not text:
            return None
        found = text.split(separator) if separator else [text]
    return _tidy(found, names)


def read_flags(values: Mapping[str, Any], columns: Sequence[str]) -> list[str] | None:
    """The labels among columns of 0 and 1; None where every one of them is empty.

    Raises:
        Reject: broken_labels, something else than a yes or a no.
    """
    written = {column: as_text(values.get(column)) for column in columns if not _is_blank(values.get(column))}
    if not written:
        return None
    return sorted(column for column, value in written.items() if is_yes(value))


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def is_yes(value: Any) -> bool:
    """True for a yes, 1 or true, False for a no.

    Raises:
        Reject: broken_labels, neither.
    """
    text = (as_text(value) or "").strip().lower() if not isinstance(value, list | dict) else None
    if text in YES:
        return True
    if text in NO:
        return False
    raise Reject("broken_labels")


def _tidy(found: Sequence[Any], names: Sequence[str]) -> list[str]:
    labels = set()
    for item in found:
        if isinstance(item, Mapping):
            item = next((item[key] for key in ("label", "name", "value", "text") if key in item), None)
        if isinstance(item, list | Mapping):
            raise Reject("broken_labels")
        name = (as_text(item) or "").strip()
        if len(name) > LABEL_CHARACTERS:
            raise Reject("name_too_long")
        if name:
            labels.add(named(name, names))
    return sorted(labels)
