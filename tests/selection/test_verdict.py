"""The one sentence: every combination of groups, variety and study, and nothing beyond the numbers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from studio.reports import said
from studio.selection.bands import against_random
from studio.selection.verdict import is_pending, verdict
from studio.words import has


def group(key, verdict_, picked, expected, *, small=False, column="group_gender"):
    return {"column": column, "key": key, "verdict": verdict_, "picked": picked, "expected": expected,
            "is_small": small}  # fmt: skip


def told(**given):
    return verdict(**({"n": 100, "n_pool": 1_000, "groups": ()} | given))


@pytest.mark.parametrize(
    ("groups", "key", "values"),
    [
        ([], "no_columns", {}),
        ([group("f", "within", 48, 50)], "fair", {"n": 1}),
        ([group("f", "slight", 44, 50)], "fair", {"n": 1}),
        ([group("f", "open", 0, 50), group("m", "within", 50, 50)], "open", {"n": 1, "all": 2}),
        ([group("f", "fewer", 2, 9, small=True)], "too_small", {"n": 1}),
        ([group("f", "fewer", 10, 50.0), group("m", "within", 50, 50)], "fewer",
         {"column": "group_gender", "key": "f", "picked": 10, "expected": 50, "percent": 80}),
        ([group("f", "more", 75, 50.0)], "more",
         {"column": "group_gender", "key": "f", "picked": 75, "expected": 50, "percent": 50}),
        ([group("f", "more", 100, 50.0)], "times",
         {"column": "group_gender", "key": "f", "picked": 100, "expected": 50, "times": 2.0}),
        ([group("f", "fewer", 0, 6.4)], "none",
         {"column": "group_gender", "key": "f", "picked": 0, "expected": 6}),
        # people before clusters however far those are off; then the largest relative deviation
        ([group("7", "more", 90, 9.0, column="cluster"), group("f", "fewer", 30, 50.0), group("m", "fewer", 20, 50.0)],
         "fewer_and", {"column": "group_gender", "key": "m", "picked": 20, "expected": 50, "percent": 60, "others": 2,
                       "all": 3}),
    ],
)  # fmt: skip
def test_groups(groups, key, values):
    assert told(groups=groups)[0] == {"key": f"verdict.groups.{key}", "values": values}


def variety(distance, vendi, **more):
    return {"distance": {"verdict": distance, "draws": 199} | more, "vendi": {"verdict": vendi, "draws": 99}}


@pytest.mark.parametrize(
    ("given", "key", "values"),
    [
        (None, "unknown", {}),
        (variety("within", "within"), "within", {"draws": 199}),
        (variety("higher", "within", lower=198, higher=1), "higher_distance", {"k": 198, "draws": 199}),
        (variety("lower", "lower", lower=0, higher=199), "lower_distance", {"k": 199, "draws": 199}),
        (variety("within", "higher"), "higher", {"draws": 99}),
        (variety("higher", "lower"), "mixed_farther", {}),
        (variety("lower", "higher"), "mixed_closer", {}),
    ],
)
def test_variety(given, key, values):
    assert told(variety=given)[1] == {"key": f"verdict.variety.{key}", "values": values}


def test_variety_under_way_and_the_whole_pool_and_nothing():
    assert told(is_waiting=True)[1]["key"] == "verdict.variety.pending"
    assert is_pending(told(is_waiting=True)) and not is_pending(told())
    assert told(n=1_000, groups=[group("f", "within", 5, 5)])[0]["key"] == "verdict.groups.whole"
    assert [part["key"] for part in told(n=0)] == ["verdict.nothing"]


@pytest.mark.parametrize(("stale", "end"), [([], ""), (["labels"], "_stale")])
@pytest.mark.parametrize(("kind", "more"), [("head", ""), ("lm", "_lm")])
@pytest.mark.parametrize("word", ["better", "same", "worse"])
def test_a_study_is_told_with_how_many_examples_it_was_judged_by(word, kind, more, stale, end):
    study = {"verdict": word, "kind": kind, "held": 400, "draws": 100, "stale": stale}
    part = told(proof=study)[2]
    assert part == {"key": f"verdict.proof.{word}{more}{end}", "values": {"held": 400, "draws": 100}}
    for lang in ("en", "zh"):
        assert "400" in said.sentence(part, lang=lang)


def test_every_sentence_there_can_be_has_words_in_both_languages():
    groups = [[], [group("f", "within", 5, 5)], [group("f", "within", 5, 5, small=True)]]
    groups += [[group("f", word, picked, 50)] + more for (word, picked) in
               [("fewer", 10), ("fewer", 0), ("more", 70), ("more", 170)]
               for more in ([], [group("👩‍🦰 <b>{x}", "more", 70, 50)])]  # fmt: skip
    words = ("lower", "within", "higher")
    kinds = [None] + [variety(a, b) for a, b in product(words, words)]
    kinds += [{name: {"verdict": word, "draws": 9, "lower": 3, "higher": 6} for name in ("distance", "vendi")}
              for word in words]  # fmt: skip
    for own, kind in product(groups, kinds):
        for part in told(groups=own, variety=kind):
            assert has(part["key"]), part
            for lang in ("en", "zh"):
                assert "{" not in said.sentence(part, lang=lang).replace("{x}", "")


def test_how_many_draws_lie_below_and_above():
    found = against_random(2.0, np.array([1.0] * 30 + [2.0] * 5 + [3.0] * 15))
    assert (found.lower, found.higher) == (30, 15)
