"""What a fit tells the outside and asks of it; a worker's Task fits this shape, and so does a notebook's silence."""

from __future__ import annotations

from typing import Any, Protocol


class Reporter(Protocol):
    """Progress, metrics and the wish to stop."""

    def progress(self, step: int, total: int, message: str = "") -> None:
        """How far the run is."""

    def metric(self, step: int, **values: Any) -> None:
        """One line of metrics."""

    def event(self, name: str, /, **values: Any) -> None:
        """Something worth a line in the run's history."""

    def checkpoint(self, name: str) -> None:
        """The name of the newest whole checkpoint."""

    def stop_requested(self) -> str | None:
        """`stop` (keep what there is), `cancel` or None."""

    def check_stop(self) -> None:
        """Raise when a stop was asked for."""

    def barrier(self, name: str) -> None:
        """A point at which a test may hold the run."""


class Quiet:
    """A reporter for notebooks and tests: keeps the metric lines, never stops."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def progress(self, step: int, total: int, message: str = "") -> None:
        """Nothing to show."""

    def metric(self, step: int, **values: Any) -> None:
        """Keep the line."""
        self.metrics.append({"step": step, **values})

    def event(self, name: str, /, **values: Any) -> None:
        """Keep the event."""
        self.events.append({"event": name, "values": values})

    def checkpoint(self, name: str) -> None:
        """Keep its name."""
        self.event("checkpoint", name=name)

    def stop_requested(self) -> str | None:
        """Never."""
        return None

    def check_stop(self) -> None:
        """Never stops."""

    def barrier(self, name: str) -> None:
        """Never holds."""
