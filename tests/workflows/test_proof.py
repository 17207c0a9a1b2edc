"""Does it help: a real study of the small corpus, kept, stale when something changes, and what it refuses."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from studio.cli.main import main
from studio.corpus.schema import write_snapshot
from studio.errors import AccessError, SelectionError
from studio.measures import by_name
from studio.records import VIEWS, Actor, AuditResult
from studio.selection.recipe import Recipe
from studio.selection.unit_scores import unit_scores
from studio.settings import Settings
from studio.store import corpora, findings, labels, scores, snapshots, splits
from studio.tasks.proof import _Study
from studio.workflows import annotate, runs, select_proof, select_proof_inputs, select_scores
from studio.workflows.studio import open_studio
from tests.workflows import select_corpus, small_corpus
from tests.workflows.test_select import TARGETS

ACTOR = Actor("ann", "analyst")
RECIPE = Recipe(budget=30, weights=dict(zip(VIEWS, (34, 33, 0, 33), strict=True)))


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()


def labelled(studio, *, n=400, n_train=160):
    """A scored snapshot with training labels of the first pool examples."""
    made = select_corpus.make(studio, n=n)
    select_corpus.score(studio, made, TARGETS)
    small_corpus.freeze(studio.store, made, labels.pool_left(studio.store, made)[:n_train], selection_id="first")
    annotate.simulate_rest(studio, ACTOR, selection_id="first")
    return snapshots.require(studio.store, made)


def state_of(studio, snapshot):
    return select_scores.state(studio, snapshot.snapshot_id, None)


def study(studio, snapshot, recipe=RECIPE, **more):
    state = state_of(studio, snapshot)
    run_id = select_proof.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=recipe, state=state, **more)
    status = runs.wait(studio, run_id, 240)
    assert status.state == "done", (status.reason, status.message)
    found = select_proof.prospect(studio, snapshot, recipe, state, **more)
    return select_proof.kept(studio, snapshot, found)


def test_a_study_is_run_kept_and_goes_stale(studio):
    snapshot = labelled(studio)
    state = state_of(studio, snapshot)
    found = select_proof.prospect(studio, snapshot, RECIPE, state)
    assert select_proof.kept(studio, snapshot, found) is None
    made = study(studio, snapshot)
    facts = made.facts
    assert not made.stale and (facts["n_rows"], facts["n_held"], facts["own"]) == (160, 120, 30)
    assert facts["n_choice"] + facts["n_report"] == 120 and facts["n_report"] == 40
    arms = made.arms.set_index("arm")
    assert set(arms.index) == {"selection", "random", "stratified", "longest", "bottom", "full",
                               "relevance", "diversity", "quality"}  # fmt: skip
    assert arms.loc["full", "size"] == 160 and (arms.drop("full")["size"] == 30).all()
    draws = arms.loc["selection", "draws"]
    assert len(draws) == 100 and arms.loc["random", "value"] == pytest.approx(np.mean(draws))
    assert arms.loc["selection", "n_lower"] == sum(value < arms.loc["selection", "value"] - 1e-12 for value in draws)
    assert made.curve["size"].tolist() == [2, 3, 8, 16, 30, 32, 64, 112, 160]
    assert made.curve["value"].iloc[-1] == pytest.approx(arms.loc["full", "value"])
    assert facts["within"] <= facts["best"] and facts["seed"] == 0 and facts["n_fits"] > 250
    # another recipe, then other labels: the old study is shown and says what changed
    other = Recipe(budget=30, weights=dict(zip(VIEWS, (10, 80, 0, 10), strict=True)))
    shown = select_proof.kept(studio, snapshot, select_proof.prospect(studio, snapshot, other, state))
    assert shown.stale == ("recipe",)
    small_corpus.freeze(studio.store, snapshot.snapshot_id, labels.pool_left(studio.store, snapshot.snapshot_id)[:5],
                        selection_id="more")  # fmt: skip
    annotate.simulate_rest(studio, ACTOR, selection_id="more")
    found = select_proof.prospect(studio, snapshot, RECIPE, state_of(studio, snapshot))
    assert "labels" in select_proof.kept(studio, snapshot, found).stale


def test_a_view_of_a_study_is_the_same_again_by_seed_and_another_by_another_seed(studio):
    snapshot = labelled(studio, n_train=80)
    first = study(studio, snapshot)
    draws = first.selection["draws"]
    found = select_proof.prospect(studio, snapshot, RECIPE, state_of(studio, snapshot), seed=3)
    assert select_proof.kept(studio, snapshot, found).stale == ("seed",)
    second = study(studio, snapshot, seed=3)
    assert second.selection["value"] == first.selection["value"]  # nothing is random in the recipe itself
    assert second.selection["draws"] != draws


def test_what_cannot_be_checked_says_why(studio):
    snapshot = labelled(studio, n_train=20)
    state = state_of(studio, snapshot)
    found = select_proof.prospect(studio, snapshot, RECIPE, state)
    assert found.key is None and found.lacking == "proof.lacking.head"
    assert (found.values["n"], found.values["held"]) == (20, 120)
    with pytest.raises(SelectionError, match="too few labelled"):
        select_proof.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state)
    with pytest.raises(AccessError):
        select_proof.start(studio, Actor("vi", "viewer"), snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state)


def test_the_command_prints_the_verdict_first(studio, workspace, capsys, monkeypatch):
    labelled(studio, n_train=60)
    monkeypatch.setattr(sys.modules["studio.cli.main"], "ROOMS", ("proof",))
    monkeypatch.setattr("studio.cli.context.open_studio", lambda settings: studio)
    monkeypatch.setattr(type(studio), "close", lambda self: None)
    base = ["--workspace", str(workspace.root), "proof", "--json", "--budget", "20"]
    assert main([*base, "--quality", "100"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert next(iter(printed)) == "verdict" and printed["verdict"] in ("better", "same", "worse")
    assert printed["weights"]["quality"] == 100 and printed["size"] == 20 and printed["n_draws"] == 100
    assert printed["difference"] == pytest.approx(printed["value"] - printed["draws_mean"])
    assert main([*base, "--budget", "0"]) == 1
    assert "error" in json.loads(capsys.readouterr().out)


def with_answers(studio, *, n=240):
    """Requests and answers, half of the answers gibberish; quality knows which, and validation holds good ones."""
    rng = np.random.default_rng(0)
    letters = np.array(list("qxzjkvwyp"))
    words = "the parcel is late please wait for the courier and keep the receipt of your order".split()
    rows, raw = [], []
    for number in range(n):
        is_good = number % 2 == 0
        answer = " ".join(rng.choice(words, 12)) if is_good else "".join(rng.choice(letters, 60))
        rows.append({"example_id": number + 1, "text": f"question {number} {answer}", "prompt": f"question {number}",
                     "completion": answer, "language": "en"})  # fmt: skip
        raw.append(1.0 if is_good else 0.1)
    manifest = write_snapshot(rows, studio.workspace.snapshots, language="en", task="prompt_completion")
    made = str(manifest["snapshot_id"])
    corpora.add(studio.store, corpus_id=f"c{made}", name="Answers", language="en", task="prompt_completion", by="t")
    snapshots.add(studio.store, manifest, corpus_id=f"c{made}", name="Answers", by="t")
    names = ["validation" if number % 6 == 0 else "pool" for number in range(n)]
    splits.decide(studio.store, made, ids=np.arange(1, n + 1), names=names, method="random", seed=0, shares={}, by="t")
    one = by_name("rule_quality")
    values = np.array(raw)
    scores.put(studio.store, made, one, context_hash="x", context={"language": "en"}, ids=np.arange(1, n + 1),
               raw=values, unit=unit_scores(values, one.prefer), run_id=None)  # fmt: skip
    return snapshots.require(studio.store, made)


def test_answers_are_judged_by_a_language_model(studio):
    """Good answers teach what good answers look like: fewer bits per character than any random draw."""
    snapshot = with_answers(studio)
    recipe = Recipe(budget=60, weights=dict(zip(VIEWS, (0, 0, 0, 100), strict=True)))
    made = study(studio, snapshot, recipe)
    assert made.facts["kind"] == "lm" and made.facts["n_rows"] == 200 and made.facts["n_held"] == 40
    own = made.selection
    assert own["verdict"] == "better" and own["n_lower"] == 100 and own["low"] > 0
    assert made.arms.set_index("arm").loc["bottom", "verdict"] == "worse"
    assert -8 < own["value"] < 0  # nats per character of an answer


def test_the_text_of_a_held_out_example_is_not_learnt_from(studio, monkeypatch):
    snapshot = labelled(studio, n_train=60)
    part = select_proof_inputs.part_of(studio, snapshot)
    twin = int(part.train["example_id"].iloc[0])
    real = select_proof_inputs.examples.by_ids

    def with_twin(store, snapshot_id, ids, columns):
        found = real(store, snapshot_id, ids, columns)
        return found.assign(text=["The same  TEXT" if i in (twin, part.held["example_id"].iloc[0]) else text
                                  for i, text in zip(found["example_id"], found["text"], strict=True)])  # fmt: skip

    monkeypatch.setattr(select_proof_inputs.examples, "by_ids", with_twin)
    kept, n = select_proof_inputs._without_leaks(studio, snapshot, part)
    assert n == 1 and len(kept.train) == 59 and twin not in set(kept.train["example_id"])


def test_tags_are_said_not_to_be_judged(studio):
    snapshot = with_answers(studio, n=60)
    tagged = replace(snapshot, task="token_classification")
    found = select_proof.prospect(studio, tagged, RECIPE, state_of(studio, snapshot))
    assert found.key is None and found.lacking == "proof.lacking.task"


def test_scores_of_a_model_that_knows_the_labels_are_made_anew(studio):
    """A margin of a round is in-sample on these labels: the study works it out by models that did not see the row."""
    snapshot = labelled(studio, n_train=80)
    margin = by_name("margin")
    n = snapshot.n_examples
    scores.put(studio.store, snapshot.snapshot_id, margin, context_hash="r", context={"round": "r1", "number": 1},
               ids=np.arange(1, n + 1), raw=np.linspace(0, 1, n), unit=np.linspace(1, 0, n), run_id=None)  # fmt: skip
    recipe = Recipe(budget=30, weights=dict(zip(VIEWS, (0, 0, 100, 0), strict=True)), inner={"margin": 1.0})
    made = study(studio, snapshot, recipe)
    assert made.facts["again"] == ["difficulty"] and not made.facts["left_out"]
    quality = Recipe(budget=30, weights=RECIPE.weights, inner={"self_confidence": 1.0, "rule_quality": 1.0})
    confidence = by_name("self_confidence")
    context = {"labels": "x", "n_labels": 80}
    scores.put(studio.store, snapshot.snapshot_id, confidence, context_hash="c", context=context, run_id=None,
               ids=np.arange(1, n + 1), raw=np.ones(n), unit=np.full(n, 0.5))  # fmt: skip
    used = select_proof_inputs.usable(state_of(studio, snapshot), quality)
    assert used.left_out == {"self_confidence": "pool"} and used.inner["quality"] == {"rule_quality": 1.0}


def test_a_score_that_counts_the_label_itself_judges_no_choice(studio):
    """In the pool the rarity of a label is that of a guess; on labelled examples it would tell the labels apart."""
    snapshot = labelled(studio, n_train=60)
    n = snapshot.n_examples
    scores.put(studio.store, snapshot.snapshot_id, by_name("label_rarity"), context_hash="l", run_id=None,
               context={"encoder": "lexical@1", "labels": "x", "n_labels": 60}, ids=np.arange(1, n + 1),
               raw=np.ones(n), unit=np.full(n, 0.5))  # fmt: skip
    recipe = Recipe(budget=30, weights=RECIPE.weights, inner={"label_rarity": 1.0, "neighbour_distance": 1.0})
    used = select_proof_inputs.usable(state_of(studio, snapshot), recipe)
    assert used.left_out == {"label_rarity": "label"} and used.inner["diversity"] == {"neighbour_distance": 1.0}


def test_weights_of_any_kept_lesson_count_as_learned(studio):
    snapshot = labelled(studio, n_train=60)
    first, second = (dict(zip(VIEWS, own, strict=True)) for own in ((70, 20, 0, 10), (10, 20, 0, 70)))
    for key, weights in (("a", first), ("b", second)):
        note = json.dumps({"learned": {"surrogate": weights}})
        findings.put(studio.store, snapshot.snapshot_id, select_proof.VERSION, key,
                     AuditResult("tune", (), pd.DataFrame({"kind": ["setting"]}), (note,)))  # fmt: skip
    assert all(select_proof.learned_here(studio, snapshot, replace(RECIPE, weights=own)) for own in (first, second))
    assert not select_proof.learned_here(studio, snapshot, RECIPE)


def test_all_examples_are_those_a_filter_keeps_out_too():
    """The largest size a recipe reaches is not all examples where a filter or a missing score keeps some out."""
    made = object.__new__(_Study)
    made.task = SimpleNamespace(spec=SimpleNamespace(seed=0, params={"budget": 2, "n_pool": 9, "judged": "held",
                                                                     "recipe": {}, "weights": {}}))  # fmt: skip
    made.material = SimpleNamespace(kind="head", held=np.array([0, 1, 2, 2]), n_classes=2)
    made.n, made.own, made.is_share, made.fits, made.judged = 6, 2, False, 0, np.arange(4)
    made.full = np.array([0.0, 0.0, 1.0, 0.5])
    outcomes = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.25]])
    facts = made._facts(3, 2, [2, 3], outcomes, made.material.held != 2)
    assert facts["winner"]["full"] == 0.75 and facts["winner"]["value"] == 0.0
