"""Whether a run may still be worked on: the rules it was queued under must be those of this program."""

from __future__ import annotations

from studio.errors import MeasureError
from studio.jobs.task import Task


def require(task: Task, now: int) -> None:
    """Refuse a run queued by another version of the program: its key would name rules its numbers do not follow.

    Args:
        task: with the parameter `version`.
        now: the version of the rules here.

    Raises:
        MeasureError: they differ.
    """
    asked = task.spec.params.get("version")
    if asked != now:
        raise MeasureError("The rules have changed since this run was queued", got=f"version {asked}, now {now}",
                           fix="Start it again from its page.")  # fmt: skip
