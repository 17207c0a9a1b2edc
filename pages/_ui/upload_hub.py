"""A dataset of the hub on the Upload page; there only where the host allows the network."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, upload_run
from pages._ui.words import t
from studio.corpus.hub import MOST_ROWS
from studio.workflows import corpora_hub
from studio.workflows.corpora import GivenFile
from studio.workflows.studio import Studio

_PARAM = "fetch"


def pick(opened: Studio) -> GivenFile | None:
    """The controls, the download as it goes (the page waits), and its file once it has come."""
    if not opened.settings.network:
        return None
    if run_id := st.query_params.get(_PARAM):
        view = upload_run.wait_for(opened, run_id, t("reading.hub"))
        if view is not None and view.status.state == "done":
            _forget()
            with frame.show_errors():
                return corpora_hub.fetched(opened, run_id)
        elif view is not None:
            upload_run.show_end(opened, view, _forget)
            st.stop()
        _forget()
    _controls(opened)
    return None


def _controls(opened: Studio) -> None:
    with st.expander(t("reading.hub"), icon=":material/cloud_download:"), st.form("hub", border=False):
        cells = st.columns([3, 2, 2, 2], vertical_alignment="bottom")
        dataset_id = cells[0].text_input(t("reading.hub_id"), help=t("reading.hub_id_help"), max_chars=200)
        config = cells[1].text_input(t("reading.hub_config"), max_chars=100)
        split = cells[2].text_input(t("reading.hub_split"), value="train", max_chars=100)
        rows = cells[3].number_input(t("reading.hub_rows"), 1, MOST_ROWS, 100_000, 10_000)
        if st.form_submit_button(t("reading.hub_get"), icon=":material/download:"):
            with frame.show_errors():
                st.query_params[_PARAM] = corpora_hub.fetch(
                    opened, frame.current_user(), dataset_id=dataset_id, config=config, split=split, most_rows=int(rows)
                )
                st.rerun()


def _forget() -> None:
    st.query_params.pop(_PARAM, None)
