"""`make soak`: runs and servers are shot at random for minutes; afterwards nothing may be lost or done twice.

A host process supervises a workspace and keeps its queue filled with self-test runs. This process kills the host and
the workers with SIGKILL at random moments, starts the host again, and watches. At the end it resumes every run that was
cut off and checks: each run reached its end, each result is whole and was taken over exactly once, specs never changed,
and never did two workers hold one slot.

    python -m tools.soak [--minutes 10] [--seed 1] [--workspace DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from studio.errors import JobError
from studio.jobs import processes, rundir
from studio.jobs.supervisor import Supervisor
from studio.jobs.watch import Timing
from studio.records import FINAL_STATES, RunSpec, RunStatus
from studio.settings import Settings, Workspace

QUICK = Timing(tick_s=0.05)
STEPS = 800


def host(workspace: Workspace, feed: bool) -> None:
    """Supervise until shot; `feed` keeps three runs queued, otherwise cut-off runs are resumed until done."""
    done_log = workspace.root / "done.log"

    def on_done(run_dir: Path, spec: RunSpec, status: RunStatus) -> None:
        with done_log.open("a", encoding="ascii") as handle:
            handle.write(f"{spec.run_id}\n")

    with Supervisor(Settings(workspace=workspace, device="cpu"), on_done=on_done, timing=QUICK) as supervisor:
        while True:
            states = {path: rundir.read_status(path).state for path in rundir.list_runs(workspace.runs)}
            if feed and sum(state not in FINAL_STATES for state in states.values()) < 3:
                now = datetime.now(UTC).isoformat()
                supervisor.submit(RunSpec(uuid.uuid4().hex, "probe", "soak", now, "soak", params={"steps": STEPS}))
            for path, state in states.items():
                if state in ("crashed", "failed"):
                    try:
                        supervisor.resume(path.name, by="soak")
                    except JobError:
                        continue  # resumed a moment ago
            if not feed and all(state == "done" and rundir.is_indexed(path) for path, state in states.items()):
                return
            time.sleep(0.05)


def start_host(workspace: Workspace, feed: bool = True) -> subprocess.Popen:
    """A host process of its own."""
    command = [sys.executable, "-m", "tools.soak", "--host", "--workspace", str(workspace.root)]
    with (workspace.root / "host.log").open("ab") as log:
        return subprocess.Popen(
            command + ([] if feed else ["--drain"]), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def live_workers(workspace: Workspace) -> dict[str, int]:
    """Run id -> pid of every worker that lives just now."""
    found: dict[str, int] = {}
    for path in rundir.list_runs(workspace.runs):
        status = rundir.read_status(path)
        if status.pid is None or status.state in FINAL_STATES:
            continue
        identity = processes.identity_of(
            {"pid": status.pid, "pid_started": status.pid_started, "boot_id": status.boot_id}
        )
        if identity is not None and processes.is_alive(identity):
            found[path.name] = status.pid
    return found


def shoot(pid: int) -> bool:
    """SIGKILL; False when it was gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def chaos(workspace: Workspace, seconds: float, rng: random.Random) -> dict[str, int]:
    """Kill at random until the time is over; returns what was done."""
    count: Counter[str] = Counter()
    server = start_host(workspace)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(rng.uniform(0.1, 2.0))
        workers = live_workers(workspace)
        count["two_workers_on_one_slot"] += len(workers) > 1
        if rng.random() < 0.4:
            count["servers_shot"] += shoot(server.pid)
            server.wait()
            server = start_host(workspace)
        elif workers:
            count["workers_shot"] += shoot(rng.choice(list(workers.values())))
    shoot(server.pid)
    server.wait()
    return dict(count)


def check(workspace: Workspace, specs: dict[str, str]) -> list[str]:
    """What is wrong afterwards; empty when all is well."""
    wrong: list[str] = []
    done_lines = Counter((workspace.root / "done.log").read_text(encoding="ascii").split())
    for path in rundir.list_runs(workspace.runs):
        status = rundir.read_status(path)
        if status.state != "done":
            wrong.append(f"{path.name} ended as {status.state}")
            continue
        try:
            rundir.check_result(path, "steps.txt")
        except JobError as error:
            wrong.append(f"{path.name}: {error.line()}")
        if not rundir.is_indexed(path) or done_lines[path.name] < 1:
            wrong.append(f"{path.name} was never taken over")
        if path.name in specs and digest(path / "spec.json") != specs[path.name]:
            wrong.append(f"{path.name}: its spec changed")
    return wrong


def digest(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Run the soak; 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(description="Shoot runs and servers at random and look for losses.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workspace", type=Path, default=None)
    parser.add_argument("--host", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--drain", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.host:
        host(Workspace(arguments.workspace), feed=not arguments.drain)
        return 0
    workspace = Workspace(arguments.workspace or Path(tempfile.mkdtemp(prefix="winnow-soak-"))).make()
    acts = chaos(workspace, arguments.minutes * 60, random.Random(arguments.seed))
    specs = {path.name: digest(path / "spec.json") for path in rundir.list_runs(workspace.runs)}
    start_host(workspace, feed=False).wait(timeout=600)
    wrong = check(workspace, specs)
    if acts.get("two_workers_on_one_slot"):
        wrong.append("two workers held one slot")
    report = {"minutes": arguments.minutes, "seed": arguments.seed, "runs": len(specs), **acts, "wrong": wrong[:20]}
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
