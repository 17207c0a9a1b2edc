"""Start, stop, cancel, resume and look at runs."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from studio import __version__
from studio.errors import JobError
from studio.jobs import rundir
from studio.records import Actor, RunSpec, RunStatus
from studio.store import runs as run_rows
from studio.workflows import purge_pending
from studio.workflows.acts import act
from studio.workflows.studio import Studio

# Which slot a kind waits for when the caller does not say. Light kinds do not queue behind hours of training.
SLOTS: Mapping[str, str] = {
    "import": "free", "serve": "free", "encoder": "free", "embed": "gpu", "train": "gpu", "map": "cpu",
    "measure": "cpu", "choose": "cpu", "dedup": "cpu", "probe": "cpu", "clean": "free", "export": "free",
    "purge": "free", "find": "free", "hub": "free", "audit": "cpu", "counterfactual": "cpu", "diversity": "cpu",
    "proof": "cpu", "proof_test": "cpu", "tune": "cpu", "choice_audit": "cpu",
    "score": "gpu",
}  # fmt: skip


@dataclass(frozen=True)
class RunView:
    """One run as a page shows it.

    `position` is its place among the queued (1 = next), 0 when it is not queued; `asked` is `stop` or `cancel` when
    that was asked of this attempt.
    """

    spec: RunSpec
    status: RunStatus
    is_stalled: bool = False
    position: int = 0
    asked: str | None = None
    has_checkpoint: bool = False
    is_taken_over: bool = False
    trouble: Mapping[str, Any] | None = None

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.spec.run_id

    @property
    def is_live(self) -> bool:
        """True while something may still change: work, a queue place, or a result waiting to be taken over."""
        if not self.status.is_final:
            return True
        return self.status.state == "done" and not self.is_taken_over and self.trouble is None

    @property
    def can_resume(self) -> bool:
        """True when another attempt may follow."""
        return self.status.state in ("stopped", "failed", "crashed")

    @property
    def share(self) -> float:
        """Steps done, from 0 to 1."""
        if self.status.state == "done":
            return 1.0
        return min(1.0, max(0.0, self.status.step / self.status.total)) if self.status.total > 0 else 0.0


@dataclass(frozen=True)
class RunDetail:
    """One run with what one reads when it went wrong. `log` is hostile text."""

    view: RunView
    log: str
    failure: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    attempts: tuple[RunStatus, ...]


# --- acts -------------------------------------------------------------------------------------------------------------
@act("runs.submit", "analyst")
def submit(
    studio: Studio,
    actor: Actor,
    *,
    kind: str,
    title: str,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    snapshot_id: str | None = None,
    corpus_id: str | None = None,
    seed: int = 0,
    slot: str | None = None,
    run_id: str | None = None,
) -> str:
    """Queue a run; the same run_id twice (a double click) is the same run.

    Args:
        studio: the open workspace.
        actor: who asks.
        kind: a kind of studio.worker.KINDS.
        title: shown in the list of runs.
        params: JSON parameters of the kind.
        inputs: name -> path relative to the workspace.
        snapshot_id: the snapshot it is about.
        corpus_id: the corpus it is about.
        seed: for everything random in it.
        slot: cpu, gpu or free; by default what the kind needs.
        run_id: a UUID made by the client.

    Returns:
        The run_id.

    Raises:
        JobError: unknown kind or slot, a bad id, or the run cannot be written.
    """
    chosen = slot or SLOTS.get(kind)
    if chosen not in ("cpu", "gpu", "free"):
        raise JobError("There is no run of that kind", got=kind, fix=f"Use one of: {', '.join(SLOTS)}.")
    purge_pending.refuse(studio.workspace, kind, corpus_id, snapshot_id)
    spec = RunSpec(
        run_id=run_id or str(uuid.uuid4()),
        kind=kind,
        title=" ".join(title.split())[:200] or kind,
        created_at=rundir.utc_now(),
        created_by=actor.name,
        corpus_id=corpus_id,
        snapshot_id=snapshot_id,
        params=dict(params or {}),
        inputs=dict(inputs or {}),
        seed=seed,
        slot=chosen,
        code_version=__version__,
    )
    run_dir = rundir.create(studio.workspace.runs, spec)
    written = rundir.read_spec(run_dir)
    run_rows.put(studio.store, written, rundir.read_status(run_dir))
    studio.supervisor.wake()
    return written.run_id


@act("runs.stop", "analyst")
def stop(studio: Studio, actor: Actor, *, run_id: str) -> None:
    """Ask a run to end and keep what it has."""
    studio.supervisor.stop(run_id, by=actor.name)


@act("runs.cancel", "analyst")
def cancel(studio: Studio, actor: Actor, *, run_id: str) -> None:
    """Ask a run to end and discard its result and checkpoints."""
    studio.supervisor.cancel(run_id, by=actor.name)


@act("runs.resume", "analyst")
def resume(studio: Studio, actor: Actor, *, run_id: str) -> int:
    """Queue the next attempt of a stopped, failed or crashed run; returns its number."""
    spec = rundir.read_spec(studio.workspace.run_dir(Path(run_id).name))
    purge_pending.refuse(studio.workspace, spec.kind, spec.corpus_id, spec.snapshot_id)
    return studio.supervisor.resume(run_id, by=actor.name)


# --- reading ----------------------------------------------------------------------------------------------------------
def overview(
    studio: Studio,
    *,
    limit: int = 50,
    kinds: Collection[str] = (),
    snapshot_id: str | None = None,
    services: bool = False,
) -> list[RunView]:
    """Runs as their directories say: live ones first, then the newest.

    Args:
        studio: the open workspace.
        limit: most runs to return; live ones are always in.
        kinds: only these kinds; empty for all.
        snapshot_id: only runs on this snapshot.
        services: also the resident query workers that ended well, which are hidden otherwise.
    """
    found = []
    for run_dir in rundir.list_runs(studio.workspace.runs):
        spec = _spec(run_dir)
        if spec is None or (kinds and spec.kind not in kinds):
            continue
        if snapshot_id is not None and spec.snapshot_id != snapshot_id:
            continue
        status = _status(run_dir)
        if spec.kind == "serve" and not services and status.state in ("done", "stopped", "cancelled"):
            continue
        found.append((run_dir, spec, status))
    places = _places(studio) if any(status.state == "queued" for _, _, status in found) else {}
    is_open = {spec.run_id: _is_open(run_dir, status) for run_dir, spec, status in found}
    found.sort(key=lambda item: (not is_open[item[1].run_id], -item[1].ticket))
    return [_view(*item, places.get(item[1].run_id, 0)) for item in found[: max(limit, sum(is_open.values()))]]


def view(studio: Studio, run_id: str) -> RunView:
    """One run as its directory says.

    Raises:
        JobError: no such run.
    """
    run_dir = studio.workspace.run_dir(Path(run_id).name)
    spec, status = rundir.read_spec(run_dir), rundir.read_status(run_dir)
    return _view(run_dir, spec, status, _places(studio).get(spec.run_id, 0) if status.state == "queued" else 0)


def _places(studio: Studio) -> dict[str, int]:
    """run_id -> place among all that are queued, 1 for the next, whatever kind or corpus is looked at."""
    queued = ((run_dir, _status(run_dir)) for run_dir in rundir.list_runs(studio.workspace.runs))
    queue = sorted((rundir.ticket_of(run_dir, status.attempt), run_dir.name) for run_dir, status in queued
                   if status.state == "queued")  # fmt: skip
    return {run_id: place for place, (_, run_id) in enumerate(queue, start=1)}


def live(studio: Studio, *, kind: str, snapshot_id: str | None = None) -> RunView | None:
    """The run of a kind (on a snapshot) that is queued or at work, or None: what a page shows instead of a button."""
    views = overview(studio, limit=0, kinds=(kind,), snapshot_id=snapshot_id)
    return next((item for item in views if item.is_live), None)


def detail(studio: Studio, run_id: str, *, log_bytes: int = 12_000) -> RunDetail:
    """One run with its failure, events, attempts and the end of its log.

    Raises:
        JobError: no such run.
    """
    one = view(studio, run_id)
    run_dir = studio.workspace.run_dir(one.run_id)
    return RunDetail(
        view=one,
        log=rundir.log_tail(run_dir, log_bytes),
        failure=rundir.read_failure(run_dir),
        events=tuple(rundir.read_events(run_dir)),
        attempts=tuple(rundir.read_status(run_dir, number) for number in range(1, one.status.attempt + 1)),
    )


def wait(studio: Studio, run_id: str, timeout: float | None = None) -> RunStatus:
    """Wait for the end of a run and for its result to be taken over.

    Raises:
        JobError: no such run, nobody supervises, or its result could not be taken over.
    """
    status = studio.supervisor.wait(run_id, timeout)
    trouble = rundir.index_error(studio.workspace.run_dir(run_id))
    if status.state == "done" and trouble:
        raise JobError(
            f"The run is done but its result could not be stored: {trouble.get('what', '')}",
            got=str(trouble.get("got", "")),
            fix=str(trouble.get("fix") or "Read the server's log; it is tried again at the next start."),
        )
    return status


def _view(run_dir: Path, spec: RunSpec, status: RunStatus, position: int) -> RunView:
    return RunView(
        spec=spec,
        status=status,
        is_stalled=rundir.is_stalled(status),
        position=position,
        asked=rundir.requested(run_dir, status.attempt),
        has_checkpoint=rundir.has_checkpoint(run_dir),
        is_taken_over=rundir.is_indexed(run_dir),
        trouble=rundir.index_error(run_dir) or None,
    )


def _is_open(run_dir: Path, status: RunStatus) -> bool:
    return not status.is_final or (status.state == "done" and not rundir.is_indexed(run_dir))


def spec_of(run_dir: Path) -> RunSpec | None:
    """The spec of a run, remembered; None when it cannot be read."""
    return _spec(run_dir)


def status_of(run_dir: Path) -> RunStatus:
    """The status of a run, remembered while its file does not change."""
    return _status(run_dir)


def forget(studio: Studio, run_id: str) -> None:
    """Remove the line of a run whose directory was deleted."""
    run_rows.delete(studio.store, run_id)


@lru_cache(maxsize=4096)
def _spec(run_dir: Path) -> RunSpec | None:
    return rundir.read_spec_or_none(run_dir)  # never changes once written


def _status(run_dir: Path) -> RunStatus:
    attempt = rundir.last_attempt(run_dir)
    try:
        changed = (rundir.attempt_dir(run_dir, attempt) / "status.json").stat().st_mtime_ns
    except OSError:
        return rundir.read_status(run_dir)
    return _status_at(run_dir, attempt, changed)


@lru_cache(maxsize=4096)
def _status_at(run_dir: Path, attempt: int, changed: int) -> RunStatus:
    return rundir.read_status(run_dir, attempt)
