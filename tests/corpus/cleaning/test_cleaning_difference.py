"""The difference of two texts: both can be put together again, and what changed is marked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus.cleaning.difference import pieces, visible

TEXT = st.text(alphabet="ab 你好[]\n.", max_size=40)


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT)
def test_the_pieces_are_the_texts(before, after):
    old, new = pieces(before, after)
    assert "".join(text for _, text in old) == before
    assert "".join(text for _, text in new) == after
    assert {kind for kind, _ in old} <= {"same", "out"} and {kind for kind, _ in new} <= {"same", "in"}
    if before == after:
        assert not {"out", "in"} & {kind for kind, _ in old + new}


def test_long_texts_are_compared_as_a_whole():
    old, new = pieces("a " * 100_000, "b " * 100_000)
    assert [kind for kind, _ in old][0] == "out" and len(old) <= 2 and len(new) <= 2


def test_what_cannot_be_seen_is_written_out():
    assert visible("\u200b \t\n\u00a0") == "⟨200B⟩·→↵⟨00A0⟩"
