"""Marked differences lose nothing, and nothing of a corpus is markup in a card."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from studio.reports.changes import CUT, GONE, NEW, SAME, marked, visible
from studio.reports.markdown import literal, prose, table

texts = st.text(st.sampled_from("ab 好的，\n\t.\u200b"), max_size=30)


@given(texts, texts)
def test_without_cuts_the_parts_are_the_texts(before, after):
    left, right = marked(before, after, context=1_000)
    assert "".join(text for _, text in left) == before and "".join(text for _, text in right) == after
    assert {kind for kind, _ in left} <= {SAME, GONE} and {kind for kind, _ in right} <= {SAME, NEW}
    same = [text for kind, text in left if kind == SAME]
    assert "".join(same) == "".join(text for kind, text in right if kind == SAME)
    if before == after:
        assert all(kind == SAME for kind, _ in left + right)


def test_words_characters_and_unseen_signs_are_marked_apart():
    assert marked("pay the bill", "pay my bill")[1] == [(SAME, "pay "), (NEW, "my"), (SAME, " bill")]
    assert marked("如何退款", "如何退货")[0] == [(SAME, "如何退"), (GONE, "款")]
    left, right = marked("a  b", "a b")
    assert [visible(text) for kind, text in left if kind == GONE] == ["·"] and all(kind == SAME for kind, _ in right)
    assert visible("a\n\t\u3000\u200bé") == "a⏎⇥□⟨U+200B⟩é"


def test_long_equal_stretches_are_cut_in_the_middle():
    left, _ = marked("x " * 200 + "old " + "y " * 200, "x " * 200 + "new " + "y " * 200, context=10)
    assert [kind for kind, _ in left] == [CUT, SAME, GONE, SAME, CUT] and len(left[1][1]) == 10


def test_texts_of_any_length_are_compared_in_bounded_work():
    left, right = marked("a b " * 5_000, "b a " * 5_000)
    assert {kind for kind, _ in left} == {GONE} or any(kind == GONE for kind, _ in left)
    assert any(kind == NEW for kind, _ in right)


@given(st.text(max_size=60))
def test_no_tag_link_or_line_break_survives(text):
    shown = literal(text, 1_000)
    assert "<" not in shown and "\n" not in shown and not re.search(r"(?<!\\)[*_`\[\]|]", shown.replace("\\\\", ""))
    assert re.search(r"<[A-Za-z/!?]", prose(text)) is None
    lines = table(["a", "b"], [(text, 1)])
    assert len(lines) == 3 and lines[2].replace("\\\\", "").replace("\\|", "").count("|") == 3


def test_prose_keeps_markdown_and_sinks_headings():
    assert prose("# A\ntext *so*\n---\n<b>x</b>") == "### A\ntext *so*\n\\---\n&lt;b>x&lt;/b>"
    assert literal("1. x") == "1\\. x" and literal("# x") == "\\# x" and literal("50.0%") == "50.0%"
