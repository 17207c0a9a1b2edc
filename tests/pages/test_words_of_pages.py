"""Names and texts of a corpus in labels: one line, every character as it is, nothing that hides or turns text round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages._ui.words import literal, plain

HIDDEN = "\x00\x07\x1b\x7f\u200b\u200e\u202e\u2066\ufeff"  # NUL, bell, escape, delete, zero width, turns of direction


@pytest.mark.parametrize(("given_text", "shown"), [
    ("a*b_c [d](e) $x$ `y` :red[z]", "a*b_c [d](e) $x$ `y` :red[z]"),  # selects do not render Markdown
    ("  two\n lines\tand \r\n more ", "two lines and more"),
    ("中文\u3000标签 😀", "中文 标签 😀"),
    (HIDDEN, ""),
    ("ab" + HIDDEN + "cd", "abcd"),
    ("", ""),
    (None, "None"),
    (3.5, "3.5"),
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
])  # fmt: skip
def test_a_text_is_shown_on_one_line_as_it_is(given_text, shown):
    assert literal(given_text) == shown


def test_a_long_text_is_cut_with_a_mark_and_one_of_the_limit_is_not():
    assert literal("x" * 80) == "x" * 80
    assert literal("x" * 81) == "x" * 79 + "…"
    assert literal("他" * 9, 5) == "他他他他…"
    assert literal("a" + HIDDEN * 20 + "b", 2) == "ab", "what is not shown takes no room"


@given(st.text(max_size=200), st.integers(1, 100))
def test_whatever_the_text_it_is_one_short_line(text, limit):
    shown = literal(text, limit)
    assert len(shown) <= limit and len(shown.splitlines()) <= 1 and not set(HIDDEN) & set(shown)
    assert literal(shown, limit) == shown


def test_in_a_label_that_renders_markdown_every_mark_is_escaped():
    assert plain("a*b [c](d) $e$") == r"a\*b \[c\]\(d\) \$e\$"
    assert plain(HIDDEN + "x") == "x"
