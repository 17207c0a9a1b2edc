"""A look at the test split whose worker is shot has shown nobody anything: it counts for nothing and is made again."""

from __future__ import annotations

import os
import signal

import pytest

from studio.jobs import rundir
from studio.records import RunStatus
from studio.settings import Settings
from studio.store import openings as rows
from studio.store import rounds, snapshots
from studio.workflows import runs, select_proof_inputs, select_proof_test
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill_workers
from tests.workflows.test_proof import here, labelled
from tests.workflows.test_proof_test_split import ANN, RECIPE, press


@pytest.fixture
def studio(workspace, barriers, monkeypatch):
    """A corpus with a check of few draws, opened again so that workers start."""
    opened = open_studio(Settings(workspace=workspace, device="cpu"), supervise=False)
    here(opened, monkeypatch, labelled(opened, n_train=80), RECIPE, draws=10)
    for run_dir in rundir.list_runs(workspace.runs):
        rundir.write_status(run_dir, RunStatus("cancelled", finished_at=rundir.utc_now()))
    opened.close()
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()
    kill_workers(workspace)


def test_a_killed_look_counts_for_nothing_and_the_next_one_once(studio, barriers):
    ((made,),) = studio.store.rows("SELECT snapshot_id FROM snapshot")
    snapshot = snapshots.require(studio.store, made)
    barriers.hold("proof_test")
    first = press(studio, snapshot, actor=ANN, why="alone")
    stands = barriers.reached("proof_test")
    assert press(studio, snapshot, actor=ANN, why="a second tab") == first, "one run, whoever presses"
    os.kill(stands["pid"], signal.SIGKILL)
    assert runs.wait(studio, first, 60).state == "crashed"
    assert rounds.test_openings(studio.store, snapshot.snapshot_id) == 0
    key = runs.view(studio, first).spec.params["key"]
    assert select_proof_test.last_try(studio, snapshot_id=made, key=key) == "failed"
    barriers.release("proof_test")
    second = press(studio, snapshot, actor=ANN, why="alone")
    assert second != first and runs.wait(studio, second, 120).state == "done"
    (one,) = rows.of_corpus(studio.store, snapshot.corpus_id)
    assert (one.opening_id, one.why, one.n) == (second, "alone", 40)
    run_dir = studio.workspace.run_dir(second)
    select_proof_test.finish(studio, run_dir, rundir.read_spec(run_dir))  # taken over again after a crash of the server
    assert rounds.test_openings(studio.store, snapshot.snapshot_id) == 1
    assert not select_proof_inputs.folder_of(studio, "proof_test", second).exists()
