from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import MeasureError
from studio.mapping.polygon import as_polygon, bounding_box, points_in_box, points_in_polygon

SQUARE = [(0, 0), (2, 0), (2, 2), (0, 2)]


def one_by_one(x: float, y: float, polygon: list[tuple[float, float]]) -> bool:
    """The textbook even-odd test, one point, one edge at a time, edges inside."""
    inside = False
    for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (
            (bx - ax) * (y - ay) == (by - ay) * (x - ax)
            and min(ax, bx) <= x <= max(ax, bx)
            and min(ay, by) <= y <= max(ay, by)
        ):
            return True
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=9))
@settings(max_examples=200, deadline=None)
def test_agrees_with_the_textbook_on_a_grid(polygon):
    """Integer corners and points on a half grid: points on edges, corners, and self-crossing outlines included."""
    x, y = (a.ravel() for a in np.meshgrid(np.arange(-5, 5.5, 0.5), np.arange(-5, 5.5, 0.5)))
    got = points_in_polygon(x, y, polygon)
    assert got.tolist() == [one_by_one(float(a), float(b), polygon) for a, b in zip(x, y, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_matplotlib_on_random_lassos(seed):
    path = pytest.importorskip("matplotlib.path")
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 80))
    radius = rng.uniform(0.3, 2.0, 80)
    polygon = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    x, y = rng.normal(size=(2, 20_000))
    assert np.array_equal(points_in_polygon(x, y, polygon), path.Path(polygon).contains_points(np.column_stack([x, y])))


def test_edges_and_corners_are_inside():
    x = np.array([0, 1, 2, 2, 2.0000001, 1])
    y = np.array([0, 0, 1, 2, 1, 1])
    assert points_in_polygon(x, y, SQUARE).tolist() == [True, True, True, True, False, True]


def test_overlap_of_a_self_crossing_lasso_is_outside():
    twice_round = [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 1), (3, 1), (3, 3), (1, 3), (1, 1)]
    assert points_in_polygon(np.array([2.0, 0.5]), np.array([2.0, 2.0]), twice_round).tolist() == [False, True]


def test_direction_and_closing_point_do_not_matter():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 3, (2, 500))
    expected = points_in_polygon(x, y, SQUARE)
    assert np.array_equal(points_in_polygon(x, y, SQUARE[::-1]), expected)
    assert np.array_equal(points_in_polygon(x, y, [*SQUARE, SQUARE[0]]), expected)


def test_nan_is_outside_and_no_points_give_no_answer():
    assert points_in_polygon(np.array([np.nan, 1]), np.array([1, np.nan]), SQUARE).tolist() == [False, False]
    assert points_in_polygon(np.empty(0), np.empty(0), SQUARE).shape == (0,)


@pytest.mark.parametrize(
    "bad", [[], [(0, 0), (1, 1)], [(0, 0), (1, 1), (np.nan, 0)], "abc", [1, 2, 3], None, [[1, 2], [3]]]
)
def test_what_is_no_polygon_is_named(bad):
    with pytest.raises(MeasureError):
        as_polygon(bad)


def test_box_in_any_order_of_corners():
    x, y = np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 1.0])
    for box in ((0, 0, 2, 2), (2, 2, 0, 0), (0, 2, 2, 0)):
        assert points_in_box(x, y, box).tolist() == [True, True, False]
    with pytest.raises(MeasureError):
        points_in_box(x, y, (0, 1, 2))


def test_bounding_box_holds_all_that_is_inside():
    rng = np.random.default_rng(4)
    polygon = rng.normal(size=(12, 2))
    x, y = rng.normal(size=(2, 2000))
    left, bottom, right, top = bounding_box(polygon)
    inside = points_in_polygon(x, y, polygon)
    assert ((x >= left) & (x <= right) & (y >= bottom) & (y <= top))[inside].all()
