"""Take the result of a done run over: its files to their place, its rows into the database."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.records import RunSpec, RunStatus
from studio.store import loops
from studio.workflows import run_index

if TYPE_CHECKING:
    from studio.workflows.studio import Studio

# Run kind -> "module:function" with f(studio, run_dir, spec) -> None. It verifies result/ (rundir.check_result), moves
# files, writes rows, and may be called again after a crash in the middle. Kinds without an entry leave nothing behind.
FINISHERS: Mapping[str, str] = {
    "measure": "studio.workflows.select_scores:finish_measure",
    "choose": "studio.workflows.select_apply:finish",
    "import": "studio.workflows.corpora:finish_import",
    "embed": "studio.workflows.explore_results:finish_embed",
    "map": "studio.workflows.explore_results:finish_map",
    "encoder": "studio.workflows.explore_results:finish_encoder",
    "dedup": "studio.workflows.audits_copies:finish_dedup",
    "clean": "studio.workflows.clean:finish_clean",
    "export": "studio.workflows.export_files:finish_export",
    "purge": "studio.workflows.purge_apply:finish_purge",
    "find": "studio.workflows.find_freeze:finish_find",
    "hub": "studio.workflows.corpora_hub:finish_hub",
    "diversity": "studio.workflows.diversity:finish_diversity",
    "train": "studio.workflows.train:finish_train",
    "audit": "studio.workflows.audits:finish_audit",
    "counterfactual": "studio.workflows.counterfactual:finish",
    "choice_audit": "studio.workflows.select_rechecks:finish",
    "proof": "studio.workflows.select_proof:finish_proof",
    "proof_test": "studio.workflows.select_proof_test:finish",
    "tune": "studio.workflows.select_learn:finish_tune",
    "score": "studio.workflows.scorer:finish",
}


def finish(studio: Studio, run_dir: Path, spec: RunSpec, status: RunStatus) -> None:
    """Run the finisher of the kind, then index the run. Idempotent; whatever it raises is tried again later."""
    if spec.kind in FINISHERS:
        module, _, function = FINISHERS[spec.kind].partition(":")
        getattr(importlib.import_module(module), function)(studio, run_dir, spec)
    run_index.index_one(studio.store, run_dir, spec, status)
    _tell_loop(studio, spec)


def ended(studio: Studio, run_dir: Path, spec: RunSpec, status: RunStatus) -> None:
    """Index a run that ended, however it ended, and tell its loop of a bad end; of a good one `finish` tells it."""
    run_index.index_one(studio.store, run_dir, spec, status)
    if status.state != "done":
        _tell_loop(studio, spec)


def catch_up(studio: Studio) -> None:
    """At the opening of a workspace: what ended while nobody watched reaches the loop it belongs to."""
    if loops.live(studio.store):
        _loop().catch_up(studio)


def _tell_loop(studio: Studio, spec: RunSpec) -> None:
    if spec.params.get("loop_id"):
        _loop().after_run(studio, spec)


def _loop() -> Any:
    """By name, like the finishers: the loop launches runs, whose module imports this one."""
    return importlib.import_module("studio.workflows.loop")
