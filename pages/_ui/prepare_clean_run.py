"""A preview or a new version at work: progress, cancel, and how it ended."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio import words
from studio.errors import StudioError
from studio.workflows import runs
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

_POLL_S = 0.5


@st.fragment(run_every=_POLL_S)
def progress(opened: Studio, run_id: str) -> None:
    """The bar of a live run; the page is drawn again when it has ended."""
    view = runs.view(opened, run_id)
    if not view.is_live:
        st.rerun(scope="app")
    with st.container(border=True):
        st.progress(view.share, text=_text(view))
        if not view.status.is_final and st.button(t("clean.cancel"), key="clean_cancel", icon=":material/cancel:"):
            with frame.show_errors():
                runs.cancel(opened, frame.current_user(), run_id=run_id)


def _text(view: RunView) -> str:
    status = view.status
    if status.state == "queued":
        return t("clean.waiting")
    if status.state == "done" or (status.total and status.step >= status.total):
        return t("clean.storing")
    return t(status.message) if words.has(status.message) else t("clean.reading")


def show_end(opened: Studio, view: RunView) -> None:
    """Why a run ended otherwise than well."""
    if view.status.state == "cancelled":
        st.info(t("clean.cancelled"), icon=":material/info:")
        return
    trouble = view.trouble or runs.detail(opened, view.run_id).failure
    if trouble.get("what"):
        frame.show_error(StudioError(str(trouble["what"]), got=trouble.get("got"), fix=str(trouble.get("fix", ""))))
    else:
        st.error(t("clean.crashed"), icon=":material/error:")


def version_ready(opened: Studio, name: str, snapshot_id: str, n: int, *, key: str, text: str) -> None:
    """The version a run made, with the way to it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.success(t(text, name=plain(name), n=f"{n:,}"), icon=":material/check_circle:")
        if st.button(t("clean.open_version"), key=key, type="primary", icon=":material/arrow_forward:"):
            frame.go("prepare", s=snapshot_id, part="clean")
