"""The thread that starts queued runs, watches live ones, and names the end of dead ones."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from studio.errors import JobError, StudioError
from studio.jobs import files, processes, rundir, slots
from studio.jobs.launch import launch
from studio.jobs.watch import Timing, Watched, adopt, note
from studio.records import RunSpec, RunStatus
from studio.settings import Settings

log = logging.getLogger(__name__)
Callback = Callable[[Path, RunSpec, RunStatus], Any]
_TROUBLE = (OSError, StudioError, ValueError, TypeError, KeyError, psutil.Error)


@dataclass(frozen=True)
class _Handing:
    """A done run on its way into the store."""

    future: Future[Any]
    run_dir: Path
    attempt: int


class Supervisor:
    """Runs of one workspace: queue, slots, watch, adoption. Never imports torch; never works itself.

    The run directories are the truth and every state is in them, so a supervisor may die at any moment and the next
    one goes on. Closing it leaves the workers running.

    Args:
        settings: workspace, device and limits, handed on to workers.
        on_done: called once per done run with (run_dir, spec, status), in a thread of its own, never two at a time;
            if it raises, it is called again after a growing pause, and after a restart. `INDEXED` marks success.
        on_end: called when any run reaches a final state under this supervisor's eyes; best effort (an index can be
            rebuilt).
        timing: seconds of patience.
        n_gpus: a known number of GPUs; by default they are counted when the first run asks for one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_done: Callback | None = None,
        on_end: Callback | None = None,
        timing: Timing | None = None,
        n_gpus: int | None = None,
    ) -> None:
        self.settings = settings
        self._root, self._runs = settings.workspace.root, settings.workspace.runs
        self._on_done, self._on_end = on_done, on_end
        self._timing = timing or Timing()
        self._gpus = slots.GpuCount(0 if settings.device in ("cpu", "mps") else n_gpus)
        self._watched: dict[str, Watched] = {}
        self._closed: dict[str, int] = {}  # run id -> mtime of attempts/ of runs with nothing left to do
        self._handing: dict[str, _Handing] = {}
        self._retry_at: dict[str, tuple[float, int]] = {}
        self._lock_handle: int | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._ticked = threading.Condition()
        self._pool: ThreadPoolExecutor | None = None

    # --- life ---------------------------------------------------------------------------------------------------------
    def start(self) -> Supervisor:
        """Take the workspace's supervisor lock, look at every run once, start the thread. Returns itself.

        Raises:
            JobError: another process supervises this workspace.
        """
        if self._thread is not None:
            return self
        path = self._root / ".supervisor.lock"
        handle = rundir.try_lock(path)
        if handle is None:
            raise JobError(
                "The runs of this workspace are supervised by another process",
                got=f"process {path.read_text(encoding='ascii', errors='replace').strip() or 'unknown'}",
                fix="Use that one, stop it, or choose another workspace with STUDIO_HOME.",
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
        self._lock_handle = handle
        self._closing.clear()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-finisher")
        self._thread = threading.Thread(target=self._loop, name="supervisor", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop supervising. Workers go on; a result being taken over is finished first."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
            self._thread = None
        if self._pool is not None:
            self._pool.shutdown(wait=True)  # every end that was seen is reported, every result begun is taken over
            self._pool = None
            for run_id in list(self._handing):
                try:
                    self._settle(run_id)
                except OSError as error:  # the next start hands it over again
                    log.warning("run=%s hand-over not noted error=%s", run_id, error)
        self._gpus.close()
        for watched in self._watched.values():
            if watched.child is not None:
                watched.child.returncode = watched.child.returncode or 0  # ours no longer: no warning at collection
        self._watched.clear()
        if self._lock_handle is not None:
            os.close(self._lock_handle)
            self._lock_handle = None
        with self._ticked:
            self._ticked.notify_all()

    def __enter__(self) -> Supervisor:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_running(self) -> bool:
        """True while the thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    # --- acts ---------------------------------------------------------------------------------------------------------
    def submit(self, spec: RunSpec) -> str:
        """Queue a run; the same run_id twice is the same run. Returns the run_id.

        Raises:
            JobError: the run cannot be written.
        """
        rundir.create(self._runs, spec)
        self._wake.set()
        return spec.run_id

    def stop(self, run_id: str, *, by: str = "") -> None:
        """Ask a run to end and keep what it has; a queued one ends at once.

        Raises:
            JobError: no such run.
        """
        self._request(run_id, "stop", by)

    def cancel(self, run_id: str, *, by: str = "") -> None:
        """Ask a run to end and discard result and checkpoints.

        Raises:
            JobError: no such run.
        """
        self._request(run_id, "cancel", by)

    def resume(self, run_id: str, *, by: str = "") -> int:
        """Queue the next attempt of a stopped, failed or crashed run; returns its number.

        Raises:
            JobError: no such run, or it is done or was discarded.
        """
        directory = self._directory(run_id)
        number = rundir.add_attempt(directory, by=by)
        self._wake.set()
        return number

    def wake(self) -> None:
        """Look at the runs now instead of at the next tick."""
        self._wake.set()

    def wait(
        self, run_id: str, timeout: float | None = None, *, on_status: Callable[[RunStatus], None] | None = None
    ) -> RunStatus:
        """Wait until a run has ended, its process is gone and its result is taken over (or could not be yet).

        Args:
            run_id: which run.
            timeout: seconds; afterwards the status is returned as it is.
            on_status: called with the status after each tick, for a progress line.

        Raises:
            JobError: no such run, or this supervisor is not running.
        """
        directory = self._directory(run_id)
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            status = rundir.read_status(directory)
            if on_status is not None:
                on_status(status)
            if self._is_settled(run_id, directory, status):
                return rundir.read_status(directory)
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return status
            if not self.is_running:
                raise JobError("Nobody supervises the runs here", got=run_id, fix="Start the supervisor first.")
            with self._ticked:
                self._ticked.wait(min(self._timing.tick_s * 2, left or 3600.0))

    def _request(self, run_id: str, command: str, by: str) -> None:
        rundir.request(self._directory(run_id), command, by=by)
        self._wake.set()

    def _directory(self, run_id: str) -> Path:
        directory = self._runs / Path(run_id).name
        rundir.read_spec(directory)
        return directory

    def _is_settled(self, run_id: str, directory: Path, status: RunStatus) -> bool:
        if not status.is_final or run_id in self._watched:
            return False
        if status.state != "done" or self._on_done is None:
            return True
        return rundir.is_indexed(directory) or bool(rundir.index_error(directory))

    # --- the thread ---------------------------------------------------------------------------------------------------
    def _loop(self) -> None:
        while not self._closing.is_set():
            self._wake.clear()
            try:
                self._tick()
            except _TROUBLE:
                log.exception("supervisor tick")
            with self._ticked:
                self._ticked.notify_all()
            self._wake.wait(self._timing.tick_s)

    def _tick(self) -> None:
        queued = []
        for directory in self._open_runs():
            try:
                watched = self._watched.get(directory.name)  # its end comes before the start of a newer attempt
                status = rundir.read_status(directory, watched.attempt if watched else None)
                if status.state == "queued" and watched is None:
                    queued.append((rundir.ticket_of(directory, status.attempt), directory, status))
                else:
                    self._look(directory, status)
            except _TROUBLE:
                log.exception("run=%s", directory.name)
        for _, directory, status in sorted(queued, key=lambda item: (item[0], item[1].name)):
            try:
                self._start_or_drop(directory, status)
            except _TROUBLE:
                log.exception("run=%s", directory.name)

    def _open_runs(self) -> list[Path]:
        """Directories of runs that may need something; runs that ended cost one look at a folder's time."""
        found = []
        for directory in rundir.list_runs(self._runs):
            try:
                changed = (directory / "attempts").stat().st_mtime_ns
            except OSError:
                changed = 0
            if self._closed.get(directory.name) != changed:
                found.append(directory)
        return found

    def _look(self, directory: Path, status: RunStatus) -> None:
        """One live, dying or ended attempt: the truth table of file and process."""
        run_id = directory.name
        watched = self._watched.get(run_id) or self._adopt(directory, status)
        if watched is None:
            return
        if not watched.is_gone():
            watched.press(status, self._timing)
            return
        status = watched.finalise()
        self._watched.pop(run_id, None)
        self._wake.set()  # a slot is free
        self._after_end(directory, watched.spec, status, seen=True)

    def _adopt(self, directory: Path, status: RunStatus) -> Watched | None:
        """Watch an attempt we did not launch; None when there is nothing to watch (ended long ago, or queued again)."""
        spec = rundir.read_spec_or_none(directory)
        if spec is None:
            self._close_run(directory, status.attempt)
            return None
        watched = adopt(directory, spec, status.attempt)
        if status.is_final and not processes.is_alive(watched.identity):
            self._after_end(directory, spec, status, seen=False)
            return None
        if status.state == "starting" and watched.never_started():
            rundir.write_status(directory, RunStatus("queued", status.attempt))
            self._wake.set()
            return None
        self._watched[directory.name] = watched
        log.info("run=%s adopted state=%s", directory.name, status.state)
        note(directory, status.attempt, "adopted")
        return watched

    def _start_or_drop(self, directory: Path, status: RunStatus) -> None:
        """Start a queued attempt when its slot is free, or end it at once when that was asked."""
        spec = rundir.read_spec(directory)
        asked = rundir.requested(directory, status.attempt)
        if asked is not None:
            if asked == "cancel":
                rundir.discard(directory)
            state = "cancelled" if asked == "cancel" else "stopped"
            status = replace(status, state=state, finished_at=rundir.utc_now())
            rundir.write_status(directory, status)
            self._after_end(directory, spec, status, seen=True)
            return
        n_gpus = self._gpus.poll() if spec.slot == slots.GPU else 0
        if n_gpus is None:
            return
        slot = slots.choose(spec.slot, {other.slot for other in self._watched.values()}, n_gpus)
        if slot is None:
            return
        watched = Watched(directory, spec, status.attempt, slot)
        try:
            watched.child = launch(directory, status.attempt, slot, self.settings)
        except OSError as error:
            log.error("run=%s cannot be launched error=%s", spec.run_id, error)
            failed = replace(status, state="failed", reason="unknown", advice=rundir.advice_key("unknown"),
                             message=f"{error.strerror}", finished_at=rundir.utc_now())  # fmt: skip
            rundir.write_status(directory, failed)
            self._after_end(directory, spec, failed, seen=True)
            return
        watched.identity = processes.identify(watched.child.pid)
        self._watched[spec.run_id] = watched
        log.info("run=%s attempt=%d kind=%s slot=%s launched", spec.run_id, status.attempt, spec.kind, slot)

    # --- after the end ------------------------------------------------------------------------------------------------
    def _after_end(self, directory: Path, spec: RunSpec, status: RunStatus, *, seen: bool) -> None:
        """`seen`: the end happened under our eyes, so `on_end` is due; a done run is handed over in any case."""
        if seen and self._on_end is not None and self._pool is not None:
            self._pool.submit(self._on_end, directory, spec, status).add_done_callback(_log_failure)
        if status.state != "done" or self._on_done is None or rundir.is_indexed(directory):
            self._close_run(directory, status.attempt)
            return
        self._hand_over(directory, spec, status)

    def _hand_over(self, directory: Path, spec: RunSpec, status: RunStatus) -> None:
        """Give a done run to `on_done`; look whether it came back, and try again later when it raised."""
        if spec.run_id in self._handing:
            if self._handing[spec.run_id].future.done():
                self._settle(spec.run_id)
            return
        due, _ = self._retry_at.get(spec.run_id, (0.0, 0))
        if time.monotonic() >= due and self._pool is not None and self._on_done is not None:
            future = self._pool.submit(self._on_done, directory, spec, status)
            self._handing[spec.run_id] = _Handing(future, directory, status.attempt)
            future.add_done_callback(lambda _: self._wake.set())

    def _settle(self, run_id: str) -> None:
        """Write down how a hand-over went: INDEXED, or the error and when to try again."""
        handing = self._handing.pop(run_id)
        error = handing.future.exception()
        if error is None:
            files.write_json(handing.run_dir / "INDEXED", {"at": rundir.utc_now(), "attempt": handing.attempt})
            (handing.run_dir / "INDEX_ERROR.json").unlink(missing_ok=True)
            self._retry_at.pop(run_id, None)
            self._close_run(handing.run_dir, handing.attempt)
            return
        tries = self._retry_at.get(run_id, (0.0, 0))[1] + 1
        self._retry_at[run_id] = (time.monotonic() + min(2.0**tries, 300.0), tries)
        log.error("run=%s result not taken over tries=%d", run_id, tries, exc_info=error)
        files.write_json(handing.run_dir / "INDEX_ERROR.json", _error_record(error) | {"tries": tries})

    def _close_run(self, directory: Path, attempt: int) -> None:
        """Leave a run alone until its attempts change; one that was just resumed stays open."""
        try:
            changed = (directory / "attempts").stat().st_mtime_ns
        except OSError:
            changed = 0
        if rundir.last_attempt(directory) == attempt:
            self._closed[directory.name] = changed


def _error_record(error: BaseException | None) -> Mapping[str, Any]:
    if isinstance(error, StudioError):
        return {"at": rundir.utc_now(), "what": error.what, "got": error.got_text(), "fix": error.fix}
    return {"at": rundir.utc_now(), "what": type(error).__name__, "got": str(error)[:500], "fix": ""}


def _log_failure(future: Future[Any]) -> None:
    if not future.cancelled() and future.exception() is not None:
        log.error("after the end of a run", exc_info=future.exception())
