"""Parts of a page and time: asking every second until work beside the page is done, and standing back for a press."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

EVERY_S = 1.0
_SEND_S = 0.03  # a few turns of the loop that sends what was drawn


def until(draw: Callable[[], bool], *, is_over: bool) -> None:
    """Draw a part of the page, again every second while it says that there is more to come.

    Streamlit offers one way to end the asking of a fragment: drawing the whole page anew, for which a press that comes
    meanwhile has to wait. The message it sends itself when such a fragment goes away ends it for nothing (0213).

    Args:
        draw: draws what is known by now; True when nothing more will come.
        is_over: known beforehand, so that nothing is asked for.
    """
    st.fragment(_again, run_every=None if is_over else EVERY_S)(draw)


def _again(draw: Callable[[], bool]) -> None:
    if draw():
        _stop()


def _stop() -> None:
    context, fragment_id = get_script_run_ctx(), ThreadState.get().fragment_id
    if context is None or not fragment_id:
        return
    message = ForwardMsg()
    message.stop_auto_rerun.fragment_ids.append(fragment_id)
    context.enqueue(message)


def give_way(seconds: float = _SEND_S) -> None:
    """Let what is drawn so far reach the browser, and begin anew where a press came meanwhile.

    What was drawn waits for the interpreter as long as this thread computes, and a press waits until a fragment is
    drawn to its end. Nothing is taken away from the page: the run that begins draws all of it.

    Args:
        seconds: how long to stand back where a fragment is drawn again; a browser draws what came first only after all
            that has arrived by then.
    """
    end = time.monotonic() + seconds
    time.sleep(_SEND_S)
    context = get_script_run_ctx()
    requests = getattr(context, "script_requests", None)
    if requests is None or not context.fragment_ids_this_run or ThreadState.get().fragment_id is None:
        return  # a whole page that is drawn is broken off by Streamlit itself
    while not _is_pressed(requests) and time.monotonic() < end:
        time.sleep(_SEND_S)
    if _is_pressed(requests):
        st.rerun(scope="fragment")


def _is_pressed(requests: ScriptRequests) -> bool:
    waits = requests._rerun_data
    is_press = bool(waits.fragment_id_queue) and not (waits.is_auto_rerun or waits.is_history_navigation)
    return requests._state == ScriptRequestType.RERUN and is_press
