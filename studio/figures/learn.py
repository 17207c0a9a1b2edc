"""Pictures of learned weights: trials, the surface over two views, the path of the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape

_LAYOUT = {"margin": {"l": 10, "r": 10, "t": 10, "b": 10}, "dragmode": False,
           "legend": {"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0}}  # fmt: skip


def trials(ways: Mapping[str, Sequence[float]], words: Mapping[str, str]) -> go.Figure:
    """Reward of every trial in order, a colour and a symbol per way, and the best so far as a step line.

    Args:
        ways: name of the way in the reader's language -> rewards in order.
        words: x, y, best.
    """
    figure = go.Figure()
    start, every = 1, []
    for place, (name, rewards) in enumerate(ways.items()):
        every += list(rewards)
        figure.add_scatter(
            x=list(range(start, start + len(rewards))), y=list(rewards), mode="markers", name=escape(name),
            marker={"size": 6, "color": theme.LINES[place], "symbol": theme.SYMBOLS[place % len(theme.SYMBOLS)]},
            hovertemplate="%{x}: %{y:.3f}<extra>" + escape(name) + "</extra>",
        )  # fmt: skip
        start += len(rewards)
    best = [max(every[: place + 1]) for place in range(len(every))]
    figure.add_scatter(x=list(range(1, len(every) + 1)), y=best, mode="lines", name=words["best"],
                       line={"width": 1.5, "color": theme.FAINT, "shape": "hv"}, hoverinfo="skip")  # fmt: skip
    figure.update_layout(height=320, **_LAYOUT)
    figure.update_xaxes(title=escape(words["x"]), zeroline=False)
    figure.update_yaxes(title=escape(words["y"]), zeroline=False)
    return figure


def mixes(shares: Mapping[str, Sequence[float]], words: Mapping[str, str]) -> go.Figure:
    """What every trial tried: a stacked bar of the weights in percent, a colour per view.

    Args:
        shares: name of the view in the reader's language -> percent by trial.
        words: x, y.
    """
    figure = go.Figure()
    for place, (name, values) in enumerate(shares.items()):
        figure.add_bar(
            x=list(range(1, len(values) + 1)), y=list(values), name=escape(name),
            marker={"color": theme.LINES[place], "line": {"width": 0}},
            hovertemplate="%{x}: %{y:.0f} %<extra>" + escape(name) + "</extra>",
        )  # fmt: skip
    figure.update_layout(height=240, barmode="stack", bargap=0.25, **_LAYOUT)
    figure.update_xaxes(title=escape(words["x"]), zeroline=False, dtick=_step(shares))
    figure.update_yaxes(title=escape(words["y"]), zeroline=False, range=[0, 100], ticksuffix=" %")
    return figure


def _step(shares: Mapping[str, Sequence[float]]) -> int:
    return 1 if max((len(values) for values in shares.values()), default=0) <= 20 else 5


def surface(
    axis: Sequence[float], values: Sequence[Sequence[float | None]], best: tuple[float, float],
    words: Mapping[str, str],
) -> go.Figure:  # fmt: skip
    """Heat map of the fitted reward over the weights of two views in percent, a ring at the best point.

    Args:
        axis: percent, for both directions.
        values: a row per step upwards, None where the two weights sum to more than 100.
        best: percent across and up.
        words: x, y, value.
    """
    figure = go.Figure(go.Heatmap(
        x=list(axis), y=list(axis), z=[list(row) for row in values], colorscale=theme.SEQUENTIAL, hoverongaps=False,
        colorbar={"title": {"text": escape(words["value"]), "side": "right"}, "thickness": 12},
        hovertemplate=f"{escape(words['x'])} %{{x:.0f}} %<br>{escape(words['y'])} %{{y:.0f}} %<br>%{{z:.4f}}"
                      "<extra></extra>",
    ))  # fmt: skip
    figure.add_scatter(
        x=[best[0]],
        y=[best[1]],
        mode="markers",
        showlegend=False,
        hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 16, "line": {"width": 3}, "color": theme.CHOSEN},
    )
    figure.update_layout(height=340, **_LAYOUT)
    figure.update_xaxes(title=escape(words["x"]), ticksuffix=" %", showgrid=False, zeroline=False)
    figure.update_yaxes(title=escape(words["y"]), ticksuffix=" %", showgrid=False, zeroline=False)
    return figure


def path(lines: Mapping[str, Sequence[Sequence[float]]], words: Mapping[str, str]) -> go.Figure:
    """Preference of the policy for each view by step: one thin line per independent start, one colour per view.

    Args:
        lines: name of the view in the reader's language -> one list of values per start.
        words: x, y.
    """
    figure = go.Figure()
    for place, (name, starts) in enumerate(lines.items()):
        for number, values in enumerate(starts):
            figure.add_scatter(
                x=list(range(1, len(values) + 1)), y=list(values), mode="lines", name=escape(name),
                legendgroup=str(place), showlegend=number == 0,
                line={"width": 1.5, "color": theme.LINES[place], "dash": theme.DASHES[place % len(theme.DASHES)]},
                hovertemplate="%{x}: %{y:.2f}<extra>" + escape(name) + "</extra>",
            )  # fmt: skip
    figure.add_hline(y=0, line={"width": 1, "color": theme.FAINT})
    figure.update_layout(height=320, **_LAYOUT)
    figure.update_xaxes(title=escape(words["x"]), zeroline=False)
    figure.update_yaxes(title=escape(words["y"]), zeroline=False)
    return figure
