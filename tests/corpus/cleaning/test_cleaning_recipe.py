"""Lists as JSON and as URLs: a round trip, and clear refusals of anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.corpus import cleaning
from studio.corpus.cleaning.recipe import (
    SUGGESTED,
    Recipe,
    plan,
    recipe_from_file,
    recipe_from_json,
    recipe_from_text,
    recipe_to_text,
    suggested,
)
from studio.errors import CorpusError

PLANS = st.lists(st.tuples(st.sampled_from(cleaning.NAMES), st.booleans()), max_size=8)


@given(PLANS, st.lists(st.integers(0, 2**52), max_size=5))
def test_json_and_url_round_trip(listed, kept):
    recipe = Recipe(tuple(plan(name, on=on) for name, on in listed), tuple(sorted(set(kept))))
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe_from_text(recipe_to_text(recipe)).plans == recipe.plans
    assert recipe_from_file(json.dumps(recipe.to_json()).encode()).digest == recipe.digest


def test_only_what_differs_is_written():
    one = plan("near", {"threshold": 0.8})
    assert one.to_json() == {"name": "near", "version": 1, "params": {"threshold": 0.8}}
    assert recipe_from_json(["html", "near"]).plans == (plan("html"), plan("near"))
    assert plan("length", {"shortest": {"zh": 4}}).values["shortest"] == {"en": 5, "zh": 4}


@pytest.mark.parametrize(
    "value",
    [
        None, 7, {}, {"steps": 3}, {"steps": [7]}, {"steps": ["nope"]}, {"steps": [{"name": 3}]},
        {"version": 9, "steps": []},
        {"steps": [{"name": "near", "params": {"threshold": 7}}]}, {"steps": ["html"] * 41},
        {"steps": ["html"], "keep_ids": ["x"]}, {"steps": ["html"], "keep_ids": 3},
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_fix(value):
    with pytest.raises(CorpusError) as caught:
        recipe_from_json(value)
    assert caught.value.fix


@pytest.mark.parametrize("data", [b"\xff\xfe", b"not json", b"[" * 100_000, b" " * (8 * 2**20 + 1)])
def test_files_that_are_no_list(data):
    with pytest.raises(CorpusError):
        recipe_from_file(data)


@pytest.mark.parametrize(
    "text", ["", "x", "{}", "[[]]", '[["nope",{}]]', '[["near",{"threshold":9}]]', "[" * 5000, "7"]
)
def test_a_bad_url_gives_an_empty_list(text):
    assert recipe_from_text(text) == Recipe()


def test_suggested_lists_keep_the_corpus_language():
    assert dict(suggested("all", "zh").plans[6].values)["keep"] == "zh"
    assert dict(suggested("all", "de").plans[6].values)["keep"] == "en,zh"
    assert all(suggested(name, "en").plans for name in SUGGESTED)
    recipe = suggested("copies", "en").with_kept([5, 3]).with_kept([5])
    assert recipe.keep_ids == (3, 5) and recipe.needs() == frozenset()
