"""The funnel of a choice or a saved selection: every group from the pool to the train set, each step against chance."""

from __future__ import annotations

import math

import streamlit as st

from pages._ui import frame
from pages._ui.select_words import column_name, key_name
from pages._ui.words import plain, t
from studio.figures.effects import MOST_KEYS, group_funnel
from studio.selection.bands import Band
from studio.selection.funnel import Stage
from studio.workflows.select_funnel import LABEL, Found

SENTENCES = 3


def show(found: Found) -> None:
    """Sizes of the steps, the alarms in words, the picture of one column and its table."""
    st.subheader(t("effects.funnel.title"), anchor=False)
    st.caption(t("effects.funnel.about"))
    places = st.columns(max(len(found.sizes), 1))
    for place, (name, n) in zip(places, found.sizes.items(), strict=False):
        place.metric(t(f"effects.step.{name}"), f"{n:,}")
    if not found.is_then:
        st.caption(t("effects.funnel.not_then"))
    columns = [name for name, stages in found.funnel.columns.items() if len(stages) > 1]
    if not columns:
        st.caption(t("select.groups.none"))
        return
    _sentences(found)
    columns.sort(key=lambda name: name == "cluster")
    shown = {name: plain(_column(name)) for name in columns}
    column = frame.url_select(st, t("select.groups.pick"), columns, "fby", format_func=shown.__getitem__)
    stages = found.funnel.columns[column]
    _picture(found, column, stages)
    if column == LABEL:
        st.caption(t("effects.funnel.labels"))
    st.caption(f"{t('effects.funnel.band')} {t('select.groups.small')} {t('select.groups.subset')}")
    with st.expander(t("select.groups.table"), icon=":material/table_rows:"):
        _table(found, column, stages)


def _column(name: str) -> str:
    return t("effects.funnel.label") if name == LABEL else column_name(name)


def _sentences(found: Found) -> None:
    alarms = found.funnel.alarms()
    if not alarms:
        n = found.funnel.n_compared
        st.success(t("effects.funnel.fine", n=n), icon=":material/balance:")
        return
    lines = [
        t(f"effects.funnel.{band.verdict}", step=t(f"effects.step.{step}"),
          key=plain(key_name(column, found.key_name(column, band.code)), 60), column=plain(_column(column)),
          picked=band.picked, expected=round(band.expected), low=band.low, high=band.high)
        for column, step, band in alarms[:SENTENCES]
    ]  # fmt: skip
    if len(alarms) > SENTENCES:
        lines.append(t("effects.funnel.others", n=len(alarms) - SENTENCES))
    st.warning("  \n".join(lines), icon=":material/balance:")


def _rows(stages: tuple[Stage, ...]) -> list[int]:
    """Codes of the column, the largest at the first step first; those that are nowhere are left out."""
    first = stages[0].counts
    return sorted((code - 1 for code in range(len(first)) if first[code]), key=lambda code: (-first[code + 1], code))


def _band_of(bands: tuple[Band, ...], code: int) -> Band | None:
    return next((band for band in bands if band.code == code), None)


def _picture(found: Found, column: str, stages: tuple[Stage, ...]) -> None:
    codes = _rows(stages)
    first = stages[0]
    steps = []
    for stage in stages[1:]:
        n = max(stage.n, 1)
        overall = [_band_of(stage.overall, code) for code in codes]
        since = [_band_of(stage.since, code) for code in codes]
        steps.append({
            "title": t(f"effects.step.{stage.name}"),
            "shares": [stage.counts[code + 1] / n for code in codes],
            "firsts": [first.counts[code + 1] / max(first.n, 1) for code in codes],
            "lows": [band.low_share if band and stage.n else math.nan for band in overall],
            "highs": [band.high_share if band and stage.n else math.nan for band in overall],
            "counts": [int(stage.counts[code + 1]) for code in codes],
            "verdicts": [band.verdict if band else "within" for band in since],
            "smalls": [band.is_small if band else True for band in since],
        })  # fmt: skip
    names = [key_name(column, found.key_name(column, code)) for code in codes]
    words = {"share": t("effects.funnel.share"), "band": t("select.groups.band_name"),
             "first_share": t("effects.funnel.first_share", step=t(f"effects.step.{first.name}"))}  # fmt: skip
    st.plotly_chart(group_funnel(names, steps, words), width="stretch", config={"displayModeBar": False},
                    key="funnel_figure")  # fmt: skip
    if len(names) > MOST_KEYS:
        st.caption(t("select.groups.most_keys", n=MOST_KEYS, all=len(names)))


def _table(found: Found, column: str, stages: tuple[Stage, ...]) -> None:
    codes = _rows(stages)
    shown: dict[str, list[str]] = {
        t("select.groups.key"): [key_name(column, found.key_name(column, code)) for code in codes]
    }
    for stage in stages:
        cells = []
        for code in codes:
            count = int(stage.counts[code + 1])
            share = f"{count / stage.n:.1%}" if stage.n else "–"
            band = _band_of(stage.since, code)
            word = ""
            if band is not None and band.verdict != "within":
                word = f" · {t('effects.funnel.pale') if band.is_small else t(f'select.groups.verdict_{band.verdict}')}"
            cells.append(f"{count:,} ({share}){word}")
        shown[t(f"effects.step.{stage.name}")] = cells
    st.dataframe(shown, hide_index=True, width="stretch", alt=t("select.groups.table"))
    st.caption(t("effects.funnel.table_about"))
