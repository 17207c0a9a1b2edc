"""What a choice does, in depth: the sentence, the funnel, how it hangs on its weights; now or of a saved one."""

from __future__ import annotations

import streamlit as st

from pages._ui import (
    frame,
    select_apply,
    select_audits,
    select_controls,
    select_funnel,
    select_rechecks,
    select_result,
    select_stability,
    select_verdict,
)
from pages._ui.words import t
from studio.records import Snapshot
from studio.store import selections
from studio.workflows import select
from studio.workflows import select_funnel as funnels
from studio.workflows.select_scores import ScoreState, Targets

NOW = "now"


@st.fragment
def show(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """The recipe's controls beside what is known of its choice; a saved selection is followed into the train set."""
    controls, results = st.columns([3, 8], gap="large")
    with controls, frame.show_errors():
        recipe = select_controls.show(snapshot, state)
        with results:
            saved = {one.selection_id: one for one in selections.list_all(frame.studio().store, snapshot.snapshot_id)}
            of = NOW
            if saved:
                named = {NOW: t("effects.now")} | {key: select_result.named(one, snapshot)
                                                   for key, one in saved.items()}  # fmt: skip
                of = frame.url_select(st, t("effects.of"), list(named), "of", format_func=named.__getitem__)
            if of != NOW:
                select_verdict.frozen(saved[of])
                select_funnel.show(funnels.of_frozen(frame.studio(), saved[of], state))
                select_rechecks.show(snapshot, saved[of])
                st.caption(t("effects.audits.more"))
                if st.button(t("effects.audits.to_compare"), icon=":material/compare_arrows:", key="effects_compare"):
                    frame.go("explore", view="compare", ca=f"snapshot:{snapshot.snapshot_id}", cb=f"selection:{of}")
                return
            if not select_apply.ready(snapshot, recipe, state):
                return
            choice = select.choose_from(frame.studio(), snapshot.snapshot_id, recipe, state)
            select_verdict.show(snapshot, choice)
            select_funnel.show(funnels.of_choice(choice))
            select_stability.show(snapshot, choice)
            select_audits.show(snapshot, choice)
            select_rechecks.show(snapshot, choice)
            select_audits.cost(snapshot, choice)
