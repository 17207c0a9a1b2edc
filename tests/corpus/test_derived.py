"""Groups made by rule: bands, identity terms, patterns under a time limit, months and years."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.corpus import lexicons
from studio.corpus.derived import AGE_EDGES, KINDS, Derived, band_names, month_of, number, proposals, quantile_edges
from studio.corpus.roles import Roles
from studio.corpus.rows import Rows
from studio.errors import CorpusError


@pytest.mark.parametrize(
    ("text", "value"),
    [("17", "below 18"), ("18", "18–24"), ("24.9", "18–24"), ("64", "55–64"), ("65", "65 and above"),
     ("３５岁", "35–44"), ("n/a", None), ("", None), ("-3", "below 18")],
)  # fmt: skip
def test_age_bands(text, value):
    rule = Derived("bands", "age", "age", edges=AGE_EDGES)
    rule.check(["age"])
    assert rule.rule()({"age": text}, "") == value


@given(st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=60), st.integers(-2_000, 2_000))
def test_every_number_falls_into_exactly_one_band_and_bands_keep_the_order(numbers, one):
    edges = quantile_edges(numbers)
    assert list(edges) == sorted(set(edges))
    if edges:
        rule = Derived("bands", "n", "n", edges=edges).rule()
        names = band_names(edges)
        places = [names.index(rule({"n": str(value)}, "") or "") for value in sorted([*numbers, one])]
        assert places == sorted(places)


@pytest.mark.parametrize(
    ("language", "lexicon", "text", "value"),
    [
        ("en", "gender", "She said hello", "women"), ("en", "gender", "the mother's hat", "women"),
        ("en", "gender", "his and hers", "several"), ("en", "gender", "they sheltered", "none named"),
        ("en", "gender", "human management", "none named"), ("en", "religion", "two Muslims met", "Muslim"),
        ("en", "gender", "non-binary people", "trans and non-binary"), ("zh", "gender", "那个女孩子来了", "女性"),
        ("zh", "gender", "男女朋友都来了", "未提及"), ("zh", "gender", "先生和太太，他的母亲", "多类"),
        ("zh", "age", "多少年以后", "未提及"), ("zh", "orientation", "他和男同学打球", "未提及"),
        ("en", "ethnicity", "an African-American author", "Black"), ("en", "age", "an old school song", "none named"),
    ],
)  # fmt: skip
def test_identity_terms_by_whole_words_and_longest_match(language, lexicon, text, value):
    rule = Derived("terms", "g", lexicon=lexicon, language=language)
    rule.check([])
    assert rule.rule()({}, text) == value


def test_no_term_stands_for_two_values_of_one_list():
    for attribute in lexicons.ATTRIBUTES:
        for language in ("en", "zh"):
            terms = [term.lower() for group in lexicons.terms_of(attribute, language).values() for term in group]
            assert 20 <= len(terms) == len(set(terms)), attribute


def test_patterns_find_catch_and_are_cut_off():
    found = Derived("pattern", "p", pattern="refund|退款", language="en").rule()
    assert [found({}, text) for text in ("REFUND me", "我要退款", "hello")] == ["found", "found", "not found"]
    caught = Derived("pattern", "p", pattern=r"order (\w+)").rule()
    assert caught({}, "my order A12 is late") == "A12"
    slow = Derived("pattern", "p", pattern=r"(a|aa)+$")
    slow.check([])
    with pytest.raises(CorpusError, match="takes too long"):
        slow.rule()({}, "a" * 60 + "b")


@pytest.mark.parametrize(
    ("text", "day_first", "month"),
    [
        ("2020-05-12", True, (2020, 5)), ("2020-05-12T10:00:00Z", True, (2020, 5)), ("2020/5/2", True, (2020, 5)),
        ("2020年5月12日", True, (2020, 5)), ("20200512", True, (2020, 5)), ("12/05/2020 15:04", True, (2020, 5)),
        ("12/05/2020", False, (2020, 12)), ("31/05/2020", False, (2020, 5)), ("05/31/2020", True, (2020, 5)),
        ("1.2.99", True, (1999, 2)), ("12 May 2020", True, (2020, 5)), ("May 12, 2020", True, (2020, 5)),
        ("1589241600", True, (2020, 5)), ("1589241600000", True, (2020, 5)), ("2020", True, (2020, 1)),
        ("2020-13-01", True, None), ("32/13/2020", True, None), ("yesterday", True, None), ("", True, None),
        ("7", True, None),
    ],
)  # fmt: skip
def test_moments(text, day_first, month):
    assert month_of(text, day_first) == month


@given(st.text(max_size=40))
def test_nothing_breaks_the_readers_of_numbers_and_moments(text):
    found, moment = number(text), month_of(text)
    assert found is None or math.isfinite(found)
    assert moment is None or 1 <= moment[1] <= 12


def test_rules_fill_their_own_columns_beside_the_plain_groups():
    rules = (Derived("bands", "Age band", "age", edges=(18, 65)), Derived("period", "year", "when", period="year"),
             Derived("terms", "gender", lexicon="gender"))  # fmt: skip
    roles = Roles("t", groups=("region",), derived=rules)
    roles.check(["t", "region", "age", "when"])
    row, reason = Rows(roles, max_text_characters=99).make({"t": "She left", "region": "N", "age": 30, "when": "soon"})
    assert reason == ""
    assert (row["group_region"], row["group_age_band"], row["group_gender"]) == ("N", "18–64", "women")
    assert "group_year" not in row
    assert Roles.from_json(roles.to_json()) == roles


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Derived("nope", "x"), "no such kind"), (Derived("terms", " ", lexicon="gender"), "needs a name"),
        (Derived("bands", "x", "gone", edges=(1,)), "does not have"), (Derived("bands", "x", "a"), "must be numbers"),
        (Derived("bands", "x", "a", edges=(2, 1)), "must be numbers"),
        (Derived("terms", "x", lexicon="no"), "no such list"),
        (Derived("period", "x", "a", period="week"), "no such period"), (Derived("pattern", "x"), "needs 1 to"),
        (Derived("pattern", "x", pattern="(a"), "not a regular expression"),
    ],
)  # fmt: skip
def test_an_impossible_rule_says_so(rule, says):
    with pytest.raises(CorpusError, match=says) as caught:
        rule.check(["a"])
    assert caught.value.fix


def test_what_is_worth_offering():
    values = {"age": [str(20 + i % 50) for i in range(60)], "id": [str(i) for i in range(60)],
              "date": [f"{(i % 28) + 1}/0{i % 3 + 1}/2020" for i in range(60)]}  # fmt: skip
    offered = proposals(values, "date", "en")
    assert [(rule.kind, rule.column) for rule in offered] == [("bands", "age"), ("period", "date")]
    assert offered[0].edges == tuple(float(edge) for edge in AGE_EDGES)
    assert (offered[1].period, offered[1].day_first) == ("month", True)
    assert {rule.kind for rule in offered} < set(KINDS)
