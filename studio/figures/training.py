"""Curves of a training run while it goes, and the confusion matrix of a finished round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape

TRAIN, HELD, THIRD = theme.FIRST, theme.SECOND, theme.THIRD
SHADES = ("rgba(18,150,138,0.03)", "rgba(18,150,138,0.18)", theme.FIRST)
MOST_GROUPS = 12
Rows = Sequence[Mapping[str, Any]]


def loss_curve(rows: Rows, *, words: Mapping[str, str]) -> go.Figure:
    """Training loss of each log line and validation loss of each evaluation over optimiser steps.

    Args:
        rows: metric lines with step, loss or val_loss.
        words: x, y, train and validation in the reader's language.
    """
    figure = go.Figure()
    for name, field, color, mode in (
        ("train", "loss", TRAIN, "lines"),
        ("validation", "val_loss", HELD, "lines+markers"),
    ):
        points = [(row["step"], row[field]) for row in rows if _is_number(row.get(field))]
        if points:
            x, y = zip(*points, strict=True)
            figure.add_trace(go.Scatter(x=x, y=y, mode=mode, name=escape(words[name]),
                                        line={"width": 2, "color": color}, marker={"size": 6}))  # fmt: skip
    return _frame(figure, words, percent=False)


def validation_curve(rows: Rows, *, best_step: int | None, words: Mapping[str, str]) -> go.Figure:
    """Accuracy with its 95 % band and macro-F1 over steps, the best checkpoint marked.

    Args:
        rows: metric lines with step, val_accuracy, val_low, val_high, val_macro_f1.
        best_step: step of the checkpoint that is kept, None for none yet.
        words: x, y, accuracy, band, macro_f1 and best in the reader's language.
    """
    held = [row for row in rows if _is_number(row.get("val_accuracy"))]
    figure = go.Figure()
    if not held:
        return _frame(figure, words, percent=True)
    x = [row["step"] for row in held]
    low, high = ([100 * row.get(name, row["val_accuracy"]) for row in held] for name in ("val_low", "val_high"))
    if len(x) > 1:
        figure.add_trace(go.Scatter(x=x + x[::-1], y=high + low[::-1], fill="toself", mode="lines",
                                    fillcolor="rgba(18,150,138,0.16)",
                                    line={"width": 0}, hoverinfo="skip", name=escape(words["band"])))  # fmt: skip
    for name, field, color in (("accuracy", "val_accuracy", TRAIN), ("macro_f1", "val_macro_f1", THIRD)):
        figure.add_trace(go.Scatter(x=x, y=[100 * row[field] for row in held], mode="lines+markers",
                                    name=escape(words[name]), line={"width": 2, "color": color}))  # fmt: skip
    best = next((row for row in held if row["step"] == best_step), None)
    if best is not None:
        figure.add_trace(go.Scatter(x=[best_step], y=[100 * best["val_macro_f1"]], mode="markers",
                                    name=escape(words["best"]),
                                    marker={"symbol": "star", "size": 15, "color": HELD}))  # fmt: skip
    return _frame(figure, words, percent=True)


def group_curve(rows: Rows, *, least: int, words: Mapping[str, str]) -> tuple[go.Figure, int]:
    """Accuracy of each group over steps; groups under `least` examples are left out.

    Args:
        rows: metric lines with step and val_groups, a list of [attribute, group, n, accuracy].
        least: smallest group that is drawn; at most 12 are, the largest.
        words: x, y and missing (the name of a group without a value).

    Returns:
        The figure, and how many groups are not drawn.
    """
    series: dict[tuple[str, str], list[tuple[int, float, int]]] = {}
    for row in rows:
        for attribute, group, n, accuracy in row.get("val_groups") or ():
            series.setdefault((attribute, group), []).append((row["step"], 100 * accuracy, n))
    large = sorted((key for key, points in series.items() if points[-1][2] >= least),
                   key=lambda key: -series[key][-1][2])[:MOST_GROUPS]  # fmt: skip
    figure = go.Figure()
    attributes = sorted({attribute for attribute, _ in large})
    for place, (attribute, group) in enumerate(sorted(large)):
        dash = theme.DASHES[attributes.index(attribute) % len(theme.DASHES)]  # one dash per attribute
        points = series[(attribute, group)]
        name = f"{attribute}: {group or words['missing']} (n={points[-1][2]})"
        line = {"width": 1.8, "color": theme.LINES[place % len(theme.LINES)], "dash": dash}
        figure.add_trace(go.Scatter(x=[p[0] for p in points], y=[p[1] for p in points], mode="lines+markers",
                                    name=escape(name, 60), line=line, marker={"size": 5}))  # fmt: skip
    _frame(figure, words, percent=True)
    # Many names: below the lines, with room of their own, so that they never cover them.
    rows = -(-len(large) // 3)
    figure.update_layout(height=320 + 22 * rows, legend={"y": -0.28, "yanchor": "top"})
    return figure, len(series) - len(large)


def confusion_matrix(labels: Sequence[str], table: Sequence[Sequence[int]], *, words: Mapping[str, str]) -> go.Figure:
    """Counts by true label (rows) and predicted label (columns), coloured by the share of the true label.

    Args:
        labels: c names.
        table: (c, c) counts.
        words: true, predicted, share, hover (with {true}, {predicted}, {n}, {share}).
    """
    names = [escape(label, 28) for label in labels]
    totals = [max(1, sum(row)) for row in table]
    share = [[100 * n / total for n in row] for row, total in zip(table, totals, strict=True)]
    hover = [[escape(words["hover"].format(true=labels[i], predicted=labels[j], n=n, share=f"{share[i][j]:.0f}"), 200)
              for j, n in enumerate(row)] for i, row in enumerate(table)]  # fmt: skip
    few = len(labels) <= 15
    place = list(range(len(labels)))
    figure = go.Figure(go.Heatmap(
        x=place, y=place, z=share, zmin=0, zmax=100, text=table, hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>",
        colorscale=[[0, SHADES[0]], [0.02, SHADES[1]], [1, SHADES[2]]], xgap=1, ygap=1,
        texttemplate="%{text}" if few else None, colorbar={"ticksuffix": " %", "thickness": 12},
    ))  # fmt: skip
    ticks = {"tickmode": "array", "tickvals": place, "ticktext": names, "tickfont": {"size": 11 if few else 8}}
    figure.update_xaxes(title=escape(words["predicted"]), tickangle=-45, showgrid=False, **ticks)
    figure.update_yaxes(title=escape(words["true"]), autorange="reversed", showgrid=False, **ticks)
    figure.update_layout(height=max(420, min(1100, 200 + 14 * len(labels) if not few else 180 + 34 * len(labels))),
                         margin={"l": 10, "r": 10, "t": 10, "b": 10})  # fmt: skip
    return figure


def _frame(figure: go.Figure, words: Mapping[str, str], *, percent: bool) -> go.Figure:
    figure.update_layout(height=300, margin={"l": 10, "r": 10, "t": 10, "b": 10}, hovermode="x unified",
                         legend={"orientation": "h", "y": 1.14, "x": 0}, uirevision="live")  # fmt: skip
    figure.update_xaxes(title=escape(words["x"]), rangemode="tozero", tickformat=",d")
    figure.update_yaxes(title=escape(words["y"]), ticksuffix=" %" if percent else "")
    values = [value for trace in figure.data for value in trace.y] if percent else []
    if values:  # never zoomed into a fraction of a point, where noise looks like a trend
        middle, half = (min(values) + max(values)) / 2, max(8.0, 0.55 * (max(values) - min(values)))
        figure.update_yaxes(range=[max(-1.0, middle - half), min(101.0, middle + half)])
    return figure


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
