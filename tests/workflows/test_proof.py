"""Does it help: a real study of the small corpus, kept, stale when something changes, and what it refuses."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from studio import findings as finding_texts
from studio import words
from studio.cli.main import main
from studio.corpus.schema import write_snapshot
from studio.errors import AccessError, SelectionError
from studio.jobs import rundir
from studio.jobs.task import Task
from studio.measures import by_name
from studio.records import TASK_TYPES, VIEWS, Actor, AuditResult, Condition
from studio.selection import proof
from studio.selection.recipe import Recipe
from studio.selection.unit_scores import unit_scores
from studio.settings import Settings
from studio.store import corpora, findings, labels, scores, snapshots, splits, vectors
from studio.tasks import proof as proof_task
from studio.tasks.proof import _Study
from studio.workflows import (
    annotate,
    proposals_proof,
    runs,
    select_learn,
    select_proof,
    select_proof_inputs,
    select_scores,
)
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


@pytest.fixture
def unsupervised(workspace):
    """A studio that starts no worker: runs stay queued until a test works on them itself."""
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
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
    assert facts["n_choice"] + facts["n_report"] == 120 and 20 < facts["n_report"] < 60  # a third, by a hash of ids
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
    placed = splits.frame(studio.store, snapshot.snapshot_id)
    names = ["pool" if name == "validation" else name for name in placed["split"]]
    splits.decide(studio.store, snapshot.snapshot_id, ids=placed["example_id"].to_numpy(), names=names, method="random",
                  seed=0, shares={}, by="t")  # fmt: skip
    found = select_proof.prospect(studio, snapshot, RECIPE, state_of(studio, snapshot))
    assert found.key is None and select_proof.kept(studio, snapshot, found).stale == ("labels",)  # too few are left
    found = replace(found, rests_on={}, lacking="proof.lacking.strategy")
    assert select_proof.kept(studio, snapshot, found).stale == ("recipe",)


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


def here(studio, monkeypatch, snapshot, recipe, *, draws=20):
    """The study of a run that is queued and worked on in this process, with fewer draws."""
    monkeypatch.setattr(proof, "DRAWS", draws)
    monkeypatch.setattr(proof, "OTHER_DRAWS", 4)
    state = state_of(studio, snapshot)
    run_id = select_proof.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=recipe, state=state)
    run_dir = studio.workspace.run_dir(run_id)
    spec = rundir.read_spec(run_dir)
    task = Task(run_dir, spec, studio.settings)
    proof_task.run(task)
    result = finding_texts.from_json((task.result_dir / "study.json").read_text(encoding="utf-8"))
    findings.put(studio.store, snapshot.snapshot_id, select_proof.VERSION, str(spec.params["key"]), result)
    return select_proof.kept(studio, snapshot, select_proof.prospect(studio, snapshot, recipe, state))


KINDS = {"PER": "ann bob carla", "LOC": "oslo lima quito", "ORG": "bank shop school"}


def with_sets(studio, task, *, n=260):
    """Texts that name people, places or both; quality is high where one of them is named. Half have nothing."""
    rng = np.random.default_rng(0)
    rows, x = [], np.zeros((n, 10), dtype=np.float32)
    for number in range(n):
        kinds = [kind for place, kind in enumerate(KINDS) if number % 2 == 0 and (number // 2 + place) % 3]
        words = [str(rng.choice(KINDS[kind].split())) for kind in kinds] + ["and", "then"]
        spans = [{"start": 0, "end": 1, "label": kind} for kind in kinds]
        own = {"spans": json.dumps(spans)} if number % 3 else {"tags": json.dumps(["O", *(f"{k}" for k in kinds)])}
        own = {"labels": json.dumps(kinds, ensure_ascii=False)} if task == "classification_multi" else own
        rows.append({"example_id": number + 1, "text": " ".join([*words, str(number)]), "language": "en", **own})
        for place, kind in enumerate(KINDS):
            x[number, place] = kind in kinds
        x[number, 3 + number % 7] = 0.5
    manifest = write_snapshot(rows, studio.workspace.snapshots, language="en", task=task)
    made = str(manifest["snapshot_id"])
    corpora.add(studio.store, corpus_id=f"c{made}", name="Sets", language="en", task=task, by="t")
    snapshots.add(studio.store, manifest, corpus_id=f"c{made}", name="Sets", by="t")
    names = [("train", "train", "validation", "pool")[number // 2 % 4] for number in range(n)]
    splits.decide(studio.store, made, ids=np.arange(1, n + 1), names=names, method="random", seed=0, shares={}, by="t")
    folder = studio.workspace.vectors_dir(made, "lexical@1")
    folder.mkdir(parents=True)
    np.save(folder / "vectors.npy", x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9))
    meta = {"encoder": "lexical", "version": 1, "dim": 10, "n": n, "k": 1, "unknown_share": 0, "content_hash": "x"}
    vectors.put(studio.store, made, meta, path=folder.relative_to(studio.workspace.root).as_posix(), run_id=None)
    one, values = by_name("rule_quality"), np.where(np.arange(n) % 2 == 0, 1.0, 0.1) - np.arange(n) / 1e4
    scores.put(studio.store, made, one, context_hash="x", context={"language": "en"}, ids=np.arange(1, n + 1),
               raw=values, unit=unit_scores(values, one.prefer), run_id=None)  # fmt: skip
    return snapshots.require(studio.store, made)


QUALITY = Recipe(budget=12, weights=dict(zip(VIEWS, (0, 0, 0, 100), strict=True)))


@pytest.mark.parametrize("task", ["classification_multi", "token_classification"])
def test_several_labels_and_tags_are_judged_by_f1(unsupervised, monkeypatch, task):
    """Examples that carry something teach more than those with nothing; pool labels are looked at by nobody."""
    studio = unsupervised
    snapshot = with_sets(studio, task)
    part = select_proof_inputs.part_of(studio, snapshot)
    assert part.kind == {"classification_multi": "sets", "token_classification": "tags"}[task]
    assert (len(part.train), len(part.held), part.n_classes) == (132, 64, 4)
    assert part.train["label"].iloc[0] == '["LOC", "ORG"]' and part.train["label"].iloc[1] == "[]"
    made = here(studio, monkeypatch, snapshot, QUALITY)
    assert made.facts["kind"] == part.kind and made.facts["n_classes"] == made.facts["n_names"] == 3
    arms = made.arms.set_index("arm")
    assert made.selection["value"] > arms.loc["bottom", "value"] and 0 < arms.loc["full", "macro"] <= 1
    assert len(made.selection["draws"]) == 20 and made.curve["n_band"].max() == 4
    row = made.curve[made.curve["size"] == 12].iloc[0]  # the band is the range of as many draws as at other sizes
    assert (row["draws_low"], row["draws_high"]) == (min(made.selection["draws"][:4]), max(made.selection["draws"][:4]))
    said = proposals_proof._said(made)
    assert all(words.has(one["key"]) for one in said) and said[0]["key"].startswith(f"proof.verdict_{part.kind}.")


def test_what_several_labels_cannot_be_asked_is_said(studio):
    snapshot = with_sets(studio, "classification_multi", n=40)
    state = state_of(studio, snapshot)
    found = select_proof.prospect(studio, snapshot, QUALITY, state)
    assert (found.lacking, found.values["n"], found.values["held"]) == ("proof.lacking.sets", 20, 10)
    asked = [(replace(QUALITY, caps={"predicted": 3}), "proof.lacking.predicted", "Predicted labels"),
             (replace(QUALITY, strategy="margin"), "proof.lacking.strategy", "class probabilities")]  # fmt: skip
    for recipe, lacking, said in asked:
        assert select_proof.prospect(studio, snapshot, recipe, state).lacking == lacking
        with pytest.raises(SelectionError, match=said):
            select_proof.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=recipe, state=state)
    assert select_learn.prospect(studio, snapshot, QUALITY, state).lacking == "learn.lacking.sets"
    with pytest.raises(SelectionError, match="several labels"):
        select_learn.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=QUALITY, state=state)
    assert set(select_proof_inputs.KINDS) == {one.name for one in TASK_TYPES}


def test_draws_take_what_filters_leave_and_predictions_are_made_out_of_fold(unsupervised, monkeypatch):
    """A filter on predicted labels: nobody chosen or drawn is predicted to be of another label by the other folds."""
    studio = unsupervised
    snapshot = labelled(studio, n_train=160)
    first = str(labels.names(studio.store, snapshot.snapshot_id)[0])
    recipe = replace(RECIPE, filters=(Condition("predicted", "ne", first),), caps={"predicted": 15})
    drawn = []
    real = _Study.outcomes
    monkeypatch.setattr(_Study, "outcomes", lambda self, rows: drawn.append(rows) or real(self, rows))
    made = here(studio, monkeypatch, snapshot, recipe)
    facts = made.facts
    assert facts["is_predicted"] and facts["has_limits"] and 80 < facts["n_allowed"] < 160 == facts["n_rows"]
    seen = {int(row) for rows in drawn for row in rows if len(rows) < 160}
    assert len(seen) <= facts["n_allowed"]
    assert made.curve["size"].max() == facts["n_allowed"] and made.arms.set_index("arm").loc["full", "size"] == 160
    few = replace(RECIPE, filters=(Condition("text", "contains", "nowhere"),))
    with pytest.raises(SelectionError, match="leave too few"):
        select_proof.start(
            studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=few, state=state_of(studio, snapshot)
        )


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
        findings.put(studio.store, snapshot.snapshot_id, select_proof.LESSONS, key,
                     AuditResult("tune", (), pd.DataFrame({"kind": ["setting"]}), (note,)))  # fmt: skip
    assert all(select_proof.learned_here(studio, snapshot, replace(RECIPE, weights=own)) for own in (first, second))
    assert not select_proof.learned_here(studio, snapshot, RECIPE)


def test_all_examples_are_those_a_filter_keeps_out_too():
    """The largest size a recipe reaches is not all examples where a filter or a missing score keeps some out."""
    made = object.__new__(_Study)
    made.task = SimpleNamespace(spec=SimpleNamespace(seed=0, params={"budget": 2, "n_pool": 9, "judged": "held",
                                                                     "recipe": {}, "weights": {}}))  # fmt: skip
    made.material = SimpleNamespace(kind="head", held=np.array([0, 1, 2, 2]), n_classes=2, n_names=2)
    made.n, made.own, made.is_share, made.fits, made.judged = 6, 2, False, 0, np.arange(4)
    made.allowed, made.recipe = np.arange(3), RECIPE
    made.full = np.array([0.0, 0.0, 1.0, 0.5])
    made.asked = {2: 2, 3: 4}
    outcomes = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.25]])
    facts = made._facts(3, 2, [2, 3], outcomes, made.material.held != 2)
    assert facts["winner"]["full"] == 0.75 and facts["winner"]["value"] == 0.0
