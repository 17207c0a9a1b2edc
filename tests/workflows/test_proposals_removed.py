"""Examples are removed for good while a proposal shows them: its comments on them go, their words go, it says so."""

from __future__ import annotations

import pytest

from studio.records import Actor
from studio.reports.proposal import to_html
from studio.settings import Settings
from studio.store import examples, openings, proposals, rounds, selections
from studio.workflows import proposals as acts
from studio.workflows import proposals_report, purge, runs
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill_workers
from tests.workflows import small_corpus

ADMIN, ANN, BEN = Actor("tester", "admin"), Actor("Ann", "analyst"), Actor("Ben", "reviewer")


@pytest.fixture
def studio(workspace):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()
    kill_workers(workspace)


def test_a_removed_example_leaves_the_proposal(studio):
    made = small_corpus.make(studio.store, n=120)
    small_corpus.freeze(studio.store, made, [3, 7, 11, 19], selection_id="sel")
    text = examples.by_ids(studio.store, made, [7], ["text"])["text"].iloc[0]
    acts.propose(studio, ANN, selection_id="sel", proposal_id="p1", name="first", purpose=f"because of “{text}”")
    acts.comment(studio, BEN, proposal_id="p1", body="this one", example_id=7)
    acts.comment(studio, BEN, proposal_id="p1", body=f"I mean {text}")
    acts.comment(studio, BEN, proposal_id="p1", body="all good", example_id=3)
    found = proposals.get(studio.store, "p1")
    shown = {"kind": "head", "rows": [], "labels": "x", "rests_on": {}}
    openings.add_proof(studio.store, opening_id="o1", corpus_id=found.corpus_id, snapshot_id=made, kind="unapproved",
                       why=f"for “{text}”", selection_id="sel", arm="selection", proposal_id=None, study_key="k", n=9,
                       accuracy=0.5, shown=shown, by=ANN)  # fmt: skip
    target = purge.Target("example", found.corpus_id, (7,))
    run_id = purge.start(studio, ADMIN, target=target, confirm=purge.plan(studio, target).confirm)
    status = runs.wait(studio, run_id, 120)
    assert status.state == "done", runs.detail(studio, run_id).failure
    seen = acts.read(studio, BEN, proposal_id="p1")
    assert seen.proposal.snapshot_id != made and len(selections.ids(studio.store, "sel")) == 3
    assert [one.example_id for one in seen.comments] == [None, 3]
    assert text not in seen.comments[0].body and text not in seen.proposal.purpose
    keys = [one["key"].removeprefix("proposal.stale.") for one in seen.stale]
    assert {"removed", "ids"} <= set(keys), keys
    ((look, changed),) = seen.looks  # it stays counted, without the removed words, and says that its data are gone
    assert changed == ("data",) and text not in look.why and look.snapshot_id == seen.proposal.snapshot_id
    assert rounds.test_openings(studio.store, seen.proposal.snapshot_id) == 1
    assert 7 not in proposals_report.texts(studio, seen.proposal)
    page = to_html(proposals_report.compose(studio, seen, actor=BEN, lang="en"), lang="en")
    assert text not in page and "(removed from the corpus)" in page
    assert studio.store.rows("SELECT count(*) FROM proposal WHERE content LIKE $t", {"t": f"%{text}%"}) == [(0,)]
