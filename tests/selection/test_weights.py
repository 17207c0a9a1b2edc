from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import SelectionError
from studio.records import VIEWS
from studio.selection.weights import (
    DEFAULT_WEIGHTS,
    PRESETS,
    largest_remainder,
    move_weight,
    moved_view,
    normalise_url_weights,
)

shares = st.lists(st.floats(0, 1e9), min_size=4, max_size=4)


def w(*values: int) -> dict[str, int]:
    return dict(zip(VIEWS, values, strict=True))


def test_largest_remainder_by_hand():
    assert largest_remainder([1, 1, 1], 100) == [34, 33, 33]
    assert largest_remainder([41, 29, 17, 13], 21) == [9, 6, 3, 3]  # 8.61 6.09 3.57 2.73
    assert largest_remainder([0, 0], 5) == [3, 2]
    assert largest_remainder([], 5) == []
    with pytest.raises(SelectionError):
        largest_remainder([-1, 2], 10)


def test_a_move_rescales_the_others_in_proportion():
    assert move_weight(w(25, 25, 25, 25), "relevance", 40) == w(40, 20, 20, 20)
    assert move_weight(w(40, 30, 20, 10), "relevance", 10) == w(10, 45, 30, 15)
    assert move_weight(w(40, 30, 20, 10), "relevance", 100) == w(100, 0, 0, 0)
    assert move_weight(w(100, 0, 0, 0), "relevance", 70) == w(70, 10, 10, 10)


def test_locked_views_stay():
    assert move_weight(w(40, 30, 20, 10), "relevance", 60, {"diversity"}) == w(60, 30, 7, 3)
    assert move_weight(w(40, 30, 20, 10), "relevance", 90, {"diversity"}) == w(70, 30, 0, 0)
    assert move_weight(w(40, 30, 20, 10), "relevance", 90, {"diversity", "difficulty", "quality"}) == w(40, 30, 20, 10)


def test_url_weights_are_mended_not_refused():
    assert normalise_url_weights({}) == DEFAULT_WEIGHTS
    assert normalise_url_weights({view: "0" for view in VIEWS}) == DEFAULT_WEIGHTS
    assert normalise_url_weights(
        {"w_relevance": "50", "w_diversity": "50", "w_difficulty": "0", "w_quality": "0"}
    ) == w(50, 50, 0, 0)
    assert sum(
        normalise_url_weights({"relevance": "nan", "diversity": "-3", "difficulty": "x", "quality": 1e300}).values()
    )


@given(
    st.dictionaries(
        st.sampled_from([*VIEWS, *(f"w_{v}" for v in VIEWS)]),
        st.one_of(st.text("e1.-nax", max_size=5), st.floats(), st.integers()),
    )
)
def test_any_url_gives_weights_that_sum_to_100(raw):
    weights = normalise_url_weights(raw)
    assert set(weights) == set(VIEWS) and sum(weights.values()) == 100 and min(weights.values()) >= 0


@given(shares, st.sampled_from(VIEWS), st.integers(-50, 150), st.sets(st.sampled_from(VIEWS)))
def test_any_move_keeps_the_sum_and_the_locks(start, view, value, locks):
    before = dict(zip(VIEWS, largest_remainder(start, 100), strict=True))
    after = move_weight(before, view, value, locks)
    assert sum(after.values()) == 100 and min(after.values()) >= 0
    assert all(after[v] == before[v] for v in locks if v != view)
    again = move_weight(after, view, after[view], locks)
    assert again[view] == after[view]


@given(shares, st.integers(0, 10_000))
def test_largest_remainder_is_within_one_of_the_exact_share(start, total):
    whole = largest_remainder(start, total)
    assert sum(whole) == total
    if sum(start) > 0:
        exact = [total * (s / max(start)) / sum(x / max(start) for x in start) for s in start]
        assert all(abs(a - b) < 1 + 1e-6 for a, b in zip(whole, exact, strict=True))


def test_presets_are_weights():
    for preset in PRESETS.values():
        assert set(preset) == set(VIEWS) and sum(preset.values()) == 100


def test_the_moved_slider_is_told_from_places_that_are_only_old():
    """40 30 0 30 was shown; one press made it 41 30 0 29 here, but the browser has not drawn that yet."""
    shown = [w(40, 30, 0, 30), w(41, 30, 0, 29)]
    assert moved_view(w(42, 30, 0, 29), shown) == "relevance", "it has drawn the answer"
    assert moved_view(w(42, 30, 0, 30), shown) == "relevance", "it has not: quality is old, not moved"
    assert moved_view(w(41, 30, 0, 30), shown) == "quality", "one press on what is drawn"
    assert moved_view(w(41, 30, 0, 29), shown) == ""
    assert moved_view(w(40, 30, 0, 30), shown) == "", "another control was used before the answer came"
    assert moved_view(w(1, 2, 3, 94), shown) is None
    assert moved_view(w(1, 2, 3, 94), []) is None


@given(st.lists(st.tuples(st.sampled_from(VIEWS), st.integers(0, 100)), min_size=1, max_size=8), st.data())
def test_presses_on_any_vector_still_on_the_screen_are_told(moves, data):
    """Whichever answer the browser has drawn, moving one slider of it by hand is seen as that slider or as none."""
    shown = [dict(DEFAULT_WEIGHTS)]
    for view, value in moves:
        shown.append(move_weight(shown[-1], view, value))
    drawn = data.draw(st.sampled_from(shown))
    view, value = data.draw(st.sampled_from(VIEWS)), data.draw(st.integers(0, 100))
    seen = moved_view({**drawn, view: value}, [drawn])
    assert seen == ("" if drawn[view] == value else view)
    assert moved_view({**drawn, view: value}, shown) is not None
