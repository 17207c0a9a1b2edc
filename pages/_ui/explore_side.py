"""Beside the map: the examples inside lasso and filters, and what to do with them."""

from __future__ import annotations

import streamlit as st

from pages._ui import explore_contrast as contrast
from pages._ui import explore_data as data
from pages._ui import explore_lasso as lasso
from pages._ui import explore_search as search
from pages._ui import explore_table as table
from pages._ui import frame
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.records import Snapshot
from studio.store.maps import MapRecord
from studio.workflows import slices
from studio.workflows.studio import Studio

TABLE_ROWS = 500
TABLE_PX, TABLE_BELOW_EXAMPLE_PX = 420, 260


def selection(opened: Studio, snapshot: Snapshot, chart: MapRecord, inside: data.Inside) -> None:
    """How many examples are inside lasso and filters, their table, and what to do with them."""
    n, total = len(inside.ids), snapshot.n_examples
    key = "map.selected" if inside.is_part else "map.all_shown"
    st.subheader(t(key, n=f"{n:,}", total=f"{total:,}"), anchor=False)
    if inside.held is not None:
        st.caption(t("map.held_now", n=f"{inside.n_all - n:,}"))
    _acts(inside)
    if not inside.is_part:
        st.caption(t("map.how"))
    if not n:
        st.info(t("map.nothing_inside"), icon=":material/lasso_select:")
        return
    is_open = lasso.EXAMPLE in st.query_params
    shown = inside.ids[:TABLE_ROWS]
    height = TABLE_BELOW_EXAMPLE_PX if is_open else TABLE_PX
    table.show(opened, snapshot, chart, shown, key="inside_rows", height=height)
    note = t("map.pick_row")
    if n > len(shown):
        note = f"{t('map.first_rows', n=len(shown))} {note}"
    st.caption(note)
    if inside.is_part and may(frame.current_user().role, "annotator"):
        _save(opened, snapshot, chart, inside)


def _acts(inside: data.Inside) -> None:
    """Read one by one, lift the lasso, look for more like these, see what sets them apart."""
    with st.container(horizontal=True, gap="small"):
        if len(inside.ids):
            st.button(
                t("map.read"), on_click=_read, args=(int(inside.ids[0]),), icon=":material/menu_book:", key="read"
            )
        if inside.is_part and len(inside.ids):
            st.button(t("map.apart"), on_click=contrast.open_, icon=":material/compare_arrows:", key="apart")
            st.button(t("map.more_like_these"), on_click=search.like, args=(search.INSIDE,),
                      icon=":material/join_inner:", key="like_inside")  # fmt: skip
        if inside.outline:
            st.button(t("map.clear"), on_click=lasso.clear, icon=":material/lasso_select:", key="clear_lasso")


def _read(number: int) -> None:
    st.query_params[lasso.EXAMPLE] = str(number)


def _save(opened: Studio, snapshot: Snapshot, chart: MapRecord, inside: data.Inside) -> None:
    """Name what is inside: keep it, or rank by likeness to it."""
    with st.form("save_slice", border=True, clear_on_submit=False, enter_to_submit=False):
        name = st.text_input(t("map.slice_name"), placeholder=t("map.slice_hint"), max_chars=slices.MAX_NAME)
        places = st.container(horizontal=True)
        save = places.form_submit_button(t("map.save"), icon=":material/bookmark:")
        target = places.form_submit_button(
            t("map.as_target"), icon=":material/target:", type="primary", help=t("map.as_target_help")
        )
        st.caption(t("map.looked"))
    if not (save or target):
        return
    with frame.show_errors():
        held = inside.held if not inside.outline or inside.was_drawn_blind else None
        slice_id = slices.save(
            opened,
            frame.current_user(),
            snapshot_id=snapshot.snapshot_id,
            name=name,
            map_id=chart.map_id,
            outline=inside.outline,
            conditions=inside.conditions,
            held=held,
        )
        if target:
            frame.go("select", slice=slice_id)
        st.success(t("map.saved", name=plain(name), n=f"{inside.n_all:,}"), icon=":material/bookmark_added:")
