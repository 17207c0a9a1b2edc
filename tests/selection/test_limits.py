"""Limits and every way of choosing: beside plain loops, brute force, and the promise that nothing is left to add."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.records import VIEWS, Knn, Pool
from studio.selection import STRATEGIES, by_name, proxy_arms
from studio.selection.constraints import Axis, NearGraph, NearPairs, near_pairs, pick_best
from studio.selection.cover import lazy_greedy, similarity_graph
from studio.selection.limits import Limits, Room
from studio.selection.live import LiveMatrix
from studio.selection.proxy_arms import Candidates
from studio.selection.recipe import Recipe

NAN = float("nan")
NOISE = 2e-6  # of cosines in float32
ORDERED = [s.name for s in STRATEGIES if s.name not in ("k_center", "facility_location", "mmr")]


def a_pool(seed, n, *, holes=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    distances = np.clip(1 - x @ x.T, 0, 2)
    np.fill_diagonal(distances, np.inf)
    k = min(4, n - 1)
    near = np.argsort(distances, axis=1, kind="stable")[:, :k]
    unit = np.round(rng.random((n, 4)), 1).astype(np.float32)
    scores = np.round(rng.random(n), 1)  # rounding makes ties
    probs = np.round(rng.dirichlet(np.ones(3), size=n), 2)
    if holes:
        scores[::5] = unit[::5] = probs[::5] = NAN
    texts = ["ab " * int(rng.integers(1, 6)) for _ in range(n)]
    knn = Knn(near.astype(np.int32), np.take_along_axis(distances, near, axis=1).astype(np.float32))
    return Pool(np.arange(n) * 2 + 3, scores, unit, rng.integers(-1, 3, n), {}, probs, x, knn, texts)


@st.composite
def problems(draw, most=16):
    n = draw(st.integers(2, most))
    pool = a_pool(draw(st.integers(0, 10_000)), n, holes=draw(st.booleans()))
    axes = []
    for name in ("cluster", "region")[: draw(st.integers(0, 2))]:
        codes = pool.clusters if name == "cluster" else np.array(draw(st.lists(st.integers(-1, 2), min_size=n,
                                                                               max_size=n)))  # fmt: skip
        limits = np.array(draw(st.lists(st.integers(0, 5), min_size=4, max_size=4)))
        axes.append(Axis(name, codes, limits))
    near = near_pairs(pool.knn, 0.7) if draw(st.booleans()) else None
    return pool, Limits(tuple(axes), near), draw(st.integers(0, n + 2))


def fits(limits, rows, row):
    """Whether one more row may be taken, by hand."""
    for axis in limits.axes:
        if sum(axis.codes[r] == axis.codes[row] for r in rows) >= axis.limits[axis.codes[row] + 1]:
            return False
    if limits.near is not None:
        for a, b in zip(limits.near.first.tolist(), limits.near.second.tolist(), strict=True):
            if (a == row and b in rows) or (b == row and a in rows):
                return False
    return True


def plain_walk(order, budget, limits, start=()):
    kept = list(start)
    for row in sorted(np.flatnonzero(~np.isnan(order)).tolist(), key=lambda r: (-order[r], r)):
        if len(kept) < budget and row not in kept and fits(limits, kept, row):
            kept.append(row)
    return kept


def order_of(name, pool, seed):
    """What a strategy goes down, worked out apart from it."""
    rng = np.random.default_rng(seed)
    n = len(pool.ids)
    if name == "longest":
        return np.array([float(len(text)) for text in pool.texts])
    if name == "model_score":
        return pool.unit[:, 2].astype(float)
    if name == "margin":
        ordered = np.sort(pool.probs, axis=1)
        return ordered[:, -2] - ordered[:, -1]
    if name == "random":
        return -np.argsort(rng.permutation(n)).astype(float)
    return pool.scores


@settings(max_examples=60, deadline=None)
@given(problems(), st.sampled_from(["weighted_sum", "random", "longest", "model_score", "margin"]))
def test_an_order_is_walked_as_the_weighted_sum_walks_its_scores(problem, name):
    pool, limits, budget = problem
    found = by_name(name).pick(pool, budget, np.random.default_rng(7), limits=limits)
    rows = np.searchsorted(pool.ids, found.ids).tolist()
    assert rows == plain_walk(order_of(name, pool, 7), budget, limits)
    same = Pool(pool.ids, found.order)
    assert by_name("weighted_sum").pick(same, budget, np.random.default_rng(0), limits=limits).ids.tolist() == (
        found.ids.tolist()
    )


@settings(max_examples=80, deadline=None)
@given(problems(), st.sampled_from(ORDERED))
def test_every_way_down_an_order_keeps_to_its_limits_and_leaves_nothing_to_add(problem, name):
    pool, limits, budget = problem
    if name == "deita":  # its filter is its own
        limits = Limits(limits.axes)
    _check(name, pool, limits, budget)


@settings(max_examples=50, deadline=None)
@given(problems(), st.sampled_from(["k_center", "facility_location", "mmr"]), st.sampled_from([1, 5]))
def test_candidates_are_compared_as_a_plain_loop_compares_them(problem, name, prefix):
    pool, limits, budget = problem
    found = _check(name, pool, limits, budget, prefix=prefix)
    rows, why = plain_greedy(name, pool, limits, budget, prefix, np.searchsorted(pool.ids, found.ids).tolist())
    assert np.searchsorted(pool.ids, found.ids).tolist() == rows
    assert [one for one, other in zip(found.reasons, why, strict=True) if other not in ("tie", one)] == []


OWN = {"k_center": "farthest", "facility_location": "covers_most", "mmr": "good_and_unlike"}


def plain_greedy(name, pool, limits, budget, prefix, taken):
    """Every candidate's value at every step; the best of those that fit, and whether a better one did not.

    Where two values differ by rounding alone, the one that was taken stands.
    """
    wider = Limits(tuple(Axis(a.name, a.codes, a.limits * prefix) for a in limits.axes), limits.near)
    candidates = sorted(plain_walk(pool.scores, prefix * budget, wider))
    x = pool.embeddings
    alike = np.clip(1 - pool.knn.distances.astype(float), 0, 1)
    s = np.eye(len(x))
    for i, line in enumerate(pool.knn.indices):
        for j, value in zip(line, alike[i], strict=True):
            s[i, j] = s[j, i] = max(s[i, j], value)
    mean = x[candidates].mean(axis=0) if candidates else None

    def value(row, rows):
        if name == "k_center":
            if not rows:
                return float(np.float32(x[row] @ mean))
            return min(np.clip(1 - float(x[candidates][candidates.index(row)] @ x[r]), 0, 2) for r in rows)
        if name == "mmr":
            near = max((float(x[row] @ x[r]) for r in rows), default=-1.0)
            return round(0.5 * pool.scores[row] - 0.5 * near, 6)
        before = s[np.ix_(candidates, rows)].max(axis=1) if rows else np.zeros(len(candidates))
        return round(float(np.maximum(s[candidates, row] - before, 0).sum()), 12)

    rows, why = [], []
    while len(rows) < budget:
        left = [row for row in candidates if row not in rows]
        open_ = [row for row in left if fits(limits, rows, row)]
        if not open_:
            break
        values = {row: value(row, rows) for row in left}
        top = max(values[row] for row in open_)
        pick = max(open_, key=lambda row: (values[row], -row))
        if len(rows) < len(taken) and taken[len(rows)] in open_ and values[taken[len(rows)]] > top - NOISE:
            pick = taken[len(rows)]
        over = max((values[row] for row in left if row not in open_), default=-np.inf) - top
        rows.append(pick)
        why.append("tie" if abs(over) < NOISE else "made_room" if over > 0 else OWN[name])
    more = plain_walk(pool.scores, budget, limits, rows)[len(rows) :]
    return rows + more, why + ["filled_by_score"] * len(more)


def _check(name, pool, limits, budget, **options):
    """What is promised of any choice within limits."""
    found = by_name(name).pick(pool, budget, np.random.default_rng(3), limits=limits, **options)
    again = by_name(name).pick(pool, budget, np.random.default_rng(3), limits=limits, **options)
    assert found.ids.tolist() == again.ids.tolist() and found.reasons == again.reasons
    rows = np.searchsorted(pool.ids, found.ids).tolist()
    assert len(set(rows)) == len(rows) == len(found.reasons) <= budget
    for place, row in enumerate(rows):
        assert fits(limits, rows[:place], row)
    lacks = {"random": [], "stratified": [], "longest": [], "heuristic": [], "model_score": pool.unit[:, 2],
             "margin": pool.probs[:, 0], "deita": pool.unit[:, 2]}.get(name, pool.scores)  # fmt: skip
    usable = [r for r in range(len(pool.ids)) if not len(lacks) or not np.isnan(lacks[r])]
    assert set(rows) <= set(usable)
    if len(rows) < min(budget, len(usable)):
        assert limits and not any(fits(limits, rows, row) for row in usable if row not in rows)
    if limits.near is None and len(limits.axes) == 1:  # all choices nothing can be added to are equally large
        axis = limits.axes[0]
        sizes = np.bincount(axis.codes[usable].astype(int) + 1, minlength=len(axis.limits))
        assert len(rows) == min(budget, int(np.minimum(sizes, axis.limits).sum()))
    for row in sorted(set(range(len(pool.ids))) - set(rows)):
        _is_true(name, found.rejected[int(pool.ids[row])], row, rows, pool, limits, budget, usable)
    return found


def _is_true(name, code, row, rows, pool, limits, budget, usable):
    head, _, rest = code.partition(":")
    if row not in usable:
        assert head.startswith("no_")
    elif head == "cap":
        column, _, key = rest.partition(":")
        assert any(axis.name == column and key == str(axis.codes[row])
                   and sum(axis.codes[r] == axis.codes[row] for r in rows) >= axis.limits[axis.codes[row] + 1]
                   for axis in limits.axes)  # fmt: skip
    elif head == "share_full":
        assert name == "stratified" and not any(axis.name == "cluster" and axis.kind != "cap" for axis in limits.axes)
    elif head == "near_duplicate_of":
        twin = int(np.searchsorted(pool.ids, int(rest)))
        assert 1 - min(_distance(pool, row, twin), _distance(pool, twin, row)) > 0.7
        assert twin in rows or name in OWN  # a better candidate, at least
    else:
        assert head in ("over_budget", "below_threshold") and len(rows) == budget
        assert head == "over_budget" or name in OWN


def _distance(pool, one, other):
    at = np.flatnonzero(pool.knn.indices[one] == other)
    return float(pool.knn.distances[one][at[0]]) if len(at) else 2.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 11), st.integers(1, 4), st.lists(st.integers(0, 3), min_size=4,
                                                                                max_size=4))  # fmt: skip
def test_within_one_column_of_caps_the_walk_is_the_best_choice_and_greedy_cover_half_of_it(seed, n, budget, room):
    """Brute force over every choice the caps allow."""
    pool = a_pool(seed, n)
    axis = Axis("cluster", pool.clusters, np.array(room))
    limits = Limits((axis,))
    size = len(by_name("weighted_sum").pick(pool, budget, np.random.default_rng(0), limits=limits).ids)
    allowed = [some for some in itertools.combinations(range(n), size)
               if (np.bincount(pool.clusters[list(some)] + 1, minlength=4) <= axis.limits).all()]  # fmt: skip
    graph = similarity_graph(pool.knn, np.arange(n), n)
    s = np.zeros((n, n))
    for i in range(n):
        s[i, graph[1][graph[0][i] : graph[0][i + 1]]] = graph[2][graph[0][i] : graph[0][i + 1]]
    covers = lambda some: s[:, list(some)].max(axis=1, initial=0.0).sum()  # noqa: E731
    walked = pick_best(pool.scores, budget, [axis]).rows
    assert pool.scores[walked].sum() == pytest.approx(max(pool.scores[list(some)].sum() for some in allowed))
    picked = lazy_greedy(*graph, budget, room=Room([axis], n))
    assert len(picked) == size
    assert covers(picked) >= max(map(covers, allowed)) / 2 - 1e-9


def test_quotas_by_hand_in_every_strategy():
    """Six of cluster 0, three of 1, one of 2: the same for all is 2, 2, 1 and one more of the first."""
    pool = a_pool(1, 10)
    codes = np.array([0, 0, 0, 1, 0, 1, 0, 2, 1, 0])
    limits = Limits((Axis("cluster", codes, np.array([0, 3, 2, 1]), "quota"),))
    for strategy in STRATEGIES:
        found = strategy.pick(pool, 6, np.random.default_rng(0), limits=limits)
        counts = np.bincount(codes[np.searchsorted(pool.ids, found.ids)], minlength=3)
        assert counts.tolist() == [3, 2, 1], strategy.name


def test_k_center_within_a_cap_by_hand():
    """Rows at 0, 5, 90, 95 and 180 degrees, those at 0 and 180 of one group that may have one."""
    angles = np.deg2rad([0, 5, 90, 95, 180])
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pool = Pool(np.arange(10, 15), np.ones(5), embeddings=x)
    limits = Limits((Axis("group_a", np.array([0, 1, 1, 1, 0]), np.array([9, 1, 9])),), keys={"group_a": ("far", "x")})
    found = by_name("k_center").pick(pool, 3, np.random.default_rng(0), limits=limits)
    # 90 first; then 0 and 180 are equally far and the lower id wins; 180 is farthest but its group is full: 5 is next
    assert found.ids.tolist() == [12, 10, 11] and found.reasons == ("farthest", "farthest", "made_room")
    assert dict(found.rejected) == {13: "over_budget", 14: "cap:group_a:far"}


def test_stratified_goes_on_where_a_cap_cuts_a_stratum():
    """Eight of cluster 0 and two of 1; five wanted, at most three of a cluster: shares 4 and 1 become 3 and 2."""
    pool = Pool(np.arange(10), np.ones(10), clusters=np.array([0] * 8 + [1] * 2))
    limits = Limits((Axis("cluster", pool.clusters, np.array([3, 3, 3])),))
    found = by_name("stratified").pick(pool, 5, np.random.default_rng(0), limits=limits)
    assert np.bincount(pool.clusters[found.ids]).tolist() == [3, 2]
    other = Limits((Axis("group_a", np.array([0] * 7 + [1] * 3), np.array([0, 1, 9])),))
    found = by_name("stratified").pick(pool, 4, np.random.default_rng(0), limits=other)
    assert sorted(found.ids.tolist())[1:] == [7, 8, 9] and found.reasons[-1] == "random_draw"


@pytest.mark.parametrize("is_graph", [False, True])
def test_limits_of_some_rows_are_those_of_the_whole(is_graph):
    pool = a_pool(5, 20)
    near = NearGraph(pool.knn, 0.5) if is_graph else near_pairs(pool.knn, 0.5)
    limits = Limits((Axis("cluster", pool.clusters, np.array([2, 2, 2, 2])),), near)
    rows = np.arange(0, 20, 2)
    part = limits.at(rows, 20)
    scores = np.where(np.isin(np.arange(20), rows), pool.scores, NAN)
    whole = pick_best(scores, 6, limits.axes, limits.near).rows
    assert rows[pick_best(pool.scores[rows], 6, part.axes, part.near).rows].tolist() == whole.tolist()
    twice = part.at(np.arange(0, 10, 2), 10)
    if isinstance(twice.near, NearPairs):
        assert twice.near.first.max(initial=0) < 5


def test_an_arm_of_a_study_keeps_to_the_limits_of_its_recipe():
    """A cap of 3 of 6 is one of 2 of 4: by hand, farthest apart on a line of angles, two of either group."""
    n = 12
    angles = np.deg2rad(np.arange(n) * 10.0)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    codes = np.array([0] * 9 + [1] * 3, dtype=np.int32)
    matrix = LiveMatrix(np.arange(n), np.full((n, 4), 0.5, np.float32), {"cluster": codes}, {"cluster": ("a", "b")})
    of = Candidates(matrix, dict.fromkeys(VIEWS, 25), [""] * n, x)
    recipe = Recipe(strategy="k_center", budget=6, caps={"cluster": 3})
    rows = proxy_arms.choose(of, recipe, 4)
    # the mean points to 55 degrees: 50; then 110 (60 away; 0 is 50 away), then 0; 80 comes next (30 away) without
    # a cap, but its group is full: 90 is 20 away from 110, 100 only 10
    assert rows.tolist() in ([5, 11, 0, 9], [6, 0, 11, 9])
    assert proxy_arms.choose(of, Recipe(strategy="k_center", budget=6), 4).tolist()[3] in (3, 8)
