"""Select: four views, one weighted score, a budget; who gets in, who is left out, what it does to each group."""

import streamlit as st

from pages._ui import (
    asking,
    frame,
    select_apply,
    select_controls,
    select_freeze,
    select_goal,
    select_groups,
    select_prepare,
    select_result,
    select_verdict,
    select_views,
    select_why,
)
from pages._ui.words import t
from studio.records import Snapshot
from studio.workflows import select, select_matrix, select_scores, select_soon
from studio.workflows.select_scores import ScoreState, Targets

snapshot = frame.current_snapshot()
select_freeze.leave_if_asked()
st.header(t("select.title"), anchor=False)
st.caption(t("select.intro"))
select_prepare.guard(snapshot)

targets = select_goal.targets_of_url(snapshot)
state = select_scores.state(frame.studio(), snapshot.snapshot_id, targets)
with st.container():  # a fragment is known by its place: what comes and goes above must not move it
    select_goal.show(snapshot, state, targets)
    select_goal.stale(snapshot, state, targets)
if select_views.show(snapshot, state, targets):
    st.stop()


@st.fragment
@select_soon.rests()
def live(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """Everything a slider move draws again: the table leaves first, the sliders after it, then the rest."""
    select_freeze.leave_if_asked()
    controls, results = st.columns([3, 8], gap="large")
    with controls, frame.show_errors(), asking.Later() as later, asking.Later() as sliders:
        with sliders.keep():
            recipe = select_controls.show(snapshot, state, later.keep())
        with results:
            if not select_apply.ready(snapshot, recipe, state):
                return
            choice = select.choose_from(frame.studio(), snapshot.snapshot_id, recipe, state)
            versus = select_result.versus(snapshot)
            change = select.compare(frame.studio(), snapshot.snapshot_id, choice, versus)
            first = st.container()
            select_result.numbers(choice, change)
            select_result.notes(choice)
            clicked = select_result.table(snapshot, choice)
        asking.give_way(select_result.UNTIL_DRAWN_S)
        sliders.send()
        asking.give_way(select_result.UNTIL_DRAWN_S)
        later.send()
        asking.give_way()
        with later.keep():
            with results:
                select_result.changes(snapshot, change)
                left, right = st.columns(2, gap="large")
            with left:
                select_groups.show(choice)
            asking.give_way()
            with right:
                select_why.show(snapshot, choice, clicked)
            select_freeze.show(snapshot, choice, targets)
            select_freeze.listing(snapshot)
            with left:
                select_groups.variety(choice)
            with first:
                select_verdict.show(snapshot, choice)


if not select_matrix.pool_size(frame.studio(), snapshot.snapshot_id, state):
    st.info(t("select.pool_empty"), icon=":material/done_all:")
    if st.button(t("select.go_train"), type="primary", icon=":material/model_training:"):
        frame.go("train")
    select_freeze.listing(snapshot)
else:
    live(snapshot, state, targets)
