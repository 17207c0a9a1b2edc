"""How the examples are split, and whether anything leaks between the splits."""

from __future__ import annotations

from studio.records import Snapshot
from studio.workflows.studio import Studio


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw this part of the page."""
