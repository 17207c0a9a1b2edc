"""Splits in words: methods, columns, notes, a decision on one line."""

from __future__ import annotations

from typing import Any

from pages._ui.words import plain, t
from studio import words


def column_name(column: str) -> str:
    """A column of a plan in words; group attributes by their own name."""
    known = {"label", "labels", "source", "language"}
    return t(f"split.column_{column}") if column in known else column.removeprefix("group_").removeprefix("meta.")


def method_name(method: str) -> str:
    """A method in words; one this version does not know by its own name."""
    key = f"split.method.{method}"
    return t(key) if words.has(key) else plain(method, 40)


def how(decision: dict[str, Any]) -> str:
    """One line: method, seed, who, when."""
    when = decision["created_at"].strftime("%Y-%m-%d %H:%M")
    return t("split.decided", method=method_name(decision["method"]), seed=decision["seed"], when=when,
             by=plain(decision["created_by"], 60))  # fmt: skip


def notes(found: list[tuple[str, dict[str, Any]]] | tuple[Any, ...]) -> list[str]:
    """The notes of an assignment as sentences."""
    said = []
    for key, values in found:
        shown = {name: plain(value, 200) if isinstance(value, str) else value for name, value in values.items()}
        if key == "empty_part":
            shown["split"] = t(f"split.name_{values['split']}")
        if key == "refused":
            shown["method"] = method_name(str(values["method"]))
        if key == "missing_group":
            shown["column"] = plain(column_name(str(values["column"])), 60)
        said.append(t(f"split.note.{key}", **shown))
    return said
