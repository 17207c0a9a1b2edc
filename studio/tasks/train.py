"""Run kind `train`: fit on the frozen labels, judge on validation, score the rest of the pool.

Spec: params {plan, round_id, arm, groups}; inputs examples (the snapshot's Parquet), rows (Parquet: example_id, part,
label) and, when there are any, vectors (vectors.npy of the base, rows in the order of examples). Test rows come without
labels: the worker predicts them, and only an act of a person holds the predictions against the labels.
result/: model/, report.json, predictions.parquet, and of a network dynamics.parquet (example_id, gold_probs: the
probability of the label in each epoch of training).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import PlanError
from studio.jobs.task import Task
from studio.models import choose_device
from studio.models.baseline import NgramClassifier
from studio.records import Array
from studio.training.estimate import pace_of, work
from studio.training.evaluate import evaluate, paired, uncertainty
from studio.training.fit import Fitted, answers, fit
from studio.training.gate import pieces
from studio.training.plan import TrainPlan, check_allowed, from_json
from studio.training.trainer import Labelled

#: The character n-gram baseline is fitted beside a model when it costs little (rows x labels) or when it is the bar.
BASELINE_CELLS = 400_000


@dataclass(frozen=True)
class _Part:
    ids: Array
    rows: Array
    data: Labelled


def run(task: Task) -> dict[str, Any]:
    """Train one round.

    Raises:
        PlanError: the plan or its data cannot be trained on.
        ModelError: the base cannot be loaded.
        StopRequested: someone asked the run to end; whole checkpoints stay.
    """
    task.barrier("starting")
    plan = from_json(task.spec.params["plan"])
    check_allowed(plan, task.settings.model_allow_list)
    device = choose_device(task.settings.device)
    task.event("device", device=device)
    parts = _read(task, plan)
    if "train" not in parts or "validation" not in parts:
        raise PlanError(
            "A round needs training and validation labels",
            got=", ".join(sorted(parts)),
            fix="Annotate some examples first.",
        )
    fitted = fit(
        plan,
        parts["train"].data,
        parts["validation"].data,
        corpus=_corpus(plan, parts),
        checkpoints_dir=task.checkpoints_dir,
        reporter=task,
        device=device,
        allow_list=task.settings.model_allow_list,
    )
    started = time.monotonic()
    out = task.result_dir
    predictions = _score(task, fitted, parts)
    report = _report(task, plan, parts, fitted, predictions, device)
    report["seconds_scoring"] = round(time.monotonic() - started, 3)
    report["fit"]["pace"] = _pace(task, plan, parts, fitted, report)
    task.barrier("writing")
    fitted.save(out / "model")
    if fitted.dynamics is not None:
        _write_dynamics(out / "dynamics.parquet", parts["train"].ids, fitted.dynamics)
    _write_predictions(out / "predictions.parquet", fitted.classifier.labels, parts, predictions)
    (out / "report.json").write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    best = report["validation"]
    return {
        "round_id": task.spec.params["round_id"],
        "n_train": report["n_train"],
        "n_validation": best["n"],
        "accuracy": best["accuracy"]["value"],
        "macro_f1": best["macro_f1"]["value"],
        "n_pool": report["n_pool"],
        "seconds": fitted.facts["seconds"],
        "device": device,
    }


# --- reading ----------------------------------------------------------------------------------------------------------
def _read(task: Task, plan: TrainPlan) -> dict[str, _Part]:
    """The rows of each part with texts and groups from the snapshot, in ascending example_id."""
    asked = pq.read_table(task.input_path("rows")).to_pydict()
    groups = list(task.spec.params.get("groups", ()))
    columns = ["example_id", "text", *[f"group_{name}" for name in groups]]
    table = pq.read_table(task.input_path("examples"), columns=columns)
    known = table["example_id"].to_numpy()
    vectors = np.load(task.input_path("vectors"), mmap_mode="r") if "vectors" in task.spec.inputs else None
    ids, names = np.asarray(asked["example_id"], np.int64), np.asarray(asked["part"], dtype=object)
    places = np.searchsorted(known, ids)
    if len(ids) and (places.max() >= len(known) or (known[np.minimum(places, len(known) - 1)] != ids).any()):
        raise PlanError(
            "The run names examples that the snapshot does not hold",
            got=str(len(ids)),
            fix="Start the round again from the Train page.",
        )
    parts: dict[str, _Part] = {}
    for name in ("train", "validation", "test", "pool"):
        mask = names == name
        if mask.any():
            parts[name] = _part(
                table.take(places[mask]),
                ids[mask],
                places[mask],
                [label for label, keep in zip(asked["label"], mask, strict=True) if keep],
                groups,
                vectors,
                with_vectors=name == "train",
            )
    return parts


def _part(
    table: pa.Table,
    ids: Array,
    places: Array,
    labels: Sequence[str | None],
    groups: Sequence[str],
    vectors: Array | None,
    *,
    with_vectors: bool,
) -> _Part:
    picked = np.asarray(vectors[places], np.float32) if vectors is not None and with_vectors else None
    texts = [text or "" for text in table["text"].to_pylist()]
    values = {name: table[f"group_{name}"].to_pylist() for name in groups}
    return _Part(ids, places, Labelled(texts, [label or "" for label in labels], values, picked))


def _corpus(plan: TrainPlan, parts: Mapping[str, _Part]) -> Sequence[str]:
    """Texts a model from scratch may read before it sees a label: the pool, never validation or test."""
    return parts["pool"].data.texts if plan.base == "characters" and "pool" in parts else ()


# --- scoring ----------------------------------------------------------------------------------------------------------
def _score(task: Task, fitted: Fitted, parts: Mapping[str, _Part]) -> dict[str, Array]:
    """Class probabilities of validation, test and pool; stored vectors are read instead of embedding again."""
    names = [name for name in ("validation", "test", "pool") if name in parts]
    total = sum(len(parts[name].ids) for name in names)
    done = 0
    scored: dict[str, Array] = {}
    for name in names:

        def on_batch(part_done: int, _total: int, before: int = done) -> None:
            task.progress(before + part_done, total, "scoring")
            task.barrier("scoring")
            task.check_stop()

        scored[name] = _probs(task, fitted, parts[name], on_batch)
        done += len(parts[name].ids)
    return scored


def _probs(task: Task, fitted: Fitted, part: _Part, on_batch: Callable[[int, int], None]) -> Array:
    stored = None
    if fitted.probe is not None and "vectors" in task.spec.inputs:
        stored = np.load(task.input_path("vectors"), mmap_mode="r")
    return answers(fitted, part.data.texts, vectors=stored, rows=part.rows, on_batch=on_batch)


def _write_dynamics(file: Path, ids: Array, values: Array) -> None:
    lists = pa.ListArray.from_arrays(
        np.arange(0, values.size + 1, values.shape[1], dtype=np.int32), pa.array(values.ravel(), pa.float32())
    )
    pq.write_table(pa.table({"example_id": pa.array(ids, pa.int64()), "gold_probs": lists}), file)


def _write_predictions(
    file: Path, labels: Sequence[str], parts: Mapping[str, _Part], scored: Mapping[str, Array]
) -> None:
    names = np.asarray(labels, dtype=object)
    tables = []
    for part, probs in scored.items():
        doubt = uncertainty(probs)
        tables.append(pa.table({
            "example_id": pa.array(parts[part].ids, pa.int64()),
            "part": pa.array([part] * len(probs), pa.string()),
            "predicted": pa.array(names[probs.argmax(axis=1)].tolist(), pa.string()),
            "margin": pa.array(doubt["margin"], pa.float64()),
            "entropy": pa.array(doubt["entropy"], pa.float64()),
            "least_confidence": pa.array(doubt["least_confidence"], pa.float64()),
            "probs": pa.ListArray.from_arrays(np.arange(0, probs.size + 1, probs.shape[1], dtype=np.int32),
                                              pa.array(probs.ravel(), pa.float32())),
        }))  # fmt: skip
    pq.write_table(pa.concat_tables(tables), file)


# --- reporting --------------------------------------------------------------------------------------------------------
def _report(
    task: Task, plan: TrainPlan, parts: Mapping[str, _Part], fitted: Fitted, scored: Mapping[str, Array], device: str
) -> dict[str, Any]:
    labels = fitted.classifier.labels
    train = parts["train"].data
    predicted = {name: [labels[i] for i in probs.argmax(axis=1)] for name, probs in scored.items()}
    report: dict[str, Any] = {
        "format": 1, "plan": plan.to_json(), "labels": list(labels), "device": device, "fit": fitted.facts,
        "n_train": len(train.texts), "n_pool": len(parts["pool"].ids) if "pool" in parts else 0,
        "train_labels": dict(Counter(train.labels)), "arm": task.spec.params.get("arm", "selection"),
        "tokens": int(sum(pieces(text) for text in train.texts)),
    }  # fmt: skip
    held = parts["validation"].data
    report["validation"] = evaluate(
        held.labels, predicted["validation"], labels=labels, groups=held.groups, rng=np.random.default_rng(plan.seed)
    )
    baseline = _baseline(task, plan, parts, predicted["validation"])
    if baseline:
        report["baseline"] = baseline
    return report


def _pace(
    task: Task, plan: TrainPlan, parts: Mapping[str, _Part], fitted: Fitted, report: Mapping[str, Any]
) -> float | None:
    """Work per second of this round, from which the next estimate on this machine starts."""
    amount = work(
        plan,
        len(parts["train"].ids),
        float(task.spec.params.get("average_tokens") or 0.0),
        n_corpus=len(_corpus(plan, parts)),
        n_pool=sum(len(part.ids) for name, part in parts.items() if name != "train"),
        has_vectors="vectors" in task.spec.inputs,
        epochs=fitted.facts.get("epochs"),
    )
    if task.attempt > 1:  # the seconds are those of this attempt, the passes those of all
        return None
    return pace_of(amount, fitted.facts["seconds"] + report["seconds_scoring"])


def _baseline(
    task: Task, plan: TrainPlan, parts: Mapping[str, _Part], predicted: Sequence[str]
) -> dict[str, Any] | None:
    """Character n-grams under a logistic head on the same rows: what the model has to beat, paired on validation."""
    train, held = parts["train"].data, parts["validation"].data
    costly = len(train.texts) * len(set(train.labels)) > BASELINE_CELLS
    if plan.base == "ngrams" or (costly and plan.base != "characters"):
        return None
    task.check_stop()
    task.progress(0, 1, "baseline")
    model = NgramClassifier.fit(train.texts, train.labels, seed=plan.seed)
    guess = [model.labels[i] for i in model.predict_probs(held.texts).argmax(axis=1)]
    scores = evaluate(held.labels, guess, labels=model.labels, rng=np.random.default_rng(plan.seed))
    return {
        "name": "ngrams",
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "n": scores["n"],
        "paired": paired(held.labels, guess, predicted),
    }
