"""Scales, bands, thresholds, filters, quotas and strategies over a real workspace; bad input answered clearly."""

from __future__ import annotations

import json

import numpy as np
import pytest

from studio.cli import main as cli
from studio.errors import BudgetTooLarge, CorpusError, EmptyPool, SelectionError
from studio.records import Actor, Condition
from studio.selection import STRATEGIES
from studio.selection.combine import band_pass
from studio.selection.recipe import Recipe
from studio.selection.unit_scores import unit_scores
from studio.settings import Settings, Workspace
from studio.store import examples, labels, references, scores, selections
from studio.workflows import (
    annotate,
    runs,
    select,
    select_apply,
    select_effect,
    select_limits,
    select_matrix,
    select_scores,
)
from studio.workflows.select_scores import Targets
from studio.workflows.studio import open_studio
from tests.workflows import select_corpus, small_corpus

ANALYST = Actor("ann", "analyst")
TARGETS = Targets(ids=(1, 5, 9))


@pytest.fixture
def made(scored_snapshot):
    return scored_snapshot


def w(relevance, diversity, difficulty, quality):
    return {"relevance": relevance, "diversity": diversity, "difficulty": difficulty, "quality": quality}


def raw_of(studio, made, measure):
    state = select_scores.state(studio, made)
    item = next(item for item in state.sets if item.measure == measure)
    ids, raw, unit = scores.values(studio.store, made, item)
    return dict(zip(ids.tolist(), raw.tolist(), strict=True)), ids, raw, unit


@pytest.mark.parametrize("scale", ["z", "min_max"])
def test_a_scale_is_that_of_the_raw_values(studio, made, scale):
    recipe = Recipe(budget=30, weights=w(0, 0, 0, 100), inner={"fluency": 1.0}, scale=scale)
    choice = select.choose(studio, made, recipe)
    _, ids, raw, _ = raw_of(studio, made, "fluency")
    unit = unit_scores(raw, "high", scale).astype(np.float32)
    pool = choice.pool.matrix.ids
    np.testing.assert_array_equal(choice.pool.matrix.unit[:, 3], unit[np.searchsorted(ids, pool)])
    best = pool[np.lexsort((pool, -unit[np.searchsorted(ids, pool)].astype(np.float64)))][:30]
    assert choice.ids.tolist() == best.tolist()


def test_bands_of_a_view_and_of_a_measure(studio, made):
    _, ids, _, unit = raw_of(studio, made, "fluency")
    only = {"inner": {"fluency": 1.0}, "weights": w(0, 0, 0, 100), "budget": 10}
    choice = select.choose(studio, made, Recipe(bands={"quality": 0.6}, **only))
    rows = np.searchsorted(ids, choice.pool.matrix.ids)
    np.testing.assert_allclose(
        choice.pool.matrix.unit[:, 3], band_pass(unit_scores(unit, "high"), 0.6)[rows], atol=1e-6
    )
    of_measure = select.choose(studio, made, Recipe(bands={"fluency": 0.6}, **only))
    wanted = unit_scores(band_pass(unit, 0.6), "high")[rows]
    np.testing.assert_allclose(of_measure.pool.matrix.unit[:, 3], wanted, atol=1e-6)


def test_thresholds_bar_what_misses_them_and_say_so(studio, made):
    raw, *_ = raw_of(studio, made, "fluency")
    pool = labels.pool_left(studio.store, made)
    good = sorted((raw[i] for i in pool), reverse=True)
    choice = select.choose(studio, made, Recipe(budget=10_000, best={"fluency": 25.0}))
    count = int(np.ceil(len(pool) / 4))
    assert set(choice.ids.tolist()) == {i for i in pool if raw[i] >= good[count - 1]}
    assert choice.n_barred == len(pool) - len(choice.ids) and choice.n_left_out == 0 and not choice.is_short
    worst = min(pool, key=lambda i: raw[i])
    assert select.why_not(choice, [worst]) == ["threshold:fluency"] == [select.why(choice, worst).code]
    bound = select.choose(studio, made, Recipe(budget=10_000, bounds={"fluency": good[10]}))
    assert sorted(raw[int(i)] for i in bound.ids)[0] >= good[10] and len(bound.ids) >= 11


def test_filters_hold_for_every_strategy(studio, made):
    filters = (Condition("group_gender", "in", ["f"]), Condition("characters", "ge", 30))
    frame = examples.frame(studio.store, made, ["example_id", "text", "group_gender"]).set_index("example_id")
    fits = {i for i in labels.pool_left(studio.store, made)
            if frame.loc[i, "group_gender"] == "f" and len(frame.loc[i, "text"]) >= 30}  # fmt: skip
    for strategy in ("weighted_sum", "random", "stratified", "longest", "k_center", "facility_location", "mmr"):
        choice = select.choose(studio, made, Recipe(strategy=strategy, budget=15, filters=filters))
        assert set(choice.ids.tolist()) <= fits and len(choice.ids) == min(15, len(fits))
        out = [int(i) for i in choice.pool.matrix.ids if int(i) not in set(choice.ids.tolist())]
        codes = dict(zip(out, select.why_not(choice, out), strict=True))
        assert all(code.startswith("filter:") == (i not in fits) for i, code in codes.items())
    nobody = (Condition("group_gender", "in", ["nobody"]),)
    with pytest.raises(EmptyPool, match="meets the filters"):
        select.choose(studio, made, Recipe(strategy="random", filters=nobody))
    assert len(select.choose(studio, made, Recipe(filters=nobody)).ids) == 0
    with pytest.raises(CorpusError, match="no such column"):
        select.choose(studio, made, Recipe(filters=(Condition("nothing", "eq", "x"),)))


def test_quotas_of_two_columns_at_once(studio, made):
    choice = select.choose(studio, made, Recipe(budget=20, alpha=0.0, quotas={"group_gender": 0.0}))
    matrix = choice.pool.matrix
    assert matrix.counts("group_gender", choice.rows)[1:].max() == 10
    assert len(choice.ids) == 20 or select_limits.tight(choice) is not None


def test_limits_hold_for_every_strategy_and_what_they_leave_short_is_explained(studio, made):
    """A cap, a quota and the similarity filter; draws to compare with keep to them too."""
    within = {"caps": {"cluster": 9}, "quotas": {"group_gender": 0.0}, "tau": 0.97, "budget": 20}
    for strategy in STRATEGIES:
        if strategy.name == "margin" or strategy.name == "deita":  # no labels, so no difficulty here
            continue
        recipe = Recipe(strategy=strategy.name, view="quality", **within)
        choice = select.choose(studio, made, recipe)
        matrix = choice.pool.matrix
        assert matrix.counts("cluster", choice.rows).max() <= 9, strategy.name
        assert matrix.counts("group_gender", choice.rows).max() <= 10, strategy.name
        assert len(choice.ids) == 20 or select_limits.tight(choice).found == len(choice.ids)
        assert choice.limits.near.tau == 0.97
        first, *_ = select_effect.draws_of(choice, 1)
        assert matrix.counts("group_gender", first)[1:].tolist() == [10, 10]
        out = [int(i) for i in matrix.ids if int(i) not in set(choice.ids.tolist())]
        told = select.why_not(choice, out)
        full = {f"cap:{name}:{matrix.key_name(name, code - 1)}"
                for name, most in (("cluster", 9), ("group_gender", 10))
                for code in np.flatnonzero(matrix.counts(name, choice.rows) == most)}  # fmt: skip
        assert {code for code in told if code.startswith("cap:")} <= full
    for name in ("k_center", "random"):
        recipe = Recipe(strategy=name, budget=60, caps={"cluster": 8})
        choice = select.choose(studio, made, recipe)
        tight = select_limits.tight(choice)
        most = int(np.minimum(choice.pool.matrix.counts("cluster"), 8).sum())
        assert choice.is_short and tight.most == tight.found == len(choice.ids) == most
        enough = tight.raise_to["cap:cluster"]
        assert not select.choose(studio, made, Recipe(strategy=name, budget=60, caps={"cluster": enough})).is_short
        with pytest.raises(BudgetTooLarge, match=f"raise the limit on cluster to {enough}"):
            select.freeze(studio, ANALYST, snapshot_id=made, name="x", recipe=recipe)


def test_a_choice_that_is_short_is_explained_and_freezing_it_says_what_helps(studio, made):
    recipe = Recipe(budget=60, caps={"cluster": 8})
    choice = select.choose(studio, made, recipe)
    tight = select_limits.tight(choice)
    sizes = choice.pool.matrix.counts("cluster")
    assert tight.most == tight.found == np.minimum(sizes, 8).sum() and tight.is_exact
    enough = next(limit for limit in range(9, 61) if np.minimum(sizes, limit).sum() >= 60)
    assert tight.raise_to == {"cap:cluster": enough}
    with pytest.raises(BudgetTooLarge, match=f"raise the limit on cluster to {enough}"):
        select.freeze(studio, ANALYST, snapshot_id=made, name="x", recipe=recipe)
    again = select.choose(studio, made, Recipe(budget=60, caps={"cluster": enough}))
    assert len(again.ids) == 60 and select_limits.tight(again) is None


def test_what_is_frozen_is_read_and_chosen_again(studio, made):
    recipe = Recipe(budget=12, inner={"fluency": 3.0, "rule_quality": 1.0}, scale="min_max", best={"fluency": 60.0},
                    filters=(Condition("group_gender", "in", ["m"]),), bands={"diversity": 0.8})  # fmt: skip
    one = select.freeze(studio, ANALYST, snapshot_id=made, name="first", recipe=recipe)
    stored = select.get(studio, one).recipe
    two = select.freeze(studio, ANALYST, snapshot_id=made, name="second", recipe=json.loads(json.dumps(stored)))
    assert selections.ids(studio.store, one).tolist() == selections.ids(studio.store, two).tolist()
    assert select.get(studio, two).recipe == stored
    with pytest.raises(SelectionError, match="another version of the data"):
        select.freeze(studio, ANALYST, snapshot_id=made, name="third", recipe=stored | {"snapshot": "other"})


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (Recipe(best={"margin": 50.0}), "no values to hold a threshold"),
        (Recipe(filters=(Condition("predicted", "in", ["a"]),)), "Predicted labels"),
        (Recipe(caps={"source": 3}), "no such column to limit"),
        (Recipe(targets={"group_age": {"old": 1.0}}), "no such column to limit"),
    ],
)
def test_what_this_pool_does_not_have_is_named(studio, made, recipe, told):
    with pytest.raises(SelectionError, match=told):
        select.choose(studio, made, recipe)


def test_a_target_of_one_and_a_measure_without_values(studio, made):
    """One pinned example is a target set; a measure that is nowhere defined leaves everything out, and says so."""
    one = Targets(ids=(3,))
    select_corpus.score(studio, made, one)
    assert len(select.choose(studio, made, Recipe(budget=5, weights=w(100, 0, 0, 0)), one).ids) == 5
    with studio.store.write() as cursor:
        cursor.execute("UPDATE score SET raw = NULL, unit_value = NULL WHERE measure IN ('rule_quality', 'fluency')")
        cursor.execute("UPDATE score_set SET created_at = created_at + INTERVAL 2 SECOND")
    choice = select.choose(studio, made, Recipe(budget=5, weights=w(0, 0, 0, 100)))
    assert len(choice.ids) == 0 and choice.left_out == {"quality": choice.n_pool}
    assert len(select.choose(studio, made, Recipe(budget=5, best={"fluency": 10.0})).ids) == 0


def test_a_budget_beyond_the_pool_takes_everything(studio, made):
    n = len(labels.pool_left(studio.store, made))
    for strategy in ("weighted_sum", "mmr", "k_center", "facility_location", "random"):
        assert len(select.choose(studio, made, Recipe(strategy=strategy, budget=10**6)).ids) == n


def test_labelled_examples_count_as_picked(studio, made):
    """After labelling the pick of one example's twin neighbourhood, k-center goes elsewhere."""
    first = select.choose(studio, made, Recipe(strategy="k_center", budget=10))
    small_corpus.freeze(studio.store, made, first.ids.tolist(), selection_id="seed")
    annotate.simulate_rest(studio, ANALYST, selection_id="seed")
    state = select_scores.state(studio, made)
    after = select.choose(studio, made, Recipe(strategy="k_center", budget=1))
    known = labels.current(studio.store, made)
    known = known[known["split"] == "train"]["example_id"].to_numpy()
    everyone = examples.ids(studio.store, made)
    x = select_matrix.vectors(studio, state)
    pool = after.pool
    candidates = np.argsort(-after.weighted, kind="stable")[: 5 * 1]
    alike = (x[pool.rows[candidates]] @ x[np.searchsorted(everyone, known)].T).max(axis=1)
    assert 1 - alike[candidates.tolist().index(int(after.rows[0]))] == pytest.approx(1 - alike.min(), abs=1e-5)


def test_measures_that_say_the_same_inside_a_view_are_named(studio, made):
    inner = {"three_nearest_targets": 1.0, "nearest_target": 1.0}
    pool = select_matrix.load(studio, made, select_scores.state(studio, made), Recipe(inner=inner))
    found = select_matrix.alike_measures(studio, made, select_scores.state(studio, made), pool)
    assert ("nearest_target", "three_nearest_targets") in [pair[:2] for pair in found]
    assert all(abs(rho) > 0.7 for *_, rho in found)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    opened = open_studio(Settings(workspace=Workspace(tmp_path_factory.mktemp("ws") / "w").make(), device="cpu"))
    yield opened
    opened.close()


@pytest.mark.parametrize("strategy", ["mmr", "facility_location", "k_center"])
def test_a_large_choice_made_by_a_run_is_that_made_at_once(live, monkeypatch, strategy):
    made = select_corpus.make(live, seed={"mmr": 1, "facility_location": 2, "k_center": 3}[strategy])
    select_corpus.score(live, made, TARGETS)
    state = select_scores.state(live, made)
    recipe = Recipe(strategy=strategy, budget=20, caps={"cluster": 7}, quotas={"group_gender": 0.0}, tau=0.97)
    at_once = select.choose_from(live, made, recipe, state)
    assert at_once.pool.matrix.counts("cluster", at_once.rows).max() <= 7
    assert at_once.pool.matrix.counts("group_gender", at_once.rows)[1:].tolist() == [10, 10]
    select_apply._kept.clear()
    monkeypatch.setattr(select_apply, "LIVE_UP_TO", 5)
    monkeypatch.setattr(select_apply, "AT_ONCE_UP_TO", 10)
    waiting = select.waiting(live, made, recipe, state)
    five_times = Recipe(budget=100, caps={"cluster": 35}, quotas={"group_gender": 0.0}, tau=0.97)
    assert waiting.n == len(select.choose_from(live, made, five_times, state).ids)  # what the ranking would take
    assert waiting.by_run and waiting.run is None
    with pytest.raises(SelectionError, match="not been worked out"):
        select.choose_from(live, made, recipe, state)
    run_id = select.work_out(live, made, recipe, state, actor=ANALYST)
    assert select.work_out(live, made, recipe, state, actor=ANALYST) in (run_id, None)
    assert runs.wait(live, run_id, 120).state == "done", runs.detail(live, run_id).failure
    assert select.waiting(live, made, recipe, state) is None
    made_by_run = select.choose_from(live, made, recipe, state)
    assert made_by_run.ids.tolist() == at_once.ids.tolist() and made_by_run.reasons == at_once.reasons
    out = [int(i) for i in at_once.pool.matrix.ids if int(i) not in set(at_once.ids.tolist())]
    assert select.why_not(made_by_run, out) == select.why_not(at_once, out)


def test_the_command_line_takes_every_setting(studio, made, capsys, tmp_path):
    references.set_shares(studio.store, made, "gender", {"f": 0.75, "m": 0.25}, by="me")
    stored = select.freeze(studio, ANALYST, snapshot_id=made, name="kept", recipe=Recipe(budget=7))
    recipe_file = tmp_path / "recipe.json"
    recipe_file.write_text(json.dumps(dict(select.get(studio, stored).recipe)))
    ids = selections.ids(studio.store, stored).tolist()
    studio.close()
    common = ["--workspace", str(studio.workspace.root), "select", "--snapshot", made, "--json"]

    def said(*flags, code=0):
        assert cli([*common, *flags]) == code
        return json.loads(capsys.readouterr().out)

    full = ["--budget", "8", "--scale", "z", "--inner", "fluency=2", "--aim", "quality=0.6", "--best", "fluency=80",
            "--bound", "fluency=-9", "--longer", "5", "--shorter", "500", "--reference", "group_gender"]  # fmt: skip
    found = said(*full)
    assert found["n"] == 8 and found["short"] is None and found["unmet"] == [] and len(found["recipe_hash"]) == 12
    assert said("--budget", "60", "--cap", "cluster=4")["short"]["most"] < 60
    assert said("--recipe", str(recipe_file))["ids"] == ids
    assert said("--budget", "6", "--only", "group_gender=f")["barred"] > 0
    assert said("--strategy", "mmr", "--balance", "0.3", "--budget", "5")["n"] == 5
    wrong = [
        (["--inner", "fluency"], "NAME=NUMBER"),
        (["--best", "fluency=0"], "best part"),
        (["--only", "x"], "COLUMN=VALUE"),
        (["--reference", "group_age"], "no reference shares"),
        (["--recipe", str(tmp_path / "none.json")], "recipe file"),
        (["--relevance", "0", "--quality", "0"], "not all 0"),
        (["--budget", "0"], "at least 1"),
    ]
    for flags, told in wrong:
        assert told in said(*flags, code=1)["error"]["what"]
    recipe_file.write_text(json.dumps({"version": 2, "snapshot": "elsewhere"}))
    assert "another version" in said("--recipe", str(recipe_file), code=1)["error"]["what"]
