"""The proxy where an example carries several labels, or none: one logistic head per label on frozen vectors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from studio.errors import SelectionError
from studio.records import Array
from studio.selection.proof import EXTRA, FOUND, MISSED
from studio.selection.proxy import Judge, Teller, minimise

MOST_LABELS = 200  # ours: the most frequent ones; a code per held-out example, label and draw is kept
_STEPS = 150
_SURE = 30.0  # log odds of a label all rows carry; its negative of one that none does


def read_sets(values: Iterable[str]) -> list[tuple[str, ...]]:
    """The label names of every example, from JSON lists."""
    return [tuple(json.loads(value)) for value in values]


def common_names(sets: Sequence[Sequence[str]], most: int = MOST_LABELS) -> tuple[list[str], int]:
    """The names that are judged, sorted, and how many there are in all: the most frequent ones, ties by name."""
    counts = Counter(name for own in sets for name in own)
    return sorted(sorted(counts, key=lambda name: (-counts[name], name))[:most]), len(counts)


def indicators(sets: Sequence[Sequence[str]], names: Sequence[str]) -> Array:
    """(n, c) bool, which example carries which of the names; others are passed over."""
    place = {name: column for column, name in enumerate(names)}
    found = np.zeros((len(sets), len(names)), dtype=bool)
    for row, own in enumerate(sets):
        found[row, [place[name] for name in own if name in place]] = True
    return found


def telling(y: Array) -> int:
    """How many labels some of the rows carry and others do not."""
    counts = np.asarray(y).sum(axis=0)
    return int(((counts > 0) & (counts < len(y))).sum())


def fit_heads(x: Array, y: Array, *, steps: int = _STEPS) -> Array:
    """A logistic head per label, all at once: every head is the minimum of its own penalised log loss.

    loss = sum_j (1 / n) sum_i [ln(1 + exp z_ij) - y_ij z_ij] + ||w_j||² / (2 C n), z_ij = x_i w_j + b_j. A label no row
    carries is held impossible, one all rows carry certain.

    Args:
        x: (n, d) float32 rows, n >= 1.
        y: (n, c) bool.
        steps: most steps of the solver (L-BFGS over all heads together).

    Returns:
        (d + 1, c) float32, the last row b.

    Raises:
        SelectionError: no rows.
    """
    if not len(x):
        raise SelectionError("There is nothing to learn from", got=0, fix="Choose at least one labelled example.")
    n, counts = len(x), y.sum(axis=0)
    head = np.zeros((x.shape[1] + 1, y.shape[1]), dtype=np.float32)
    head[-1] = np.where(counts > 0, _SURE, -_SURE)
    open_ = np.flatnonzero((counts > 0) & (counts < n))
    if not len(open_):
        return head
    given, prior = y[:, open_].astype(np.float32), counts[open_] / n
    start = np.log(prior / (1 - prior)).astype(np.float32)

    def slopes(z: Array) -> tuple[float, Array]:
        z += start
        small = np.exp(-np.abs(z))
        value = float((np.log1p(small) + np.maximum(z, 0) - given * z).sum(dtype=np.float64)) / n
        return value, (np.where(z >= 0, np.float32(1), small) / (1 + small) - given) / np.float32(n)

    found = minimise(np.ascontiguousarray(x, dtype=np.float32), np.ones(n, dtype=np.float32), prior, slopes, steps)
    found[-1] += start
    head[:, open_] = found
    return head


def say(scores: Array, n: int) -> Array:
    """(m, c) bool, the n highest scores: a threshold under which as many labels are said as are expected.

    Paper: read-2011 (the threshold that matches the number of labels per example of the rows learnt from).
    """
    said = np.zeros(scores.size, dtype=bool)
    said[np.argsort(-scores, axis=None, kind="stable")[: max(n, 0)]] = True
    return said.reshape(scores.shape)


def code(given: Array, said: Array) -> Array:
    """(m, c) int8 codes of studio.selection.proof: found, extra, missed or neither."""
    return (FOUND * (given & said) + EXTRA * (~given & said) + MISSED * (given & ~said)).astype(np.int8)


def sets_teller(x: Array, y: Array, asked_x: Array) -> Teller:
    """Which labels the examples asked about are said to carry, by heads fitted on the rows it is given.

    As many labels are said as there are examples asked about times labels per example of those rows, the surest first:
    at one half a rare label would never be said after a few hundred examples. Nobody's own label is looked at for it.
    """

    def tell(rows: Array) -> Array:
        head = fit_heads(x[rows], y[rows])
        n = round(len(asked_x) * float(y[rows].sum(axis=1).mean()))
        return say(asked_x @ head[:-1] + head[-1], n)

    return tell


def sets_judge(x: Array, y: Array, held_x: Array, held_y: Array) -> Judge:
    """Codes by held-out example and label, by heads fitted on the rows it is given; see `sets_teller`."""
    tell = sets_teller(x, y, held_x)
    return lambda rows: code(held_y, tell(rows))
