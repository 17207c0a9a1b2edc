"""The map itself: colour, size, tool, filters, lasso and box, and what the lasso means for the URL."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import explore_chart, frame
from pages._ui import explore_clusters as clusters
from pages._ui import explore_contrast as contrast
from pages._ui import explore_data as data
from pages._ui import explore_example as example
from pages._ui import explore_filters as filters
from pages._ui import explore_lasso as lasso
from pages._ui import explore_search as search
from pages._ui import explore_side as side
from pages._ui import explore_slices as slices
from pages._ui.words import t
from studio.figures.map import MAX_DRAWN, Points, for_browser, map_description
from studio.mapping import polygon
from studio.records import Snapshot
from studio.store import maps
from studio.store.maps import MapRecord
from studio.workflows import explore_colours
from studio.workflows.explore import ExploreState
from studio.workflows.explore_colours import SCORE, Column
from studio.workflows.studio import Studio

TOOLS = {"lasso": ":material/lasso_select:", "select": ":material/select:", "pan": ":material/touch_app:"}
PANELS = ("examples", "clusters", "slices", "search")


@st.fragment
def show(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """Map and lists side by side, what sets a part apart below; a fragment, so that a filter redraws only this."""
    chart = state.map
    if chart is None:
        return
    if maps.get(opened.store, chart.map_id) is None:  # a preview another session's run has replaced meanwhile
        st.rerun(scope="app")
    with frame.show_errors(), data.one_look():
        places = st.columns([3, 2], gap="medium")
        with places[0]:
            column, unit, size, tool, conditions = _controls(opened, snapshot, chart)
            filters.summary(opened, chart, conditions)
            outline, drawn_blind = lasso.outline(chart)
            inside = data.inside(
                opened, snapshot, chart.map_id, outline, conditions, filters.seed_of_url(), drawn_blind
            )
            drawn = _draw(opened, snapshot, chart, column, unit, size, tool, inside)
            _facts(opened, chart, drawn, size)
        with places[1]:
            example.card(opened, snapshot, chart, inside)
            _panel(opened, snapshot, chart, inside)
        contrast.show(opened, snapshot, chart, inside)


def _panel(opened: Studio, snapshot: Snapshot, chart: MapRecord, inside: data.Inside) -> None:
    """The lists beside the map; which one is in the URL."""
    chosen = frame.url_select(
        st,
        t("map.panel"),
        PANELS,
        "side",
        format_func=lambda name: t(f"map.panels.{name}"),
        widget="segmented_control",
        label_visibility="collapsed",
        required=True,
    )
    if chosen == "clusters":
        clusters.show(opened, snapshot, chart)
    elif chosen == "slices":
        slices.show(opened, snapshot)
    elif chosen == "search":
        search.show(opened, snapshot, chart, inside)
    else:
        side.selection(opened, snapshot, chart, inside)


# --- controls ---------------------------------------------------------------------------------------------------------
def _controls(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> tuple[str, bool, str, str, tuple[Any, ...]]:
    """Colour, whether as unit score, size, tool and filters."""
    places = st.columns([4, 3, 3], vertical_alignment="bottom")
    column = frame.url_select(
        places[0],
        t("map.color"),
        data.columns(opened, snapshot, chart.map_id),
        "color",
        format_func=data.column_title,
    )
    size = frame.url_select(
        places[1],
        t("map.size"),
        ("", *data.numbers(opened, snapshot)),
        "size",
        format_func=lambda name: data.column_title(name) if name else t("map.same_size"),
    )
    with places[2]:
        conditions = filters.show(opened, snapshot, chart)
    unit = False
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        tool = frame.url_select(
            st,
            t("map.tool"),
            tuple(TOOLS),
            "tool",
            format_func=lambda name: f"{TOOLS[name]} {t(f'map.tools.{name}')}",
            widget="segmented_control",
            label_visibility="collapsed",
            required=True,
        )
        if column.startswith(SCORE):
            unit = frame.url_select(
                st,
                t("map.scale"),
                ("raw", "unit"),
                "scale",
                format_func=lambda name: t(f"map.scales.{name}"),
                widget="segmented_control",
                label_visibility="collapsed",
                required=True,
            ) == "unit"  # fmt: skip
        filters.held_back()
    return column, unit, size, tool, conditions


# --- drawing ----------------------------------------------------------------------------------------------------------
def _draw(
    opened: Studio,
    snapshot: Snapshot,
    chart: MapRecord,
    column: str,
    unit: bool,
    size: str,
    tool: str,
    inside: data.Inside,
) -> tuple[int, int, bool]:
    """Draw the map under the filters; returns how many dots of how many examples, and whether there is a cloud."""
    colour = data.column(opened, snapshot, chart.map_id, column, unit=unit)
    points = _points(opened, snapshot, chart, colour, size, inside)
    cloud = _cloud(opened, chart, points, inside)
    figure = map_description(
        points,
        {name: t(f"map.{name}", n="{n}") for name in ("missing", "others")},
        titles=data.value_titles(opened, chart.map_id, column, colour),
        write_names=column == "cluster",
        unit=data.unit_title(colour) if colour.numbers is not None else "",
        cloud=cloud,
        extent=data.extent(opened, chart.map_id),
        outline=polygon.from_text(inside.outline) if inside.outline else None,
        chosen=lasso.opened_example(),
        tool=tool,
        revision=chart.map_id,
        coloured_by=column,
        dark=st.context.theme.type == "dark",
    )
    explore_chart.draw(
        for_browser(figure),
        key=lasso.CHART,
        has_lasso=bool(inside.outline),
        on_shape=lambda: lasso.take(lasso.mark_of(chart)),
        on_dot=lasso.open_dot,
    )
    return len(points.rows), len(points.ids), cloud is not None


def _points(
    opened: Studio, snapshot: Snapshot, chart: MapRecord, colour: Column, size: str, inside: data.Inside
) -> Points:
    """The dots: every example under the filters, a share of them drawn."""
    whole = data.points(opened, chart.map_id)
    everyone = whole["example_id"].to_numpy()
    keep = slice(None) if inside.under is None else explore_colours.positions(everyone, inside.under)
    ids = everyone[keep]
    wanted = ids[:0]
    if len(ids) > MAX_DRAWN:
        wanted = data.must_draw(opened, snapshot, st.query_params.get(lasso.EXAMPLE, ""), MAX_DRAWN)
    rows = data.rows_drawn(opened, chart.map_id, inside.under, wanted, chart.seed)
    places = rows if inside.under is None else keep[rows]
    sized = data.column(opened, snapshot, chart.map_id, size) if size else None
    return Points(
        ids,
        whole["x"].to_numpy()[keep],
        whole["y"].to_numpy()[keep],
        rows,
        data.hover(opened, snapshot.snapshot_id, ids[rows], places),
        codes=colour.codes[keep] if colour.codes is not None else None,
        names=colour.names,
        numbers=colour.numbers[keep] if colour.numbers is not None else None,
        scale=colour.scale if colour.numbers is not None else (0.0, 1.0),
        sizes=sized.numbers[keep] if sized is not None else None,
        size_scale=sized.scale if sized is not None else (0.0, 1.0),
    )


def _cloud(opened: Studio, chart: MapRecord, points: Points, inside: data.Inside) -> dict[str, Any] | None:
    """The grey cloud: all shown examples where not each is a dot, those filters leave out too where each one is."""
    is_sampled = len(points.rows) < len(points.ids)
    if not is_sampled and inside.under is None:
        return None
    if not is_sampled and len(points.ids) == data.n_shown(opened, chart.map_id, inside.held):
        return None
    return data.cloud(opened, chart.map_id, inside.under if is_sampled else None, inside.held)


def _facts(opened: Studio, chart: MapRecord, drawn: tuple[int, int, bool], size: str) -> None:
    """What the map is and how far to trust it."""
    n_drawn, n, has_cloud = drawn
    lines = [t("map.caption")]
    if has_cloud:
        lines.append(t("map.cloud"))
    if n_drawn < n:
        lines.append(t("map.drawn", drawn=f"{n_drawn:,}", n=f"{n:,}"))
    if size:
        lines.append(t("map.sized", what=data.column_title(size)))
    st.caption("  \n".join(lines))
    table = data.cluster_table(opened, chart.map_id)
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
