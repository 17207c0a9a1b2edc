"""Beside the text: the suggestion, the guidelines, the desk's options, and why this example is here."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import annotate_together, frame
from pages._ui.words import t
from studio.records import Snapshot
from studio.store import examples, labels
from studio.workflows.annotate_desk import Waiting

SCALES = {"small": 0.85, "normal": 1.0, "large": 1.25}


def scale() -> float:
    """The chosen type size, 1 = normal."""
    return SCALES.get(str(st.session_state.get("desk_size") or "normal"), 1.0)


def suggestion(found: list[tuple[str, float]]) -> None:
    """What the current model would answer and how sure it is."""
    st.caption(t("annotate.suggestion"))
    if found:
        label, p = found[0]
        st.text(t("annotate.suggestion_p", label=label, p=f"{100 * p:.0f}"))
    elif not st.session_state.get("desk_suggest", True):
        st.text(t("annotate.suggestion_hidden"))
    else:
        st.text(t("annotate.suggestion_none"))


def guidelines(snapshot: Snapshot) -> None:
    """What annotators of this corpus are told, as literal text."""
    written = labels.guidelines(frame.studio().store, snapshot.corpus_id)
    st.caption(t("annotate.guidelines"))
    with st.container(height=220, border=True):
        st.text(written or t("annotate.guidelines_none"))


def options(snapshot: Snapshot, selection_id: str, waiting: Waiting, touch: Callable[[], None]) -> None:
    """Suggestion, text size, who wrote it (hidden unless asked for), the link to it; `touch` marks a wanted rerun."""
    with st.popover(t("annotate.options"), icon=":material/tune:"):
        st.toggle(
            t("annotate.show_suggestion"),
            value=True,
            key="desk_suggest",
            persist_state="session",
            help=t("annotate.show_suggestion_help"),
            on_change=touch,
        )
        st.segmented_control(
            t("annotate.text_size"),
            list(SCALES),
            default="normal",
            key="desk_size",
            persist_state="session",
            format_func={size: t(f"annotate.size_{size}") for size in SCALES}.__getitem__,
            on_change=touch,
        )
        if snapshot.groups:
            st.toggle(
                t("annotate.show_groups"), key="desk_groups", help=t("annotate.show_groups_help"), on_change=touch
            )
        annotate_together.link(snapshot, selection_id, waiting.example_id)
        st.caption(t("annotate.keys_help"))
    if snapshot.groups and st.session_state.get("desk_groups"):
        store = frame.studio().store
        seen = examples.by_ids(store, snapshot.snapshot_id, [waiting.example_id], list(snapshot.group_columns))
        st.dataframe(seen.drop(columns="example_id", errors="ignore").T.astype(str), hide_index=False)


def reason(code: str) -> str:
    """Why an example is in the queue, in words."""
    for start, word in (("control_random", "control"), ("seed_random", "seed"), ("most_useful", "useful")):
        if code.startswith(start):
            return t(f"annotate.reason_{word}")
    return t("annotate.reason_selected")
