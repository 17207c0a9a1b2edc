"""Picture of scores by group: Cliff's delta with its interval, the negligible band shaded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from studio.figures.audits import ALARM, CALM, FOREST_ROWS, GREY, rows_layout
from studio.figures.text import escape
from studio.words import t
from studio.words.measures import title


def strongest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are drawn: alarms first, then by size."""
    size = table["delta"].abs()
    ordered = table.assign(size=size).sort_values(["alarm", "size"], ascending=[False, False], kind="stable")
    return ordered.head(FOREST_ROWS).reset_index(drop=True)


def deltas(table: pd.DataFrame, band: float) -> go.Figure:
    """Each group's scores against the others': right of 0 higher, left lower; grey = under 50 examples."""
    top = strongest(table)
    colours = [GREY if r.is_small else ALARM if r.alarm else CALM for r in top.itertuples()]
    figure = go.Figure()
    figure.add_vrect(x0=-band, x1=band, fillcolor=GREY, opacity=0.15, line_width=0)
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"})
    for i, row in top.iterrows():
        figure.add_scatter(x=[row["low"], row["high"]], y=[i, i], mode="lines", hoverinfo="skip", showlegend=False,
                           line={"color": colours[i], "width": 5}, opacity=0.55)  # fmt: skip
    hover = [
        f"{escape(measure_name(r.measure))} · {escape(r.value)} ({escape(r.attribute)})<br>"
        f"{r.delta:.2f} ({r.low:.2f}–{r.high:.2f}) · n = {r.n:,}"
        for r in top.itertuples()
    ]
    figure.add_scatter(x=top["delta"], y=np.arange(len(top)), mode="markers", hovertext=hover, hoverinfo="text",
                       marker={"size": 10, "color": colours}, showlegend=False)  # fmt: skip
    rows_layout(figure, [f"{r.value} · {measure_name(r.measure)}" for r in top.itertuples()], t("audit_scores.axis"))
    reach = min(1.0, 1.15 * max(float(top[["low", "high"]].abs().to_numpy().max()), band))
    figure.update_xaxes(range=[-reach, reach], tickformat=".2f")
    return figure


def measure_name(measure: str) -> str:
    """The title of a measure in the current language."""
    return title(measure)
