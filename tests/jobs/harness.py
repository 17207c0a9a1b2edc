"""Real workers under test: barriers that hold them still, kills, and a server process that can be shot.

Use: `barriers.hold("step2")`, submit, `barriers.reached("step2")` (blocks until a worker stands there, gives run_id and
pid), do what you came for, `barriers.release("step2")`. Nothing sleeps for a guessed time: every wait is for a file, a
process or a state, with a limit after which the test fails.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.jobs import launch, processes, rundir
from studio.jobs.watch import Timing
from studio.records import RunSpec
from studio.settings import Workspace

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0
QUICK = Timing(tick_s=0.05, stop_grace_s=30.0, cancel_grace_s=30.0, term_grace_s=30.0, final_grace_s=30.0)
IMPATIENT = Timing(tick_s=0.05, stop_grace_s=0.2, cancel_grace_s=0.2, term_grace_s=0.2, final_grace_s=0.2)


def until(condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
    """The first true value of a condition; fails the test after the limit."""
    end = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {limit_s:.0f} s for {what}"
        time.sleep(0.005)
    return value


class Barriers:
    """Places where workers wait while the test holds them (`Task.barrier`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def hold(self, name: str) -> None:
        """Make workers stand still at `name` from now on."""
        (self.folder / f"{name}.hold").touch()

    def reached(self, name: str) -> dict[str, Any]:
        """Wait for a worker to stand there: its run_id and pid."""
        path = self.folder / f"{name}.reached"
        until(path.exists, f"a worker at the barrier {name}")
        return json.loads(path.read_text())

    def release(self, name: str) -> None:
        """Let them go on."""
        (self.folder / f"{name}.reached").unlink(missing_ok=True)
        (self.folder / f"{name}.hold").unlink(missing_ok=True)


def probe(**params: Any) -> RunSpec:
    """A self-test run; `slot` and `run_id` go to the spec, the rest to its parameters."""
    slot, run_id = params.pop("slot", "cpu"), params.pop("run_id", str(uuid.uuid4()))
    return RunSpec(run_id, "probe", "Self-test", rundir.utc_now(), "tester", params=params, slot=slot)


def kill(pid: int) -> None:
    """SIGKILL to one process."""
    os.kill(pid, signal.SIGKILL)


def worker_of(run_dir: Path) -> processes.Identity:
    """The process of the newest attempt, waited for."""
    return until(lambda: launch.launched_process(run_dir, rundir.last_attempt(run_dir)), "a worker's identity")


def wait_gone(identity: processes.Identity) -> None:
    """Wait until a process has ended (a zombie counts as ended)."""
    until(lambda: not processes.is_alive(identity), f"the end of process {identity.pid}")


def kill_workers(workspace: Workspace) -> None:
    """Clean up: end every worker of a workspace that still lives."""
    for run_dir in rundir.list_runs(workspace.runs):
        for number in range(1, rundir.last_attempt(run_dir) + 1):
            identity = launch.launched_process(run_dir, number)
            if identity is not None:
                processes.signal_group(identity, signal.SIGKILL)


@dataclass
class Server:
    """Another process that supervises a workspace, as the app does, and can be killed."""

    workspace: Workspace
    barriers: Path | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        ready = self.workspace.root / f".ready-{uuid.uuid4().hex}"
        env = dict(os.environ) | ({"STUDIO_TEST_BARRIERS": str(self.barriers)} if self.barriers else {})
        with (self.workspace.root / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.jobs.host", str(self.workspace.root), str(ready)],
                cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        until(lambda: ready.exists() or self.process.poll() is not None, "the server process")
        assert self.process.poll() is None, (self.workspace.root / "server.log").read_text()

    def kill(self) -> None:
        """SIGKILL, as a crash or `kill -9` does."""
        self.process.kill()
        self.process.wait()
