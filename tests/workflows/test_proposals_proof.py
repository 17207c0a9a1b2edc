"""A proposal carries the stored study of its very recipe, in both languages, and none of another recipe."""

from __future__ import annotations

import pytest

from studio.records import VIEWS, Actor
from studio.reports.proposal import benefit_lines, proof_lines
from studio.selection.recipe import Recipe
from studio.settings import Settings
from studio.store import proposals
from studio.workflows import proposals as acts
from studio.workflows import proposals_proof, select
from studio.workflows.select_proof_inputs import LM
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill_workers
from tests.workflows.test_proof import RECIPE, labelled, study

ANN = Actor("Ann", "analyst")


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()
    kill_workers(workspace)


def test_the_study_of_this_recipe_goes_into_the_proposal(studio):
    snapshot = labelled(studio, n_train=80)
    made = study(studio, snapshot)
    other = Recipe(budget=30, weights=dict(zip(VIEWS, (10, 80, 0, 10), strict=True)))
    for name, recipe in (("mine", RECIPE), ("other", other)):
        select.freeze(studio, ANN, snapshot_id=snapshot.snapshot_id, name=name, recipe=recipe, selection_id=name)
        acts.propose(studio, ANN, selection_id=name, proposal_id=name, name=name, purpose="to see")
    content = proposals.get(studio.store, "mine").content
    proof, own = content["proof"], made.selection
    assert (proof["verdict"], proof["value"], proof["draws"]) == (own["verdict"], own["value"], int(own["n_draws"]))
    assert (proof["low"], proof["high"], proof["held"]) == (own["low"], own["high"], made.facts["n_judged"])
    assert f"{own['value']:.1%}" in proof_lines(content, lang="en")[0] and benefit_lines(content, lang="zh")
    assert not any(one["key"] == "proposal.limit.no_proof" for one in content["limits"])
    without = proposals.get(studio.store, "other").content
    assert without["proof"] is None
    assert any(one["key"] == "proposal.limit.no_proof" for one in without["limits"])


def test_outcomes_and_gaps_are_written_in_their_unit():
    # accuracy in percent and points; log-likelihood in nats becomes bits: ln 2 nats are one bit
    assert (proposals_proof.number("head", 0.8125), proposals_proof.gap("head", 0.05)) == ("81.2%", "+5.0")
    assert (proposals_proof.number(LM, -2 * 0.6931471805599453), proposals_proof.gap(LM, -0.6931471805599453)) == (
        "2.000", "-1.000",
    )  # fmt: skip
    assert proposals_proof.gap("head", 0.05, signed=False) == "5.0"
