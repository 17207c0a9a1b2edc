"""Prepare: clean a snapshot, split it, compare its versions, and write it out."""

import streamlit as st

from pages._ui import frame, prepare_clean, prepare_export, prepare_split, prepare_versions
from pages._ui.words import t

opened = frame.studio()
snapshot = frame.current_snapshot()
st.header(t("prepare.title"), anchor=False)

PARTS = {
    "clean": prepare_clean.show,
    "split": prepare_split.show,
    "versions": prepare_versions.show,
    "export": prepare_export.show,
}
names = {key: t(f"prepare.part_{key}") for key in PARTS}
part = frame.url_select(st, t("prepare.part"), list(PARTS), "part", format_func=names.__getitem__,
                        widget="segmented_control", required=True, label_visibility="collapsed")  # fmt: skip
PARTS[part](opened, snapshot)
