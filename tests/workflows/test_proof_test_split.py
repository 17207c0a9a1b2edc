"""The winner of a check on the test split: right figures, one gate with rounds, counted once, no part of the choice."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from studio.cli.main import main
from studio.errors import AccessError, PlanError, SelectionError
from studio.jobs import rundir
from studio.jobs.task import Task
from studio.records import Actor
from studio.selection import proof, proxy_sets
from studio.store import openings as rows
from studio.store import proposals, rounds, selections, splits
from studio.tasks import proof_test as task_of
from studio.words import t
from studio.workflows import (
    openings,
    proposals_proof_test,
    proposals_report,
    select,
    select_proof,
    select_proof_test,
)
from studio.workflows import proposals as proposals_acts
from tests.workflows.test_proof import (
    QUALITY,
    RECIPE,
    here,
    labelled,
    state_of,
    unsupervised,  # noqa: F401
    with_answers,
    with_sets,
)

ANN, BEN, NOBODY = Actor("Ann", "analyst"), Actor("Ben", "reviewer"), Actor("local", "admin")


@pytest.fixture
def studio(unsupervised):  # noqa: F811
    return unsupervised


def checked(studio, monkeypatch, snapshot, recipe=RECIPE, *, approve=True, draws=20):
    """A check of a recipe, its selection frozen and, with `approve`, approved by Ben."""
    select.freeze(studio, ANN, snapshot_id=snapshot.snapshot_id, name="first", recipe=recipe, selection_id="sel")
    if approve:
        approved(studio, snapshot)
    return here(studio, monkeypatch, snapshot, recipe, draws=draws)


def approved(studio, snapshot, selection_id="sel"):
    proposals.add(studio.store, proposal_id=f"p-{selection_id}", corpus_id=snapshot.corpus_id, name="first batch",
                  snapshot_id=snapshot.snapshot_id, selection_id=selection_id, purpose="to learn", known_limits="",
                  content={}, by=ANN)  # fmt: skip
    proposals.decide(
        studio.store, f"p-{selection_id}", decision_id=f"d-{selection_id}", kind="approve", note="", by=BEN
    )


def press(studio, snapshot, recipe=RECIPE, actor=ANN, **more):
    return select_proof_test.start(studio, actor, snapshot_id=snapshot.snapshot_id, recipe=recipe,
                                   state=state_of(studio, snapshot), **more)  # fmt: skip


def worked(studio, run_id):
    """The run worked on in this process; returns its task."""
    run_dir = studio.workspace.run_dir(run_id)
    task = Task(run_dir, rundir.read_spec(run_dir), studio.settings)
    task_of.run(task)
    return task


def looked(studio, snapshot, recipe=RECIPE, actor=ANN, **more):
    """Press, work and take over; returns the opening."""
    run_id = press(studio, snapshot, recipe, actor, **more)
    task = worked(studio, run_id)
    select_proof_test._open(studio, task.result_dir, task.spec)
    return rows.get_or_none(studio.store, run_id)


def permitted(studio, snapshot, recipe=RECIPE):
    now = state_of(studio, snapshot)
    found = select_proof.prospect(studio, snapshot, recipe, now)
    given = select_proof_test.permission(studio, snapshot, found, now)
    return given.kind, given.state


def test_the_figures_are_those_of_an_independent_head_on_the_test_labels(studio, monkeypatch):
    """The rows of the recipe and of every draw fitted again by scikit-learn, scored on the test labels."""
    snapshot = labelled(studio)
    study = checked(studio, monkeypatch, snapshot)
    run_id = press(studio, snapshot)
    task = worked(studio, run_id)
    given = pd.read_parquet(task.input_path("given") / "rows.parquet")
    assert given.loc[given["part"] == "test", "label"].isna().all(), "the worker is given no test label"
    select_proof_test._open(studio, task.result_dir, task.spec)
    one = rows.get_or_none(studio.store, run_id)
    shown = one.shown
    assert (one.kind, one.selection_id, one.proposal_id, one.round_id) == ("approved", "sel", "p-sel", None)
    sizes = {mark: row["size"] for row in shown["rows"] for mark in row["marks"]}
    assert sizes == {name: study.facts[name] for name in ("best", "within", "own")}
    assert shown["rows"][0]["marks"] == ["best", "within"] and sizes["best"] > sizes["own"], "the winner comes first"
    assert f"the best size, all {sizes['best']} examples" in proposals_proof_test.winner(shown, lang="en")
    frame = pd.read_parquet(studio.workspace.examples_file(snapshot.snapshot_id)).set_index("example_id")
    placed = splits.frame(studio.store, snapshot.snapshot_id)
    test = np.sort(placed.loc[placed["split"] == "test", "example_id"].to_numpy())
    assert (shown["n"], one.n, shown["n_leaks"]) == (len(test), 40, 0)
    x = np.load(studio.workspace.vectors_dir(snapshot.snapshot_id, "lexical@1") / "vectors.npy").astype(float)
    train = given[given["part"] == "train"].reset_index(drop=True)

    def right(chosen):
        learnt = train.loc[np.sort(chosen)]
        head = LogisticRegression(C=10.0, max_iter=5_000, tol=1e-8).fit(x[learnt["row"]], learnt["label"])
        return head.predict(x[test - 1]) == frame.loc[test, "label"].to_numpy()

    own = next(row for row in shown["rows"] if "own" in row["marks"])
    draws = [right(np.random.default_rng([0, number]).permutation(len(train))[:30]) for number in range(20)]
    assert own["draws_mean"] == pytest.approx(np.mean(draws), abs=0.01) and own["n_draws"] == 20
    unit = train[["unit_relevance", "unit_diversity", "unit_quality"]].to_numpy(np.float64)
    best30 = np.argsort(-(unit @ np.array([34, 33, 33]) / 100), kind="stable")[:30]
    assert own["value"] == pytest.approx(right(best30).mean(), abs=0.03)
    assert own["difference"] == pytest.approx(own["value"] - own["draws_mean"])
    assert own["n_lower"] == pytest.approx(sum(d.mean() < right(best30).mean() for d in draws), abs=3)
    assert own["low"] < own["difference"] < own["high"] and own["value_low"] <= own["value"] <= own["value_high"]
    # the same check, with the same sizes, after the look: test changed nothing of the choice
    again = select_proof.kept(studio, snapshot, select_proof.prospect(studio, snapshot, RECIPE,
                                                                      state_of(studio, snapshot)))  # fmt: skip
    assert not again.stale and dict(again.facts) == dict(study.facts)


def test_one_opening_goes_with_an_approval_whoever_uses_it(studio, monkeypatch):
    snapshot = labelled(studio, n_train=80)
    checked(studio, monkeypatch, snapshot, approve=False)
    assert permitted(studio, snapshot) == ("unapproved", "no_proposal")
    with pytest.raises(PlanError, match="once a selection is approved"):
        press(studio, snapshot)
    approved(studio, snapshot)
    assert permitted(studio, snapshot) == ("approved", "approved")
    with pytest.raises(AccessError):
        press(studio, snapshot, actor=BEN)
    # a double press is one run, a press after the run was killed is another try, and nothing has been counted yet
    first = press(studio, snapshot, run_id="5b0b1f5e-63a1-4d7e-8a85-0a2d7d4d9c01")
    assert press(studio, snapshot) == first == press(studio, snapshot, run_id=first)
    assert rounds.test_openings(studio.store, snapshot.snapshot_id) == 0
    task = worked(studio, first)
    for _ in range(2):  # taken over, and once more after a crash in the middle
        monkeypatch.setattr(rundir, "check_result", lambda *given: task.result_dir)
        (task.run_dir / "result").symlink_to(task.result_dir) if not (task.run_dir / "result").exists() else None
        select_proof_test.finish(studio, task.run_dir, task.spec)
    assert rounds.test_openings(studio.store, snapshot.snapshot_id) == 1
    (one,) = rows.of_corpus(studio.store, snapshot.corpus_id)
    assert one.is_proof and one.opening_id == first
    told = openings.tell(studio, one, lang="en")
    assert "under the approved proposal “first batch”, approved by Ben (name not checked)" in told
    assert press(studio, snapshot, run_id=first) == first, "the press that opened it is still that opening"
    # spent: for the check, and for a round of the selection
    assert permitted(studio, snapshot) == ("further", "spent")
    given = openings.permission_of(studio, snapshot.corpus_id, "sel", "selection")
    assert (given.state, given.spent_by, given.spent_at) == ("spent", None, one.created_at)
    with pytest.raises(PlanError, match="opened for this selection already") as refused:
        press(studio, snapshot)
    assert refused.value.got_text().startswith("a check of the choice, ")
    assert openings.permission_of(studio, snapshot.corpus_id, "sel", "random").state == "approved"


def test_an_opening_that_a_round_used_is_not_there_for_the_check(studio, monkeypatch):
    snapshot = labelled(studio, n_train=80)
    checked(studio, monkeypatch, snapshot)
    run_id = press(studio, snapshot)
    task = worked(studio, run_id)
    studio.store.rows(
        """INSERT INTO test_opening (opening_id, round_id, round_number, corpus_id, snapshot_id, selection_id, arm,
           proposal_id, kind, why, n, accuracy, macro_f1, created_at, created_by, role, verified)
           VALUES ('o', 'r', 3, $c, $s, 'sel', 'selection', 'p-sel', 'approved', '', 9, 0.5, 0.5, now(), 'Ann', 'x',
           false)""", {"c": snapshot.corpus_id, "s": snapshot.snapshot_id})  # fmt: skip
    monkeypatch.setattr(rundir, "check_result", lambda *given: task.result_dir)
    (task.run_dir / "result").symlink_to(task.result_dir)
    select_proof_test.finish(studio, task.run_dir, task.spec)  # the round was first: nothing is shown or counted
    assert rows.get_or_none(studio.store, run_id) is None
    assert rounds.test_openings(studio.store, snapshot.snapshot_id) == 1
    with pytest.raises(PlanError) as refused:
        press(studio, snapshot, run_id="5b0b1f5e-63a1-4d7e-8a85-0a2d7d4d9c02")
    assert refused.value.got_text().startswith("round 3, ")


def test_without_an_approval_a_reason_and_a_name_are_needed_and_stay_with_the_figure(studio, monkeypatch):
    snapshot = labelled(studio, n_train=80)
    here(studio, monkeypatch, snapshot, RECIPE)
    assert permitted(studio, snapshot) == ("unapproved", "no_selection")
    with pytest.raises(PlanError, match="No frozen selection was made by this recipe"):
        press(studio, snapshot, why=" \n\x00 ")
    with pytest.raises(AccessError, match="carries a name"):
        press(studio, snapshot, actor=NOBODY, why="I work alone")
    one = looked(studio, snapshot, why="alone\x00 <b>独自</b>\n🙂")
    assert (one.kind, one.why, one.selection_id) == ("unapproved", "alone <b>独自</b> 🙂", None)
    lines = proposals_proof_test.lines(studio, one, lang="en")
    assert any("WITHOUT an approval" in line and one.why in line for line in lines)
    with pytest.raises(PlanError):
        press(studio, snapshot)
    assert rounds.test_openings(studio.store, snapshot.snapshot_id) == 1


def test_a_check_that_is_older_than_the_data_opens_nothing_and_a_look_says_what_changed(studio, monkeypatch):
    snapshot = labelled(studio, n_train=80)
    checked(studio, monkeypatch, snapshot)
    one = looked(studio, snapshot)
    assert select_proof_test.changed_since(studio, one) == ()
    placed = splits.frame(studio.store, snapshot.snapshot_id)
    test = placed.loc[placed["split"] == "test", "example_id"].to_numpy()
    names = np.where(placed["example_id"].isin(test[:3]), "validation", placed["split"])
    splits.decide(studio.store, snapshot.snapshot_id, ids=placed["example_id"].to_numpy(), names=names, method="random",
                  seed=0, shares={}, by="t")  # fmt: skip
    assert select_proof_test.changed_since(studio, one) == ("labels", "test")
    said = proposals_proof_test.lines(studio, one, stale=("labels", "test"), lang="zh")
    assert said[-1] == t("proved.stale.test", lang="zh")
    with pytest.raises(SelectionError, match="up to date"):
        press(studio, snapshot, why="a reason does not make it newer")


@pytest.mark.parametrize("task", ["classification_multi", "token_classification"])
def test_several_labels_and_tags_are_held_against_their_test_sets(studio, monkeypatch, task):
    snapshot = with_sets(studio, task)
    placed = splits.frame(studio.store, snapshot.snapshot_id)
    names = np.where(placed["split"] == "pool", "test", placed["split"])
    splits.decide(studio.store, snapshot.snapshot_id, ids=placed["example_id"].to_numpy(), names=names, method="random",
                  seed=0, shares={}, by="t")  # fmt: skip
    checked_with = here(studio, monkeypatch, snapshot, QUALITY)
    run_id = press(studio, snapshot, QUALITY, why="no pool is left to freeze from")
    done = worked(studio, run_id)
    said = json.loads((done.result_dir / "said.json").read_text())
    arrays = np.load(done.result_dir / "said.npz")
    select_proof_test._open(studio, done.result_dir, done.spec)
    shown = rows.get_or_none(studio.store, run_id).shown
    truth = select_proof_test._truth(studio, snapshot, shown["kind"]).set_index("example_id")["label"]
    given = proxy_sets.indicators(proxy_sets.read_sets(truth.loc[arrays["ids"]]), said["names"])
    row = next(one for one in shown["rows"] if "own" in one["marks"])
    size, m, c = row["size"], len(given), len(said["names"])
    told = np.unpackbits(arrays[f"said_{size}"])[: 21 * m * c].reshape(21, m, c).astype(bool)
    f1 = [2 * (one & given).sum() / (one.sum() + given.sum()) for one in told]  # micro F1, by its definition
    assert row["value"] == pytest.approx(f1[0]) and row["draws_mean"] == pytest.approx(np.mean(f1[1:]))
    assert shown["n"] == len(truth) == 64 and rows.get_or_none(studio.store, run_id).accuracy is None
    assert row["before"] == pytest.approx(checked_with.selection["value"])
    assert "F1" in proposals_proof_test.winner(shown, lang="en") and proposals_proof_test.about(shown, lang="zh")


def test_labels_no_model_knows_are_missed_and_texts_one_could_learn_are_left_out(studio):
    said = {"kind": "sets", "names": ["a", "b"], "n_names": 2}
    answers = np.packbits(np.array([[[1, 0], [0, 1]], [[1, 1], [0, 0]]], dtype=bool))
    found = select_proof_test._outcomes(said, answers, ['["a","new"]', '["b"]'], np.array([True, True]), 1)
    assert proof.values(found).tolist() == pytest.approx([2 * 2 / (2 + 3), 2 * 1 / (2 + 3)])
    cut = select_proof_test._outcomes(said | {"n_names": 9}, answers, ['["a","new"]'], np.array([True, False]), 1)
    assert proof.values(cut)[0] == 1.0  # of more labels than are judged the rest is passed over, as on validation
    head = select_proof_test._outcomes({"kind": "head", "names": ["x", "y"]}, np.array([[0, 1], [1, 1]]), ["x", "z"],
                                       np.array([True, True]), 1)  # fmt: skip
    assert head.tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_answers_are_judged_in_bits_and_a_split_without_test_examples_says_so(studio, monkeypatch):
    snapshot = with_answers(studio)
    recipe = QUALITY
    here(studio, monkeypatch, snapshot, recipe, draws=4)
    with pytest.raises(PlanError, match="no labelled test example"):
        press(studio, snapshot, recipe, why="to see")
    placed = splits.frame(studio.store, snapshot.snapshot_id)
    free = placed.loc[placed["split"] == "pool", "example_id"].to_numpy()[-30:]
    names = np.where(placed["example_id"].isin(free), "test", placed["split"])
    splits.decide(studio.store, snapshot.snapshot_id, ids=placed["example_id"].to_numpy(), names=names, method="random",
                  seed=0, shares={}, by="t")  # fmt: skip
    here(studio, monkeypatch, snapshot, recipe, draws=4)
    one = looked(studio, snapshot, recipe, why="to see")
    assert one.shown["kind"] == "lm" and one.n == 30 and one.accuracy is None
    row = one.shown["rows"][0]
    low, value, high = (float(proposals_proof_test.values(one.shown, row)[name]) for name in ("low", "value", "high"))
    assert 0 < low <= value <= high, "bits, the better end first"


def test_the_selection_of_a_check_is_found_by_its_recipe(studio, monkeypatch):
    snapshot = labelled(studio, n_train=80)
    now = state_of(studio, snapshot)
    found = select_proof.prospect(studio, snapshot, RECIPE, now)
    assert select_proof_test.basis(studio, snapshot, found, now) is None
    other = select.freeze(studio, ANN, snapshot_id=snapshot.snapshot_id, name="other", selection_id="other",
                          recipe=QUALITY)  # fmt: skip
    for name in ("a", "b"):
        select.freeze(studio, ANN, snapshot_id=snapshot.snapshot_id, name=name, recipe=RECIPE, selection_id=name,
                      with_control=True)  # fmt: skip
    selections.add(studio.store, selection_id="odd", corpus_id=snapshot.corpus_id, snapshot_id=snapshot.snapshot_id,
                   name="odd", strategy="x", arm="selection", budget=1, seed=0, recipe={"version": 99}, ids=[1],
                   reasons=["x"], by="t")  # fmt: skip
    assert select_proof_test.basis(studio, snapshot, found, now).selection_id == "b" != other
    approved(studio, snapshot, "a")
    assert select_proof_test.basis(studio, snapshot, found, now).selection_id == "a"


def test_a_look_stands_in_the_proposal_its_file_and_the_command_line(studio, monkeypatch, workspace, capsys, tmp_path):
    snapshot = labelled(studio, n_train=80)
    here(studio, monkeypatch, snapshot, RECIPE)
    select.freeze(studio, ANN, snapshot_id=snapshot.snapshot_id, name="first", recipe=RECIPE, selection_id="sel")
    proposals_acts.propose(studio, ANN, selection_id="sel", proposal_id="p-sel", name="first", purpose="to learn")
    proposals_acts.decide(studio, BEN, proposal_id="p-sel", verdict="approve")
    assert proposals_acts.read(studio, ANN, proposal_id="p-sel").looks == ()
    one = looked(studio, snapshot)
    ((shown, stale),) = proposals_acts.read(studio, ANN, proposal_id="p-sel").looks
    assert shown == one and stale == ()
    for lang in ("en", "zh"):
        html = proposals_report.write(studio, ANN, proposal_id="p-sel", lang=lang)
        assert t("proved.title", lang=lang) in html and proposals_proof_test.winner(one.shown, lang=lang) in html
    monkeypatch.setattr("studio.cli.context.open_studio", lambda settings: studio)
    monkeypatch.setattr(type(studio), "close", lambda self: None)
    monkeypatch.setattr(sys.modules["studio.cli.main"], "ROOMS", ("proof", "proposal", "openings"))
    base = ["--workspace", str(workspace.root)]

    def printed(*asked, code=0):
        assert main([*base, *asked, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    row = one.shown["rows"][0]
    assert printed("proof", "--selection", "sel")["test"][0]["shown"]["rows"][0]["value"] == row["value"]
    assert printed("proposal", "show", "p-sel")["proof_test"][0]["said"][0].startswith("On the test split")
    told = printed("open-test", "--selection", "sel", "--look")
    assert (told["state"], told["openings_of_corpus"], told["openings"][0]["kind"]) == ("spent", 1, "approved")
    assert "opened for this selection already" in printed("open-test", "--selection", "sel", code=1)["error"]["what"]
    assert "opened for one thing" in printed("open-test", code=1)["error"]["what"]


def test_where_the_best_size_is_everything_the_own_size_is_the_comparison_and_stands_first(studio):
    compared = {"draws_mean": 0.6, "difference": -0.1, "low": -0.2, "high": -0.01, "n_lower": 2, "n_draws": 100,
                "value_low": 0.4, "value_high": 0.6, "value": 0.5, "before": 0.55}  # fmt: skip
    rows_ = [
        {"marks": ["best"], "size": 90, "value": 0.8, "value_low": 0.7, "value_high": 0.9, "before": 0.8, "n_draws": 1},
        {"marks": ["within"], "size": 60, "verdict": "same", **compared},
        {"marks": ["own"], "size": 30, "verdict": "worse", **compared},
    ]
    shown = {"kind": "head", "rows": rows_, "n": 300, "n_test": 310, "n_leaks": 10, "resamples": 2000, "seed": 0}
    assert proposals_proof_test.primary(shown)["size"] == 30
    said = proposals_proof_test.winner(shown, lang="en")
    assert "all 90 examples that may be chosen, is right on 80.0%" in said
    assert said.endswith("Size asked for, 30 examples: 50.0% (40.0% to 60.0%), random 60.0%, difference -10.0 (-20.0 "
                         "to -1.0), better than 2 of 100 draws: does worse than random.")  # fmt: skip
    about = proposals_proof_test.about(shown, lang="en")
    assert "size asked for against random. 300 test examples. 10 more with the very text" in about
    shown = shown | {"rows": [rows_[1] | {"marks": ["best", "within"]}, rows_[2]], "n_leaks": 0, "n_test": 900}
    assert proposals_proof_test.primary(shown)["size"] == 60
    assert "best size, smallest within one error against random" in proposals_proof_test.about(shown, lang="en")
    assert "(a seeded sample of 900). 2,000 resamples" in proposals_proof_test.about(shown, lang="en")
