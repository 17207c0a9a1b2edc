"""The ways to split, as a literal tuple: what each needs, and one function that carries a plan out.

A plan is a mapping: `method`, `shares`, `seed` and, by method, `strata` (columns whose values should be spread alike),
`together` (columns, "copies" or "near": what must not be parted), `cuts` (first moments of validation and test),
`train_as`, `guard`. The same plan, seed and snapshot give the same split byte for byte, in any order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from studio.corpus import split_families, split_strata, split_time
from studio.corpus.splits import DEFAULT_SHARES, TRAIN_AS, check_shares, imported_split, random_split
from studio.errors import CorpusError
from studio.records import SPLITS, Array

COPIES, NEAR = "copies", "near"  # of `together`: equal texts; near-duplicate families (which hold the equal ones)
TIME = "time"
Note = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Material:
    """What a method may look at; row i of everything is the same example, `ids` ascend.

    columns: name -> n values or None; copies, families: (n,) int codes; before: (n,) split names in force, None for
    examples that have none yet.
    """

    ids: Array
    columns: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    copies: Array | None = None
    families: Array | None = None
    before: Array | None = None

    def column(self, name: str) -> list[str | None]:
        """The values of a column, anything but text as None.

        Raises:
            CorpusError: it was not loaded.
        """
        if name not in self.columns:
            raise CorpusError("The snapshot has no such column", got=name, fix="Choose another column.")
        return [value if isinstance(value, str) and value else None for value in self.columns[name]]

    def take(self, rows: Array) -> Material:
        """The same for some rows."""
        columns = {name: [values[i] for i in rows.tolist()] for name, values in self.columns.items()}
        parts = (None if part is None else part[rows] for part in (self.copies, self.families, self.before))
        return Material(self.ids[rows], columns, *parts)


@dataclass(frozen=True)
class Assignment:
    """(n,) split names with notes: words keys under split.note with their values."""

    names: Array
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class SplitMethod:
    """A way to split. `title` is a words key; `needs` names what a plan has to say besides shares and seed."""

    name: str
    title: str
    needs: tuple[str, ...]
    paper: str
    assign: Callable[[Material, Mapping[str, Any], np.random.Generator], Assignment]


def _random(material: Material, plan: Mapping[str, Any], rng: np.random.Generator) -> Assignment:
    return Assignment(random_split(len(material.ids), plan["shares"], rng))


def _imported(material: Material, plan: Mapping[str, Any], rng: np.random.Generator) -> Assignment:
    words = material.column("split")
    return Assignment(imported_split(words, rng, train_as=plan["train_as"], shares=plan["shares"]))


def _stratified(material: Material, plan: Mapping[str, Any], rng: np.random.Generator) -> Assignment:
    if list(plan["strata"]) == ["labels"]:
        lists = split_strata.label_lists(material.column("labels"))
        return Assignment(split_strata.iterative_split(lists, plan["shares"], rng))
    codes, names = split_strata.strata_codes([material.column(name) for name in plan["strata"]])
    notes: list[Note] = []
    if small := split_strata.small_strata(codes, plan["shares"]):
        notes.append(("small_strata", {"n": small, "all": len(names)}))
    return Assignment(split_strata.stratified_split(codes, plan["shares"], rng), tuple(notes))


def units_of(material: Material, together: Sequence[str]) -> Array:
    """(n,) unit of each example: joined by equal texts where those are known, and by everything in `together`.

    Raises:
        CorpusError: families are asked for and not known, or a column that is not there.
    """
    parts = [material.copies] if material.copies is not None else []
    for name in together:
        if name in (COPIES, NEAR):
            part = material.families if name == NEAR else material.copies
            if part is None:
                raise CorpusError("Nobody has looked for copies in this snapshot yet",
                                  fix="Look for copies first.")  # fmt: skip
            parts.append(part)
        else:
            parts.append(split_families.column_codes(material.column(name)))
    return split_families.joined_units(len(material.ids), parts)


def _grouped(material: Material, plan: Mapping[str, Any], rng: np.random.Generator) -> Assignment:
    units = units_of(material, plan["together"])
    n, notes = len(units), []
    sizes = np.unique(units, return_counts=True)[1]
    if n > 1 and len(sizes) == 1:
        raise CorpusError("All examples belong together, so they cannot be split",
                          got=", ".join(plan["together"]), fix="Group by another column.")  # fmt: skip
    if n and sizes.max() > n * max(plan["shares"].values()) + 1:
        notes.append(("large_unit", {"n": int(sizes.max()), "share": float(sizes.max() / n)}))
    for name in plan["together"]:
        if name not in (COPIES, NEAR) and (missing := sum(value is None for value in material.column(name))):
            notes.append(("missing_group", {"n": missing, "column": name}))
    strata = None
    if plan["strata"]:
        strata = split_strata.strata_codes([material.column(name) for name in plan["strata"]])[0]
    names = split_families.grouped_split(units, plan["shares"], rng, strata=strata, fixed=material.before)
    return Assignment(names, tuple(notes))


def _by_time(material: Material, plan: Mapping[str, Any], rng: np.random.Generator) -> Assignment:
    times = split_time.parse_times(material.column(TIME))
    names = split_time.time_split(times, plan["shares"], cuts=plan["cuts"], train_as=plan["train_as"])
    unread = int((times == split_time.NO_TIME).sum())
    return Assignment(names, (("no_time", {"n": unread}),) if unread else ())


def _mended(material: Material, plan: Mapping[str, Any], rng: np.random.Generator) -> Assignment:
    if material.before is None or any(name is None for name in material.before):
        raise CorpusError("There is no split to mend", fix="Split the snapshot first.")
    units = units_of(material, plan["together"])
    names = split_families.mended_split(units, material.before, plan["shares"], rng, plan["guard"])
    return Assignment(names, (("mended", {"n": int((names != material.before).sum())}),))


SPLIT_METHODS: tuple[SplitMethod, ...] = (
    SplitMethod("random", "split.method.random", (), "", _random),
    SplitMethod("stratified", "split.method.stratified", ("strata",), "sechidis-2011", _stratified),
    SplitMethod("grouped", "split.method.grouped", ("together",), "", _grouped),
    SplitMethod("time", "split.method.time", ("time",), "", _by_time),
    SplitMethod("imported", "split.method.imported", ("split",), "", _imported),
    SplitMethod("mended", "split.method.mended", ("together", "before"), "", _mended),
)


def by_name(name: str) -> SplitMethod:
    """The method of that name.

    Raises:
        CorpusError: there is none.
    """
    found = next((method for method in SPLIT_METHODS if method.name == name), None)
    if found is None:
        raise CorpusError("There is no such way to split", got=name,
                          fix=f"Use one of: {', '.join(method.name for method in SPLIT_METHODS)}.")  # fmt: skip
    return found


def whole_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan with every entry, checked as far as it can be without the data.

    Raises:
        CorpusError: an unknown method or split, shares that do not sum to 1, or an entry its method needs and lacks.
    """
    method = by_name(str(plan.get("method") or "random"))
    whole = {
        "method": method.name,
        "shares": check_shares(plan.get("shares") or DEFAULT_SHARES),
        "seed": int(plan.get("seed") or 0),
        "train_as": str(plan.get("train_as") or "pool"),
        "strata": [str(name) for name in plan.get("strata") or ()],
        "together": [str(name) for name in plan.get("together") or ()],
        "cuts": {str(name): str(value) for name, value in (plan.get("cuts") or {}).items() if value},
        "guard": [str(name) for name in plan.get("guard") or ()],
    }
    if whole["train_as"] not in TRAIN_AS:
        raise CorpusError("Training rows can become pool or train", got=whole["train_as"], fix="Use pool or train.")
    if "strata" in method.needs and not whole["strata"]:
        raise CorpusError("A stratified split needs a column", fix="Choose the label or a group attribute.")
    if "together" in method.needs and not whole["together"]:
        raise CorpusError("A grouped split needs to know what belongs together",
                          fix="Choose a column, or near-duplicate families.")  # fmt: skip
    return whole


def columns_needed(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of the snapshot a plan looks at."""
    extra = {"time": (TIME,), "imported": ("split",)}.get(plan["method"], ())
    named = (*plan["strata"], *(name for name in plan["together"] if name not in (COPIES, NEAR)), *extra)
    return tuple(dict.fromkeys(named))


def assign(plan: Mapping[str, Any], material: Material) -> Assignment:
    """Carry a plan out; rows may come in any order.

    Raises:
        CorpusError: what the method refuses.
    """
    whole = whole_plan(plan)
    order = np.argsort(material.ids, kind="stable")
    ordered = material if np.array_equal(order, np.arange(len(order))) else material.take(order)
    found = by_name(whole["method"]).assign(ordered, whole, np.random.default_rng(whole["seed"]))
    names = np.empty(len(order), dtype=object)
    names[order] = found.names
    notes = list(found.notes)
    wanted = set() if whole["cuts"] else {split for split, share in whole["shares"].items() if share > 0}
    empty = [split for split in SPLITS if split in wanted and not (names == split).any()]
    notes += [("empty_part", {"split": split}) for split in empty if whole["method"] != "imported"]
    return Assignment(names, tuple(notes))
