"""Run kind `diversity`: every measure of a snapshot, or two sets of examples side by side with random draws.

params: what (whole or compare), absent (field -> reason), key (which state the result belongs to), version (of the
measures); for compare draws and facts. inputs: given (folder with given.parquet), examples, vectors, knn of the first
snapshot, examples_1, vectors_1 of the second where there are two.
result/: table.json; families.npy and exact.npy where copies of a whole snapshot had to be looked for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from studio import diversity, findings
from studio.corpus.dedup import JACCARD, find_duplicates
from studio.diversity import comparison, material
from studio.diversity.rows import Rows
from studio.jobs.task import Task
from studio.records import Array, AuditResult
from studio.tasks import versions

log = logging.getLogger(__name__)


def run(task: Task) -> dict[str, Any]:
    """Measure or compare, as the spec says.

    Raises:
        MeasureError: an input belongs to another snapshot, the run was queued under other rules, or there is nothing to
            compare.
    """
    versions.require(task, diversity.VERSION)
    is_whole = task.spec.params["what"] == "whole"
    given = pd.read_parquet(task.input_path("given") / material.GIVEN)
    task.progress(0, len(given), "diversity.compare.reading")
    task.barrier("diversity_reading")
    sources = [_source(task, suffix) for suffix in ("", "_1") if f"examples{suffix}" in task.spec.inputs]

    def reading(done: int, total: int) -> None:
        task.check_stop()
        task.progress(done, total, "diversity.compare.reading")

    def copies(texts: Sequence[str]) -> Array:
        task.progress(0, len(texts), "diversity.compare.copies")
        found = find_duplicates(texts, np.random.default_rng(0), JACCARD, lambda *_: task.check_stop())
        if is_whole:
            np.save(task.result_dir / "families.npy", found.families, allow_pickle=False)
            np.save(task.result_dir / "exact.npy", found.exact, allow_pickle=False)
        return found.families

    rows = material.read(
        sources,
        given,
        absent=task.spec.params.get("absent"),
        seed=task.spec.seed,
        find_copies=copies,
        on_progress=reading,
    )
    table = _whole(task, rows) if is_whole else _compare(task, rows, given)
    text = findings.to_json(AuditResult(str(task.spec.params["audit"]), (), table))
    (task.result_dir / "table.json").write_text(text, encoding="utf-8")
    log.info("diversity what=%s n=%d measures=%d", task.spec.params["what"], rows.n, len(table))
    return {"n": rows.n, "measures": len(table)}


def _source(task: Task, suffix: str) -> material.Source:
    place = {name: task.input_path(f"{name}{suffix}") for name in ("examples", "vectors", "knn")
             if f"{name}{suffix}" in task.spec.inputs}  # fmt: skip
    return material.Source(**place)


def _whole(task: Task, rows: Rows) -> pd.DataFrame:
    def progress(done: int, total: int) -> None:
        task.check_stop()
        task.barrier("diversity_measure")
        task.progress(done, total, "diversity.running")

    return comparison.whole(rows, on_progress=progress)


def _compare(task: Task, rows: Rows, given: pd.DataFrame) -> pd.DataFrame:
    def progress(done: int, total: int) -> None:
        task.check_stop()
        task.barrier("diversity_draw")
        task.progress(done, total, "diversity.compare.run")

    pool = np.flatnonzero(given["drawn"].to_numpy())
    found = comparison.compare(
        rows,
        np.flatnonzero(given["in_a"].to_numpy()),
        np.flatnonzero(given["in_b"].to_numpy()),
        seed=task.spec.seed,
        draws=int(task.spec.params["draws"]),
        drawn_from=pool,
        judged=str(task.spec.params["facts"]["judged"]),
        on_progress=progress,
    )
    return found.table.assign(**task.spec.params["facts"])
