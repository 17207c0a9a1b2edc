"""The run directory: what each file in it is called, who writes it, and how it is read without trust.

runs/<run_id>/ holds spec.json (written once), control.json (stop, cancel), metrics.jsonl, checkpoints/, result/,
INDEXED (the server has taken the result over) and attempts/<n>/ with queued.json, launch.json, process.json,
status.json, events.jsonl, log.txt and DONE.json or FAILED.json.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.errors import JobError
from studio.jobs import files
from studio.jobs.series import decimate, metrics, metrics_since, supersede
from studio.records import REASONS, RUN_STATES, RunSpec, RunStatus

__all__ = ["decimate", "metrics", "metrics_since", "supersede"]  # read from here together with the rest

STALLED_AFTER_S = 60.0
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_SPEC_FIELDS = {field.name for field in fields(RunSpec)}
_STATUS_TYPES: dict[str, tuple[type, ...]] = {
    "state": (str,), "attempt": (int,), "step": (int, float), "total": (int, float), "message": (str,),
    "eta_s": (int, float), "heartbeat": (int, float), "pid": (int,), "pid_started": (int, float), "boot_id": (str,),
    "started_at": (str,), "finished_at": (str,), "reason": (str,), "advice": (str,), "checkpoint": (str,),
    "device": (str,),
}  # fmt: skip


def utc_now() -> str:
    """The time as UTC ISO text with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def advice_key(reason: str) -> str:
    """The words key of the one line of advice for a reason; empty for none."""
    if not reason:
        return ""
    return f"runs.advice.{reason if reason in REASONS else 'unknown'}"


# --- making -----------------------------------------------------------------------------------------------------------
def create(runs: Path, spec: RunSpec) -> Path:
    """Write a new queued run; the same run_id twice is the same run, and the first spec stays.

    The directory is built under a temporary name and renamed, so a reader never meets half a run. A spec without a
    ticket (0) gets the next one.

    Raises:
        JobError: the run_id cannot name a folder, or the disk refuses.
    """
    if not _RUN_ID.fullmatch(spec.run_id):
        raise JobError("A run needs an id of letters, digits and dashes", got=spec.run_id, fix="Use a UUID.")
    target = runs / spec.run_id
    if (target / "spec.json").exists():
        return target
    temporary = runs / f".new-{uuid.uuid4().hex}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        if spec.ticket == 0:
            spec = replace(spec, ticket=next_ticket(runs))
        temporary.mkdir()
        files.write_json(temporary / "spec.json", asdict(spec))
        (temporary / "attempts").mkdir()
        _make_attempt(temporary / "attempts" / "1", 1, ticket=spec.ticket, by=spec.created_by)
        os.rename(temporary, target)
        files.sync_folder(runs)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if (target / "spec.json").exists():  # another thread made the same run between the look and the rename
            return target
        raise JobError(
            "The run cannot be written", got=f"{error.strerror}", fix="Free disk space and start it again."
        ) from error
    return target


def add_attempt(run_dir: Path, *, by: str = "") -> int:
    """Queue attempt n+1 of a run that ended, behind everything that waits; returns its number.

    A run that is queued or alive already keeps its attempt (a double click resumes once).

    Raises:
        JobError: the run is done or was discarded, so there is nothing to go on with.
    """
    status = read_status(run_dir)
    if not status.is_final:
        return status.attempt
    if status.state in ("done", "cancelled"):
        raise JobError(f"A run that is {status.state} cannot be resumed", got=run_dir.name, fix="Start a new run.")
    number = status.attempt + 1
    attempts = run_dir / "attempts"
    temporary = attempts / f".new-{uuid.uuid4().hex}"
    try:
        _make_attempt(temporary, number, ticket=next_ticket(run_dir.parent), by=by)
        os.rename(temporary, attempts / str(number))
        files.sync_folder(attempts)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if (attempts / str(number)).exists():
            return number
        raise JobError("The run cannot be resumed", got=f"{error.strerror}", fix="Free disk space first.") from error
    return number


def _make_attempt(folder: Path, number: int, *, ticket: int, by: str) -> None:
    folder.mkdir(parents=True)
    files.write_json(folder / "queued.json", {"ticket": ticket, "by": by, "at": utc_now()})
    files.write_json(folder / "status.json", asdict(RunStatus("queued", attempt=number)))


def next_ticket(runs: Path) -> int:
    """The next place in the queue: one more than any ticket given before, under a file lock."""
    with lock_file(runs / ".tickets") as handle:
        text = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        last = int(text) if text.isdigit() else max((spec.ticket for spec in map(read_spec_or_none, list_runs(runs))
                                                     if spec is not None), default=0)  # fmt: skip
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(last + 1).encode("ascii"), 0)
    return last + 1


@contextmanager
def lock_file(path: Path) -> Iterator[int]:
    """An exclusive lock on a file for the length of a block; waits for its turn. Yields the open file."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def try_lock(path: Path) -> int | None:
    """An exclusive lock held until the returned file is closed or the process dies; None when another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


# --- reading ----------------------------------------------------------------------------------------------------------
def list_runs(runs: Path) -> list[Path]:
    """The run directories of a workspace, oldest name order; anything else in the folder is left alone."""
    try:
        names = sorted(entry.name for entry in os.scandir(runs) if entry.is_dir() and _RUN_ID.fullmatch(entry.name))
    except OSError:
        return []
    return [runs / name for name in names if (runs / name / "spec.json").exists()]


def read_spec(run_dir: Path) -> RunSpec:
    """The frozen input of a run.

    Raises:
        JobError: there is no such run, or its spec.json is damaged.
    """
    spec = read_spec_or_none(run_dir)
    if spec is None:
        raise JobError("There is no readable run of that id", got=run_dir.name, fix="Look at the list of runs.")
    return spec


def read_spec_or_none(run_dir: Path) -> RunSpec | None:
    """The frozen input of a run; None when it is missing or damaged."""
    record = files.read_json(run_dir / "spec.json")
    if record is None:
        return None
    try:
        return RunSpec(**{name: value for name, value in record.items() if name in _SPEC_FIELDS})
    except TypeError:
        return None


def last_attempt(run_dir: Path) -> int:
    """The number of the newest attempt; 0 when the folder was tampered with and holds none."""
    try:
        return max((int(name) for name in os.listdir(run_dir / "attempts") if name.isdigit()), default=0)
    except OSError:
        return 0


def attempt_dir(run_dir: Path, attempt: int | None = None) -> Path:
    """The folder of one attempt, by default the newest."""
    return run_dir / "attempts" / str(attempt or last_attempt(run_dir) or 1)


def read_status(run_dir: Path, attempt: int | None = None) -> RunStatus:
    """What the newest (or a given) attempt says of itself; never raises.

    A missing or garbled status.json is worked out from the files beside it: DONE.json, FAILED.json, a launch, a place
    in the queue. The result of that is what the supervisor acts on too.
    """
    number = attempt or last_attempt(run_dir)
    folder = run_dir / "attempts" / str(number)
    record = files.read_json(folder / "status.json")
    if record is not None and record.get("state") in RUN_STATES:
        known = {name: value for name, value in record.items()
                 if name in _STATUS_TYPES and isinstance(value, _STATUS_TYPES[name])}  # fmt: skip
        return RunStatus(**{**known, "attempt": number})
    if (folder / "DONE.json").exists():
        return RunStatus("done", attempt=number)
    failed = files.read_json(folder / "FAILED.json")
    if failed is not None:
        reason = failed.get("reason") if failed.get("reason") in REASONS else "unknown"
        return RunStatus("failed", attempt=number, reason=reason, advice=advice_key(reason),
                         message=str(failed.get("what", "")))  # fmt: skip
    if (folder / "launch.json").exists():
        return RunStatus("running", attempt=number)
    if number and (folder / "queued.json").exists():
        return RunStatus("queued", attempt=number)
    return RunStatus("crashed", attempt=number, reason="unknown", advice=advice_key("unknown"))


def ticket_of(run_dir: Path, attempt: int) -> int:
    """The place in the queue of one attempt."""
    record = files.read_json(attempt_dir(run_dir, attempt) / "queued.json") or {}
    ticket = record.get("ticket")
    return ticket if isinstance(ticket, int) else 0


def read_failure(run_dir: Path, attempt: int | None = None) -> dict[str, Any]:
    """FAILED.json of the newest (or a given) attempt: reason, what, got, fix, type, traceback; empty for none."""
    return files.read_json(attempt_dir(run_dir, attempt) / "FAILED.json") or {}


def read_events(run_dir: Path, attempt: int | None = None) -> list[dict[str, Any]]:
    """The events of an attempt in the order they were written."""
    return files.read_lines_since(attempt_dir(run_dir, attempt) / "events.jsonl", 0)[0]


def log_tail(run_dir: Path, n_bytes: int = 8000, attempt: int | None = None) -> str:
    """The end of an attempt's log from a line start on; never the whole file. Hostile text: show it literally."""
    return files.read_tail(attempt_dir(run_dir, attempt) / "log.txt", n_bytes)


def is_stalled(status: RunStatus, now: float | None = None) -> bool:
    """True when a live worker has not written for 60 s: worth showing, never a reason to kill."""
    if status.state not in ("running", "stopping") or status.heartbeat is None:
        return False
    return (time.time() if now is None else now) - status.heartbeat > STALLED_AFTER_S


def has_checkpoint(run_dir: Path) -> bool:
    """True when something a resumed attempt can go on from was kept."""
    try:
        return any(not entry.name.startswith(".") for entry in os.scandir(run_dir / "checkpoints"))
    except OSError:
        return False


# --- asking -----------------------------------------------------------------------------------------------------------
def request(run_dir: Path, command: str, *, by: str = "") -> None:
    """Ask a run to stop (keep what it has) or cancel (discard it); a cancel replaces a stop, never the reverse.

    The request names the attempt it is meant for, so a resumed run does not stop at an old one. A run that ended is
    left alone.

    Raises:
        JobError: another command, or the disk refuses.
    """
    if command not in ("stop", "cancel"):
        raise JobError("A run can be stopped or cancelled", got=command, fix="Ask for stop or cancel.")
    status = read_status(run_dir)
    if status.is_final or requested(run_dir, status.attempt) in ("cancel", command):
        return
    try:
        files.write_json(
            run_dir / "control.json", {"command": command, "attempt": status.attempt, "by": by, "at": utc_now()}
        )
        append_event(run_dir, status.attempt, f"{command}_asked", by=by)
    except OSError as error:
        raise JobError("The request to stop cannot be written", got=error.strerror, fix="Free disk space.") from error


def requested(run_dir: Path, attempt: int) -> str | None:
    """`stop` or `cancel` when that was asked of this attempt, else None."""
    record = files.read_json(run_dir / "control.json") or {}
    command = record.get("command")
    return command if record.get("attempt") == attempt and command in ("stop", "cancel") else None


# --- writing (the worker while it lives, the supervisor otherwise) ----------------------------------------------------
def write_status(run_dir: Path, status: RunStatus, *, durable: bool = True) -> None:
    """Replace status.json of the attempt the status names. Raises OSError."""
    files.write_json(attempt_dir(run_dir, status.attempt) / "status.json", asdict(status), durable=durable)


def append_event(run_dir: Path, attempt: int, name: str, /, **values: Any) -> None:
    """Add a line to the attempt's events. Raises OSError."""
    files.append_line(attempt_dir(run_dir, attempt) / "events.jsonl", {"at": utc_now(), "event": name, **values})


def discard(run_dir: Path) -> None:
    """Remove what a cancelled run made: result, preview and checkpoints; spec, log and metrics stay to be read."""
    for name in ("result", "result.tmp", "preview", "preview.tmp", "checkpoints"):
        shutil.rmtree(run_dir / name, ignore_errors=True)


# --- results ----------------------------------------------------------------------------------------------------------
def manifest(result: Path) -> dict[str, int]:
    """Relative path -> bytes of every file below a result folder."""
    return {path.relative_to(result).as_posix(): path.stat().st_size
            for path in sorted(result.rglob("*")) if path.is_file()}  # fmt: skip


def read_result(run_dir: Path) -> dict[str, Any]:
    """What the task's `run` returned.

    Raises:
        JobError: the run is not done.
    """
    done = files.read_json(attempt_dir(run_dir) / "DONE.json") or {}
    result = done.get("result")
    if not isinstance(result, dict):
        raise JobError("The run has no result", got=run_dir.name, fix="Wait until it is done, or resume it.")
    return result


def check_result(run_dir: Path, *names: str) -> Path:
    """The result folder, after a look that the named files (default: all) are there in the size the worker wrote.

    Raises:
        JobError: the run is not done, or a file is missing or has another size.
    """
    read_result(run_dir)
    done = files.read_json(attempt_dir(run_dir) / "DONE.json") or {}
    listed: Mapping[str, Any] = done.get("files") if isinstance(done.get("files"), dict) else {}
    for name in names or tuple(listed):
        path = run_dir / "result" / name
        size = path.stat().st_size if path.is_file() else None
        if size is None or size != listed.get(name):
            raise JobError(
                "The result of the run is not whole",
                got=f"{name}: {size} bytes, expected {listed.get(name)}",
                fix="Start the run again.",
            )
    return run_dir / "result"


def is_indexed(run_dir: Path) -> bool:
    """True when the server has taken the result over."""
    return (run_dir / "INDEXED").exists()


def index_error(run_dir: Path) -> dict[str, Any]:
    """Why the result of a done run could not be taken over yet: what, got, fix, tries; empty for none."""
    return {} if is_indexed(run_dir) else files.read_json(run_dir / "INDEX_ERROR.json") or {}
