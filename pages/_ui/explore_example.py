"""The example of the URL in full: what is known of it, its likes, and the next one of the selection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import pandas as pd
import streamlit as st

from pages._ui import explore_data as data
from pages._ui import explore_search as search
from pages._ui import explore_table as table
from pages._ui import frame
from pages._ui.explore_lasso import EXAMPLE, opened_example
from pages._ui.words import plain, t
from studio.records import Array, Snapshot
from studio.store import examples, scores
from studio.store.maps import MapRecord
from studio.words import measures
from studio.workflows import audits_copies, explore_colours, explore_map
from studio.workflows.studio import Studio

NEAREST = 8
COPIES = 5
_FACTS = ("label_now", "split_now", "cluster", "state", "round", "source", "language")


def card(opened: Studio, snapshot: Snapshot, chart: MapRecord, inside: data.Inside) -> None:
    """The opened example; nothing where the URL names none, or one of the half that is held back."""
    number = opened_example()
    if number is None or not explore_colours.seen([number], inside.held).all():
        return
    rows = examples.by_ids(opened.store, snapshot.snapshot_id, [number], ("text",))
    if rows.empty:
        return
    with st.container(border=True, key="opened_example"):
        _head(number, inside)
        st.code(rows["text"].iloc[0] or " ", language=None, wrap_lines=True)
        _facts(opened, snapshot, chart, number)
        _copies(opened, snapshot, number, inside.held)
        with st.expander(t("map.near")):
            with frame.show_errors():  # vectors may be gone while the map stays: the rest of the card holds
                _near(opened, snapshot, chart, number, inside)
            st.button(t("map.more_like_this"), on_click=search.like, args=(str(number),), icon=":material/join_inner:",
                      key="like_this")  # fmt: skip


def _near(opened: Studio, snapshot: Snapshot, chart: MapRecord, number: int, inside: data.Inside) -> None:
    near = explore_map.neighbours_of(opened, snapshot.snapshot_id, number, NEAREST)
    near = data.shown_pairs(near, inside.held)
    if near:
        ids, likeness = [n for n, _ in near], [s for _, s in near]
        table.show(opened, snapshot, chart, ids, key=f"near_{number}", height=320, likeness=likeness)


def _head(number: int, inside: data.Inside) -> None:
    """Its number and place among those inside, previous, next, close."""
    ids = inside.ids
    before, after = bisect_left(ids, number) - 1, bisect_right(ids, number)
    is_inside = after - before == 2
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(t("map.example", id=number), anchor=False)
        st.button(t("map.close"), on_click=_close, icon=":material/close:", key="close_example", type="tertiary")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _step("previous", ":material/chevron_left:", before, ids)
        if is_inside:
            st.caption(t("map.place", place=f"{after:,}", n=f"{len(ids):,}"))
        _step("next", ":material/chevron_right:", after, ids)


def _step(key: str, icon: str, place: int, ids: Array) -> None:
    there = 0 <= place < len(ids)
    number = int(ids[place]) if there else 0
    st.button(t(f"map.{key}"), icon=icon, key=f"example_{key}", disabled=not there, on_click=_go, args=(number,))


def _go(number: int) -> None:
    st.query_params[EXAMPLE] = str(number)


def _close() -> None:
    st.query_params.pop(EXAMPLE, None)


def _facts(opened: Studio, snapshot: Snapshot, chart: MapRecord, number: int) -> None:
    """Label, split, cluster, groups and every stored score, in words."""
    everyone = data.points(opened, chart.map_id)["example_id"].to_numpy()
    place = explore_colours.positions(everyone, [number])
    if not len(place):
        return
    row = int(place[0])
    known = explore_colours.names(opened, snapshot)
    said = []
    for name in (*(name for name in _FACTS if name in known), *snapshot.group_columns):
        column = data.column(opened, snapshot, chart.map_id, name)
        code = int(column.codes[row]) if column.codes is not None else -1
        if code >= 0:
            value = column.names[code]
            shown = data.value_titles(opened, chart.map_id, name, column).get(value, value)
            said.append(f"{plain(data.column_title(name), 40)}: {plain(shown, 60)}")
    st.caption(" · ".join(said))
    sets = explore_colours.newest_sets(opened, snapshot.snapshot_id)
    if not sets:
        return
    found = scores.of_example(opened.store, snapshot.snapshot_id, number, sets)
    parts = []
    for item in found.itertuples():
        raw = "–" if pd.isna(item.raw) else f"{item.raw:.3g}"
        unit = "" if pd.isna(item.unit_value) else t("map.unit_value", value=f"{item.unit_value:.2f}")
        parts.append(f"{plain(measures.title(item.measure), 40)} {raw} {t(measures.unit_key(item.measure))}{unit}")
    st.caption(" · ".join(parts))


def _copies(opened: Studio, snapshot: Snapshot, number: int, held: int | None) -> None:
    """Its family of near-copies that may be seen, one press away; nothing where nobody looked for copies yet."""
    found = audits_copies.read(opened, snapshot.snapshot_id)
    if found is None:
        return
    others = explore_colours.family_of(opened, snapshot.snapshot_id, found.families, number)
    others = [other for other, is_seen in zip(others, explore_colours.seen(others, held), strict=True) if is_seen]
    if not others:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(t("map.copies", n=len(others)))
        for other in others[:COPIES]:
            st.button(f"#{other}", key=f"copy_{other}", on_click=_go, args=(int(other),), type="tertiary")
