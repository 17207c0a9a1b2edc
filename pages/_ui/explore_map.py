"""The map itself: colour, filters, lasso and box, and what the lasso means for the URL."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import explore_data as data
from pages._ui import explore_filters, frame
from pages._ui import explore_side as side
from pages._ui.words import t
from studio.figures.map import MAX_DRAWN, Points, map_figure, rows_to_draw
from studio.mapping import polygon
from studio.records import Array, Condition, Snapshot
from studio.store import examples
from studio.store.maps import MapRecord
from studio.workflows.explore import ExploreState
from studio.workflows.studio import Studio

LASSO, EXAMPLE = "lasso", "example"
_CHART, _SEEN = "map_chart", "explore.seen"


def show(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """Map and selection side by side; search, clusters and the facts about the map below."""
    chart = state.map
    if chart is None:
        return
    places = st.columns([3, 2], gap="medium")
    with places[0]:
        column, conditions = _controls(opened, snapshot, chart)
        outline = _outline(chart)
        drawn = _draw(opened, snapshot, chart, column, conditions, outline)
        _facts(opened, chart, drawn)
    with places[1]:
        side.selection(opened, snapshot, chart, outline, conditions)
    side.example(opened, snapshot, chart)
    places = st.columns(2, gap="medium")
    with places[0]:
        side.search(opened, snapshot, chart)
    with places[1]:
        side.cluster_list(opened, snapshot, chart)


# --- controls ---------------------------------------------------------------------------------------------------------
def _controls(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> tuple[str, tuple[Condition, ...]]:
    places = st.columns(2, vertical_alignment="bottom")
    column = frame.url_select(
        places[0], t("map.color"), data.columns(opened, snapshot), "color", format_func=data.column_title
    )
    with places[1]:
        return column, explore_filters.show(opened, snapshot, chart)


# --- the lasso --------------------------------------------------------------------------------------------------------
def _outline(chart: MapRecord) -> str:
    """The polygon in force as text: what was just drawn, else what the URL says; empty for none.

    Streamlit sends the drawn shape with every rerun, so only a change of it may touch the URL: a link with a lasso
    must not be emptied by a chart on which nothing is drawn yet.
    """
    drawn = _drawn(st.session_state.get(_CHART))
    if drawn != st.session_state.get(_SEEN, ""):
        st.session_state[_SEEN] = drawn
        if drawn:
            st.query_params[LASSO] = f"{chart.map_id[:6]}:{drawn}"
    mark, _, text = st.query_params.get(LASSO, "").partition(":")
    if not text:
        return ""
    if mark != chart.map_id[:6]:
        st.info(t("map.other_map"), icon=":material/link_off:")
        return ""
    if polygon.from_text(text) is None:
        st.warning(t("map.unreadable"), icon=":material/link_off:")
        return ""
    return text


def _drawn(event: Any) -> str:
    """The lasso or box of a chart event as polygon text; empty for none."""
    chosen = (event or {}).get("selection") or {}
    for shape in chosen.get("lasso") or []:
        if len(shape["x"]) >= 3:
            return polygon.to_text(list(zip(shape["x"], shape["y"], strict=True)))
    for shape in chosen.get("box") or []:
        (x0, x1), (y0, y1) = shape["x"], shape["y"]
        return polygon.to_text(polygon.box_polygon((x0, y0, x1, y1)))
    return ""


def _draw(
    opened: Studio, snapshot: Snapshot, chart: MapRecord, column: str, conditions: tuple[Condition, ...], outline: str
) -> tuple[int, int]:
    """Draw the map under the filters; returns how many dots of how many examples."""
    whole = data.points(opened, chart.map_id)
    values, is_number = data.values(opened, snapshot, chart.map_id, column)
    order = [] if is_number else data.by_frequency(values)
    shown = whole
    if conditions:
        listed = examples.ids(opened.store, snapshot.snapshot_id, conditions, map_id=chart.map_id)
        keep = whole["example_id"].isin(listed)
        shown = whole[keep]
        values = values[keep.to_numpy()] if is_number else [v for v, k in zip(values, keep, strict=True) if k]
    ids: Array = shown["example_id"].to_numpy()
    always = None
    if len(ids) > MAX_DRAWN:
        always = data.must_draw(opened, snapshot, ids, st.query_params.get(EXAMPLE, ""))
    rows = rows_to_draw(shown["cluster"].to_numpy(), always=always, seed=chart.seed)
    texts = data.short_texts(opened, snapshot.snapshot_id, hash(ids[rows].tobytes()), ids[rows])
    titles = {str(key): name for key, name in data.cluster_titles(opened, chart.map_id).items()}
    example = st.query_params.get(EXAMPLE, "")
    figure = map_figure(
        Points(ids, shown["x"].to_numpy(), shown["y"].to_numpy(), values, rows, texts, is_number),
        {name: t(f"map.{name}", n="{n}") for name in ("missing", "others", "density")},
        names=titles if column == "cluster" else None,
        order=order,
        extent=data.extent(opened, chart.map_id),
        outline=polygon.from_text(outline) if outline else None,
        chosen=int(example) if example.isdecimal() else None,
        revision=chart.map_id,
        dark=st.context.theme.type == "dark",
    )
    event = st.plotly_chart(
        figure,
        key=_CHART,
        on_select="rerun",
        selection_mode=("lasso", "box", "points"),
        config={"displaylogo": False, "scrollZoom": True, "modeBarButtonsToRemove": ["toImage", "autoScale2d"]},
        alt=t("map.alt"),
    )
    _click(event)
    return len(rows), len(shown)


def _click(event: Any) -> None:
    """A click on one dot opens its example; the points of a lasso are not a click."""
    chosen = (event or {}).get("selection") or {}
    if chosen.get("lasso") or chosen.get("box") or len(chosen.get("points") or []) != 1:
        return
    custom = chosen["points"][0].get("customdata")
    number = custom[0] if isinstance(custom, list | tuple) and custom else custom
    clicked = str(int(number)) if isinstance(number, int | float) else ""
    if clicked and clicked != st.session_state.get("explore.clicked"):
        st.session_state["explore.clicked"] = clicked
        st.query_params[EXAMPLE] = clicked
        st.rerun()


def _facts(opened: Studio, chart: MapRecord, drawn: tuple[int, int]) -> None:
    """What the map is and how far to trust it."""
    n_drawn, n = drawn
    st.caption(t("map.caption"))
    if n_drawn < n:
        st.caption(t("map.drawn", drawn=f"{n_drawn:,}", n=f"{n:,}", most=MAX_DRAWN))
    table = data.clusters(opened, chart.map_id)
    facts = [
        t(
            "map.facts",
            encoder=t(f"explore.encoder.{chart.encoder_key.partition('@')[0]}"),
            n=f"{int(table['size'].sum()):,}",
            clusters=int((table["cluster"] >= 0).sum()),
            noise=f"{100 * chart.noise_share:.1f} %",
            seed=chart.seed,
        )
    ]
    if chart.trustworthiness is None or chart.neighbour_overlap is None:
        facts.append(t("map.no_quality"))
    else:
        trust, overlap = f"{chart.trustworthiness:.2f}", f"{chart.neighbour_overlap:.2f}"
        facts.append(t("map.trust", trust=trust, overlap=overlap, n=f"{chart.n_quality:,}"))
    if chart.stability is not None:
        facts.append(t("map.stability", ari=f"{chart.stability:.2f}"))
    st.caption("  \n".join(facts))
