"""The pictures of the word audits, each with the choice of what it shows."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages._ui import frame
from pages._ui.words import t
from studio.audits.association import BAND
from studio.figures import audits as figures
from studio.figures import audits_words as pictures


def mentions(table: pd.DataFrame) -> None:
    """One axis at a time, the axis most texts name first."""
    most = table.groupby("axis")["n"].max().sort_values(ascending=False, kind="stable")
    axis = frame.url_select(st, t("audit.column.axis"), list(most.index), "am",
                            format_func=lambda name: t(f"audit_words.axis.{name}"), widget="pills", required=True,
                            label_visibility="collapsed")  # fmt: skip
    _draw(pictures.mentions(table[table["axis"] == axis]), "mentions")


def mention_labels(table: pd.DataFrame) -> None:
    """The strongest pairs of a named group and a label."""
    named = table.assign(attribute=[t(f"audit_words.axis.{axis}") for axis in table["axis"]])
    _draw(figures.forest(named, BAND), "mention_labels")
    if len(table) > figures.FOREST_ROWS:
        st.caption(t("audit.chart.forest_rows", shown=figures.FOREST_ROWS, all=len(table)))


def npmi(table: pd.DataFrame) -> None:
    """One pair of groups at a time; pairs with words that stand out first."""
    pairs = table.groupby(["axis", "value", "other"], sort=False)["alarm"].agg(["sum", "size"])
    pairs = pairs.sort_values(["sum", "size"], ascending=False, kind="stable")
    keys = {":".join(pair): pair for pair in pairs.index}  # two axes may have groups of the same name
    chosen = frame.url_select(st, t("audit_words.chart.pair"), list(keys), "np",
                              format_func=lambda key: _pair(*keys[key]))  # fmt: skip
    axis, value, other = keys[chosen]
    own = table[(table["axis"] == axis) & (table["value"] == value) & (table["other"] == other)]
    _draw(pictures.beside(own.reset_index(drop=True)), "npmi")


def _pair(axis: str, value: str, other: str) -> str:
    return f"{t(f'audit_words.axis.{axis}')} · {value} / {other}"


def genbit(table: pd.DataFrame) -> None:
    """The words at both ends."""
    _draw(pictures.near_genders(table), "genbit")


def weat(table: pd.DataFrame) -> None:
    """Every test."""
    _draw(pictures.vectors(table), "weat")


PICTURES = {"mentions": mentions, "mention_labels": mention_labels, "npmi": npmi, "genbit": genbit, "weat": weat}


def _draw(figure: object, name: str) -> None:
    st.plotly_chart(figure, key=f"audit.fig.{name}", config={"displayModeBar": False})
