"""How good a classifier is, said with counts and intervals; plain numpy, so that the server may use it too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from studio.errors import PlanError
from studio.records import Array
from studio.statistics import SMALL_GROUP, wilson_pair

LEVEL = 0.95
RESAMPLES = 1000


def confusion(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> Array:
    """Counts (c, c): row = true label, column = predicted label, both in the order of `labels`."""
    position = {label: i for i, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)), dtype=np.int64)
    rows = np.fromiter((position[t] for t in truth), dtype=np.int64, count=len(truth))
    columns = np.fromiter((position[p] for p in predicted), dtype=np.int64, count=len(predicted))
    np.add.at(table, (rows, columns), 1)
    return table


def class_scores(table: Array) -> dict[str, Array]:
    """Precision, recall, F1 and support of each class from a confusion table; 0 where nothing was predicted or true.

    Args:
        table: (..., c, c) counts, row = true, column = predicted.

    Returns:
        Arrays of shape (..., c) under precision, recall, f1, support.
    """
    hits = np.diagonal(table, axis1=-2, axis2=-1).astype(np.float64)
    support = table.sum(axis=-1).astype(np.float64)
    chosen = table.sum(axis=-2).astype(np.float64)
    precision = np.divide(hits, chosen, out=np.zeros_like(hits), where=chosen > 0)
    recall = np.divide(hits, support, out=np.zeros_like(hits), where=support > 0)
    both = support + chosen
    f1 = np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}


def macro_f1(table: Array) -> Array:
    """Plain mean of F1 over the classes that occur as truth or as prediction; (...,) for tables (..., c, c)."""
    scores = class_scores(table)
    seen = (table.sum(axis=-1) + table.sum(axis=-2)) > 0
    count = np.maximum(seen.sum(axis=-1), 1)
    return (scores["f1"] * seen).sum(axis=-1) / count


def bootstrap_macro_f1(table: Array, rng: np.random.Generator, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Percentile interval of macro-F1 over resampled rows.

    Drawing n rows with replacement is a multinomial draw over the filled cells of the confusion table, so no row is
    touched twice.

    Paper: bootstrap-1979, percentile form.
    """
    n = int(table.sum())
    if n == 0:
        return 0.0, 1.0
    rows, columns = np.nonzero(table)
    share = table[rows, columns] / n
    draws = rng.multinomial(n, share / share.sum(), size=resamples)
    c = table.shape[0]
    hits = np.zeros((resamples, c))
    support = np.zeros((resamples, c))
    chosen = np.zeros((resamples, c))
    for cell, (row, column) in enumerate(zip(rows, columns, strict=True)):
        support[:, row] += draws[:, cell]
        chosen[:, column] += draws[:, cell]
        if row == column:
            hits[:, row] += draws[:, cell]
    both = support + chosen
    f1 = np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
    values = f1.sum(axis=1) / np.maximum((both > 0).sum(axis=1), 1)
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def group_accuracy(correct: Array, groups: Mapping[str, Sequence[str | None]]) -> list[dict[str, Any]]:
    """Accuracy within each value of each group attribute, with n, interval and whether n is large enough to read."""
    rows: list[dict[str, Any]] = []
    for attribute, values in groups.items():
        column = np.array(["" if v is None else str(v) for v in values], dtype=object)
        for value in sorted(set(column.tolist())):
            mask = column == value
            n, hits = int(mask.sum()), int(correct[mask].sum())
            low, high = wilson_pair(hits, n)
            rows.append(
                {
                    "attribute": attribute,
                    "group": value,
                    "n": n,
                    "correct": hits,
                    "accuracy": hits / n,
                    "low": low,
                    "high": high,
                    "readable": n >= SMALL_GROUP,
                }
            )
    return rows


def evaluate(
    truth: Sequence[str],
    predicted: Sequence[str],
    *,
    labels: Sequence[str],
    rng: np.random.Generator,
    groups: Mapping[str, Sequence[str | None]] | None = None,
) -> dict[str, Any]:
    """Everything a report says about one split, as JSON values.

    Args:
        truth: n true labels; a label the model never saw is kept and always counted as wrong.
        predicted: n predicted labels.
        labels: the model's labels in its own order.
        rng: for the bootstrap of macro-F1.
        groups: attribute -> n values, None = not stated.

    Returns:
        n, accuracy {value, low, high, correct}, macro_f1 {value, low, high}, classes [...], confusion, labels, groups.

    Raises:
        PlanError: no rows, or the lengths differ.
    """
    if not truth or len(truth) != len(predicted):
        raise PlanError(
            "An evaluation needs one prediction for each example",
            got=f"{len(truth)} and {len(predicted)}",
            fix="Give both lists the same length, at least 1.",
        )
    every = list(labels) + sorted(set(truth) - set(labels))
    table = confusion(truth, predicted, every)
    scores = class_scores(table)
    n, hits = int(table.sum()), int(np.trace(table))
    low, high = wilson_pair(hits, n)
    f1_low, f1_high = bootstrap_macro_f1(table, rng)
    correct = np.array([t == p for t, p in zip(truth, predicted, strict=True)])
    classes = [
        {"label": label, "precision": float(scores["precision"][i]), "recall": float(scores["recall"][i]),
         "f1": float(scores["f1"][i]), "support": int(scores["support"][i]), "seen": label in set(labels)}
        for i, label in enumerate(every)
    ]  # fmt: skip
    return {
        "n": n,
        "accuracy": {"value": hits / n, "low": low, "high": high, "correct": hits},
        "macro_f1": {"value": float(macro_f1(table)), "low": f1_low, "high": f1_high},
        "classes": classes,
        "labels": every,
        "confusion": table.tolist(),
        "groups": group_accuracy(correct, groups or {}),
    }


def paired(truth: Sequence[str], a: Sequence[str], b: Sequence[str]) -> dict[str, Any]:
    """Accuracy of b minus accuracy of a on the same rows, with the interval of the paired difference.

    With n10 rows right only in a, n01 right only in b: difference d = (n01 - n10) / n; the interval is Newcombe's
    method 10 from the two Wilson intervals and the correlation of the pairs; p is the exact two-sided McNemar test on
    the n01 + n10 rows that differ.

    Returns:
        n, only_a, only_b, accuracy_a, accuracy_b, difference, low, high, p.

    Raises:
        PlanError: no rows, or the lengths differ.

    Paper: newcombe-1998, method 10, as published.
    Paper: mcnemar-1947, in its exact binomial form.
    """
    if not truth or not len(truth) == len(a) == len(b):
        raise PlanError(
            "A paired comparison needs the same rows in both rounds",
            got=f"{len(truth)}, {len(a)} and {len(b)}",
            fix="Compare on the rows both predicted.",
        )
    right_a = np.array([t == p for t, p in zip(truth, a, strict=True)])
    right_b = np.array([t == p for t, p in zip(truth, b, strict=True)])
    both, only_a = int((right_a & right_b).sum()), int((right_a & ~right_b).sum())
    only_b = int((~right_a & right_b).sum())
    n = len(truth)
    neither = n - both - only_a - only_b
    low, high = _newcombe(both, only_b, only_a, neither)
    changed = only_a + only_b
    p = float(stats.binomtest(only_b, changed, 0.5).pvalue) if changed else 1.0
    return {
        "n": n,
        "only_a": only_a,
        "only_b": only_b,
        "accuracy_a": (both + only_a) / n,
        "accuracy_b": (both + only_b) / n,
        "difference": (only_b - only_a) / n,
        "low": low,
        "high": high,
        "p": p,
    }


def _newcombe(both: int, first: int, second: int, neither: int) -> tuple[float, float]:
    """Interval of p1 - p2 for paired proportions; first = right only in 1, second = right only in 2."""
    n = both + first + second + neither
    p1, p2 = (both + first) / n, (both + second) / n
    low1, high1 = wilson_pair(both + first, n)
    low2, high2 = wilson_pair(both + second, n)
    product = float(both + first) * (second + neither) * (both + second) * (first + neither)
    agreement = float(both) * neither - float(first) * second
    if agreement > 0:
        agreement = max(agreement - n / 2, 0.0)
    phi = agreement / math.sqrt(product) if product > 0 else 0.0
    d = p1 - p2
    down = (p1 - low1) ** 2 - 2 * phi * (p1 - low1) * (high2 - p2) + (high2 - p2) ** 2
    up = (p2 - low2) ** 2 - 2 * phi * (p2 - low2) * (high1 - p1) + (high1 - p1) ** 2
    return max(-1.0, d - math.sqrt(max(down, 0.0))), min(1.0, d + math.sqrt(max(up, 0.0)))


def uncertainty(probs: Array) -> dict[str, Array]:
    """Margin, entropy and least confidence of each row of class probabilities (n, c).

    margin = p_(1) - p_(2) (small = unsure); entropy = -sum p ln p / ln c in [0, 1] (large = unsure);
    least_confidence = 1 - p_(1) (large = unsure).

    Raises:
        PlanError: fewer than two classes.

    Paper: margin-2001 and, for least confidence, uncertainty-sampling-1994, as published; entropy is divided by ln c
    so that it reads the same for any c.
    """
    if probs.ndim != 2 or probs.shape[1] < 2:
        raise PlanError("Uncertainty needs at least two classes", got=str(probs.shape), fix="Train on two labels.")
    p = probs.astype(np.float64)
    top = -np.partition(-p, 1, axis=1)[:, :2]
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return {
        "margin": top[:, 0] - top[:, 1],
        "entropy": -(p * logs).sum(axis=1) / math.log(p.shape[1]),
        "least_confidence": 1.0 - top[:, 0],
    }
