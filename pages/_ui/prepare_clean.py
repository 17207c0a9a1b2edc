"""The visible, ordered, reversible list of cleaning steps."""

from __future__ import annotations

from studio.records import Snapshot
from studio.workflows.studio import Studio


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw this part of the page."""
