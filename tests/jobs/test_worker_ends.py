"""How a worker ends by itself: reasons, a full disk, a log nobody reads, its settings."""

from __future__ import annotations

import subprocess
import sys

import pytest

from studio.errors import CorpusError, MeasureError, ModelError, PlanError
from studio.jobs import failures, files, rundir
from studio.jobs.logs import BoundedLog
from studio.records import REASONS
from studio.settings import Settings
from studio.worker import KINDS, read_settings
from tests.jobs.harness import ROOT, probe, until, worker_of

MB = 1024 * 1024


@pytest.mark.parametrize("reason", ["data_error", "metric_error", "config_error", "oom_host", "unknown"])
def test_reasons_reach_the_status_with_advice_and_traceback(reason, supervisor, workspace):
    run_id = supervisor.submit(probe(steps=1, fail=reason))
    status = supervisor.wait(run_id, 30)
    assert (status.state, status.reason, status.advice) == ("failed", reason, f"runs.advice.{reason}")
    failure = rundir.read_failure(workspace.run_dir(run_id))
    assert failure["reason"] == reason
    assert "Traceback" in failure["traceback"] and failure["what"]
    assert "Traceback" in rundir.log_tail(workspace.run_dir(run_id))


def test_reason_of_looks_through_causes_and_foreign_texts():
    assert failures.reason_of(OSError(28, "No space left on device")) == "disk_full"
    assert failures.reason_of(OSError(27, "File too large")) == "disk_full"
    assert failures.reason_of(RuntimeError("Error: No space left on device (os error 28)")) == "disk_full"
    assert failures.reason_of(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")) == "oom_gpu"
    assert failures.reason_of(RuntimeError("DefaultCPUAllocator: can't allocate memory")) == "oom_host"
    assert failures.reason_of(type("OutOfMemoryError", (RuntimeError,), {})("x")) == "oom_gpu"
    wrapped = ModelError("x")
    wrapped.__cause__ = MemoryError()
    assert failures.reason_of(wrapped) == "oom_host"
    kinds = {CorpusError: "data_error", MeasureError: "metric_error", PlanError: "config_error", KeyError: "unknown"}
    assert {kind: failures.reason_of(kind("x")) for kind in kinds} == kinds


def test_exit_codes_name_every_reason():
    assert [failures.reason_of_exit(failures.exit_code(reason)) for reason in REASONS] == list(REASONS)
    assert [failures.reason_of_exit(code) for code in (None, 0, 1, 3, 9, 10 + len(REASONS))] == [None] * 6


def test_a_worker_that_leaves_without_a_word_failed(supervisor, workspace):
    status = supervisor.wait(supervisor.submit(probe(steps=1, exit_code=7)), 30)
    assert (status.state, status.reason, status.message) == ("failed", "unknown", "exit code 7")


def test_a_kind_that_does_not_exist_is_a_plain_failure(supervisor):
    spec = rundir.RunSpec("r1", "nonsense", "x", rundir.utc_now(), "tester")
    status = supervisor.wait(supervisor.submit(spec), 30)
    assert status.state == "failed" and "nonsense" in status.message


@pytest.mark.slow
@pytest.mark.parametrize("module", sorted(KINDS.values()))
def test_every_kind_is_imported_by_a_fresh_process(module):
    """Other folders fork workers from a process that has imported every kind (tests/forked_workers.py)."""
    done = subprocess.run([sys.executable, "-c", f"import {module}; assert callable({module}.run)"], cwd=ROOT,
                          capture_output=True, text=True)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_every_kind_names_a_module_of_tasks():
    assert all(module.startswith("studio.tasks.") for module in KINDS.values())


def test_a_full_disk_is_named_and_earlier_files_are_whole(supervisor, workspace):
    """RLIMIT_FSIZE makes every write beyond 200 kB fail, as a full disk does."""
    run_id = supervisor.submit(probe(steps=2, limit_file_bytes=200_000, file_bytes=MB))
    status = supervisor.wait(run_id, 30)
    run_dir = workspace.run_dir(run_id)
    assert (status.state, status.reason, status.advice) == ("failed", "disk_full", "runs.advice.disk_full")
    assert [row["step"] for row in rundir.metrics(run_dir)] == [1, 2]
    assert (run_dir / "checkpoints/step-2").read_text() == "2"
    assert not (run_dir / "result").exists() and not (run_dir / "result.tmp").exists()
    assert not (run_dir / "attempts/1/.reserve").exists()


def test_five_megabytes_of_log_that_nobody_reads_block_nothing(supervisor, workspace):
    run_id = supervisor.submit(probe(steps=1, log_bytes=5 * MB))
    assert supervisor.wait(run_id, 60).state == "done"
    run_dir = workspace.run_dir(run_id)
    assert (run_dir / "attempts/1/log.txt").stat().st_size >= 5 * MB - 200
    assert len(rundir.log_tail(run_dir, 8000)) <= 8000
    assert rundir.log_tail(run_dir, 8000).rstrip().endswith("done")


def test_a_log_is_bounded_with_its_head_and_tail_kept(tmp_path):
    path = tmp_path / "log.txt"
    log = BoundedLog(path, head=1000, tail=4000)
    assert log.trim() == 0  # no file yet
    n_written = 0
    with path.open("ab", buffering=0) as handle:  # the writer keeps its handle open all the time
        for start in range(0, 3000, 300):
            for number in range(start, start + 300):
                handle.write(b"line %06d\n" % number)
                n_written += 12
            log.trim()
    size = path.stat().st_size
    assert size <= 1000 + 4000 + 1000 + 100
    lines = path.read_text().splitlines()
    assert lines[0] == "line 000000" and lines[-1] == "line 002999"
    cut = [line for line in lines if line.startswith("[...")]
    assert cut == [f"[... {log.trim()} bytes cut here ...]"]
    assert log.trim() + size - len(cut[0]) - 1 == n_written


def test_settings_travel_to_the_worker(workspace, tmp_path):
    run_dir = rundir.create(workspace.runs, probe())
    given = {"network": False, "device": "cpu", "query_idle_s": 7.5, "model_allow_list": ["a/b"], "unheard_of": 1}
    assert read_settings(given, run_dir) == Settings(
        workspace, device="cpu", query_idle_s=7.5, model_allow_list=("a/b",)
    )
    assert read_settings(None, run_dir).workspace == workspace


def test_a_second_worker_on_a_busy_slot_fails_at_once(supervisor, barriers, workspace):
    barriers.hold("step1")
    run_id = supervisor.submit(probe(steps=1))
    barriers.reached("step1")
    worker_of(workspace.run_dir(run_id))
    other = rundir.create(workspace.runs, probe(steps=1))
    supervisor.close()
    done = subprocess.run([sys.executable, "-m", "studio.worker", str(other)], cwd=ROOT, capture_output=True)
    assert done.returncode == failures.exit_code("unknown")
    assert "busy" in rundir.read_status(other).message
    again = subprocess.run(
        [sys.executable, "-m", "studio.worker", str(workspace.run_dir(run_id))], cwd=ROOT, capture_output=True
    )
    assert again.returncode == 3  # this very run has a worker
    barriers.release("step1")
    until(lambda: rundir.read_status(workspace.run_dir(run_id)).state == "done", "the first")


def test_the_worker_of_nothing_says_so(tmp_path):
    done = subprocess.run([sys.executable, "-m", "studio.worker", str(tmp_path)], cwd=ROOT, capture_output=True)
    assert done.returncode == 4
    files.write_json(tmp_path / "spec.json", {"run_id": "x"})
    done = subprocess.run([sys.executable, "-m", "studio.worker", str(tmp_path)], cwd=ROOT, capture_output=True)
    assert done.returncode == 4
