"""Around the desk: which queue, the labels and guidelines of the corpus, and the simulated annotator."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import t
from studio.access.roles import may
from studio.records import Snapshot
from studio.store import annotations, labels
from studio.workflows import annotate

QUEUE_KEY = "sel"


def stop_without_queue(snapshot: Snapshot) -> None:
    """Without any queue the page says where to get one and stops."""
    if annotations.queues(frame.studio().store, snapshot.snapshot_id):
        return
    st.info(t("annotate.no_queue"), icon=":material/playlist_add:")
    if st.button(t("annotate.go_select"), type="primary", icon=":material/tune:"):
        frame.go("select")
    st.stop()


def pick(snapshot: Snapshot) -> str:
    """The queue in the URL, else the newest one that was chosen; random controls come after those."""
    heads = annotations.queues(frame.studio().store, snapshot.snapshot_id)
    heads.sort(key=lambda head: head.arm == "random")
    queues = {head.selection_id: t("annotate.queue_line", name=head.name, n=f"{head.n:,}") for head in heads}
    asked = st.query_params.get(QUEUE_KEY, "")
    if asked and asked not in queues:
        st.caption(f":material/link_off: {t('annotate.unknown_queue')}")
    return frame.url_select(
        st,
        t("annotate.queue"),
        list(queues),
        QUEUE_KEY,
        label_visibility="collapsed",
        format_func=queues.__getitem__,
    )


def stop_without_labels(snapshot: Snapshot) -> None:
    """A corpus without a single label to choose from needs one first."""
    if labels.names(frame.studio().store, snapshot.snapshot_id):
        return
    st.info(t("annotate.no_labels"), icon=":material/new_label:")
    if may(frame.current_user().role, "analyst"):
        _add_label(snapshot)
    st.stop()


def corpus_words(snapshot: Snapshot) -> None:
    """Guidelines and labels of the corpus, for those who may change them."""
    if not may(frame.current_user().role, "analyst"):
        return
    with st.expander(t("annotate.guidelines_edit"), icon=":material/menu_book:"):
        written = labels.guidelines(frame.studio().store, snapshot.corpus_id)
        with st.form("desk_guidelines", border=False):
            text = st.text_area(
                t("annotate.guidelines"),
                written,
                height=220,
                max_chars=annotate.MAX_GUIDELINES,
                help=t("annotate.guidelines_help"),
                label_visibility="collapsed",
            )
            if st.form_submit_button(t("annotate.guidelines_save"), icon=":material/save:"):
                with frame.show_errors():
                    annotate.set_guidelines(
                        frame.studio(), frame.current_user(), corpus_id=snapshot.corpus_id, text=text
                    )
                    st.rerun()
        _add_label(snapshot)


def _add_label(snapshot: Snapshot) -> None:
    with st.form("desk_add_label", border=False, clear_on_submit=True):
        columns = st.columns([4, 2], vertical_alignment="bottom")
        name = columns[0].text_input(t("annotate.labels_add_name"), max_chars=annotate.MAX_LABEL)
        if columns[1].form_submit_button(t("annotate.labels_add"), icon=":material/new_label:"):
            with frame.show_errors():
                annotate.add_label(frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id, name=name)
                st.rerun()


def simulated(snapshot: Snapshot, selection_id: str) -> None:
    """Let the corpus's own labels stand in for a person, plainly marked; only where the corpus has labels."""
    store = frame.studio().store
    if not may(frame.current_user().role, "analyst") or not labels.has_corpus_labels(store, snapshot.snapshot_id):
        return
    queue = annotations.queue(store, snapshot.corpus_id, selection_id)
    n_open = int((queue.state != "label").sum())
    with st.expander(t("annotate.simulate_title"), icon=":material/smart_toy:"):
        st.warning(t("annotate.simulate_help"), icon=":material/science:")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            percent = st.number_input(t("annotate.simulate_error"), 0, 50, 0, 1, key="desk_wrong", width=220)
            # No count: the desk above draws itself alone, so it would be old, and a new label makes a new button.
            pressed = st.button(
                t("annotate.simulate_go"), icon=":material/smart_toy:", disabled=n_open == 0, key="desk_simulate"
            )
        if pressed:
            with frame.show_errors(), st.spinner(t("annotate.simulate_title")):
                annotate.simulate_rest(
                    frame.studio(), frame.current_user(), selection_id=selection_id, error_rate=percent / 100
                )
                st.rerun()
