"""Storage: what takes space in the workspace, and removing it for good."""

import streamlit as st

from pages._ui import admin_storage, frame
from pages._ui.words import t

opened = frame.studio()
st.header(t("admin.title"), anchor=False)
admin_storage.show(opened)
