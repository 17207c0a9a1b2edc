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


def asked_until_dropped(begun: threading.Event, gone: threading.Event):
    def work(tick):
        try:
            for done in range(100_000):
                tick(done, 100_000)
                begun.set()
                gone.wait(0.005)
        finally:
            gone.set()

    return work


def test_who_asks_for_something_newer_waits_for_nothing_older(monkeypatch):
    """One thread works for all: a slider that moved on had to wait six seconds for the draws of its last place."""
    monkeypatch.setattr(select_soon, "_PATIENCE_S", 600.0)
    monkeypatch.setattr(select_soon, "_SETTLE_S", 0.0)
    begun, gone = threading.Event(), threading.Event()
    old = select_soon.soon(("draws", 1), asked_until_dropped(begun, gone), owner="tab")
    other_kind = select_soon.soon(("counts", 1), lambda tick: "kept", owner="tab")
    assert begun.wait(10)
    new = select_soon.soon(("draws", 2), lambda tick: "new", owner="tab")
    assert gone.wait(10) and ended(new) and new.result == "new"
    assert not old.is_over and ended(other_kind) and other_kind.result == "kept"
    assert select_soon.soon(("draws", 1), lambda tick: "again", owner="tab") is not old


@pytest.mark.parametrize("other", ["another tab", ""])
def test_what_somebody_else_waits_for_goes_on(monkeypatch, other):
    monkeypatch.setattr(select_soon, "_SETTLE_S", 0.0)
    go = threading.Event()
    key = ("draws", "shared", other)
    old = select_soon.soon(key, lambda tick: go.wait(10), owner="tab")
    assert select_soon.soon(key, lambda tick: None, owner=other) is old
    select_soon.soon(("draws", "newer", other), lambda tick: 2, owner="tab")
    go.set()
    assert ended(old) and old.result is True and not old.is_dropped


def test_work_rests_while_a_page_is_drawn(monkeypatch):
    monkeypatch.setattr(select_soon, "_MOST_REST_S", 600.0)
    begun = threading.Event()
    with select_soon.rests():
        pending = select_soon.soon(("test", "rest"), lambda tick: begun.set())
        assert not begun.wait(0.1) and not pending.is_over
    assert begun.wait(10) and ended(pending)


def test_work_begins_when_whoever_asks_has_rested(monkeypatch):
    monkeypatch.setattr(select_soon, "_SETTLE_S", 600.0)
    begun = threading.Event()
    moving = select_soon.soon(("settle", 1), lambda tick: begun.set(), owner="tab")
    assert not begun.wait(0.1)
    new = select_soon.soon(("settle", 2), lambda tick: 2, owner="tab")
    assert moving.is_dropped and not begun.is_set()
    select_soon.soon(("settle", 2), lambda tick: 2)  # nobody's: begins at once
    assert ended(new) and new.result == 2 and not begun.is_set()
