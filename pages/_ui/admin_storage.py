"""Disk use per item, and purging an example, a person's rows or a corpus."""

from __future__ import annotations

from studio.workflows.studio import Studio


def show(opened: Studio) -> None:
    """Draw the page."""
