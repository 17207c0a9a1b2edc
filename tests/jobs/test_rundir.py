"""The run directory is read without trust: torn lines, garbage, missing files; and written whole or not at all."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import JobError
from studio.jobs import files, processes, rundir, series
from studio.records import RunStatus
from tests.jobs.harness import probe, until


@pytest.fixture
def run_dir(workspace):
    return rundir.create(workspace.runs, probe(steps=2))


def test_a_new_run_is_whole_and_queued(run_dir, workspace):
    spec = rundir.read_spec(run_dir)
    assert (spec.kind, spec.ticket, dict(spec.params)) == ("probe", 1, {"steps": 2})
    assert rundir.read_status(run_dir) == RunStatus("queued")
    second = rundir.create(workspace.runs, probe())
    assert rundir.read_spec(second).ticket == 2
    assert set(rundir.list_runs(workspace.runs)) == {run_dir, second}


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", ".hidden", "x" * 65, "a\0b", "a b"])
def test_a_run_id_cannot_leave_the_folder(run_id, workspace):
    with pytest.raises(JobError):
        rundir.create(workspace.runs, probe(run_id=run_id))
    assert rundir.list_runs(workspace.runs) == []


def test_tickets_are_distinct_under_threads_and_survive_the_loss_of_their_file(workspace):
    tickets = []
    threads = [threading.Thread(target=lambda: tickets.append(rundir.next_ticket(workspace.runs))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tickets) == list(range(1, 17))
    kept = rundir.create(workspace.runs, probe())
    (workspace.runs / ".tickets").write_text("garbage")
    assert rundir.next_ticket(workspace.runs) == rundir.read_spec(kept).ticket + 1


def test_the_same_run_from_many_threads_is_made_once(workspace):
    spec = probe()
    threads = [threading.Thread(target=rundir.create, args=(workspace.runs, spec)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in workspace.runs.iterdir() if not path.name.startswith(".tickets")] == [spec.run_id]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"state": "runn', b"[]", b'"x"', b'{"state": "nonsense"}', b"\xff\xfe"]
)
def test_a_garbled_status_is_worked_out_from_the_files_beside_it(content, run_dir):
    folder = rundir.attempt_dir(run_dir)
    (folder / "status.json").write_bytes(content)
    assert rundir.read_status(run_dir).state == "queued"
    files.write_json(folder / "launch.json", {"slot": "cpu"})
    assert rundir.read_status(run_dir).state == "running"
    files.write_json(folder / "FAILED.json", {"reason": "disk_full", "what": "No room"})
    assert rundir.read_status(run_dir).reason == "disk_full"
    files.write_json(folder / "DONE.json", {"result": {}})
    assert rundir.read_status(run_dir).state == "done"
    (folder / "status.json").unlink()
    assert rundir.read_status(run_dir).state == "done"


def test_wrong_types_in_a_status_are_dropped(run_dir):
    path = rundir.attempt_dir(run_dir) / "status.json"
    files.write_json(path, {"state": "running", "step": "many", "pid": [1], "message": 3, "total": 9, "new": 1})
    assert rundir.read_status(run_dir) == RunStatus("running", total=9)


def test_a_directory_without_attempts_is_shown_and_left_alone(run_dir):
    import shutil

    shutil.rmtree(run_dir / "attempts")
    assert rundir.read_status(run_dir).state == "crashed"
    assert rundir.log_tail(run_dir) == "" and rundir.read_events(run_dir) == [] and rundir.read_failure(run_dir) == {}


def test_a_damaged_spec_is_an_error_with_a_name(run_dir):
    (run_dir / "spec.json").write_text("{")
    assert rundir.read_spec_or_none(run_dir) is None
    with pytest.raises(JobError, match=run_dir.name):
        rundir.read_spec(run_dir)


def test_a_dead_run_with_a_garbled_status_is_finished_and_the_garbage_kept(run_dir, supervisor, workspace):
    folder = rundir.attempt_dir(run_dir)
    other = rundir.create(workspace.runs, probe())
    (rundir.attempt_dir(other) / "launch.json").write_text('{"slot": "cpu"}')
    (rundir.attempt_dir(other) / "status.json").write_text('{"state": "run')
    supervisor.wake()
    assert supervisor.wait(other.name, 30).state == "crashed"
    assert (rundir.attempt_dir(other) / "status.json.unreadable").read_text() == '{"state": "run'
    assert supervisor.wait(run_dir.name, 30).state == "done"
    assert folder.exists()


def test_a_run_whose_spec_is_damaged_blocks_nobody(supervisor, workspace):
    broken = rundir.create(workspace.runs, probe())
    (broken / "spec.json").write_text("{}")
    good = supervisor.submit(probe(steps=1))
    assert supervisor.wait(good, 30).state == "done"
    assert broken.exists()


def test_a_request_is_for_one_attempt_and_cancel_wins(run_dir):
    rundir.request(run_dir, "stop")
    assert rundir.requested(run_dir, 1) == "stop"
    assert rundir.requested(run_dir, 2) is None
    rundir.request(run_dir, "cancel")
    rundir.request(run_dir, "stop")
    assert rundir.requested(run_dir, 1) == "cancel"
    (run_dir / "control.json").write_text("nonsense")
    assert rundir.requested(run_dir, 1) is None
    with pytest.raises(JobError):
        rundir.request(run_dir, "explode")


def test_resume_queues_one_attempt_behind_the_others(run_dir, workspace):
    rundir.write_status(run_dir, RunStatus("stopped"))
    other = rundir.create(workspace.runs, probe())
    assert rundir.add_attempt(run_dir, by="anna") == 2
    assert rundir.add_attempt(run_dir) == 2  # the second click of a double click
    assert rundir.read_status(run_dir) == RunStatus("queued", attempt=2)
    assert rundir.read_status(run_dir, 1).state == "stopped"
    assert rundir.ticket_of(run_dir, 2) > rundir.read_spec(other).ticket


def test_stalled_is_by_heartbeat_of_live_runs_only():
    assert rundir.is_stalled(RunStatus("running", heartbeat=100.0), now=161.0)
    assert not rundir.is_stalled(RunStatus("running", heartbeat=100.0), now=159.0)
    assert not rundir.is_stalled(RunStatus("running", heartbeat=100.0), now=50.0)  # the clock was set back
    assert not rundir.is_stalled(RunStatus("done", heartbeat=100.0), now=999.0)
    assert not rundir.is_stalled(RunStatus("running"), now=999.0)


def test_results_are_checked_against_what_the_worker_wrote(run_dir):
    with pytest.raises(JobError, match="no result"):
        rundir.check_result(run_dir)
    (run_dir / "result").mkdir()
    (run_dir / "result/a.bin").write_bytes(b"12345")
    record = {"result": {"n": 1}, "files": rundir.manifest(run_dir / "result")}
    files.write_json(rundir.attempt_dir(run_dir) / "DONE.json", record)
    assert rundir.check_result(run_dir) == run_dir / "result"
    assert rundir.read_result(run_dir) == {"n": 1}
    (run_dir / "result/a.bin").write_bytes(b"1234")
    with pytest.raises(JobError, match=r"a\.bin: 4 bytes, expected 5"):
        rundir.check_result(run_dir, "a.bin")
    with pytest.raises(JobError, match="missing.bin: None"):
        rundir.check_result(run_dir, "missing.bin")


# --- small files ------------------------------------------------------------------------------------------------------
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    files.write_json(path, {"a": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"a": 2})
    monkeypatch.undo()
    assert files.read_json(path) == {"a": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["status.json"]


def test_a_torn_last_line_waits_and_a_torn_line_in_the_middle_is_skipped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert files.read_lines_since(path, 0) == ([], 0)
    path.write_bytes(b'{"step": 1}\n{"step": 2')
    rows, offset = files.read_lines_since(path, 0)
    assert (rows, offset) == ([{"step": 1}], 12)
    assert files.read_lines_since(path, offset) == ([], 12)
    files.append_line(path, {"step": 3})  # the next attempt closes the torn line first
    rows, offset = files.read_lines_since(path, offset)
    assert rows == [{"step": 3}]
    assert offset == path.stat().st_size
    assert files.read_lines_since(path, offset) == ([], offset)
    path.write_bytes(b'{"step": 9}\n')  # the file was replaced by a shorter one
    assert files.read_lines_since(path, offset)[0] == [{"step": 9}]


def test_values_json_does_not_know_become_null_or_text(tmp_path):
    import numpy as np

    path = tmp_path / "m.jsonl"
    files.append_line(
        path, {"loss": float("nan"), "n": np.int64(3), "a": np.array([1.5]), "t": "\ud800", "p": tmp_path}
    )
    (row,) = files.read_lines_since(path, 0)[0]
    assert (row["loss"], row["n"], row["a"], row["p"]) == (None, 3, [1.5], str(tmp_path))


@given(st.binary(max_size=300), st.integers(-5, 400))
def test_any_bytes_can_be_read_as_lines(data, offset):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        path.write_bytes(data)
        rows, new = files.read_lines_since(path, offset)
        assert all(isinstance(row, dict) for row in rows)
        assert 0 <= new <= len(data)
        assert new == 0 or data[new - 1 : new] == b"\n" or new == offset


# --- series -----------------------------------------------------------------------------------------------------------
def _rows(*pairs):
    return [{"attempt": attempt, "step": step, "loss": 1.0} for attempt, step in pairs]


def _pairs(rows):
    return [(row["attempt"], row["step"]) for row in rows]


def test_a_later_attempt_replaces_the_steps_it_did_again():
    rows = _rows((1, 1), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (2, 5), (3, 5), (3, 6))
    assert _pairs(series.supersede(rows)) == [(1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (3, 6)]
    rows = _rows((1, 1), (1, 2), (2, 2), (3, 1))  # the third attempt began from nothing
    assert _pairs(series.supersede(rows)) == [(3, 1)]


@given(st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=4))
def test_superseded_series_has_each_step_from_one_attempt_only(attempts):
    rows = [
        row for number, steps in enumerate(attempts, 1) for row in _rows(*((number, step) for step in sorted(steps)))
    ]
    kept = _pairs(series.supersede(rows))
    assert kept == sorted(kept, key=lambda pair: pair[0])
    assert all(len({attempt for attempt, step in kept if step == wanted}) == 1 for _, wanted in kept)
    steps = [step for _, step in kept]
    assert steps == sorted(steps)


def test_lines_without_step_or_attempt_do_not_break_the_series():
    assert series.supersede([{"loss": 1}, {"attempt": "x", "step": None, "loss": 2}]) != []


def test_thinning_keeps_ends_and_the_rare_kind():
    steps = [{"attempt": 1, "step": i, "loss": i} for i in range(10_000)]
    evaluations = [{"attempt": 1, "step": i, "accuracy": 0.5} for i in range(0, 10_000, 100)]
    rows = sorted(steps + evaluations, key=lambda row: row["step"])
    thin = series.decimate(rows, 2000)
    assert len(thin) == 2000
    assert sum("accuracy" in row for row in thin) == 100
    losses = [row["step"] for row in thin if "loss" in row]
    assert losses[0] == 0 and losses[-1] == 9999 and losses == sorted(losses)
    assert max(b - a for a, b in zip(losses, losses[1:], strict=False)) <= 6
    assert series.decimate(rows[:50], 2000) == rows[:50]


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=200), st.integers(1, 50))
def test_thinning_never_exceeds_its_limit(kinds, limit):
    rows = [{"step": position, kind: 1} for position, kind in enumerate(kinds)]
    thin = series.decimate(rows, limit)
    assert len(thin) <= max(limit, 0) or len(rows) <= limit
    assert [row["step"] for row in thin] == sorted(row["step"] for row in thin)


# --- processes --------------------------------------------------------------------------------------------------------
def test_identity_of_this_process_and_of_nonsense():
    me = processes.identify(os.getpid())
    assert processes.is_alive(me)
    assert processes.identity_of(me.as_json()) == me
    assert not processes.is_alive(processes.Identity(me.pid, me.started - 1, me.boot_id))
    assert not processes.is_alive(processes.Identity(me.pid, me.started, "another boot"))
    assert processes.identify(2**22 + 5) is None
    for record in (None, {}, {"pid": "1"}, {"pid": 0, "pid_started": 1.0, "boot_id": "x"}, {"pid": 9, "boot_id": ""}):
        assert processes.identity_of(record) is None
    assert not processes.is_alive(None)


def test_a_zombie_is_not_alive_and_can_be_reaped():
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 5"], {})
    identity = processes.identify(pid)
    until(lambda: not processes.is_alive(identity), "the zombie")
    assert processes.reap(pid) == 5
    assert processes.reap(pid) is None
