"""Communities of a weighted graph by modularity (Louvain), compiled; imported only where clusters are made."""

from __future__ import annotations

import numba
import numpy as np
from scipy import sparse

from studio.records import Array

MAX_LEVELS = 20
MAX_PASSES = 30


def louvain(graph: sparse.csr_matrix, *, resolution: float, rng: np.random.Generator) -> tuple[Array, float]:
    """Communities that maximise modularity greedily, level by level.

    Q = sum_c (in_c / 2m - resolution (tot_c / 2m)^2), with in_c the weight inside community c (both directions), tot_c
    the summed degrees and m the total weight. Nodes are visited in a seeded order; a node moves only for a real gain.

    Args:
        graph: (n, n) symmetric, non-negative, empty diagonal.
        resolution: above 1 more and smaller communities.
        rng: order of the visits.

    Returns:
        (n,) int64 community of each node, numbered from 0 by first appearance, and Q.

    Paper: louvain-2008.
    """
    n = graph.shape[0]
    member = np.arange(n)
    level = graph.astype(np.float64).tocsr()
    total = float(level.sum())
    if total == 0:
        return member, 0.0
    for _ in range(MAX_LEVELS):
        order = rng.permutation(level.shape[0])
        found, moved = _move(level.indptr, level.indices, level.data, order, total, resolution, MAX_PASSES)
        if not moved:
            break
        _, found = np.unique(found, return_inverse=True)
        member = found[member]
        size = int(found.max()) + 1
        gather = sparse.csr_matrix((np.ones(len(found)), (found, np.arange(len(found)))), shape=(size, len(found)))
        level = (gather @ level @ gather.T).tocsr()
        level.sort_indices()
    _, first, member = np.unique(member, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[member], modularity(graph, rank[member], resolution)


def shared_neighbour_graph(neighbours: Array) -> sparse.csr_matrix:
    """(n, n) symmetric weights: the Jaccard overlap of two rows' neighbourhoods, on edges of the k-NN graph.

    w_ij = |N_i and N_j| / |N_i or N_j|, N_i = the k neighbours of i and i itself, where j is in N_i or i in N_j.

    Args:
        neighbours: (n, k) row positions, none its own.

    Paper: jarvis-patrick-1973.
    """
    n, k = neighbours.shape
    shared = _shared(np.ascontiguousarray(neighbours, dtype=np.int64)).ravel().astype(np.float64)
    weights = shared / (2 * (k + 1) - shared)
    indptr = np.arange(0, n * k + 1, k)
    directed = sparse.csr_matrix((weights, neighbours.ravel().astype(np.int64), indptr), shape=(n, n))
    directed.sort_indices()
    graph = directed.maximum(directed.T).tocsr()
    graph.sort_indices()
    return graph


@numba.njit(cache=True)
def _shared(neighbours):  # noqa: ANN001, ANN202  # compiled
    """(n, k) sizes of the overlaps of N_i with N of each neighbour."""
    n, k = neighbours.shape
    counts = np.zeros((n, k), dtype=np.int64)
    mark = np.full(n, -1, dtype=np.int64)
    for i in range(n):
        mark[i] = i
        for a in range(k):
            mark[neighbours[i, a]] = i
        for a in range(k):
            j = neighbours[i, a]
            count = 1 if mark[j] == i else 0
            for b in range(k):
                if mark[neighbours[j, b]] == i:
                    count += 1
            counts[i, a] = count
    return counts


def modularity(graph: sparse.csr_matrix, member: Array, resolution: float) -> float:
    """Q of a partition, see `louvain`."""
    total = float(graph.sum())
    if total == 0:
        return 0.0
    edges = graph.tocoo()
    inside = float(edges.data[member[edges.row] == member[edges.col]].sum())
    degrees = np.bincount(member, weights=np.asarray(graph.sum(axis=1)).ravel())
    return inside / total - resolution * float(((degrees / total) ** 2).sum())


@numba.njit(cache=True)
def _move(indptr, indices, data, order, total, resolution, max_passes):  # noqa: ANN001, ANN202  # compiled
    """Move single nodes to the neighbouring community of largest gain until nothing moves."""
    n = len(indptr) - 1
    community = np.arange(n)
    degree = np.zeros(n)
    for i in range(n):
        for e in range(indptr[i], indptr[i + 1]):
            degree[i] += data[e]
    weight_of = degree.copy()  # summed degrees per community
    link = np.zeros(n)  # weight from the node at hand to each community
    seen = np.empty(n, dtype=np.int64)
    moved_any = False
    for _ in range(max_passes):
        n_moved = 0
        for i in order:
            own = community[i]
            n_seen = 0
            for e in range(indptr[i], indptr[i + 1]):
                j = indices[e]
                if j == i:
                    continue
                c = community[j]
                if link[c] == 0.0:
                    seen[n_seen] = c
                    n_seen += 1
                link[c] += data[e]
            weight_of[own] -= degree[i]
            best, best_gain = own, link[own] - resolution * weight_of[own] * degree[i] / total
            for s in range(n_seen):
                c = seen[s]
                gain = link[c] - resolution * weight_of[c] * degree[i] / total
                if gain > best_gain + 1e-12:
                    best, best_gain = c, gain
            weight_of[best] += degree[i]
            for s in range(n_seen):
                link[seen[s]] = 0.0
            if best != own:
                community[i] = best
                n_moved += 1
        if n_moved == 0:
            break
        moved_any = True
    return community, moved_any
