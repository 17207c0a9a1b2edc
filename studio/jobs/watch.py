"""One attempt under watch: is its process alive, how it is pressed to end, and what its end is called."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from studio.jobs import failures, files, launch, processes, rundir
from studio.records import RunSpec, RunStatus

log = logging.getLogger(__name__)
ALREADY_RUNNING = 3  # exit code of a worker that found another one at work on its run


@dataclass(frozen=True)
class Timing:
    """Seconds of patience. `stop_grace_s` is long because a checkpoint may be large; nothing is kept by a cancel."""

    tick_s: float = 0.5
    stop_grace_s: float = 120.0
    cancel_grace_s: float = 20.0
    term_grace_s: float = 10.0
    final_grace_s: float = 15.0


@dataclass
class Watched:
    """A launched or adopted attempt until its process is gone."""

    run_dir: Path
    spec: RunSpec
    attempt: int
    slot: str
    child: subprocess.Popen[bytes] | None = None
    identity: processes.Identity | None = None
    oom_before: int | None = field(default_factory=processes.n_oom_kills)
    killed_by_us: bool = False
    returncode: int | None = None
    _asked: str | None = None
    _pressed_at: float = 0.0
    _pressure: int = 0

    def is_gone(self) -> bool:
        """True when the process has ended; collects it, and what it left in its session, at that moment."""
        if self.child is not None:
            return self._child_is_gone(self.child)
        self.identity = self.identity or launch.launched_process(self.run_dir, self.attempt)
        if self.identity is None:
            return not _has_worker(self.run_dir)
        if processes.is_alive(self.identity):
            return False
        processes.sweep_session(self.identity)
        self.returncode = processes.reap(self.identity.pid)
        return True

    def _child_is_gone(self, child: subprocess.Popen[bytes]) -> bool:
        if child.returncode is None and not _has_exited(child.pid):
            return False
        # Still a zombie: its pid and session id cannot be anyone else's while we clear up behind it.
        if self.identity is not None:
            processes.sweep_session(self.identity)
        self.returncode = child.wait()
        self.child = None
        if self.returncode == ALREADY_RUNNING:  # a server killed in mid-launch left a worker: watch that one
            self.identity, self.returncode = None, None
            return False
        return True

    def never_started(self) -> bool:
        """True when a launch was begun but no process came of it: no identity, and nobody holds the run's lock."""
        return self.identity is None and not _has_worker(self.run_dir)

    def press(self, status: RunStatus, timing: Timing) -> None:
        """Escalate a stop that is not obeyed, and end a worker that outlives its own end.

        Control file first (written by whoever asked), then SIGTERM to the group after the grace, then SIGKILL.
        """
        asked = "final" if status.is_final else rundir.requested(self.run_dir, self.attempt)
        now = time.monotonic()
        if asked is None:
            return
        if asked != self._asked:
            self._asked, self._pressed_at, self._pressure = asked, now, 0
            return
        graces = {"stop": timing.stop_grace_s, "cancel": timing.cancel_grace_s, "final": timing.final_grace_s}
        grace = graces[asked] if self._pressure == 0 else timing.term_grace_s
        if now - self._pressed_at < grace or self.identity is None:
            return
        number = signal.SIGTERM if self._pressure == 0 and asked != "final" else signal.SIGKILL
        if processes.signal_group(self.identity, number):
            self.killed_by_us = self.killed_by_us or number == signal.SIGKILL
            log.warning("run=%s signal=%s asked=%s", self.spec.run_id, number.name, asked)
            note(self.run_dir, self.attempt, "signal", name=number.name)
        self._pressure += 1
        self._pressed_at = now

    def finalise(self) -> RunStatus:
        """Name the end of an attempt whose process is gone and write it down; what the worker wrote comes first.

        Raises:
            OSError: the status cannot be written; call again later.
        """
        status = rundir.read_status(self.run_dir, self.attempt)
        if not status.is_final:
            status = self._end(status)
            _keep_garbage(self.run_dir, self.attempt)
            rundir.write_status(self.run_dir, status)
            note(self.run_dir, self.attempt, "ended", state=status.state, reason=status.reason, code=self.returncode)
        (rundir.attempt_dir(self.run_dir, self.attempt) / ".reserve").unlink(missing_ok=True)
        return status

    def _end(self, status: RunStatus) -> RunStatus:
        folder = rundir.attempt_dir(self.run_dir, self.attempt)
        ended = replace(status, finished_at=rundir.utc_now(), eta_s=None)
        if files.read_json(folder / "DONE.json") is not None:
            return replace(ended, state="done", reason="", advice="")
        failed = files.read_json(folder / "FAILED.json")
        if failed is not None:
            reason = failed.get("reason") if isinstance(failed.get("reason"), str) else "unknown"
            return _with_reason(ended, "failed", reason, str(failed.get("what", "")))
        asked = rundir.requested(self.run_dir, self.attempt)
        if asked == "cancel":
            rundir.discard(self.run_dir)
            return replace(ended, state="cancelled", reason="", advice="", checkpoint="")
        if asked == "stop":
            return replace(ended, state="stopped", reason="killed" if self.killed_by_us else "", advice="")
        said = failures.reason_of_exit(self.returncode)
        if said is not None:
            return _with_reason(ended, "failed", said, "")
        if self.returncode is not None and self.returncode >= 0:
            return _with_reason(ended, "failed", "unknown", f"exit code {self.returncode}")
        return _with_reason(ended, "crashed", self._death(), _signal_name(self.returncode))

    def _death(self) -> str:
        """Why a process died without a word: the kernel's out-of-memory killer, somebody, or a fault of its own."""
        if self.returncode not in (None, -signal.SIGKILL):
            return "killed" if self.returncode == -signal.SIGTERM else "unknown"
        if self.killed_by_us:
            return "killed"
        now = processes.n_oom_kills()
        if now is None or self.oom_before is None:  # the kernel does not say; by far the commonest cause is memory
            return "killed" if self.returncode is None else "oom_host"
        return "oom_host" if now > self.oom_before else "killed"


def adopt(run_dir: Path, spec: RunSpec, attempt: int) -> Watched:
    """Watch an attempt another supervisor launched; its process may be alive or gone."""
    slot = launch.launched_slot(run_dir, attempt) or spec.slot
    return Watched(run_dir, spec, attempt, slot, identity=launch.launched_process(run_dir, attempt))


def _has_worker(run_dir: Path) -> bool:
    """True while some process holds the run's own lock."""
    lock = rundir.try_lock(run_dir / ".worker.lock")
    if lock is None:
        return True
    os.close(lock)
    return False


def note(run_dir: Path, attempt: int, name: str, /, **values: object) -> None:
    """An event that is nice to have: a full disk must not stop the watch."""
    try:
        rundir.append_event(run_dir, attempt, name, **values)
    except OSError as error:
        log.warning("event not written run=%s error=%s", run_dir.name, error)


def _has_exited(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _with_reason(status: RunStatus, state: str, reason: str, message: str) -> RunStatus:
    return replace(
        status, state=state, reason=reason, advice=rundir.advice_key(reason), message=message or status.message
    )


def _signal_name(returncode: int | None) -> str:
    if returncode is None or returncode >= 0:
        return ""
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


def _keep_garbage(run_dir: Path, attempt: int) -> None:
    """Set a status.json that cannot be read aside before it is replaced; nothing is thrown away."""
    path = rundir.attempt_dir(run_dir, attempt) / "status.json"
    if path.exists() and files.read_json(path) is None:
        path.rename(path.with_name("status.json.unreadable"))
