"""Take the result of a done run over: its files to their place, its rows into the database."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from studio.records import RunSpec, RunStatus
from studio.workflows import run_index

if TYPE_CHECKING:
    from studio.workflows.studio import Studio

# Run kind -> "module:function" with f(studio, run_dir, spec) -> None. It verifies result/ (rundir.check_result), moves
# files, writes rows, and may be called again after a crash in the middle. Kinds without an entry leave nothing behind.
FINISHERS: Mapping[str, str] = {
    "measure": "studio.workflows.select_scores:finish_measure",
    "import": "studio.workflows.corpora:finish_import",
    "embed": "studio.workflows.explore_results:finish_embed",
    "map": "studio.workflows.explore_results:finish_map",
    "encoder": "studio.workflows.explore_results:finish_encoder",
    "dedup": "studio.workflows.audits_copies:finish_dedup",
    "clean": "studio.workflows.clean:finish_clean",
    "export": "studio.workflows.export_files:finish_export",
    "train": "studio.workflows.train:finish_train",
}


def finish(studio: Studio, run_dir: Path, spec: RunSpec, status: RunStatus) -> None:
    """Run the finisher of the kind, then index the run. Idempotent; whatever it raises is tried again later."""
    if spec.kind in FINISHERS:
        module, _, function = FINISHERS[spec.kind].partition(":")
        getattr(importlib.import_module(module), function)(studio, run_dir, spec)
    run_index.index_one(studio.store, run_dir, spec, status)
    if spec.params.get("loop_id"):
        # By name, like the finishers: the loop launches runs, whose module imports this one.
        importlib.import_module("studio.workflows.loop").after_run(studio, spec)
