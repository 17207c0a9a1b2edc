"""Clusters on the stored k-NN graph (never on the picture), how stable they are, and which rows belong to none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studio.errors import MeasureError
from studio.records import Array, Knn

METHOD = "snn-louvain-1"  # stored with every map; a changed recipe gets a new number
DEFAULT_SEEDS = 5
MUTUAL_K = 15
NOISE = -1


@dataclass(frozen=True)
class Clustering:
    """Clusters numbered by size (0 = largest), -1 = in none.

    labels (n,) int32; stability = mean adjusted Rand index over all pairs of seeded repeats, 1 = always the same, None
    for a single cluster or too few rows; noise_share in [0, 1]; method names recipe and version.
    """

    labels: Array
    n_clusters: int
    stability: float | None
    noise_share: float
    method: str = METHOD


def find_clusters(
    knn: Knn,
    *,
    seed: int = 0,
    resolution: float = 1.0,
    n_seeds: int = DEFAULT_SEEDS,
    check_stop: Callable[[], None] | None = None,
) -> Clustering:
    """Groups of rows that share neighbours, found on the k-NN graph.

    Edges weigh the overlap of the two neighbourhoods; Louvain communities are sought from several seeds and the one of
    highest modularity is kept. A row is in no cluster when fewer than 2 of its 15 nearest rows have it among theirs
    and it lies farther from them than the median row, or when its community has fewer than 10 rows (3 in tiny corpora).

    Args:
        knn: the stored graph of n rows.
        seed: first of the seeds; the others follow from it.
        resolution: above 1 more and smaller clusters.
        n_seeds: repeats, at least 1.
        check_stop: called before each repeat; raises to stop.

    Raises:
        MeasureError: resolution or n_seeds not above 0.

    Paper: louvain-2008 on the weights of jarvis-patrick-1973.
    Paper: hubert-arabie-1985, the adjusted Rand index.
    Limits: modularity overlooks very small groups in very large corpora; raise the resolution there.
    """
    if resolution <= 0 or n_seeds < 1:
        raise MeasureError(
            "Resolution and number of seeds must be above 0", got=(resolution, n_seeds), fix="Try 1.0 and 5."
        )
    n, k = knn.indices.shape
    if n < 4 or k < 2:
        return Clustering(np.zeros(n, dtype=np.int32), min(n, 1), None, 0.0)
    from studio.mapping.communities import louvain, shared_neighbour_graph  # compiles on import: only workers need it

    graph = shared_neighbour_graph(knn.indices)
    found = []
    for child in np.random.default_rng(seed).spawn(n_seeds):
        if check_stop is not None:
            check_stop()
        found.append(louvain(graph, resolution=resolution, rng=child))
    labels = max(found, key=lambda pair: pair[1])[0].copy()  # the first of equals
    labels[_is_lonely(knn)] = NOISE
    labels = _by_size(labels, smallest=min(10, max(3, n // 50)))
    n_clusters = int(labels.max()) + 1
    stability = _stability([member for member, _ in found]) if n_clusters > 1 and n_seeds > 1 else None
    return Clustering(labels, n_clusters, stability, float((labels == NOISE).mean()))


def _is_lonely(knn: Knn) -> Array:
    """(n,) bool: few two-way neighbours and farther from its neighbours than the median row."""
    near = knn.indices[:, :MUTUAL_K]
    n, k = near.shape
    row = np.repeat(np.arange(n, dtype=np.int64), k)
    forth, back = row * n + near.ravel(), near.ravel().astype(np.int64) * n + row
    mutual = np.isin(forth, back, assume_unique=True).reshape(n, k).sum(axis=1)
    distance = knn.distances[:, :k].mean(axis=1)
    return (mutual < 2) & (distance > np.median(distance))


def _by_size(labels: Array, smallest: int) -> Array:
    """Numbers by falling size (ties: first appearance); groups below `smallest` become noise, unless none is left."""
    kept = labels >= 0
    numbers, first, sizes = np.unique(labels[kept], return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    big = order[sizes[order] >= smallest]
    if not len(big):
        big = order[:1]  # a corpus has at least one cluster, however small
    rank = np.full(int(numbers.max(initial=0)) + 1, NOISE, dtype=np.int32)
    rank[numbers[big]] = np.arange(len(big), dtype=np.int32)
    result = np.full(len(labels), NOISE, dtype=np.int32)
    result[kept] = rank[labels[kept]]
    if not kept.any():
        result[:] = 0
    return result


def _stability(partitions: list[Array]) -> float:
    """Mean adjusted Rand index over all pairs of partitions."""
    from sklearn.metrics import adjusted_rand_score  # slow to import

    pairs = [(a, b) for i, a in enumerate(partitions) for b in partitions[:i]]
    return float(np.mean([adjusted_rand_score(a, b) for a, b in pairs]))
