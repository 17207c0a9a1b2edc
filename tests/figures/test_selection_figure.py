"""Group shares as a picture: the legend shows the plain mark whatever the first group is."""

from __future__ import annotations

from studio.figures.selection import group_shares

WORDS = {name: name for name in ("pool_share", "chosen_share", "band_name", "share_axis")}


def row(name, verdict, *, is_small=False):
    return {"name": name, "pool_share": 0.5, "share": 0.2, "low_share": 0.3, "high_share": 0.6, "picked": 2, "pool": 60,
            "verdict": verdict, "is_small": is_small}  # fmt: skip


def test_the_legend_is_a_dot_where_the_first_group_is_a_triangle():
    figure = group_shares([row("a", "fewer"), row("b", "within"), row("c", "more", is_small=True)], WORDS)
    marks = [one for one in figure.data if one.name == "chosen_share"]
    drawn, legend = (next(one for one in marks if (one.showlegend is not False) == shown) for shown in (False, True))
    assert list(drawn.marker.symbol) == ["triangle-left", "circle", "circle-open"]
    assert legend.marker.symbol == "circle" and list(legend.x) == [None]
