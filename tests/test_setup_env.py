"""Before a GPU build of torch comes to a machine without a GPU its size is said; nothing is asked of the network."""

from __future__ import annotations

import importlib.util
import json
from types import SimpleNamespace

import pytest

from tests.conftest import ROOT


@pytest.fixture
def setup_env(monkeypatch):
    spec = importlib.util.spec_from_file_location("setup_env", ROOT / "tools" / "setup_env.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "installed", lambda package: False)
    monkeypatch.setattr(module.sys, "stdin", SimpleNamespace(isatty=lambda: False))
    return module


def plan(tmp_path, *packages: tuple[str, int]) -> str:
    """What `pip install --dry-run --report -` would print for wheels of these sizes (bytes)."""
    found = []
    for name, size in packages:
        wheel = tmp_path / f"{name}.whl"
        with wheel.open("wb") as handle:
            handle.truncate(size)
        found.append({"metadata": {"name": name}, "download_info": {"url": wheel.as_uri()}})
    return "a line of pip before it\n" + json.dumps({"install": found})


@pytest.mark.parametrize(
    ("packages", "has_gpu", "says"),
    [
        ([("torch", 900_000_000), ("nvidia-cudnn", 1_500_000_000), ("triton", 200_000_000)], False, "about 2.6 GB"),
        ([("torch", 900_000_000), ("nvidia-cudnn", 1_500_000_000)], True, ""),
        ([("torch", 180_000_000), ("numpy", 20_000_000)], False, ""),
    ],
)
def test_the_size_of_a_gpu_build_is_said_only_where_it_is_useless(
    setup_env, monkeypatch, tmp_path, capsys, packages, has_gpu, says
):
    monkeypatch.setattr(setup_env, "has_gpu", lambda: has_gpu)
    report = plan(tmp_path, *packages)
    ran = SimpleNamespace(returncode=0, stdout=report)
    monkeypatch.setattr(setup_env.subprocess, "run", lambda *_, **__: ran)
    setup_env.warn_of_a_gpu_build("requirements.txt")
    said = capsys.readouterr().err
    assert says in said and bool(said) == bool(says)
    assert not says or ("PIP_EXTRA_INDEX_URL" in said and "2 packages of it useless" in said)


def test_torch_is_installed_first_and_alone_and_a_changed_list_is_installed_again(setup_env):
    assert setup_env.torch_line("requirements.txt") == setup_env.torch_line("requirements-dev.txt") == "torch==2.13.0"
    runtime, dev = (setup_env.fingerprint(ROOT / f"requirements{end}.txt") for end in ("", "-dev"))
    assert runtime != dev
    assert [path.name for path in setup_env.included(ROOT / "requirements-dev.txt")] == [
        "requirements-dev.txt", "requirements.txt"
    ]  # fmt: skip
