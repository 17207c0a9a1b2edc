"""The queue, the slots, stop against cancel, escalation, and taking results over."""

from __future__ import annotations

import os

import pytest

from studio.errors import JobError
from studio.jobs import launch, rundir, slots
from studio.jobs.supervisor import Supervisor
from studio.settings import Settings
from tests.jobs.harness import QUICK, probe, until, worker_of


def test_two_runs_on_one_slot_go_first_in_first_out(supervisor, barriers, workspace):
    barriers.hold("step1")
    first, second, light = probe(steps=1), probe(steps=1), probe(steps=1, slot="free")
    for spec in (first, second, light):
        supervisor.submit(spec)
    assert barriers.reached("step1")["run_id"] in (first.run_id, light.run_id)
    worker_of(workspace.run_dir(light.run_id))  # a light run does not queue
    worker_of(workspace.run_dir(first.run_id))
    assert rundir.read_status(workspace.run_dir(second.run_id)).state == "queued"
    barriers.release("step1")
    for spec in (first, second, light):
        assert supervisor.wait(spec.run_id, 30).state == "done"
    ended, started = (rundir.read_status(workspace.run_dir(spec.run_id)) for spec in (first, second))
    assert ended.finished_at <= started.started_at


def test_many_queued_runs_never_share_the_slot_and_keep_their_order(supervisor, workspace):
    ids = [supervisor.submit(probe(steps=1)) for _ in range(6)]
    spans = []
    for run_id in ids:
        assert supervisor.wait(run_id, 60).state == "done"
        status = rundir.read_status(workspace.run_dir(run_id))
        spans.append((status.started_at, status.finished_at))
    assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:], strict=False))


def test_same_run_id_twice_is_one_run(supervisor, workspace):
    spec = probe(steps=1)
    again = probe(steps=9, run_id=spec.run_id)
    assert supervisor.submit(spec) == supervisor.submit(again)
    assert supervisor.wait(spec.run_id, 30).state == "done"
    assert rundir.read_result(workspace.run_dir(spec.run_id))["steps"] == 1
    assert len(rundir.list_runs(workspace.runs)) == 1
    assert not list(workspace.runs.glob(".new-*"))


def test_stop_keeps_the_checkpoint_and_resume_goes_on_from_it(supervisor, barriers, workspace):
    barriers.hold("step3")
    run_id = supervisor.submit(probe(steps=4))
    run_dir = workspace.run_dir(run_id)
    barriers.reached("step3")
    supervisor.stop(run_id, by="anna")
    barriers.release("step3")
    status = supervisor.wait(run_id, 30)
    assert (status.state, status.checkpoint, status.reason) == ("stopped", "step-2", "")
    assert rundir.has_checkpoint(run_dir)
    assert not (run_dir / "result").exists() and not (run_dir / "result.tmp").exists()
    assert supervisor.resume(run_id) == 2  # the old request must not stop the new attempt
    assert supervisor.wait(run_id, 30).state == "done"
    assert rundir.read_result(run_dir)["started_after"] == 2
    with pytest.raises(JobError, match="done cannot be resumed"):
        supervisor.resume(run_id)


@pytest.mark.parametrize("slot", ["cpu", "free"])
def test_resume_before_the_old_process_is_gone_starts_after_it(slot, supervisor, workspace):
    """A quick click on Resume fell between the last status and the end of the process: attempt 2 waited for ever."""
    run_id = supervisor.submit(probe(fail="unknown", linger=True, slot=slot))
    run_dir = workspace.run_dir(run_id)
    until(lambda: rundir.read_status(run_dir).state == "failed", "the failure")
    old = worker_of(run_dir)
    assert supervisor.resume(run_id) == 2
    supervisor.wait(run_id, 0.3)
    assert rundir.read_status(run_dir).state == "queued"  # two workers of one run never meet
    os.kill(old.pid, 9)
    supervisor.wait(run_id, 0.5)
    second = until(lambda: (w := launch.launched_process(run_dir, 2)) and w.pid != old.pid and w, "the second process")
    until(lambda: rundir.read_status(run_dir).state == "failed", "the second failure")
    os.kill(second.pid, 9)
    assert supervisor.wait(run_id, 30).attempt == 2


def test_cancel_discards_everything_but_the_record(supervisor, barriers, workspace):
    barriers.hold("step3")
    run_id = supervisor.submit(probe(steps=4))
    run_dir = workspace.run_dir(run_id)
    barriers.reached("step3")
    supervisor.stop(run_id)
    supervisor.cancel(run_id)  # the second thought counts
    supervisor.stop(run_id)  # and cannot be taken back
    barriers.release("step3")
    assert supervisor.wait(run_id, 30).state == "cancelled"
    assert not any((run_dir / name).exists() for name in ("checkpoints", "result", "result.tmp"))
    assert rundir.metrics(run_dir) and (run_dir / "attempts/1/log.txt").exists()
    with pytest.raises(JobError, match="cancelled cannot be resumed"):
        supervisor.resume(run_id)


@pytest.mark.parametrize(("command", "state"), [("stop", "stopped"), ("cancel", "cancelled")])
def test_a_queued_run_ends_at_once(command, state, supervisor, barriers, workspace):
    barriers.hold("starting")
    first = supervisor.submit(probe(steps=1))
    barriers.reached("starting")
    second = supervisor.submit(probe(steps=1))
    getattr(supervisor, command)(second)
    assert supervisor.wait(second, 30).state == state
    assert not (workspace.run_dir(second) / "attempts/1/launch.json").exists()
    barriers.release("starting")
    assert supervisor.wait(first, 30).state == "done"


def test_stop_while_starting_is_obeyed_before_any_work(supervisor, barriers, workspace):
    barriers.hold("starting")
    run_id = supervisor.submit(probe(steps=1))
    barriers.reached("starting")
    supervisor.stop(run_id)
    barriers.release("starting")
    assert supervisor.wait(run_id, 30).state == "stopped"
    assert rundir.metrics(workspace.run_dir(run_id)) == []


@pytest.mark.parametrize(("command", "state"), [("stop", "stopped"), ("cancel", "cancelled")])
def test_a_worker_that_ignores_stop_is_escalated(command, state, impatient, workspace):
    run_id = impatient.submit(probe(ignore_stop=True, until_stopped=True))
    run_dir = workspace.run_dir(run_id)
    until(lambda: rundir.has_checkpoint(run_dir), "a checkpoint")
    getattr(impatient, command)(run_id)
    status = impatient.wait(run_id, 30)
    assert status.state == state
    assert [row["name"] for row in rundir.read_events(run_dir) if row["event"] == "signal"] == ["SIGTERM", "SIGKILL"]
    assert rundir.has_checkpoint(run_dir) == (command == "stop")
    assert status.reason == ("killed" if command == "stop" else "")


def test_sigterm_alone_means_stop_and_keep(supervisor, workspace):
    run_id = supervisor.submit(probe(until_stopped=True))
    run_dir = workspace.run_dir(run_id)
    until(lambda: rundir.has_checkpoint(run_dir), "a checkpoint")
    os.kill(worker_of(run_dir).pid, 15)
    assert supervisor.wait(run_id, 30).state == "stopped"
    assert rundir.has_checkpoint(run_dir)


def test_a_worker_that_outlives_its_end_is_killed_and_stays_done(impatient, workspace):
    run_id = impatient.submit(probe(steps=1, linger=True))
    following = impatient.submit(probe(steps=1))
    assert impatient.wait(run_id, 30).state == "done"
    assert impatient.wait(following, 30).state == "done"  # the slot was freed


def test_a_result_is_taken_over_once_and_again_after_an_error(make_supervisor, workspace):
    calls = []

    def finish(run_dir, spec, status):
        calls.append((spec.run_id, status.state))
        if len(calls) == 1:
            raise JobError("The shelf is full", got=1, fix="Empty it.")

    first = make_supervisor(on_done=finish).start()
    run_id = first.submit(probe(steps=1))
    run_dir = workspace.run_dir(run_id)
    assert first.wait(run_id, 30).state == "done"
    assert rundir.index_error(run_dir)["what"] == "The shelf is full"
    assert not rundir.is_indexed(run_dir)
    first.close()
    second = make_supervisor(on_done=finish).start()  # a new server tries at once
    until(lambda: rundir.is_indexed(run_dir), "the second try")
    assert rundir.index_error(run_dir) == {}
    second.close()
    third = make_supervisor(on_done=finish).start()
    third.wait(third.submit(probe(steps=1)), 30)
    assert [call for call in calls if call[0] == run_id] == [(run_id, "done")] * 2


def test_every_end_is_reported(make_supervisor, barriers):
    ends = {}
    supervisor = make_supervisor(on_end=lambda _, spec, status: ends.update({spec.run_id: status.state})).start()
    ok, bad = supervisor.submit(probe(steps=1)), supervisor.submit(probe(fail="data_error"))
    supervisor.wait(bad, 30)
    supervisor.wait(ok, 30)
    supervisor.close()
    assert ends == {ok: "done", bad: "failed"}


def test_wait_gives_the_status_after_its_timeout_and_refuses_without_a_supervisor(make_supervisor, barriers, workspace):
    supervisor = make_supervisor().start()
    barriers.hold("step1")
    run_id = supervisor.submit(probe(steps=1))
    barriers.reached("step1")
    seen = []
    assert supervisor.wait(run_id, 0.1, on_status=seen.append).state == "running"
    assert seen[0].attempt == 1
    supervisor.close()
    with pytest.raises(JobError, match="Nobody supervises"):
        supervisor.wait(run_id, 5)
    with pytest.raises(JobError, match="no readable run"):
        supervisor.wait("no-such-run", 5)


def test_closing_leaves_the_worker_running(make_supervisor, barriers, workspace):
    first = make_supervisor().start()
    barriers.hold("step1")
    run_id = first.submit(probe(steps=2))
    pid = barriers.reached("step1")["pid"]
    first.close()
    second = make_supervisor().start()
    barriers.release("step1")
    assert second.wait(run_id, 30).state == "done"
    assert worker_of(workspace.run_dir(run_id)).pid == pid


def test_slots():
    assert slots.choose("free", {"cpu"}, 0) == "free"
    assert slots.choose("cpu", {"gpu0"}, 1) == "cpu"
    assert slots.choose("cpu", {"cpu"}, 1) is None
    assert slots.choose("gpu", {"gpu0"}, 2) == "gpu1"
    assert slots.choose("gpu", {"gpu0", "gpu1"}, 2) is None
    assert slots.choose("gpu", set(), 0) == "cpu"  # no GPU here: it works on the CPU
    assert slots.visible_devices("gpu1", {}) == "1"
    assert slots.visible_devices("gpu1", {"CUDA_VISIBLE_DEVICES": "4, 7"}) == "7"
    assert slots.visible_devices("cpu", {"CUDA_VISIBLE_DEVICES": "4"}) == ""


def test_gpu_runs_take_one_slot_per_gpu(workspace, barriers):
    barriers.hold("step1")
    with Supervisor(Settings(workspace), timing=QUICK, n_gpus=2) as supervisor:
        ids = [supervisor.submit(probe(steps=1, slot="gpu")) for _ in range(3)]
        used = [until(lambda i=i: launch.launched_slot(workspace.run_dir(i), 1), "a launch") for i in ids[:2]]
        barriers.reached("step1")
        assert used == ["gpu0", "gpu1"]
        assert rundir.read_status(workspace.run_dir(ids[2])).state == "queued"
        barriers.release("step1")
        for run_id in ids:
            assert supervisor.wait(run_id, 30).device == "cuda"


def test_the_environment_of_a_worker_is_short_and_without_secrets(settings):
    env = launch.environment(settings, "cpu", {"PATH": "/bin", "HF_TOKEN": "x", "AWS_SECRET": "y", "LC_ALL": "C"})
    assert env["PATH"] == "/bin" and env["LC_ALL"] == "C"
    assert env["CUDA_VISIBLE_DEVICES"] == ""
    assert not {"HF_TOKEN", "AWS_SECRET"} & set(env)
    online = Settings(settings.workspace, network=True)
    assert launch.environment(online, "gpu0", {"HF_TOKEN": "x"})["HF_TOKEN"] == "x"
