"""Scores, ranking, comparison and freezing over a real workspace; one run through a real worker."""

from __future__ import annotations

import json

import numpy as np
import pytest

from studio.cli import main as cli
from studio.errors import AccessError, BudgetTooLarge, EmptyPool, SelectionError
from studio.measures import by_name, compute
from studio.records import Actor, Condition, conditions_to_text
from studio.selection.combine import weighted_scores
from studio.selection.recipe import Recipe, recipe_from_json
from studio.settings import Settings, Workspace
from studio.store import examples, labels, scores, selections, slices
from studio.workflows import (
    annotate,
    runs,
    select,
    select_apply,
    select_effect,
    select_matrix,
    select_prepare,
    select_scores,
    select_targets,
)
from studio.workflows.studio import open_studio
from tests.workflows import select_corpus, small_corpus
from tests.workflows.select_corpus import TARGETS

ANALYST = Actor("ann", "analyst")


@pytest.fixture
def snapshot_id(scored_snapshot):
    return scored_snapshot


def w(relevance, diversity, difficulty, quality):
    return {"relevance": relevance, "diversity": diversity, "difficulty": difficulty, "quality": quality}


def test_views_without_scores_say_why_and_weigh_nothing(studio):
    made = select_corpus.make(studio)
    assert select_prepare.next_step(studio, made) == "measure"
    select_corpus.score(studio, made)
    assert select_prepare.next_step(studio, made) is None
    state = select_scores.state(studio, made)
    assert state.available == ("diversity", "quality")
    assert state.views["relevance"].lacking == "select.lacking.targets"
    assert state.views["difficulty"].lacking == "select.lacking.labels"
    choice = select.choose(studio, made, Recipe(budget=10))
    assert choice.weights == w(0, 50, 0, 50) and choice.n_left_out == 0


def test_the_live_ranking_is_the_ranking_of_sql(studio, snapshot_id):
    """Weights on single-measure views: the readable query and the matrix must give the same ids in the same order."""
    inner = {"three_nearest_targets": 1.0, "neighbour_distance": 1.0, "rule_quality": 0.0, "fluency": 1.0}
    recipe = Recipe(budget=100_000, weights=w(40, 35, 0, 25), inner=inner)
    choice = select.choose(studio, snapshot_id, recipe)
    by = {item.measure: item for item in choice.state.sets}
    parts = [(by["three_nearest_targets"], 0.4), (by["neighbour_distance"], 0.35), (by["fluency"], 0.25)]
    oracle = scores.rank_by_weighted_score(studio.store, snapshot_id, parts, 100_000)
    pool = set(labels.pool_left(studio.store, snapshot_id))
    oracle = oracle[oracle["example_id"].isin(pool)].head(50)
    assert choice.ids[:50].tolist() == oracle["example_id"].tolist()
    np.testing.assert_allclose(choice.scores[:50], oracle["score"], atol=1e-6)
    assert scores.count_left_out(studio.store, snapshot_id, parts) == 0


def test_only_the_unlabelled_pool_is_ranked(studio, snapshot_id):
    pool = labels.pool_left(studio.store, snapshot_id)
    assert select.choose(studio, snapshot_id, Recipe(budget=10_000)).ids.tolist() != pool
    assert sorted(select.choose(studio, snapshot_id, Recipe(budget=10_000)).ids.tolist()) == pool
    first = select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="a", recipe=Recipe(budget=15))
    annotate.simulate_rest(studio, ANALYST, selection_id=first)
    again = select.choose(studio, snapshot_id, Recipe(budget=10_000))
    assert not set(again.ids.tolist()) & set(selections.ids(studio.store, first).tolist())
    assert select.compare(studio, snapshot_id, again).labelled == 15
    state = select_scores.state(studio, snapshot_id)
    assert state.n_labels == 15 and state.views["difficulty"].lacking == "select.lacking.scores"


def test_the_same_recipe_gives_the_same_selection_byte_for_byte(studio, snapshot_id):
    recipe = Recipe(budget=20, weights=w(40, 30, 0, 30), caps={"cluster": 6, "group_gender": 11}, tau=0.95, seed=3)
    one = select.freeze(
        studio, ANALYST, snapshot_id=snapshot_id, name=" first  batch ", recipe=recipe, with_control=True
    )
    two = select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="second", recipe=recipe.to_json())
    a, b = select.get(studio, one), select.get(studio, two)
    assert (a.name, a.n, a.arm) == ("first batch", 20, "selection")
    assert (a.ids_hash, a.recipe_hash) == (b.ids_hash, b.recipe_hash) and a.recipe == b.recipe
    assert a.ids_hash == selections.hash_ids(selections.ids(studio.store, one))
    assert {item["measure"] for item in a.recipe["scores"]} >= {"neighbour_distance", "fluency"}
    rows = selections.examples(studio.store, one)
    assert rows["rank"].tolist() == list(range(1, 21)) and set(rows["reason"]) <= {"top_score", "made_room"}
    control = select.get(studio, f"{one}-control")
    assert (control.arm, control.n, control.recipe["control_of"]) == ("random", 20, one)
    assert set(selections.examples(studio.store, control.selection_id)["reason"]) == {"random_draw"}
    assert select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="x", recipe=recipe, selection_id=one) == one
    assert select.get(studio, one).name == "first batch"


@pytest.mark.parametrize("strategy", ["random", "stratified", "longest", "heuristic", "k_center", "facility_location"])
def test_every_strategy_can_be_frozen_and_explained(studio, snapshot_id, strategy):
    choice = select.choose(studio, snapshot_id, Recipe(strategy=strategy, budget=12, seed=4))
    assert len(choice.ids) == 12
    frozen = select.get(studio, select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="s", recipe=choice.recipe))
    assert frozen.ids_hash == selections.hash_ids(choice.ids)
    outside = [i for i in labels.pool_left(studio.store, snapshot_id) if i not in set(choice.ids.tolist())]
    assert all(select.why_not(choice, outside[:5]))
    assert len(select.table(studio, snapshot_id, choice)) == 12


def test_who_entered_and_who_left_with_true_reasons(studio, snapshot_id):
    select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="a", recipe=Recipe(budget=20, weights=w(100, 0, 0, 0)))
    choice = select.choose(studio, snapshot_id, Recipe(budget=20, weights=w(0, 100, 0, 0), caps={"group_gender": 10}))
    change = select.compare(studio, snapshot_id, choice)
    assert len(change.entered) == len(change.left) == 20 - change.kept > 0
    codes = {code.split(":")[0] for _, code in change.left}
    assert codes <= {"over_budget", "cap"}
    flip, _ = select.flip(choice, change.left[0][0])
    if flip is not None:
        moved = select.choose(studio, snapshot_id, Recipe(budget=20, weights=flip.weights, caps={"group_gender": 10}))
        assert change.left[0][0] in moved.ids


def test_impossible_wishes_are_refused_with_words(studio, snapshot_id):
    with pytest.raises(BudgetTooLarge, match="2 of 20 fit"):
        select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="a",
                      recipe=Recipe(budget=20, caps={"group_gender": 1}))  # fmt: skip
    with pytest.raises(SelectionError, match="needs a name"):
        select.freeze(studio, ANALYST, snapshot_id=snapshot_id, name="  ", recipe=Recipe())
    with pytest.raises(AccessError):
        select.freeze(studio, Actor("v", "reviewer"), snapshot_id=snapshot_id, name="a", recipe=Recipe())
    for bad in ({"budget": 0}, {"tau": 2.0}, {"alpha": -1.0}, {"caps": {"cluster": 0}}, {"missing": "x"},
                {"seed": -1}, {"seed": "x"}):  # fmt: skip
        with pytest.raises(SelectionError):
            Recipe(**bad)
    with pytest.raises(SelectionError):
        recipe_from_json({"version": 99})
    assert recipe_from_json(Recipe(budget=7).to_json()) == Recipe(budget=7)
    assert selections.list_all(studio.store, snapshot_id) == []


def test_a_pool_without_anything_left(studio, snapshot_id):
    small_corpus.freeze(studio.store, snapshot_id, labels.pool_left(studio.store, snapshot_id), selection_id="all")
    annotate.simulate_rest(studio, ANALYST, selection_id="all")
    with pytest.raises(EmptyPool):
        select.choose(studio, snapshot_id, Recipe())


def test_group_bands_and_variety(studio, snapshot_id):
    choice = select.choose(studio, snapshot_id, Recipe(budget=30))
    exact = select_effect.group_effect(choice)
    assert exact.draws == 0 and set(exact.groups) == {"cluster", "group_gender"}
    assert sum(g.band.picked for g in exact.groups["group_gender"]) == 30
    assert any(g.key == "" for g in exact.groups["cluster"])  # examples outside every cluster are a group
    capped = select.choose(studio, snapshot_id, Recipe(budget=30, caps={"group_gender": 16}))
    drawn = select_effect.group_effect(capped)
    assert drawn.draws >= 199 and drawn.is_limited
    bands = drawn.groups["group_gender"]
    assert all(g.band.draws == drawn.draws and (g.band.low, g.band.high) == (14, 16) for g in bands)
    tight = select_effect.group_effect(select.choose(studio, snapshot_id, Recipe(budget=30, caps={"group_gender": 15})))
    assert tight.draws == 0 and tight.is_limited and not exact.is_limited
    assert all(g.band.low == g.band.high == 15 for g in tight.groups["group_gender"])  # no room for chance
    found = select_effect.variety(studio, choice)
    assert found.distance.draws == 199 and 0 < found.distance.value < 2 and found.vendi.value <= 24
    pending = select_effect.variety_soon(studio, choice)
    assert pending is select_effect.variety_soon(studio, choice)


def test_targets_come_from_untrusted_text(studio, snapshot_id):
    read = select_targets.read
    assert read(studio, snapshot_id, text=" pay ", pins="3, 1，1").ids == (1, 3)
    with pytest.raises(SelectionError, match="no example numbers"):
        read(studio, snapshot_id, pins="1; DROP TABLE score")
    with pytest.raises(SelectionError, match="not in this corpus"):
        read(studio, snapshot_id, pins="999999")
    conditions = conditions_to_text([Condition("group_gender", "eq", "f")])
    assert len(read(studio, snapshot_id, slice_text=conditions).ids) == 100
    stored = slices.add_slice(studio.store, snapshot_id, name="x", definition={}, example_ids=[2, 4], by="t")
    assert read(studio, snapshot_id, slice_text=stored).ids == (2, 4)
    assert select_targets.slice_size(studio, snapshot_id, "[[1,2") == 0
    assert select_targets.slice_size(studio, snapshot_id, '[["nope","eq","1"]]') == 0


def test_stale_scores_are_named(studio, snapshot_id):
    assert all(not view.stale for view in select_scores.state(studio, snapshot_id).views.values())
    with studio.store.write() as cursor:
        cursor.execute("UPDATE map SET map_id = 'newer'")
    stale = select_scores.state(studio, snapshot_id).views["diversity"].stale
    assert [(name, key) for name, key, _ in stale] == [("cluster_rarity", "select.stale.map")]


def test_a_weighted_view_with_gaps_leaves_examples_out_or_counts_half(studio, snapshot_id):
    with studio.store.write() as cursor:
        cursor.execute("UPDATE score SET raw = NULL, unit_value = NULL WHERE measure = 'three_nearest_targets' "
                       "AND example_id % 2 = 0")  # fmt: skip
        cursor.execute("UPDATE score_set SET created_at = created_at + INTERVAL 1 SECOND")
    even = [i for i in labels.pool_left(studio.store, snapshot_id) if i % 2 == 0]
    choice = select.choose(studio, snapshot_id, Recipe(budget=1000))
    assert choice.n_left_out == len(even) and choice.left_out == {"relevance": len(even)}
    assert select.why(choice, even[0]).code == "no_score:relevance"
    half = select.choose(studio, snapshot_id, Recipe(budget=1000, missing="half"))
    assert half.n_left_out == 0
    unit = choice.pool.matrix.unit
    np.testing.assert_array_equal(half.weighted, weighted_scores(unit, half.weights, "half"))


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    opened = open_studio(Settings(workspace=Workspace(tmp_path_factory.mktemp("ws") / "w").make(), device="cpu"))
    yield opened
    opened.close()


def test_a_run_through_a_real_worker(live, capsys):
    """Scores of the worker are those of the functions; the probe comes in once there are labels."""
    made = select_corpus.make(live)
    small_corpus.freeze(live.store, made, labels.pool_left(live.store, made)[:40], selection_id="seed")
    annotate.simulate_rest(live, ANALYST, selection_id="seed")
    run_id = select_scores.measure(live, ANALYST, snapshot_id=made, targets=TARGETS)
    assert runs.wait(live, run_id, 120).state == "done", runs.detail(live, run_id).failure
    state = select_scores.state(live, made, TARGETS)
    assert state.available == ("relevance", "diversity", "difficulty", "quality")
    given = select_corpus.batch(live, made, state.around, TARGETS)
    for name in ("three_nearest_targets", "neighbour_distance", "cluster_rarity", "fluency"):
        found = next(item for item in state.sets if item.measure == name)
        ids, raw, unit = scores.values(live.store, made, found)
        np.testing.assert_array_equal(ids, given.ids)
        np.testing.assert_allclose(raw, compute(by_name(name), given), atol=1e-6)
        assert unit.dtype == np.float32 and 0 < np.nanmin(unit) and np.nanmax(unit) < 1
    margin = next(item for item in state.sets if item.measure == "margin")
    assert margin.context["n_labels"] == 40 and margin.n_undefined == 0
    choice = select.choose(live, made, Recipe(strategy="margin", budget=5))
    assert choice.reasons == ("smallest_margin",) * 5
    with pytest.raises(SelectionError, match="no scores to compute"):
        select_scores.measure(live, ANALYST, snapshot_id=made, targets=TARGETS)


def test_the_command_line_selects_and_says_it_in_json(studio, snapshot_id, capsys):
    studio.close()
    home = ["--workspace", str(studio.workspace.root)]
    wanted = ["--budget", "8", "--quality", "50", "--diversity", "50", "--cap", "group_gender=4"]
    named = ["--snapshot", snapshot_id, "--name", "cli", "--control", "--json"]
    assert cli([*home, "select", *wanted, *named]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n"] == said["n_frozen"] == 8 and said["weights"] == w(0, 50, 0, 50) and len(said["ids"]) == 8
    assert cli([*home, "select", "--list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["selections"]) == 2
    assert cli([*home, "select", "--cap", "cluster", "--json"]) == 1
    assert "COLUMN=N" in json.loads(capsys.readouterr().out)["error"]["what"]
    assert cli([*home, "measure", "--json"]) == 0
    views = json.loads(capsys.readouterr().out)["views"]
    assert views["difficulty"]["lacking"] == "select.lacking.labels"


@pytest.mark.parametrize("strategy", ["stratified", "longest", "random"])
def test_a_slider_a_strategy_does_not_look_at_does_not_make_the_choice_anew(studio, snapshot_id, strategy, monkeypatch):
    made = []
    given = select_apply._given
    monkeypatch.setattr(select_apply, "_given", lambda *args, **more: made.append(strategy) or given(*args, **more))
    first = select.choose(studio, snapshot_id, Recipe(strategy=strategy, budget=10, weights=w(40, 35, 0, 25)))
    again = select.choose(studio, snapshot_id, Recipe(strategy=strategy, budget=10, weights=w(0, 35, 0, 65)))
    assert made == [strategy] and first.ids.tolist() == again.ids.tolist()
    select.choose(studio, snapshot_id, Recipe(strategy=strategy, budget=11))
    assert len(made) == 2


def test_a_slider_a_strategy_looks_at_makes_the_choice_anew(studio, snapshot_id):
    first = select.choose(studio, snapshot_id, Recipe(strategy="sampled", budget=10, weights=w(100, 0, 0, 0)))
    again = select.choose(studio, snapshot_id, Recipe(strategy="sampled", budget=10, weights=w(0, 100, 0, 0)))
    assert first.ids.tolist() != again.ids.tolist()


def test_texts_of_the_table_are_those_of_the_file_whether_kept_in_memory_or_not(studio, snapshot_id, monkeypatch):
    everyone = examples.frame(studio.store, snapshot_id, ["example_id", "text"])
    rows = np.array([5, 0, 199, 7])
    wanted = everyone["text"].iloc[rows].tolist()
    assert select_matrix.texts(studio, snapshot_id, rows) == wanted
    monkeypatch.setattr(select_matrix, "MOST_FILE_BYTES", 0)
    monkeypatch.setitem(select_matrix._kept, "texts", type(select_matrix._kept["texts"])())
    assert select_matrix.texts(studio, snapshot_id, rows) == wanted
    shown = select.table(studio, snapshot_id, select.choose(studio, snapshot_id, Recipe(budget=3)))
    text_of = dict(zip(everyone["example_id"], everyone["text"], strict=True))
    assert shown["text"].tolist() == [text_of[i] for i in shown["example_id"]]
