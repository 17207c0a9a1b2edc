"""Work beside the pages: whatever goes wrong in it, the page that asks for it comes to an end."""

from __future__ import annotations

import threading

import pytest

from studio.workflows import select_soon


def ended(pending):
    waiting = threading.Event()
    for _ in range(200):
        if pending.is_over:
            return True
        waiting.wait(0.01)
    return False


@pytest.mark.parametrize("error", [KeyError("x"), ZeroDivisionError(), MemoryError(), ValueError("y")])
def test_work_that_breaks_is_over_without_a_result(error):
    def work(tick):
        raise error

    pending = select_soon.soon(("test", repr(error)), work)
    assert ended(pending) and pending.result is None


def test_work_that_ends_is_there_for_whoever_asks_again():
    pending = select_soon.soon(("test", "sum"), lambda tick: sum(range(5)))
    assert ended(pending) and pending.result == 10
    assert select_soon.soon(("test", "sum"), lambda tick: 0) is pending
