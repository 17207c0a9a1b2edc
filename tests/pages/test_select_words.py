"""Which views decide who gets in, for every way of choosing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pages._ui.select_words import views_in_use
from studio.selection import STRATEGIES
from studio.selection.recipe import Recipe

EXPECTED = {
    "deita": ("difficulty", "quality"),
    "model_score": ("quality",),
    **dict.fromkeys(("weighted_sum", "facility_location", "k_center", "mmr", "sampled"), ("relevance", "quality")),
}


@pytest.mark.parametrize("strategy", [one.name for one in STRATEGIES])
def test_scores_are_named_only_where_they_decide(strategy):
    """A random draw said "Scores in use", and so did a weighted sum of a view that weighed nothing."""
    weights = {"relevance": 60, "diversity": 0, "difficulty": 0, "quality": 40}
    choice = SimpleNamespace(recipe=Recipe(strategy=strategy, view="quality"), weights=weights)
    assert views_in_use(choice) == EXPECTED.get(strategy, ())
