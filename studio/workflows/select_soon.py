"""Seconds of arithmetic in a thread beside the pages: asked for until it is there, given up when nobody asks.

It stands back for the pages: it begins when whoever asks has rested for a moment, and rests while a page is drawn.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from threadpoolctl import threadpool_limits

from studio.errors import StudioError

Tick = Callable[[int, int], None]
_KEPT = 64
_PATIENCE_S = 6.0
_SETTLE_S = 0.4  # a slider that moves on within it starts nothing
_LOOK_S, _MOST_REST_S = 0.02, 1.0  # how often it looks whether a page is still drawn, and how long it waits at most
_newest: OrderedDict[tuple[str, Any], tuple[Any, ...]] = OrderedDict()  # (who asks, kind of work) -> key
_drawing = 0
_pending: OrderedDict[tuple[Any, ...], Pending] = OrderedDict()
_lock = threading.Lock()
_threads = ThreadPoolExecutor(1, thread_name_prefix="select-soon")
log = logging.getLogger(__name__)


@dataclass
class Pending:
    """Work under way in a thread of its own: how far it is, when somebody last asked, how it ended."""

    done: int = 0
    total: int = 1
    asked: float = 0.0
    result: Any = None
    is_over: bool = False
    is_dropped: bool = False
    begun: float = field(default_factory=time.monotonic)
    owners: set[str] = field(default_factory=set)


class _Dropped(Exception):
    """Nobody has asked for a while: something newer took its place."""


@contextmanager
def rests() -> Iterator[None]:
    """While a page is drawn inside it, work in the background waits: both need the interpreter."""
    global _drawing
    with _lock:
        _drawing += 1
    try:
        yield
    finally:
        with _lock:
            _drawing -= 1


def soon(key: tuple[Any, ...], work: Callable[[Tick], Any], owner: str = "") -> Pending:
    """The work of a key in the background: returns at once, ask again until `is_over`.

    Works run one after the other; one that nobody asks about for a few seconds is given up, and at once where all who
    asked for it asked for another of its kind since, so moving a slider costs nothing but the newest. A result of None
    means that it could not be worked out.

    Args:
        key: everything the result depends on; its first part is the kind of work.
        work: called in the thread with `tick(done, all)`, which it calls often; what it returns is the result.
        owner: who asks, such as a browser session; work of nobody's is only given up when nobody asks.
    """
    with _lock:
        if owner:
            _leave_older(owner, key)
        found = _pending.get(key)
        if found is None:
            found = _pending[key] = Pending(asked=time.monotonic())
            _threads.submit(_run, key, work, found)
            while len(_pending) > _KEPT:
                _pending.popitem(last=False)
        found.owners.add(owner)
        found.asked = time.monotonic()
    return found


def _leave_older(owner: str, key: tuple[Any, ...]) -> None:
    """Drop what this owner asked for before, where nobody else wants it; called under the lock."""
    lane = (owner, key[0])
    before = _newest.get(lane)
    _newest[lane] = key
    _newest.move_to_end(lane)
    while len(_newest) > _KEPT:
        _newest.popitem(last=False)
    old = _pending.get(before) if before is not None and before != key else None
    if old is None or old.is_over:
        return
    old.owners.discard(owner)
    if not old.owners:
        old.is_dropped = True
        del _pending[before]


def _rest(into: Pending) -> None:
    """Wait while a page is drawn; never for long, or pages that are drawn all the time would stop it for good."""
    until = time.monotonic() + _MOST_REST_S
    while not into.is_dropped and time.monotonic() < until and _drawing:
        time.sleep(_LOOK_S)


def _settle(into: Pending) -> None:
    while "" not in into.owners and not into.is_dropped and time.monotonic() - into.begun < _SETTLE_S:
        time.sleep(_LOOK_S)


def _run(key: tuple[Any, ...], work: Callable[[Tick], Any], into: Pending) -> None:
    def tick(done: int, total: int) -> None:
        into.done, into.total = done, max(total, 1)
        _rest(into)
        if into.is_dropped or time.monotonic() - into.asked > _PATIENCE_S:
            raise _Dropped

    is_dropped = False
    try:
        _settle(into)
        tick(0, 1)
        # many small matrices: two threads of a busy machine wait for each other, 18 s instead of 2 s (decision 0065)
        with threadpool_limits(1, user_api="blas"):
            into.result = work(tick)
    except _Dropped:
        is_dropped = True
        with _lock:
            if _pending.get(key) is into:
                del _pending[key]
    except (OSError, ValueError, StudioError) as error:
        log.warning("not worked out in the background error=%s", error)
    except BaseException:
        log.exception("not worked out in the background")
        raise
    finally:
        into.is_over = not is_dropped  # whatever happened: a page must not ask for ever
