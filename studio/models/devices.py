"""Whether the machine's GPU is being left unused, seen without importing torch."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hardware:
    """What can be seen without importing torch. `torch_build` is cpu, gpu or missing."""

    gpu_present: bool
    torch_version: str
    torch_build: str
    cores: int

    @property
    def wasted_gpu(self) -> bool:
        """True for a CPU-only torch beside a GPU."""
        return self.gpu_present and self.torch_build == "cpu"

    @property
    def device(self) -> str:
        """The device a worker will most likely choose."""
        return "cuda" if self.gpu_present and self.torch_build == "gpu" else "cpu"


def _torch_version() -> str:
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _has_cuda_packages() -> bool:
    """A wheel without a local version tag (x.y.z) is a CUDA build exactly when its nvidia packages are here."""
    names = {(d.metadata["Name"] or "").lower() for d in importlib.metadata.distributions()}
    return any(name.startswith(("nvidia-cuda-runtime", "nvidia-cublas")) for name in names)


def inspect(
    *,
    version: Callable[[], str] = _torch_version,
    cuda_packages: Callable[[], bool] = _has_cuda_packages,
    device_file: Path = Path("/dev/nvidia0"),
    which: Callable[[str], str | None] = shutil.which,
) -> Hardware:
    """Look for a GPU and for the kind of torch that is installed, without loading either.

    The arguments exist so that a test can describe another machine.
    """
    found = version()
    if not found:
        build = "missing"
    elif "+cu" in found or "+rocm" in found:
        build = "gpu"
    elif "+cpu" in found:
        build = "cpu"
    else:
        build = "gpu" if cuda_packages() else "cpu"
    present = device_file.exists() or which("nvidia-smi") is not None
    return Hardware(gpu_present=present, torch_version=found, torch_build=build, cores=os.cpu_count() or 1)
