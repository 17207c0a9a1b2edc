"""Proposals as acts: what they say of a selection, who may do what, when they go stale, and what hangs on them."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy import stats

from studio.access import signoff
from studio.errors import AccessError, SelectionError, StoreError
from studio.measures import by_name
from studio.records import Actor, Condition
from studio.reports import recipe as told_recipe
from studio.reports import said
from studio.reports.recipe import lines
from studio.selection import recipe as selection_recipe
from studio.selection.recipe import Recipe
from studio.store import annotations, labels, proposals, scores, selections, splits
from studio.words import t
from studio.workflows import annotate, proposals_content, select, select_cost
from studio.workflows import proposals as acts
from tests.workflows import small_corpus
from tests.workflows.test_select import TARGETS, w

ANN, BEN, CAI = Actor("Ann", "analyst"), Actor("Ben", "reviewer"), Actor("Cai", "annotator")
VIEWER, LOCAL = Actor("Vic", "viewer"), Actor("local", "admin")
HOSTILE = "<img src=x onerror=alert(1)> **b** [x](javascript:alert(1)) 🙂 中文 \x00\x07 ${x}"


@pytest.fixture
def made(scored_snapshot):
    return scored_snapshot


def freeze(studio, snapshot_id, selection_id="sel", **changed) -> str:
    recipe = Recipe(weights=w(40, 30, 0, 30), **({"budget": 30} | changed))
    return select.freeze(studio, ANN, snapshot_id=snapshot_id, name="first", recipe=recipe, targets=TARGETS,
                         selection_id=selection_id)  # fmt: skip


def propose(studio, selection_id="sel", proposal_id="p1", by=ANN, **given) -> str:
    values = {"name": "first batch", "purpose": "To teach the model refunds."} | given
    return acts.propose(studio, by, selection_id=selection_id, proposal_id=proposal_id, **values)


def content(studio, proposal_id="p1"):
    return proposals.get(studio.store, proposal_id).content


# --- what it says -----------------------------------------------------------------------------------------------------
def test_the_choice_is_made_again_exactly_and_its_numbers_can_be_checked(studio, made):
    freeze(studio, made)
    steps: list[str] = []
    propose(studio, on_step=steps.append)
    assert tuple(steps) == proposals_content.STEPS
    found = content(studio)
    pool = labels.pool_left(studio.store, made)
    assert (found["n"], found["n_pool"], found["budget"]) == (30, len(pool), 30)
    ids = selections.ids(studio.store, "sel")
    group = {g["key"]: g for g in found["groups"] if g["column"] == "group_gender"}
    # ids are 1, 2, ...: odd numbers are f, even ones m
    for key, odd in (("f", 1), ("m", 0)):
        size, picked = sum(i % 2 == odd for i in pool), int(sum(i % 2 == odd for i in ids))
        draw = stats.hypergeom(len(pool), size, 30)
        assert (group[key]["pool"], group[key]["picked"]) == (size, picked)
        assert group[key]["expected"] == pytest.approx(30 * size / len(pool))
        assert (group[key]["low"], group[key]["high"]) == (draw.ppf(0.025), draw.ppf(0.975))
    assert found["draws"] == 0 and found["variety"]["distance"]["draws"] >= 39
    assert not any(one["key"] == "proposal.limit.not_again" for one in found["limits"])
    assert proposals_content.choice_of(studio, selections.get(studio.store, "sel")) is not None


def test_examples_are_drawn_by_seed_from_the_chosen_and_from_the_best_left_out(studio, made):
    freeze(studio, made)
    propose(studio)
    shown = content(studio)["examples"]
    ids = selections.ids(studio.store, "sel").tolist()
    drawn = np.sort(np.random.default_rng(5).choice(30, 20, replace=False))
    assert [one["id"] for one in shown["in"]] == [ids[at] for at in drawn]
    assert [one["place"] for one in shown["in"]] == [at + 1 for at in drawn]
    assert (shown["near_by"], shown["near_of"], len(shown["near"])) == ("score", 40, 20)
    choice = select.choose(studio, made, Recipe(weights=w(40, 30, 0, 30), budget=30), TARGETS)
    order = sorted(range(choice.n_pool), key=lambda row: (-choice.weighted[row], row))
    best_out = [int(choice.pool.matrix.ids[row]) for row in order if choice.pool.matrix.ids[row] not in ids][:40]
    places = [best_out.index(one["id"]) for one in shown["near"]]
    assert places == sorted(set(places))
    assert {one["reason"] for one in shown["near"]} == {"over_budget"}
    assert not {one["id"] for one in shown["near"]} & set(ids)


def test_a_random_draw_has_no_near_misses(studio, made):
    freeze(studio, made, strategy="random")
    propose(studio)
    shown = content(studio)["examples"]
    assert shown["near_by"] == "random" and len(shown["near"]) == 20
    assert shown["near_of"] == content(studio)["n_pool"] - 30


def test_the_map_counts_the_whole_pool_and_places_the_chosen(studio, made):
    freeze(studio, made)
    propose(studio)
    shown = content(studio)["map"]
    grid = np.array(shown["grid"])
    assert grid.shape == (48, 32) and grid.sum() == shown["n_pool"] == content(studio)["n_pool"]
    assert shown["n_points"] == len(shown["points"]) == 30
    points = np.array(shown["points"])
    assert points.min() >= 0 and points.max() <= 1_000
    # every chosen point lies in a cell where the pool has somebody
    cells = np.minimum(points * np.array([48, 32]) // 1_001, [47, 31])
    assert (grid[tuple(cells.T)] > 0).all()


@pytest.mark.parametrize("kept", ["gone scores", "another recipe", "pool moved on"])
def test_where_the_choice_cannot_be_made_again_it_says_so_and_counts_what_it_can(studio, made, kept):
    freeze(studio, made)
    if kept == "gone scores":
        studio.store.rows("DELETE FROM score_set WHERE measure = 'fluency'")
    elif kept == "pool moved on":
        small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:30], selection_id="other")
        annotate.simulate_rest(studio, ANN, selection_id="other")
    else:
        small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:30], selection_id="odd")
    propose(studio, "odd" if kept == "another recipe" else "sel")
    found = content(studio)
    assert found["limits"][0]["key"] == "proposal.limit.not_again"
    assert (found["variety"], found["examples"]["near_by"]) == (None, "none")
    # the pool as it is now, with the chosen in it
    left = set(labels.pool_left(studio.store, made))
    ids = set(selections.ids(studio.store, proposals.get(studio.store, "p1").selection_id).tolist())
    assert found["n_pool"] == len(left | ids)
    group = {g["key"]: g for g in found["groups"]}
    assert group["f"]["pool"] == sum(i % 2 for i in left | ids) and group["f"]["picked"] == sum(i % 2 for i in ids)
    for lang in ("en", "zh"):
        assert all(said.sentence(one, lang=lang) for one in found["limits"] + found["verdict"])


def test_the_pace_is_the_mean_of_labels_without_pauses():
    assert select_cost.pace([5_000] * 19, 100) is None
    assert select_cost.pace([], 100) is None
    seconds = [4.0, 8.0] * 20
    found = select_cost.pace([*(int(1000 * s) for s in seconds), 300_001, 4_000_000], 100)
    # mean 6 s; standard deviation of 20 fours and 20 eights with n - 1: sqrt(160 / 39); half width 1.96 s / sqrt(40)
    half = 1.96 * (160 / 39) ** 0.5 / 40**0.5
    assert (found["seconds"], found["labels"], found["pauses"]) == (6.0, 40, 2)
    assert found["minutes"] == pytest.approx(10.0)
    assert found["low"] == pytest.approx(100 * (6 - half) / 60)
    assert found["high"] == pytest.approx(100 * (6 + half) / 60)
    # the median of 20 fours and 20 eights; its 95 % interval runs from the 14th to the 27th of the 40
    assert (found["median"], found["median_low"], found["median_high"]) == (6.0, 4.0, 8.0)


def test_the_interval_of_the_median_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        found = select_cost.pace((rng.lognormal(1, 0.7, 31) * 1000).tolist(), 1)
        covered += found["median_low"] <= np.exp(1) <= found["median_high"]
    assert covered / 400 >= 0.93  # 95 % or a little more: whole ranks


def test_cost_counts_characters_words_and_measured_labels(studio, made):
    freeze(studio, made)
    propose(studio)
    texts = {row.example_id: row.text for row in _texts(studio, made).itertuples()}
    chosen = [texts[int(i)] for i in selections.ids(studio.store, "sel")]
    cost = content(studio)["cost"]
    assert cost["characters"] == sum(map(len, chosen))
    assert cost["words"] == sum(len(text.split()) for text in chosen)
    assert cost["pace"] is None and cost["n_durations"] == 0


def _texts(studio, snapshot_id):
    from studio.store import examples

    return examples.frame(studio.store, snapshot_id, ["example_id", "text"])


def test_the_verdict_is_that_of_the_select_page():
    names = ("column", "key", "verdict", "picked", "expected", "is_small")
    bands = [("cluster", "a", "more", 90, 20.0, False), ("group_gender", "", "more", 30, 20.0, False)]
    given = {"n": 120, "n_pool": 500, "groups": [dict(zip(names, band, strict=True)) for band in bands],
             "variety": None}  # fmt: skip
    first, second, third = proposals_content.verdict(given)
    assert (first["key"], second["key"]) == ("verdict.groups.more_and", "verdict.variety.unknown")
    assert third["key"] == "verdict.proof.untested"
    assert first["values"] == {"column": "group_gender", "key": "", "picked": 30, "expected": 20, "percent": 50,
                               "others": 1, "all": 2}  # fmt: skip
    assert "(no value)" in said.sentence(first, lang="en") and "（无值）" in said.sentence(first, lang="zh")


# --- who may ----------------------------------------------------------------------------------------------------------
def test_nobody_approves_a_proposal_of_their_own(studio, made):
    freeze(studio, made)
    propose(studio)
    for own in (Actor("Ann", "admin", verified=True), Actor("  ＡＮＮ ", "reviewer")):
        with pytest.raises(AccessError, match="of their own"):
            acts.decide(studio, own, proposal_id="p1", verdict="approve")
    with pytest.raises(AccessError, match="of their own"):
        acts.decide(studio, BEN, proposal_id="p1", verdict="approve", known_as=["ann"])
    for nobody in (LOCAL, Actor("", "admin"), Actor(" Local ", "admin")):
        with pytest.raises(AccessError, match="carry a name"):
            acts.decide(studio, nobody, proposal_id="p1", verdict="approve")
    assert proposals.get(studio.store, "p1").state == "waiting"
    acts.decide(studio, BEN, proposal_id="p1", verdict="approve")
    assert proposals.get(studio.store, "p1").state == "approved"


def test_roles_are_checked_and_a_proposer_needs_a_name(studio, made):
    freeze(studio, made)
    with pytest.raises(AccessError, match="role analyst"):
        propose(studio, by=BEN)
    with pytest.raises(AccessError, match="carry a name"):
        propose(studio, by=LOCAL)
    propose(studio)
    with pytest.raises(AccessError, match="role annotator"):
        acts.comment(studio, VIEWER, proposal_id="p1", body="hello")
    acts.comment(studio, CAI, proposal_id="p1", body="hello")
    with pytest.raises(AccessError, match="role reviewer"):
        acts.decide(studio, CAI, proposal_id="p1", verdict="approve")
    assert acts.read(studio, VIEWER, proposal_id="p1").proposal.name == "first batch"
    assert len(acts.listing(studio, VIEWER, corpus_id=proposals.get(studio.store, "p1").corpus_id)) == 1


@pytest.mark.parametrize(
    ("name", "verified", "expected"),
    [
        ("local", False, False),
        ("local", True, True),
        (" ", False, False),
        ("Ｌｏｃａｌ", False, False),
        ("安", False, True),
    ],
)
def test_who_has_a_name(name, verified, expected):
    assert signoff.is_named(Actor(name, "admin", verified)) is expected


# --- what may happen when ---------------------------------------------------------------------------------------------
def test_the_first_decision_stands_and_a_double_click_is_one(studio, made):
    freeze(studio, made)
    propose(studio)
    with pytest.raises(SelectionError, match="needs a reason"):
        acts.decide(studio, BEN, proposal_id="p1", verdict="reject", note=" \n")
    for _ in range(2):
        acts.decide(studio, BEN, proposal_id="p1", verdict="changes", note="fewer long ones", decision_id="d1")
    with pytest.raises(SelectionError, match="already") as caught:
        acts.decide(studio, Actor("Dee", "admin"), proposal_id="p1", verdict="approve")
    assert caught.value.got.startswith("changes, Ben, ")
    assert [d.kind for d in proposals.decisions(studio.store, "p1")] == ["changes"]
    with pytest.raises(SelectionError, match="no such decision"):
        acts.decide(studio, BEN, proposal_id="p1", verdict="withdraw")
    with pytest.raises(StoreError, match="not known"):
        acts.decide(studio, BEN, proposal_id="<b>", verdict="approve")


def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(studio, made):
    freeze(studio, made)
    propose(studio)
    start, ended = threading.Barrier(8), []

    def go(number):
        start.wait()
        try:
            acts.decide(studio, Actor(f"r{number}", "reviewer"), proposal_id="p1",
                        verdict=("approve", "reject")[number % 2], note="because")  # fmt: skip
            ended.append("won")
        except SelectionError as error:
            ended.append(error.what)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(ended) == ["This proposal has been decided already"] * 7 + ["won"]
    assert len(proposals.decisions(studio.store, "p1")) == 1


def test_after_changes_a_new_version_names_the_one_before(studio, made):
    freeze(studio, made)
    freeze(studio, made, "sel2", budget=25)
    propose(studio)
    with pytest.raises(SelectionError, match="still waits"):
        propose(studio, "sel2", "p2", previous_id="p1")
    with pytest.raises(SelectionError, match="under review|up for review"):
        propose(studio, "sel", "p2")
    acts.decide(studio, BEN, proposal_id="p1", verdict="changes", note="fewer")
    propose(studio, "sel2", "p2", previous_id="p1")
    seen = acts.read(studio, BEN, proposal_id="p2")
    assert seen.previous.proposal_id == "p1" and proposals.get(studio.store, "p1").next_id == "p2"
    with pytest.raises(SelectionError, match="newer version"):
        propose(studio, "sel", "p3", previous_id="p1")
    acts.decide(studio, BEN, proposal_id="p2", verdict="approve")
    with pytest.raises(SelectionError, match="approved already"):
        propose(studio, "sel2", "p4")


def test_only_the_proposer_withdraws_and_only_what_is_open(studio, made):
    freeze(studio, made)
    propose(studio)
    with pytest.raises(SelectionError, match="Only the person"):
        acts.withdraw(studio, Actor("Ben", "admin"), proposal_id="p1")
    acts.withdraw(studio, ANN, proposal_id="p1", note="a better one comes")
    assert proposals.get(studio.store, "p1").state == "withdrawn"
    with pytest.raises(SelectionError, match="already"):
        acts.withdraw(studio, ANN, proposal_id="p1")
    propose(studio, "sel", "p2")  # the same selection may be proposed again
    acts.decide(studio, BEN, proposal_id="p2", verdict="approve")
    with pytest.raises(SelectionError, match="already"):
        acts.withdraw(studio, ANN, proposal_id="p2")


# --- stale ------------------------------------------------------------------------------------------------------------
def stale(studio, proposal_id="p1"):
    return [one["key"].removeprefix("proposal.stale.") for one in acts.read(studio, BEN, proposal_id=proposal_id).stale]


def test_labels_of_the_chosen_are_no_change_those_of_others_are(studio, made):
    freeze(studio, made)
    propose(studio)
    annotate.simulate_rest(studio, ANN, selection_id="sel")
    assert stale(studio) == []
    assert acts.read(studio, BEN, proposal_id="p1").n_labelled == 30
    pool = labels.pool_left(studio.store, made)
    small_corpus.freeze(studio.store, made, pool[:7], selection_id="other")
    annotate.simulate_rest(studio, ANN, selection_id="other")
    seen = acts.read(studio, BEN, proposal_id="p1")
    assert stale(studio) == ["labels_more"] and seen.stale[0]["values"]["n"] == 7
    with pytest.raises(SelectionError, match="rests on has changed"):
        acts.decide(studio, BEN, proposal_id="p1", verdict="approve")
    acts.decide(studio, BEN, proposal_id="p1", verdict="changes", note="again, please")
    assert [s["key"] for s in proposals.decisions(studio.store, "p1")[0].stale] == ["proposal.stale.labels_more"]


def test_splits_scores_and_the_recipe_make_it_stale(studio, made):
    freeze(studio, made)
    propose(studio)
    assert stale(studio) == []
    frame = splits.frame(studio.store, made)
    splits.decide(studio.store, made, ids=frame["example_id"].to_numpy(), names=frame["split"].to_numpy(object),
                  method="random", seed=0, shares={}, by="x")  # fmt: skip
    assert stale(studio) == ["splits"]
    ids = frame["example_id"].to_numpy()
    half = np.full(len(ids), 0.5)
    used = [s for s in content(studio)["state"]["scores"]]
    name = next(s["measure"] for s in used if by_name(s["measure"]).view == "quality")
    scores.put(studio.store, made, by_name(name), context_hash="other", context={"language": "en"}, ids=ids, raw=half,
               unit=half, run_id=None)  # fmt: skip
    near = next(s["measure"] for s in used if by_name(s["measure"]).view == "relevance")
    scores.put(studio.store, made, by_name(near), context_hash="goal 2", context={"text": "another goal"}, ids=ids,
               raw=half, unit=half, run_id=None)  # fmt: skip
    assert stale(studio) == ["splits", "scores_newer"]  # another goal is another question
    studio.store.rows("DELETE FROM score_set WHERE context_hash NOT IN ('other', 'goal 2')")
    assert stale(studio) == ["splits", "scores_gone"]
    studio.store.rows("UPDATE selection SET recipe_hash = 'x', ids_hash = 'y' WHERE selection_id = 'sel'")
    assert stale(studio) == ["recipe", "ids", "splits", "scores_gone"]
    studio.store.rows("DELETE FROM selection")
    assert stale(studio) == ["no_selection"]


def test_an_approved_proposal_keeps_its_content_and_says_when_it_went_stale(studio, made):
    freeze(studio, made)
    propose(studio)
    acts.decide(studio, BEN, proposal_id="p1", verdict="approve", note="fine")
    before = proposals.get(studio.store, "p1")
    splits.decide(studio.store, made, ids=splits.frame(studio.store, made)["example_id"].to_numpy(),
                  names=splits.frame(studio.store, made)["split"].to_numpy(object), method="random", seed=1, shares={},
                  by="x")  # fmt: skip
    after = proposals.get(studio.store, "p1")
    assert (after.content, after.content_hash, after.state) == (before.content, before.content_hash, "approved")
    assert proposals.content_hash(after.content) == after.content_hash
    assert stale(studio) == ["splits"]


# --- what people type -------------------------------------------------------------------------------------------------
def test_hostile_words_are_kept_as_characters_and_long_ones_refused(studio, made):
    freeze(studio, made)
    with pytest.raises(SelectionError, match="too long"):
        propose(studio, name=HOSTILE + "x" * 500)
    propose(studio, name=HOSTILE, purpose=HOSTILE + "\r\nsecond line", known_limits="\ud800 half")
    found = proposals.get(studio.store, "p1")
    assert "\x00" not in found.name and found.name.startswith("<img src=x")
    assert found.purpose.endswith("\nsecond line") and "\x07" not in found.purpose
    assert found.known_limits == "half"
    acts.comment(studio, CAI, proposal_id="p1", body=HOSTILE)
    with pytest.raises(SelectionError, match="too long"):
        acts.comment(studio, CAI, proposal_id="p1", body="字" * 200_000)
    for empty in ("", " \x00\n"):
        with pytest.raises(SelectionError, match="needs some words"):
            acts.comment(studio, CAI, proposal_id="p1", body=empty)
        with pytest.raises(SelectionError, match="needs a name"):
            propose(studio, proposal_id="p9", name=empty)
        with pytest.raises(SelectionError, match="needs a purpose"):
            propose(studio, proposal_id="p9", purpose=empty)
    shown = content(studio)["examples"]["in"][0]["id"]
    acts.comment(studio, CAI, proposal_id="p1", body="this one", example_id=shown, comment_id="k")
    with pytest.raises(SelectionError, match="not one that the proposal shows"):
        acts.comment(studio, CAI, proposal_id="p1", body="that one", example_id=10**9)
    assert [c.example_id for c in acts.read(studio, CAI, proposal_id="p1").comments] == [None, shown]


# --- the recipe in words ----------------------------------------------------------------------------------------------
def test_a_recipe_is_told_in_full_and_what_is_unknown_is_named(studio, made):
    freeze(studio, made, caps={"cluster": 10, "group_gender": 20}, tau=0.95, seed=7)
    told = lines(selections.get(studio.store, "sel").recipe, lang="en")
    text = "\n".join(told)
    for piece in ("30 of the", "Relevance 40 %, Diversity 30 %, Difficulty 0 %, Quality 30 %", "3 named examples",
                  "At most 10 examples of any one cluster", "any one group of gender", "more alike than 0.95",
                  "Random seed: 7", "lexical@1"):  # fmt: skip
        assert piece in text, piece
    future = {"version": 9, "strategy": "oracle", "sorcery": {"x": [1]}, "caps": 3, "empty": None, "budget": 5,
              "filters": [["source", "ne", "web"], "odd"], "missing": "guess", "weights": {"charm": 100}}  # fmt: skip
    text = "\n".join(lines(future, lang="en"))
    for piece in ("oracle: 5 examples", 'sorcery = {"x": [1]}', "caps = 3", "source is not web", "filters = odd",
                  "version 9"):  # fmt: skip
        assert piece in text, piece
    assert "empty" not in text
    assert "种子" in "\n".join(lines(selections.get(studio.store, "sel").recipe, lang="zh"))
    assert lines({}, lang="en") and lines({"version": 1, "inner": [1], "scores": "x", "pool": 3}, lang="zh")


def test_every_setting_of_a_recipe_has_words_of_its_own():
    """A new field of Recipe is told as a bare key until `reports.recipe` knows it; this says that it is time."""
    assert set(told_recipe.WEIGHTED) == set(selection_recipe.WEIGHTED)
    full = Recipe(
        strategy="sampled", caps={"cluster": 9}, alpha=0.5, tau=0.9, inner={"fluency": 2.0, "rule_quality": 1.0},
        scale="z", bands={"difficulty": 0.5}, best={"fluency": 50.0}, bounds={"fluency": -2.0},
        filters=(Condition("source", "in", ["a", "b"]),), quotas={"source": 0.5}, targets={"language": {"en": 1.0}},
    )  # fmt: skip
    for strategy in ("sampled", "mmr", "model_score", "weighted_sum"):
        for lang in ("en", "zh"):
            text = "\n".join(lines(full.to_json() | {"strategy": strategy}, lang=lang))
            assert t("proposal.recipe.other", lang=lang, key="§", value="").partition("§")[0] not in text, text


def test_rounds_and_the_queue_hang_on_it(studio, made):
    freeze(studio, made)
    propose(studio)
    seen = acts.read(studio, BEN, proposal_id="p1")
    assert (seen.rounds, seen.n_labelled, seen.control_id) == ((), 0, None)
    annotate.simulate_rest(studio, ANN, selection_id="sel")
    assert annotations.count(studio.store) == 30
    studio.store.rows(
        """INSERT INTO round (round_id, corpus_id, snapshot_id, number, name, arm, run_id, plan, n_train, n_validation,
           accuracy, macro_f1, report, path, test_openings, created_at, created_by)
           SELECT 'r1', corpus_id, snapshot_id, 1, 'first', 'selection', 'none', '{}', 30, 60, 0.75, 0.7, '{}', '', 1,
           now(), 'x' FROM snapshot"""
    )
    (after,) = acts.read(studio, BEN, proposal_id="p1").rounds
    assert (after.number, after.n_labels, after.accuracy, after.test_openings) == (1, 30, 0.75, 1)
