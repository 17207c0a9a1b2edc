"""A loop that waits for a person: why it does, and the three ways on: try again, change the plan, stop here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui import frame, train_setup
from pages._ui.loop_start import word_or_name
from pages._ui.words import spoken, t
from studio.access.roles import may
from studio.errors import StudioError
from studio.store import snapshots
from studio.workflows import loop, runs, train
from studio.workflows.loop_view import LoopView


def why(seen: LoopView) -> None:
    """What went wrong: the end of the round with its own error, or what kept the round from starting."""
    problem = seen.row.detail.get("problem") or {}
    if not problem.get("run_id"):
        st.warning(t("loop.paused"), icon=":material/pause_circle:")
        _error(problem)
        return
    reason = problem.get("reason")
    state = word_or_name("runs.state", str(problem["state"]))
    end = t("loop.end_reason", state=state, reason=word_or_name("runs.reason", reason)) if reason else state
    advice = spoken(problem["fix"]) if problem["state"] in ("failed", "crashed") else t("loop.ended_by_hand")
    line = t("loop.round_ended", turn=seen.row.detail["turn"], end=end)
    st.warning(f"**{line}**  \n{advice}", icon=":material/pause_circle:")
    with frame.show_errors():
        _error(runs.detail(frame.studio(), problem["run_id"]).failure)


def _error(problem: Mapping[str, Any]) -> None:
    what, got = str(problem.get("what") or ""), problem.get("got")
    if what and problem.get("type") == what:  # a fault nobody foresaw: its own words are the best there is
        st.code(f"{what}: {got}", language=None, wrap_lines=True)
    elif what:
        frame.show_error(StudioError(what, got=got or None, fix=str(problem.get("fix") or "")))


def next_step(seen: LoopView) -> None:
    """The buttons; the plan is changed below them."""
    row, actor = seen.row, frame.current_user()
    run_id = (row.detail.get("problem") or {}).get("run_id")
    analyst = may(actor.role, "analyst")
    with st.container(horizontal=True), frame.show_errors():
        if (
            not run_id
            and seen.selection_id
            and st.button(t("loop.go_annotate"), type="primary", icon=":material/edit_note:", key="loop_annotate")
        ):
            frame.go("annotate", sel=seen.selection_id)
        if analyst and st.button(
            t("loop.retry"), type="primary" if run_id else "secondary", icon=":material/replay:", key="loop_retry"
        ):
            loop.retry(frame.studio(), actor, loop_id=row.loop_id)
            st.rerun()
        if run_id and st.button(t("loop.open_run"), icon=":material/pending_actions:", key="loop_run"):
            frame.go("runs", run=run_id)
        if analyst and st.button(t("loop.stop_now"), icon=":material/stop_circle:", type="tertiary", key="loop_stop"):
            loop.stop(frame.studio(), actor, loop_id=row.loop_id)
            st.rerun()
    if analyst:
        _change_plan(seen)


def _change_plan(seen: LoopView) -> None:
    """Another model, method or settings for this turn and those after it."""
    opened, row = frame.studio(), seen.row
    now = seen.config.plan
    with st.expander(t("loop.change_plan"), icon=":material/tune:"):
        st.caption(t("loop.change_plan_help"))
        left, right = st.columns(2)
        offered = train.bases(opened, snapshots.require(opened.store, row.snapshot_id))
        bases = {name: train_setup.name_of_base(name) for name in offered}
        base = left.selectbox(
            t("loop.base"),
            offered,
            index=offered.index(now["base"]) if now.get("base") in offered else 0,
            format_func=bases.__getitem__,
            key="replan_base",
        )
        methods = train.methods(base)
        names = {name: word_or_name("train.method_name", name) for name in methods}
        method = right.selectbox(
            t("loop.method"),
            methods,
            index=methods.index(now["method"]) if now.get("method") in methods else 0,
            format_func=names.__getitem__,
            key=f"replan_method_{base}",
        )
        same = (base, method) == (now.get("base"), now.get("method"))
        values = train_setup.settings(base, method, now if same else None)
        if st.button(t("loop.train_changed"), icon=":material/model_training:", key="loop_replan"):
            with frame.show_errors():
                plan = train.default_plan(base, method, int(now.get("seed", 0)), **values)
                loop.change_plan(opened, frame.current_user(), loop_id=row.loop_id, plan=plan)
                st.rerun()
