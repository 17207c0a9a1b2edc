"""A part of the page that asks until it knows: it draws what there is, and ends its own asking without a new page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest

from pages._ui import asking


@pytest.mark.parametrize(("more", "stopped"), [(False, ["part"]), (True, [])])
def test_it_stops_asking_when_nothing_more_comes(monkeypatch, more, stopped):
    sent = []
    monkeypatch.setattr(asking, "get_script_run_ctx", lambda: SimpleNamespace(enqueue=sent.append))
    monkeypatch.setattr(asking.ThreadState, "get", lambda: SimpleNamespace(fragment_id="part"))
    asking._again(lambda: not more)
    assert [one for message in sent for one in message.stop_auto_rerun.fragment_ids] == stopped


def test_the_last_answer_is_drawn_and_the_page_is_not():
    def script():
        import streamlit as st

        from pages._ui import asking

        st.session_state["runs"] = st.session_state.get("runs", 0) + 1

        def draw() -> bool:
            st.caption("known")
            return True

        asking.until(draw, is_over=False)

    app = AppTest.from_function(script).run()
    assert [one.value for one in app.caption] == ["known"] and app.session_state["runs"] == 1 and not app.exception


@pytest.mark.parametrize(
    ("came", "anew"),
    [
        (RerunData(fragment_id="live"), ["fragment"]),
        (RerunData(fragment_id="part", is_auto_rerun=True), []),  # nobody pressed: it is its own turn
        (RerunData(page_script_hash="another page"), []),  # Streamlit breaks off for it, and knows where it leads
        (None, []),
    ],
)
def test_a_press_that_waits_is_answered_before_the_rest_is_drawn(monkeypatch, came, anew):
    requests, begun = ScriptRequests(), []
    if came is not None:
        requests.request_rerun(came)
    context = SimpleNamespace(script_requests=requests, fragment_ids_this_run=["live"])
    monkeypatch.setattr(asking, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(asking.ThreadState, "get", lambda: SimpleNamespace(fragment_id="live"))
    monkeypatch.setattr(asking.st, "rerun", lambda scope: begun.append(scope))
    asking.give_way()
    assert begun == anew
    context.fragment_ids_this_run = None  # the whole page is drawn
    asking.give_way()
    assert begun == anew
