"""How much memory a process may still take, and a refusal in words where a run needs more."""

from __future__ import annotations

from pathlib import Path

import psutil

from studio.errors import MeasureError

GIB = 1024**3
_CGROUP = Path("/sys/fs/cgroup")


def available_bytes(cgroup: Path = _CGROUP) -> int:
    """Memory that can be taken without pushing others out: of the machine, or of its container where that is less."""
    free = int(psutil.virtual_memory().available)
    try:
        most = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        fields = (line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        cached = next((int(value) for name, value in fields if name == "inactive_file"), 0)
    except (OSError, ValueError):
        return free
    return free if most == "max" else max(0, min(free, int(most) - used + cached))


def require_memory(need_bytes: int) -> None:
    """Refuse work that would run out of memory before it begins.

    Raises:
        MeasureError: less is there than it needs.
    """
    there = available_bytes()
    if need_bytes > there:
        raise MeasureError(
            "There is not enough free memory for this corpus",
            got=f"{need_bytes / GIB:.1f} GB needed, {there / GIB:.1f} GB free",
            fix="End other runs, use a machine with more memory, or make a version with fewer examples.",
        )
