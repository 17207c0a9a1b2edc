"""Run kind `dedup`: near-duplicate families of a snapshot.

params: threshold. inputs: examples (Parquet).
result: families.npy and exact.npy (n,) int64 in ascending example_id, pairs.parquet (first, second, jaccard positions).
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.dedup import JACCARD, VERSION, find_duplicates
from studio.jobs.task import Task

log = logging.getLogger(__name__)


def run(task: Task) -> dict[str, Any]:
    """Find the families and leave them as arrays.

    Raises:
        CorpusError: a threshold outside (0, 1].
    """
    table = pq.read_table(task.input_path("examples"), columns=["text"])
    texts = table["text"].to_pylist()
    task.barrier("dedup")
    task.progress(0, len(texts))

    def on_progress(done: int, total: int) -> None:
        task.check_stop()
        task.progress(done, total)

    threshold = float(task.spec.params.get("threshold", JACCARD))
    found = find_duplicates(texts, np.random.default_rng(task.spec.seed), threshold, on_progress)
    np.save(task.result_dir / "families.npy", found.families, allow_pickle=False)
    np.save(task.result_dir / "exact.npy", found.exact, allow_pickle=False)
    pq.write_table(pa.Table.from_pandas(found.pairs, preserve_index=False), task.result_dir / "pairs.parquet")
    task.progress(len(texts), len(texts))
    log.info("dedup n=%d rate=%.4f candidates=%d", len(texts), found.rate, found.n_candidates)
    return {"n": len(texts), "rate": found.rate, "n_pairs": len(found.pairs), "n_candidates": found.n_candidates,
            "threshold": threshold, "version": VERSION}  # fmt: skip
