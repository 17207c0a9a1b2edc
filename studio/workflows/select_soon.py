"""Seconds of arithmetic in a thread beside the pages: asked for until it is there, given up when nobody asks."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from threadpoolctl import threadpool_limits

from studio.errors import StudioError

Tick = Callable[[int, int], None]
_KEPT = 64
_PATIENCE_S = 6.0
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


class _Dropped(Exception):
    """Nobody has asked for a while: something newer took its place."""


def soon(key: tuple[Any, ...], work: Callable[[Tick], Any]) -> Pending:
    """The work of a key in the background: returns at once, ask again until `is_over`.

    Works run one after the other; one that nobody asks about for a few seconds is given up, so moving a slider costs
    nothing but the newest. A result of None means that it could not be worked out.

    Args:
        key: everything the result depends on.
        work: called in the thread with `tick(done, all)`, which it calls often; what it returns is the result.
    """
    with _lock:
        found = _pending.get(key)
        if found is None:
            found = _pending[key] = Pending(asked=time.monotonic())
            _threads.submit(_run, key, work, found)
            while len(_pending) > _KEPT:
                _pending.popitem(last=False)
        found.asked = time.monotonic()
    return found


def _run(key: tuple[Any, ...], work: Callable[[Tick], Any], into: Pending) -> None:
    def tick(done: int, total: int) -> None:
        into.done, into.total = done, max(total, 1)
        if time.monotonic() - into.asked > _PATIENCE_S:
            raise _Dropped

    is_dropped = False
    try:
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
