"""Raw values to unit scores: the only place where a measure's direction and scale are dealt with."""

from __future__ import annotations

from typing import Literal

import numpy as np

from studio.errors import SelectionError
from studio.records import Array

Mode = Literal["quantile", "z", "min_max"]
MODES: tuple[str, ...] = ("quantile", "z", "min_max")


def unit_scores(raw: Array, prefer: str, mode: str = "quantile") -> Array:
    """Unit scores in [0, 1] where 1 is the wanted end; undefined stays undefined.

    quantile: (mid-rank - 0.5) / N over the N defined values, equal values sharing the mean of their ranks;
    z: values clipped to their 1st and 99th percentile, standardised, then (z + 3) / 6 clipped to [0, 1];
    min_max: (x - min) / (max - min).
    All values equal gives 0.5. `prefer` low gives 1 minus the result.

    Args:
        raw: (n,) float, NaN or infinite = undefined.
        prefer: high or low: which end of raw is wanted.
        mode: quantile (default: heavy tails cannot take over), z or min_max.

    Returns:
        (n,) float64, NaN where raw is undefined.

    Raises:
        SelectionError: an unknown mode or direction.
    """
    if mode not in MODES:
        raise SelectionError("There is no such scale for scores", got=mode, fix=f"Choose one of {', '.join(MODES)}.")
    if prefer not in ("high", "low"):
        raise SelectionError("A measure prefers high or low", got=prefer, fix="Name one of the two.")
    raw = np.asarray(raw, dtype=np.float64)
    unit = np.full(raw.shape, np.nan)
    defined = np.isfinite(raw)
    values = raw[defined]
    if len(values):
        scaled = {"quantile": _quantile, "z": _z, "min_max": _min_max}[mode](values)
        unit[defined] = scaled if prefer == "high" else 1.0 - scaled
    return unit


def _quantile(values: Array) -> Array:
    ordered, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mid_rank = last - (counts - 1) / 2.0
    return ((mid_rank - 0.5) / len(values))[inverse.reshape(-1)] if len(ordered) else values


def _z(values: Array) -> Array:
    low, high = np.percentile(values, [1, 99])
    clipped = np.clip(values, low, high)
    spread = clipped.std()
    if spread == 0:
        return np.full(len(values), 0.5)
    return np.clip(((clipped - clipped.mean()) / spread + 3.0) / 6.0, 0.0, 1.0)


def _min_max(values: Array) -> Array:
    low, high = values.min(), values.max()
    if low == high:
        return np.full(len(values), 0.5)
    return (values - low) / (high - low)
