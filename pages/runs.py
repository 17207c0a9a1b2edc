"""Runs: what works, what waits, what ended and why; stop it, resume it, read its log."""

import streamlit as st

from pages._ui import frame, runs_list
from pages._ui.words import t
from studio.workflows import runs

MOST = 200

opened = frame.studio()
actor = frame.current_user()
st.header(t("runs.title"), anchor=False)
st.caption(t("runs.about"))

listed = runs.overview(opened, limit=MOST)
wanted = st.query_params.get(runs_list.RUN_KEY)
if not listed:
    st.info(t("runs.empty"), icon=":material/pending_actions:")
    if st.button(t("runs.to_upload"), type="primary", icon=":material/upload_file:"):
        frame.go("upload")
    st.stop()
if wanted and all(view.run_id != wanted for view in listed):
    st.warning(t("runs.no_such"), icon=":material/link_off:")

runs_list.at_work(opened, actor, listed)
runs_list.ended(opened, actor, listed)
