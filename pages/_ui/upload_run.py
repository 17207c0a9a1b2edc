"""An import run as it goes: progress, cancel, and how it ended."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio.errors import StudioError
from studio.workflows import runs
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

_POLL_S = 0.5


def wait_for(opened: Studio, run_id: str, title: str = "") -> RunView | None:
    """The run once it has ended and been taken over; until then its progress is shown and the page stops.

    None when there is no such run, as with a link from another workspace.
    """
    try:
        view = runs.view(opened, run_id)
    except StudioError:
        return None
    if view.is_live:
        _poll(opened, run_id, title)
        st.stop()
    return view


@st.fragment(run_every=_POLL_S)
def _poll(opened: Studio, run_id: str, title: str) -> None:
    view = runs.view(opened, run_id)
    if not view.is_live:
        st.rerun(scope="app")
    with st.container(border=True):
        if title:
            st.subheader(title, anchor=False)
        st.progress(view.share, text=_progress_text(view))
        if not view.status.is_final and st.button(t("upload.cancel"), key="cancel_import", icon=":material/cancel:"):
            with frame.show_errors():
                runs.cancel(opened, frame.current_user(), run_id=run_id)


def _progress_text(view: RunView) -> str:
    status = view.status
    if status.state == "queued":
        return t("upload.queued")
    if status.state == "done" or (status.total and status.step >= status.total):
        return t("upload.storing")
    if not status.total:
        return t("upload.starting")
    return t("upload.reading", file=plain(status.message), done=status.step, total=status.total)


def show_end(opened: Studio, view: RunView, again: Callable[[], None]) -> None:
    """Why a run did not end well, with a way to try once more."""
    if view.status.state == "cancelled":
        st.info(t("upload.cancelled"), icon=":material/info:")
    else:
        detail = runs.detail(opened, view.run_id)
        trouble = view.trouble or detail.failure
        if trouble.get("what"):
            frame.show_error(StudioError(str(trouble["what"]), got=trouble.get("got"), fix=str(trouble.get("fix", ""))))
        else:
            st.error(t("upload.crashed"), icon=":material/error:")
    places = st.container(horizontal=True)
    places.button(t("upload.again"), type="primary", icon=":material/refresh:", on_click=again, key="again")
    if places.button(t("upload.runs"), icon=":material/pending_actions:", key="to_runs"):
        frame.go("runs")
