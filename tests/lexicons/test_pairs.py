"""Swapping a group's terms: by hand in both languages, the two English ambiguities, shields, struck terms."""

from __future__ import annotations

import pytest

from studio import lexicons
from studio.errors import CorpusError
from studio.lexicons.pairs import Swapper, _is_known, builtin_pairs, contrasts

GENDER = {"en": ("gender", "men", "women"), "zh": ("gender", "男性", "女性")}


def swapper(language, contrast=None, lexicon="builtin"):
    given = lexicons.builtin(language) if lexicon == "builtin" else lexicon
    return Swapper(builtin_pairs(language), contrast or GENDER[language], given, language)


@pytest.mark.parametrize(("before", "after"), [
    ("He said hello.", "She said hello."),
    ("I saw her yesterday.", "I saw him yesterday."),
    ("I saw her.", "I saw him."),
    ("She gave her his book", "He gave him her book"),
    ("Her account is locked", "His account is locked"),
    ("her old phone broke", "his old phone broke"),
    ("This is his.", "This is hers."),
    ("his wife called him", "her husband called her"),
    ("that bag is hers", "that bag is his"),
    ("give her the refund", "give him the refund"),
    ("MY SON AND HIS FATHER", "MY DAUGHTER AND HER MOTHER"),
    ("Mother-in-law, mother", "Father-in-law, father"),
    ("My boys", "My girls"),
    ("she herself", "he himself"),
])  # fmt: skip
def test_english_by_hand(before, after):
    assert swapper("en")(before).text == after


@pytest.mark.parametrize(("before", "after"), [
    ("他的女儿很生气", "她的儿子很生气"),
    ("爸爸和妈妈都来了", "妈妈和爸爸都来了"),
    ("她们说其他人不行", "他们说其他人不行"),
    ("男朋友送的", "女朋友送的"),
    ("女司机又来了", "男司机又来了"),
    ("我先生买的，他很急", "我太太买的，她很急"),
    ("王先生您好", "王女士您好"),
    ("他太太来取", "她先生来取"),
])  # fmt: skip
def test_chinese_by_hand(before, after):
    assert swapper("zh")(before).text == after


@pytest.mark.parametrize(("language", "text"), [
    ("en", "the weather is fine"),
    ("en", "manpower and a chess set"),
    ("en", "Iron Man again"),
    ("zh", "其他颜色有吗"),
    ("zh", "子女教育"),
    ("zh", "男女都可以"),
    ("zh", "会弹吉他"),
])  # fmt: skip
def test_what_is_left_as_it_is(language, text):
    assert swapper(language)(text) is None


def test_groups_spoken_of_most_often_first():
    found = swapper("en")("She and her brother")
    assert (found.text, found.n, found.groups) == ("He and his sister", 3, ("women", "men"))


def test_a_struck_term_is_not_swapped():
    short = lexicons.without(lexicons.builtin("en"), {"boy"})
    assert swapper("en", lexicon=short)("a boy and his dad").text == "a boy and her mom"


def test_twice_swapped_is_the_text_again_where_no_word_is_ambiguous():
    for text in ("the king met the queen", "Mr Brown, his wife"):
        once = swapper("en")(text).text
        assert swapper("en")(once).text == text
    assert swapper("zh")(swapper("zh")("奶奶给孙子买的").text).text == "奶奶给孙子买的"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_pair_stands_in_the_lexicon_under_its_axis(language):
    """Terms of a pair are terms of the list (or plain plurals of one), so that striking one there strikes it here."""
    terms = lexicons.builtin(language).terms
    known = {lexicons.key_of(term.term) for term in terms}
    pairs = builtin_pairs(language)
    axes = {term.axis for term in terms}
    assert {pair.axis for pair in pairs} <= axes
    groups = {term.group for term in terms}
    assert all(pair.group in groups and pair.other_group in groups for pair in pairs)
    missing = [pair for pair in pairs if not _is_known(pair.term, known)]
    assert len(missing) <= 0.05 * len(pairs), missing
    assert contrasts(pairs)[0] == GENDER[language]


def test_other_axes_and_languages():
    assert swapper("en", ("religion", "Christian", "Muslim"))("a Christian church").text == "a Muslim mosque"
    assert swapper("zh", ("religion", "基督教", "穆斯林"))("清真寺").text == "教堂"
    with pytest.raises(CorpusError):
        builtin_pairs("fr")
