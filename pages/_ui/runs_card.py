"""One run as a card: how far it is or why it ended, and what can be done about it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui import frame, runs_words
from pages._ui.words import plain, t
from studio import words
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Actor
from studio.workflows import runs
from studio.workflows.runs import RunDetail, RunView
from studio.workflows.studio import Studio

LOG_HEIGHT = 260


def live(opened: Studio, actor: Actor, view: RunView) -> None:
    """A run that waits or works: progress, the two ways to end it, its log."""
    with st.container(border=True):
        _head(view)
        if view.status.state == "queued":
            st.text(runs_words.progress(view))
        else:
            st.progress(view.share, text=runs_words.progress(view))
        if view.is_stalled and view.status.heartbeat is not None:
            silent = runs_words.duration(time.time() - view.status.heartbeat)
            st.warning(t("runs.stalled", age=silent), icon=":material/hourglass_disabled:")
        st.caption(runs_words.facts(view))
        with st.container(horizontal=True, vertical_alignment="center"):
            if may(actor.role, "analyst") and not view.status.is_final:
                _ending_buttons(opened, actor, view)
        if view.status.state != "queued":
            with st.expander(t("runs.log"), icon=":material/subject:", key=f"log_{view.run_id}"):
                _log(runs.detail(opened, view.run_id))


def ended(opened: Studio, actor: Actor, view: RunView) -> None:
    """A run that ended: why, what one line of advice says, what was kept, its log."""
    detail = runs.detail(opened, view.run_id)
    with st.container(border=True):
        _head(view)
        st.caption(runs_words.facts(view))
        _why(detail)
        if view.can_resume and may(actor.role, "analyst"):
            _resume_button(opened, actor, view)
        with st.expander(t("runs.log"), icon=":material/subject:", expanded=view.status.state in ("failed", "crashed")):
            _log(detail)
        with st.expander(t("runs.details"), icon=":material/info:"):
            st.caption(t("runs.parameters"))
            shown = {"run_id": view.run_id, "seed": view.spec.seed, **view.spec.params}
            st.code(json.dumps(shown, ensure_ascii=False, indent=1, default=str), language=None, wrap_lines=True)
            if detail.failure.get("traceback"):
                st.caption(t("runs.technical"))
                st.code(str(detail.failure["traceback"]), language=None, height=LOG_HEIGHT)


def title(icon: str, view: RunView) -> str:
    """Icon and name of a run in bold; the name may come from a file and is shown literally."""
    return f"{icon} **{plain(runs_words.title(view), 120)}**"


def _head(view: RunView) -> None:
    icon = runs_words.ICONS.get(view.spec.kind, ":material/play_circle:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(title(icon, view), width="content")
        st.badge(runs_words.state(view), color=runs_words.COLORS[view.status.state])


def _ending_buttons(opened: Studio, actor: Actor, view: RunView) -> None:
    if view.status.state == "queued":
        if st.button(t("runs.leave"), key=f"leave_{view.run_id}", icon=":material/remove_circle:",
                     help=t("runs.leave_help")):  # fmt: skip
            with frame.show_errors():
                runs.stop(opened, actor, run_id=view.run_id)
            st.rerun(scope="app")
        return
    asked = view.asked is not None
    if st.button(t("runs.stop"), key=f"stop_{view.run_id}", icon=":material/pause_circle:", disabled=asked,
                 help=t("runs.stop_help")):  # fmt: skip
        with frame.show_errors():
            runs.stop(opened, actor, run_id=view.run_id)
        st.rerun(scope="app")
    with st.popover(t("runs.cancel"), icon=":material/delete:", disabled=view.asked == "cancel"):
        st.write(t("runs.cancel_sure"))
        if st.button(t("runs.cancel_yes"), key=f"cancel_{view.run_id}", type="primary"):
            with frame.show_errors():
                runs.cancel(opened, actor, run_id=view.run_id)
            st.rerun(scope="app")


def _resume_button(opened: Studio, actor: Actor, view: RunView) -> None:
    word = "resume" if view.has_checkpoint else "again"
    if st.button(t(f"runs.{word}"), key=f"resume_{view.run_id}", type="primary", icon=":material/play_circle:",
                 help=t(f"runs.{word}_help")):  # fmt: skip
        with frame.show_errors():
            runs.resume(opened, actor, run_id=view.run_id)
            st.rerun(scope="app")


def _why(detail: RunDetail) -> None:
    view = detail.view
    status = view.status
    if view.trouble:
        st.warning(t("runs.trouble"), icon=":material/inventory_2:")
        _error(view.trouble)
    if status.state == "cancelled":
        st.info(t("runs.discarded"), icon=":material/delete:")
    elif status.state == "stopped":
        st.info(
            t("runs.was_killed" if status.reason == "killed" else "runs.was_stopped"), icon=":material/stop_circle:"
        )
    elif status.state in ("failed", "crashed"):
        advice = status.advice if words.has(status.advice) else "runs.advice.unknown"
        st.warning(f"**{runs_words.reason(status)}**  \n{t(advice)}", icon=":material/lightbulb:")
        if detail.failure:
            _error(detail.failure)
        elif status.message and not words.has(status.message):
            st.caption(plain(status.message, 300))
    if status.checkpoint and view.has_checkpoint and status.state != "done":
        st.caption(t("runs.kept", name=plain(status.checkpoint)))


def _error(record: Mapping[str, Any]) -> None:
    what, got = str(record.get("what", "")), record.get("got")
    if record.get("type") == what:  # a fault nobody foresaw: its own words are the best there is
        st.code(f"{what}: {got}", language=None, wrap_lines=True)
        return
    frame.show_error(StudioError(what, got=got or None, fix=str(record.get("fix", ""))))


def _log(detail: RunDetail) -> None:
    if not detail.log.strip():
        st.caption(t("runs.log_empty"))
        return
    st.caption(t("runs.log_end"))
    with st.container(height=LOG_HEIGHT, border=False, autoscroll=True):  # the newest lines are the ones to read
        st.code(detail.log, language=None, wrap_lines=True)
