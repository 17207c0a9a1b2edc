"""Ask the resident query worker: embed typed text now, without loading a model into the server.

One JSON object per line goes over a Unix socket in the worker's run directory, one comes back. The worker is a run of
kind `serve`; it is started by the first question and leaves after idle minutes.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.errors import JobError
from studio.jobs import rundir
from studio.jobs.launch import launched_process
from studio.jobs.processes import is_alive
from studio.jobs.supervisor import Supervisor
from studio.records import RunSpec

log = logging.getLogger(__name__)
SOCKET = "query.sock"
_MAX_ANSWER_BYTES = 256 * 1024 * 1024
_POLL_S = 0.05
_KEPT_FAILURES = 5
_starting = threading.Lock()  # two pages asking at once start one worker


class _Gone(Exception):
    """The worker left between being found and answering."""


def ask(studio: Any, request: Mapping[str, Any], timeout: float = 30.0) -> dict[str, Any]:
    """The result of one request, starting the query worker when none is there.

    Args:
        studio: an open studio or a running Supervisor.
        request: `op` and its parameters, plain JSON; see studio/tasks/serve.py.
        timeout: seconds for the whole act, the start included. The first answer takes seconds (a process starts and
            loads weights), later ones milliseconds.

    Returns:
        The `result` object of the answer.

    Raises:
        JobError: the worker cannot be started, does not answer in time, or refuses the request (its words).
    """
    supervisor: Supervisor = getattr(studio, "supervisor", studio)
    end = time.monotonic() + timeout
    gone: set[Path] = set()
    for last_try in (False, True):
        run_dir = _live_worker(supervisor, end, gone)
        try:
            answer = _exchange(run_dir, request, end)
            break
        except _Gone as error:  # it was just leaving after its idle time: one more worker, one more question
            log.info("query worker gone run=%s last_try=%s", run_dir.name, last_try)
            gone.add(run_dir)  # a killed process may look alive for a moment: it is not asked twice
            if last_try:
                raise JobError(
                    "The query worker ended without an answer",
                    got=rundir.log_tail(run_dir, 400) or str(error),
                    fix="Look at its log on the Runs page.",
                ) from error
    if answer.get("ok"):
        return dict(answer.get("result") or {})
    trouble = answer.get("error") or {}
    raise JobError(
        str(trouble.get("what") or "The query worker refused the question"),
        got=str(trouble.get("got") or ""),
        fix=str(trouble.get("fix") or ""),
    )


@contextmanager
def socket_address(run_dir: Path) -> Iterator[str]:
    """An address of the socket that fits: a Unix socket path may have 107 bytes, a workspace's path may have more."""
    direct = str(run_dir / SOCKET)
    if len(os.fsencode(direct)) <= 100 or not os.path.isdir("/proc/self/fd"):
        yield direct
        return
    handle = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)


def _live_worker(supervisor: Supervisor, end: float, gone: Collection[Path]) -> Path:
    """The directory of a query worker that listens and is not known to be gone; starts one where there is none."""
    runs = supervisor.settings.workspace.runs
    with _starting:
        run_dir = _find(runs, gone) or _start(supervisor, runs)
    while not (run_dir / SOCKET).exists():
        status = rundir.read_status(run_dir)
        if status.is_final:
            raise JobError(
                "The query worker could not be started",
                got=status.message or status.state,
                fix="Look at its log on the Runs page.",
            )
        if time.monotonic() > end:
            raise JobError("The query worker did not start in time", got=status.state, fix="Ask again in a moment.")
        if not supervisor.is_running:
            raise JobError("Nobody supervises the runs here", got=run_dir.name, fix="Start the supervisor first.")
        time.sleep(_POLL_S)
    return run_dir


def _find(runs: Path, gone: Collection[Path]) -> Path | None:
    """A query worker that is queued, starting or running, and neither gone nor on its way out."""
    for run_dir in rundir.list_runs(runs):
        if run_dir in gone:
            continue
        spec = rundir.read_spec_or_none(run_dir)
        if spec is None or spec.kind != "serve":
            continue
        status = rundir.read_status(run_dir)
        leaving = rundir.requested(run_dir, status.attempt) is not None or (run_dir / "leaving").exists()
        identity = launched_process(run_dir, status.attempt)
        is_dead = identity is not None and not is_alive(identity)  # killed, and the supervisor has not looked yet
        if not (status.is_final or leaving or is_dead):
            return run_dir
    return None


def _start(supervisor: Supervisor, runs: Path) -> Path:
    _sweep(runs)
    spec = RunSpec(
        run_id=str(uuid.uuid4()),
        kind="serve",
        title="Query worker",
        created_at=rundir.utc_now(),
        created_by="system",
        slot="free",
    )
    return runs / supervisor.submit(spec)


def _sweep(runs: Path) -> None:
    """Remove query workers that ended well, and all but the newest few that did not: they hold no result."""
    failures = []
    for run_dir in rundir.list_runs(runs):
        spec = rundir.read_spec_or_none(run_dir)
        status = rundir.read_status(run_dir)
        if spec is None or spec.kind != "serve" or not status.is_final:
            continue
        if status.state in ("done", "stopped", "cancelled"):
            shutil.rmtree(run_dir, ignore_errors=True)
        else:
            failures.append((spec.ticket, run_dir))
    for _, run_dir in sorted(failures)[:-_KEPT_FAILURES]:
        shutil.rmtree(run_dir, ignore_errors=True)


def _exchange(run_dir: Path, request: Mapping[str, Any], end: float) -> dict[str, Any]:
    line = json.dumps(dict(request), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    with socket_address(run_dir) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(max(0.1, end - time.monotonic()))
            connection.connect(address)
            connection.sendall(line)
            data = _read_line(connection, end)
        except TimeoutError as error:
            raise JobError(
                "The query worker did not answer in time", got=str(request.get("op")), fix="Ask again in a moment."
            ) from error
        except OSError as error:
            raise _Gone(str(error)) from error
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise _Gone("the answer broke off") from error
    return answer if isinstance(answer, dict) else {}


def _read_line(connection: socket.socket, end: float) -> bytes:
    parts, size = [], 0
    while size < _MAX_ANSWER_BYTES:
        connection.settimeout(max(0.1, end - time.monotonic()))
        part = connection.recv(1 << 16)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            break
    return b"".join(parts)
