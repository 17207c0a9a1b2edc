"""A value among random draws, as a small picture of one line: the band of the draws, their middle, a dot."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence

from studio.figures import theme

WIDTH, HEIGHT = 160, 28  # an image column cuts off what is wider than itself
_EDGE = 12  # room for a dot at either end


def band_svg(low: float, middle: float, high: float, value: float, draws: Sequence[float]) -> str:
    """The value against the draws as SVG; empty where there is no value or no draw.

    Thin line: all draws; thick bar: the middle 95 %; tick: their median; dot: the value, in the alarm colour where
    it lies outside the bar. Without spread everything stands in the middle. It carries its own numbers as a title.
    """
    if not draws or not all(math.isfinite(one) for one in (low, middle, high, value)):
        return ""
    first, last = min(*draws, value), max(*draws, value)
    span = last - first

    def at(x: float) -> float:
        return WIDTH / 2 if span <= 0 else _EDGE + (x - first) / span * (WIDTH - 2 * _EDGE)

    centre = HEIGHT / 2
    colour = theme.FIRST if low <= value <= high else theme.SECOND
    bar = max(at(high) - at(low), 3.0)
    left = (at(low) + at(high)) / 2 - bar / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<title>{value:.4g} ({low:.4g} - {high:.4g})</title>"
        f'<line x1="{at(min(draws)):.1f}" x2="{at(max(draws)):.1f}" y1="{centre}" y2="{centre}" '
        f'stroke="{theme.FAINT}" stroke-width="1.5"/>'
        f'<rect x="{left:.1f}" y="{centre - 5}" width="{bar:.1f}" height="10" rx="2" fill="{theme.FAINT}" '
        f'fill-opacity="0.45"/>'
        f'<line x1="{at(middle):.1f}" x2="{at(middle):.1f}" y1="{centre - 7}" y2="{centre + 7}" '
        f'stroke="{theme.FAINT}" stroke-width="2"/>'
        f'<circle cx="{at(value):.1f}" cy="{centre}" r="5.5" fill="{colour}"/></svg>'
    )


def band_image(low: float, middle: float, high: float, value: float, draws: Sequence[float]) -> str | None:
    """The same as an address an image column shows; None where there is nothing to show."""
    drawn = band_svg(low, middle, high, value, draws)
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}" if drawn else None
