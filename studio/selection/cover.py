"""Rules that cover the vector space: k-center and facility location, on a prefix of the ranking."""

from __future__ import annotations

import heapq

import numpy as np

from studio.records import Array, Knn, Pool, Selection, Strategy
from studio.selection import reasons
from studio.selection.constraints import best_first
from studio.selection.strategies import check, need

PREFIX = 5  # candidates per example of the budget: superfiltering-2024's two stages (prefix by score, then cover)


def _candidates(pool: Pool, budget: int, prefix: int) -> Array:
    """Rows of the best prefix * budget scores, in pool order; rows without a score are no candidates."""
    count = min(prefix * budget, len(pool.ids))
    return np.sort(best_first(np.asarray(pool.scores, dtype=np.float64), count)[:count])


def _selection(pool: Pool, candidates: Array, order: Array, reason: str) -> Selection:
    picked = np.zeros(len(pool.ids), dtype=bool)
    picked[order] = True
    candidate = np.zeros(len(pool.ids), dtype=bool)
    candidate[candidates] = True

    def why(row: int) -> str:
        if np.isnan(pool.scores[row]):
            return reasons.missing_view_of(pool, row)
        return reasons.OVER_BUDGET if candidate[row] else reasons.BELOW_THRESHOLD

    return Selection(pool.ids[order], (reason,) * len(order), reasons.Rejected(pool.ids, picked, why))


def pick_k_center(pool: Pool, budget: int, rng: np.random.Generator, *, prefix: int = PREFIX) -> Selection:
    """Each pick is the candidate farthest from all picks so far; the first is the one nearest to their mean.

    next = argmax_i min_{j in S} (1 - cos(x_i, x_j)), ties by id

    Args:
        pool: embeddings (n, d) unit rows, scores.
        budget: how many to pick.
        rng: not used.
        prefix: candidates are the best prefix * budget scores.

    Returns:
        min(budget, rows with a score) ids in picking order.

    Raises:
        EmptyPool: no rows.
        SelectionError: no embeddings.

    Paper: k-center-2018 (its greedy start).
    Limits: seeks outliers; on a dirty corpus it collects garbage.
    """
    check(pool, budget)
    need(pool, "embeddings")
    candidates = _candidates(pool, budget, prefix)
    x = np.asarray(pool.embeddings[candidates], dtype=np.float32)
    count = min(budget, len(candidates))
    order = np.empty(count, dtype=np.int64)
    nearest = np.full(len(candidates), np.inf)
    free = np.ones(len(candidates), dtype=bool)
    place = int(np.argmax(x @ x.mean(axis=0))) if count else 0
    for i in range(count):
        order[i] = place
        free[place] = False
        nearest = np.minimum(nearest, np.clip(1.0 - (x @ x[place]).astype(np.float64), 0.0, 2.0))
        place = int(np.argmax(np.where(free, nearest, -1.0)))
    return _selection(pool, candidates, candidates[order], "farthest")


def pick_facility_location(pool: Pool, budget: int, rng: np.random.Generator, *, prefix: int = PREFIX) -> Selection:
    """Each pick adds most to how well the candidates are represented by their nearest pick (lazy greedy).

    f(S) = sum_i max_{j in S} sim(i, j), with sim the cosine similarity (at least 0) along the stored k-NN graph in
    either direction, 1 for a row with itself and 0 where there is no edge; ties by id.

    Args:
        pool: knn over the rows of the pool, scores.
        budget: how many to pick.
        rng: not used.
        prefix: candidates are the best prefix * budget scores.

    Returns:
        min(budget, rows with a score) ids in picking order; f(S) >= (1 - 1/e) of the best possible.

    Raises:
        EmptyPool: no rows.
        SelectionError: no k-NN graph.

    Paper: facility-location-1978 (the bound)
    Paper: lazy-greedy-1978 (the order of work)
    Paper: superfiltering-2024 (the two stages)
    Limits: the sparse graph sees only near neighbours; far apart candidates count as unrelated.
    """
    check(pool, budget)
    need(pool, "knn")
    candidates = _candidates(pool, budget, prefix)
    starts, columns, values = similarity_graph(pool.knn, candidates, len(pool.ids))
    order = lazy_greedy(starts, columns, values, min(budget, len(candidates)))
    return _selection(pool, candidates, candidates[order], "covers_most")


def similarity_graph(knn: Knn, candidates: Array, n: int) -> tuple[Array, Array, Array]:
    """The k-NN graph among some rows as CSR arrays: symmetric, similarities clipped to [0, 1], ones on the diagonal."""
    place = np.full(n, -1, dtype=np.int64)
    place[candidates] = np.arange(len(candidates))
    neighbours = np.asarray(knn.indices)[candidates]
    to = np.where(neighbours >= 0, place[np.maximum(neighbours, 0)], -1)
    rows, columns = np.nonzero(to >= 0)
    near = np.clip(1.0 - np.asarray(knn.distances, dtype=np.float64)[candidates][rows, columns], 0.0, 1.0)
    targets = to[rows, columns]
    own = np.arange(len(candidates))
    a = np.concatenate([rows, targets, own])
    b = np.concatenate([targets, rows, own])
    s = np.concatenate([near, near, np.ones(len(candidates))])
    order = np.lexsort((-s, b, a))
    a, b, s = a[order], b[order], s[order]
    first = np.append(True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])) if len(a) else np.empty(0, dtype=bool)
    a, b, s = a[first], b[first], s[first]
    return np.searchsorted(a, np.arange(len(candidates) + 1)), b, s


def lazy_greedy(starts: Array, columns: Array, values: Array, budget: int) -> Array:
    """Places picked by greedy facility location; a stale gain is worked out again only when it comes to the top.

    Gains only shrink as picks are added (submodular), so a fresh gain that still leads is the largest. Gains are
    rounded to 12 digits so that equal gains tie, and ties fall to the lower place.
    """
    n = len(starts) - 1
    best = np.zeros(n)

    def gain(place: int) -> float:
        part = slice(starts[place], starts[place + 1])
        return round(float(np.maximum(values[part] - best[columns[part]], 0.0).sum()), 12)

    heap = [(-gain(place), place) for place in range(n)]
    heapq.heapify(heap)
    fresh = np.zeros(n, dtype=np.int64)
    order: list[int] = []
    while heap and len(order) < budget:
        _, place = heapq.heappop(heap)
        if fresh[place] != len(order):
            fresh[place] = len(order)
            heapq.heappush(heap, (-gain(place), place))
            continue
        part = slice(starts[place], starts[place + 1])
        best[columns[part]] = np.maximum(best[columns[part]], values[part])
        order.append(place)
    return np.array(order, dtype=np.int64)


K_CENTER = Strategy("k_center", "strategy.k_center.title", ("embeddings", "scores"), "k-center-2018", pick_k_center)
FACILITY_LOCATION = Strategy(
    "facility_location",
    "strategy.facility_location.title",
    ("knn", "scores"),
    "facility-location-1978",
    pick_facility_location,
)
