"""Run kind `choose`: a strategy that compares candidates with one another, on more of them than one waits for.

params: strategy, budget, options (of the strategy), key (what the choice rests on),
limits: name and kind of every axis of caps or quotas. inputs: given (folder with pool.npz: ids, scores, chosen, rows,
codes_<n> and limits_<n> of every axis), vectors (folder), knn (folder, where it is needed).
result: chosen.parquet with example_id in pick order and reason.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import SelectionError
from studio.jobs.task import Task
from studio.records import Array, Knn, Pool
from studio.selection import by_name
from studio.selection.constraints import Axis
from studio.selection.limits import Limits


def run(task: Task) -> dict[str, Any]:
    """Pick as the spec says.

    Raises:
        SelectionError: the vectors or neighbours are not those of the snapshot, or the strategy lacks something.
    """
    params = task.spec.params
    strategy = by_name(str(params["strategy"]))
    task.progress(0, 0, "choose.run.reading")
    pool, limits = _pool(task, strategy.needs)

    def tick(done: int, total: int) -> None:
        task.check_stop()
        task.progress(done, total, "choose.run.working")

    task.barrier("choosing")
    rng = np.random.default_rng(task.spec.seed)
    picked = strategy.pick(pool, int(params["budget"]), rng, limits=limits, tick=tick, **params.get("options", {}))
    pq.write_table(pa.table({"example_id": picked.ids, "reason": list(picked.reasons)}),
                   task.result_dir / "chosen.parquet")  # fmt: skip
    return {"n": len(picked.ids), "candidates": int(np.count_nonzero(~np.isnan(pool.scores)))}


def _pool(task: Task, needs: tuple[str, ...]) -> tuple[Pool, Limits]:
    with np.load(task.input_path("given") / "pool.npz", allow_pickle=False) as given:
        ids, scores, chosen, rows = (given[name] for name in ("ids", "scores", "chosen", "rows"))
        axes = tuple(Axis(str(name), given[f"codes_{number}"], given[f"limits_{number}"], str(kind))
                     for number, (name, kind) in enumerate(task.spec.params.get("limits", ())))  # fmt: skip
    x = np.load(task.input_path("vectors") / "vectors.npy", mmap_mode="r", allow_pickle=False)
    _check(rows, len(x))
    knn = None
    if "knn" in needs:
        folder = task.input_path("knn")
        index, distances = (np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                            for name in ("idx", "dist"))  # fmt: skip
        _check(rows, len(index))
        place = np.full(len(index), -1, dtype=np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        near = np.asarray(index[rows])
        knn = Knn(np.where(near >= 0, place[np.maximum(near, 0)], -1), np.asarray(distances[rows]))
    vectors = np.asarray(x[rows], dtype=np.float32) if "embeddings" in needs else None
    return Pool(ids, scores, embeddings=vectors, knn=knn, chosen=chosen), Limits(axes)


def _check(rows: Array, n: int) -> None:
    if len(rows) and int(rows.max()) >= n:
        raise SelectionError("The vectors do not belong to this choice", got=f"{n:,} rows", fix="Work it out again.")
