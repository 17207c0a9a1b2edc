"""The map of a proposal as a figure: cells where the pool lies, dots where the chosen lie, names inside and escaped."""

from __future__ import annotations

from studio.figures.proposal import chosen_map

WORDS = {"chosen": "chosen", "pool": "pool"}


def test_cells_dots_and_names_lie_where_they_should():
    shown = {"grid": [[0, 3], [4, 0], [0, 0], [1, 1]], "points": [[10, 990], [1000, 0]],
             "names": [[0, 500, "<b>left</b>" + "x" * 40], [500, 500, "mid"], [1000, 0, "right"]]}  # fmt: skip
    figure = chosen_map(shown, WORDS)
    cells, dots = figure.data
    # four columns and two rows: row by row from the bottom, empty cells left open
    assert [list(row) for row in cells.z] == [[None, 4, None, 1], [3, None, None, 1]]
    assert (cells.x0, cells.dx, cells.y0, cells.dy) == (125.0, 250.0, 250.0, 500.0)
    assert (list(dots.x), list(dots.y)) == ([10, 1000], [990, 0])
    names = figure.layout.annotations
    assert [one.xanchor for one in names] == ["left", "center", "right"]
    assert "<b>" not in names[0].text and names[0].text.endswith("…")
    assert chosen_map(shown, WORDS, dark=True).layout.annotations[0].bgcolor != names[0].bgcolor


def test_nothing_to_draw_is_an_empty_picture():
    figure = chosen_map({"grid": [], "points": [], "names": []}, WORDS)
    assert len(figure.data) == 2 and not figure.layout.annotations


def test_names_that_would_lie_on_one_another_are_left_out_largest_first():
    names = [
        (500, 500, "gay people, cut, women"),
        (520, 520, "muslim lives, die"),
        (500, 800, "alone"),
        (500, 40, "x" * 60),
    ]
    shown = {"grid": [[1]], "points": [], "names": names}
    figure = chosen_map(shown, {"chosen": "chosen", "pool": "pool"})
    texts = [one.text for one in figure.layout.annotations]
    assert texts == ["gay people, cut, women", "alone", "x" * 27 + "…"]
