"""A round that is killed, cancelled or ends while no server runs leaves its loop waiting with a reason, by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio.errors import AnnotationError
from studio.jobs import rundir
from studio.records import Actor, RunStatus
from studio.settings import Settings
from studio.store import loops, rounds
from studio.workflows import loop, loop_view, runs, train
from studio.workflows.loop_config import LoopConfig
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill, kill_workers, until
from tests.workflows import small_corpus

ANALYST = Actor("ann", "analyst")


@pytest.fixture
def studio(workspace, barriers):
    opened = open_studio(Settings(workspace=workspace, device="cpu"))
    yield opened
    opened.close()
    kill_workers(workspace)


def start(studio) -> str:
    """A simulated loop of one round, whose first labels are there and whose round is launched."""
    plan = train.default_plan("ngrams", "linear_probe", 0).to_json()
    config = replace(
        LoopConfig(seed_labels=24, batch=20, min_validation=60, annotator="simulated", plan=plan), max_rounds=1
    )
    loop_id = loop.start(studio, ANALYST, snapshot_id=small_corpus.make(studio.store, n=200), config=config)
    assert loops.require(studio.store, loop_id).state == "training"
    return loop_id


def paused(studio, loop_id):
    """The row once it waits, moved by nobody but the supervisor."""
    return until(
        lambda: (row := loops.require(studio.store, loop_id)).state == "paused" and row, "the loop to say it waits"
    )


def run_of(studio, loop_id) -> str:
    return loops.require(studio.store, loop_id).detail["runs"]["selection"]


def test_a_killed_worker_leaves_the_loop_waiting_and_trying_again_ends_it(studio, barriers):
    barriers.hold("starting")
    loop_id = start(studio)
    kill(barriers.reached("starting")["pid"])
    row = paused(studio, loop_id)
    problem = row.detail["problem"]
    assert problem["run_id"] == run_of(studio, loop_id)
    assert problem["state"] in ("crashed", "failed") and problem["reason"] == "killed"
    assert problem["fix"] == rundir.advice_key("killed")
    assert rounds.of_snapshot(studio.store, row.snapshot_id) == []
    barriers.release("starting")
    loop.retry(studio, ANALYST, loop_id=loop_id)
    assert run_of(studio, loop_id) != problem["run_id"], "a new run, the failed one stays as it was"
    studio.supervisor.wait(run_of(studio, loop_id), 120)
    row = loops.require(studio.store, loop_id)
    assert (row.state, row.stop_reason) == ("stopped", "max_rounds")
    assert len(loop_view.view(studio, loop_id).turns) == 1


@pytest.mark.slow
def test_resuming_the_killed_run_takes_the_loop_along(studio, barriers):
    barriers.hold("starting")
    loop_id = start(studio)
    kill(barriers.reached("starting")["pid"])
    paused(studio, loop_id)
    barriers.release("starting")
    run_id = run_of(studio, loop_id)
    runs.resume(studio, ANALYST, run_id=run_id)
    studio.supervisor.wait(run_id, 120)
    row = loops.require(studio.store, loop_id)
    assert row.state == "stopped" and row.detail["turns"][0]["round_id"] == run_id


def test_a_cancelled_round_waits_and_another_plan_goes_on(studio, barriers):
    barriers.hold("starting")
    loop_id = start(studio)
    barriers.reached("starting")
    run_id = run_of(studio, loop_id)
    plan = train.default_plan("ngrams", "linear_probe", 3)
    with pytest.raises(AnnotationError, match="while it waits"):
        loop.change_plan(studio, ANALYST, loop_id=loop_id, plan=plan)
    runs.cancel(studio, ANALYST, run_id=run_id)
    barriers.release("starting")
    row = paused(studio, loop_id)
    assert row.detail["problem"]["state"] == "cancelled" and not row.detail["problem"]["reason"]
    loop.change_plan(studio, ANALYST, loop_id=loop_id, plan=plan)
    studio.supervisor.wait(run_of(studio, loop_id), 120)
    row = loops.require(studio.store, loop_id)
    assert row.state == "stopped"
    assert rounds.require(studio.store, row.detail["turns"][0]["round_id"]).plan["seed"] == 3
    assert loop_view.view(studio, loop_id).config.plan["seed"] == 3


def test_a_round_that_failed_while_no_server_ran_is_seen_at_the_next_start(studio, barriers, workspace):
    barriers.hold("starting")
    loop_id = start(studio)
    barriers.reached("starting")
    run_id = run_of(studio, loop_id)
    studio.close()
    kill_workers(workspace)
    run_dir = workspace.run_dir(run_id)
    # What a worker writes when it fails by itself; with nobody there to see it, no callback ever comes for it.
    ended = RunStatus("failed", 1, reason="disk_full", advice=rundir.advice_key("disk_full"))
    rundir.write_status(run_dir, replace(ended, finished_at=rundir.utc_now()))
    again = open_studio(Settings(workspace=workspace, device="cpu"))
    try:
        row = loops.require(again.store, loop_id)
        assert row.state == "paused" and row.detail["problem"]["reason"] == "disk_full"
    finally:
        again.close()
