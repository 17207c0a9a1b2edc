"""The small picture of a value among random draws: where things stand."""

import base64
import re

from studio.figures import diversity, theme


def numbers(svg, pattern):
    return [float(found) for found in re.findall(pattern, svg)]


def test_bar_tick_and_dot_stand_at_their_places():
    """Draws from 0 to 10 and a value of 20: 0 is at 12 px, 20 at 148, so one unit is 6.8 px."""
    svg = diversity.band_svg(1, 5, 9, 20, [0, 5, 10])
    assert numbers(svg, r'circle cx="([\d.]+)"') == [148.0]
    assert numbers(svg, r'rect x="([\d.]+)"') == [18.8] and numbers(svg, r'width="([\d.]+)" height="10"') == [54.4]
    lines = re.findall(r'x1="([\d.]+)" x2="([\d.]+)"', svg)
    assert lines == [("12.0", "80.0"), ("46.0", "46.0")]
    assert theme.SECOND in svg and theme.FIRST not in svg


def test_a_value_inside_the_band_has_the_calm_colour():
    svg = diversity.band_svg(1, 5, 9, 9, [0, 5, 10])
    assert theme.FIRST in svg and theme.SECOND not in svg


def test_without_spread_everything_stands_in_the_middle():
    svg = diversity.band_svg(1, 1, 1, 1, [1, 1])
    assert numbers(svg, r'circle cx="([\d.]+)"') == [80.0] and numbers(svg, r'rect x="([\d.]+)"') == [78.5]


def test_without_a_value_or_draws_there_is_no_picture():
    assert diversity.band_image(1, 2, 3, float("nan"), [1.0]) is None
    assert diversity.band_image(1, 2, 3, 2, []) is None
    image = diversity.band_image(1, 2, 3, 2, [1.0, 3.0])
    assert base64.b64decode(image.split(",")[1]).decode() == diversity.band_svg(1, 2, 3, 2, [1.0, 3.0])
