from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.records import Knn, Pool
from studio.selection.cover import lazy_greedy, lazy_mmr, pick_facility_location, pick_k_center, similarity_graph


def full_knn(x: np.ndarray) -> Knn:
    distances = np.clip(1 - x @ x.T, 0, 2)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :-1]
    return Knn(order.astype(np.int32), np.take_along_axis(distances, order, axis=1).astype(np.float32))


def unit_rows(seed: int, n: int, d: int = 3) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def dense(starts, columns, values):
    n = len(starts) - 1
    s = np.zeros((n, n))
    for i in range(n):
        s[i, columns[starts[i] : starts[i + 1]]] = values[starts[i] : starts[i + 1]]
    return s


def plain_greedy(s, budget):
    best, order = np.zeros(len(s)), []
    for _ in range(min(budget, len(s))):
        gains = [round(float(np.maximum(s[i] - best, 0).sum()), 12) if i not in order else -1 for i in range(len(s))]
        order.append(int(np.argmax(gains)))
        best = np.maximum(best, s[order[-1]])
    return order


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(0, 12), st.integers(1, 6))
def test_lazy_greedy_is_plain_greedy(seed, n, budget, k):
    knn = full_knn(unit_rows(seed, n))
    knn = Knn(knn.indices[:, :k], np.round(knn.distances[:, :k], 1))  # rounding makes ties
    graph = similarity_graph(knn, np.arange(n), n)
    s = dense(*graph)
    np.testing.assert_array_equal(s, s.T)
    assert (np.diag(s) == 1).all()
    assert lazy_greedy(*graph, budget).tolist() == plain_greedy(s, budget)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 11), st.integers(1, 5))
def test_greedy_is_within_its_bound_of_the_best_subset(seed, n, budget):
    budget = min(budget, n)
    s = dense(*similarity_graph(full_knn(unit_rows(seed, n)), np.arange(n), n))
    value = lambda chosen: s[:, list(chosen)].max(axis=1).sum()  # noqa: E731
    best = max(value(chosen) for chosen in itertools.combinations(range(n), budget))
    picked = pick_facility_location(
        Pool(np.arange(n), np.ones(n), knn=full_knn(unit_rows(seed, n))), budget, np.random.default_rng(0), prefix=n
    )  # every row is a candidate: the bound says nothing of rows the ranking left out
    assert best >= value(picked.ids) - 1e-9 >= (1 - 1 / math.e) * best - 1e-9


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(0, 12), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_lazy_mmr_is_plain_mmr(seed, n, budget, balance):
    """Every value worked out anew at every step, in float64."""
    x = unit_rows(seed, n)
    scores = np.round(np.random.default_rng(seed).random(n), 1)  # rounding makes ties
    order, alike = [], np.full(n, -1.0)
    for _ in range(min(budget, n)):
        value = np.round(balance * scores - (1 - balance) * alike, 6)
        value[order] = -np.inf
        order.append(int(np.argmax(value)))
        alike = np.maximum(alike, x.astype(np.float64) @ x[order[-1]].astype(np.float64))
    found = lazy_mmr(x, scores, np.full(n, -1.0), min(budget, n), balance)
    assert found.tolist() == order


def test_mmr_by_hand():
    """Three rows at 0, 10 and 90 degrees: the best first, then the unlike one, though its score is lowest."""
    angles = np.deg2rad([0, 10, 90])
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    scores = np.array([0.9, 0.8, 0.5])
    assert lazy_mmr(x, scores, np.full(3, -1.0), 3, 0.5).tolist() == [0, 2, 1]  # 0.4 - 0.49 < 0.25 - 0
    assert lazy_mmr(x, scores, np.full(3, -1.0), 3, 1.0).tolist() == [0, 1, 2]
    assert lazy_mmr(x, scores, np.array([1.0, 0.985, 0.0]), 1, 0.5).tolist() == [2]  # row 0 is labelled already


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 11), st.integers(1, 4))
def test_greedy_keeps_its_bound_when_some_rows_are_labelled(seed, n, budget):
    knn, rest = full_knn(unit_rows(seed, n)), np.arange(1, n)
    budget = min(budget, n - 1)
    s = dense(*similarity_graph(knn, np.arange(n), n))
    start = s[0, 1:]
    gain = lambda chosen: np.maximum(start, s[:, list(chosen)].max(axis=1)[1:]).sum() - start.sum()  # noqa: E731
    chosen = np.arange(n) == 0
    picked = pick_facility_location(
        Pool(np.arange(n), np.ones(n), knn=knn, chosen=chosen), budget, np.random.default_rng(0), prefix=n
    )
    best = max(gain(some) for some in itertools.combinations(rest, budget))
    assert best >= gain(picked.ids) - 1e-6 >= (1 - 1 / math.e) * best - 1e-6


def test_more_budget_never_covers_less():
    x = unit_rows(1, 60)
    s = dense(*similarity_graph(full_knn(x), np.arange(60), 60))
    order = lazy_greedy(*similarity_graph(full_knn(x), np.arange(60), 60), 60)
    covered = [s[:, order[: m + 1]].max(axis=1).sum() for m in range(60)]
    assert all(b >= a - 1e-12 for a, b in itertools.pairwise(covered)) and len(set(order.tolist())) == 60


def test_k_center_takes_the_farthest_row_each_time():
    angles = np.deg2rad([0, 5, 90, 95, 180])
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    picked = pick_k_center(Pool(np.array([10, 11, 12, 13, 14]), np.ones(5), embeddings=x), 3, np.random.default_rng(0))
    # mean points to 88.6 degrees: row 12 first; then 180 and 0 are equally far (90), the lower id wins; then 180
    assert picked.ids.tolist() == [12, 10, 14]


def test_duplicates_do_not_confuse_k_center():
    x = np.tile(unit_rows(0, 1, 384), (50, 1))  # self-similarity in float32 may exceed 1
    picked = pick_k_center(Pool(np.arange(50), np.ones(50), embeddings=x), 20, np.random.default_rng(0))
    assert len(set(picked.ids.tolist())) == 20


def test_candidates_are_a_prefix_of_the_ranking():
    x = unit_rows(2, 30)
    scores = np.linspace(0, 1, 30)
    picked = pick_k_center(Pool(np.arange(30), scores, embeddings=x), 4, np.random.default_rng(0), prefix=3)
    assert min(picked.ids) >= 18
    assert (
        picked.rejected[0] == "below_threshold"
        and picked.rejected[int(np.setdiff1d(range(18, 30), picked.ids)[0])] == "over_budget"
    )
