"""The self-test kind: does no useful work, only what a worker must survive. Used by tests and by `doctor`."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from pathlib import Path
from typing import Any

from studio.errors import CorpusError, MeasureError, PlanError
from studio.jobs.task import Task

_ERRORS = {
    "data_error": lambda: CorpusError("The self-test met bad data", got="probe", fix="Nothing to mend."),
    "metric_error": lambda: MeasureError("The self-test met a bad measure", got="probe", fix="Nothing to mend."),
    "config_error": lambda: PlanError("The self-test met a bad plan", got="probe", fix="Nothing to mend."),
    "oom_host": lambda: MemoryError("the self-test pretends"),
    "unknown": lambda: ZeroDivisionError("the self-test pretends"),
}


def run(task: Task) -> dict[str, Any]:
    """Count steps, and on the way do what the parameters ask for.

    Each step writes a metric and a checkpoint; a resumed attempt goes on from the last whole one. Parameters, all
    optional: `steps` (3), `log_bytes` written to standard output, `allocate_bytes` held in memory, `file_bytes`
    written into the result, `limit_file_bytes` (no file of this process may be larger; how tests fill a disk),
    `fail` (a reason), `ignore_stop` (neither stop request nor SIGTERM is obeyed), `until_stopped` (go on until asked),
    `exit_code` (leave without a word), `linger` (stay alive after the end was written), `child` (leave a child process
    behind; its pid goes to the log). Barriers: `step`, `step<n>`, `checkpoint` (between writing and renaming one).
    """
    params = task.spec.params
    steps = int(params.get("steps", 3))
    if params.get("ignore_stop"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if params.get("limit_file_bytes"):
        limit = int(params["limit_file_bytes"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    _write_log(int(params.get("log_bytes", 0)))
    if params.get("child"):
        _leave_child()
    if params.get("linger"):
        threading.Thread(target=threading.Event().wait, daemon=False).start()
    held = bytearray(int(params.get("allocate_bytes", 0)))
    first = _resume_from(task.checkpoints_dir)
    for step in range(first + 1, steps + 1):
        _step(task, step, steps)
    while params.get("until_stopped"):
        if not params.get("ignore_stop"):
            task.check_stop()
        task.progress(steps, steps, "runs.message.until_stopped")
        time.sleep(0.02)
    if params.get("fail"):
        raise _ERRORS[str(params["fail"])]()
    if params.get("exit_code") is not None:
        os._exit(int(params["exit_code"]))
    (task.result_dir / "steps.txt").write_text(f"{steps}\n", encoding="ascii")
    _write_file(task.result_dir / "block.bin", int(params.get("file_bytes", 0)))
    return {"steps": steps, "started_after": first, "held_bytes": len(held), "device": task.device}


def _step(task: Task, step: int, steps: int) -> None:
    if not task.spec.params.get("ignore_stop"):
        task.check_stop()
    task.barrier("step")
    task.barrier(f"step{step}")
    if not task.spec.params.get("ignore_stop"):
        task.check_stop()
    task.metric(step, value=1.0 / step)
    building = task.checkpoints_dir / f".step-{step}"
    building.write_text(str(step), encoding="ascii")
    task.barrier("checkpoint")
    building.rename(task.checkpoints_dir / f"step-{step}")
    task.checkpoint(f"step-{step}")
    task.progress(step, max(step, steps), "runs.message.counting")


def _resume_from(folder: Path) -> int:
    """The step of the last whole checkpoint, 0 for none."""
    names = [path.name.removeprefix("step-") for path in folder.glob("step-*")]
    return max((int(name) for name in names if name.isdigit()), default=0)


def _write_log(n_bytes: int) -> None:
    line = b"self-test " + b"." * 89 + b"\n"
    for _ in range(n_bytes // len(line)):
        os.write(1, line)


def _write_file(path: Path, n_bytes: int) -> None:
    if n_bytes:
        with path.open("wb") as handle:
            for _ in range(n_bytes // 65536 + 1):
                handle.write(b"\0" * 65536)


def _leave_child() -> None:
    child = os.posix_spawn("/bin/sleep", ["sleep", "600"], {})
    os.write(1, f"child pid={child}\n".encode("ascii"))
