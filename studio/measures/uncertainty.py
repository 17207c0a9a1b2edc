"""Difficulty seen from a classifier's own doubt."""

from __future__ import annotations

import numpy as np

from studio.errors import MeasureError
from studio.records import Array, Batch, Measure


def _probs(batch: Batch) -> Array:
    probs = np.asarray(batch.class_probs, dtype=np.float64)
    if probs.ndim != 2 or probs.shape[1] < 2:
        raise MeasureError(
            "Doubt needs at least two classes", got=probs.shape, fix="Use a label set with two or more names."
        )
    return probs


def _margin(batch: Batch) -> Array:
    """Gap between the two likeliest classes; a small gap is a hard example, low is wanted.

    margin_i = p_(1) - p_(2), with p_(k) the k-th largest of class_probs[i].

    Args:
        batch: class_probs of shape (n, c), c >= 2, rows summing to 1.

    Returns:
        (n,) float64 in [0, 1]; NaN for a row that holds NaN.

    Raises:
        MeasureError: fewer than two classes.

    Paper: margin-2001
    Paper: breaking-ties-2005 (the same gap, by another name)
    Limits: says nothing of examples the model gets wrong with confidence.
    """
    probs = _probs(batch)
    ordered = np.sort(probs, axis=1)  # ascending; NaN sorts last and stays NaN
    return ordered[:, -1] - ordered[:, -2] + np.where(np.isnan(probs).any(axis=1), np.nan, 0.0)


def _entropy(batch: Batch) -> Array:
    """Entropy of the predicted classes, as a share of the largest possible; high = undecided, wanted.

    h_i = -sum_k p_ik ln p_ik / ln c

    Args:
        batch: class_probs of shape (n, c), c >= 2, rows summing to 1.

    Returns:
        (n,) float64 in [0, 1]; NaN for a row that holds NaN.

    Raises:
        MeasureError: fewer than two classes.

    Paper: active-learning-2009, equation for entropy sampling; divided by ln c.
    Limits: with many classes the tail of small probabilities decides; margin is steadier there.
    """
    probs = _probs(batch)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(probs > 0, -probs * np.log(probs), np.where(np.isnan(probs), np.nan, 0.0))
    return terms.sum(axis=1) / np.log(probs.shape[1])


def _least_confidence(batch: Batch) -> Array:
    """One minus the probability of the likeliest class; high = unsure, wanted.

    l_i = 1 - max_k p_ik

    Args:
        batch: class_probs of shape (n, c), c >= 2, rows summing to 1.

    Returns:
        (n,) float64 in [0, 1 - 1/c]; NaN for a row that holds NaN.

    Raises:
        MeasureError: fewer than two classes.

    Paper: uncertainty-sampling-1994.
    Limits: a small probe is unsure everywhere; compare with the margin.
    """
    return 1.0 - _probs(batch).max(axis=1)


MARGIN = Measure(
    name="margin",
    view="difficulty",
    title="measure.margin.title",
    needs=("class_probs",),
    unit="probability",
    prefer="low",
    version=1,
    paper="margin-2001",
    compute=_margin,
)
ENTROPY = Measure(
    name="entropy",
    view="difficulty",
    title="measure.entropy.title",
    needs=("class_probs",),
    unit="share of the largest entropy",
    prefer="high",
    version=1,
    paper="active-learning-2009",
    compute=_entropy,
)
LEAST_CONFIDENCE = Measure(
    name="least_confidence",
    view="difficulty",
    title="measure.least_confidence.title",
    needs=("class_probs",),
    unit="probability",
    prefer="high",
    version=1,
    paper="uncertainty-sampling-1994",
    compute=_least_confidence,
)
