"""The numbers a run wrote while it worked: read by byte offset, cleaned of superseded lines, thinned for a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.jobs import files

METRICS = "metrics.jsonl"


def metrics_since(run_dir: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Whole metric lines after a byte offset as they were written, and the next offset; see `supersede`."""
    return files.read_lines_since(run_dir / METRICS, offset)


def metrics(run_dir: Path) -> list[dict[str, Any]]:
    """The series of a run with the lines of a resumed attempt in place of those it repeated."""
    return supersede(metrics_since(run_dir)[0])


def supersede(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop lines that a later attempt replaced.

    The first line of attempt n at step s replaces every line of an earlier attempt with step >= s: the earlier
    attempt ran past its last checkpoint, and those steps were done again.

    Example:
        >>> rows = [{"attempt": 1, "step": 1}, {"attempt": 1, "step": 3}, {"attempt": 2, "step": 2}]
        >>> [(row["attempt"], row["step"]) for row in supersede(rows)]
        [(1, 1), (2, 2)]
    """
    first: dict[int, float] = {}
    for row in rows:
        attempt, step = _number(row.get("attempt"), 1), _number(row.get("step"), 0)
        first[int(attempt)] = min(step, first.get(int(attempt), step))
    kept = []
    for row in rows:
        attempt, step = _number(row.get("attempt"), 1), _number(row.get("step"), 0)
        if all(later <= attempt or step < start for later, start in first.items()):
            kept.append(row)
    return kept


def decimate(rows: Sequence[dict[str, Any]], limit: int = 2000) -> list[dict[str, Any]]:
    """At most `limit` rows for a plot, in order, the first and last of each kind kept.

    Rows with the same fields are one kind. A kind with few rows (evaluations) is kept whole; the room it leaves goes
    to the long ones (steps), which are thinned evenly.
    """
    if len(rows) <= limit:
        return list(rows)
    kinds: dict[tuple[str, ...], list[int]] = {}
    for position, row in enumerate(rows):
        kinds.setdefault(tuple(sorted(row)), []).append(position)
    keep: list[int] = []
    room = limit
    for left, positions in zip(range(len(kinds), 0, -1), sorted(kinds.values(), key=len), strict=True):
        chosen = _evenly(positions, room // left)
        keep.extend(chosen)
        room -= len(chosen)
    return [rows[position] for position in sorted(keep)]


def _evenly(positions: Sequence[int], count: int) -> list[int]:
    if len(positions) <= count:
        return list(positions)
    if count < 2:
        return list(positions[:count])
    last = len(positions) - 1
    return [positions[round(i * last / (count - 1))] for i in range(count)]


def _number(value: Any, default: float) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default
