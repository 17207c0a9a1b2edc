"""`runs`: list runs, read one, stop, cancel or resume it; works on files only, so also beside a running server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.cli.context import Context
from studio.errors import JobError
from studio.jobs import rundir
from studio.words import t


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("runs", parents=[common], help="list runs; read, stop, cancel or resume one")
    verb.add_argument("run_id", nargs="?", help="a run id or the unique start of one; without it, all runs are listed")
    verb.add_argument("--log", type=int, default=2000, metavar="BYTES", help="how much of the log's end (default 2000)")
    act = verb.add_mutually_exclusive_group()
    act.add_argument("--stop", action="store_true", help="end soon and keep what was saved")
    act.add_argument("--cancel", action="store_true", help="end and delete what it made")
    act.add_argument("--resume", action="store_true", help="queue the next attempt from the last saved point")
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """List all runs, or show and perhaps steer one."""
    runs = context.settings.workspace.runs
    given = context.arguments
    if given.run_id is None:
        if given.stop or given.cancel or given.resume:
            raise JobError("It must be said which run", fix="Give a run id; `runs` alone lists them.")
        context.emit(runs=[_line(path) for path in reversed(rundir.list_runs(runs))])
        return
    directory = _find(runs, given.run_id)
    by = context.actor.name
    if given.stop or given.cancel:
        rundir.request(directory, "stop" if given.stop else "cancel", by=by)
        context.emit(asked="stop" if given.stop else "cancel")
    elif given.resume:
        attempt = rundir.add_attempt(directory, by=by)
        context.emit(queued_attempt=attempt)
        context.say("Queued. The server of this workspace starts it; without one, the next command that opens it does.")
    context.emit(**_line(directory), log=rundir.log_tail(directory, given.log))


def _find(runs: Path, asked: str) -> Path:
    fitting = [path for path in rundir.list_runs(runs) if path.name.startswith(asked)]
    if len(fitting) != 1:
        raise JobError(
            "No single run has that id" if fitting else "There is no run of that id",
            got=asked,
            fix="Use an id that `python -m studio runs` lists.",
        )
    return fitting[0]


def _line(directory: Path) -> dict[str, Any]:
    spec, status = rundir.read_spec_or_none(directory), rundir.read_status(directory)
    advice = t(rundir.advice_key(status.reason), lang="en") if status.reason else ""
    return {
        "run_id": directory.name,
        "kind": spec.kind if spec else "unreadable",
        "title": spec.title if spec else "",
        "state": status.state,
        "stalled": rundir.is_stalled(status),
        "attempt": status.attempt,
        "step": status.step,
        "total": status.total,
        "eta_s": status.eta_s,
        "reason": status.reason,
        "advice": advice,
        "created_at": spec.created_at if spec else "",
        "created_by": spec.created_by if spec else "",
    }
