"""Pictures of a selection: group shares from pool to selection with the band of random draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape

MOST_KEYS = 20
_INK, _PALE = theme.FIRST, "rgba(128, 128, 128, 0.6)"
_FEWER, _MORE, _BAND = theme.SECOND, theme.THIRD, "rgba(128, 128, 128, 0.30)"


def group_shares(rows: Sequence[Mapping[str, object]], words: Mapping[str, str]) -> go.Figure:
    """One line per group: grey band of random draws, a tick for the pool's share, a dot for the selection's.

    Args:
        rows: name, pool_share, share, low_share, high_share (0 to 1), picked, pool (counts), verdict, is_small;
            drawn from top to bottom, the first MOST_KEYS.
        words: translated `pool_share`, `chosen_share`, `band_name`, `share_axis`.
    """
    shown = list(rows)[:MOST_KEYS]
    places = list(range(len(shown)))[::-1]
    figure = go.Figure()
    for place, row in zip(places, shown, strict=True):
        low, high = 100 * float(row["low_share"]), 100 * float(row["high_share"])  # type: ignore[arg-type]
        figure.add_shape(
            type="rect",
            x0=low,
            x1=max(high, low + 0.05),
            y0=place - 0.28,
            y1=place + 0.28,
            fillcolor=_BAND,
            line_width=0,
        )
    figure.add_scatter(
        x=[None], y=[None], mode="markers", name=words["band_name"],
        marker={"symbol": "square", "size": 12, "color": _BAND},
    )  # fmt: skip
    figure.add_scatter(
        x=[100 * float(row["pool_share"]) for row in shown],  # type: ignore[arg-type]
        y=places,
        mode="markers",
        name=words["pool_share"],
        marker={"symbol": "line-ns", "size": 15, "line": {"width": 2, "color": "gray"}},
        text=[f"{int(row['pool']):,}" for row in shown],  # type: ignore[call-overload]
        hovertemplate="%{x:.1f} % (%{text})<extra>" + words["pool_share"] + "</extra>",
    )
    figure.add_scatter(
        x=[100 * float(row["share"]) for row in shown],  # type: ignore[arg-type]
        y=places,
        mode="markers",
        name=words["chosen_share"],
        marker={"size": 11, "color": [_colour(row) for row in shown], "symbol": [_symbol(row) for row in shown]},
        text=[f"{int(row['picked']):,}" for row in shown],  # type: ignore[call-overload]
        hovertemplate="%{x:.1f} % (%{text})<extra>" + words["chosen_share"] + "</extra>",
        showlegend=False,
    )
    # the legend would show the mark of the first group, which may be a triangle
    figure.add_scatter(x=[None], y=[None], mode="markers", name=words["chosen_share"],
                       marker={"size": 11, "color": _INK, "symbol": "circle"})  # fmt: skip
    _axes(figure, shown, places, words["share_axis"])
    return figure


def _axes(figure: go.Figure, shown: Sequence[Mapping[str, object]], places: Sequence[int], title: str) -> None:
    figure.update_yaxes(
        tickmode="array",
        tickvals=places,
        ticktext=[escape(_cut(str(row["name"]))) for row in shown],
        showgrid=False,
        zeroline=False,
        automargin=True,
        range=[-0.7, len(shown) - 0.3],
    )
    figure.update_xaxes(title=title, rangemode="tozero", zeroline=False)
    figure.update_layout(
        height=126 + 30 * len(shown),
        # In a narrow column the legend takes three lines: it has them above the axes, where it covers no band.
        margin={"l": 8, "r": 8, "t": 64, "b": 8},
        legend={"orientation": "h", "yref": "container", "y": 1.0, "yanchor": "top", "x": 0},
        dragmode=False,
    )


def _cut(name: str, most: int = 28) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _colour(row: Mapping[str, object]) -> str:
    if row["is_small"]:
        return _PALE
    return {"fewer": _FEWER, "more": _MORE}.get(str(row["verdict"]), _INK)


def _symbol(row: Mapping[str, object]) -> str:
    """Shape repeats what the colour says."""
    if row["is_small"]:
        return "circle-open"
    return {"fewer": "triangle-left", "more": "triangle-right"}.get(str(row["verdict"]), "circle")
