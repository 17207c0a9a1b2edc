"""Charts as SVG: well-formed whatever the names, and drawn where the numbers say."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from studio.reports import svg

HOSTILE = '<script>alert(1)</script> & "x" 中文標籤很長很長很長很長很長很長'


def parse(text):
    return ElementTree.fromstring(text)


def number(node, name):
    return float(node.attrib[name])


def test_a_bar_is_as_long_as_its_share_of_the_largest_end():
    """Room 640 - 190 - 120 = 330 px for the largest end 0.5: 0.25 takes 165 px, the mark at 0.4 lies at 190 + 264."""
    rows = [
        {"label": "a", "share": 0.25, "low": 0.2, "high": 0.5, "text": "25 %", "expected": 0.4},
        {"label": HOSTILE, "share": 0.0, "low": None, "high": None, "text": "0 %", "faint": True},
    ]
    root = parse(svg.bars(rows, title=HOSTILE))
    first, second = root.findall("rect")
    assert number(first, "width") == pytest.approx(165.0) and number(second, "width") == 0
    assert second.attrib["class"] == "bar faint"
    whisker = root.find("line")
    assert (number(whisker, "x1"), number(whisker, "x2")) == (322.0, 520.0)
    assert root.find("path").attrib["d"].startswith("M454.0 ")
    assert root.find("title").text == HOSTILE


def test_an_interval_puts_no_effect_of_a_ratio_half_way_between_a_value_and_its_inverse():
    root = parse(svg.interval(4.0, 2.0, 8.0, null=1.0, threshold=1.25, is_ratio=True, title="t"))
    null = next(node for node in root.findall("line") if node.attrib["class"] == "null")
    limits = sorted(number(node, "x1") for node in root.findall("line") if node.attrib["class"] == "limit")
    assert number(null, "x1") == pytest.approx(sum(limits) / 2, abs=0.11)
    dot, band = root.find("circle"), root.find("rect")
    assert number(dot, "cx") == pytest.approx(number(band, "x") + number(band, "width") / 2, abs=0.2)


def test_what_falls_is_marked_on_its_own_side():
    """No effect 0, first matters at 0.05: a fall of 0.20 is held against -0.05, a chance of 0.2 against 0.29."""
    for estimate, null, threshold, other in ((-0.2, 0.0, 0.05, -0.05), (0.2, 0.5, 0.71, 0.29)):
        given = {"null": null, "threshold": threshold, "is_ratio": False, "title": "t"}
        root = parse(svg.interval(estimate, estimate - 0.1, estimate + 0.1, **given))
        at = {node.attrib["class"]: number(node, "x1") for node in root.findall("line")}
        dot = number(root.find("circle"), "cx")
        share = (at["null"] - at["limit"]) / (at["null"] - dot)
        assert share == pytest.approx((null - other) / (null - estimate), abs=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e9])
def test_an_interval_of_one_point_is_still_drawn(value):
    root = parse(svg.interval(value, value, value, null=0.0, threshold=None, is_ratio=False, title="t"))
    assert number(root.find("rect"), "width") >= 1.5


def test_columns_reach_the_top_at_the_largest_bin():
    root = parse(svg.columns([1, 4, 2, 0], [0, 10, 20, 30, 40], title="t", unit="characters"))
    heights = [number(bar, "height") for bar in root.findall("rect")]
    assert heights == [29.0, 116.0, 58.0, 0.0]
    assert [text.text for text in root.findall("text")] == ["0", "20", "40 characters"]


def test_no_more_dots_than_promised_and_all_inside():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=10_000), rng.normal(size=10_000)
    text = svg.dots(x, y, ["#123456"] * 10_000, title="t", names=[(float(x[0]), float(y[0]), HOSTILE)])
    root = parse(text)
    dots = root.findall("circle")
    assert 0 < len(dots) <= svg.MOST_DOTS
    assert all(0 <= number(dot, "cx") <= 640 and 0 <= number(dot, "cy") <= 420 for dot in dots)
    assert len(text) < 300_000


def test_nothing_to_draw_is_an_empty_picture():
    empty = np.empty(0)
    assert not parse(svg.dots(empty, empty, [], title="t", names=[])).findall("circle")
    assert not parse(svg.bars([], title="t")).findall("rect")
    assert re.search(r"<title>t</title>", svg.columns([], [0], title="t", unit="u"))
