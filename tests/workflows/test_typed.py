"""What people type: control characters go, everything else stays, and what is too long is said, never cut silently."""

from __future__ import annotations

import pytest

from studio.access import signoff
from studio.errors import AccessError, SelectionError
from studio.records import Actor
from studio.workflows import typed


def test_a_name_keeps_its_letters_and_loses_what_a_list_cannot_show():
    assert typed.line(" first\x00 batch\r\n第一批 🙂\ud800 ") == "first batch 第一批 🙂"
    assert typed.line("\x00\t \n") == ""
    assert typed.line("一" * 120) == "一" * 120


def test_a_name_that_is_too_long_is_told_and_not_cut():
    """The field drops a paste longer than its limit without a word, so the limit is said on the press instead."""
    with pytest.raises(SelectionError) as caught:
        typed.line("一" * 121)
    assert caught.value.got == "121 characters"


def test_a_text_keeps_its_lines():
    assert typed.words("one\r\ntwo\x07\tthree\n") == "one\ntwo \tthree"
    with pytest.raises(SelectionError):
        typed.words("a" * 10_001)


def test_where_nothing_was_typed_no_english_word_stands_for_it():
    """The Chinese page said "得到：nothing" and, of somebody without a name, "local"."""
    with pytest.raises(AccessError) as caught:
        signoff.require_name(Actor("local", "admin"))
    assert caught.value.got is None
