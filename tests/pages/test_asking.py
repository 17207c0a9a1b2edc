"""A part of the page that asks until it knows: it draws what there is, and ends its own asking without a new page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
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
