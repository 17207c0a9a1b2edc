"""The linked sliders: what the browser is told they stand at, whichever of the server's messages reach it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from studio.records import VIEWS
from studio.selection.weights import largest_remainder


def page():
    import streamlit as st

    from pages._ui import widgets
    from studio.records import VIEWS

    available = [view for view in VIEWS if view not in st.session_state.get("without", ("difficulty",))]
    st.session_state["weights"] = widgets.weight_sliders(available, {})


def told(app: AppTest) -> list[int]:
    """Where a browser that has seen this run only puts the four sliders."""
    protos = [app.slider(key=f"w_{view}.slider").proto for view in VIEWS]
    return [int(proto.value[0] if proto.set_value else proto.default[0]) for proto in protos]


@pytest.mark.parametrize(
    ("link", "expected"),
    [({}, [34, 33, 0, 33]), ({"w_relevance": "60", "w_diversity": "20", "w_quality": "20"}, [60, 20, 0, 20])],
)
def test_a_run_whose_first_messages_never_arrived_tells_the_places_again(link, expected):
    """On a fresh server the first run is broken off; its messages are thrown away, its session state is not.

    The run after it found the places in the state, wrote nothing, and the sliders stood at their least value, 0 %.
    """
    app = AppTest.from_function(page)
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert told(app) == expected == list(app.session_state["weights"].values())
    app.run()
    assert told(app) == expected == list(app.session_state["weights"].values())


def test_a_moved_slider_and_views_that_get_scores_are_told_too():
    app = AppTest.from_function(page).run()
    app.slider(key="w_relevance.slider").set_value(50).run()
    assert told(app) == [50, 25, 0, 25]
    app.run()
    assert told(app) == [50, 25, 0, 25]
    app.session_state["without"] = ()
    app.run()
    weights = list(app.session_state["weights"].values())
    assert told(app) == weights and sum(weights) == 100
    assert largest_remainder(weights, 100) == weights


def test_a_step_back_taken_before_the_answer_came_counts_and_what_was_on_its_way_is_taken_back():
    """34 to 50 and back to 34, the second press sent while the other sliders stood where they were at first.

    The places it came with are those of the first answer, and of the browser after the first press: the press is that
    from 50 to 34. The answer to the first, 25 for two others, reaches the browser after its second press.
    """
    app = AppTest.from_function(page).run()
    app.slider(key="w_relevance.slider").set_value(50).run()
    assert told(app) == [50, 25, 0, 25]
    for view, place in (("relevance", 34), ("diversity", 33), ("quality", 33)):
        app.slider(key=f"w_{view}.slider").set_value(place)
    app.run()
    assert told(app) == [34, 33, 0, 33] == list(app.session_state["weights"].values())
    written = [app.slider(key=f"w_{view}.slider").proto.set_value for view in ("relevance", "diversity", "quality")]
    assert written == [False, True, True], "the slider under the finger is left alone"
    app.run()
    assert told(app) == [34, 33, 0, 33]


@pytest.mark.parametrize("diversity", [0, 50])
def test_an_answer_that_is_drawn_in_part_is_no_press_on_the_rest(diversity):
    """To 100, then to 0: the answer is 50 and 50. A request that left in the middle of it says 50 and 0.

    Taken for a press on quality it gave diversity everything.
    """
    app = AppTest.from_function(page).run()
    app.slider(key="w_relevance.slider").set_value(100).run()
    assert told(app) == [100, 0, 0, 0]
    app.slider(key="w_relevance.slider").set_value(0).run()
    assert told(app) == [0, 50, 0, 50]
    for view, place in (("relevance", 0), ("diversity", diversity), ("quality", 0)):
        app.slider(key=f"w_{view}.slider").set_value(place)
    app.run()
    assert told(app) == [0, 50, 0, 50] == list(app.session_state["weights"].values())
    app.slider(key="w_quality.slider").set_value(49).run()  # a press of the person's own counts at once
    assert told(app) == [0, 51, 0, 49]
