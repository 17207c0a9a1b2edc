"""A run at work beside what will hold its result: how far it is, and a way to cancel it."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, runs_words
from pages._ui.words import t
from studio.access.roles import may
from studio.workflows import runs

_POLL_S = 1.0


@st.fragment(run_every=_POLL_S)
def watch(run_id: str, waiting: str) -> None:
    """The run at work; the page is drawn again when it is over and its numbers are stored.

    Args:
        run_id: of the run.
        waiting: words key of what a person may do meanwhile.
    """
    view = runs.view(frame.studio(), run_id)
    if not view.is_live:
        st.rerun(scope="app")
    with st.container(border=True):
        st.progress(view.share, text=runs_words.progress(view))
        st.caption(t(waiting))
        if may(frame.current_user().role, "analyst") and st.button(t("proof.cancel"), key=f"cancel_{run_id}"):
            with frame.show_errors():  # it may have ended since the button was drawn
                runs.cancel(frame.studio(), frame.current_user(), run_id=run_id)
