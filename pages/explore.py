"""Explore: the map of a corpus, what lies inside a lasso, search by meaning, and what is in the corpus."""

import streamlit as st

from pages._ui import explore_audits, explore_compare, explore_map, explore_report, explore_run, frame
from pages._ui.words import t
from studio.workflows import explore

snapshot = frame.current_snapshot()
opened = frame.studio()
places = st.columns([1, 4], vertical_alignment="center")
places[0].header(t("explore.title"), anchor=False)
with places[1]:
    view = frame.url_select(
        st,
        t("explore.view"),
        ("map", "inside", "compare", "report"),
        "view",
        format_func=lambda name: t(f"explore.views.{name}"),
        widget="segmented_control",
        label_visibility="collapsed",
        required=True,
    )
if view == "inside":
    explore_audits.render(opened, snapshot)
    st.stop()
if view == "compare":
    explore_compare.render(opened, snapshot)
    st.stop()
if view == "report":
    explore_report.render(opened, snapshot)
    st.stop()

state = explore.state(opened, snapshot)
if state.map is None:
    explore_run.guard(opened, snapshot, state)
    st.stop()
explore_run.notices(opened, snapshot, state)
with frame.show_errors():
    explore_map.show(opened, snapshot, state)
explore_run.another(opened, snapshot, state)
