"""Tokens of a corpus: those of a regular expression; terms as tokens; struck hits; what is kept between audits."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from studio.audits import reading as reading_module
from studio.audits.gathered import longest, presence, with_pairs
from studio.audits.reading import BREAK, read
from studio.audits.splitting import BREAK_CLASS, split
from studio.audits.tokenise import units
from studio.lexicons import builtin, matcher
from studio.records import Lexicon, Term

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003134f"
TOKEN = re.compile(rf"\x00|[{HAN}]|[^\W_{HAN}]+(?:['’][^\W_{HAN}]+)*|[^\w\s\x00]")
NUN = Lexicon("en", (Term("nun", "religion", "Christian", "word"), Term("old nun", "age", "old", "word")), "", "")


@settings(deadline=None)  # the first text pays for the table of all characters
@given(st.text(st.characters(codec="utf-8", max_codepoint=0xEFFFF), max_size=40))
@example("don't 'tis o'' it’s'x _a_b 12,5 密码a密 e\u0301")
def test_split_is_the_regular_expression(text):
    """The oracle is a regular expression; the fast cut must give the same pieces in order."""
    codes, words, kinds = split(text)
    assert [words[code] for code in codes] == TOKEN.findall(text)
    assert [w for w, k in zip(words, kinds, strict=True) if k == BREAK_CLASS and w.isalnum()] == []


def test_units_of_a_text_are_counted_as_elsewhere_a_plural_with_its_word():
    texts = ["The two nuns' old house, 12 rooms!", "密码 ok", "", None, "an old nun"]
    reading = read(texts, NUN, np.arange(5))
    assert reading.n_units.tolist() == [7, 3, 0, 0, 3]
    assert reading.n_units.tolist()[:3] == [len(units(text)) for text in texts[:3]]
    first = [reading.words[i] for i in reading.ids[(reading.rows == 0) & (reading.ids != BREAK)]]
    assert first == ["the", "two", "nun", "old", "house", "12", "rooms"]


def test_mentions_are_those_of_the_matcher():
    texts = ["A Black woman and her sons", "nothing", "Muslims, Jews' and an old man", "old school"]
    reading = read(texts, builtin("en"), np.arange(4))
    found = matcher(builtin("en")).scan(texts)
    assert [x.tolist() for x in reading.mentions] == [found.rows.tolist(), found.terms.tolist()]
    masks = reading.groups()
    assert reading.rows_with(masks["gender", "women"]).tolist() == [True, False, False, False]
    assert reading.rows_with(masks["age", "old"]).tolist() == [False, False, True, False]
    assert reading.rows_with(reading.groups(with_ambiguous=True)["age", "old"]).tolist() == [False, False, True, True]


def test_a_struck_hit_is_no_mention_in_that_example_alone():
    texts = ["the nun", "a nun and a nun", "the nun"]
    struck = replace(NUN, struck=(("nun", 71), ("nun", 999)))
    reading = read(texts, struck, np.array([70, 71, 72]))
    assert reading.mentions[0].tolist() == [0, 2]
    assert reading.n_units.tolist() == [2, 5, 2]
    assert read(texts, struck, np.array([70, 99, 72])).mentions[0].tolist() == [0, 1, 1, 2]  # not kept from 71
    assert read(texts, NUN, np.array([70, 71, 72])).mentions[0].tolist() == [0, 1, 1, 2]


def test_a_reading_is_used_again_only_for_equal_texts_and_terms():
    texts = ["the nun", "a dog"]
    first = read(texts, NUN, np.arange(2))
    assert read(list(texts), NUN, np.arange(2)) is first
    assert read(["the nun", "a cat"], NUN, np.arange(2)) is not first
    assert read(texts, replace(NUN, terms=NUN.terms[:1]), np.arange(2)) is not first


def test_characters_of_the_private_plane_and_nul_do_no_harm():
    texts = ["a \U000f0000 nun \x00 b", "\udc80 nun"]
    reading = read(texts, NUN, np.arange(2))
    assert reading.mentions[0].tolist() == [0, 1]
    assert reading.n == 2


def test_words_and_runs_of_characters_in_how_many_texts():
    """Runs never cross punctuation or a term; 2 texts are enough here."""
    zh = Lexicon("zh", (Term("女人", "gender", "女性", "substring"),), "", "")
    texts = ["退款到账，ok", "女人退款到账 ok ok", "退，款", "到女人账"]
    matrix, words = presence(read(texts, zh, np.arange(4)), 2)
    counts = dict(zip(words.tolist(), np.asarray(matrix.sum(0)).ravel().tolist(), strict=True))
    assert counts == {"ok": 2, "退款": 2, "款到": 2, "到账": 2, "退款到": 2, "款到账": 2, "退款到账": 2}
    edges = presence(read(texts, zh, np.arange(4)), 2, frozenset("款"))[1]
    assert edges.tolist() == ["ok", "到账", "退款到", "退款到账"]


def test_pairs_of_characters_stand_where_they_begin():
    """Of 到账，ok 女人退款 the pairs 到账 and 退款; 账，ok and a pair across the term are none, nor is 的款."""
    zh = Lexicon("zh", (Term("女人", "gender", "女性", "substring"),), "", "")
    reading = with_pairs(read(["到账，ok女人退款", "的款"], zh, np.arange(2)), 1, frozenset("的"))
    shown = [reading.words[i] if i != BREAK else "-" for i in reading.ids]
    assert shown == ["到账", "-", "-", "ok", "女人", "退款", "-", "-", "-"]


def test_of_runs_inside_one_another_the_longest_is_shown():
    words = np.array(["退款", "退款到", "退款到账", "到账", "cat", "cats"], dtype=object)
    kept = longest(words, np.array([50, 50, 49, 90, 9, 9]), np.arange(6))
    assert words[kept].tolist() == ["退款到账", "到账", "cat", "cats"]


WORDS = ["nun", "old nuns’", "女人", "退款", "，", " ", "x", "İ", "Σ", "\x00", "\U0001f600", "ok"]
PIECES = st.lists(st.sampled_from(WORDS), max_size=8)


@settings(deadline=None)
@given(st.lists(PIECES.map("".join), max_size=12), st.integers(1, 30))
def test_how_much_is_read_at_once_changes_nothing(texts, at_once):
    """A corpus of millions is read in parts; ids, rows, words and mentions are those of one reading."""
    ids, lexicon = np.arange(len(texts)), replace(NUN, struck=(("nun", 1), ("old nun", 3)))
    found = matcher(replace(NUN, terms=(*NUN.terms, Term("女人", "gender", "女性", "substring"))))
    whole = reading_module._read(texts, found, lexicon, ids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading_module, "AT_ONCE", at_once)
        parts = reading_module._read(texts, found, lexicon, ids)
    assert parts.words.tolist() == whole.words.tolist()
    assert parts.stands_for == whole.stands_for
    for name in ("ids", "rows", "is_han", "n_units"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()
    assert [x.tolist() for x in parts.mentions] == [x.tolist() for x in whole.mentions]


def test_texts_with_the_same_characters_cut_elsewhere_are_other_texts():
    first = read(["the nun", "a nun"], NUN, np.arange(2))
    assert read(["the nuna", " nun"], NUN, np.arange(2)) is not first
    assert read(["the nun\x00a nun", ""], NUN, np.arange(2)) is not first


def test_a_pair_of_characters_far_down_the_vocabulary_is_no_other_pair():
    """Ids are 32-bit; the code of a pair is a product of two of them and must not wrap around."""
    many = [f"w{i}" for i in range(70_000)]
    texts = [" ".join(many), "退款", "退款", "款退", "款退"]
    matrix, words = presence(read(texts, NUN, np.arange(5)), 2)
    counts = dict(zip(words.tolist(), np.asarray(matrix.sum(0)).ravel().tolist(), strict=True))
    assert counts == {"退款": 2, "款退": 2}
