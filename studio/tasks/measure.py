"""Run kind `measure`: scores of every example of a snapshot, one column per measure.

params: measures (names), contexts (measure -> what it is computed from), language; target_text and target_ids where a
measure reads the targets' words.
inputs: examples (Parquet), vectors (folder), knn (folder), targets (.npy), target_file (JSON lines), given (Parquet:
example_id, label, cluster, agreeing, voters), predictions and dynamics (of a round, Parquet), before and before_scores
(Parquet: an earlier version of the corpus and what language models said of it), judged (Parquet: what people said);
each only where a measure needs it.
checkpoints/: what a language model said so far; a later attempt goes on from it.
result: scores.parquet with example_id and one float64 column per measure; agreement.json (measure -> how far it agrees
with the people it was learnt from) where there is such a measure.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import MeasureError
from studio.jobs.task import Task
from studio.measures import by_name, compute, rated
from studio.records import Array
from studio.tasks import measure_batch, measure_models
from studio.tasks.measure_batch import predicted_probs

__all__ = ["predicted_probs", "run"]
log = logging.getLogger(__name__)


def run(task: Task) -> dict[str, Any]:
    """Compute the measures named in the spec; one that cannot be computed is skipped with its reason.

    Raises:
        MeasureError: no measure could be computed, or an input does not belong to the snapshot.
    """
    measures = [by_name(name) for name in task.spec.params["measures"]]
    total = len(measures) + 1
    task.progress(0, total, "measure.run.reading")
    batch = measure_batch.read(task, {need for measure in measures for need in measure.needs})
    asked = measure_models.ask(task, measures, batch)
    columns: dict[str, Array] = {}
    skipped: dict[str, Mapping[str, str]] = dict(asked.skipped)
    agreement: dict[str, Any] = {}
    for number, measure in enumerate(measures, start=1):
        task.check_stop()
        task.barrier("measuring")
        if measure.name in skipped:
            continue
        task.progress(number, total, measure.title)
        try:
            if measure.name in rated.HEADS:
                agreement[measure.name] = rated.agreement(asked.batch, measure.name, task.spec.seed)
            columns[measure.name] = asked.completed(measure.name, compute(measure, asked.batch))
        except MeasureError as error:
            skipped[measure.name] = {"what": error.what, "got": error.got_text(), "fix": error.fix}
            log.warning("measure=%s skipped: %s", measure.name, error.what)
    if not columns:
        first = next(iter(skipped.values()), {"what": "No measure was asked for", "got": "", "fix": "Choose one."})
        raise MeasureError(first["what"], got=first["got"] or None, fix=first["fix"])
    pq.write_table(pa.table({"example_id": batch.ids, **columns}), task.result_dir / "scores.parquet")
    if agreement:
        (task.result_dir / "agreement.json").write_text(json.dumps(agreement), encoding="utf-8")
    undefined = {name: int(np.isnan(values).sum()) for name, values in columns.items()}
    flagged = {one.name: int((columns[one.name] >= one.flag_from).sum()) for one in measures
               if one.flag_from is not None and one.name in columns}  # fmt: skip
    task.progress(total, total, "measure.run.title")
    counts = {"n": len(batch.ids), "undefined": undefined, "flagged": flagged, "skipped": skipped}
    return counts | ({"models": asked.counts} if asked.counts else {})
