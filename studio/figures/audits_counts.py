"""Pictures of the count audits: shares over time, crossings, label differences, sources, what examples are worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from studio.figures import theme
from studio.figures.audits import ALARM, CALM, GREY, MARK, rows_layout
from studio.figures.text import escape
from studio.words import t

LINES_SHOWN = 8  # values of an attribute drawn over time; more cannot be told apart
ROWS_SHOWN = 20
CELLS_SHOWN = 24  # rows and columns of a heatmap
NAME_CHARACTERS = 24
SPAN = 2.0  # a crossing's colours end at a quarter of, and four times, the expected count
# White figures are readable (4.5 : 1) on all of these, on the light page and on the dark one.
INK, NEUTRAL, LESS, MORE = "#ffffff", "#697379", "#a34d0a", "#087067"
_RATIO_SCALE = ((0.0, LESS), (0.5, NEUTRAL), (1.0, MORE))
_SHARE_SCALE = ((0.0, NEUTRAL), (1.0, MORE))


def _name(value: object) -> str:
    return escape(value, NAME_CHARACTERS) if value != "" else t("audit_counts.no_value")


def over_time(table: pd.DataFrame) -> go.Figure:
    """Shares of one attribute's values by period with their 95 % intervals; those that move are drawn strong."""
    totals = table.groupby("value", sort=False).agg(n=("n", "sum"), alarm=("alarm", "max"))
    order = totals.sort_values(["alarm", "n"], ascending=False, kind="stable").index[:LINES_SHOWN]
    figure = go.Figure()
    periods = sorted(table["period"].unique())
    any_alarm = bool(totals["alarm"].any())
    for place, value in enumerate(order):
        own = table[table["value"] == value]
        is_loud = bool(own["alarm"].iloc[0])
        colour = theme.LINES[place]
        hover = [f"{_name(value)} · {r.period}<br>{r.share:.1%} ({r.low:.1%}–{r.high:.1%}) · {r.n:,} / {r.period_n:,}"
                 for r in own.itertuples()]  # fmt: skip
        figure.add_scatter(
            x=own["period"],
            y=own["share"],
            mode="lines+markers",
            name=_name(value),
            line={"color": colour, "width": 3 if is_loud else 1.5},
            marker={"size": 7 if is_loud else 5},
            opacity=1.0 if is_loud or not any_alarm else 0.55,
            error_y={"type": "data", "symmetric": False, "array": own["high"] - own["share"],
                     "arrayminus": own["share"] - own["low"], "thickness": 1, "width": 2},
            hovertext=hover,
            hoverinfo="text",
        )  # fmt: skip
    figure.update_layout(
        height=400,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": -0.18, "yanchor": "top", "itemdoubleclick": False},
        hoverlabel={"align": "left"},
        dragmode=False,
    )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=periods, fixedrange=True, automargin=True)
    figure.update_yaxes(title=t("audit_counts.chart.period"), tickformat=".0%", rangemode="tozero", fixedrange=True)
    return figure


def _bar(title: str) -> dict:
    """A colour bar above the picture with its title on top, so that a narrow page keeps both."""
    return {"title": {"text": t(f"audit_counts.chart.{title}"), "side": "top"}, "orientation": "h", "x": 0,
            "xanchor": "left", "y": 1.0, "yanchor": "bottom", "thickness": 10, "len": 0.9}  # fmt: skip


def _heatmap(
    values: np.ndarray, written: list[list[str]], hover: list[list[str]], rows: Sequence[str], columns: Sequence[str],
    **settings: object,
) -> go.Figure:  # fmt: skip
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            text=written,
            texttemplate="%{text}",
            textfont={"color": INK},
            hovertext=hover,
            hoverinfo="text",
            xgap=2,
            ygap=2,
            **settings,
        )
    )
    figure.update_layout(height=130 + 34 * max(len(rows), 2), margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False,
                         hoverlabel={"align": "left"})  # fmt: skip
    figure.update_xaxes(tickvals=list(range(len(columns))), ticktext=[_name(c) for c in columns], side="bottom",
                        automargin=True, fixedrange=True, showgrid=False)  # fmt: skip
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[_name(r) for r in rows], automargin=True,
                        range=[len(rows) - 0.5, -0.5], fixedrange=True, showgrid=False)  # fmt: skip
    return figure


def crossing(table: pd.DataFrame, suppress: int) -> go.Figure:
    """Two attributes: the number written in each cell, its colour how many times the expected one it is.

    A combination of some but fewer than `suppress` examples is written "<10". Under 50 a cell is grey, unless it stands
    out.
    """
    rows, columns = sorted(table["first"].unique())[:CELLS_SHOWN], sorted(table["second"].unique())[:CELLS_SHOWN]
    cells = {(r.first, r.second): r for r in table.itertuples()}
    values = np.full((len(rows), len(columns)), np.nan)
    written = [["" for _ in columns] for _ in rows]
    hover = [["" for _ in columns] for _ in rows]
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell = cells.get((row, column))
            if cell is None:
                continue
            values[i, j], number = _cell_colour(cell, suppress), f"{cell.n:,.0f}"
            expected = f"{t('audit.chart.expected')} {cell.expected:,.0f}"
            times = f" · × {cell.ratio:.2f}"
            if cell.is_suppressed:
                number, times = t("audit_counts.chart.suppressed", n=suppress), ""
            written[i][j] = number
            hover[i][j] = f"{_name(row)} × {_name(column)}<br>{escape(number)} · {expected}{times}"
    ticks = [-2, -1, 0, 1, 2]
    bar = _bar("observed_ratio") | {"tickvals": ticks, "ticktext": ["¼", "½", "1", "2", "4"]}
    return _heatmap(values, written, hover, rows, columns, zmin=-SPAN, zmax=SPAN, colorscale=_RATIO_SCALE, colorbar=bar)


def _cell_colour(cell: object, suppress: int) -> float:
    """Twofold steps from the expected count; 0 (grey) where the count is too small to say, unless it stands out."""
    if cell.is_suppressed:  # the bound that the sentence names, not the count
        return float(np.clip(np.log2(suppress / cell.expected), -SPAN, 0.0)) if cell.alarm else 0.0
    if cell.is_small and not cell.alarm and cell.n > 0:
        return 0.0
    return float(np.clip(np.log2(max(float(cell.ratio), 1e-6)), -SPAN, SPAN))


def combinations(table: pd.DataFrame) -> go.Figure:
    """Three attributes: the combinations furthest from their expected count, as a ratio with its interval."""
    ratio = np.maximum(table["ratio"].to_numpy(float), 0.02)
    top = table.assign(size=np.abs(np.log(ratio)), drawn=ratio)[~table["is_suppressed"].astype(bool)]
    top = top.sort_values(["alarm", "size"], ascending=False, kind="stable").head(ROWS_SHOWN).reset_index(drop=True)
    names = [" × ".join(str(part) for part in (r.first, r.second, r.third) if part) for r in top.itertuples()]
    colours = [ALARM if r.alarm else GREY if r.is_small else CALM for r in top.itertuples()]
    figure = go.Figure()
    figure.add_vline(x=1, line={"color": GREY, "width": 1, "dash": "dot"})
    for i, row in top.iterrows():
        figure.add_scatter(x=[max(row["low"], 0.02), row["high"]], y=[i, i], mode="lines", hoverinfo="skip",
                           line={"color": colours[i], "width": 4}, opacity=0.55, showlegend=False)  # fmt: skip
    hover = [f"{escape(name, 80)}<br>{row.n:,.0f} · {t('audit.chart.expected')} {row.expected:,.0f}"
             for name, row in zip(names, top.itertuples(), strict=True)]  # fmt: skip
    figure.add_scatter(x=top["drawn"], y=np.arange(len(top)), mode="markers", hovertext=hover, hoverinfo="text",
                       marker={"size": 10, "color": colours}, showlegend=False)  # fmt: skip
    rows_layout(figure, names, t("audit_counts.chart.observed_ratio"), log=True)
    ticks = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10]
    figure.update_xaxes(tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    return figure


def differences(table: pd.DataFrame) -> go.Figure:
    """Labels of one attribute by their widest difference: where they are rarest and where commonest."""
    top = table.sort_values(["alarm", "difference"], ascending=False, kind="stable").head(ROWS_SHOWN)
    top = top.reset_index(drop=True)
    figure = go.Figure()
    colours = [ALARM if alarm else CALM for alarm in top["alarm"]]
    for i, row in top.iterrows():
        figure.add_scatter(x=[row["low_share"], row["high_share"]], y=[i, i], mode="lines", hoverinfo="skip",
                           line={"color": colours[i], "width": 4}, opacity=0.5, showlegend=False)  # fmt: skip
    for share, who, n, symbol in (("low_share", "lowest", "low_n", "circle-open"),
                                  ("high_share", "highest", "high_n", "circle")):  # fmt: skip
        hover = [f"{_name(who_)}<br>{share_:.1%} · n = {n_:,}"
                 for who_, share_, n_ in zip(top[who], top[share], top[n], strict=True)]  # fmt: skip
        figure.add_scatter(x=top[share], y=np.arange(len(top)), mode="markers", hovertext=hover, hoverinfo="text",
                           name=t(f"audit.column.{who}"),
                           marker={"size": 11, "color": colours, "symbol": symbol,
                                   "line": {"width": 2, "color": colours}})  # fmt: skip
    rows_layout(figure, list(top["label"]), t("audit_counts.chart.difference"), share=True)
    return figure


def sources(table: pd.DataFrame) -> go.Figure:
    """One pair: which share of each source (columns) every value (rows) makes up, with the share written in."""
    rows = list(table.groupby("value", sort=False)["n"].sum().sort_values(ascending=False).index[:CELLS_SHOWN])
    columns = list(table.groupby("place", sort=False)["n"].sum().sort_values(ascending=False).index[:CELLS_SHOWN])
    cells = {(r.value, r.place): r for r in table.itertuples()}
    values = np.array([[cells[row, column].share for column in columns] for row in rows], dtype=float)
    is_wide = len(columns) > 10
    written = [
        ["" if is_wide or cells[row, place].is_small else f"{cells[row, place].share:.0%}" for place in columns]
        for row in rows
    ]
    hover = [[f"{_name(row)} · {_name(column)}<br>{cells[row, column].n:,} / {cells[row, column].place_n:,} = "
              f"{cells[row, column].share:.1%} ({cells[row, column].all_share:.1%})" for column in columns]
             for row in rows]  # fmt: skip
    bar = _bar("tie") | {"tickformat": ".0%"}
    return _heatmap(values, written, hover, rows, columns, zmin=0, zmax=float(max(values.max(), 0.01)),
                    colorscale=_SHARE_SCALE, colorbar=bar)  # fmt: skip


def worth(table: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """What the corpus is worth by each unit (bar with its interval) beside how many examples there are (diamond)."""
    rows = np.arange(len(table))
    figure = go.Figure()
    hover = [f"{escape(name)}<br>{r.worth:,.0f} ({r.worth_low:,.0f}–{r.worth_high:,.0f})"
             for name, r in zip(names, table.itertuples(), strict=True)]  # fmt: skip
    figure.add_bar(
        x=table["worth"],
        y=rows,
        orientation="h",
        name=t("audit_counts.chart.worth_by"),
        marker={"color": CALM},
        error_x={"type": "data", "symmetric": False, "array": table["worth_high"] - table["worth"],
                 "arrayminus": table["worth"] - table["worth_low"], "thickness": 1.5, "width": 4, "color": GREY},
        hovertext=hover,
        hoverinfo="text",
        showlegend=False,
    )  # fmt: skip
    mark = {"symbol": "diamond", "size": 11, "color": MARK, "line": {"width": 1, "color": "#5a3c00"}}
    figure.add_scatter(x=table["n"], y=rows, mode="markers", name=t("audit_counts.chart.counted"), marker=mark,
                       hovertemplate="%{x:,.0f}<extra></extra>")  # fmt: skip
    rows_layout(figure, list(names), t("audit_counts.chart.worth"))
    figure.update_xaxes(rangemode="tozero", tickformat=",")
    return figure
