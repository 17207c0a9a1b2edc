"""Scores that nobody asked for yet: which could be computed now, what each means, and the run that computes them."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import t
from studio.access.roles import may
from studio.measures import by_name
from studio.records import Snapshot
from studio.workflows import runs, select_scores
from studio.workflows.select_scores import ScoreState, Targets


def show(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """The expander; nothing where every score that can be computed is there, or for who may not start runs."""
    if not may(frame.current_user().role, "analyst"):
        return
    there = {item.measure for item in state.sets}
    names = [one for one in select_scores.computable(frame.studio(), snapshot.snapshot_id, targets) if one not in there]
    if not names:
        return
    with st.expander(t("measure.more.title", n=len(names)), icon=":material/add_chart:", key="more_measures"):
        chosen = st.multiselect(t("measure.more.which"), names, format_func=_title, key="select.more")
        for name in chosen:
            st.caption(t("measure.more.line", title=t(by_name(name).title), help=t(f"measure.{name}.help")))
        busy = runs.live(frame.studio(), kind="measure", snapshot_id=snapshot.snapshot_id) is not None
        if st.button(
            t("measure.more.button"), icon=":material/add_chart:", disabled=busy or not chosen, type="primary"
        ):
            with frame.show_errors():
                select_scores.measure(frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id,
                                      measures=chosen, targets=targets)  # fmt: skip
                st.rerun()


def _title(name: str) -> str:
    """A measure in the list with its view; options show every character as it is."""
    one = by_name(name)
    return t("measures.of_view", view=t(f"select.view.{one.view}"), title=t(one.title))
