"""Sentences that are kept as words keys with values, put into words when they are read; names of columns and groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.words import has, t

Part = Mapping[str, Any]  # {"key": words key, "values": {...}}


def part(key: str, /, **values: Any) -> dict[str, Any]:
    """A sentence as it is stored."""
    return {"key": key, "values": values}


def moment(iso: str, *, lang: str | None = None) -> str:
    """A stored moment to the minute, with its zone named."""
    return t("proposal.time", lang=lang, when=iso[:16].replace("T", " "))


def column_name(column: str, *, lang: str | None = None) -> str:
    """A column of groups as people call it."""
    if column in ("cluster", "source", "language", "predicted") and has(f"select.groups.{column}"):
        return t(f"select.groups.{column}", lang=lang)
    return column.removeprefix("group_")


def group_name(column: str, key: str, *, lang: str | None = None) -> str:
    """A group; a missing one is named so."""
    return key or t("select.groups.noise" if column == "cluster" else "select.groups.missing", lang=lang)


def reason(code: str, *, lang: str | None = None) -> str:
    """A reason code of a selection in words; an unknown one is called another rule."""
    head, _, rest = code.partition(":")
    if head == "no_score":
        key = "select.reason.no_score" if has(f"select.view.{rest}") else "select.reason.no_score_any"
        return t(key, lang=lang, view=_view(rest, lang))
    if head == "view":
        return t("select.reason.view", lang=lang, view=_view(rest, lang))
    if head == "near_duplicate_of":
        return t("select.reason.near_duplicate_of", lang=lang, id=rest)
    if head == "cap":
        column, _, key = rest.partition(":")
        values = {"column": column_name(column, lang=lang), "key": group_name(column, key, lang=lang)}
        return t("select.reason.cap", lang=lang, **values)
    known = has(f"select.reason.{head}") and head not in ("cap", "view")
    return t(f"select.reason.{head}" if known else "select.reason.other", lang=lang)


def _view(view: str, lang: str | None) -> str:
    return t(f"select.view.{view}", lang=lang) if has(f"select.view.{view}") else view


def measure_title(name: str, *, lang: str | None = None) -> str:
    """The title of a measure; one the words do not know keeps its name."""
    return t(f"measure.{name}.title", lang=lang) if has(f"measure.{name}.title") else name


def strategy_title(name: str, *, lang: str | None = None) -> str:
    """The title of a strategy; one of another room keeps its name."""
    return t(f"strategy.{name}.title", lang=lang) if has(f"strategy.{name}.title") else name


def sentence(said: Part, *, lang: str | None = None) -> str:
    """A stored sentence in a language: names of views, measures, columns and groups are looked up, texts stay.

    Values named view or views (a list), measure or measures, column with key, audit and audit_number are names;
    everything else goes in as it is. A key that no longer exists is shown with its values.
    """
    key, values = str(said["key"]), dict(said.get("values", {}))
    if not has(key):
        return f"{key} {values}" if values else key
    column = str(values.get("column", ""))
    if "column" in values and "key" in values:
        values["key"] = group_name(column, str(values["key"]), lang=lang)
    if "column" in values:
        values["column"] = column_name(column, lang=lang)
    for name, head in (("audit", "audit.title"), ("audit_number", "audit_draws.number")):
        if has(f"{head}.{values.get(name)}"):
            values[name] = t(f"{head}.{values[name]}", lang=lang)
    comma = t("proposal.comma", lang=lang)
    for name, look_up in (("view", _view), ("measure", _measure)):
        if name in values:
            values[name] = look_up(str(values[name]), lang)
        if f"{name}s" in values:
            values[f"{name}s"] = comma.join(look_up(str(one), lang) for one in values[f"{name}s"])
    return t(key, lang=lang, **values)


def _measure(name: str, lang: str | None) -> str:
    return measure_title(name, lang=lang)
