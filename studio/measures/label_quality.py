"""Quality of labels by confident learning: does a model that never saw the label agree with it?"""

from __future__ import annotations

import numpy as np

from studio.records import Array, Batch, Measure

_SLACK = 1e-6  # of comparisons with a threshold, as in cleanlab
_LOWEST = 2e-6


def _judged(batch: Batch) -> tuple[Array, Array, Array]:
    """Rows that have a label and whole probabilities, these probabilities (m, c), and the column of each label (m,)."""
    probs = np.asarray(batch.out_of_fold, dtype=np.float64)
    gold = np.asarray(batch.gold, dtype=np.int64)
    rows = np.flatnonzero((gold >= 0) & (gold < probs.shape[1]) & np.isfinite(probs).all(axis=1))
    return rows, probs[rows], gold[rows]


def _spread(batch: Batch, rows: Array, values: Array) -> Array:
    found = np.full(len(batch.ids), np.nan)
    found[rows] = values
    return found


def _self_confidence(batch: Batch) -> Array:
    """Probability of the given label by a model that did not see it; low = a doubtful label, high is wanted.

    s_i = p_i[k_i], k_i the label of i

    Args:
        batch: out_of_fold (n, c); gold (n,).

    Returns:
        (n,) float64 in [0, 1]; NaN without a label.

    Paper: confident-learning-2021, self_confidence of cleanlab.
    Limits: of labelled examples only. Hard examples with a right label are doubted too; classes differ in how sure a
        model is of them.
    """
    rows, probs, gold = _judged(batch)
    return _spread(batch, rows, probs[np.arange(len(rows)), gold])


def _label_margin(batch: Batch) -> Array:
    """How far the given label is ahead of the best other one; below 0.5 = another label is likelier, high is wanted.

    m_i = (p_i[k_i] - max over k other than k_i of p_i[k] + 1) / 2

    Args:
        batch: out_of_fold (n, c), c >= 2; gold (n,).

    Returns:
        (n,) float64 in [0, 1]; NaN without a label and with fewer than two classes.

    Paper: confident-learning-2021, normalized_margin of cleanlab.
    Limits: as for the probability of the label.
    """
    rows, probs, gold = _judged(batch)
    if probs.shape[1] < 2:
        return np.full(len(batch.ids), np.nan)
    own = probs[np.arange(len(rows)), gold]
    others = probs.copy()
    others[np.arange(len(rows)), gold] = -np.inf
    return _spread(batch, rows, (own - others.max(axis=1) + 1.0) / 2.0)


def confident_guess(probs: Array, gold: Array) -> Array:
    """(m,) the class each row confidently belongs to, -1 for none.

    A row confidently belongs to class j where p[j] reaches the mean of p[j] over the rows labelled j; of several such
    classes the likeliest of all classes counts, as in cleanlab. A class without a label has no threshold.
    """
    m, c = probs.shape
    counts = np.bincount(gold, minlength=c)
    sums = np.zeros(c)
    np.add.at(sums, gold, probs[np.arange(m), gold])
    limits = np.where(counts > 0, np.maximum(sums / np.maximum(counts, 1), _LOWEST), np.inf)
    sure = probs >= limits - _SLACK
    guess = np.where(sure.sum(axis=1) > 1, probs.argmax(axis=1), sure.argmax(axis=1)) if c else np.zeros(m, np.int64)
    return np.where(sure.any(axis=1), guess, -1)


def confident_joint(probs: Array, gold: Array) -> Array:
    """(c, c) counts of given label (row) against confident class (column); the diagonal is at least 1, as in cleanlab.

    Args:
        probs: (m, c) out-of-fold probabilities without NaN.
        gold: (m,) column of each label.

    Paper: confident-learning-2021, equations 1 and 2, not calibrated.
    """
    c = probs.shape[1]
    guess = confident_guess(probs, gold)
    counts = np.zeros((c, c), dtype=np.int64)
    np.add.at(counts, (gold[guess >= 0], guess[guess >= 0]), 1)
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1))
    return counts


def _label_stands(batch: Batch) -> Array:
    """0 where confident learning counts the label as another one (a probable mistake), 1 elsewhere; high is wanted.

    i is counted off the diagonal of the confident joint: it confidently belongs to a class other than its label

    Args:
        batch: out_of_fold (n, c); gold (n,).

    Returns:
        (n,) float64, 0 or 1; NaN without a label.

    Paper: confident-learning-2021, the off-diagonal rows of the confident joint.
    Limits: a flag for a second look, not a verdict; with few labels per class the thresholds are loose.
    """
    rows, probs, gold = _judged(batch)
    guess = confident_guess(probs, gold)
    return _spread(batch, rows, np.where((guess >= 0) & (guess != gold), 0.0, 1.0))


def _measure(name: str, unit: str, compute: object) -> Measure:
    return Measure(
        name=name,
        view="quality",
        title=f"measure.{name}.title",
        needs=("out_of_fold", "gold"),
        unit=unit,
        prefer="high",
        version=1,
        paper="confident-learning-2021",
        compute=compute,  # type: ignore[arg-type]
        is_asked=True,
        is_of_labelled=True,
    )


SELF_CONFIDENCE = _measure("self_confidence", "probability", _self_confidence)
LABEL_MARGIN = _measure("label_margin", "share", _label_margin)
LABEL_STANDS = _measure("label_stands", "0 or 1", _label_stands)
