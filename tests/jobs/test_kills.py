"""Workers and servers are killed for real in every phase; nothing is lost and nothing is blocked."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import asdict

import pytest

from studio.errors import JobError
from studio.jobs import files, processes, rundir
from studio.jobs.supervisor import Supervisor
from studio.settings import Settings
from tests.jobs.harness import QUICK, Server, kill, kill_workers, probe, until, wait_gone, worker_of

KILLED = ("killed", "oom_host")  # which one depends on whether this kernel counts its out-of-memory kills


@pytest.mark.parametrize("phase", ["starting", "step2", "checkpoint", "before_result"])
def test_killed_worker_is_named_and_can_be_resumed(phase, supervisor, barriers, workspace):
    barriers.hold(phase)
    run_id = supervisor.submit(probe(steps=3))
    run_dir = workspace.run_dir(run_id)
    kill(barriers.reached(phase)["pid"])
    status = supervisor.wait(run_id, 30)
    assert (status.state, status.attempt) == ("crashed", 1)
    assert status.reason in KILLED
    assert status.advice == f"runs.advice.{status.reason}"
    assert not (run_dir / "result").exists()
    barriers.release(phase)
    assert supervisor.resume(run_id) == 2
    status = supervisor.wait(run_id, 30)
    assert (status.state, status.attempt) == ("done", 2)
    assert [row["step"] for row in rundir.metrics(run_dir)] == [1, 2, 3]
    assert sorted(path.name for path in (run_dir / "checkpoints").glob("step-*")) == ["step-1", "step-2", "step-3"]
    first = {"starting": 0, "step2": 1, "checkpoint": 0, "before_result": 3}[phase]
    assert rundir.read_result(run_dir)["started_after"] == first


def test_worker_killed_while_stopping_counts_as_stopped(supervisor, barriers, workspace):
    barriers.hold("stopping")
    run_id = supervisor.submit(probe(until_stopped=True))
    until(lambda: rundir.has_checkpoint(workspace.run_dir(run_id)), "a checkpoint")
    supervisor.stop(run_id)
    reached = barriers.reached("stopping")
    assert rundir.read_status(workspace.run_dir(run_id)).state == "stopping"
    kill(reached["pid"])
    assert supervisor.wait(run_id, 30).state == "stopped"
    assert rundir.has_checkpoint(workspace.run_dir(run_id))


def test_worker_killed_while_cancelling_leaves_nothing(supervisor, barriers, workspace):
    barriers.hold("stopping")
    run_id = supervisor.submit(probe(until_stopped=True))
    until(lambda: rundir.has_checkpoint(workspace.run_dir(run_id)), "a checkpoint")
    supervisor.cancel(run_id)
    kill(barriers.reached("stopping")["pid"])
    assert supervisor.wait(run_id, 30).state == "cancelled"
    assert not (workspace.run_dir(run_id) / "checkpoints").exists()


def test_worker_killed_after_done_was_written_is_done(supervisor, barriers, workspace):
    run_id = supervisor.submit(probe(linger=True))
    run_dir = workspace.run_dir(run_id)
    until(lambda: rundir.read_status(run_dir).state == "done", "the end")
    # as if killed between DONE.json and the last status: the status still says running
    status = rundir.read_status(run_dir)
    rundir.write_status(run_dir, rundir.RunStatus(**{**asdict(status), "state": "running"}))
    kill(worker_of(run_dir).pid)
    assert supervisor.wait(run_id, 30).state == "done"
    assert rundir.check_result(run_dir, "steps.txt").is_dir()


def test_children_of_a_killed_worker_are_swept(supervisor, barriers, workspace):
    barriers.hold("step1")
    run_id = supervisor.submit(probe(child=True))
    pid = barriers.reached("step1")["pid"]
    line = until(lambda: [x for x in rundir.log_tail(workspace.run_dir(run_id)).splitlines() if "child pid" in x], "it")
    child = processes.identify(int(line[0].split("=")[1]))
    assert processes.is_alive(child)
    kill(pid)
    supervisor.wait(run_id, 30)
    wait_gone(child)


def test_killed_server_leaves_the_worker_and_the_next_one_adopts_it(workspace, barriers, make_supervisor):
    server = Server(workspace, barriers.folder)
    barriers.hold("step2")
    spec = probe(steps=4)
    rundir.create(workspace.runs, spec)
    waiting = probe(steps=1)
    rundir.create(workspace.runs, waiting)
    barriers.reached("step2")
    run_dir = workspace.run_dir(spec.run_id)
    worker = worker_of(run_dir)
    server.kill()
    assert processes.is_alive(worker)
    assert rundir.read_status(run_dir).state == "running"
    done = []
    second = make_supervisor(on_done=lambda directory, *_: done.append(directory.name)).start()
    until(lambda: any(row["event"] == "adopted" for row in rundir.read_events(run_dir)), "the adoption")
    assert rundir.read_status(workspace.run_dir(waiting.run_id)).state == "queued"  # the adopted run holds the slot
    barriers.release("step2")
    status = second.wait(spec.run_id, 30)
    assert (status.state, status.attempt) == ("done", 1)
    assert second.wait(waiting.run_id, 30).state == "done"
    assert [row["step"] for row in rundir.metrics(run_dir)] == [1, 2, 3, 4]
    assert done == [spec.run_id, waiting.run_id]


def test_run_that_ended_while_no_server_was_there_is_taken_over(workspace, barriers, make_supervisor):
    server = Server(workspace, barriers.folder)
    barriers.hold("step2")
    spec, doomed = probe(steps=2), probe(steps=2, slot="free")
    rundir.create(workspace.runs, spec)
    barriers.reached("step2")
    rundir.create(workspace.runs, doomed)
    doomed_worker = worker_of(workspace.run_dir(doomed.run_id))
    until(lambda: rundir.read_status(workspace.run_dir(doomed.run_id)).step == 1, "the first step")
    server.kill()
    worker = worker_of(workspace.run_dir(spec.run_id))
    kill(doomed_worker.pid)
    wait_gone(doomed_worker)
    barriers.release("step2")
    wait_gone(worker)
    done = []
    second = make_supervisor(on_done=lambda directory, *_: done.append(directory.name)).start()
    assert second.wait(spec.run_id, 30).state == "done"
    assert done == [spec.run_id]
    status = second.wait(doomed.run_id, 30)
    assert (status.state, status.reason) == ("crashed", "killed")


def test_server_killed_in_mid_launch_starts_the_run_once_only(workspace, barriers, make_supervisor):
    """A server died after `starting` was written, with no process, and with one the launcher never noted."""
    never = probe(steps=1)
    rundir.create(workspace.runs, never)
    files.write_json(workspace.run_dir(never.run_id) / "attempts/1/launch.json", {"slot": "cpu"})
    rundir.write_status(workspace.run_dir(never.run_id), rundir.RunStatus("starting"))
    second = make_supervisor().start()
    assert second.wait(never.run_id, 30).state == "done"

    twice = probe(steps=2, slot="free")
    barriers.hold("step2")
    second.submit(twice)
    run_dir = workspace.run_dir(twice.run_id)
    first = worker_of(run_dir)
    barriers.reached("step2")
    second.close()
    rundir.write_status(run_dir, rundir.RunStatus("queued"))  # what a requeue would have left
    third = make_supervisor().start()
    until(lambda: sum(row["event"] == "launched" for row in rundir.read_events(run_dir)) == 2, "the second launch")
    barriers.release("step2")
    assert third.wait(twice.run_id, 30).state == "done"
    wait_gone(first)
    assert [row["step"] for row in rundir.metrics_since(run_dir)[0]] == [1, 2]


def test_two_supervisors_on_one_workspace(supervisor, workspace, make_supervisor):
    other = make_supervisor()
    with pytest.raises(JobError) as caught:
        other.start()
    assert f"process {os.getpid()}" in caught.value.line()
    supervisor.close()
    assert other.start().is_running


def test_second_process_is_refused_by_name(workspace, barriers):
    server = Server(workspace, barriers.folder)
    try:
        with pytest.raises(JobError, match=f"process {server.process.pid}"):
            Supervisor(Settings(workspace), timing=QUICK).start()
    finally:
        server.kill()
        kill_workers(workspace)
    Supervisor(Settings(workspace), timing=QUICK).start().close()  # the kernel freed the lock


def test_pid_of_another_process_is_never_taken_for_ours(workspace, make_supervisor):
    """The worker's pid was used again by a process with another start time: the run crashed, the stranger lives."""
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        spec = probe()
        run_dir = rundir.create(workspace.runs, spec)
        real = processes.identify(stranger.pid)
        stale = {**real.as_json(), "pid_started": real.started - 100.0}
        files.write_json(run_dir / "attempts/1/launch.json", {"slot": "cpu"})
        rundir.write_status(run_dir, rundir.RunStatus("running", **stale))
        rundir.request(run_dir, "cancel")
        other = rundir.create(workspace.runs, probe())
        rundir.write_status(other, rundir.RunStatus("running", **{**real.as_json(), "boot_id": "an earlier boot"}))
        supervisor = make_supervisor().start()
        assert supervisor.wait(spec.run_id, 30).state == "cancelled"
        assert supervisor.wait(other.name, 30).state == "crashed"
        assert stranger.poll() is None
        assert not processes.signal_group(processes.identity_of(stale), signal.SIGKILL)
        assert processes.sweep_session(processes.identity_of(stale)) == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
