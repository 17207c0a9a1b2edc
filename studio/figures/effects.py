"""Pictures of what a choice does: the funnel from pool to train set, and how far the weights may move."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from studio.figures import theme
from studio.figures.text import escape

MOST_KEYS = 12
_BAND, _PALE = "rgba(128, 128, 128, 0.30)", "rgba(128, 128, 128, 0.6)"


def group_funnel(names: Sequence[str], steps: Sequence[Mapping[str, object]], words: Mapping[str, str]) -> go.Figure:
    """One panel per step, one line per group: grey band of chance, a tick for the pool's share, a dot for the step's.

    Args:
        names: of the groups, from top to bottom, the first MOST_KEYS.
        steps: title, and shares, firsts (the pool's share), lows, highs (NaN = no band), counts, verdicts, smalls: one
            entry per group each; shares from 0 to 1.
        words: `share`, `first_share`, `band`, `axis` in the reader's language.
    """
    n = min(len(names), MOST_KEYS)
    places = list(range(n))[::-1]
    figure = make_subplots(rows=1, cols=len(steps), shared_yaxes=True, horizontal_spacing=0.07,
                           subplot_titles=[escape(str(step["title"])) for step in steps])  # fmt: skip
    for number, step in enumerate(steps, start=1):
        given = {name: list(step[name])[:n] for name in ("shares", "firsts", "lows", "highs", "counts", "verdicts",
                                                         "smalls")}  # type: ignore[call-overload] # fmt: skip
        for place, low, high in zip(places, given["lows"], given["highs"], strict=True):
            if not (math.isnan(low) or math.isnan(high)):
                figure.add_shape(type="rect", x0=100 * low, x1=max(100 * high, 100 * low + 0.05), y0=place - 0.28,
                                 y1=place + 0.28, fillcolor=_BAND, line_width=0, row=1, col=number)  # fmt: skip
        figure.add_scatter(
            x=[100 * value for value in given["firsts"]], y=places, mode="markers", name=words["first_share"],
            showlegend=number == 1, hoverinfo="skip", legendgroup="first",
            marker={"symbol": "line-ns", "size": 14, "line": {"width": 2, "color": "gray"}}, row=1, col=number,
        )  # fmt: skip
        looks = [_look(*pair) for pair in zip(given["verdicts"], given["smalls"], strict=True)]
        figure.add_scatter(
            x=[100 * value for value in given["shares"]], y=places, mode="markers", name=words["share"],
            showlegend=number == 1, legendgroup="share", text=[f"{int(count):,}" for count in given["counts"]],
            marker={"size": 11, "color": [look[0] for look in looks], "symbol": [look[1] for look in looks]},
            hovertemplate="%{x:.1f} % (%{text})<extra></extra>", row=1, col=number,
        )  # fmt: skip
    figure.add_scatter(x=[None], y=[None], mode="markers", name=words["band"],
                       marker={"symbol": "square", "size": 12, "color": _BAND})  # fmt: skip
    figure.update_yaxes(showgrid=False, zeroline=False, range=[-0.7, n - 0.3], tickmode="array", tickvals=places,
                        ticktext=[escape(_cut(name)) for name in names[:n]])  # fmt: skip
    figure.update_yaxes(automargin=True, col=1)
    figure.update_xaxes(rangemode="tozero", zeroline=False, ticksuffix=" %", nticks=4)
    figure.update_annotations(font_size=13)
    below = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
    figure.update_layout(height=120 + 30 * n, margin={"l": 8, "r": 8, "t": 36, "b": 64}, dragmode=False, legend=below)
    return figure


def _look(verdict: str, is_small: bool) -> tuple[str, str]:
    """Colour and shape; the shape repeats what the colour says."""
    if is_small:
        return _PALE, "circle-open"
    named = {"fewer": (theme.SECOND, "triangle-left"), "more": (theme.THIRD, "triangle-right")}
    return named.get(verdict, (theme.FIRST, "circle"))


def _cut(name: str, most: int = 24) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def stability_map(
    grid: Sequence[Sequence[float]], step: int, now: tuple[float, float], words: Mapping[str, str]
) -> go.Figure:
    """Overlap with the choice now over two weights; a ring marks the weights now.

    Args:
        grid: rows by the first weight, columns by the second, overlap from 0 to 1, NaN where they sum to over 100.
        step: points between two cells.
        now: the two weights now.
        words: `x` and `y` (names of the second and the first weight), `overlap`, `now`, `hover`.
    """
    axis = [step * place for place in range(len(grid))]
    shown = [[None if math.isnan(value) else round(100 * value, 1) for value in row] for row in grid]
    figure = go.Figure(
        go.Heatmap(
            x=axis, y=axis, z=shown, zmin=0, zmax=100, colorscale=theme.SEQUENTIAL, xgap=1, ygap=1,
            colorbar={"title": {"text": escape(words["overlap"]), "side": "top"}, "ticksuffix": " %", "thickness": 12,
                      "orientation": "h", "y": -0.24, "yanchor": "top", "len": 0.9},
            hovertemplate=words["hover"] + "<extra></extra>", hoverongaps=False,
        )
    )  # fmt: skip
    figure.add_scatter(
        x=[now[1]], y=[now[0]], mode="markers", name=words["now"], hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 20, "line": {"width": 4, "color": theme.CHOSEN}},
    )  # fmt: skip
    figure.update_xaxes(title=escape(words["x"]), ticksuffix=" %", showgrid=False, zeroline=False, title_standoff=6)
    figure.update_yaxes(title=escape(words["y"]), ticksuffix=" %", showgrid=False, zeroline=False, title_standoff=6)
    figure.update_layout(height=420, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False, showlegend=True,
                         legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0})  # fmt: skip
    return figure
