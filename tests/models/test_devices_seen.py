"""A GPU beside a CPU-only torch is noticed without importing torch."""

from __future__ import annotations

import pytest

from studio.models.devices import inspect


def look(tmp_path, version: str, *, gpu: bool, cuda_packages: bool = False, smi: bool = False):
    device = tmp_path / "nvidia0"
    if gpu:
        device.touch()
    return inspect(version=lambda: version, cuda_packages=lambda: cuda_packages, device_file=device,
                   which=lambda name: "/usr/bin/nvidia-smi" if smi else None)  # fmt: skip


@pytest.mark.parametrize(
    ("version", "packages", "build"),
    [("2.13.0+cpu", False, "cpu"), ("2.13.0+cu130", False, "gpu"), ("2.13.0", True, "gpu"), ("2.13.0", False, "cpu"),
     ("", False, "missing")],
)  # fmt: skip
def test_the_build_of_torch_is_read_from_its_metadata(tmp_path, version, packages, build):
    assert look(tmp_path, version, gpu=False, cuda_packages=packages).torch_build == build


def test_only_a_cpu_build_beside_a_gpu_is_a_waste(tmp_path):
    assert look(tmp_path, "2.13.0+cpu", gpu=True).wasted_gpu
    assert look(tmp_path, "2.13.0+cpu", gpu=False, smi=True).wasted_gpu is True
    assert look(tmp_path, "2.13.0+cu130", gpu=True).wasted_gpu is False
    assert look(tmp_path, "2.13.0+cu130", gpu=True).device == "cuda"


def test_nothing_is_wasted_without_a_gpu(tmp_path):
    found = look(tmp_path, "2.13.0+cpu", gpu=False)
    assert not found.wasted_gpu
    assert found.device == "cpu"
