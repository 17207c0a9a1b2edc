"""Relevance in turns: every target, or every class, has its best example taken before any has its second."""

from __future__ import annotations

import numpy as np

from studio.measures.prototypes import class_similarities
from studio.measures.relevance import checked_targets
from studio.records import Array, Batch, Measure

_BLOCK = 64
_DECIMALS = 6  # float32 products of equal rows may differ behind that


def best_rank(similarities: Array, best: Array) -> Array:
    """The smaller of `best` and each row's rank in every column; equal similarities share the better rank.

    Args:
        similarities: (n, t), NaN = never taken.
        best: (n,) float64 so far, infinite at the start.
    """
    for column in similarities.T:
        values = -np.round(np.asarray(column, dtype=np.float64), _DECIMALS)
        order = np.argsort(values)  # NaN last
        order = order[: np.count_nonzero(np.isfinite(values))]
        ordered = values[order]
        first = np.arange(len(order))
        first[1:][ordered[1:] == ordered[:-1]] = 0
        ranks = np.maximum.accumulate(first) + 1.0
        best[order] = np.minimum(best[order], ranks)
    return best


def _target_turn(batch: Batch) -> Array:
    """The turn in which an example is taken when the targets choose in turn; 1 = first, low is wanted.

    r_i = min over targets t of the rank of cos(x_i, t) among all examples, best first, ties sharing the better rank

    Args:
        batch: embeddings (n, d) unit rows; targets (t, d) unit rows, t >= 1.

    Returns:
        (n,) float64, whole numbers from 1; NaN for a row that holds NaN.

    Raises:
        MeasureError: no target, or targets of another width.

    Paper: rds-plus-2025, its round-robin over queries: a turn whose choice is taken already is lost, as in its code.
    Limits: an odd target gets as many turns as a good one; the value hangs on how many examples there are.
    """
    targets = checked_targets(batch)
    best = np.full(len(batch.ids), np.inf)
    rows = np.asarray(batch.embeddings, dtype=np.float32)
    for start in range(0, len(targets), _BLOCK):
        best_rank(rows @ targets[start : start + _BLOCK].T, best)
    return best


def _class_turn(batch: Batch) -> Array:
    """The turn in which an example is taken when the classes choose in turn; 1 = first, low is wanted.

    r_i = min over classes c of the rank of cos(x_i, prototype of c) among all examples, ties sharing the better rank

    Args:
        batch: embeddings (n, d) unit rows; labels n strings or None.

    Returns:
        (n,) float64, whole numbers from 1; NaN for a row that holds NaN, and everywhere without a label.

    Paper: rds-plus-2025, with one prototype per class as the queries.
    Limits: a class of one odd example gets as many turns as a large one.
    """
    return best_rank(class_similarities(batch), np.full(len(batch.ids), np.inf))


TARGET_TURN = Measure(
    name="target_turn",
    view="relevance",
    title="measure.target_turn.title",
    needs=("embeddings", "targets"),
    unit="turn",
    prefer="low",
    version=1,
    paper="rds-plus-2025",
    compute=_target_turn,
    is_asked=True,
)
CLASS_TURN = Measure(
    name="class_turn",
    view="relevance",
    title="measure.class_turn.title",
    needs=("embeddings", "labels"),
    unit="turn",
    prefer="low",
    version=1,
    paper="rds-plus-2025",
    compute=_class_turn,
    is_asked=True,
)
