"""Recipes: what each version means, what is refused, and that equal recipes give equal text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import SelectionError
from studio.records import VIEWS, Condition
from studio.selection.recipe import Recipe, check_snapshot, recipe_from_json, recipe_hash

# as version 1 wrote it: nothing of what came later
OLD = {
    "version": 1,
    "strategy": "weighted_sum",
    "weights": {"relevance": 40, "diversity": 30, "difficulty": 0, "quality": 30},
    "budget": 20,
    "caps": {"cluster": 6},
    "alpha": 0.5,
    "tau": 0.95,
    "missing": "leave_out",
    "inner": {},
    "view": "difficulty",
    "seed": 3,
}


def test_version_1_is_read_and_means_the_same():
    recipe = recipe_from_json(OLD)
    assert (recipe.budget, recipe.alpha, recipe.tau, recipe.seed) == (20, 0.5, 0.95, 3)
    assert recipe.rule.caps == {"cluster": 6} and recipe.rule.alpha == 0.5 and recipe.rule.near
    assert (recipe.scale, recipe.bands, recipe.best, recipe.bounds, recipe.filters) == ("quantile", {}, {}, {}, ())
    assert recipe.quotas == recipe.targets == {}


def test_the_inner_weights_of_a_frozen_recipe_are_read_from_their_views():
    stored = OLD | {"inner": {"quality": {"fluency": 2.0, "rule_quality": 1.0}, "diversity": {"cluster_rarity": 1.0}}}
    assert recipe_from_json(stored).inner == {"fluency": 2.0, "rule_quality": 1.0, "cluster_rarity": 1.0}
    assert recipe_from_json(OLD | {"inner": {"fluency": 2.0}}).inner == {"fluency": 2.0}


recipes = st.builds(
    Recipe,
    strategy=st.sampled_from(["weighted_sum", "mmr"]),
    budget=st.integers(1, 10**6),
    caps=st.dictionaries(st.sampled_from(["cluster", "source", "group_a"]), st.integers(1, 50), max_size=3),
    quotas=st.dictionaries(st.sampled_from(["source", "group_a"]), st.floats(0, 1), max_size=2),
    targets=st.just({"group_b": {"x": 0.25, "名": 0.75, "": 0.0}}),
    tau=st.none() | st.floats(0.5, 1),
    inner=st.dictionaries(st.sampled_from(["fluency", "margin"]), st.floats(0, 10), max_size=2),
    scale=st.sampled_from(["quantile", "z", "min_max"]),
    bands=st.dictionaries(st.sampled_from(VIEWS), st.floats(0, 1), max_size=2),
    best=st.dictionaries(st.just("fluency"), st.floats(1, 100), max_size=1),
    bounds=st.dictionaries(st.just("margin"), st.floats(-5, 5), max_size=1),
    filters=st.just((Condition("source", "in", ["a", "b"]), Condition("characters", "ge", 20))),
)


@settings(max_examples=60, deadline=None)
@given(recipes)
def test_a_recipe_comes_back_from_its_json(recipe):
    text = json.dumps(recipe.to_json(), sort_keys=True)
    again = recipe_from_json(json.loads(text))
    assert again.to_json() == recipe.to_json() and again.rule == recipe.rule
    assert recipe_hash(again, "s") == recipe_hash(recipe, "s") != recipe_hash(recipe, "t")


@pytest.mark.parametrize(
    "given_",
    [
        {"budget": 0},
        {"weights": dict.fromkeys(VIEWS, 0)},
        {"scale": "rank"},
        {"bands": {"quality": 1.2}},
        {"bands": {"quality": float("nan")}},
        {"best": {"fluency": 0}},
        {"best": {"fluency": 101}},
        {"bounds": {"fluency": float("inf")}},
        {"inner": {"fluency": -1}},
        {"quotas": {"source": 1.5}},
        {"alpha": 0.5, "quotas": {"cluster": 0.5}},
        {"quotas": {"source": 0.5}, "targets": {"source": {"a": 1.0}}},
        {"targets": {"source": {}}},
        {"targets": {"source": {"a": 0.0}}},
        {"targets": {"source": {"a": -1.0, "b": 2.0}}},
        {"caps": {"cluster": 0}},
        {"balance": 2.0},
    ],
)
def test_values_nobody_can_use_are_refused_with_a_way_out(given_):
    with pytest.raises(SelectionError) as told:
        Recipe(**given_)
    assert told.value.what and told.value.fix


@pytest.mark.parametrize(
    "broken", [{"version": 3}, OLD | {"filters": [["a"]]}, OLD | {"budget": "x"}, OLD | {"caps": 3}]
)
def test_what_cannot_be_read_says_so(broken):
    with pytest.raises(SelectionError):
        recipe_from_json(broken)


def test_a_recipe_of_another_snapshot_is_refused():
    check_snapshot({"snapshot": "here"}, "here")
    check_snapshot({}, "here")
    with pytest.raises(SelectionError, match="another version of the data"):
        check_snapshot({"snapshot": "there"}, "here")
