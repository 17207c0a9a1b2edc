"""Storage: what takes space in the workspace, and removing it for good."""

import streamlit as st

from pages._ui import admin_purge, admin_storage, frame
from pages._ui.words import t

opened = frame.studio()
st.header(t("admin.title"), anchor=False)

PARTS = {"space": admin_storage.show, "remove": admin_purge.show}
names = {key: t(f"admin.part_{key}") for key in PARTS}
part = frame.url_select(st, t("admin.part"), list(PARTS), "part", format_func=names.__getitem__,
                        widget="segmented_control", required=True, label_visibility="collapsed")  # fmt: skip
PARTS[part](opened)
