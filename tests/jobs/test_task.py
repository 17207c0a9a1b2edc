"""What a task says while it works: progress with an estimate, metrics, stop, barriers, inputs."""

from __future__ import annotations

import pytest

from studio.errors import JobError
from studio.jobs import rundir
from studio.jobs.task import StopRequested, Task, _eta
from tests.jobs.harness import probe


@pytest.fixture
def task(workspace, settings):
    spec = rundir.RunSpec("r1", "probe", "x", rundir.utc_now(), "tester", inputs={"data": "inbox/a.csv", "bad": "../x"})
    return Task(rundir.create(workspace.runs, spec), spec, settings)


def test_progress_is_written_with_its_end(task):
    task.progress(1, 4, "reading")
    task.progress(4, 4, "reading")
    status = rundir.read_status(task.run_dir)
    assert (status.step, status.total, status.message, status.eta_s) == (4, 4, "reading", 0.0)
    assert status.heartbeat is not None


def test_eta_by_hand():
    assert _eta((0.0, 10.0), (5.0, 20.0), 40.0) == 10.0  # 10 steps in 5 s, 20 left
    assert _eta((0.0, 10.0), (5.0, 10.0), 40.0) is None
    assert _eta((0.0, 10.0), (5.0, 40.0), 40.0) == 0.0
    assert _eta((5.0, 1.0), (5.0, 2.0), 40.0) is None


def test_metrics_carry_attempt_step_and_time(task):
    task.metric(3, loss=0.5, note="x")
    (row,) = rundir.metrics(task.run_dir)
    assert (row["attempt"], row["step"], row["loss"], row["note"]) == (1, 3, 0.5, "x")
    assert isinstance(row["time"], float)


def test_stop_and_cancel_raise_with_the_right_intent(task):
    task.check_stop()
    rundir.request(task.run_dir, "stop")
    with pytest.raises(StopRequested) as caught:
        task.check_stop()
    assert caught.value.keep
    rundir.request(task.run_dir, "cancel")
    with pytest.raises(StopRequested) as caught:
        task.check_stop()
    assert not caught.value.keep
    assert not isinstance(caught.value, Exception)  # a library that catches Exception cannot swallow it


def test_sigterm_is_a_stop_unless_cancel_was_asked(task):
    task.terminate()
    assert task.stop_requested() == "stop"
    rundir.request(task.run_dir, "cancel")
    assert task.stop_requested() == "cancel"


def test_inputs_stay_inside_the_workspace(task):
    assert task.input_path("data") == (task.workspace.root / "inbox/a.csv").resolve()
    for name in ("bad", "missing"):
        with pytest.raises(JobError):
            task.input_path(name)


def test_a_barrier_is_nothing_without_its_folder(task, monkeypatch):
    monkeypatch.delenv("STUDIO_TEST_BARRIERS", raising=False)
    before = sorted(task.run_dir.rglob("*"))
    assert task.barrier("step") is None, "it must return at once"
    assert sorted(task.run_dir.rglob("*")) == before


def test_folders_are_made_when_asked_for(task):
    assert not (task.run_dir / "result.tmp").exists()
    assert task.result_dir.is_dir() and task.checkpoints_dir.is_dir()
    assert task.result_dir.name == "result.tmp"
    assert probe().slot == "cpu"
