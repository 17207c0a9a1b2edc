"""Before the first ranking: one button that computes what is missing, with live progress."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import t
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Snapshot
from studio.workflows import runs, select_prepare
from studio.workflows.runs import RunView

_POLL_S = 1.0
_GOING = "select.preparing"  # snapshot whose preparation was started in this session


def guard(snapshot: Snapshot) -> None:
    """Stop the page until a ranking is possible; says what is missing and offers to compute it."""
    opened = frame.studio()
    step = select_prepare.next_step(opened, snapshot.snapshot_id)
    live = select_prepare.current_run(opened, snapshot.snapshot_id)
    if step is None:
        st.session_state.pop(_GOING, None)
        return
    going = st.session_state.get(_GOING) == snapshot.snapshot_id
    bad = select_prepare.ended_badly(opened, snapshot.snapshot_id) if live is None else None
    if live is None and going and bad is None:
        with frame.show_errors():
            select_prepare.prepare(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id)
            live = select_prepare.current_run(opened, snapshot.snapshot_id)
    if live is not None:
        if may(frame.current_user().role, "analyst"):
            st.session_state[_GOING] = snapshot.snapshot_id
        progress(live.run_id, t(f"select.prepare.{live.spec.kind}"))
        st.stop()
    _offer(snapshot, bad)
    st.stop()


def _offer(snapshot: Snapshot, bad: RunView | None) -> None:
    with st.container(border=True):
        st.subheader(t("select.prepare.title"), anchor=False)
        if not may(frame.current_user().role, "analyst"):
            st.info(t("select.prepare.read_only"), icon=":material/hourglass_empty:")
            return
        st.caption(t("select.prepare.text"))
        if bad is not None:
            failure(bad)
        label = t("select.prepare.again" if bad else "select.prepare.button")
        if st.button(label, type="primary", icon=":material/play_arrow:", key="prepare"):
            st.session_state[_GOING] = snapshot.snapshot_id
            with frame.show_errors():
                select_prepare.prepare(frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id)
                st.rerun()


def failure(view: RunView) -> None:
    """Why a run did not end well, with the way to its log."""
    st.session_state.pop(_GOING, None)
    trouble = view.trouble or runs.detail(frame.studio(), view.run_id).failure
    if view.status.state in ("stopped", "cancelled"):
        st.info(t("select.prepare.stopped"), icon=":material/info:")
    elif trouble.get("what"):
        frame.show_error(StudioError(str(trouble["what"]), got=trouble.get("got"), fix=str(trouble.get("fix", ""))))
    else:
        st.error(t("select.prepare.failed"), icon=":material/error:")
    if st.button(t("select.prepare.runs"), icon=":material/pending_actions:", key="prepare_runs"):
        frame.go("runs")


@st.fragment(run_every=_POLL_S)
def progress(run_id: str, title: str) -> None:
    """A run as it goes; the page is drawn again when it has ended."""
    view = runs.view(frame.studio(), run_id)
    if not view.is_live:
        st.rerun(scope="app")
    with st.container(border=True):
        st.progress(view.share, text=f"{title} · {_state(view)}")


def _state(view: RunView) -> str:
    status = view.status
    if status.state == "queued":
        return t("select.prepare.queued", position=max(view.position, 1))
    if status.state == "done" or (status.total and status.step >= status.total):
        return t("select.prepare.storing")
    if status.eta_s:
        return t("select.prepare.eta", seconds=status.eta_s)
    return t("select.prepare.working")
