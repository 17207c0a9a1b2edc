"""Label a frozen selection, one key per example, every label on disk before the next text shows."""

import streamlit as st

from pages._ui import annotate_desk, annotate_queue, frame
from pages._ui.words import t
from studio.access.roles import may

snapshot = frame.current_snapshot()
place = st.columns([2, 3], vertical_alignment="center")
with place[0]:
    st.header(t("annotate.title"), anchor=False)
frame.require_task(snapshot, "annotate")
annotate_queue.stop_without_queue(snapshot)
with place[1]:
    selection_id = annotate_queue.pick(snapshot)
annotate_queue.stop_without_labels(snapshot)

if not may(frame.current_user().role, "annotator"):
    st.info(t("annotate.read_only"), icon=":material/visibility:")
    st.stop()
with frame.show_errors():
    annotate_desk.show(snapshot, selection_id)
annotate_queue.corpus_words(snapshot)
annotate_queue.simulated(snapshot, selection_id)
