"""Writing a snapshot, a selection or the labelled set in the shape a trainer reads."""

from __future__ import annotations

from studio.records import Snapshot
from studio.workflows.studio import Studio


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw this part of the page."""
