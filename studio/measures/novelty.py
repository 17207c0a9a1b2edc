"""Diversity of a single example: how far it is from its neighbours, how rare its cluster is."""

from __future__ import annotations

import numpy as np

from studio.records import Array, Batch, Measure

NEIGHBOURS = 10


def _neighbour_distance(batch: Batch) -> Array:
    """Mean cosine distance to the nearest neighbours; high = few examples like it, wanted for variety.

    d_i = (1/k) * sum over the k nearest j of (1 - cos(x_i, x_j)), k = min(10, stored neighbours)

    Args:
        batch: knn of the whole snapshot, distances (n, k) ascending.

    Returns:
        (n,) float64 in [0, 2]; NaN for a row without neighbours or with NaN.

    Paper: novelty-2011; k = 10 is ours.
    Limits: garbage is novel too: look at quality beside it.
    """
    distances = np.asarray(batch.knn.distances[:, :NEIGHBOURS], dtype=np.float64)
    if not distances.shape[1]:
        return np.full(len(batch.ids), np.nan)
    return np.clip(distances, 0.0, 2.0).mean(axis=1)


def _cluster_rarity(batch: Batch) -> Array:
    """Surprise of the example's cluster; high = a small cluster, wanted for variety.

    r_i = -ln(size of the cluster of i / n); examples outside every cluster (-1) count as one cluster of their own

    Args:
        batch: clusters (n,) int.

    Returns:
        (n,) float64 in [0, ln n], in nats.

    Source: ours; the k-means coverage idea of the project's method D as a number per example.
    Limits: hangs on how finely the map was clustered; a cluster of noise is one cluster.
    """
    _, inverse, counts = np.unique(np.asarray(batch.clusters), return_inverse=True, return_counts=True)
    if not len(inverse):
        return np.empty(0, dtype=np.float64)
    return np.log(len(inverse) / counts[inverse].astype(np.float64))


NEIGHBOUR_DISTANCE = Measure(
    name="neighbour_distance",
    view="diversity",
    title="measure.neighbour_distance.title",
    needs=("knn",),
    unit="cosine distance",
    prefer="high",
    version=1,
    paper="novelty-2011",
    compute=_neighbour_distance,
)
CLUSTER_RARITY = Measure(
    name="cluster_rarity",
    view="diversity",
    title="measure.cluster_rarity.title",
    needs=("clusters",),
    unit="nats",
    prefer="high",
    version=1,
    paper="",
    compute=_cluster_rarity,
)
