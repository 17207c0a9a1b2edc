"""What the code of a run kind sees while it works: progress, metrics, stop, and folders to write in."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from studio.errors import JobError
from studio.jobs import files, rundir
from studio.jobs.logs import BoundedLog
from studio.jobs.processes import Identity
from studio.records import RunSpec, RunStatus
from studio.settings import Settings, Workspace

log = logging.getLogger(__name__)
HEARTBEAT_S = 2.0
STATUS_EVERY_S = 0.5
BARRIERS = "STUDIO_TEST_BARRIERS"
_BARRIER_LIMIT_S = 120.0


class StopRequested(BaseException):
    """Someone asked the run to end; `keep` is True for stop and keep, False for cancel and discard.

    Not an Exception: libraries that catch everything must not swallow it.
    """

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        super().__init__("stop" if keep else "cancel")


class Task:
    """One attempt of one run, seen from inside the worker.

    Args:
        run_dir: the run directory.
        spec: its spec.json.
        settings: the host's settings, the workspace among them.
        attempt: number of this attempt, from 1.
        identity: this process; None outside a worker (a test that calls `run(task)` directly).
        device: what the slot gives, such as `cpu` or `cuda`.

    Used without `begin()` it writes its files but has no heartbeat.
    """

    def __init__(
        self,
        run_dir: Path,
        spec: RunSpec,
        settings: Settings,
        attempt: int = 1,
        *,
        identity: Identity | None = None,
        device: str = "",
    ) -> None:
        self.run_dir = run_dir
        self.spec = spec
        self.settings = settings
        self.attempt = attempt
        self.attempt_dir = rundir.attempt_dir(run_dir, attempt)
        self.attempt_dir.mkdir(parents=True, exist_ok=True)
        who = identity.as_json() if identity else {}
        self._status = RunStatus("starting", attempt, started_at=rundir.utc_now(), device=device, **who)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = BoundedLog(self.attempt_dir / "log.txt")
        self._pace: deque[tuple[float, float]] = deque(maxlen=240)
        self._written = 0.0
        self._progressed = 0.0
        self._control_seen: tuple[int, int] | None = None
        self._asked: str | None = None
        self._terminated = False

    # --- folders ------------------------------------------------------------------------------------------------------
    @property
    def workspace(self) -> Workspace:
        """Paths of the workspace: read from them, write only in the run directory."""
        return self.settings.workspace

    @property
    def result_dir(self) -> Path:
        """Where results are written; it becomes `result/` when `run` has returned."""
        folder = self.run_dir / "result.tmp"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def checkpoints_dir(self) -> Path:
        """Where whole checkpoints are kept for a later attempt; build each under a name with a dot, then rename."""
        folder = self.run_dir / "checkpoints"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def device(self) -> str:
        """`cuda`, `mps` or `cpu`, as the slot gives it."""
        return self._status.device or "cpu"

    def input_path(self, name: str) -> Path:
        """The absolute path of one of the spec's inputs.

        Raises:
            JobError: the input is not named in the spec, or lies outside the workspace.
        """
        if name not in self.spec.inputs:
            raise JobError("The run was started without an input", got=name, fix="Start it again from its page.")
        root = self.workspace.root.resolve()
        path = (root / self.spec.inputs[name]).resolve()
        if not path.is_relative_to(root):
            raise JobError("An input lies outside the workspace", got=str(path), fix="Copy it into inbox/ first.")
        return path

    # --- saying -------------------------------------------------------------------------------------------------------
    def progress(self, step: float, total: float, message: str = "") -> None:
        """How far the work is; cheap enough for every step (the file is written at most twice a second).

        `message` is a words key without fields, or a name to show as it is; pages translate a key.
        """
        now = time.monotonic()
        with self._lock:
            if step < self._status.step or total != self._status.total:
                self._pace.clear()  # another phase of the work: the old pace says nothing about it
            if not self._pace or now - self._pace[-1][0] >= STATUS_EVERY_S:
                self._pace.append((now, step))
            eta = _eta(self._pace[0], (now, step), total)
            self._progressed = now
            self._status = replace(self._status, step=int(step), total=int(total), message=message[:300], eta_s=eta)
            due = now - self._written >= STATUS_EVERY_S or step >= total > 0
        if due:
            self._write()

    def metric(self, step: int, **values: Any) -> None:
        """Add a line to metrics.jsonl; values are numbers (NaN becomes null) or short text."""
        row = {"attempt": self.attempt, "step": int(step), "time": time.time(), **values}
        files.append_line(self.run_dir / "metrics.jsonl", row)

    def event(self, name: str, /, **values: Any) -> None:
        """Add a line to this attempt's events.jsonl."""
        rundir.append_event(self.run_dir, self.attempt, name, **values)

    def checkpoint(self, name: str) -> None:
        """Say which checkpoint is the newest whole one; shown beside a stopped run."""
        with self._lock:
            self._status = replace(self._status, checkpoint=name)
        self.event("checkpoint", name=name)
        self._write()

    # --- being asked to end -------------------------------------------------------------------------------------------
    def stop_requested(self) -> str | None:
        """`stop` (keep), `cancel` (discard) or None; costs one look at a file, so ask at every step."""
        try:
            stat = os.stat(self.run_dir / "control.json")
            seen = (stat.st_mtime_ns, stat.st_ino)
        except OSError:
            seen = None
        if seen is not None and seen != self._control_seen:
            self._control_seen = seen
            self._asked = rundir.requested(self.run_dir, self.attempt)
        return self._asked or ("stop" if self._terminated else None)

    def check_stop(self) -> None:
        """End the work here if someone asked for it.

        Raises:
            StopRequested: with `keep` True for stop, False for cancel.
        """
        asked = self.stop_requested()
        if asked is not None:
            raise StopRequested(keep=asked == "stop")

    def terminate(self) -> None:
        """What SIGTERM means: stop and keep. Safe in a signal handler."""
        self._terminated = True

    def barrier(self, name: str) -> None:
        """Wait here while a test holds the barrier `name`; does nothing unless STUDIO_TEST_BARRIERS names a folder.

        While `<folder>/<name>.hold` exists, `<name>.reached` is written (run id and pid) and the work stands still.

        Raises:
            JobError: the barrier was not released within two minutes (its test is gone).
        """
        folder = os.environ.get(BARRIERS)
        if not folder or not (hold := Path(folder) / f"{name}.hold").exists():
            return
        reached = Path(folder) / f"{name}.reached"
        reached.with_suffix(".tmp").write_text(json.dumps({"run_id": self.spec.run_id, "pid": os.getpid()}))
        reached.with_suffix(".tmp").rename(reached)
        end = time.monotonic() + _BARRIER_LIMIT_S
        while hold.exists():
            if time.monotonic() > end:
                raise JobError("A test barrier was not released", got=name, fix="Remove its .hold file.")
            time.sleep(0.01)

    # --- used by the worker -------------------------------------------------------------------------------------------
    @property
    def status(self) -> RunStatus:
        """The status as it was last set."""
        with self._lock:
            return self._status

    def begin(self) -> None:
        """Write the first status and start the heartbeat."""
        self._write()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def set_state(self, state: str, **values: Any) -> None:
        """Change state and write it at once. Raises OSError."""
        with self._lock:
            self._status = replace(self._status, state=state, **values)
            self._write_locked(durable=True)

    def finish(self, state: str, **values: Any) -> None:
        """Stop the heartbeat, then write the last status of this attempt. Raises OSError."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self.set_state(state, finished_at=rundir.utc_now(), eta_s=None, **values)

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_S):
            asked = self.stop_requested() is not None
            with self._lock:
                if asked and self._status.state == "running":
                    self._status = replace(self._status, state="stopping", eta_s=None)
                eta = self._status.eta_s
                if eta is not None and time.monotonic() - self._progressed > max(10.0, 2 * eta):
                    self._status = replace(self._status, eta_s=None)  # no step for long: the old pace means nothing
            self._write()
            try:
                self._log.trim()
            except OSError as error:
                log.warning("log not trimmed error=%s", error)

    def _write(self) -> None:
        with self._lock:
            if self._over.is_set():
                return
            try:
                self._write_locked(durable=False)
            except OSError as error:  # a full disk must not end the heartbeat; the work itself will meet it
                log.warning("status not written error=%s", error)

    def _write_locked(self, *, durable: bool) -> None:
        self._status = replace(self._status, heartbeat=time.time())
        self._written = time.monotonic()
        files.write_json(self.attempt_dir / "status.json", asdict(self._status), durable=durable)


def _eta(first: tuple[float, float], last: tuple[float, float], total: float) -> float | None:
    """Seconds left at the pace between two moments (time, step); None until a step has been made."""
    if last[1] >= total:
        return 0.0
    if last[1] <= first[1] or last[0] <= first[0]:
        return None
    return (total - last[1]) * (last[0] - first[0]) / (last[1] - first[1])
