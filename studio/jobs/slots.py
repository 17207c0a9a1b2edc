"""Places to work: one per GPU, one for CPU work, and no limit for light runs that do not queue."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path

CPU, GPU, FREE = "cpu", "gpu", "free"
_COUNT = "import torch; print(torch.cuda.device_count())"
_TIMEOUT_S = 120.0
_DRIVERS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg", "/proc/driver/nvidia")  # NVIDIA, AMD, WSL


class GpuCount:
    """How many GPUs there are, found in a throw-away process so that the server never loads CUDA.

    Nothing happens before the first `poll`; then a process is started, and later polls look whether it has answered.

    Args:
        known: a number settles it at once (tests, a host who forbids the GPU).
    """

    def __init__(self, known: int | None = None) -> None:
        self._known = known
        self._process: subprocess.Popen[bytes] | None = None
        self._output = None
        self._since = 0.0

    def poll(self) -> int | None:
        """The number, or None while the question is out."""
        if self._known is not None:
            return self._known
        if self._process is None:
            if sys.platform == "linux" and not any(os.path.exists(path) for path in _DRIVERS):
                self._known = 0
                return 0
            self._output = tempfile.TemporaryFile()
            self._since = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, "-c", _COUNT],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.DEVNULL,
            )
        if self._process.poll() is None and time.monotonic() - self._since < _TIMEOUT_S:
            return None
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._output.seek(0)
        text = self._output.read().strip()
        self._output.close()
        self._known = int(text) if text.isdigit() else 0
        return self._known

    def close(self) -> None:
        """End the throw-away process if it still thinks."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def choose(wanted: str, busy: Collection[str], n_gpus: int) -> str | None:
    """The slot a run may start in now; None when it has to wait.

    A run that asks for a GPU on a machine without one works on the CPU.
    """
    if wanted == FREE:
        return FREE
    names = [f"gpu{i}" for i in range(n_gpus)] if wanted == GPU and n_gpus else [CPU]
    return next((name for name in names if name not in busy), None)


def visible_devices(slot: str, env: Mapping[str, str]) -> str:
    """CUDA_VISIBLE_DEVICES for a slot, within what the host lets us see; empty hides every GPU."""
    if not slot.startswith(GPU):
        return ""
    number = int(slot[len(GPU) :])
    allowed = [part.strip() for part in env.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    return allowed[number] if number < len(allowed) else str(number)


def lock_path(root: Path, slot: str) -> Path | None:
    """The file a worker locks while it uses a slot; None for the free slot."""
    return None if slot == FREE else root / ".locks" / f"{slot}.lock"


def cpu_share() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
