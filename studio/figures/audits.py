"""Pictures of audits: shares beside what was expected, odds ratios with intervals, lengths as quantile boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.text import escape
from studio.words import t

ALARM, CALM, GREY, MARK = theme.SECOND, theme.FIRST, theme.FAINT, "#e9a23b"
ROW_PX, FRAME_PX = 30, 96
FOREST_ROWS = 20
LABEL_CHARACTERS = 30


def _height(n_rows: int) -> int:
    return FRAME_PX + ROW_PX * max(n_rows, 2)


def _colours(table: pd.DataFrame) -> list[str]:
    small = table["is_small"] if "is_small" in table else np.zeros(len(table), bool)
    alarm = table["alarm"] if "alarm" in table else np.zeros(len(table), bool)
    return [GREY if s else ALARM if a else CALM for s, a in zip(small, alarm, strict=True)]


def _ticks(labels: Sequence[object]) -> list[str]:
    """Row names, made unique: rows are placed by number, so equal names after cutting stay apart."""
    return [escape(label, LABEL_CHARACTERS) if label != "" else t("audit_counts.no_value") for label in labels]


def rows_layout(
    figure: go.Figure, labels: Sequence[object], title: str, *, share: bool = False, log: bool = False
) -> None:
    """Room, axes and row names of a picture with one row per label; rows are placed by number, the first on top."""
    n = len(labels)
    figure.update_layout(
        height=_height(n),
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        bargap=0.35,
        hoverlabel={"align": "left"},
        dragmode=False,
    )
    figure.update_yaxes(tickmode="array", tickvals=list(range(n)), ticktext=_ticks(labels), range=[n - 0.5, -0.5],
                        automargin=True, showgrid=False, zeroline=False, fixedrange=True)  # fmt: skip
    figure.update_xaxes(title=title, automargin=True, fixedrange=True, zeroline=False)
    if share:
        figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    if log:
        figure.update_xaxes(type="log")


def shares(table: pd.DataFrame) -> go.Figure:
    """Groups of one attribute: bar = share with its 95 % interval, diamond = expected share, grey = under 50."""
    rows = np.arange(len(table))
    figure = go.Figure()
    hover = [f"{escape(r.value)}<br>n = {r.n:,} · {r.share:.1%} ({r.low:.1%}–{r.high:.1%})" for r in table.itertuples()]
    figure.add_bar(
        x=table["share"],
        y=rows,
        orientation="h",
        name=t("audit.chart.now"),
        marker={"color": _colours(table)},
        error_x={"type": "data", "symmetric": False, "array": table["high"] - table["share"],
                 "arrayminus": table["share"] - table["low"], "thickness": 1.5, "width": 4, "color": GREY},
        hovertext=hover,
        hoverinfo="text",
        showlegend=False,
    )  # fmt: skip
    label = t("audit.chart.equal") if table["is_default"].all() else t("audit.chart.expected")
    figure.add_scatter(
        x=table["expected"],
        y=rows,
        mode="markers",
        name=label,
        marker={"symbol": "diamond", "size": 11, "color": MARK, "line": {"width": 1, "color": "#5a3c00"}},
        hovertemplate=f"{label}: %{{x:.1%}}<extra></extra>",
    )
    rows_layout(figure, list(table["value"]), t("audit.chart.share"), share=True)
    return figure


def forest(table: pd.DataFrame, band: float) -> go.Figure:
    """The strongest label and group ties: odds ratio with its interval on a log axis, the unremarkable band shaded.

    What alarms comes first; ties of groups too small to rely on come last, however strong chance makes them look.
    Where families of copies are known the wider interval that counts each family once is drawn thin behind.
    """
    size = np.abs(np.log(table["odds_ratio"].to_numpy(float)))
    is_small = table["is_small"].astype(bool) if "is_small" in table else np.zeros(len(table), dtype=bool)
    top = table.assign(size=size, pale=is_small).sort_values(["alarm", "pale", "size"], ascending=[False, True, False],
                                                             kind="stable")  # fmt: skip
    top = top.head(FOREST_ROWS).reset_index(drop=True)
    top["value"] = top["value"].replace("", t("audit_counts.no_value"))  # examples without a value are a group too
    colours = _colours(top)
    figure = go.Figure()
    figure.add_vrect(x0=1 / band, x1=band, fillcolor=GREY, opacity=0.15, line_width=0)
    figure.add_vline(x=1, line={"color": GREY, "width": 1, "dash": "dot"})
    for kind, width in (("family", 2), ("plain", 5)):
        low, high = ("family_low", "family_high") if kind == "family" else ("low", "high")
        for i, row in top.iterrows():
            if np.isfinite(row[low]):
                figure.add_scatter(x=[row[low], row[high]], y=[i, i], mode="lines", hoverinfo="skip",
                                   line={"color": colours[i], "width": width}, opacity=0.55,
                                   showlegend=False)  # fmt: skip
    hover = [f"{escape(r.label)} · {escape(r.value)} ({escape(r.attribute)})<br>"
             f"{r.odds_ratio:.2f} ({r.low:.2f}–{r.high:.2f}) · n = {r.n:,}" for r in top.itertuples()]  # fmt: skip
    figure.add_scatter(x=top["odds_ratio"], y=np.arange(len(top)), mode="markers", hovertext=hover, hoverinfo="text",
                       marker={"size": 10, "color": colours}, showlegend=False)  # fmt: skip
    rows_layout(figure, [f"{row.label} · {row.value}" for row in top.itertuples()], t("audit.chart.odds"), log=True)
    ticks = [0.1, 0.2, 0.33, 0.5, 0.8, 1, 1.25, 2, 3, 5, 10]
    edges = top[["low", "high"]].to_numpy(float)
    low, high = max(edges.min(), 0.05) / 1.1, min(edges.max(), 50.0) * 1.1
    figure.update_xaxes(tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks],
                        range=[np.log10(min(low, 0.75)), np.log10(max(high, 1.35))])  # fmt: skip
    return figure


def lengths(table: pd.DataFrame) -> go.Figure:
    """Text length by the values of one factor: box = middle half, line = median, whiskers = 10 % and 90 %."""
    ordered = table.sort_values("median", ascending=False, kind="stable").reset_index(drop=True)
    figure = go.Figure()
    for i, (row, colour) in enumerate(zip(ordered.itertuples(), _colours(ordered), strict=True)):
        figure.add_box(q1=[row.q25], median=[row.median], q3=[row.q75], lowerfence=[row.q10], upperfence=[row.q90],
                       y=[i], orientation="h", line={"color": colour}, width=0.55, showlegend=False,
                       hoverinfo="x", name="")  # fmt: skip
    rows_layout(figure, list(ordered["value"]), t("audit.chart.length"))
    figure.update_xaxes(rangemode="tozero")
    return figure


def counts(table: pd.DataFrame, name: str = "label") -> go.Figure:
    """Labels or topics by size, with a line where all of them would be if they were equal."""
    figure = go.Figure()
    colours = _colours(table.assign(alarm=table["is_rare"] if "is_rare" in table else table["is_thin"]))
    hover = [f"{escape(label)}<br>n = {n:,} · {share:.1%}"
             for label, n, share in zip(table[name], table["n"], table["share"], strict=True)]  # fmt: skip
    figure.add_bar(x=table["n"], y=np.arange(len(table)), orientation="h", marker={"color": colours},
                   hovertext=hover, hoverinfo="text", showlegend=False)  # fmt: skip
    figure.add_vline(x=float(table["n"].sum()) / max(len(table), 1), line={"color": MARK, "width": 2, "dash": "dash"})
    rows_layout(figure, list(table[name]), f"{t('audit.chart.count')} (- - {t('audit.chart.equal')})")
    return figure


def ties(table: pd.DataFrame) -> go.Figure:
    """Words tied to a label: how often texts with the word carry it, and how often any text does (diamond)."""
    rows = np.arange(len(table))
    figure = go.Figure()
    hover = [f"{escape(r.word)} → {escape(r.label)}<br>{r.with_label:,} / {r.n:,}" for r in table.itertuples()]
    figure.add_bar(x=table["share"], y=rows, orientation="h", marker={"color": _colours(table)}, hovertext=hover,
                   hoverinfo="text", showlegend=False)  # fmt: skip
    figure.add_scatter(x=table["expected"], y=rows, mode="markers", name=t("audit.chart.expected_any"),
                       marker={"symbol": "diamond", "size": 10, "color": MARK},
                       hovertemplate="%{x:.1%}<extra></extra>")  # fmt: skip
    labels = [f"{row.word} → {row.label}" for row in table.itertuples()]
    rows_layout(figure, labels, t("audit.chart.with_word"), share=True)
    figure.update_xaxes(range=[0, 1.02])
    return figure
