"""The open workspace: settings, store and supervisor together, handed to every workflow."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from studio.annotation.leases import Leases
from studio.jobs.supervisor import Supervisor
from studio.records import RunSpec, RunStatus
from studio.settings import Settings, Workspace
from studio.store import journal
from studio.store.connection import Store
from studio.workflows import run_index

log = logging.getLogger(__name__)


@dataclass
class Studio:
    """One open workspace. `notices` are words keys with values a page shows once (a log set aside, labels restored).

    `leases` says which desk has which example on its screen; it is memory of this process only.
    """

    settings: Settings
    store: Store
    supervisor: Supervisor
    notices: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    leases: Leases = field(default_factory=Leases)

    @property
    def workspace(self) -> Workspace:
        """The paths of this workspace."""
        return self.settings.workspace

    def close(self) -> None:
        """Stop supervising (workers go on), fold the log, close the file."""
        self.supervisor.close()
        self.store.close()


def open_studio(settings: Settings, *, supervise: bool = True) -> Studio:
    """Open the workspace in this process.

    Restores labels the journal holds and the database lacks, adopts live runs, marks dead ones.

    Args:
        settings: where and with which limits.
        supervise: start the supervisor thread (queue, watchdog); False for acts that start no run.

    Raises:
        StoreError: another process has the workspace open, or its database is unreadable.
        JobError: another supervisor watches the workspace.
        StudioError: the folder cannot be written.
    """
    settings.workspace.make()
    store = Store(settings.workspace, memory=settings.duckdb_memory)
    try:
        from studio.workflows import purge_apply  # a workflow; it imports this module

        removals = purge_apply.at_start(store, settings.workspace)  # before the journal could bring anything back
        restored = journal.restore_from_journal(store, settings.workspace)
        studio = Studio(settings, store, None)  # type: ignore[arg-type]  # the supervisor's callback needs the studio
        studio.notices.extend([*store.notices, *removals])
        if restored:
            studio.notices.append(("store.labels_restored", {"n": str(restored)}))
            log.warning("labels restored from the journal n=%d", restored)
        run_index.reindex(store, settings.workspace)
        studio.supervisor = Supervisor(
            settings,
            on_done=lambda *run: _on_done(studio, *run),
            on_end=lambda *run: _on_end(studio, *run),
        )
        if supervise:
            _catch_up(studio)
            studio.supervisor.start()
    except BaseException:
        store.close()
        raise
    return studio


def _on_done(studio: Studio, run_dir: Path, spec: RunSpec, status: RunStatus) -> None:
    """Index a finished run; imported here because finishers are workflows, which import this module."""
    from studio.workflows import finish

    finish.finish(studio, run_dir, spec, status)


def _on_end(studio: Studio, run_dir: Path, spec: RunSpec, status: RunStatus) -> None:
    """Index a run that ended in whatever way; imported here like `_on_done`."""
    from studio.workflows import finish

    finish.ended(studio, run_dir, spec, status)


def _catch_up(studio: Studio) -> None:
    """Loops whose round ended while nobody watched; imported here like `_on_done`."""
    from studio.workflows import finish

    finish.catch_up(studio)
