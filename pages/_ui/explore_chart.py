"""The chart of the map: a component that stays in the page while colours, filters and sizes change (0210)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v1 import declare_component

from pages._ui.words import t
from studio.figures import library

# One canvas pixel per page pixel: Plotly would draw four, which a browser without a GPU pays for on every change.
_CONFIG = {
    "displaylogo": False,
    "scrollZoom": True,
    "modeBarButtonsToRemove": ["toImage", "autoScale2d", "lasso2d", "select2d", "pan2d", "sendChartToCloud"],
    "plotGlPixelRatio": 1,
}
_LIBRARY = declare_component("plotly", path=str(library.FOLDER))  # never drawn: the server gives out its folder
_CHART = st.components.v2.component(
    "winnow_map", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"), isolate_styles=False
)


def draw(
    figure: Mapping[str, Any],
    *,
    key: str,
    has_lasso: bool,
    on_shape: Callable[[], None],
    on_dot: Callable[[], None],
) -> None:
    """Draw a description of `for_browser`; a lasso or box calls on_shape, a dot that was pressed on_dot.

    Args:
        figure: what to draw.
        key: of the chart; in the callbacks st.session_state[key] holds `shape` ({"lasso": [...], "box": [...]}, each
            of them {"x": [...], "y": [...]}, both empty after a double click) or `dot` (its example's number).
        has_lasso: a lasso is in force, so that a double click has something to lift.
        on_shape: called before the page runs again.
        on_dot: called before the page runs again.
    """
    words = {name: t(f"map.{name}") for name in ("alt", "failed", "fullscreen")}
    given = {"figure": figure, "config": _CONFIG, "script": _script(), "lasso": has_lasso, "words": words}
    _CHART(key=key, data=given, on_shape_change=on_shape, on_dot_change=on_dot)


def _script() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{f'/{base}' if base else ''}/component/{_LIBRARY.name}/{library.FILE}"
