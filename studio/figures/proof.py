"""Pictures of a proof study: how good a proxy is against how many examples it learnt from, with the random draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape

_BAND = "rgba(128, 128, 128, 0.28)"
_APART = 1.5  # ours: closer numbers run into one another on a phone


def size_chart(
    points: Sequence[Mapping[str, float]], *, own: int, best: int, within: int, unit: str, words: Mapping[str, str]
) -> go.Figure:
    """The recipe's line over the band of random draws; the own size is a dotted line, two sizes are marked.

    Args:
        points: size, value, low, high, draws_mean, draws_low, draws_high, hover (text), in size order, in axis units.
        own: the person's size.
        best: the best size.
        within: the smallest size within one standard error of it.
        unit: put after the numbers of the axis, such as " %".
        words: x, y, selection, band, mean, own, best, within in the reader's language.
    """
    x = [point["size"] for point in points]
    figure = go.Figure()
    figure.add_scatter(x=x, y=[p["draws_low"] for p in points], mode="lines", line={"width": 0}, showlegend=False,
                       hoverinfo="skip")  # fmt: skip
    figure.add_scatter(x=x, y=[p["draws_high"] for p in points], mode="lines", line={"width": 0}, fill="tonexty",
                       fillcolor=_BAND, name=words["band"], hoverinfo="skip")  # fmt: skip
    figure.add_scatter(x=x, y=[p["draws_mean"] for p in points], mode="lines", name=words["mean"], hoverinfo="skip",
                       line={"width": 2, "color": theme.FAINT, "dash": "dot"})  # fmt: skip
    figure.add_scatter(
        x=x,
        y=[p["value"] for p in points],
        mode="lines+markers",
        name=words["selection"],
        line={"width": 2.5, "color": theme.FIRST},
        marker={"size": [11 if size in (best, within) else 7 for size in x],
                "symbol": [_symbol(int(size), best, within) for size in x]},
        error_y={"type": "data", "symmetric": False, "thickness": 1.2, "width": 3, "color": theme.FIRST,
                 "array": [p["high"] - p["value"] for p in points],
                 "arrayminus": [p["value"] - p["low"] for p in points]},
        text=[escape(str(p["hover"])) for p in points],
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    ends = [min(min(p["low"], p["draws_low"]) for p in points), max(max(p["high"], p["draws_high"]) for p in points)]
    figure.add_scatter(x=[own, own], y=ends, mode="lines", name=words["own"], hoverinfo="skip",
                       line={"dash": "dash", "width": 1.5, "color": theme.SECOND})  # fmt: skip
    shown = _apart([size for size in x if size != own])
    figure.update_layout(height=380, margin={"l": 10, "r": 10, "t": 10, "b": 10}, hovermode="closest", dragmode=False,
                         legend={"orientation": "h", "y": 1.03, "yanchor": "bottom", "x": 0})  # fmt: skip
    figure.update_xaxes(title=escape(words["x"]), type="log", tickmode="array", tickvals=shown,
                        ticktext=[f"{int(size):,}" for size in shown], tickangle=0, zeroline=False)  # fmt: skip
    figure.update_yaxes(title=escape(words["y"]), ticksuffix=unit, zeroline=False)
    return figure


def _apart(sizes: Sequence[float]) -> list[float]:
    """The sizes that are written at the axis, from the largest down, each at most two thirds of the one before."""
    kept: list[float] = []
    for size in sorted(sizes, reverse=True):
        if not kept or size * _APART <= kept[-1]:
            kept.append(size)
    return kept[::-1]


def _symbol(size: int, best: int, within: int) -> str:
    """Shape says what the text says: the two may be one size, then the diamond wins."""
    if size == within:
        return "diamond"
    return "circle-dot" if size == best else "circle"
