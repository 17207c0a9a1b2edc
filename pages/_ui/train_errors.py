"""Errors by group of a finished round: rates in each group, areas by whom the texts speak of, said in sentences."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages._ui import frame, train_test
from pages._ui.words import plain, t
from studio import words
from studio.audits.model_errors import FEWEST
from studio.statistics import SMALL_GROUP
from studio.store.rounds import Round
from studio.workflows import model_errors
from studio.workflows.studio import Studio

LOUD = 5  # sentences before the tables
ROWS = 500
_FORMATS = dict.fromkeys(("difference", "low", "high"), "{:.1f}") | dict.fromkeys(
    ("q", "q_wrong", "q_missed"), "{:.3f}"
)


def render(opened: Studio, found: Round) -> None:
    """What stands out, then both tables; on the test split too once this round has opened it."""
    allowed = model_errors.parts(found)
    part = allowed[0]
    if len(allowed) > 1:
        part = frame.url_select(
            st,
            t("model_errors.part"),
            allowed,
            "ep",
            format_func=lambda name: t(f"model_errors.part_{name}"),
            widget="segmented_control",
            required=True,
            label_visibility="collapsed",
        )
    with frame.show_errors():
        if part == "test":
            train_test.mark(opened, found.round_id)
        result = model_errors.of_round(opened, found.round_id, part)
        st.caption(t("model_errors.about", n=result.n, fewest=FEWEST))
        if result.odds.empty and result.areas.empty:
            st.info(t("model_errors.nothing", fewest=FEWEST), icon=":material/info:")
            return
        _loud(result.odds, result.areas)
        _odds(result.odds)
        _areas(result.areas)


def _loud(odds: pd.DataFrame, areas: pd.DataFrame) -> None:
    n = int(odds["alarm"].sum() + areas["alarm"].sum())
    if not n:
        st.success(t("model_errors.calm", n=len(odds) + len(areas)), icon=":material/check_circle:")
        return
    for row in odds[odds["alarm"]].head(LOUD).itertuples():
        st.markdown(f":material/flag: {sentence(row)}")
    for row in areas[areas["alarm"]].head(LOUD).itertuples():
        st.markdown(f":material/flag: {sentence(row)}")
    st.caption(t("model_errors.association"))


def sentence(row: Any) -> str:
    """A row that stands out, in words."""
    if hasattr(row, "attribute"):
        names = {name: plain(getattr(row, name), 60) for name in ("attribute", "label", "highest", "lowest")}
        return t(f"model_errors.{row.rate}", **names, high=row.high_rate, low=row.low_rate, high_k=row.high_k,
                 high_n=row.high_n, low_k=row.low_k, low_n=row.low_n, points=100 * row.difference,
                 points_low=100 * row.low, points_high=100 * row.high)  # fmt: skip
    who = t(f"model_errors.who.{row.kind}", name=plain(row.name, 60), axis=plain(_axis(row.kind, row.axis), 40))
    area, side = ("bpsn", "wrong") if row.wrong else ("bnsp", "missed")
    return t(f"model_errors.{side}_area", who=who, label=plain(row.label, 60), area=getattr(row, area),
             low=getattr(row, f"{area}_low"), high=getattr(row, f"{area}_high"), rest=row.background,
             n=row.negatives if row.wrong else row.positives)  # fmt: skip


def _axis(kind: str, axis: str) -> str:
    key = f"audit_words.axis.{axis}"
    return t(key) if kind != "value" and words.has(key) else axis


def _odds(table: pd.DataFrame) -> None:
    if table.empty:
        return
    st.markdown(f"**{t('model_errors.odds')}**", help=t("model_errors.odds_help"))
    shown = table.head(ROWS).assign(rate=[t(f"model_errors.rate.{rate}") for rate in table["rate"].head(ROWS)])
    shown = shown.assign(
        high=100 * shown["high"], low=100 * shown["low"], difference=100 * shown["difference"],
        top=[f"{100 * r.high_rate:.1f} % ({r.high_k:,} / {r.high_n:,})" for r in shown.itertuples()],
        bottom=[f"{100 * r.low_rate:.1f} % ({r.low_k:,} / {r.low_n:,})" for r in shown.itertuples()],
    )  # fmt: skip
    columns = ["attribute", "label", "rate", "highest", "top", "lowest", "bottom", "difference", "low", "high", "q"]
    st.dataframe(_pale(shown, columns), hide_index=True, column_config=_titles(columns))


def _areas(table: pd.DataFrame) -> None:
    if table.empty:
        return
    st.markdown(f"**{t('model_errors.areas')}**", help=t("model_errors.areas_help"))
    shown = table.head(ROWS)
    shown = shown.assign(
        kind=[t(f"model_errors.kind.{row.kind}") for row in shown.itertuples()],
        axis=[_axis(row.kind, row.axis) for row in shown.itertuples()],
        **{name: [_interval(row, name) for row in shown.itertuples()] for name in ("subgroup", "bpsn", "bnsp",
                                                                                   "background")},
    )  # fmt: skip
    columns = ["name", "axis", "kind", "label", "positives", "negatives", "bpsn", "bnsp", "subgroup", "background",
               "q_wrong", "q_missed"]  # fmt: skip
    st.dataframe(_pale(shown, columns), hide_index=True, column_config=_titles(columns))
    st.caption(t("model_errors.small", least=SMALL_GROUP))


def _interval(row: Any, name: str) -> str:
    value, low, high = (getattr(row, f"{name}{end}") for end in ("", "_low", "_high"))
    return "–" if pd.isna(value) else f"{value:.3f} ({low:.3f}–{high:.3f})"


def _pale(shown: pd.DataFrame, columns: list[str]) -> Any:
    """The rows as a styled frame: those on few examples grey; the cells stay text."""
    rows = shown[[*columns, "is_small"]].reset_index(drop=True)
    formats = {name: shape for name, shape in _FORMATS.items() if name in rows}
    grey = rows.style.apply(lambda row: ["color: #8a938e" if row["is_small"] else ""] * len(row), axis=1)
    return grey.format(formats, na_rep="–")


def _titles(columns: list[str]) -> dict[str, Any]:
    return {"is_small": None} | {name: t(f"model_errors.column.{name}") for name in columns}
