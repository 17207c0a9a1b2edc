"""Run kind `measure`: scores of every example of a snapshot, one column per measure.

params: measures (names), language.
inputs: examples (Parquet), vectors (folder), knn (folder), targets (.npy), given (Parquet: example_id, label, cluster),
predictions (a round's predictions.parquet: example_id, probs); each only where a measure needs it.
result: scores.parquet with example_id and one float64 column per measure.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import MeasureError
from studio.jobs.task import Task
from studio.measures import by_name, compute
from studio.measures.probe import probe_probs
from studio.records import Array, Batch, Knn

log = logging.getLogger(__name__)


def run(task: Task) -> dict[str, Any]:
    """Compute the measures named in the spec; one that cannot be computed is skipped with its reason.

    Raises:
        MeasureError: no measure could be computed, or an input does not belong to the snapshot.
    """
    measures = [by_name(name) for name in task.spec.params["measures"]]
    total = len(measures) + 1
    task.progress(0, total, "measure.run.reading")
    batch = _batch(task, {need for measure in measures for need in measure.needs})
    columns: dict[str, Array] = {}
    skipped: dict[str, Mapping[str, str]] = {}
    for number, measure in enumerate(measures, start=1):
        task.check_stop()
        task.barrier("measuring")
        task.progress(number, total, measure.title)
        try:
            columns[measure.name] = compute(measure, batch)
        except MeasureError as error:
            skipped[measure.name] = {"what": error.what, "got": error.got_text(), "fix": error.fix}
            log.warning("measure=%s skipped: %s", measure.name, error.what)
    if not columns:
        first = next(iter(skipped.values()), {"what": "No measure was asked for", "got": "", "fix": "Choose one."})
        raise MeasureError(first["what"], got=first["got"] or None, fix=first["fix"])
    pq.write_table(pa.table({"example_id": batch.ids, **columns}), task.result_dir / "scores.parquet")
    undefined = {name: int(np.isnan(values).sum()) for name, values in columns.items()}
    task.progress(total, total, "measure.run.title")
    return {"n": len(batch.ids), "undefined": undefined, "skipped": skipped}


def _batch(task: Task, needs: set[str]) -> Batch:
    table = pq.read_table(task.input_path("examples"), columns=["example_id", "text"])
    ids = table["example_id"].to_numpy().astype(np.int64)
    texts = [text or "" for text in table["text"].to_pylist()]
    given = pq.read_table(task.input_path("given")).to_pandas() if "given" in task.spec.inputs else None
    if given is not None and not np.array_equal(given["example_id"].to_numpy(np.int64), ids):
        raise _strange("labels and clusters", len(given), len(ids))
    embeddings = None
    if "vectors" in task.spec.inputs:
        embeddings = np.load(task.input_path("vectors") / "vectors.npy", mmap_mode="r", allow_pickle=False)
        if len(embeddings) != len(ids):
            raise _strange("vectors", len(embeddings), len(ids))
    knn = None
    if "knn" in needs and "knn" in task.spec.inputs:
        folder = task.input_path("knn")
        knn = Knn(*(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist")))
    targets = None
    if "targets" in needs and "targets" in task.spec.inputs:
        targets = np.load(task.input_path("targets"), allow_pickle=False)
    has_clusters = given is not None and "cluster" in given and given["cluster"].notna().any()
    clusters = given["cluster"].fillna(-1).to_numpy(np.int64) if has_clusters else None
    probs = _class_probs(task, ids, embeddings, given) if "class_probs" in needs else None
    language = str(task.spec.params.get("language") or "en")
    return Batch(ids, texts, language, embeddings, probs, None, targets, knn, clusters)


def _class_probs(task: Task, ids: Array, embeddings: Array | None, given: Any) -> Array | None:
    """Of the round's model where its predictions are given, else of a probe on the labelled part; None without."""
    if "predictions" in task.spec.inputs:
        return predicted_probs(pq.read_table(task.input_path("predictions")), ids)
    if embeddings is None or given is None or "label" not in given:
        return None
    task.progress(0, 0, "measure.run.probe")
    labels = [label if isinstance(label, str) else None for label in given["label"]]
    try:
        return probe_probs(embeddings, labels, np.random.default_rng(task.spec.seed))[0]
    except MeasureError as error:
        log.warning("no probe: %s", error.line())
        return None


def predicted_probs(table: pa.Table, ids: Array) -> Array:
    """(n, c) float64 probabilities of the examples by a round's predictions; NaN for examples it did not score."""
    rows = np.stack(table["probs"].to_pylist()).astype(np.float64) if len(table) else np.empty((0, 2))
    probs = np.full((len(ids), rows.shape[1]), np.nan)
    asked = table["example_id"].to_numpy()
    at = np.minimum(np.searchsorted(ids, asked), max(len(ids) - 1, 0))
    known = ids[at] == asked if len(ids) else np.zeros(len(asked), dtype=bool)
    probs[at[known]] = rows[known]
    return probs


def _strange(what: str, got: int, wanted: int) -> MeasureError:
    return MeasureError(
        f"The {what} do not belong to this snapshot",
        got=f"{got} rows for {wanted} examples",
        fix="Embed the snapshot again, then score it.",
    )
