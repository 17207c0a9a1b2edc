"""A part of the page that asks until it knows: it draws what there is, and ends its own asking without a new page."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.runtime.state.query_params import QueryParams
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


def in_a_fragment(monkeypatch, requests: ScriptRequests, query: str = "") -> SimpleNamespace:
    """A run of the fragment `live` whose address is `query`; cap and budget are bound to controls of the page."""
    known = QueryParams()
    for name in ("cap", "budget"):
        known.bind_widget(param_key=name, widget_id=f"widget.{name}", value_type="int_value", script_hash="page")
    context = SimpleNamespace(script_requests=requests, fragment_ids_this_run=["live"], query_string=query,
                              session_state=SimpleNamespace(query_params=lambda: nullcontext(known)))  # fmt: skip
    monkeypatch.setattr(asking, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(asking.ThreadState, "get", lambda: SimpleNamespace(fragment_id="live"))
    return context


@pytest.mark.parametrize(
    ("own", "pressed", "begins_with"),
    [
        ("cap=40&r=one&w=1", "cap=50&r=none&w=0", "r=one&w=1&cap=50"),  # the slider went on from 40 to 50
        ("cap=40&r=one", "budget=7&r=none", "r=one&budget=7"),  # back at what stands there by itself: not in an address
        ("by=b&by=a", "by=c&cap=1", "by=b&by=a&cap=1"),
    ],
)
def test_a_press_keeps_what_its_control_wrote_into_the_address_and_the_run_what_it_wrote(
    monkeypatch, own, pressed, begins_with
):
    """Streamlit takes the address of the run that ends: the cap stood at 50, the link still said 40."""
    requests = ScriptRequests()
    requests.request_rerun(RerunData(fragment_id="live", query_string=pressed))
    context = in_a_fragment(monkeypatch, requests, own)
    monkeypatch.setattr(asking.st, "rerun", lambda scope: None)
    asking.give_way()
    assert context.query_string == begins_with


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
    context = in_a_fragment(monkeypatch, requests)
    monkeypatch.setattr(asking.st, "rerun", lambda scope: begun.append(scope))
    asking.give_way()
    assert begun == anew
    context.fragment_ids_this_run = None  # the whole page is drawn
    asking.give_way()
    assert begun == anew


@pytest.fixture
def fragment(monkeypatch):
    """Streamlit's own context of a fragment that is drawn again: how a word is said, and what has left by now."""
    left: list[str] = []
    unused = dict.fromkeys(("session_state", "uploaded_file_mgr", "user_info", "fragment_storage", "pages_manager"))
    context = ScriptRunContext(
        session_id="s", query_string="", main_script_path="", fragment_ids_this_run=["live"],
        _enqueue=lambda message: left.append(message.delta.new_element.text.body), **unused,
    )  # fmt: skip
    monkeypatch.setattr(asking, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(asking.ThreadState, "get", lambda: SimpleNamespace(fragment_id="live", active_script_hash=""))

    def say(word: str) -> None:
        message = ForwardMsg()
        message.delta.new_element.text.body = word
        context.enqueue(message)

    return SimpleNamespace(context=context, say=say, left=left)


def test_the_table_leaves_before_the_controls_that_were_drawn_first(fragment):
    with asking.Later() as later:
        with later.keep():
            fragment.say("slider")
            fragment.say("box")
        fragment.say("table")
        assert fragment.left == ["table"]
        later.send()
        assert fragment.left == ["table", "slider", "box"]
        fragment.say("chart")
    assert fragment.left == ["table", "slider", "box", "chart"], "what has left once does not leave again"


def test_the_end_of_the_block_lets_go_of_what_nobody_sent(fragment):
    with asking.Later() as later:
        with later.keep():
            fragment.say("slider")
        fragment.say("in place of a table")
    assert fragment.left == ["in place of a table", "slider"]


@pytest.mark.parametrize("inside", [True, False])
def test_a_block_that_is_broken_off_ends_when_all_has_left(monkeypatch, fragment, inside):
    """The run that begins throws away what has not left; the places of linked sliders are said only once (0214)."""
    waited: list[list[str]] = []
    monkeypatch.setattr(asking, "_leave", lambda context: waited.append(list(fragment.left)))
    with pytest.raises(LookupError), asking.Later() as later:
        with later.keep():
            fragment.say("slider")
            if inside:
                raise LookupError
        raise LookupError
    assert waited == [["slider"]]
    fragment.say("the error")
    assert fragment.left == ["slider", "the error"]


def test_parts_kept_inside_each_other_leave_each_in_its_turn(fragment):
    with asking.Later() as late, asking.Later() as early:
        with early.keep():
            fragment.say("slider")
            with late.keep():
                fragment.say("filter")
            fragment.say("its lock")
        fragment.say("table")
        early.send()
        assert fragment.left == ["table", "slider", "its lock"]
    assert fragment.left == ["table", "slider", "its lock", "filter"]


@pytest.mark.parametrize(("turns", "looks"), [(0, 1), (3, 4)])
def test_it_waits_until_the_queue_behind_all_that_was_drawn_is_empty(monkeypatch, fragment, turns, looks):
    looked: list[bool] = []

    def is_empty() -> bool:
        looked.append(behind == ["asked"])
        return len(looked) > turns

    def ask(callback) -> None:
        behind.append("asked")
        callback()

    behind: list[str] = []
    session = SimpleNamespace(_call_soon_on_event_loop=ask, _browser_queue=SimpleNamespace(is_empty=is_empty))
    monkeypatch.setattr(asking.runtime, "exists", lambda: True)
    monkeypatch.setattr(asking.runtime, "get_instance", lambda: SimpleNamespace(get_app_session={"s": session}.get))
    asking._leave(fragment.context)
    assert looked == [True] * looks, "the loop is asked first, then its queue is looked at"
    fragment.context.session_id = "a browser that is gone"
    asking._leave(fragment.context)
    assert len(looked) == looks


def test_what_it_needs_of_streamlit_is_there():
    assert {"_call_soon_on_event_loop", "flush_browser_queue"} <= set(dir(AppSession))
    assert "_browser_queue" in inspect.getsource(AppSession.flush_browser_queue)


def test_a_whole_page_is_drawn_as_it_comes(fragment):
    fragment.context.fragment_ids_this_run = None
    with asking.Later() as later, later.keep():
        fragment.say("slider")
        assert fragment.left == ["slider"]
