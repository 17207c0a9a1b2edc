"""Search: typed text in, the nearest examples out; and more like an example, like those inside, or like a slice."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import explore_data as data
from pages._ui import explore_filters as filters
from pages._ui import explore_table as table
from pages._ui import frame
from pages._ui.words import t
from studio.records import Snapshot
from studio.store import slices, vectors
from studio.store.maps import MapRecord
from studio.workflows import explore_map
from studio.workflows.studio import Studio

LIKE, INSIDE, SLICE = "like", "inside", "slice:"
ROWS = 20


def like(what: str) -> None:
    """Show more like an example (its number), those inside, or a slice (`slice:` and its id)."""
    st.query_params[LIKE] = what
    st.query_params["side"] = "search"
    st.query_params.pop("search", None)


def show(opened: Studio, snapshot: Snapshot, chart: MapRecord, inside: data.Inside) -> None:
    """The field and what was found."""
    spelling = chart.encoder_key.startswith("lexical")
    st.session_state["search.box"] = st.query_params.get("search", "")
    typed = st.text_input(
        t("map.search_spelling" if spelling else "map.search"),
        key="search.box",
        placeholder=t("map.search_hint"),
        max_chars=explore_map.MAX_QUERY_CHARACTERS,
        icon=":material/search:",
        on_change=_typed,
    )
    with frame.show_errors():
        if typed.strip():
            with st.spinner(t("map.searching")):
                found = _found(opened, snapshot, f"text:{typed}",
                               lambda: explore_map.search(opened, snapshot.snapshot_id, typed, ROWS))  # fmt: skip
            said = t("map.search_caption", n=len(found))
        elif st.query_params.get(LIKE):
            found, said = _more_like(opened, snapshot, st.query_params[LIKE], inside)
        else:
            st.caption(t("map.search_how"))
            return
        found = data.shown_pairs(found, inside.held)
        st.caption(said)
        ids, likeness = [number for number, _ in found], [score for _, score in found]
        table.show(opened, snapshot, chart, ids, key="search_rows", height=420, likeness=likeness)


def _found(
    opened: Studio, snapshot: Snapshot, asked: str, ask: Callable[[], list[tuple[int, float]]]
) -> list[tuple[int, float]]:
    """What was found, kept while the vectors are the same: another colour or filter asks nothing again."""
    newest = vectors.newest(opened.store, snapshot.snapshot_id)
    mark = f"{newest.encoder_key} {newest.content_hash}" if newest else ""
    return _kept(snapshot.snapshot_id, mark, asked, ask)


@st.cache_resource(max_entries=48, show_spinner=False)
def _kept(
    snapshot_id: str, mark: str, asked: str, _ask: Callable[[], list[tuple[int, float]]]
) -> list[tuple[int, float]]:
    return _ask()


def _typed() -> None:
    st.query_params.pop(LIKE, None)
    filters.choose("search", [st.session_state["search.box"]] if st.session_state["search.box"].strip() else [])


def _more_like(
    opened: Studio, snapshot: Snapshot, what: str, inside: data.Inside
) -> tuple[list[tuple[int, float]], str]:
    """The nearest to the middle of what the URL names, and a sentence that says so."""
    if what.isascii() and what.isdecimal() and len(what) <= 16:
        ids, key, values, kept = [int(what)], "map.like_example", {"id": what}, what
    elif what == INSIDE:
        ids, key, values = inside.ids, "map.like_inside", {"n": f"{len(inside.ids):,}"}
        kept = f"{what}:{hash(ids.tobytes())}"
    else:
        what = what.removeprefix(SLICE)
        found = slices.require_slice(opened.store, what)
        ids, key, values = (
            slices.ids(opened.store, found.snapshot_id, what),
            "map.like_slice",
            {"name": data.slice_title(opened, what)},
        )
        kept = f"{SLICE}{what}"
    near = _found(opened, snapshot, kept, lambda: explore_map.more_like(opened, snapshot.snapshot_id, ids, ROWS))
    return near, t(key, found=len(near), **values)
