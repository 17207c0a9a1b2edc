"""What a page shows while a round trains: the metric lines so far, read by byte offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.jobs import rundir
from studio.statistics import SMALL_GROUP
from studio.workflows.studio import Studio

LEAST_GROUP = SMALL_GROUP
MOST_POINTS = 2000


@dataclass(frozen=True)
class Series:
    """Metric lines as they were written, and where reading goes on."""

    raw: list[Mapping[str, Any]] = field(default_factory=list)
    offset: int = 0

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The lines without those a later attempt replaced, thinned for a plot."""
        return rundir.decimate(rundir.supersede([dict(row) for row in self.raw]), MOST_POINTS)

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The evaluation with the best macro-F1; of equal ones the first, as the checkpoint that is kept."""
        held = [row for row in self.rows if isinstance(row.get("val_macro_f1"), float)]
        return max(held, key=lambda row: (row["val_macro_f1"], -row["step"]), default=None)

    @property
    def warm_up(self) -> list[dict[str, Any]]:
        """Loss of a model from scratch before it saw a label; steps count up to 0."""
        return [row for row in self.rows if "warm_up_loss" in row]


def follow(studio: Studio, run_id: str, seen: Series | None = None) -> Series:
    """The series of a run with the lines written since `seen`; a torn last line waits for the next call."""
    seen = seen or Series()
    new, offset = rundir.metrics_since(studio.workspace.run_dir(run_id), seen.offset)
    return Series([*seen.raw, *new], offset)
