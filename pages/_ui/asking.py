"""A part of a page that asks every second until work beside the page is done, and then stops asking by itself."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

EVERY_S = 1.0


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
