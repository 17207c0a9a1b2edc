"""A choice that has to be worked out first: what it takes, the button, the run on its way."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, select_prepare
from pages._ui.words import t
from studio.access.roles import may
from studio.records import Snapshot
from studio.selection.recipe import Recipe
from studio.workflows import select
from studio.workflows.select import Waiting
from studio.workflows.select_scores import ScoreState


def ready(snapshot: Snapshot, recipe: Recipe, state: ScoreState) -> bool:
    """True where the choice can be shown at once; else draws what stands between and how to go on."""
    found = select.waiting(frame.studio(), snapshot.snapshot_id, recipe, state)
    if found is None:
        return True
    with st.container(border=True):
        st.subheader(t("choose.apply.title"), anchor=False)
        if found.run is not None:
            select_prepare.progress(found.run.run_id, t("choose.apply.working"))
            return False
        st.caption(t("choose.apply.by_run" if found.by_run else "choose.apply.at_once", n=found.n))
        if found.by_run and not may(frame.current_user().role, "analyst"):
            st.info(t("choose.apply.read_only"), icon=":material/lock:")
            return False
        return _press(snapshot, recipe, state, found)


def _press(snapshot: Snapshot, recipe: Recipe, state: ScoreState, found: Waiting) -> bool:
    if not st.button(t("choose.apply.button"), type="primary", icon=":material/play_arrow:", key="work_out"):
        return False
    with frame.show_errors(), st.spinner(t("choose.apply.working")):
        select.work_out(frame.studio(), snapshot.snapshot_id, recipe, state, actor=frame.current_user())
        st.rerun()
    return False
