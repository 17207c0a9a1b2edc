"""Pictures of the word audits show the numbers of their tables, names escaped."""

import pandas as pd
import pytest

from studio.figures import audits_words as pictures


def test_bars_are_shares_with_their_intervals_the_largest_first():
    table = pd.DataFrame({"value": ["<b>x</b>", "y"], "n": [2, 8], "share": [0.02, 0.08], "low": [0.01, 0.05],
                          "high": [0.04, 0.12], "rate": [1.0, 4.0], "terms": ["a 2", "b 8"]})  # fmt: skip
    figure = pictures.mentions(table)
    assert list(figure.data[0].x) == [0.08, 0.02]
    assert list(figure.data[0].error_x.array) == [pytest.approx(0.04), pytest.approx(0.02)]
    assert figure.layout.yaxis.ticktext[1] == "&lt;b&gt;x&lt;/b&gt;"


def test_words_of_both_sides_stand_at_their_odds_those_that_stand_out_first():
    table = pd.DataFrame({"value": "women", "other": "men", "word": ["a", "b", "c"], "odds_ratio": [4.0, 0.25, 1.5],
                          "low": [2.0, 0.1, 0.9], "high": [8.0, 0.6, 2.5], "with_value": [9, 1, 5],
                          "with_other": [1, 9, 4], "alarm": [True, True, False]})  # fmt: skip
    figure = pictures.beside(table)
    dots = figure.data[-1]
    assert (list(dots.x), list(figure.layout.yaxis.ticktext)) == ([4.0, 1.5, 0.25], ["a", "c", "b"])
    assert [list(line.x) for line in figure.data[:-1]] == [[2.0, 8.0], [0.9, 2.5], [0.1, 0.6]]
    assert "women" in figure.layout.xaxis.title.text and "men" in figure.layout.xaxis.title.text


def test_both_ends_of_the_gendered_words_and_no_word_twice():
    table = pd.DataFrame({"word": list("abc"), "men": [3.0, 1.0, 0.0], "women": [0.0, 1.0, 3.0],
                          "log_ratio": [1.0, 0.1, -1.0]})  # fmt: skip
    figure = pictures.near_genders(table)
    assert list(figure.data[0].x) == [1.0, -1.0]
    assert list(figure.layout.yaxis.ticktext) == ["a", "c"]


def test_every_association_test_is_a_dot_between_lines_at_a_large_effect():
    table = pd.DataFrame({"value": ["men"], "other": ["women"], "near": ["career"], "far": ["family"], "d": [1.2],
                          "low": [0.4], "high": [1.7], "p": [0.01], "words": ["he"], "other_words": ["she"],
                          "alarm": [True]})  # fmt: skip
    figure = pictures.vectors(table)
    assert [list(part.x) for part in figure.data] == [[0.4, 1.7], [1.2]]  # the interval, then the dot on it
    assert "0.40–1.70" in figure.data[1].hovertext[0]
    assert {shape.x0 for shape in figure.layout.shapes} == {0, -0.8, 0.8}
    assert figure.layout.yaxis.ticktext[0].startswith("men / women")
