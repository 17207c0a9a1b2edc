"""The whole list: the way of the examples through it, labels at stake, lengths and words, effect on the groups."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages._ui import prepare_clean_view
from pages._ui.prepare_clean_groups import groups
from pages._ui.prepare_clean_words import did_short, percent, step_name
from pages._ui.words import plain, t
from studio.workflows.clean import Report


def show(report: Report) -> None:
    """Draw what the previewed list does altogether."""
    st.caption(t("clean.exact", n=f"{report.n_before:,}"))
    left, middle, right = st.columns(3)
    lost = f"−{report.n_dropped:,} ({percent(report.n_dropped / report.n_before)})" if report.n_dropped else None
    left.metric(t("clean.n_after"), f"{report.n_after:,}", lost, delta_color="off", delta_arrow="off")
    middle.metric(t("clean.n_changed"), f"{report.n_changed:,}")
    right.metric(t("clean.n_flagged"), f"{report.n_flagged:,}")
    rows, remaining = [(t("clean.n_before"), report.n_before, 0, f"{report.n_before:,}", False)], report.n_before
    for step in report.steps:
        remaining -= step.n_dropped
        rows.append((step_name(step.name), remaining, step.n_dropped, did_short(step), step.n_touched == 0))
    prepare_clean_view.funnel(rows, report.n_before)
    _warnings(report)
    groups(report.total, "", key="clean_groups_total", leaves=True)
    _numbers(report)


def _warnings(report: Report) -> None:
    for key, n, icon in (("stale", report.n_stale, ":material/label_important:"),
                         ("labels_dropped", report.n_labels_dropped, ":material/label_off:")):  # fmt: skip
        if n:
            st.warning(t(f"clean.{key}", n=f"{n:,}"), icon=icon)
    for key, n in (("left_alone", report.n_left_alone), ("kept_back", report.n_kept_back)):
        if n:
            st.caption(t(f"clean.{key}", n=f"{n:,}"))


def _numbers(report: Report) -> None:
    before, after = report.statistics["before"], report.statistics["after"]
    with st.expander(t("clean.numbers"), icon=":material/straighten:"):
        names = ("mean_characters", "vocabulary", "stop_share")
        shown = [percent if name == "stop_share" else _number for name in names]
        st.dataframe(
            pd.DataFrame(
                {
                    " ": [t(f"clean.{name}") for name in names],
                    t("clean.before"): [write(before[name]) for name, write in zip(names, shown, strict=True)],
                    t("clean.after"): [write(after[name]) for name, write in zip(names, shown, strict=True)],
                }
            ),
            hide_index=True,
        )
        st.caption(plain(t("clean.sampled", n=f"{int(before['n_sampled']):,}"), 300))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"
