"""Is that process still the one we started? Identity is pid + start time + boot, because pids are used again."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_VMSTAT = Path("/proc/vmstat")
_CGROUP_EVENTS = Path("/sys/fs/cgroup/memory.events")


@dataclass(frozen=True)
class Identity:
    """One process for all time: `started` is seconds since boot (Linux) or since 1970 (elsewhere)."""

    pid: int
    started: float
    boot_id: str

    def as_json(self) -> dict[str, Any]:
        """The three parts under the names of status.json."""
        return {"pid": self.pid, "pid_started": self.started, "boot_id": self.boot_id}


@cache
def boot_id() -> str:
    """A text that is new after each boot of this machine."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def identify(pid: int) -> Identity | None:
    """The identity of a live or zombie process; None when there is no such process."""
    started = _started(pid)
    return None if started is None else Identity(pid, started, boot_id())


def identity_of(record: dict[str, Any] | None) -> Identity | None:
    """The identity written in a JSON record; None when a part is missing or of the wrong type."""
    record = record or {}
    pid, started, boot = record.get("pid"), record.get("pid_started"), record.get("boot_id")
    if not isinstance(pid, int) or pid <= 1 or not isinstance(started, int | float) or not isinstance(boot, str):
        return None
    return Identity(pid, float(started), boot)


def is_alive(identity: Identity | None) -> bool:
    """True when exactly this process exists and is not a zombie."""
    if identity is None or identity.boot_id != boot_id():
        return False
    started = _started(identity.pid)
    if started is None or abs(started - identity.started) > 0.015:
        return False
    return not _is_zombie(identity.pid)


def signal_group(identity: Identity, number: int) -> bool:
    """Send a signal to the process group a worker leads; False when the process is not that one any more."""
    if not is_alive(identity):
        return False
    try:
        if os.getpgid(identity.pid) == identity.pid:
            os.killpg(identity.pid, number)
        else:
            os.kill(identity.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def sweep_session(identity: Identity) -> int:
    """Kill what a dead worker left in its session, such as data loaders that hold device memory; returns how many.

    A session id is not given to a new process while a member of the session lives. If a process with the pid itself
    is there and is not ours, the number was used again and nothing is touched.
    """
    current = identify(identity.pid)
    if identity.boot_id != boot_id() or (current is not None and current != identity):
        return 0
    n_killed = 0
    for process in psutil.process_iter():
        try:
            if process.pid != identity.pid and os.getsid(process.pid) == identity.pid:
                os.kill(process.pid, signal.SIGKILL)
                n_killed += 1
        except (ProcessLookupError, PermissionError):
            continue
    return n_killed


def reap(pid: int) -> int | None:
    """Collect a dead child that is ours; its return code as Popen gives it, None when it is not ours or lives."""
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if done == pid else None


def n_oom_kills() -> int | None:
    """How often the kernel killed for lack of memory since boot; None where that cannot be read.

    The machine's counter plus the container's own: a rise between launch and death tells a worker that ran out of
    memory from one that somebody killed.
    """
    counts = [_counter(_VMSTAT, "oom_kill"), _counter(_CGROUP_EVENTS, "oom_kill")]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _counter(path: Path, name: str) -> int | None:
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    except (OSError, ValueError):
        return None
    return None


def _stat_fields(pid: int) -> list[bytes] | None:
    try:
        data = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return data[data.rfind(b")") + 2 :].split()  # the name in brackets may hold spaces and brackets


def _started(pid: int) -> float | None:
    # The kernel's own count of ticks since boot: unlike a wall-clock start time it does not move with the clock.
    fields = _stat_fields(pid)
    if fields is not None and len(fields) > 19:
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _is_zombie(pid: int) -> bool:
    fields = _stat_fields(pid)
    if fields:
        return fields[0] in (b"Z", b"X")
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
