"""Run kind `clean`: a cleaning list done to a snapshot, to be looked at (preview) or frozen into a child snapshot.

params: recipe (JSON), preview (bool). inputs: snapshot (folder), knn (folder of the k-NN graph, where a step needs it).
result: report.json (counts, reasons, effects on groups and examples of every step), dropped.npy and changed.npy (int64
ids); without preview also snapshots/<id>/ with the child and why each example left it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any

import numpy as np

from studio.corpus.cleaning.freeze import freeze
from studio.corpus.cleaning.recipe import Recipe, recipe_from_json
from studio.corpus.cleaning.run import Cleaned, StepReport, clean
from studio.corpus.cleaning.table import read_table
from studio.corpus.cleaning.words import statistics
from studio.corpus.manifest import EXAMPLES, read_manifest
from studio.corpus.schema import group_column
from studio.jobs.task import Task
from studio.records import Knn

log = logging.getLogger(__name__)
SNAPSHOTS = "snapshots"
_TICKS = 1_000  # of the progress bar, per step of the list
LABEL = "label"


def run(task: Task) -> dict[str, Any]:
    """Do the list and leave the report, and the child snapshot unless it is a preview.

    Raises:
        CorpusError: a step that leaves nothing, or needs what is not there; an unreadable recipe or snapshot.
    """
    recipe = recipe_from_json(task.spec.params["recipe"])
    parent = task.input_path("snapshot")
    facts = read_manifest(parent)
    task.barrier("clean")
    n_steps = len(recipe.active) + 1
    task.progress(0, n_steps * _TICKS, "clean.reading")
    groups = [LABEL, *(group_column(name) for name in facts["groups"]), "language", "source"]
    talks = (facts.get("roles") or {}).get("form") == "conversational"
    table = read_table(parent / EXAMPLES, groups, str(facts["task"]), talks=talks)
    before = statistics(table.texts)

    def on_progress(done: int, total: int, name: str) -> None:
        task.check_stop()
        task.progress(done * _TICKS, n_steps * _TICKS, f"clean.step.{name}")

    cleaned = clean(table, recipe.plans, seed=task.spec.seed, knn=_knn(task), keep_ids=recipe.keep_ids,
                    on_progress=on_progress, check_stop=task.check_stop)  # fmt: skip
    task.barrier("cleaned")
    after = statistics([text for text, stays in zip(table.texts, cleaned.stays, strict=True) if stays])
    result = _leave(task, cleaned, recipe, {"before": before, "after": after})
    if not task.spec.params.get("preview"):
        base = len(recipe.active) * _TICKS

        def on_write(done: int, total: int) -> None:
            task.check_stop()
            task.progress(base + _TICKS * done // max(1, total), n_steps * _TICKS, "clean.writing")

        manifest = freeze(parent, cleaned, recipe, task.result_dir / SNAPSHOTS, on_progress=on_write)
        task.barrier("frozen")
        result |= {"snapshot_id": manifest["snapshot_id"], "parent_id": facts["snapshot_id"]}
    task.progress(n_steps * _TICKS, n_steps * _TICKS)
    log.info("clean n=%d after=%d changed=%d", len(table), int(cleaned.stays.sum()), len(cleaned.changed))
    return result


def _knn(task: Task) -> Knn | None:
    if "knn" not in task.spec.inputs:
        return None
    folder = task.input_path("knn")
    return Knn(*(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist")))


def _leave(task: Task, cleaned: Cleaned, recipe: Recipe, counted: dict[str, Any]) -> dict[str, Any]:
    """Write report.json and the ids, and return the counts."""
    ids = cleaned.table.ids
    np.save(task.result_dir / "dropped.npy", ids[list(cleaned.dropped)], allow_pickle=False)
    np.save(task.result_dir / "changed.npy", ids[list(cleaned.changed)], allow_pickle=False)
    totals = {
        "recipe": recipe.digest,
        "n_before": len(ids),
        "n_after": int(cleaned.stays.sum()),
        "n_changed": len(cleaned.changed),
        "n_flagged": len({row[0] for row in cleaned.flagged}),
        "n_left_alone": max((report.n_left_alone for report in cleaned.steps), default=0),
        "n_kept_back": cleaned.n_kept_back,
    }
    report = totals | {
        "statistics": counted,
        "steps": [_step(one) for one in cleaned.steps],
        "total": [one.to_json() for one in cleaned.total],
    }
    path = task.result_dir / "report.json"
    path.write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    return totals


def _step(report: StepReport) -> dict[str, Any]:
    return asdict(report) | {"effects": [one.to_json() for one in report.effects]}
