"""Runs as acts: roles, one run per click, the index made from the directories, results taken over."""

from __future__ import annotations

import importlib

import pytest

from studio.errors import AccessError, JobError
from studio.jobs import rundir
from studio.records import Actor, RunStatus
from studio.store import audit_log
from studio.store import runs as run_rows
from studio.worker import KINDS
from studio.workflows import finish, run_index, runs
from studio.workflows.studio import open_studio
from tests.jobs.harness import kill_workers, probe, until


@pytest.fixture
def studio(settings, barriers):
    """An open, supervised studio."""
    opened = open_studio(settings)
    yield opened
    opened.close()
    kill_workers(settings.workspace)


def test_a_run_from_click_to_index(studio, admin):
    run_id = runs.submit(studio, admin, kind="probe", title="  Self\ntest ", params={"steps": 3}, seed=7)
    assert runs.wait(studio, run_id, 60).state == "done"
    view = runs.view(studio, run_id)
    assert (view.spec.title, view.spec.seed, view.spec.created_by, view.share) == ("Self test", 7, "tester", 1.0)
    assert view.is_taken_over and not view.is_live and not view.can_resume
    row = run_rows.recent(studio.store).iloc[0]
    assert (row["state"], row["kind"], row["attempts"]) == ("done", "probe", 1)
    metrics = run_rows.metrics(studio.store, run_id)
    assert list(metrics["step"]) == [1, 2, 3]
    assert list(metrics["value"]) == [1.0, 0.5, 1 / 3]
    assert set(metrics["name"]) == {"value"}
    detail = runs.detail(studio, run_id)
    assert "done" in detail.log and detail.failure == {} and len(detail.attempts) == 1


def test_one_run_per_click(studio, admin):
    given = {"kind": "probe", "title": "x", "params": {"steps": 1}, "run_id": "11111111-2222-3333-4444-555555555555"}
    assert runs.submit(studio, admin, **given) == runs.submit(studio, admin, **given) == given["run_id"]
    assert len(runs.overview(studio)) == 1
    assert len(run_rows.recent(studio.store)) == 1


@pytest.mark.parametrize("role", ["viewer", "annotator", "reviewer"])
def test_only_analysts_start_and_end_runs(studio, role):
    actor = Actor("someone", role)
    run_dir = rundir.create(studio.workspace.runs, probe(until_stopped=True))
    with pytest.raises(AccessError):
        runs.submit(studio, actor, kind="probe", title="x")
    for act in (runs.stop, runs.cancel, runs.resume):
        with pytest.raises(AccessError):
            act(studio, actor, run_id=run_dir.name)
    assert rundir.requested(run_dir, 1) is None
    assert list(audit_log.latest(studio.store)["outcome"]) == ["refused"] * 4


def test_bad_requests_name_the_mend(studio, admin):
    with pytest.raises(JobError, match="no run of that kind: got dance. Use one of"):
        runs.submit(studio, admin, kind="dance", title="x")
    with pytest.raises(JobError, match="letters, digits and dashes"):
        runs.submit(studio, admin, kind="probe", title="x", run_id="../../etc")
    for act in (runs.stop, runs.cancel, runs.resume):
        with pytest.raises(JobError, match="no readable run"):
            act(studio, admin, run_id="nothing")
    assert runs.overview(studio) == []


def test_overview_puts_live_runs_first_and_gives_places_in_the_queue(studio, admin, barriers):
    old = runs.submit(studio, admin, kind="probe", title="old", params={"steps": 1})
    runs.wait(studio, old, 60)
    barriers.hold("step1")
    ids = [runs.submit(studio, admin, kind="probe", title=f"{i}", params={"steps": 1}) for i in range(3)]
    barriers.reached("step1")
    views = {view.run_id: view for view in runs.overview(studio, limit=2)}
    assert set(views) == set(ids)  # live ones are in however small the limit
    assert [views[run_id].position for run_id in ids] == [0, 1, 2]
    assert [runs.view(studio, run_id).position for run_id in ids] == [0, 1, 2], (
        "a run looked at alone has its place too"
    )
    assert runs.overview(studio)[-1].run_id == old
    assert runs.live(studio, kind="probe").run_id in ids
    assert runs.live(studio, kind="train") is None
    runs.stop(studio, admin, run_id=ids[2])
    runs.cancel(studio, admin, run_id=ids[1])
    assert until(lambda: runs.view(studio, ids[2]).status.state == "stopped", "the queue")
    assert until(lambda: runs.view(studio, ids[1]).status.state == "cancelled", "the queue")
    barriers.release("step1")
    assert runs.wait(studio, ids[0], 60).state == "done"
    assert runs.resume(studio, admin, run_id=ids[2]) == 2
    assert runs.wait(studio, ids[2], 60).state == "done"


def test_a_finisher_that_raises_is_said_and_tried_again(studio, admin, monkeypatch):
    seen = []

    def finisher(opened, run_dir, spec):
        seen.append(spec.run_id)
        if len(seen) == 1:
            raise JobError("The shelf is full", fix="Empty it.")

    monkeypatch.setattr("studio.workflows.runs.finisher_under_test", finisher, raising=False)
    monkeypatch.setattr(finish, "FINISHERS", {"probe": "studio.workflows.runs:finisher_under_test"})
    run_id = runs.submit(studio, admin, kind="probe", title="x", params={"steps": 1})
    with pytest.raises(JobError, match="could not be stored: The shelf is full"):
        runs.wait(studio, run_id, 60)
    assert runs.view(studio, run_id).trouble["tries"] == 1
    until(lambda: runs.view(studio, run_id).is_taken_over, "the second try")
    assert seen == [run_id, run_id]
    assert runs.view(studio, run_id).trouble is None


def test_the_index_can_be_made_from_the_directories(studio, admin):
    ids = [runs.submit(studio, admin, kind="probe", title="x", params={"steps": 2}) for _ in range(2)]
    failed = runs.submit(studio, admin, kind="probe", title="x", params={"fail": "data_error"})
    for run_id in (*ids, failed):
        runs.wait(studio, run_id, 60)
    until(lambda: run_rows.known(studio.store)[failed] == ("failed", 1), "the index")
    before = run_rows.recent(studio.store), [run_rows.metrics(studio.store, run_id) for run_id in ids]
    with studio.store.write() as cursor:
        cursor.execute("DELETE FROM run")
        cursor.execute("DELETE FROM metric")
    assert run_index.reindex(studio.store, studio.workspace) == 3
    after = run_rows.recent(studio.store), [run_rows.metrics(studio.store, run_id) for run_id in ids]
    assert before[0].equals(after[0])
    assert all(one.equals(other) for one, other in zip(before[1], after[1], strict=True))
    assert run_index.reindex(studio.store, studio.workspace) == 0
    assert run_rows.newest_done(studio.store, kind="probe", snapshot_id="none") is None


def test_rows_of_runs_that_are_gone_go_too(studio, admin):
    import shutil

    run_id = runs.submit(studio, admin, kind="probe", title="x", params={"steps": 1})
    runs.wait(studio, run_id, 60)
    shutil.rmtree(studio.workspace.run_dir(run_id))
    assert run_index.reindex(studio.store, studio.workspace) == 1
    assert run_rows.known(studio.store) == {}


def test_opening_the_workspace_brings_the_index_up_to_date(settings, barriers):
    run_dir = rundir.create(settings.workspace.runs, probe())
    rundir.write_status(run_dir, RunStatus("stopped", finished_at=rundir.utc_now()))
    opened = open_studio(settings, supervise=False)
    assert run_rows.known(opened.store) == {run_dir.name: ("stopped", 1)}
    opened.close()


def test_the_resident_worker_is_hidden_unless_asked_for(studio):
    spec = rundir.RunSpec("serve-1", "serve", "Query worker", rundir.utc_now(), "system", slot="free")
    run_dir = rundir.create(studio.workspace.runs, spec)
    rundir.write_status(run_dir, RunStatus("done"))
    assert runs.overview(studio) == []
    assert [view.run_id for view in runs.overview(studio, services=True)] == ["serve-1"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_slot_and_a_name_in_words(kind):
    from studio import words

    assert runs.SLOTS[kind] in ("cpu", "gpu", "free")
    assert words.has(f"runs.kind.{kind}")
    assert importlib.util.find_spec(KINDS[kind]) is not None


@pytest.mark.parametrize("kind", sorted(finish.FINISHERS))
def test_every_finisher_exists(kind):
    module, _, function = finish.FINISHERS[kind].partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert kind in KINDS
