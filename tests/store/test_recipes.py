"""Saved recipes: kept by kind, newest first, whole."""

from __future__ import annotations

import pytest

from studio.errors import StoreError
from studio.store import recipes


def test_saved_recipes_come_back_whole_and_by_kind(store):
    body = {"steps": [{"name": "near", "params": {"threshold": 0.8}}], "note": "引号 ' \" and <b>"}
    first = recipes.save(store, "cleaning", "  Tidy   texts ", body, "ann")
    second = recipes.save(store, "cleaning", "Tidy texts", {}, "bob")
    other = recipes.save(store, "mapping", "Columns", {"text": "a"}, "ann")
    assert {item.recipe_id for item in recipes.all_of(store, "cleaning")} == {first, second}
    found = recipes.get(store, first)
    assert (found.name, found.body, found.created_by) == ("Tidy texts", body, "ann")
    assert [item.recipe_id for item in recipes.all_of(store, "mapping")] == [other]
    assert recipes.get(store, "nope") is None and recipes.all_of(store, "nothing") == []


def test_a_recipe_needs_a_name(store):
    with pytest.raises(StoreError):
        recipes.save(store, "cleaning", "   ", {}, "ann")
