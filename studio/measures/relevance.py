"""Relevance: how close an example lies to what the model is wanted for."""

from __future__ import annotations

import numpy as np

from studio.errors import MeasureError
from studio.records import Array, Batch, Measure

_BLOCK = 65_536


def checked_targets(batch: Batch) -> Array:
    """(t, d) float32 targets that fit the examples.

    Raises:
        MeasureError: no target, or targets of another width.
    """
    targets = np.asarray(batch.targets, dtype=np.float32)
    if targets.ndim != 2 or not len(targets):
        raise MeasureError(
            "Relevance needs at least one target", got=targets.shape, fix="Describe the task or pin a few examples."
        )
    if np.shape(batch.embeddings)[1] != targets.shape[1]:
        raise MeasureError(
            "Targets and examples were embedded differently",
            got=f"{targets.shape[1]} and {np.shape(batch.embeddings)[1]} dimensions",
            fix="Embed the targets with the encoder of the snapshot.",
        )
    return targets


def _similarities(batch: Batch, best: int) -> Array:
    """(n, best) cosine similarities to the nearest targets, ascending; fewer columns when there are fewer targets."""
    targets = checked_targets(batch)
    rows = batch.embeddings
    width = min(best, len(targets))
    top = np.empty((len(rows), width), dtype=np.float64)
    for start in range(0, len(rows), _BLOCK):
        block = np.clip(np.asarray(rows[start : start + _BLOCK], dtype=np.float32) @ targets.T, -1.0, 1.0)
        if width < block.shape[1]:
            block = np.partition(block, block.shape[1] - width, axis=1)[:, -width:]
        top[start : start + _BLOCK] = np.sort(block, axis=1)
    top[np.isnan(top).any(axis=1)] = np.nan
    return top


def _nearest_target(batch: Batch) -> Array:
    """Cosine similarity to the nearest target; 1 = the same direction, high is wanted.

    r_i = max_t cos(x_i, t)

    Args:
        batch: embeddings (n, d) unit rows; targets (t, d) unit rows, t >= 1.

    Returns:
        (n,) float64 in [-1, 1]; NaN for a row that holds NaN.

    Raises:
        MeasureError: no target, or targets of another width.

    Paper: rds-plus-2025; departs from it in the encoder (a sentence encoder instead of pooled hidden states).
    Limits: one odd target pulls its own neighbourhood to the top; the mean of three is steadier.
    """
    return _similarities(batch, 1)[:, -1]


def _three_nearest_targets(batch: Batch) -> Array:
    """Mean cosine similarity to the three nearest targets; high is wanted.

    r_i = mean of the min(3, t) largest cos(x_i, t)

    Args:
        batch: embeddings (n, d) unit rows; targets (t, d) unit rows, t >= 1.

    Returns:
        (n,) float64 in [-1, 1]; NaN for a row that holds NaN.

    Raises:
        MeasureError: no target, or targets of another width.

    Paper: rds-plus-2025; the mean of three is ours, chosen so that a single odd target does not decide.
    Limits: says what the encoder finds alike; a typed description is shorter and more general than an example.
    """
    return _similarities(batch, 3).mean(axis=1)


NEAREST_TARGET = Measure(
    name="nearest_target",
    view="relevance",
    title="measure.nearest_target.title",
    needs=("embeddings", "targets"),
    unit="cosine similarity",
    prefer="high",
    version=1,
    paper="rds-plus-2025",
    compute=_nearest_target,
)
THREE_NEAREST_TARGETS = Measure(
    name="three_nearest_targets",
    view="relevance",
    title="measure.three_nearest_targets.title",
    needs=("embeddings", "targets"),
    unit="cosine similarity",
    prefer="high",
    version=1,
    paper="rds-plus-2025",
    compute=_three_nearest_targets,
)
