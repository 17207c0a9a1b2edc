"""Pictures of the count audits on Explore: one attribute, one crossing or one pair at a time."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from pages._ui import frame
from pages._ui.words import t
from studio.audits.intersections import SUPPRESS
from studio.figures import audits_counts as figures


def trends(table: pd.DataFrame) -> None:
    """Shares over time of one attribute."""
    attribute = _pick(table, "attribute", "at")
    own = table[table["attribute"] == attribute]
    _draw(figures.over_time(own), "audit.fig.trends")


def intersections(table: pd.DataFrame) -> None:
    """One crossing: a table of colours for two attributes, a list for three."""
    attributes = _pick(table, "attributes", "ax")
    own = table[table["attributes"] == attributes].reset_index(drop=True)
    is_pair = (own["third"].fillna("") == "").all()
    _draw(figures.crossing(own, SUPPRESS) if is_pair else figures.combinations(own), "audit.fig.crossing")


def parity(table: pd.DataFrame) -> None:
    """The labels of one attribute with the widest differences."""
    attribute = _pick(table, "attribute", "ap")
    own = table[table["attribute"] == attribute]
    _draw(figures.differences(own), "audit.fig.parity")
    if len(own) > figures.ROWS_SHOWN:
        st.caption(t("audit_counts.chart.more_labels", shown=figures.ROWS_SHOWN, all=len(own)))


def confounds(table: pd.DataFrame) -> None:
    """One pair of label or group, and source or language."""
    table = table.assign(pair=table["origin"] + ":" + table["factor"])
    pair = _pick(table, "pair", "ao", _pair)
    _draw(figures.sources(table[table["pair"] == pair]), "audit.fig.sources")


def dependence(table: pd.DataFrame) -> None:
    """What the corpus is worth by every unit."""
    names = [unit_name(unit) for unit in table["unit"]]
    _draw(figures.worth(table, names), "audit.fig.worth")


def unit_name(unit: str) -> str:
    """A unit in words: near-copies, source, or the attribute's own name."""
    return t(f"audit_counts.unit.{unit}") if unit in ("family", "source") else unit


def _pair(pair: str) -> str:
    origin, factor = pair.split(":", 1)
    return f"{t('audit.column.label') if factor == 'label' else factor} · {t(f'audit_counts.unit.{origin}')}"


def _pick(table: pd.DataFrame, column: str, key: str, name: Callable[[str], str] = str) -> str:
    """One value of a column; those with an alarm come first. A select box shows names as they are: none is escaped."""
    loud = set(table.loc[table["alarm"].astype(bool), column])
    values = sorted(table[column].unique(), key=lambda value: value not in loud)
    if len(values) < 2:
        return values[0]
    title = t("audit_counts.chart.attributes") if column == "attributes" else t("audit_counts.chart.pair")
    return frame.url_select(st, title, values, key, format_func=name)


def _draw(figure: object, key: str) -> None:
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})
