"""Pictures of the word audits: who is named, words beside groups, words near women and men, word vectors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from studio.figures.audits import ALARM, CALM, GREY, MARK, rows_layout
from studio.figures.text import escape
from studio.words import t

EACH_SIDE = 10  # words shown of each end
TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)


def mentions(table: pd.DataFrame) -> go.Figure:
    """Groups of one axis: bar = share of texts that name the group with its 95 % interval."""
    ordered = table.sort_values(["n", "value"], ascending=[False, True], kind="stable").reset_index(drop=True)
    per = t("audit_words.chart.rate")
    hover = [f"{escape(r.value)}<br>n = {r.n:,} · {r.share:.2%} ({r.low:.2%}–{r.high:.2%})<br>"
             f"{r.rate:.2f} {per}<br>{escape(r.terms, 120)}" for r in ordered.itertuples()]  # fmt: skip
    figure = go.Figure()
    figure.add_bar(
        x=ordered["share"],
        y=np.arange(len(ordered)),
        orientation="h",
        marker={"color": CALM},
        error_x={"type": "data", "symmetric": False, "array": ordered["high"] - ordered["share"],
                 "arrayminus": ordered["share"] - ordered["low"], "thickness": 1.5, "width": 4, "color": GREY},
        hovertext=hover,
        hoverinfo="text",
        showlegend=False,
    )  # fmt: skip
    rows_layout(figure, list(ordered["value"]), t("audit_words.chart.share"))
    figure.update_xaxes(tickformat=".1%" if ordered["high"].max() < 0.1 else ".0%", rangemode="tozero")
    return figure


def beside(table: pd.DataFrame) -> go.Figure:
    """Words of one pair of groups: odds of the word with its interval, the strongest of each side; orange stands out.

    Args:
        table: rows of one pair, columns of the audit; the group is on the right.
    """
    near = np.maximum(np.log(table["low"]), -np.log(table["high"]))
    ranked = table.assign(near=near).sort_values(["alarm", "near", "word"], ascending=[False, False, True],
                                                 kind="stable")  # fmt: skip
    right = ranked[ranked.odds_ratio >= 1].head(EACH_SIDE)
    left = ranked[ranked.odds_ratio < 1].head(EACH_SIDE).iloc[::-1]
    shown = pd.concat([right, left], ignore_index=True)
    colours = [ALARM if alarm else CALM for alarm in shown["alarm"]]
    figure = go.Figure()
    figure.add_vline(x=1, line={"color": GREY, "width": 1, "dash": "dot"})
    for i, row in shown.iterrows():
        figure.add_scatter(x=[row.low, row.high], y=[i, i], mode="lines", hoverinfo="skip", opacity=0.55,
                           line={"color": colours[i], "width": 5}, showlegend=False)  # fmt: skip
    hover = [f"{escape(r.word)}<br>{r.odds_ratio:.2f} ({r.low:.2f}–{r.high:.2f})<br>"
             f"{escape(r.value)}: {r.with_value:,} · {escape(r.other)}: {r.with_other:,}" for r in
             shown.itertuples()]  # fmt: skip
    figure.add_scatter(x=shown["odds_ratio"], y=np.arange(len(shown)), mode="markers", hovertext=hover,
                       hoverinfo="text", marker={"size": 10, "color": colours}, showlegend=False)  # fmt: skip
    first = table.iloc[0]
    title = t("audit_words.chart.gap", value=escape(first.value, 20), other=escape(first.other, 20))
    rows_layout(figure, list(shown["word"]), title, log=True)
    low, high = max(float(shown["low"].min()), 0.02) / 1.1, min(float(shown["high"].max()), 60.0) * 1.1
    figure.update_xaxes(tickvals=list(TICKS), ticktext=[f"{tick:g}" for tick in TICKS],
                        range=[np.log10(min(low, 0.8)), np.log10(max(high, 1.25))])  # fmt: skip
    return figure


def near_genders(table: pd.DataFrame) -> go.Figure:
    """Words nearest to men (right) and to women (left): ln of the ratio of their shares."""
    ordered = table.sort_values("log_ratio", ascending=False, kind="stable")
    half = min(EACH_SIDE, len(ordered) // 2)
    shown = pd.concat([ordered.head(max(half, 1)), ordered.tail(half)], ignore_index=True)
    hover = [f"{escape(r.word)}<br>{r.men:.1f} · {r.women:.1f}" for r in shown.itertuples()]
    figure = go.Figure()
    figure.add_bar(x=shown["log_ratio"], y=np.arange(len(shown)), orientation="h",
                   marker={"color": [CALM if x >= 0 else MARK for x in shown["log_ratio"]]}, hovertext=hover,
                   hoverinfo="text", showlegend=False)  # fmt: skip
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    rows_layout(figure, list(shown["word"]), t("audit_words.chart.log_ratio"))
    return figure


def vectors(table: pd.DataFrame) -> go.Figure:
    """Effect size of each test: how far the words of one group lie toward the first set; dashed lines mark 0.8."""
    names = [f"{row.value} / {row.other}: {t(f'audit_words.set.{row.near}')} ↔ {t(f'audit_words.set.{row.far}')}"
             for row in table.itertuples()]  # fmt: skip
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    for edge in (-0.8, 0.8):
        figure.add_vline(x=edge, line={"color": GREY, "width": 1, "dash": "dash"})
    for i, row in enumerate(table.itertuples()):
        figure.add_scatter(x=[row.low, row.high], y=[i, i], mode="lines", hoverinfo="skip", showlegend=False,
                           line={"color": ALARM if row.alarm else CALM, "width": 5}, opacity=0.45)  # fmt: skip
    hover = [f"d = {row.d:.2f} ({row.low:.2f}–{row.high:.2f}) · p = {row.p:.3f}<br>"
             f"{escape(row.words, 120)}<br>{escape(row.other_words, 120)}"
             for row in table.itertuples()]  # fmt: skip
    figure.add_scatter(x=table["d"], y=np.arange(len(table)), mode="markers", hovertext=hover, hoverinfo="text",
                       marker={"size": 12, "color": [ALARM if alarm else CALM for alarm in table["alarm"]]},
                       showlegend=False)  # fmt: skip
    rows_layout(figure, names, t("audit_words.chart.effect"))
    figure.update_xaxes(range=[-2.1, 2.1])
    figure.update_yaxes(ticktext=[escape(name, 60) for name in names])
    return figure
