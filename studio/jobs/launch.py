"""Start a worker that nothing ties to the server: no pipe, no shell, its own session, a short environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import studio
from studio.jobs import files, processes, rundir, slots
from studio.records import RunStatus
from studio.settings import Settings

# What a worker may inherit. Tokens and proxies only where the host allows the network.
_KEEP = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH",
    "XDG_CACHE_HOME", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CUDA_HOME", "CUDA_PATH",
    "CUDA_DEVICE_ORDER", "HF_HOME", "HF_HUB_CACHE", "PYTHONHASHSEED", "PYTHONUTF8", "STUDIO_TEST_BARRIERS",
    "COVERAGE_PROCESS_START",
)  # fmt: skip
_KEEP_PREFIXES = ("LC_", "NVIDIA_", "NUMBA_", "TORCH_", "PYTORCH_", "NCCL_", "MALLOC_")
_KEEP_ONLINE = ("HF_TOKEN", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy",
                "no_proxy", "all_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")  # fmt: skip
_ROOT = Path(studio.__file__).resolve().parent.parent


def environment(settings: Settings, slot: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The allow-listed environment of a worker, with the devices of its slot set before anything loads CUDA."""
    env = os.environ if env is None else env
    names = _KEEP + (_KEEP_ONLINE if settings.network else ())
    kept = {name: value for name, value in env.items() if name in names or name.startswith(_KEEP_PREFIXES)}
    return kept | {
        "STUDIO_HOME": str(settings.workspace.root),
        "STUDIO_NETWORK": "1" if settings.network else "0",
        "STUDIO_DEVICE": settings.device,
        "CUDA_VISIBLE_DEVICES": slots.visible_devices(slot, env),
        "PYTHONPATH": str(_ROOT),
        "PYTHONUNBUFFERED": "1",
    }


def launch(run_dir: Path, attempt: int, slot: str, settings: Settings) -> subprocess.Popen[bytes]:
    """Start the worker of an attempt and note its identity.

    Order matters for a server killed in between: launch.json and the state `starting` come before the process,
    process.json after it. The status belongs to the worker from the moment it runs.

    Raises:
        OSError: the process cannot be started or the files cannot be written.
    """
    folder = rundir.attempt_dir(run_dir, attempt)
    record: dict[str, Any] = {"slot": slot, "at": rundir.utc_now(), "settings": _settings_record(settings)}
    files.write_json(folder / "launch.json", record)
    rundir.write_status(run_dir, RunStatus("starting", attempt, started_at=record["at"]))
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "studio.worker", str(run_dir)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=_ROOT,
            env=environment(settings, slot),
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(log)
    identity = processes.identify(process.pid)
    if identity is not None:
        files.write_json(folder / "process.json", identity.as_json())
    rundir.append_event(run_dir, attempt, "launched", pid=process.pid, slot=slot)
    return process


def launched_slot(run_dir: Path, attempt: int) -> str | None:
    """The slot an attempt was launched in; None before its launch."""
    record = files.read_json(rundir.attempt_dir(run_dir, attempt) / "launch.json") or {}
    slot = record.get("slot")
    return slot if isinstance(slot, str) else None


def launched_process(run_dir: Path, attempt: int) -> processes.Identity | None:
    """The process of an attempt, from the worker's own status or else the launcher's note."""
    folder = rundir.attempt_dir(run_dir, attempt)
    said = processes.identity_of(files.read_json(folder / "status.json"))
    return said or processes.identity_of(files.read_json(folder / "process.json"))


def _settings_record(settings: Settings) -> dict[str, Any]:
    record = asdict(settings)
    record.pop("workspace")
    return record
