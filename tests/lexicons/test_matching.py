"""Terms in texts: whole words, the longest term, terms of other axes inside, ambiguous terms that take a place."""

import numpy as np
import pytest

from studio.lexicons import Matcher, builtin, matcher, without
from studio.records import Lexicon, Term


def lexicon(*terms, language="en"):
    match = "substring" if language == "zh" else "word"
    return Lexicon(language, tuple(Term(t, axis, group, match, amb) for t, axis, group, amb in terms), "test", "test")


def said(language, text):
    found = matcher(builtin(language)).find(text)
    return [(text[m.start : m.end], m.term.axis, m.term.group) for m in found if not m.term.is_ambiguous]


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("The Muslims' mosque", [("Muslim", "religion", "Muslim"), ("mosque", "religion", "Muslim")]),
        ("she’s non‑binary", [("she", "gender", "women"), ("non‑binary", "gender", "trans and non-binary")]),
        ("sheltered human management", []),
        ("anti-Muslim", [("Muslim", "religion", "Muslim")]),
        ("a Black woman", [("Black woman", "race_ethnicity", "Black"), ("Black woman", "gender", "women")]),
        ("an old school song in the White House", []),
        ("a 19-year-old woman", [("woman", "gender", "women")]),
        ("an old\nwoman", [("old\nwoman", "age", "old"), ("old\nwoman", "gender", "women")]),
        ("straight ahead, then black paint", []),
    ],
)
def test_english(text, hits):
    assert said("en", text) == hits


@pytest.mark.parametrize("term", ["anti-", " -anti", "anti"])
def test_a_joint_at_the_end_of_a_term_is_no_part_of_it(term):
    """Such a term once stopped every check of words at the first text like these."""
    found = matcher(lexicon((term, "age", "old", False)))
    assert [(m.start, m.end) for m in found.find("anti - war, anti-war, an anti\t- x")] == [(0, 4), (12, 16), (25, 29)]


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("那个女孩子来了", [("女孩子", "gender", "女性")]),
        ("黑人女性", [("黑人女性", "race_ethnicity", "黑人"), ("黑人女性", "gender", "女性")]),
        ("LGBT群体和lgbt", [("LGBT", "sexual_orientation", "性少数"), ("lgbt", "sexual_orientation", "性少数")]),
        ("男女朋友", []),
        ("中国人口增长了，中国人类学", []),
        ("中国人都说好", [("中国人", "nationality_region", "中国")]),
        ("武汉人", [("武汉人", "nationality_region", "国内各地")]),
        ("工人工资", [("工人", "socioeconomic", "劳动者")]),
        ("多少年以后", []),
    ],
)
def test_chinese_by_the_longest_term(text, hits):
    assert said("zh", text) == hits


def test_scan_gives_what_find_gives():
    texts = ["a Black woman and her son", "", "nothing here", "İ met two lesbians", "THE JEWISH MAN'S HAT", "女孩子"]
    m = matcher(builtin("en"))
    found = m.scan(texts)
    expected = [(row, m.lexicon.terms.index(hit.term)) for row, text in enumerate(texts) for hit in m.find(text)]
    assert list(zip(found.rows.tolist(), found.terms.tolist(), strict=True)) == expected
    assert expected
    assert np.all(np.diff(found.rows) >= 0)


def test_places_stay_those_of_the_text_where_lowering_makes_it_longer():
    text = "İİ she"
    assert [text[m.start : m.end] for m in matcher(builtin("en")).find(text)] == ["she"]


def test_one_term_may_stand_on_two_axes_and_an_ambiguous_one_swallows_what_is_inside():
    nun = (("nun", "gender", "women", False), ("nun", "religion", "Christian", False))
    widow = (("black widow", "race_ethnicity", "Black", True), ("widow", "gender", "women", False))
    m = Matcher(lexicon(*nun, *widow))
    assert [hit.term.axis for hit in m.find("a nun")] == ["gender", "religion"]
    assert [hit.term.term for hit in m.find("black widow, widow")] == ["black widow", "widow"]


def test_struck_terms_are_no_longer_found_and_free_what_they_covered():
    lists = lexicon(("old man", "age", "old", False), ("man", "gender", "men", False))
    assert [hit.term.term for hit in Matcher(lists).find("an old man")] == ["old man", "man"]
    assert [hit.term.term for hit in Matcher(without(lists, {"old man"})).find("an old man")] == ["man"]


def test_no_term_at_all_finds_nothing():
    empty = Matcher(Lexicon("en", (), "", ""))
    assert empty.find("she") == []
    assert len(empty.scan(["she", ""]).rows) == 0
