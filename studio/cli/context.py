"""What every command shares: the open studio, one JSON object out, progress on a terminal, exit codes."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from studio import settings as studio_settings
from studio import words
from studio.errors import CorpusError, JobError
from studio.jobs import rundir
from studio.records import Actor, RunStatus, Snapshot
from studio.settings import Settings
from studio.store import snapshots
from studio.workflows.studio import Studio, open_studio

OK, FAILED, USAGE = 0, 1, 2


@dataclass
class Context:
    """One command's surroundings. The studio is opened on first use, so `--help` and `runs` touch no database."""

    arguments: Namespace
    result: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """Settings from the environment, with --workspace on top."""
        return studio_settings.from_environment(workspace=self.arguments.workspace)

    @cached_property
    def studio(self) -> Studio:
        """The open workspace; this process supervises its runs until the command ends."""
        return open_studio(self.settings)

    @cached_property
    def actor(self) -> Actor:
        """The operating system's user, admin of the local workspace."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            name = "local"
        return Actor(name=name, role="admin", verified=False)

    def snapshot(self) -> Snapshot:
        """The snapshot named by --snapshot (id, unique start of an id, or corpus name), else the newest.

        Raises:
            CorpusError: none or several fit.
        """
        listed = snapshots.list_all(self.studio.store)
        if not listed:
            raise CorpusError("This workspace has no corpus yet", fix="Run `python -m studio demo` or `import FILE`.")
        asked = getattr(self.arguments, "snapshot", None)
        return self.snapshot_named(asked) if asked else listed[0]

    def snapshot_named(self, asked: str) -> Snapshot:
        """The snapshot of an id, a unique start of an id, or a corpus name.

        Raises:
            CorpusError: none or several fit.
        """
        listed = snapshots.list_all(self.studio.store)
        fitting = [item for item in listed if item.snapshot_id == asked or item.name == asked]
        fitting = fitting or [item for item in listed if item.snapshot_id.startswith(asked)]
        if len({item.snapshot_id for item in fitting}) != 1:
            known = ", ".join(f"{item.snapshot_id} ({item.name})" for item in listed[:10])
            raise CorpusError("No single snapshot fits that name", got=asked, fix=f"Use one of: {known}.")
        return fitting[0]

    def emit(self, **values: Any) -> None:
        """Add to the one JSON object (or the lines on a terminal) the command ends with."""
        self.result.update(values)

    def say(self, text: str) -> None:
        """A line for a person; silent with --json."""
        if not self.arguments.json:
            print(text, file=sys.stderr, flush=True)

    def wait(self, run_id: str) -> RunStatus:
        """Wait for a run with a progress line; Ctrl-C stops it and keeps what it has, --detach leaves it running.

        Raises:
            JobError: the run failed, crashed or was stopped.
        """
        directory = self.settings.workspace.run_dir(run_id)
        if getattr(self.arguments, "detach", False):
            self.emit(run_id=run_id, detached=True)
            return rundir.read_status(directory)
        try:
            status = self.studio.supervisor.wait(run_id, on_status=self._show)
        except KeyboardInterrupt:
            self.studio.supervisor.stop(run_id)
            status = self.studio.supervisor.wait(run_id, on_status=self._show)
        finally:
            self._end_line()
        if status.state != "done":
            raise self._ended(run_id, status)
        return status

    def _ended(self, run_id: str, status: RunStatus) -> JobError:
        """What the run itself said, when it said it in our three parts; else its reason with the end of its log."""
        directory = self.settings.workspace.run_dir(run_id)
        said = rundir.read_failure(directory)
        if said.get("what"):
            fix = f"{said.get('fix') or 'Mend it and start again.'} (run {run_id}, {status.state})"
            return JobError(str(said["what"]), got=said.get("got"), fix=fix)
        tail = rundir.log_tail(directory, 800)
        return JobError(
            f"The run {run_id} ended as {status.state}",
            got=status.reason or status.state,
            fix=f"{words.spoken(status.advice) or 'Read its log.'} Log: …{tail[-400:]}",
        )

    def _show(self, status: RunStatus) -> None:
        if self.arguments.json or not sys.stderr.isatty():
            return
        share = f"{100 * status.step / status.total:5.1f} %" if status.total else "      "
        eta = f" about {status.eta_s:.0f} s left" if status.eta_s else ""
        message = words.spoken(status.message)[:60]
        print(f"\r\x1b[K{status.state:9} {share} {message}{eta}", end="", file=sys.stderr, flush=True)

    def _end_line(self) -> None:
        if not self.arguments.json and sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Close the studio if it was opened."""
        if "studio" in self.__dict__:
            self.studio.close()


def print_result(result: Mapping[str, Any], *, as_json: bool) -> None:
    """The command's outcome on stdout: one JSON object, or one `key: value` line each."""
    if as_json:
        print(json.dumps(dict(result), ensure_ascii=False, default=str))
        return
    for key, value in result.items():
        shown = value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False, default=str)
        print(f"{key}: {shown}")
