"""The funnel's and the stability map's pictures show the numbers they are given."""

from __future__ import annotations

import math

from studio.figures.effects import MOST_KEYS, group_funnel, stability_map

WORDS = {"share": "share", "first_share": "pool", "band": "band", "x": "Quality", "y": "Relevance", "overlap": "o",
         "now": "now", "hover": "h"}  # fmt: skip


def step(title, shares, lows, highs, verdicts=("within", "fewer"), smalls=(False, False)):
    return {"title": title, "shares": shares, "firsts": [0.5, 0.5], "lows": lows, "highs": highs, "counts": [5, 6],
            "verdicts": verdicts, "smalls": smalls}  # fmt: skip


def test_a_panel_per_step_with_bands_where_there_are_any():
    steps = [
        step("may", [0.6, 0.4], [0.4, 0.3], [0.7, 0.6]),
        step("chosen", [0.2, 0.8], [math.nan] * 2, [math.nan] * 2),
    ]
    figure = group_funnel(["<b>f</b>", "m"], steps, WORDS)
    assert len(figure.layout.shapes) == 2 and [s.x0 for s in figure.layout.shapes] == [40, 30]
    dots = [trace for trace in figure.data if trace.text is not None]
    assert [list(trace.x) for trace in dots] == [[60, 40], [20, 80]]
    assert list(dots[0].marker.symbol) == ["circle", "triangle-left"]
    assert "<b>" not in figure.layout.yaxis.ticktext[0]


def test_many_groups_are_cut():
    names = [str(i) for i in range(40)]
    one = {name: [0.1] * 40 for name in ("shares", "firsts", "lows", "highs", "counts")}
    figure = group_funnel(names, [one | {"title": "t", "verdicts": ["within"] * 40, "smalls": [True] * 40}], WORDS)
    assert len(figure.data[0].x) == MOST_KEYS and len(figure.layout.shapes) == MOST_KEYS


def test_the_map_marks_the_weights_now():
    figure = stability_map([[1.0, 0.5], [0.25, math.nan]], 10, (4, 7), WORDS)
    assert [list(row) for row in figure.data[0].z] == [[100, 50], [25, None]]
    assert (figure.data[1].x, figure.data[1].y) == ((7,), (4,))
