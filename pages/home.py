"""Home: what Winnow is, the demos, the corpora here and where one is in the main job."""

import streamlit as st

from pages._ui import frame, home_parts
from pages._ui.words import t

opened = frame.studio()
st.title(t("home.title"), anchor=False)
st.text(t("home.what"))
home_parts.follow_demo(opened)

snapshot = home_parts.current(opened)
if snapshot is not None:
    home_parts.job(opened, snapshot)
home_parts.listing(opened, snapshot.snapshot_id if snapshot else None)
home_parts.starts(opened, snapshot.snapshot_id if snapshot else None)
