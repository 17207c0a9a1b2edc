"""The lasso and the click: from the chart into the URL, from the URL into a polygon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui import explore_filters as filters
from pages._ui.words import t
from studio.mapping import polygon
from studio.store.maps import MapRecord

LASSO, EXAMPLE = "lasso", "example"
CHART = "map_chart"  # the key of the chart on the page


def mark_of(chart: MapRecord) -> str:
    """What a lasso belongs to: the map, and the half held back while it was drawn."""
    held = filters.seed_of_url()
    return chart.map_id[:6] + (f"h{held}" if held is not None else "")


def outline(chart: MapRecord) -> tuple[str, bool]:
    """The polygon of the URL as text, empty for none, and whether it was drawn with the half in force held back."""
    mark, _, text = st.query_params.get(LASSO, "").partition(":")
    if not text:
        return "", False
    if mark[:6] != chart.map_id[:6]:
        st.info(t("map.other_map"), icon=":material/link_off:")
        return "", False
    if polygon.from_text(text) is None:
        st.warning(t("map.unreadable"), icon=":material/link_off:")
        return "", False
    return text, "h" in mark[6:] and mark == mark_of(chart)


def opened_example() -> int | None:
    """The number of the opened example in the URL; None for none or what is no number."""
    asked = st.query_params.get(EXAMPLE, "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= 16 else None


def take(mark: str) -> None:
    """A lasso or box goes into the URL; a double click lifts it."""
    text = _shape(_said("shape") or {})
    if text:
        st.query_params[LASSO] = f"{mark}:{text}"
    else:
        clear()


def open_dot() -> None:
    """A dot that was pressed opens its example."""
    number = _said("dot")
    if isinstance(number, int | float):
        st.query_params[EXAMPLE] = str(int(number))


def _said(event: str) -> Any:
    return (st.session_state.get(CHART) or {}).get(event)


def _shape(chosen: Mapping[str, Any]) -> str:
    """The lasso or box of a chart event as polygon text; empty for none."""
    for shape in chosen.get("lasso") or []:
        if len(shape["x"]) >= 3:
            step = -(
                -len(shape["x"]) // polygon.MAX_VERTICES
            )  # a slow hand leaves more corners than a polygon may have
            return polygon.to_text(list(zip(shape["x"][::step], shape["y"][::step], strict=True)))
    for shape in chosen.get("box") or []:
        (x0, x1), (y0, y1) = shape["x"], shape["y"]
        return polygon.to_text(polygon.box_polygon((x0, y0, x1, y1)))
    return ""


def clear() -> None:
    """Take the lasso out of the URL; the picture follows."""
    st.query_params.pop(LASSO, None)
