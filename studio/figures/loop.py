"""The learning curve of a loop: accuracy over labels, with intervals, one line per arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape


@dataclass(frozen=True)
class CurveLine:
    """One line: its name, labels learnt from, accuracy with interval bounds in [0, 1], and validation counts."""

    name: str
    n_train: Sequence[int]
    accuracy: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    n_validation: Sequence[int]
    dashed: bool = False


def learning_curve(lines: Sequence[CurveLine], *, words: Mapping[str, str]) -> go.Figure:
    """Validation accuracy in percent over the number of training labels, bars = 95 % intervals.

    Args:
        lines: the arms; those without points are left out.
        words: x, y, and hover (with {name}, {labels}, {accuracy}, {low}, {high}, {n}) in the reader's language.
    """
    figure = go.Figure()
    for line in lines:
        if not line.n_train:
            continue
        percent = [100 * value for value in line.accuracy]
        figure.add_trace(
            go.Scatter(
                x=list(line.n_train),
                y=percent,
                name=escape(line.name),
                mode="lines+markers",
                line={"width": 2.5, "dash": "dash" if line.dashed else "solid", "color": _colour(line)},
                marker={"size": 8, "symbol": "diamond" if line.dashed else "circle"},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [100 * (high - value) for high, value in zip(line.high, line.accuracy, strict=True)],
                    "arrayminus": [100 * (value - low) for low, value in zip(line.low, line.accuracy, strict=True)],
                    "thickness": 1.2,
                    "width": 4,
                },
                text=[_hover(line, place, words["hover"]) for place in range(len(line.n_train))],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    figure.update_layout(
        height=360,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.08, "x": 0},
        hovermode="closest",
    )
    figure.update_xaxes(title=escape(words["x"]), rangemode="tozero", tickformat=",d")
    figure.update_yaxes(title=escape(words["y"]), ticksuffix=" %")
    return figure


def _colour(line: CurveLine) -> str:
    """Dash and marker repeat what the colour says."""
    return theme.SECOND if line.dashed else theme.FIRST


def _hover(line: CurveLine, place: int, template: str) -> str:
    return escape(
        template.format(
            name=line.name,
            labels=f"{line.n_train[place]:,}",
            accuracy=f"{100 * line.accuracy[place]:.1f}",
            low=f"{100 * line.low[place]:.1f}",
            high=f"{100 * line.high[place]:.1f}",
            n=f"{line.n_validation[place]:,}",
        )
    )
