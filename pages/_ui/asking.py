"""Parts of a page and time: asking until work beside it is done, standing back for a press, what is sent first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit import runtime
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext, ThreadState

EVERY_S = 1.0
_LOOK_S = 0.03  # how soon a press is seen while the page stands back
_QUEUE_S, _MOST_LEAVE_S = 0.002, 0.5  # how often the queue is looked at; a browser that is gone empties none


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


def give_way(seconds: float = 0.0) -> None:
    """Let what is drawn so far leave for the browser, and begin anew where a press came meanwhile.

    What was drawn waits for the interpreter as long as this thread computes, and a press waits until a fragment is
    drawn to its end. Nothing is taken away from the page: the run that begins draws all of it.

    Args:
        seconds: how long to stand back where a fragment is drawn again; a browser draws what came first only after all
            that has arrived by then.
    """
    end = time.monotonic() + seconds
    context = get_script_run_ctx()
    _leave(context)
    requests = getattr(context, "script_requests", None)
    if requests is None or not context.fragment_ids_this_run or ThreadState.get().fragment_id is None:
        return  # a whole page that is drawn is broken off by Streamlit itself
    while not _is_pressed(requests) and time.monotonic() < end:
        time.sleep(_LOOK_S)
    if _is_pressed(requests):
        context.query_string = _address(context, requests._rerun_data.query_string)
        st.rerun(scope="fragment")


def _address(context: ScriptRunContext, pressed: str) -> str:
    """The address a run begins with that a press ended this one for.

    Streamlit would take this run's. What a bound control says stands only in the address that came with the press; the
    rest is the server's own, and newer here.
    """
    came, own = (parse_qs(text, keep_blank_values=True) for text in (pressed, context.query_string))
    with context.session_state.query_params() as known:
        bound = {name for name in {*came, *own} if known.is_bound(name)}
    kept = {name: values for name, values in own.items() if name not in bound}
    return urlencode(kept | {name: values for name, values in came.items() if name in bound}, doseq=True)


def _leave(context: ScriptRunContext | None) -> None:
    """Wait until all that was drawn is on its way: a run that begins throws away what still waits in the queue.

    The queue belongs to the loop that sends. What is asked of that loop now comes behind all that was drawn before, so
    an empty queue after it means that everything has left.
    """
    session = runtime.get_instance().get_app_session(context.session_id) if context and runtime.exists() else None
    if session is None:
        return
    is_behind, end = threading.Event(), time.monotonic() + _MOST_LEAVE_S
    session._call_soon_on_event_loop(is_behind.set)
    is_behind.wait(_MOST_LEAVE_S)
    while not session._browser_queue.is_empty() and time.monotonic() < end:
        time.sleep(_QUEUE_S)


def _is_pressed(requests: ScriptRequests) -> bool:
    waits = requests._rerun_data
    is_press = bool(waits.fragment_id_queue) and not (waits.is_auto_rerun or waits.is_history_navigation)
    return requests._state == ScriptRequestType.RERUN and is_press


class Later:
    """Messages of a fragment that are kept back, so that a browser draws what matters before what stays as it was.

    A browser draws all of a page again whenever messages arrive while it is idle: thirty controls that trickle in
    before a table are two or three drawings, each 0.05 to 0.1 s, before its own (0230). What was kept goes out in its
    order, at the latest where the block ends, whatever ends it, and has left then: the place of a slider is said only
    once (0214). A whole page is drawn as it comes.
    """

    def __init__(self) -> None:
        context = get_script_run_ctx()
        self._context = context if context is not None and context.fragment_ids_this_run else None
        self._kept: list[ForwardMsg] = []

    def __enter__(self) -> Later:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kept:
            self.send()
            _leave(self._context)

    @contextmanager
    def keep(self) -> Iterator[None]:
        """What is drawn inside waits for `send`; its places in the page are taken all the same."""
        context = self._context
        if context is None:
            yield
            return
        at_once, context._enqueue = context._enqueue, self._kept.append
        try:
            yield
        finally:
            context._enqueue = at_once

    def send(self) -> None:
        """Let go of what was kept."""
        for message in self._kept:
            self._context._enqueue(message)
        self._kept.clear()
