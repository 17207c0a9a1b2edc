"""The desk: one text, one key per label, saved before the next text shows."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import streamlit as st

from pages._ui import annotate_aside, annotate_text, annotate_together, frame
from pages._ui.words import plain, t
from studio.annotation.keys import DESK_KEYS, MOST_BUTTONS, label_keys
from studio.errors import StudioError
from studio.records import AnnotationEvent, Snapshot
from studio.store import annotations, examples, labels
from studio.workflows import annotate, annotate_desk, annotate_suggest
from studio.workflows.annotate_desk import Desk, Waiting

DISPLAY, ACTED, FULL, PROBLEM, SKIPPED = (
    annotate_together.AT_DESK,
    "desk.acted",
    "desk.full_run",
    "desk.problem",
    "desk.skipped_too",
)
COLUMNS = ("example_id", "text", "row_hash", "language")
TOP_SUGGESTIONS = 9


def show(snapshot: Snapshot, selection_id: str) -> None:
    """The desk over one queue; the caller's script run counts as a whole one."""
    st.session_state[FULL] = True
    _desk(snapshot, selection_id)


@st.fragment
def _desk(snapshot: Snapshot, selection_id: str) -> None:
    actor = frame.current_user()
    late = not st.session_state.pop(FULL, False) and not st.session_state.pop(ACTED, False)
    st.session_state.pop(ACTED, None)
    asked = annotate_together.asked()
    desk = annotate_desk.read(
        frame.studio(),
        actor,
        selection_id=selection_id,
        skipped_too=bool(st.session_state.get(SKIPPED)),
        session=frame.session_id(),
        is_here=frame.is_here,
        first=asked,
    )
    _progress(desk)
    _problems(late)
    annotate_together.say(desk, asked)
    if not desk.waiting:
        _nothing_waits(desk)
        return
    waiting = desk.waiting[0]
    row = _rows(snapshot.snapshot_id, desk.block).loc[waiting.example_id]
    display = _display(selection_id, waiting.example_id)
    shown = _shown(snapshot, desk, waiting, str(row.row_hash))
    reading, aside = st.columns([7, 3], gap="medium")
    with reading:
        annotate_text.show(
            str(row.text),
            token=display[0],
            language=str(row.language or snapshot.language),
            label=t("annotate.text"),
            scale=annotate_aside.scale(),
        )
        suggestion = _suggestion(snapshot, desk)
        _label_buttons(snapshot, shown, display, suggestion)
        _acts(desk, shown, display, suggestion)
        _saved_line(desk)
    with aside:
        annotate_aside.suggestion(suggestion)
        annotate_aside.guidelines(snapshot)
        annotate_aside.options(snapshot, selection_id, waiting, _touch)
        st.caption(
            t("annotate.rank", rank=f"{waiting.rank:,}", n=f"{desk.n:,}")
            + " · "
            + annotate_aside.reason(waiting.reason)
        )


# --- reading ----------------------------------------------------------------------------------------------------------
@st.cache_resource(show_spinner=False, max_entries=200)
def _rows(snapshot_id: str, ids: tuple[int, ...]) -> pd.DataFrame:
    """The next texts of a queue in one read; snapshots never change, so the rows may be kept."""
    return examples.by_ids(frame.studio().store, snapshot_id, list(ids), list(COLUMNS)).set_index("example_id")


def forget() -> None:
    """Let go of what is kept: what a removal took must not stay in memory."""
    _rows.clear()


@st.cache_data(show_spinner=False, ttl=60, max_entries=50)
def _constants(snapshot_id: str, selection_id: str) -> tuple[bool, bool]:
    store = frame.studio().store
    return annotations.has_control(store, selection_id), labels.has_corpus_validation(store, snapshot_id)


def _shown(snapshot: Snapshot, desk: Desk, waiting: Waiting, row_hash: str) -> annotate.Shown:
    has_control, has_validation = _constants(snapshot.snapshot_id, desk.head.selection_id)
    return annotate.Shown(
        corpus_id=snapshot.corpus_id,
        snapshot_id=snapshot.snapshot_id,
        selection_id=desk.head.selection_id,
        example_id=waiting.example_id,
        row_hash=row_hash,
        reason=waiting.reason,
        has_control=has_control,
        has_corpus_validation=has_validation,
    )


def _display(selection_id: str, example_id: int) -> tuple[str, float]:
    """The UUID of this showing of this example and when it began; the same until something is done with it."""
    kept = st.session_state.get(DISPLAY)
    if kept is None or kept[:2] != (selection_id, example_id):
        kept = (selection_id, example_id, uuid.uuid4().hex, time.monotonic())
        st.session_state[DISPLAY] = kept
    return kept[2], kept[3]


def _suggestion(snapshot: Snapshot, desk: Desk) -> list[tuple[str, float]]:
    """The newest round's labels for this example with their probabilities, likeliest first; empty when hidden."""
    if not st.session_state.get("desk_suggest", True):
        return []
    round_id = annotate_suggest.newest_round(frame.studio(), snapshot.snapshot_id)
    if round_id is None:
        return []
    found = _suggested(round_id, desk.block)
    return found.get(desk.waiting[0].example_id, [])


@st.cache_data(show_spinner=False, max_entries=200)
def _suggested(round_id: str, ids: tuple[int, ...]) -> dict[int, list[tuple[str, float]]]:
    return annotate_suggest.of_examples(frame.studio(), round_id, ids)


# --- acting -----------------------------------------------------------------------------------------------------------
def _do(work: Callable[..., AnnotationEvent], values: dict[str, Any]) -> None:
    """A button's callback: do it, or keep the error for the next drawing of the desk."""
    st.session_state[ACTED] = True
    try:
        work(frame.studio(), frame.current_user(), **values)
    except StudioError as error:
        st.session_state[PROBLEM] = error
    else:
        st.session_state.pop(DISPLAY, None)
        annotate_together.answered()


def _give(shown: annotate.Shown, value: str, display: tuple[str, float], suggestion: list[tuple[str, float]]) -> None:
    top = {"label": suggestion[0][0], "p": round(suggestion[0][1], 4)} if suggestion else None
    _do(
        annotate.label,
        {
            "shown": shown,
            "value": value,
            "event_id": annotate.press_id(display[0], "label", value),
            "suggestion": top,
            "duration_ms": int(1000 * (time.monotonic() - display[1])),
        },
    )


def _give_picked(key: str, shown: annotate.Shown, display: tuple[str, float], suggestion: list) -> None:
    st.session_state[ACTED] = True
    value = st.session_state.get(key)
    if value:
        _give(shown, value, display, suggestion)


def _write_note(key: str, shown: annotate.Shown) -> None:
    st.session_state[ACTED] = True
    text = (st.session_state.get(key) or "").strip()
    if text:
        kept = st.session_state.get(DISPLAY)
        _do(annotate.note, {"shown": shown, "text": text, "event_id": uuid.uuid4().hex})
        st.session_state[DISPLAY] = kept  # the same showing goes on
        st.session_state[key] = ""


def _touch() -> None:
    st.session_state[ACTED] = True


def _revisit() -> None:
    _touch()
    st.session_state[SKIPPED] = True


# --- drawing ----------------------------------------------------------------------------------------------------------
def _progress(desk: Desk) -> None:
    done = desk.n_labelled / desk.n if desk.n else 1.0
    parts = [t("annotate.progress", done=f"{desk.n_labelled:,}", n=f"{desk.n:,}")]
    if desk.n_skipped:
        parts.append(t("annotate.skipped", n=f"{desk.n_skipped:,}"))
    if desk.n_open:
        parts.append(t("annotate.left", n=f"{desk.n_open:,}"))
    if desk.seconds_each is not None and desk.n_open:
        minutes = max(1, round(desk.seconds_each * desk.n_open / 60))
        parts.append(t("annotate.pace_s", seconds=max(1, round(desk.seconds_each)), minutes=f"{minutes:,}"))
    st.progress(min(1.0, done), text=" · ".join(parts))
    if desk.n_simulated:
        st.caption(":material/smart_toy: " + t("annotate.simulated_here", n=f"{desk.n_simulated:,}"))


def _problems(late: bool) -> None:
    problem = st.session_state.pop(PROBLEM, None)
    if problem is not None:
        frame.show_error(problem)
    elif late:
        st.warning(t("annotate.late"), icon=":material/keyboard_off:")


def _label_buttons(
    snapshot: Snapshot, shown: annotate.Shown, display: tuple[str, float], suggestion: list[tuple[str, float]]
) -> None:
    names = labels.names(frame.studio().store, snapshot.snapshot_id)
    if len(names) > MOST_BUTTONS:
        picked = f"pick_{display[0]}"
        with st.container(key="desk_pick"):
            st.selectbox(
                t("annotate.pick"),
                names,
                index=None,
                key=picked,
                placeholder=t("annotate.pick_hint"),
                on_change=_give_picked,
                args=(picked, shown, display, suggestion),
            )
        quick = [label for label, _ in suggestion] or annotations.frequent_labels(
            frame.studio().store, shown.corpus_id, TOP_SUGGESTIONS
        )
        names = [name for name in quick if name in names][:TOP_SUGGESTIONS]
        if names:
            st.caption(t("annotate.frequent"))
    keys = label_keys(names)
    likeliest = suggestion[0][0] if suggestion else None
    with st.container(horizontal=True, gap="small", key="desk_labels"):
        for place, name in enumerate(names):
            st.button(
                plain(name, 60),
                key=f"label_{place}_{display[0]}",
                shortcut=keys.get(name),
                type="primary" if name == likeliest else "secondary",
                on_click=_give,
                args=(shown, name, display, suggestion),
            )


def _acts(desk: Desk, shown: annotate.Shown, display: tuple[str, float], suggestion: list[tuple[str, float]]) -> None:
    note_key = f"note_{display[0]}"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="desk_acts"):
        if suggestion:
            st.button(
                t("annotate.accept"),
                key=f"accept_{display[0]}",
                shortcut=DESK_KEYS["accept"],
                icon=":material/check:",
                type="tertiary",
                on_click=_give,
                args=(shown, suggestion[0][0], display, suggestion),
            )
        skip_id = annotate.press_id(display[0], "skip")
        st.button(
            t("annotate.skip"),
            key=f"skip_{display[0]}",
            shortcut=DESK_KEYS["skip"],
            icon=":material/skip_next:",
            type="tertiary",
            on_click=_do,
            args=(annotate.skip, {"shown": shown, "event_id": skip_id}),
        )
        _undo_button(desk)
        _redo_button(desk)
        with st.container(key="desk_note", width=320):
            st.text_input(
                t("annotate.note"),
                key=note_key,
                max_chars=annotate.MAX_NOTE,
                placeholder=t("annotate.note_hint"),
                label_visibility="collapsed",
                on_change=_write_note,
                args=(note_key, shown),
            )


def _undo_button(desk: Desk) -> None:
    old = desk.undoable
    values = {
        "selection_id": desk.head.selection_id,
        "supersedes": old.event_id if old else "",
        "event_id": "",
        "session": frame.session_id(),
    }
    if old is not None:
        values["event_id"] = annotate.press_id(str(uuid.UUID(old.event_id)), "undo")
    st.button(
        t("annotate.undo"),
        key="desk_undo",  # one key for all: "take back my last one" means the newest, however fast it is pressed
        shortcut=DESK_KEYS["undo"],
        icon=":material/undo:",
        type="tertiary",
        disabled=old is None,
        on_click=_do,
        args=(annotate.undo, values),
    )


def _redo_button(desk: Desk) -> None:
    old = desk.redoable
    if old is None or desk.newest is None:
        return
    event_id = annotate.press_id(str(uuid.UUID(desk.newest.event_id)), "redo")
    values = {"selection_id": desk.head.selection_id, "undone": old.event_id, "event_id": event_id}
    st.button(
        t("annotate.redo"),
        key="desk_redo",
        shortcut=DESK_KEYS["redo"],
        icon=":material/redo:",
        type="tertiary",
        on_click=_do,
        args=(annotate.redo, values),
    )


def _saved_line(desk: Desk) -> None:
    event = desk.newest
    if event is None:
        st.caption(t("annotate.saved_nothing"))
        return
    values = {"seq": f"{event.seq:,}", "time": _clock(event.created_at)}
    if event.event == "label":
        text = t("annotate.saved_label", label=plain(event.label, 60), **values)
    else:
        text = t(f"annotate.saved_{event.event}", **values)
    st.caption(f":material/save: {text}")


def _clock(at: str) -> str:
    """hh:mm:ss where the browser is."""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return f"{datetime.fromisoformat(at).astimezone(zone):%H:%M:%S}"


def _nothing_waits(desk: Desk) -> None:
    if desk.is_finished:
        _finished(desk)
        return
    annotate_together.all_held(desk, _touch)
    _saved_line(desk)
    with st.container(horizontal=True):
        _undo_button(desk)
        _redo_button(desk)


def _finished(desk: Desk) -> None:
    st.success(
        t("annotate.finished", labelled=f"{desk.n_labelled:,}", skipped=f"{desk.n_skipped:,}"),
        icon=":material/task_alt:",
    )
    _saved_line(desk)
    with st.container(horizontal=True):
        if st.button(t("annotate.go_train"), type="primary", icon=":material/model_training:", on_click=_touch):
            frame.go("train")
        if desk.head.loop_id and st.button(t("annotate.go_loop"), icon=":material/autorenew:", on_click=_touch):
            frame.go("loop", loop=desk.head.loop_id)
        if desk.n_skipped and not st.session_state.get(SKIPPED):
            st.button(t("annotate.revisit", n=f"{desk.n_skipped:,}"), icon=":material/replay:",
                      on_click=_revisit, key="desk_revisit")  # fmt: skip
        _undo_button(desk)
        _redo_button(desk)
