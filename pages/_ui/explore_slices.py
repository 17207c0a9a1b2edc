"""The saved slices of a corpus: open, rename, delete, restore, share, export, look for more like them."""

from __future__ import annotations

import json
from collections.abc import Callable

import streamlit as st

from pages._ui import explore_filters as filters
from pages._ui import explore_search as search
from pages._ui import frame
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.records import Snapshot
from studio.store import slices as store_slices
from studio.workflows import slices
from studio.workflows.studio import Studio

LIST_PX = 460


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Every slice with what can be done with it."""
    table = store_slices.slices(opened.store, snapshot.snapshot_id, deleted=True)
    listed, gone = table[~table["is_deleted"]], table[table["is_deleted"]]
    if listed.empty:
        st.info(t("map.no_slices"), icon=":material/bookmark:")
    else:
        st.caption(t("map.slices_help"))
    can = may(frame.current_user().role, "annotator")
    chosen = st.query_params.get_all(filters.SLICE)
    if len(listed):
        with st.container(height=LIST_PX, border=True, key="slice_list", gap="xxsmall"):
            for row in listed.itertuples():
                _row(
                    opened,
                    row.slice_id,
                    row.name,
                    int(row.n),
                    row.created_by,
                    row.definition,
                    row.slice_id in chosen,
                    can,
                )
    if len(gone) and can:
        with st.expander(t("map.deleted_slices", n=len(gone)), key="slices_deleted"):
            for row in gone.itertuples():
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.caption(plain(row.name, 60))
                    st.button(t("map.restore"), key=f"restore_{row.slice_id}", type="tertiary",
                              icon=":material/restore_from_trash:", on_click=_act,
                              args=(opened, slices.restore, row.slice_id))  # fmt: skip


def _row(opened: Studio, slice_id: str, name: str, n: int, by: str, definition: str, is_open: bool, can: bool) -> None:
    """One slice: its name opens it; the rest lies in a menu."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            plain(name, 60),
            key=f"slice_{slice_id}",
            on_click=filters.toggle,
            args=(filters.SLICE, slice_id),
            type="primary" if is_open else "tertiary",
            icon=":material/check:" if is_open else ":material/bookmark:",
        )
        with st.popover(t("map.slice_menu"), icon=":material/more_horiz:", type="tertiary"):
            st.button(t("map.more_like_slice"), key=f"like_{slice_id}", icon=":material/join_inner:",
                      on_click=search.like, args=(search.SLICE + slice_id,))  # fmt: skip
            if st.button(t("map.as_target"), key=f"target_{slice_id}", icon=":material/target:"):
                frame.go("select", slice=slice_id)
            st.caption(t("map.share_help"))
            st.code(f"?s={st.query_params.get('s', '')}&slice={slice_id}", language=None)
            if can:
                with st.form(f"rename_{slice_id}", border=False):
                    fresh = st.text_input(t("map.slice_name"), name, max_chars=slices.MAX_NAME)
                    if st.form_submit_button(t("map.rename"), icon=":material/edit:"):
                        with frame.show_errors():
                            slices.rename(opened, frame.current_user(), slice_id=slice_id, name=fresh)
                            st.rerun()
                st.button(t("map.delete"), key=f"delete_{slice_id}", icon=":material/delete:", on_click=_act,
                          args=(opened, slices.delete, slice_id))  # fmt: skip
    how = json.loads(definition)
    found_by = how.get("found_by") or "ids"
    said = t("map.slice_line", n=f"{n:,}", who=plain(by, 30), how=t(f"map.found_by.{found_by}"))
    st.caption(said + (f" · {t('map.found_blind')}" if "held" in how else ""))


def _act(opened: Studio, act: Callable[..., None], slice_id: str) -> None:
    """Delete or restore a slice; an opened one that is deleted closes."""
    with frame.show_errors():
        act(opened, frame.current_user(), slice_id=slice_id)
        left = [one for one in st.query_params.get_all(filters.SLICE) if one != slice_id]
        filters.choose(filters.SLICE, left)
