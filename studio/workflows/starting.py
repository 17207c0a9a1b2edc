"""Runs that are started once, and the files they read: whoever asks second is given the run of the first."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from studio.jobs import rundir
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

KEPT_DAYS = 7  # files of a run that did not end well stay so long, for another attempt
_ORPHAN_S = 3600.0  # a folder of no run is being written, or was left by a server that died
_turns: dict[tuple[str, str, str], threading.Lock] = {}


def once(
    studio: Studio, *, kind: str, snapshot_id: str, live: Callable[[], RunView | None], start: Callable[[], str]
) -> str:
    """The id of the live run, else of the one that is started now.

    Looking and starting are one step: of two tabs that ask in the same moment the second waits until the first one's
    run is queued, and is given that run. One process opens a workspace, so a lock of this process is enough.

    Args:
        studio: the open workspace.
        kind: what is started; another kind or snapshot does not wait.
        snapshot_id: of which snapshot.
        live: finds the run that is queued or at work.
        start: queues one and returns its id.
    """
    with _turns.setdefault((str(studio.workspace.root), kind, snapshot_id), threading.Lock()):
        already = live()
        return already.run_id if already is not None else start()


# --- the files a run reads --------------------------------------------------------------------------------------------
def folder(studio: Studio, room: str, name: str) -> Path:
    """Where the files of one run lie; room: audit or diversity."""
    return studio.workspace.cache / room / name


@contextmanager
def inputs(studio: Studio, room: str, run_id: str) -> Iterator[Path]:
    """A folder for the files of a run about to be queued; gone again where the run could not be."""
    sweep(studio, room)
    place = folder(studio, room, run_id)
    place.mkdir(parents=True, exist_ok=True)
    try:
        yield place
    finally:
        if not studio.workspace.run_dir(run_id).exists():
            shutil.rmtree(place, ignore_errors=True)


def drop(studio: Studio, room: str, run_id: str) -> None:
    """Remove the files of a run whose result is taken over, and all others nobody needs any more."""
    shutil.rmtree(folder(studio, room, run_id), ignore_errors=True)
    sweep(studio, room)


def sweep(studio: Studio, room: str) -> None:
    """Remove the files of runs that are over: at once where they cannot go on, a week later where they could."""
    place = folder(studio, room, "")
    for path in place.iterdir() if place.is_dir() else ():
        if _is_over(studio.workspace.run_dir(path.name), path):
            shutil.rmtree(path, ignore_errors=True)


def _is_over(run_dir: Path, place: Path) -> bool:
    if not run_dir.exists():
        return _age_s(place) > _ORPHAN_S
    status = rundir.read_status(run_dir)
    if status.state in ("done", "cancelled"):
        return True
    if not status.is_final:
        return False
    try:
        ended = datetime.fromisoformat(status.finished_at or "")
    except ValueError:  # a crash leaves no moment: the files are as old as the run
        return _age_s(place) > KEPT_DAYS * 86_400
    return (datetime.now(UTC) - ended).total_seconds() > KEPT_DAYS * 86_400


def _age_s(place: Path) -> float:
    try:
        return time.time() - place.stat().st_mtime
    except OSError:  # removed by another thread meanwhile
        return 0.0
