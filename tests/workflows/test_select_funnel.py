"""The funnel of a choice and of a saved selection, recounted from the corpus."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from studio.records import Condition
from studio.selection.recipe import Recipe
from studio.store import examples, labels, selections
from studio.workflows import annotate, select, select_funnel, select_scores
from tests.workflows.test_select import ANALYST, w


@pytest.fixture
def snapshot_id(scored_snapshot):
    return scored_snapshot


def counts_of(found, column):
    return {stage.name: stage.counts.tolist() for stage in found.funnel.columns[column]}


def recount(studio, snapshot_id, ids):
    frame = examples.by_ids(studio.store, snapshot_id, sorted(ids), ["example_id", "group_gender"])
    return [0, int((frame["group_gender"] == "f").sum()), int((frame["group_gender"] == "m").sum())]


def test_a_choice_now(studio, snapshot_id):
    only_f = (Condition("group_gender", "eq", "f"),)
    choice = select.choose(studio, snapshot_id, Recipe(weights=w(50, 25, 0, 25), budget=15, filters=only_f))
    found = select_funnel.of_choice(choice)
    pool = labels.pool_left(studio.store, snapshot_id)
    n_f = recount(studio, snapshot_id, pool)[1]
    assert found.sizes == {"pool": len(pool), "filtered": n_f, "selected": 15}
    assert counts_of(found, "group_gender") == {"pool": recount(studio, snapshot_id, pool), "filtered": [0, n_f, 0],
                                                "selected": [0, 15, 0]}  # fmt: skip
    filtered = found.funnel.columns["group_gender"][1]
    draw = hypergeom(len(pool), n_f, n_f)
    assert (filtered.since[0].low, filtered.since[0].high) == (draw.ppf(0.025), draw.ppf(0.975))
    assert found.key_name("group_gender", 0) == "f" and found.key_name("cluster", -1) == ""


def test_who_lacks_what_a_strategy_looks_at_is_filtered(studio, snapshot_id):
    """Ten examples without quality: out of reach for one view alone and for sampling, not for the longest texts."""
    ids = labels.pool_left(studio.store, snapshot_id)
    with studio.store.write() as cursor:
        cursor.execute("UPDATE score SET raw = NULL, unit_value = NULL WHERE measure IN ('rule_quality', 'fluency') "
                       f"AND example_id IN ({','.join(map(str, ids[:10]))})")  # fmt: skip
        cursor.execute("UPDATE score_set SET created_at = created_at + INTERVAL 2 SECOND")
    for strategy, n in (("model_score", len(ids) - 10), ("sampled", len(ids) - 10), ("longest", len(ids))):
        recipe = Recipe(strategy=strategy, view="quality", weights=w(50, 25, 0, 25), budget=15)
        choice = select.choose(studio, snapshot_id, recipe)
        assert select_funnel.of_choice(choice).sizes == {"pool": len(ids), "filtered": n, "selected": 15}
        assert choice.n_usable == n
    found = select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="one",
                          recipe=Recipe(strategy="model_score", view="quality", budget=15))  # fmt: skip
    state = select_scores.state(studio, snapshot_id)
    saved = select_funnel.of_frozen(studio, selections.get_or_none(studio.store, found), state)
    assert saved.sizes["filtered"] == len(ids) - 10


def test_a_saved_selection_is_followed_into_the_train_set(studio, snapshot_id):
    recipe = Recipe(weights=w(50, 25, 0, 25), budget=40)
    select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="first", recipe=recipe, selection_id="one")
    frozen = selections.get_or_none(studio.store, "one")
    state = select_scores.state(studio, snapshot_id)
    before = select_funnel.of_frozen(studio, frozen, state)
    assert (before.sizes["annotated"], before.sizes["train"], before.is_then) == (0, 0, True)
    assert "label" not in before.funnel.columns
    annotate.simulate_rest(studio, ANALYST, selection_id="one")
    found = select_funnel.of_frozen(studio, frozen, select_scores.state(studio, snapshot_id))
    now = labels.current(studio.store, snapshot_id)
    ids = set(selections.ids(studio.store, "one").tolist())
    mine = now[np.isin(now["example_id"], list(ids))]
    train = mine[mine["split"] == "train"]
    assert found.sizes["annotated"] == len(mine) == 40 and found.sizes["train"] == len(train)
    assert found.sizes["pool"] == len(set(labels.pool_left(studio.store, snapshot_id)) | ids)
    assert counts_of(found, "group_gender")["train"] == recount(studio, snapshot_id, train["example_id"])
    told = counts_of(found, "label")
    assert set(told) == {"selected", "annotated", "train"}  # the pool's labels are hidden, all 40 are known
    assert told["annotated"][1:] == mine["label"].value_counts().sort_index().tolist()


def test_a_recipe_that_cannot_be_applied_any_more_says_so(studio, snapshot_id):
    ids = labels.pool_left(studio.store, snapshot_id)[:10]
    frozen = selections.add(studio.store, selection_id="odd", corpus_id=f"c{snapshot_id}", snapshot_id=snapshot_id,
                            name="odd", strategy="weighted_sum", arm="selection", budget=10, seed=0,
                            recipe={"version": 99, "filters": "?"}, ids=ids, reasons=["top_score"] * 10,
                            by="t")  # fmt: skip
    found = select_funnel.of_frozen(studio, frozen, select_scores.state(studio, snapshot_id))
    assert not found.is_then and "filtered" not in found.sizes and found.sizes["selected"] == 10
