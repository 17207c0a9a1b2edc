"""Rules that compare candidates with one another: k-center, facility location and MMR, on a prefix of the ranking.

Rows that are labelled already (`Pool.chosen`) count as picked from the start: what they cover need not be again.
Within limits the pick is always the candidate with the largest gain whose keys have room.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

import numpy as np

from studio.records import Array, Knn, Pool, Selection, Strategy
from studio.selection import reasons
from studio.selection.candidates import PREFIX, candidate_rows, finish
from studio.selection.limits import NONE, Limits, Room
from studio.selection.strategies import check, need

BALANCE = 0.5  # ours: the score and being unlike count the same
_BLOCK = 512  # picked rows compared at once
_DIGITS = 6  # of cosine similarities in float32: equal ones must tie whatever block they were worked out in
_EVERY = 256  # picks between two reports of progress
Tick = Callable[[int, int], None]


def _chosen(pool: Pool) -> Array:
    return np.empty(0, dtype=np.int64) if pool.chosen is None else np.flatnonzero(pool.chosen)


def _selection(
    pool: Pool, budget: int, prefix: int, limits: Limits, order: Array, own: str, room: Room | None
) -> Selection:
    made = room.made_room if room is not None else [False] * len(order)
    why = [reasons.MADE_ROOM if held else own for held in made]
    return finish(pool, budget, order, why, limits, prefix)


def _room(limits: Limits, candidates: Array, n: int) -> Room | None:
    """Room for the candidates; None without caps. No two of them are near-duplicates."""
    return Room(limits.at(candidates, n).axes, len(candidates)) if limits.axes else None


def pick_k_center(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    prefix: int = PREFIX,
    limits: Limits = NONE,
    tick: Tick | None = None,
) -> Selection:
    """Each pick is the candidate farthest from all picks so far and from what is labelled.

    next = argmax_i min_{j in S} (1 - cos(x_i, x_j)), ties by id; without labelled rows the first is the candidate
    nearest to the mean of the candidates.

    Args:
        pool: embeddings (n, d) unit rows, scores.
        budget: how many to pick.
        rng: not used.
        prefix: candidates are the best prefix * budget scores.
        limits: what a pick must fit; the largest gain among those that do.
        tick: called with (done, all) now and then.

    Returns:
        min(budget, rows with a score, what the limits allow) ids in picking order.

    Raises:
        EmptyPool: no rows.
        SelectionError: no embeddings.

    Paper: k-center-2018 (its greedy start).
    Limits: seeks outliers; on a dirty corpus it collects garbage.
    """
    check(pool, budget)
    need(pool, "embeddings")
    candidates = candidate_rows(pool, budget, prefix, limits)
    room = _room(limits, candidates, len(pool.ids))
    x = np.asarray(pool.embeddings[candidates], dtype=np.float32)
    count = min(budget, len(candidates))
    order: list[int] = []
    nearest = np.clip(1.0 - _most_alike(x, pool, _chosen(pool)), 0.0, np.inf)
    value = nearest if len(_chosen(pool)) or not count else (x @ x.mean(axis=0)).astype(np.float64)
    free = np.ones(len(candidates), dtype=bool)
    while len(order) < count:
        place = int(np.argmax(np.where(free, value, -np.inf)))
        if room is not None:
            best, place = place, int(np.argmax(np.where(room.is_open, value, -np.inf)))
            if not room.is_open[place]:
                break
            room.take(place, best != place)
        order.append(place)
        free[place] = False
        value = nearest = np.minimum(nearest, np.clip(1.0 - (x @ x[place]).astype(np.float64), 0.0, 2.0))
        _report(tick, len(order), count)
    rows = candidates[np.array(order, dtype=np.int64)]
    return _selection(pool, budget, prefix, limits, rows, "farthest", room)


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
    limits: Limits = NONE,
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
        limits: what a pick must fit; the largest gain among those that do.
        tick: called with (done, all) now and then.

    Returns:
        min(budget, rows with a score, what the limits allow) ids in picking order.

    Raises:
        EmptyPool: no rows.
        SelectionError: no embeddings.

    Paper: mmr-1998; the weighted score in place of the similarity to a query.
    """
    check(pool, budget)
    need(pool, "embeddings")
    candidates = candidate_rows(pool, budget, prefix, limits)
    room = _room(limits, candidates, len(pool.ids))
    x = np.asarray(pool.embeddings[candidates], dtype=np.float32)
    scores = np.asarray(pool.scores, dtype=np.float64)[candidates]
    alike = np.maximum(_most_alike(x, pool, _chosen(pool)), -1.0)
    order = lazy_mmr(x, scores, alike, min(budget, len(candidates)), balance, tick, room)
    return _selection(pool, budget, prefix, limits, candidates[order], "good_and_unlike", room)


def lazy_mmr(
    x: Array,
    scores: Array,
    alike: Array,
    budget: int,
    balance: float,
    tick: Tick | None = None,
    room: Room | None = None,
) -> Array:
    """Places picked by maximal marginal relevance; `alike` (n,) is the similarity to what is picked from the start."""
    alike = alike.astype(np.float64)
    picks = np.empty((budget, x.shape[1]), dtype=np.float32)
    seen = np.zeros(len(x), dtype=np.int64)  # how many picks a candidate was compared with

    def value(place: int) -> float:
        return -round(balance * float(scores[place]) - (1.0 - balance) * float(alike[place]), _DIGITS)

    def renew(place: int, done: int) -> float:
        alike[place] = max(alike[place], float((picks[seen[place] : done] @ x[place]).max()))
        seen[place] = done
        return value(place)

    def take(place: int, done: int) -> None:
        picks[done] = x[place]

    return _lazy([value(place) for place in range(len(x))], seen, renew, take, budget, tick, room)


def _lazy(
    values: Sequence[float],
    seen: Array,
    renew: Callable[[int, int], float],
    take: Callable[[int, int], None],
    budget: int,
    tick: Tick | None,
    room: Room | None,
) -> Array:
    """Places in picking order: the smallest value first, ties by place, worked out anew only where it leads.

    Values only grow as picks are added, so a fresh one that still leads is the smallest. What has no room is held
    aside, and looked at again only to say whether it would have been picked.

    Args:
        values: (n,) before any pick, the smallest is wanted.
        seen: (n,) how many picks a value knows of; `renew(place, done)` works it out for all done and notes so.
        renew: as above.
        take: told of a pick.
        budget: most picks.
        tick: told of progress.
        room: who may still be taken; None for all.
    """
    heap = [(value, place) for place, value in enumerate(values)]
    heapq.heapify(heap)
    held: list[tuple[float, int]] = []
    order: list[int] = []

    def is_held_back(best: tuple[float, int]) -> bool:
        while held and held[0] < best:
            place = held[0][1]
            if seen[place] == len(order):
                return True
            heapq.heapreplace(held, (renew(place, len(order)), place))
        return False

    while heap and len(order) < budget:
        value, place = heap[0]
        if room is not None and not room.is_open[place]:
            heapq.heappush(held, heapq.heappop(heap))
            continue
        if seen[place] != len(order):
            heapq.heapreplace(heap, (renew(place, len(order)), place))
            continue
        heapq.heappop(heap)
        if room is not None:
            room.take(place, is_held_back((value, place)))
        take(place, len(order))
        order.append(place)
        _report(tick, len(order), budget)
    return np.array(order, dtype=np.int64)


def pick_facility_location(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    prefix: int = PREFIX,
    limits: Limits = NONE,
    tick: Tick | None = None,
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
        limits: what a pick must fit; the largest gain among those that do.
        tick: called with (done, all) now and then.

    Returns:
        min(budget, rows with a score, what the limits allow) ids in picking order; f(S) >= (1 - 1/e) of the
        best possible among the candidates without limits, >= 1/2 of it with limits on one column.

    Raises:
        EmptyPool: no rows.
        SelectionError: no k-NN graph.

    Paper: facility-location-1978 (the bound)
    Paper: greedy-matroid-1978 (the bound within limits)
    Paper: lazy-greedy-1978 (the order of work)
    Paper: superfiltering-2024 (the two stages)
    Limits: the sparse graph sees only near neighbours; far apart candidates count as unrelated.
    """
    check(pool, budget)
    need(pool, "knn")
    candidates = candidate_rows(pool, budget, prefix, limits)
    room = _room(limits, candidates, len(pool.ids))
    starts, columns, values = similarity_graph(pool.knn, candidates, len(pool.ids))
    covered = _covered(pool.knn, candidates, _chosen(pool), len(pool.ids))
    order = lazy_greedy(starts, columns, values, min(budget, len(candidates)), covered, tick, room)
    return _selection(pool, budget, prefix, limits, candidates[order], "covers_most", room)


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
    room: Room | None = None,
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

    fresh = np.zeros(n, dtype=np.int64)

    def renew(place: int, done: int) -> float:
        fresh[place] = done
        return -gain(place)

    def take(place: int, done: int) -> None:
        part = slice(starts[place], starts[place + 1])
        best[columns[part]] = np.maximum(best[columns[part]], values[part])

    return _lazy([-gain(place) for place in range(n)], fresh, renew, take, budget, tick, room)


K_CENTER = Strategy("k_center", "strategy.k_center.title", ("embeddings", "scores"), "k-center-2018", pick_k_center)
MMR = Strategy("mmr", "strategy.mmr.title", ("embeddings", "scores"), "mmr-1998", pick_mmr)
FACILITY_LOCATION = Strategy(
    "facility_location",
    "strategy.facility_location.title",
    ("knn", "scores"),
    "facility-location-1978",
    pick_facility_location,
)
