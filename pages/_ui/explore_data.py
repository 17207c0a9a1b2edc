"""What the map page reads, kept between reruns under what it depends on: what changes gets another key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui.words import plain, t
from studio import words
from studio.figures.cloud import cloud_image
from studio.figures.map import hover_lines, rows_to_draw
from studio.records import SPLITS, Array, Condition, Snapshot, conditions_to_text
from studio.store import annotation_facts, clusters, maps, slices
from studio.words import measures
from studio.workflows import explore_colours, explore_map
from studio.workflows.explore_colours import SCORE, Column
from studio.workflows.studio import Studio

LISTED = 300
_CLUSTERED = "cluster"
_GIVEN = frozenset({"text", "source", "language", "example_id", "slice"})  # what no later decision changes


# --- what the keys depend on ------------------------------------------------------------------------------------------
_ASKED: ContextVar[dict[tuple[str, ...], str] | None] = ContextVar("marks asked in this draw", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """While a page is drawn once, what its keys depend on is asked once."""
    token = _ASKED.set({})
    try:
        yield
    finally:
        _ASKED.reset(token)


def _once(ask: Callable[[], str], *what: str) -> str:
    asked = _ASKED.get()
    if asked is None:
        return ask()
    if what not in asked:
        asked[what] = ask()
    return asked[what]


def _found_mark(opened: Studio, map_id: str) -> str:
    return _once(lambda: clusters.mark(opened.store, map_id), "clusters", map_id)


def _decided_mark(opened: Studio, snapshot_id: str) -> str:
    return _once(lambda: annotation_facts.mark(opened.store, snapshot_id), "facts", snapshot_id)


# --- points and columns -----------------------------------------------------------------------------------------------
def points(opened: Studio, map_id: str) -> pd.DataFrame:
    """example_id, x, y, cluster of a map; shared by all sessions, never changed."""
    return _points(opened, map_id, _found_mark(opened, map_id))


@st.cache_resource(max_entries=6, show_spinner=False)
def _points(_opened: Studio, map_id: str, mark: str) -> pd.DataFrame:
    return maps.points(_opened.store, map_id)


def cluster_table(opened: Studio, map_id: str) -> pd.DataFrame:
    """cluster, size, keywords, name of a map under the decisions in force."""
    return _cluster_table(opened, map_id, _found_mark(opened, map_id))


@st.cache_resource(max_entries=6, show_spinner=False)
def _cluster_table(_opened: Studio, map_id: str, mark: str) -> pd.DataFrame:
    return maps.clusters(_opened.store, map_id)


def column(opened: Studio, snapshot: Snapshot, map_id: str, name: str, *, unit: bool = False) -> Column:
    """One value per example of a column."""
    stands = _once(lambda: explore_colours.mark(opened, snapshot, map_id, name), snapshot.snapshot_id, map_id, name)
    return _column(opened, snapshot, snapshot.snapshot_id, map_id, name, unit, stands)


@st.cache_resource(max_entries=40, show_spinner=False)
def _column(
    _opened: Studio, _snapshot: Snapshot, snapshot_id: str, map_id: str, name: str, unit: bool, mark: str
) -> Column:
    return explore_colours.column(_opened, _snapshot, map_id, name, unit=unit)


@st.cache_resource(max_entries=2, show_spinner=False)
def texts(_opened: Studio, snapshot_id: str) -> Sequence[str]:
    """The beginnings of all texts, as Arrow: `take` gives those of some rows."""
    return explore_colours.short_texts(_opened, snapshot_id)


def hover(opened: Studio, snapshot_id: str, ids: Array, places: Array) -> Array:
    """What to hover over at these rows of the snapshot, kept while the same dots are drawn in other colours."""
    return _hover(opened, snapshot_id, hash(ids.tobytes()), ids, places)


@st.cache_resource(max_entries=12, show_spinner=False)
def _hover(_opened: Studio, snapshot_id: str, key: int, _ids: Array, _places: Array) -> Array:
    return hover_lines(_ids, texts(_opened, snapshot_id).take(_places).to_pylist())


def must_draw(opened: Studio, snapshot: Snapshot, example: str, most: int) -> Array:
    """Ids the map never leaves out, the most important first."""
    newest = explore_colours.newest_selection(opened, snapshot.snapshot_id)
    mark = f"{_decided_mark(opened, snapshot.snapshot_id)}{newest.selection_id if newest else ''}"
    return _must_draw(opened, snapshot, snapshot.snapshot_id, example, most, mark)


@st.cache_resource(max_entries=8, show_spinner=False)
def _must_draw(_opened: Studio, _snapshot: Snapshot, snapshot_id: str, example: str, most: int, mark: str) -> Array:
    return explore_colours.must_draw(_opened, _snapshot, example, most)


def rows_drawn(opened: Studio, map_id: str, under: Array | None, wanted: Array, seed: int) -> Array:
    """Positions of the dots among those under the filters, kept while these are the same in other colours."""
    keys = (_found_mark(opened, map_id), _print_of(under), _print_of(wanted))
    return _rows_drawn(opened, map_id, under, wanted, seed, *keys)


@st.cache_resource(max_entries=12, show_spinner=False)
def _rows_drawn(
    _opened: Studio, map_id: str, _under: Array | None, _wanted: Array, seed: int, mark: str, under: str, wanted: str
) -> Array:
    whole = points(_opened, map_id)
    everyone = whole["example_id"].to_numpy()
    keep = slice(None) if _under is None else explore_colours.positions(everyone, _under)
    always = explore_colours.positions(everyone[keep], _wanted)
    return rows_to_draw(whole["cluster"].to_numpy()[keep], always=always, seed=seed)


def _print_of(ids: Array | None) -> str:
    """What tells one set of ids from another; everyone (None) from nobody too."""
    return f"{len(ids)}:{hash(ids.tobytes())}" if ids is not None else "everyone"


def n_shown(opened: Studio, map_id: str, held: int | None) -> int:
    """How many examples the map shows without filters."""
    everyone = points(opened, map_id)["example_id"].to_numpy()
    return len(everyone) if held is None else int(explore_colours.seen(everyone, held).sum())


def cloud(opened: Studio, map_id: str, under: Array | None, held: int | None) -> dict[str, Any]:
    """The grey cloud of those under the filters, or of all that are shown; kept like the dots."""
    return _cloud(opened, map_id, under, held, _print_of(under))


@st.cache_resource(max_entries=12, show_spinner=False)
def _cloud(_opened: Studio, map_id: str, _under: Array | None, held: int | None, under: str) -> dict[str, Any]:
    whole = points(_opened, map_id)
    everyone = whole["example_id"].to_numpy()
    if _under is not None:
        whole = whole.iloc[explore_colours.positions(everyone, _under)]
    elif held is not None:
        whole = whole[explore_colours.seen(everyone, held)]
    return cloud_image(whole["x"].to_numpy(), whole["y"].to_numpy())


@st.cache_resource(max_entries=6, show_spinner=False)
def extent(_opened: Studio, map_id: str) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of the whole map."""
    frame = points(_opened, map_id)
    return tuple(float(value) for axis in ("x", "y") for value in (frame[axis].min(), frame[axis].max()))  # type: ignore[return-value]


def forget() -> None:
    """Let go of everything that is kept: what a removal took must not stay in memory."""
    every = (
        _points,
        _cluster_table,
        _column,
        texts,
        _hover,
        _must_draw,
        _rows_drawn,
        _cloud,
        extent,
        _listed,
        _label_mix,
        _offered,
    )
    for kept in every:
        kept.clear()


def mark(opened: Studio, snapshot_id: str, map_id: str) -> str:
    """What changes when people decide anything: an annotation, a split, a round, a cluster."""
    return f"{_decided_mark(opened, snapshot_id)}{_found_mark(opened, map_id)}"


def mark_of(opened: Studio, snapshot_id: str, map_id: str, conditions: Sequence[Condition]) -> str:
    """What changes when these filters may find others: a lasso and what came with the corpus never do."""
    columns_ = {clause.column for clause in conditions}
    decided = {name for name in columns_ if name not in _GIVEN and not name.startswith("group_")}
    found = _found_mark(opened, map_id) if "cluster" in decided else ""
    return found + (_decided_mark(opened, snapshot_id) if decided - {"cluster"} else "")


# --- what is inside ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Inside:
    """Lasso and filters in force, and who is under them.

    ids (n,) those shown, ascending: inside lasso and filters and, while half is held back, of the half that is shown;
    n_all how many with the other half too. under (m,) those under the filters alone: what the map draws. held: seed of
    the half held back, or None. was_drawn_blind: the lasso was drawn while that half was held back.
    """

    ids: Array
    n_all: int
    under: Array | None
    outline: str
    conditions: tuple[Condition, ...]
    held: int | None
    was_drawn_blind: bool

    @property
    def is_part(self) -> bool:
        """True where lasso or filters leave something out."""
        return bool(self.outline or self.conditions)


def inside(
    opened: Studio,
    snapshot: Snapshot,
    map_id: str,
    outline: str,
    conditions: tuple[Condition, ...],
    held: int | None,
    drawn_blind: bool,
) -> Inside:
    """Who is inside; errors of bad filters are for the page to show."""
    stands = mark_of(opened, snapshot.snapshot_id, map_id, conditions)
    key = (snapshot.snapshot_id, map_id, conditions_to_text(conditions), stands)
    under = _listed(opened, conditions, *key, "") if conditions else None
    everyone = points(opened, map_id)["example_id"].to_numpy()
    found = _listed(opened, conditions, *key, outline) if outline or conditions else everyone
    shown = found if held is None else found[explore_colours.seen(found, held)]
    if held is not None:
        base = everyone if under is None else under
        under = base[explore_colours.seen(base, held)]
    return Inside(shown, len(found), under, outline, conditions, held, drawn_blind)


@st.cache_resource(max_entries=24, show_spinner=False)
def _listed(
    _opened: Studio,
    _conditions: tuple[Condition, ...],
    snapshot_id: str,
    map_id: str,
    conditions: str,
    mark: str,
    outline: str,
) -> Array:
    return explore_map.points_inside(_opened, snapshot_id, map_id=map_id, outline=outline, conditions=_conditions)


# --- names ------------------------------------------------------------------------------------------------------------
def columns(opened: Studio, snapshot: Snapshot, map_id: str) -> list[str]:
    """What the map may be coloured by: columns with one value for all, or for nobody, are left out."""
    able = []
    offered = _offered(snapshot.snapshot_id)
    for name in explore_colours.names(opened, snapshot):
        is_sure = name in ("cluster", "length", "split_now") or name.startswith((SCORE, "group_"))
        least = 1 if name in ("label_now", "round") else 2
        if is_sure or name in offered or len(column(opened, snapshot, map_id, name).names) >= least:
            offered.add(name)
            able.append(name)
    return able


@st.cache_resource(max_entries=12, show_spinner=False)
def _offered(snapshot_id: str) -> set[str]:
    """Columns that had values once: they stay on the list, so that no label is a reason to read them all again."""
    return set()


def numbers(opened: Studio, snapshot: Snapshot) -> list[str]:
    """Columns of numbers: what dots may be sized by."""
    return [name for name in explore_colours.names(opened, snapshot) if name == "length" or name.startswith(SCORE)]


def column_title(name: str) -> str:
    """A column in words; group attributes by their own name."""
    if name.startswith(SCORE):
        return measures.title(name.removeprefix(SCORE))
    return name.removeprefix("group_") if name.startswith("group_") else t(f"map.column.{name}")


def named_values(
    opened: Studio, snapshot: Snapshot, map_id: str, names: Sequence[str], ids: Array
) -> dict[str, list[str]]:
    """The values of some columns for some examples as people call them; empty text where there is none."""
    places = explore_colours.positions(points(opened, map_id)["example_id"].to_numpy(), ids)
    found = {}
    for name in names:
        column_ = column(opened, snapshot, map_id, name)
        titles = value_titles(opened, map_id, name, column_)
        shown = [*(titles.get(value, value) for value in column_.names), t("map.outside") if name == "cluster" else ""]
        found[name] = [shown[code] for code in column_.codes[places].tolist()]  # -1 is the last one
    return found


def unit_title(column_: Column) -> str:
    """The unit of a column of numbers."""
    return t(column_.unit) if column_.unit else t("map.unit.score")


def value_titles(opened: Studio, map_id: str, name: str, column_: Column) -> dict[str, str]:
    """Value -> what people call it, for columns whose stored values are no words."""
    if name == _CLUSTERED:
        return {str(key): title for key, title in cluster_titles(opened, map_id).items()}
    if name == "split_now":
        return {split: t(f"map.split.{split}") for split in SPLITS}
    if name == "state":
        return {state: t(f"map.state.{state}") for state in annotation_facts.STATES}
    if name == "round":
        return {n: t("map.round", n=n) if n != explore_colours.NOT_YET else t("map.no_round") for n in column_.names}
    if name == "language":
        return {
            code: t(f"map.language.{code}") if words.has(f"map.language.{code}") else code for code in column_.names
        }
    return {}


def cluster_titles(opened: Studio, map_id: str) -> dict[int, str]:
    """Cluster number -> its name, with the page's own words for the examples outside every cluster."""
    table = cluster_table(opened, map_id)
    named = {int(number): str(name) for number, name in zip(table["cluster"], table["name"], strict=True)}
    return {number: t("map.outside") if number < 0 else name for number, name in named.items()}


def slice_names(opened: Studio, snapshot_id: str) -> dict[str, str]:
    """Ids of the listed slices and their names, newest first."""
    table = slices.slices(opened.store, snapshot_id)
    return dict(zip(table["slice_id"], table["name"], strict=True))


def slice_title(opened: Studio, slice_id: str) -> str:
    """A slice by its name; deleted ones too, since links to them hold."""
    found = slices.get_slice(opened.store, slice_id)
    return plain(found.name, 60) if found else plain(slice_id, 20)


def shown_pairs(pairs: list[tuple[int, float]], held: int | None) -> list[tuple[int, float]]:
    """(example_id, number) pairs without those of the half that is held back."""
    keep = explore_colours.seen([number for number, _ in pairs], held)
    return [pair for pair, is_seen in zip(pairs, keep, strict=True) if is_seen]


def label_mix(opened: Studio, snapshot: Snapshot, map_id: str, held: int | None) -> dict[int, list[tuple[str, int]]]:
    """Cluster -> its visible labels with their counts, the most frequent first; of the half that is shown."""
    stands = mark(opened, snapshot.snapshot_id, map_id)
    return _label_mix(opened, snapshot, snapshot.snapshot_id, map_id, held, stands)


@st.cache_resource(max_entries=6, show_spinner=False)
def _label_mix(
    _opened: Studio, _snapshot: Snapshot, snapshot_id: str, map_id: str, held: int | None, mark: str
) -> dict[int, list[tuple[str, int]]]:
    return explore_colours.label_mix(_opened, _snapshot, map_id, held=held)
