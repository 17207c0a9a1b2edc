"""Diversity among near copies: the first of them keeps its value, those that repeat it come near to zero."""

from __future__ import annotations

import numpy as np

from studio.records import Array, Batch, Measure


def _repeat_distance(batch: Batch) -> Array:
    """Cosine distance to the nearest earlier example; near 0 = says again what one before it says, high is wanted.

    d_i = min over stored neighbours j of i with a smaller example number of (1 - cos(x_i, x_j)); where no stored
    neighbour is earlier, the distance to the farthest stored one, as every earlier example is at least that far away

    Args:
        batch: ids; knn of the whole snapshot, distances (n, k) ascending.

    Returns:
        (n,) float64 in [0, 2]; NaN for a row without neighbours or with NaN.

    Paper: semdedup-2023; on the stored neighbours instead of inside k-means clusters, in the order of the example
        numbers instead of hard ones first; the distance itself is the value, so the threshold stays a slider.
    Limits: which of several copies keeps its value says nothing of its worth. Beyond the stored neighbours it is a
        lower bound.
    """
    distances = np.asarray(batch.knn.distances, dtype=np.float64)
    if not distances.shape[1]:
        return np.full(len(batch.ids), np.nan)
    places = np.asarray(batch.knn.indices)
    ids = np.asarray(batch.ids)
    known = places >= 0
    earlier = known & (ids[np.where(known, places, 0)] < ids[:, None])
    nearest = np.where(earlier, distances, np.inf).min(axis=1)
    values = np.where(np.isfinite(nearest), nearest, distances[:, -1])
    return np.where(np.isnan(distances).any(axis=1), np.nan, np.clip(values, 0.0, 2.0))


REPEAT_DISTANCE = Measure(
    name="repeat_distance",
    view="diversity",
    title="measure.repeat_distance.title",
    needs=("knn",),
    unit="cosine distance",
    prefer="high",
    version=1,
    paper="semdedup-2023",
    compute=_repeat_distance,
    is_asked=True,
)
