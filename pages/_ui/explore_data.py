"""What the map page reads, kept between reruns: maps never change, so their points are shared without a copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui.words import t
from studio.figures.map import MAX_DRAWN
from studio.records import Array, Snapshot
from studio.store import annotations, examples, maps, selections
from studio.workflows.studio import Studio

HOVER_CHARACTERS = 200
MOST_VALUES = 300
PLAIN_COLUMNS = ("source", "language")


@st.cache_resource(max_entries=6, show_spinner=False)
def points(_opened: Studio, map_id: str) -> pd.DataFrame:
    """example_id, x, y, cluster of a map; shared by all sessions, never changed."""
    return maps.points(_opened.store, map_id)


@st.cache_resource(max_entries=6, show_spinner=False)
def clusters(_opened: Studio, map_id: str) -> pd.DataFrame:
    """cluster, size, keywords, name of a map; shared, never changed."""
    return maps.clusters(_opened.store, map_id)


@st.cache_resource(max_entries=32, show_spinner=False)
def counts(_opened: Studio, snapshot_id: str, column: str) -> dict[str, int]:
    """Value -> examples of a column of the snapshot file, the most frequent first."""
    found = examples.frame(_opened.store, snapshot_id, (column,))[column].value_counts()
    return {str(value): int(n) for value, n in found.head(MOST_VALUES).items()}


@st.cache_resource(max_entries=4, show_spinner=False)
def lengths(_opened: Studio, snapshot_id: str) -> pd.Series:
    """Characters of each text, by ascending example_id."""
    return examples.frame(_opened.store, snapshot_id, ("text",))["text"].str.len().astype("float32")


@st.cache_resource(max_entries=8, show_spinner=False)
def short_texts(_opened: Studio, snapshot_id: str, key: int, _ids: Sequence[int]) -> list[str]:
    """The beginnings of the texts to hover over; `key` stands for the ids."""
    frame = examples.by_ids(_opened.store, snapshot_id, _ids, ("text",))
    return frame["text"].fillna("").str.slice(0, HOVER_CHARACTERS).tolist()


def columns(opened: Studio, snapshot: Snapshot) -> list[str]:
    """What the map may be coloured by and the table shows."""
    plain = [name for name in PLAIN_COLUMNS if len(counts(opened, snapshot.snapshot_id, name)) > 1]
    return ["cluster", "label_now", "split_now", *snapshot.group_columns, *plain, "length"]


def column_title(name: str) -> str:
    """A column in words; group attributes by their own name."""
    return name.removeprefix("group_") if name.startswith("group_") else t(f"map.column.{name}")


def cluster_titles(opened: Studio, map_id: str) -> dict[int, str]:
    """Cluster number -> its name, with the page's own words for the examples outside every cluster."""
    table = clusters(opened, map_id)
    named = {int(number): str(name) for number, name in zip(table["cluster"], table["name"], strict=True)}
    return {number: t("map.outside") if number < 0 else name for number, name in named.items()}


def values(opened: Studio, snapshot: Snapshot, map_id: str, column: str) -> tuple[Any, bool]:
    """One value per point of the map, and whether they are numbers; None or NaN where there is none."""
    if column == "length":
        return lengths(opened, snapshot.snapshot_id).to_numpy(), True
    if column == "cluster":
        found = points(opened, map_id)["cluster"]
        return [None if number < 0 else str(number) for number in found], False
    frame = examples.frame(opened.store, snapshot.snapshot_id, (column,))[column]
    if column == "split_now":
        names = {split: t(f"map.split.{split}") for split in ("pool", "train", "validation", "test")}
        return [names.get(value, value) for value in frame], False
    return [value if isinstance(value, str) else None for value in frame], False


def by_frequency(values: Sequence[str | None]) -> list[str]:
    """The different values, the most frequent first: colours stay the same whatever the filters are."""
    found = Counter(value for value in values if value is not None)
    return sorted(found, key=lambda value: (-found[value], value))


def extent(opened: Studio, map_id: str) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of the whole map."""
    frame = points(opened, map_id)
    return tuple(float(value) for axis in ("x", "y") for value in (frame[axis].min(), frame[axis].max()))  # type: ignore[return-value]


def must_draw(opened: Studio, snapshot: Snapshot, ids: Array, example: str) -> Array:
    """Positions among `ids` of what the map never leaves out, in this order: opened, last selection, last labelled."""
    frozen = [item for item in selections.list_all(opened.store, snapshot.snapshot_id) if item.arm != "random"]
    wanted = [int(example)] if example.isascii() and example.isdecimal() and len(example) < 17 else []
    if frozen:
        newest = max(frozen, key=lambda item: item.created_at)
        wanted += [int(i) for i in selections.ids(opened.store, newest.selection_id)]
    wanted += annotations.labelled_ids(opened.store, snapshot.corpus_id, MAX_DRAWN)
    places = pd.Index(ids).get_indexer(pd.Index(wanted, dtype="int64"))
    return places[places >= 0]
