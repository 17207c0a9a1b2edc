"""Run directories into the index tables: one run when it ends, all of them when the workspace is opened."""

from __future__ import annotations

import logging
from pathlib import Path

from studio.errors import JobError
from studio.jobs import rundir
from studio.records import RunSpec, RunStatus
from studio.settings import Workspace
from studio.store import runs
from studio.store.connection import Store

log = logging.getLogger(__name__)


def index_one(store: Store, run_dir: Path, spec: RunSpec, status: RunStatus) -> None:
    """Write the row of one run and, when it ended, its metrics."""
    result = None
    if status.state == "done":
        try:
            result = rundir.read_result(run_dir)
        except JobError as error:
            log.warning("run=%s %s", spec.run_id, error)
    with store.write():
        runs.put(store, spec, status, result)
        if status.is_final:
            runs.put_metrics(store, spec.run_id, rundir.metrics(run_dir))


def reindex(store: Store, workspace: Workspace, *, everything: bool = False) -> int:
    """Bring the index in line with the run directories; returns how many rows changed.

    Only runs whose state or attempt differs are read in full; `everything` makes both tables anew. Rows of runs whose
    directory is gone are removed.
    """
    known = {} if everything else runs.known(store)
    n_changed = 0
    found = set()
    for run_dir in rundir.list_runs(workspace.runs):
        found.add(run_dir.name)
        status = rundir.read_status(run_dir)
        if known.get(run_dir.name) == (status.state, status.attempt):
            continue
        spec = rundir.read_spec_or_none(run_dir)
        if spec is None:
            log.warning("run=%s spec unreadable, left out of the index", run_dir.name)
            continue
        index_one(store, run_dir, spec, status)
        n_changed += 1
    for run_id in set(runs.known(store)) - found:
        runs.delete(store, run_id)
        n_changed += 1
    return n_changed
