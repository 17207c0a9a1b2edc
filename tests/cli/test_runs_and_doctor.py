"""`runs` and `doctor` read files only: they answer while another process holds the workspace."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import replace

import pytest

from studio import cli
from studio.cli import doctor
from studio.jobs import rundir
from studio.models.devices import Hardware
from studio.records import RunSpec
from studio.store.connection import Store
from tests.conftest import ROOT


@pytest.fixture
def run_id(workspace) -> str:
    spec = RunSpec(uuid.uuid4().hex, "probe", "a self-test", rundir.utc_now(), "tester", params={"steps": 1})
    return rundir.create(workspace.runs, spec).name


def _cli(capsys, workspace, *words: str) -> tuple[int, dict]:
    code = cli.main(["--workspace", str(workspace.root), *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_runs_are_listed_beside_an_open_store(capsys, workspace, run_id):
    held = Store(workspace)
    code, out = _cli(capsys, workspace, "runs")
    held.close()
    assert code == 0
    (row,) = out["runs"]
    assert (row["run_id"], row["kind"], row["state"], row["created_by"]) == (run_id, "probe", "queued", "tester")


def test_a_stop_is_asked_by_file(capsys, workspace, run_id):
    code, out = _cli(capsys, workspace, "runs", run_id[:8], "--stop")
    assert (code, out["asked"]) == (0, "stop")
    assert rundir.requested(workspace.run_dir(run_id), 1) == "stop"


def test_an_unknown_run_is_a_clear_error(capsys, workspace):
    code, out = _cli(capsys, workspace, "runs", "nosuch")
    assert code == 1
    assert out["error"]["got"] == "nosuch"
    assert "runs" in out["error"]["fix"]


def test_steering_without_an_id_is_refused(capsys, workspace):
    code, out = _cli(capsys, workspace, "runs", "--cancel")
    assert code == 1
    assert "which run" in out["error"]["what"]


def test_a_healthy_machine_is_said_healthy(capsys, workspace):
    code, out = _cli(capsys, workspace, "doctor")
    assert out["healthy"] is (out["problems"] == [])
    assert code == (0 if out["healthy"] else 1)
    assert out["packages"]["duckdb"] == "1.5.6"


def test_cpu_only_torch_beside_a_gpu_is_named_with_its_mend(capsys, workspace, monkeypatch):
    monkeypatch.setattr(doctor.devices, "inspect", lambda: Hardware(True, "2.13.0+cpu", "cpu", 2))
    code, out = _cli(capsys, workspace, "doctor")
    assert code == 1
    assert {"what": "CPU-only torch beside a GPU", "fix": doctor.WASTED_GPU_FIX} in out["problems"]


def test_a_failed_run_and_a_damaged_log_are_reported(capsys, workspace, run_id):
    directory = workspace.run_dir(run_id)
    status = rundir.read_status(directory)
    rundir.write_status(directory, replace(status, state="failed", reason="disk_full"))
    (workspace.root / "studio.duckdb.wal.corrupt-20260101T000000").write_bytes(b"x")
    _, out = _cli(capsys, workspace, "doctor")
    assert out["damaged_logs_set_aside"] == ["studio.duckdb.wal.corrupt-20260101T000000"]
    assert any("disk_full" in problem["what"] for problem in out["problems"])


def test_wrong_usage_is_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["no-such-command"])
    assert caught.value.code == 2


def test_a_second_process_on_the_workspace_gets_one_json_error(capsys, workspace):
    held = Store(workspace)
    done = subprocess.run(
        [sys.executable, "-m", "studio", "--workspace", str(workspace.root), "export", "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    held.close()
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert "already open" in error["what"]
    assert "STUDIO_HOME" in error["fix"]
