"""The test split is opened once per approved selection; all else says why, and the mark stays with the figure."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from studio.errors import AccessError, PlanError
from studio.records import Actor, RunSpec
from studio.store import openings as rows
from studio.store import rounds
from studio.workflows import openings, proposals, train
from tests.workflows import approved_round
from tests.workflows.approved_round import ANN, BEN

NOBODY = Actor("local", "admin")


def state(studio, round_id="r1") -> tuple[str, str]:
    found = openings.permission(studio, round_id)
    return found.kind, found.state


def test_an_approval_opens_it_once_and_the_figure_is_what_the_labels_say(studio):
    snapshot_id = approved_round.make(studio)
    approved_round.propose(studio, snapshot_id)
    approved_round.another(studio, "r2")
    assert state(studio) == state(studio, "r2") == ("approved", "approved")
    result = openings.open_test(studio, ANN, round_id="r1", opening_id="o1")
    said = pd.read_parquet(studio.workspace.model_dir("r1") / "predictions.parquet").query("part == 'test'")
    truth = pd.read_parquet(studio.workspace.examples_file(snapshot_id)).set_index("example_id")["label"]
    right = np.mean(truth.loc[said["example_id"]].to_numpy() == said["predicted"].to_numpy())
    assert result["n"] == len(said) == 30 and result["accuracy"]["value"] == pytest.approx(right)
    (one,) = rows.of_round(studio.store, "r1")
    assert (one.kind, one.selection_id, one.proposal_id, one.why) == ("approved", "sel", "p-sel", "")
    assert one.accuracy == pytest.approx(right)
    # a double click is one opening; another press, on this round or another, is refused
    openings.open_test(studio, ANN, round_id="r1", opening_id="o1")
    assert rounds.test_openings(studio.store, snapshot_id) == 1
    assert state(studio, "r2") == ("further", "spent")
    for round_id in ("r1", "r2"):
        with pytest.raises(PlanError, match="opened for this selection already") as refused:
            openings.open_test(studio, ANN, round_id=round_id)
        assert refused.value.got_text().startswith("round 1, ")
    assert rounds.require(studio.store, "r2").test_openings == 0


def test_a_further_opening_has_a_reason_a_number_and_a_name(studio):
    snapshot_id = approved_round.make(studio)
    approved_round.propose(studio, snapshot_id)
    approved_round.another(studio, "r2")
    openings.open_test(studio, ANN, round_id="r1")
    with pytest.raises(AccessError, match="carries a name"):
        openings.open_test(studio, NOBODY, round_id="r2", why="a bug in the reader")
    with pytest.raises(PlanError):
        openings.open_test(studio, ANN, round_id="r2", why=" \n\x00 ")
    openings.open_test(studio, ANN, round_id="r2", why="a bug\x00 in\n the reader <b>修</b> 🙂")
    (one,) = rows.of_round(studio.store, "r2")
    assert (one.kind, one.why, one.proposal_id) == ("further", "a bug in the reader <b>修</b> 🙂", "p-sel")
    told = openings.told(studio, "r2", lang="en")
    assert "no. 2 for the same selection" in told and one.why in told and "Ann (name not checked)" in told
    assert "approved by Ben (name not checked)" in openings.told(studio, "r1", lang="en")
    assert rounds.test_openings(studio.store, snapshot_id) == 2


@pytest.mark.parametrize("stands", ["no_proposal", "waiting", "changes", "rejected", "withdrawn"])
def test_without_an_approval_it_opens_only_for_a_reason_and_an_approval_comes_too_late(studio, stands):
    snapshot_id = approved_round.make(studio)
    if stands != "no_proposal":
        approved_round.propose(studio, snapshot_id, approve=False)
    if stands in ("changes", "rejected", "withdrawn"):
        approved_round.decide(
            studio, "p-sel", {"changes": "changes", "rejected": "reject", "withdrawn": "withdraw"}[stands]
        )
    assert state(studio) == ("unapproved", stands)
    with pytest.raises(PlanError, match="once a selection is approved"):
        openings.open_test(studio, ANN, round_id="r1")
    openings.open_test(studio, ANN, round_id="r1", why="I work alone")
    assert "WITHOUT an approval" in openings.told(studio, "r1", lang="en")
    assert "未经批准" in openings.told(studio, "r1", lang="zh")
    if stands == "waiting":
        approved_round.decide(studio, "p-sel", "approve")
        assert state(studio) == ("further", "spent"), "what was looked at before stays looked at"


def test_the_newest_selection_counts_its_control_with_it_and_each_arm_has_its_own(studio):
    snapshot_id = approved_round.make(studio)
    approved_round.propose(studio, snapshot_id)
    approved_round.another(studio, "r2", arm="random")
    openings.open_test(studio, ANN, round_id="r1")
    assert state(studio, "r2") == ("approved", "approved"), "the random draw has an opening of its own"
    openings.open_test(studio, ANN, round_id="r2")
    approved_round.another(studio, "r3", arm="random")
    assert state(studio, "r3") == ("further", "spent")
    approved_round.label(studio, snapshot_id, "sel-control", example_id=3)
    assert openings.permission(studio, "r3").selection.selection_id == "sel"
    approved_round.learn(studio, snapshot_id, "sel2", example_id=5)
    approved_round.another(studio, "r4")
    assert state(studio, "r4") == ("unapproved", "no_proposal")
    approved_round.propose(studio, snapshot_id, "sel2")
    assert state(studio, "r4") == ("approved", "approved")
    assert openings.permission_now(studio, "c1", "selection").selection.selection_id == "sel2"


def test_a_round_of_no_selection_and_rounds_opened_before_there_were_rows(studio):
    snapshot_id = approved_round.model_round.make(studio, n=60)
    assert state(studio) == ("unapproved", "no_selection")
    with pytest.raises(PlanError, match="no frozen selection"):
        openings.open_test(studio, ANN, round_id="r1")
    studio.store.rows("UPDATE round SET test_openings = 2 WHERE round_id = 'r1'")
    assert rounds.test_openings(studio.store, snapshot_id) == 2
    assert openings.told(studio, "r1", lang="en") == "Opened before Winnow asked for an approval."
    approved_round.learn(studio, snapshot_id, "sel")
    approved_round.propose(studio, snapshot_id)
    found = openings.permission(studio, "r1")
    assert (found.kind, found.spent_by, found.spent_at) == ("further", 1, None)
    openings.open_test(studio, ANN, round_id="r1", why="again")
    assert rounds.test_openings(studio.store, snapshot_id) == 3
    studio.store.rows("DELETE FROM round WHERE round_id = 'r1'")  # as a removal does
    assert rounds.test_openings(studio.store, snapshot_id) == 1, "the row outlives the round"


def test_of_two_at_once_one_is_refused(studio):
    snapshot_id = approved_round.make(studio)
    approved_round.propose(studio, snapshot_id)
    for i in range(2, 6):
        approved_round.another(studio, f"r{i}")
    refused, gate = [], threading.Barrier(4)

    def press(round_id: str) -> None:
        gate.wait()
        try:
            openings.open_test(studio, ANN, round_id=round_id)
        except PlanError:
            refused.append(round_id)

    threads = [threading.Thread(target=press, args=(f"r{i}",)) for i in range(2, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3 and rounds.test_openings(studio.store, snapshot_id) == 1


def test_a_launch_that_could_not_open_is_refused_and_a_late_refusal_leaves_it_closed(studio):
    snapshot_id = approved_round.make(studio)
    plan = train.default_plan("ngrams", "linear_probe")
    with pytest.raises(PlanError, match="once a selection is approved"):
        train.launch(studio, ANN, snapshot_id=snapshot_id, plan=plan, open_test=True)
    asked = {"round_id": "r1", "open_test": {"why": "", "role": "analyst", "verified": False}}
    spec = RunSpec(run_id="r1", kind="train", title="", created_at="", created_by="Ann", params=asked)
    openings.open_launched(studio, spec)
    assert rounds.require(studio.store, "r1").test_openings == 0
    approved_round.propose(studio, snapshot_id)
    for _ in range(2):  # a result may be taken over twice
        asked = {"round_id": "r1", "open_test": {"why": "", "role": "analyst", "verified": False}}
    spec = RunSpec(run_id="r1", kind="train", title="", created_at="", created_by="Ann", params=asked)
    openings.open_launched(studio, spec)
    assert [one.kind for one in rows.of_round(studio.store, "r1")] == ["approved"]


def test_the_proposal_lists_its_rounds_with_their_test_figures(studio):
    snapshot_id = approved_round.make(studio)
    approved_round.propose(studio, snapshot_id)
    result = openings.open_test(studio, ANN, round_id="r1")
    (row,) = proposals.read(studio, BEN, proposal_id="p-sel").rounds
    assert (row.number, row.n_labels, row.test_openings, row.test["n"]) == (1, 1, 1, 30)
    assert f"{100 * result['accuracy']['value']:.1f} %" in openings.figure(row.test, lang="zh")
    with pytest.raises(AccessError):
        openings.open_test(studio, BEN, round_id="r1", why="a reviewer does not open")
