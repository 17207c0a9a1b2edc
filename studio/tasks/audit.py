"""Run kind `audit`: every audit of a snapshot in one run, for one state of labels, references, lexicon and scores.

params: names, state (what the results rest on) and version (of the rules). inputs: examples (Parquet), given (folder
written by studio.audits.material), vectors (folder) and knn (folder) where there are any.
result/: <audit>.json per audit, families.npy and exact.npy where copies had to be looked for.
A finished audit is kept as a checkpoint, so an attempt after a stop or a kill goes on with the next one.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from studio import audits, findings
from studio.audits import engine, material
from studio.audits.context import Context
from studio.audits.label_sets import labels_of
from studio.corpus.dedup import JACCARD, find_duplicates
from studio.jobs.task import Task
from studio.records import Audit, AuditResult
from studio.tasks import versions

log = logging.getLogger(__name__)
COPIES = ("families.npy", "exact.npy")


def run(task: Task) -> dict[str, Any]:
    """Compute the audits named in the spec.

    Raises:
        MeasureError: an input belongs to another snapshot, or the run was queued under other rules.
    """
    versions.require(task, audits.VERSION)
    wanted = [audit for audit in audits.AUDITS if audit.name in task.spec.params["names"]]
    total = len(wanted) + 1
    task.progress(0, total, "audit.run_reading")
    places = {name: task.input_path(name) for name in ("vectors", "knn") if name in task.spec.inputs}
    frame, context = material.read(task.input_path("examples"), task.input_path("given"), **places)
    context = with_copies(task, frame, context, total)
    done = {audit.name: task.checkpoints_dir / f"{audit.name}.json" for audit in wanted}
    missing = [audit for audit in wanted if not done[audit.name].exists()]
    started = time.perf_counter()
    seconds: dict[str, float] = {}

    def before(audit: Audit) -> None:
        task.check_stop()
        task.barrier(f"audit_{audit.name}")
        task.progress(1 + wanted.index(audit), total, audit.title)

    failed = []
    for result in engine.run_each(missing, frame, context, before):
        _keep(done[result.audit], result)
        task.checkpoint(result.audit)
        seconds[result.audit] = round(time.perf_counter() - started - sum(seconds.values()), 3)
        log.info("audit=%s seconds=%.2f findings=%d", result.audit, seconds[result.audit], len(result.findings))
        failed += [result.audit] if engine.reason(result) else []
    for name, path in done.items():
        shutil.copy2(path, task.result_dir / f"{name}.json")
    task.progress(total, total, "audit.section")
    return {
        "n": len(frame),
        "n_labelled": labels_of(frame).n,
        "not_computed": failed,
        "seconds": seconds,
    }


def with_copies(task: Task, frame: Any, context: Context, total: int) -> Context:
    """The context with families of copies; found now, and left in the result, where nobody has looked before."""
    if context.families is not None:
        return context
    kept = [task.checkpoints_dir / name for name in COPIES]
    if not all(path.exists() for path in kept):
        task.barrier("audit_copies")
        task.progress(0, total, "audit.copies_running")
        texts = [text if isinstance(text, str) else None for text in frame["text"]]
        found = find_duplicates(texts, np.random.default_rng(task.spec.seed), JACCARD, lambda *_: task.check_stop())
        for path, rows in zip(kept, (found.families, found.exact), strict=True):
            making = path.with_name(f".{path.name}")
            np.save(making, rows, allow_pickle=False)
            os.replace(making, path)
    for path in kept:
        shutil.copy2(path, task.result_dir / path.name)
    families, exact = (np.load(path, allow_pickle=False) for path in kept)
    return replace(context, families=families, exact=exact)


def _keep(path: Path, result: AuditResult) -> None:
    making = path.with_name(f".{path.name}")
    making.write_text(findings.to_json(result), encoding="utf-8")
    os.replace(making, path)
