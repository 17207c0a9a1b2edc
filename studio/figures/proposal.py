"""Where the chosen lie: the pool as a grey density, the chosen as dots, as a proposal keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape

PLACES = 1_000  # of the frame in which a proposal keeps its map
EDGE = 120
LINE, CHARACTER = 70, 11  # of the frame: the height of a name and the width of a letter in the picture of a page


def chosen_map(shown: Mapping[str, Any], words: Mapping[str, str], *, dark: bool = False) -> go.Figure:
    """The picture of a proposal's map.

    Args:
        shown: grid (columns, rows) of counts, points (x, y) from 0 to 1,000, names (x, y, text).
        words: translated `chosen` and `pool`.
        dark: whether the page is.
    """
    grid: Sequence[Sequence[int]] = shown["grid"]
    across, up = len(grid), max((len(column) for column in grid), default=0)
    figure = go.Figure()
    figure.add_heatmap(
        z=[[grid[i][j] or None for i in range(across)] for j in range(up)],
        x0=PLACES / across / 2 if across else 0, dx=PLACES / across if across else 1,
        y0=PLACES / up / 2 if up else 0, dy=PLACES / up if up else 1,
        colorscale=[[0.0, "rgba(128,138,143,0.18)"], [1.0, "rgba(128,138,143,0.8)"]], showscale=False,
        hovertemplate="%{z:,}<extra>" + words["pool"] + "</extra>", name=words["pool"],
    )  # fmt: skip
    figure.add_scatter(
        x=[x for x, _ in shown["points"]], y=[y for _, y in shown["points"]], mode="markers", name=words["chosen"],
        marker={"size": 6, "color": theme.CHOSEN, "line": {"width": 0.7, "color": theme.INK[dark][1]}},
        hoverinfo="skip", showlegend=True,
    )  # fmt: skip
    ink, halo = theme.INK[dark]
    for x, y, name in _apart(shown["names"]):
        text = escape(name)
        side = "left" if x < EDGE else "right" if x > PLACES - EDGE else "center"  # a name stays inside the picture
        figure.add_annotation(x=x, y=y, text=text, showarrow=False, xanchor=side, bgcolor=halo, opacity=0.85,
                              font={"size": 12, "color": ink}, borderpad=2)  # fmt: skip
    figure.update_xaxes(visible=False, range=[-20, PLACES + 20])
    figure.update_yaxes(visible=False, range=[-20, PLACES + 20])
    figure.update_layout(height=360, margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode=False,
                         legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0})  # fmt: skip
    return figure


def _apart(names: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Names that do not lie on an earlier one, cut to 28 characters; the largest islands come first."""
    kept: list[tuple[int, int, str]] = []
    for x, y, name in names:
        cut = str(name) if len(str(name)) <= 28 else f"{str(name)[:27]}…"
        if not any(abs(y - other_y) < LINE and abs(x - other_x) < CHARACTER * (len(cut) + len(other)) / 2
                   for other_x, other_y, other in kept):  # fmt: skip
            kept.append((x, y, cut))
    return kept
