"""What a measure run looks at: its inputs read into one batch, row for row."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import MeasureError
from studio.jobs.task import Task
from studio.measures.probe import probe_probs
from studio.measures.rated import JUDGED
from studio.records import Array, Batch, Knn

log = logging.getLogger(__name__)
_NONE = np.empty((0, 2))


def read(task: Task, needs: Collection[str]) -> Batch:
    """The batch with the fields that are needed and that the inputs give.

    Raises:
        MeasureError: an input does not belong to the snapshot.
    """
    wanted = set(needs)
    columns = pq.ParquetFile(task.input_path("examples")).schema_arrow.names
    groups = [name for name in columns if name.startswith("group_")] if "groups" in wanted else []
    table = pq.read_table(task.input_path("examples"), columns=["example_id", "text", *groups])
    ids = table["example_id"].to_numpy().astype(np.int64)
    texts = [text or "" for text in table["text"].to_pylist()]
    given = pq.read_table(task.input_path("given")).to_pandas() if "given" in task.spec.inputs else None
    if given is not None and not np.array_equal(given["example_id"].to_numpy(np.int64), ids):
        raise _strange("labels and clusters", len(given), len(ids))
    batch = Batch(ids, texts, str(task.spec.params.get("language") or "en"))
    batch = _places(task, batch, wanted)
    if given is not None:
        batch = _given(task, batch, wanted, given)
    if groups:
        codes = [pd.factorize(table[name].to_pandas())[0] for name in groups]
        batch = replace(batch, groups=np.column_stack(codes).astype(np.int64).reshape(len(ids), len(groups)))
    if wanted & JUDGED and "judged" in task.spec.inputs:
        batch = _judged(batch, sorted(wanted & JUDGED), pq.read_table(task.input_path("judged")).to_pandas())
    if "target_texts" in wanted:
        batch = replace(batch, target_texts=_target_texts(task, batch))
    if "gold_history" in wanted and "dynamics" in task.spec.inputs:
        batch = replace(batch, gold_history=_lists(pq.read_table(task.input_path("dynamics")), ids, "gold_probs"))
    return batch


def _places(task: Task, batch: Batch, wanted: set[str]) -> Batch:
    """Vectors, neighbours and targets."""
    embeddings = knn = targets = None
    if "vectors" in task.spec.inputs:
        embeddings = np.load(task.input_path("vectors") / "vectors.npy", mmap_mode="r", allow_pickle=False)
        if len(embeddings) != len(batch.ids):
            raise _strange("vectors", len(embeddings), len(batch.ids))
    if "knn" in wanted and "knn" in task.spec.inputs:
        folder = task.input_path("knn")
        knn = Knn(*(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist")))
    if "targets" in wanted and "targets" in task.spec.inputs:
        targets = np.load(task.input_path("targets"), allow_pickle=False)
    return replace(batch, embeddings=embeddings, knn=knn, targets=targets)


def _given(task: Task, batch: Batch, wanted: set[str], given: pd.DataFrame) -> Batch:
    """Clusters, labels, votes, and what a classifier or the round's model thinks of the labels."""
    labels = [label if isinstance(label, str) else None for label in given["label"]]
    batch = replace(batch, labels=labels)
    if "cluster" in given and given["cluster"].notna().any():
        batch = replace(batch, clusters=given["cluster"].fillna(-1).to_numpy(np.int64))
    if "voters" in given:
        batch = replace(batch, votes=given[["agreeing", "voters"]].fillna(0).to_numpy(np.int64))
    by_round = "predictions" in task.spec.inputs
    probe: tuple[Array, list[str]] | None = None
    if wanted & {"out_of_fold"} or (wanted & {"class_probs", "likely_labels"} and not by_round):
        probe = _probe(task, batch)
    if "out_of_fold" in wanted and probe is not None:
        probs, names = probe
        column = {name: place for place, name in enumerate(names)}
        gold = np.array([column.get(label, -1) for label in labels], dtype=np.int64)  # None is no name
        batch = replace(batch, out_of_fold=np.where(gold[:, None] >= 0, probs, np.nan), gold=gold)
    predicted: list[str | None] = [None] * len(labels)
    if by_round and wanted & {"class_probs", "likely_labels"}:
        table = pq.read_table(task.input_path("predictions"))
        batch = replace(batch, class_probs=predicted_probs(table, batch.ids))
        of = dict(zip(table["example_id"].to_pylist(), table["predicted"].to_pylist(), strict=True))
        predicted = [of.get(int(i)) for i in batch.ids]
    elif probe is not None:
        batch = replace(batch, class_probs=probe[0])
        best = np.where(np.isnan(probe[0]).any(axis=1), -1, np.nan_to_num(probe[0]).argmax(axis=1))
        predicted = [probe[1][place] if place >= 0 else None for place in best]
    if "likely_labels" in wanted:
        own = [label if label is not None else guess for label, guess in zip(labels, predicted, strict=True)]
        batch = replace(batch, likely_labels=own)
    return batch


def _judged(batch: Batch, needs: list[str], rows: pd.DataFrame) -> Batch:
    """What people said: the mean rating of each example, or pairs of ids with the outcome."""
    fields: dict[str, Array] = {}
    for need in needs:
        own = rows[rows["need"] == need]
        if need.startswith("pairs_"):
            fields[need] = own[["example_id", "other_id", "value"]].to_numpy(np.float64)
        else:
            fields[need] = pd.Series(own["value"].to_numpy(), index=own["example_id"]).reindex(batch.ids).to_numpy()
    return replace(batch, **fields)


def _probe(task: Task, batch: Batch) -> tuple[Array, list[str]] | None:
    """Class probabilities of a classifier on the labels, out of fold where labelled; None where there are few."""
    if batch.embeddings is None or batch.labels is None:
        return None
    task.progress(0, 0, "measure.run.probe")
    try:
        return probe_probs(batch.embeddings, batch.labels, np.random.default_rng(task.spec.seed))
    except MeasureError as error:
        log.warning("no probe: %s", error.line())
        return None


def _target_texts(task: Task, batch: Batch) -> list[str]:
    params = task.spec.params
    found = [str(params["target_text"])] if params.get("target_text") else []
    wanted = {int(i) for i in params.get("target_ids") or ()}
    found += [text for i, text in zip(batch.ids.tolist(), batch.texts, strict=True) if i in wanted]
    if "target_file" in task.spec.inputs:
        lines = task.input_path("target_file").read_text(encoding="utf-8").splitlines()
        found += [str(json.loads(line)) for line in lines]
    return found


def predicted_probs(table: pa.Table, ids: Array) -> Array:
    """(n, c) float64 probabilities of the examples by a round's predictions; NaN for examples it did not score."""
    return _lists(table, ids, "probs")


def _lists(table: pa.Table, ids: Array, column: str) -> Array:
    """(n, m) float64 of a column of lists, by example_id; NaN for examples that are not in the table."""
    rows = np.stack(table[column].to_numpy(zero_copy_only=False)).astype(np.float64) if len(table) else _NONE
    found = np.full((len(ids), rows.shape[1]), np.nan)
    asked = table["example_id"].to_numpy()
    at = np.minimum(np.searchsorted(ids, asked), max(len(ids) - 1, 0))
    known = ids[at] == asked if len(ids) else np.zeros(len(asked), dtype=bool)
    found[at[known]] = rows[known]
    return found


def _strange(what: str, got: int, wanted: int) -> Any:
    return MeasureError(
        f"The {what} do not belong to this snapshot",
        got=f"{got} rows for {wanted} examples",
        fix="Embed the snapshot again, then score it.",
    )
