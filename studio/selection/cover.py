"""Rules that compare candidates with one another: k-center, facility location and MMR, on a prefix of the ranking.

Rows that are labelled already (`Pool.chosen`) count as picked from the start: what they cover need not be again.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from studio.records import Array, Knn, Pool, Selection, Strategy
from studio.selection import reasons
from studio.selection.constraints import best_first
from studio.selection.strategies import check, need

PREFIX = 5  # candidates per example of the budget: superfiltering-2024's two stages (prefix by score, then cover)
BALANCE = 0.5  # ours: the score and being unlike count the same
_BLOCK = 512  # picked rows compared at once
_DIGITS = 6  # of cosine similarities in float32: equal ones must tie whatever block they were worked out in
_EVERY = 256  # picks between two reports of progress
Tick = Callable[[int, int], None]


def candidate_rows(pool: Pool, budget: int, prefix: int = PREFIX) -> Array:
    """Rows of the best prefix * budget scores, in pool order; rows without a score or labelled are no candidates."""
    scores = np.asarray(pool.scores, dtype=np.float64)
    if pool.chosen is not None:
        scores = np.where(pool.chosen, np.nan, scores)
    count = min(prefix * budget, len(pool.ids))
    return np.sort(best_first(scores, count)[:count])


def _chosen(pool: Pool) -> Array:
    return np.empty(0, dtype=np.int64) if pool.chosen is None else np.flatnonzero(pool.chosen)


def _selection(pool: Pool, candidates: Array, order: Array, reason: str) -> Selection:
    picked = np.zeros(len(pool.ids), dtype=bool)
    picked[order] = True
    candidate = np.zeros(len(pool.ids), dtype=bool)
    candidate[candidates] = True

    def why(row: int) -> str:
        if pool.chosen is not None and pool.chosen[row]:
            return reasons.LABELLED
        if np.isnan(pool.scores[row]):
            return reasons.missing_view_of(pool, row)
        return reasons.OVER_BUDGET if candidate[row] else reasons.BELOW_THRESHOLD

    return Selection(pool.ids[order], (reason,) * len(order), reasons.Rejected(pool.ids, picked, why))


def pick_k_center(
    pool: Pool, budget: int, rng: np.random.Generator, *, prefix: int = PREFIX, tick: Tick | None = None
) -> Selection:
    """Each pick is the candidate farthest from all picks so far and from what is labelled.

    next = argmax_i min_{j in S} (1 - cos(x_i, x_j)), ties by id; without labelled rows the first is the candidate
    nearest to the mean of the candidates.

    Args:
        pool: embeddings (n, d) unit rows, scores.
        budget: how many to pick.
        rng: not used.
        prefix: candidates are the best prefix * budget scores.
        tick: called with (done, all) now and then.

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
    candidates = candidate_rows(pool, budget, prefix)
    x = np.asarray(pool.embeddings[candidates], dtype=np.float32)
    count = min(budget, len(candidates))
    order = np.empty(count, dtype=np.int64)
    nearest = np.clip(1.0 - _most_alike(x, pool, _chosen(pool)), 0.0, np.inf)
    free = np.ones(len(candidates), dtype=bool)
    place = 0
    if count:
        place = int(np.argmax(nearest)) if len(_chosen(pool)) else int(np.argmax(x @ x.mean(axis=0)))
    for i in range(count):
        order[i] = place
        free[place] = False
        nearest = np.minimum(nearest, np.clip(1.0 - (x @ x[place]).astype(np.float64), 0.0, 2.0))
        place = int(np.argmax(np.where(free, nearest, -1.0)))
        _report(tick, i + 1, count)
    return _selection(pool, candidates, candidates[order], "farthest")


def _most_alike(x: Array, pool: Pool, chosen: Array) -> Array:
    """(m,) largest cosine similarity of each candidate to a labelled row; minus infinity without any."""
    best = np.full(len(x), -np.inf)
    for start in range(0, len(chosen), _BLOCK):
        block = np.asarray(pool.embeddings[chosen[start : start + _BLOCK]], dtype=np.float32)
        best = np.maximum(best, (x @ block.T).max(axis=1, initial=-np.inf).astype(np.float64))
    return best


def _report(tick: Tick | None, done: int, total: int) -> None:
    if tick is not None and (done % _EVERY == 0 or done == total):
        tick(done, total)


def pick_mmr(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    balance: float = BALANCE,
    prefix: int = PREFIX,
    tick: Tick | None = None,
) -> Selection:
    """Each pick has the best mix of a high score and being unlike all picks so far and what is labelled.

    next = argmax_i  b * score_i - (1 - b) * max_{j in S} cos(x_i, x_j), b = balance; the maximum over nothing is -1;
    ties by id. A candidate's value only falls as picks are added, so only the leading one is worked out again (lazy).

    Args:
        pool: embeddings (n, d) unit rows, scores in [0, 1].
        budget: how many to pick.
        rng: not used.
        balance: in [0, 1]; 1 looks at the score alone.
        prefix: candidates are the best prefix * budget scores.
        tick: called with (done, all) now and then.

    Returns:
        min(budget, rows with a score) ids in picking order.

    Raises:
        EmptyPool: no rows.
        SelectionError: no embeddings.

    Paper: mmr-1998; the weighted score in place of the similarity to a query.
    """
    check(pool, budget)
    need(pool, "embeddings")
    candidates = candidate_rows(pool, budget, prefix)
    x = np.asarray(pool.embeddings[candidates], dtype=np.float32)
    scores = np.asarray(pool.scores, dtype=np.float64)[candidates]
    alike = np.maximum(_most_alike(x, pool, _chosen(pool)), -1.0)
    order = lazy_mmr(x, scores, alike, min(budget, len(candidates)), balance, tick)
    return _selection(pool, candidates, candidates[order], "good_and_unlike")


def lazy_mmr(x: Array, scores: Array, alike: Array, budget: int, balance: float, tick: Tick | None = None) -> Array:
    """Places picked by maximal marginal relevance; `alike` (n,) is the similarity to what is picked from the start."""
    alike = alike.astype(np.float64)
    picks = np.empty((budget, x.shape[1]), dtype=np.float32)
    seen = np.zeros(len(x), dtype=np.int64)  # how many picks a candidate was compared with
    order: list[int] = []

    def value(place: int) -> float:
        return -round(balance * float(scores[place]) - (1.0 - balance) * float(alike[place]), _DIGITS)

    heap = [(value(place), place) for place in range(len(x))]
    heapq.heapify(heap)
    while heap and len(order) < budget:
        _, place = heap[0]
        if seen[place] != len(order):
            found = (picks[seen[place] : len(order)] @ x[place]).max()
            seen[place] = len(order)
            alike[place] = max(alike[place], float(found))
            heapq.heapreplace(heap, (value(place), place))
            continue
        heapq.heappop(heap)
        picks[len(order)] = x[place]
        order.append(place)
        _report(tick, len(order), budget)
    return np.array(order, dtype=np.int64)


def pick_facility_location(
    pool: Pool, budget: int, rng: np.random.Generator, *, prefix: int = PREFIX, tick: Tick | None = None
) -> Selection:
    """Each pick adds most to how well the candidates are represented by their nearest pick (lazy greedy).

    f(S) = sum_i max_{j in S} sim(i, j), with sim the cosine similarity (at least 0) along the stored k-NN graph in
    either direction, 1 for a row with itself and 0 where there is no edge; labelled rows are in S from the start; ties
    by id.

    Args:
        pool: knn over the rows of the pool, scores.
        budget: how many to pick.
        rng: not used.
        prefix: candidates are the best prefix * budget scores.
        tick: called with (done, all) now and then.

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
    candidates = candidate_rows(pool, budget, prefix)
    starts, columns, values = similarity_graph(pool.knn, candidates, len(pool.ids))
    covered = _covered(pool.knn, candidates, _chosen(pool), len(pool.ids))
    order = lazy_greedy(starts, columns, values, min(budget, len(candidates)), covered, tick)
    return _selection(pool, candidates, candidates[order], "covers_most")


def similarity_graph(knn: Knn, candidates: Array, n: int) -> tuple[Array, Array, Array]:
    """The k-NN graph among some rows as CSR arrays: symmetric, similarities clipped to [0, 1], ones on the diagonal."""
    rows, targets, near = _edges(knn, candidates, candidates, n)
    own = np.arange(len(candidates))
    a = np.concatenate([rows, targets, own])
    b = np.concatenate([targets, rows, own])
    s = np.concatenate([near, near, np.ones(len(candidates))])
    order = np.lexsort((-s, b, a))
    a, b, s = a[order], b[order], s[order]
    first = np.append(True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])) if len(a) else np.empty(0, dtype=bool)
    a, b, s = a[first], b[first], s[first]
    return np.searchsorted(a, np.arange(len(candidates) + 1)), b, s


def _edges(knn: Knn, sources: Array, ends: Array, n: int) -> tuple[Array, Array, Array]:
    """Edges of the graph from some rows to others: place among the sources, place among the ends, similarity."""
    place = np.full(n, -1, dtype=np.int64)
    place[ends] = np.arange(len(ends))
    neighbours = np.asarray(knn.indices[sources])
    to = np.where(neighbours >= 0, place[np.maximum(neighbours, 0)], -1)
    rows, columns = np.nonzero(to >= 0)
    near = 1.0 - np.asarray(knn.distances[sources], dtype=np.float64)[rows, columns]
    return rows, to[rows, columns], np.clip(near, 0.0, 1.0)


def _covered(knn: Knn, candidates: Array, chosen: Array, n: int) -> Array:
    """(m,) how well each candidate is represented by a labelled row, along the graph in either direction."""
    covered = np.zeros(len(candidates))
    if len(chosen):
        rows, _, near = _edges(knn, candidates, chosen, n)
        np.maximum.at(covered, rows, near)
        _, targets, near = _edges(knn, chosen, candidates, n)
        np.maximum.at(covered, targets, near)
    return covered


def lazy_greedy(
    starts: Array,
    columns: Array,
    values: Array,
    budget: int,
    covered: Array | None = None,
    tick: Tick | None = None,
) -> Array:
    """Places picked by greedy facility location; a stale gain is worked out again only when it comes to the top.

    Gains only shrink as picks are added (submodular), so a fresh gain that still leads is the largest. Gains are
    rounded to 12 digits so that equal gains tie, and ties fall to the lower place.
    """
    n = len(starts) - 1
    best = np.zeros(n) if covered is None else np.asarray(covered, dtype=np.float64).copy()

    def gain(place: int) -> float:
        part = slice(starts[place], starts[place + 1])
        return round(float(np.maximum(values[part] - best[columns[part]], 0.0).sum()), 12)

    heap = [(-gain(place), place) for place in range(n)]
    heapq.heapify(heap)
    fresh = np.zeros(n, dtype=np.int64)
    order: list[int] = []
    while heap and len(order) < budget:
        _, place = heap[0]
        if fresh[place] != len(order):
            fresh[place] = len(order)
            heapq.heapreplace(heap, (-gain(place), place))
            continue
        heapq.heappop(heap)
        part = slice(starts[place], starts[place + 1])
        best[columns[part]] = np.maximum(best[columns[part]], values[part])
        order.append(place)
        _report(tick, len(order), budget)
    return np.array(order, dtype=np.int64)


K_CENTER = Strategy("k_center", "strategy.k_center.title", ("embeddings", "scores"), "k-center-2018", pick_k_center)
MMR = Strategy("mmr", "strategy.mmr.title", ("embeddings", "scores"), "mmr-1998", pick_mmr)
FACILITY_LOCATION = Strategy(
    "facility_location",
    "strategy.facility_location.title",
    ("knn", "scores"),
    "facility-location-1978",
    pick_facility_location,
)
