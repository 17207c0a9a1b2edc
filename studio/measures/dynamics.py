"""Difficulty seen while training: what the model thought of an example's own label, epoch after epoch."""

from __future__ import annotations

import numpy as np

from studio.records import Array, Batch, Measure


def _moments(history: Array) -> tuple[Array, Array, Array]:
    """Mean, standard deviation (over n) and number of the recorded epochs of each row."""
    history = np.asarray(history, dtype=np.float64)
    recorded = np.isfinite(history)
    n = recorded.sum(axis=1)
    filled = np.where(recorded, history, 0.0)
    mean = filled.sum(axis=1) / np.maximum(n, 1)
    squares = np.where(recorded, (history - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return mean, np.sqrt(squares / np.maximum(n, 1)), n


def _training_variability(batch: Batch) -> Array:
    """How much the probability of the own label moved while training; high = ambiguous, wanted.

    v_i = sqrt(mean over epochs e of (p_ie - mean_i)^2), p_ie the probability of the label of i in epoch e

    Args:
        batch: gold_history (n, e), NaN where the example was not trained on or the epoch was not reached.

    Returns:
        (n,) float64 in [0, 0.5]; NaN with fewer than two epochs, so for the whole pool.

    Paper: cartography-2020, as published; the probabilities are those of the training steps, dropout included.
    Limits: of labelled examples only: it sorts what was trained on and chooses nothing from the pool. Few epochs make
        it coarse.
    """
    _, spread, n = _moments(batch.gold_history)
    return np.where(n >= 2, spread, np.nan)


def _training_confidence(batch: Batch) -> Array:
    """Mean probability of the own label while training; low = hard, or labelled wrongly.

    c_i = mean over epochs e of p_ie, p_ie the probability of the label of i in epoch e

    Args:
        batch: gold_history (n, e), NaN where the example was not trained on or the epoch was not reached.

    Returns:
        (n,) float64 in [0, 1]; NaN for an example that was not trained on, so for the whole pool.

    Paper: cartography-2020, as published.
    Limits: as for the variability; low confidence that does not move is most often a wrong label.
    """
    mean, _, n = _moments(batch.gold_history)
    return np.where(n >= 1, mean, np.nan)


TRAINING_VARIABILITY = Measure(
    name="training_variability",
    view="difficulty",
    title="measure.training_variability.title",
    needs=("gold_history",),
    unit="probability",
    prefer="high",
    version=1,
    paper="cartography-2020",
    compute=_training_variability,
    is_asked=True,
    is_of_labelled=True,
)
TRAINING_CONFIDENCE = Measure(
    name="training_confidence",
    view="difficulty",
    title="measure.training_confidence.title",
    needs=("gold_history",),
    unit="probability",
    prefer="low",
    version=1,
    paper="cartography-2020",
    compute=_training_confidence,
    is_asked=True,
    is_of_labelled=True,
)
