"""Pictures of scores: the distribution of one, and how several go together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape
from studio.records import Array

_MARK = "rgba(128, 128, 128, 0.9)"
# Blue to orange through grey: told apart by people with any colour vision, readable on both pages.
_TWO_WAYS = ((0.0, "#0b6bcb"), (0.15, "#3d8bdb"), (0.5, "rgba(140,146,152,0.18)"), (0.85, "#e0793f"), (1.0, "#c2410c"))


def distribution(
    edges: Array, counts: Array, points: Array | None, *, median: float, unit: str, axis: str, median_word: str
) -> go.Figure:
    """Bars of a score in its unit with the median as a dotted line.

    Args:
        edges: (b + 1,) of the bars; unused where `points` are given.
        counts: (b,) examples per bar.
        points: (b,) the values where there are few different ones.
        median: where the line stands.
        unit: of the horizontal axis, in the reader's language.
        axis: title of the vertical axis.
        median_word: what the line is called.
    """
    figure = go.Figure()
    if points is None:
        low, high = np.asarray(edges[:-1], float), np.asarray(edges[1:], float)
        span = [f"{a:.4g} – {b:.4g}" for a, b in zip(low, high, strict=True)]
        figure.add_bar(x=(low + high) / 2, y=counts, width=high - low, customdata=span, marker_color=theme.FIRST,
                       marker_line_width=0.5, marker_line_color="rgba(128,128,128,0.35)",
                       hovertemplate="%{customdata}<br>%{y:,}<extra></extra>")  # fmt: skip
        figure.add_vline(x=median, line={"dash": "dot", "width": 1.5, "color": theme.SECOND},
                         annotation={"text": escape(f"{median_word} {median:.3g}"), "yanchor": "bottom", "y": 1.0,
                                     "font": {"color": theme.SECOND}})  # fmt: skip
        figure.update_xaxes(title=escape(unit))
    else:
        figure.add_bar(x=[f"{value:.4g}" for value in points], y=counts, marker_color=theme.FIRST,
                       hovertemplate="%{x}<br>%{y:,}<extra></extra>")  # fmt: skip
        figure.update_xaxes(title=escape(unit), type="category")
    figure.update_layout(height=260, margin={"l": 8, "r": 8, "t": 28, "b": 8}, bargap=0.02 if points is None else 0.4,
                         dragmode=False, showlegend=False)  # fmt: skip
    figure.update_xaxes(fixedrange=True, zeroline=False, automargin=True)
    figure.update_yaxes(title=escape(axis), tickformat=",", fixedrange=True, automargin=True)
    return figure


def heat_map(names: Sequence[str], rho: Array, n: Array, *, bound: float, words: Sequence[str]) -> go.Figure:
    """Rank correlations below the diagonal; the ones beyond the bound are framed and carry their number in bold.

    Args:
        names: titles, in the order of the rows.
        rho: (k, k), NaN where nothing is drawn.
        n: (k, k) rows that have both.
        bound: from which size on two scores say the same.
        words: how a cell is read: "rank correlation", "examples".
    """
    k = len(names)
    rows, columns = list(range(k)), list(range(k - 1))
    numbers = [[_cell(rho[i, j], bound) for j in columns] for i in rows]
    hover = [[f"{escape(names[i])}<br>{escape(names[j])}<br>{escape(words[0])} {rho[i, j]:.2f} · {n[i, j]:,} "
              f"{escape(words[1])}" if np.isfinite(rho[i, j]) else "" for j in columns] for i in rows]  # fmt: skip
    figure = go.Figure(
        go.Heatmap(
            z=rho[:, :-1], x=columns, y=rows, zmin=-1, zmax=1, colorscale=[list(stop) for stop in _TWO_WAYS], xgap=3,
            ygap=3, text=numbers, texttemplate="%{text}", hovertext=hover, hoverinfo="text", hoverongaps=False,
            colorbar={"thickness": 10, "len": 0.8, "tickvals": [-1, -bound, 0, bound, 1], "tickformat": ".1f"},
        )
    )  # fmt: skip
    for i in rows:
        for j in columns:
            if np.isfinite(rho[i, j]) and abs(rho[i, j]) > bound:
                figure.add_shape(type="rect", x0=j - 0.46, x1=j + 0.46, y0=i - 0.46, y1=i + 0.46,
                                 line={"color": _MARK, "width": 2.5})  # fmt: skip
    figure.update_layout(height=max(200, 40 * k + 60), margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False)
    figure.update_xaxes(tickmode="array", tickvals=columns, ticktext=[f"{j + 1}" for j in columns], showgrid=False,
                        zeroline=False, fixedrange=True, automargin=True)  # fmt: skip
    figure.update_yaxes(tickmode="array", tickvals=rows, ticktext=[f"{escape(names[i], 34)} · {i + 1}" for i in rows],
                        showgrid=False, range=[k - 0.5, -0.5], zeroline=False, fixedrange=True,
                        automargin=True)  # fmt: skip
    return figure


def _cell(value: float, bound: float) -> str:
    if not np.isfinite(value):
        return ""
    number = f"{value:.2f}"
    return f"<b>{number}</b>" if abs(value) > bound else number
