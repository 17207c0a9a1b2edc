"""A cleaning list: steps in order, each on or off, with their parameters; as JSON, and short enough for a URL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from studio.corpus.cleaning import by_name
from studio.corpus.cleaning.records import Step
from studio.errors import CorpusError

VERSION = 1
MOST_STEPS = 40  # ours: a list nobody can read is no list


@dataclass(frozen=True)
class Plan:
    """One line of the list: a step, its parameters (all of them), and whether it is switched on."""

    name: str
    values: Mapping[str, Any]
    on: bool = True

    @property
    def step(self) -> Step:
        """Its entry in the catalogue."""
        return by_name(self.name)

    def to_json(self) -> dict[str, Any]:
        """name, params that differ from the default, version; `on` only where it is off."""
        defaults = self.step.defaults()
        params = {name: value for name, value in self.values.items() if value != defaults[name]}
        entry: dict[str, Any] = {"name": self.name, "version": self.step.version, "params": params}
        return entry if self.on else entry | {"on": False}


def plan(name: str, values: Mapping[str, Any] | None = None, *, on: bool = True) -> Plan:
    """A line with the defaults and what differs from them.

    Raises:
        CorpusError: no such step, or an impossible parameter.
    """
    return Plan(name, by_name(name).read(values or {}), on)


@dataclass(frozen=True)
class Recipe:
    """The list, and the ids of examples that stay whatever a step says (brought back by a person)."""

    plans: tuple[Plan, ...] = ()
    keep_ids: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The recipe as it is saved, downloaded and put into a manifest."""
        return {"version": VERSION, "steps": [one.to_json() for one in self.plans], "keep_ids": list(self.keep_ids)}

    @cached_property
    def digest(self) -> str:
        """16 hex digits that are equal for equal recipes."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def active(self) -> tuple[Plan, ...]:
        """The lines that are switched on."""
        return tuple(one for one in self.plans if one.on)

    def needs(self) -> frozenset[str]:
        """What the active steps cannot do without."""
        return frozenset(need for one in self.active for need in one.step.needs)

    def with_kept(self, ids: Iterable[int]) -> Recipe:
        """The same list with further examples brought back."""
        return replace(self, keep_ids=tuple(sorted({*self.keep_ids, *map(int, ids)})))


def recipe_from_json(value: Any) -> Recipe:
    """The inverse of `Recipe.to_json`; also reads a bare list of step names.

    Raises:
        CorpusError: not a cleaning list, an unknown step, an impossible parameter, too many steps.
    """
    if isinstance(value, Mapping) and value.get("version", VERSION) != VERSION:
        raise CorpusError("The cleaning list was written by a newer version", got=value["version"],
                          fix="Update Winnow.")  # fmt: skip
    listed = value.get("steps") if isinstance(value, Mapping) else value
    if not isinstance(listed, list):
        raise CorpusError("This is not a cleaning list", got=type(value).__name__,
                          fix="Give the JSON file that Winnow wrote: an object with a list named steps.")  # fmt: skip
    if len(listed) > MOST_STEPS:
        raise CorpusError(f"A cleaning list holds at most {MOST_STEPS} steps", got=len(listed), fix="Split it in two.")
    kept = value.get("keep_ids", []) if isinstance(value, Mapping) else []
    if not isinstance(kept, list) or not all(isinstance(one, int) and not isinstance(one, bool) for one in kept):
        raise CorpusError("The list of examples to keep holds something that is no id", got=kept,
                          fix="Give whole numbers in keep_ids.")  # fmt: skip
    return Recipe(tuple(_plan_from_json(entry) for entry in listed), tuple(sorted(set(kept))))


def _plan_from_json(entry: Any) -> Plan:
    if isinstance(entry, str):
        return plan(entry)
    params = entry.get("params", {}) if isinstance(entry, Mapping) else None
    if not isinstance(params, Mapping) or not isinstance(entry.get("name"), str):
        raise CorpusError("A step of the cleaning list cannot be read", got=entry,
                          fix="Give each step a name and its params.")  # fmt: skip
    return plan(entry["name"], params, on=entry.get("on", True) is not False)


def recipe_from_file(data: bytes) -> Recipe:
    """A recipe from an uploaded file.

    Raises:
        CorpusError: larger than 8 MiB, not UTF-8 JSON, or not a cleaning list.
    """
    if len(data) > 8 * 2**20:
        raise CorpusError("The file is too large for a cleaning list", got=f"{len(data):,} bytes",
                          fix="Choose the JSON file that Winnow wrote.")  # fmt: skip
    try:
        return recipe_from_json(json.loads(data.decode("utf-8-sig")))
    except (ValueError, RecursionError) as error:
        raise CorpusError("The file is not JSON", got=str(error)[:100],
                          fix="Choose the JSON file that Winnow wrote.") from error  # fmt: skip


def recipe_to_text(recipe: Recipe) -> str:
    """The list (without ids) as compact text for a URL; empty for an empty list.

    Example:
        >>> recipe_to_text(Recipe((plan("near", {"threshold": 0.8}), plan("html", on=False))))
        '[["near",{"threshold":0.8}],["html",{},0]]'
    """
    if not recipe.plans:
        return ""
    rows = [[one.name, one.to_json()["params"], *([] if one.on else [0])] for one in recipe.plans]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def recipe_from_text(text: str) -> Recipe:
    """The inverse of `recipe_to_text`; a line that cannot be read is left out (a URL is untrusted)."""
    try:
        rows = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return Recipe()
    plans = []
    for row in rows[:MOST_STEPS] if isinstance(rows, list) else []:
        try:
            plans.append(plan(row[0], row[1], on=len(row) < 3 or bool(row[2])))
        except (CorpusError, TypeError, IndexError, KeyError, AttributeError):
            continue
    return Recipe(tuple(plans))


def is_whole(text: str) -> bool:
    """False where a line of the text was left out by `recipe_from_text`.

    Example:
        >>> is_whole('[["near",{}]]'), is_whole('[["near",{}],["nope",{}]]'), is_whole("[[")
        (True, False, False)
    """
    try:
        rows = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return False
    return isinstance(rows, list) and len(recipe_from_text(text).plans) == len(rows)


# Lists a person can start from: names of steps in order; `language` means the corpus's own is kept.
SUGGESTED: Mapping[str, tuple[str, ...]] = {
    "tidy": ("html", "unicode", "invisible", "whitespace"),
    "copies": ("unicode", "whitespace", "exact", "near"),
    "privacy": ("personal",),
    "all": ("html", "unicode", "invisible", "whitespace", "personal", "length", "language", "conflict", "near"),
}


def suggested(name: str, language: str) -> Recipe:
    """One of the suggested lists for a corpus in this language."""
    own: dict[str, Mapping[str, Any]] = {"language": {"keep": language if language in ("en", "zh") else "en,zh"}}
    return Recipe(tuple(plan(step, own.get(step)) for step in SUGGESTED[name]))
