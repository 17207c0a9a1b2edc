"""Label, train, score, pick, again: the learning curve, whether to go on, and what comes next."""

import streamlit as st

from pages._ui import frame, loop_start, loop_status
from pages._ui.words import t

snapshot = frame.current_snapshot()
st.header(t("loop.title"), anchor=False)
frame.require_task(snapshot, "loop")
loop_id = loop_start.pick(snapshot)
if loop_id is None:
    loop_start.form(snapshot)
    st.stop()
with frame.show_errors():
    loop_status.show(loop_id)
