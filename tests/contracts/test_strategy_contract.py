"""What every strategy promises, run over the catalogue."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from studio import words
from studio.errors import BudgetTooLarge, EmptyPool, SelectionError
from studio.records import Knn, Pool
from studio.selection import STRATEGIES, by_name
from studio.selection.cover import similarity_graph

PAPERS = Path(__file__).parents[2] / "docs" / "papers.md"
N = 40


def pool(n: int = N) -> Pool:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(n, 5))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32) if n else x.astype(np.float32)
    distances = np.clip(1 - x @ x.T, 0, 2)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, : min(6, max(n - 1, 0))]
    knn = Knn(order.astype(np.int32), np.take_along_axis(distances, order, axis=1).astype(np.float32))
    unit = rng.random((n, 4), dtype=np.float32)
    texts = [" ".join(rng.choice(["card", "refund", "我的", "account", "x"], 1 + i % 7)) for i in range(n)]
    return Pool(
        np.arange(n) * 3 + 1,
        unit.mean(axis=1).astype(np.float64),
        unit,
        rng.integers(-1, 4, n),
        {"group_region": rng.integers(-1, 2, n)},
        rng.dirichlet(np.ones(3), size=n),
        x,
        knn,
        texts,
    )


def pick(strategy, given, budget, seed=0, **options):
    return strategy.pick(given, budget, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
class TestStrategy:
    @pytest.mark.parametrize("budget", [0, 1, 7, N, N + 25])
    def test_exactly_the_budget_without_repeats(self, strategy, budget):
        given = pool()
        found = pick(strategy, given, budget)
        assert len(found.ids) == len(set(found.ids.tolist())) == min(budget, N) == len(found.reasons)
        assert set(found.ids.tolist()) <= set(given.ids.tolist())

    def test_every_id_has_one_true_reason(self, strategy):
        given = pool()
        found = pick(strategy, given, 9)
        assert all(found.reasons)
        assert set(found.rejected) == set(given.ids.tolist()) - set(found.ids.tolist())
        assert len(found.rejected) == N - 9
        assert all(found.rejected[i] for i in found.rejected) and int(found.ids[0]) not in found.rejected
        with pytest.raises(KeyError):
            found.rejected[10**9]

    def test_same_seed_same_bytes(self, strategy):
        assert pick(strategy, pool(), 12, 5).ids.tobytes() == pick(strategy, pool(), 12, 5).ids.tobytes()

    def test_the_global_random_state_is_left_alone(self, strategy):
        before = np.random.get_state()[1].tobytes()
        pick(strategy, pool(), 5)
        assert np.random.get_state()[1].tobytes() == before

    def test_an_empty_pool_and_a_negative_budget_are_refused(self, strategy):
        with pytest.raises(EmptyPool):
            pick(strategy, pool(0), 3)
        with pytest.raises(SelectionError):
            pick(strategy, pool(), -1)

    def test_one_example(self, strategy):
        assert pick(strategy, pool(1), 3).ids.tolist() == [1]

    def test_missing_needs_are_refused(self, strategy):
        for name in {"unit", "probs", "embeddings", "knn", "texts", "clusters"} & set(strategy.needs):
            with pytest.raises(SelectionError, match="needs|column"):
                pick(strategy, dataclasses.replace(pool(), **{name: None}), 3)

    def test_ids_out_of_order_are_refused(self, strategy):
        given = pool()
        with pytest.raises(SelectionError, match="increasing"):
            pick(strategy, dataclasses.replace(given, ids=given.ids[::-1].copy()), 3)

    def test_record_is_whole(self, strategy):
        assert strategy.name.isidentifier()
        for language in words.LANGUAGES:
            assert strategy.title in words.catalogue(language)
            assert strategy.title.replace(".title", ".help") in words.catalogue(language)
        assert not strategy.paper or f"| `{strategy.paper}` |" in PAPERS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["weighted_sum", "k_center", "facility_location", "mmr", "deita", "sampled", "margin", "model_score"]
)
def test_undefined_rows_are_never_picked(name):
    given = pool()
    given.scores[::3], given.unit[::3], given.probs[::3] = np.nan, np.nan, np.nan
    found = pick(by_name(name), given, N)
    usable = N - len(given.ids[::3])
    assert len(found.ids) == usable and not set(found.ids.tolist()) & set(given.ids[::3].tolist())
    assert found.rejected[1].startswith("no_")


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
def test_ties_fall_to_the_lower_id(strategy):
    """With nothing to choose between, the answer is the first ids, unless chance is the rule."""
    x = np.tile(np.array([[1, 0]], dtype=np.float32), (6, 1))
    knn = Knn(
        np.array([[j for j in range(6) if j != i] for i in range(6)], dtype=np.int32), np.zeros((6, 5), np.float32)
    )
    given = Pool(
        np.arange(6) + 5,
        np.full(6, 0.5),
        np.full((6, 4), 0.5, np.float32),
        np.zeros(6, int),
        {},
        np.full((6, 2), 0.5),
        x,
        knn,
        ["same"] * 6,
    )
    if strategy.name not in ("random", "stratified", "sampled"):
        assert pick(strategy, given, 3).ids.tolist() == [5, 6, 7]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.name)
@pytest.mark.parametrize("seed", range(4))
def test_renumbering_the_pool_changes_only_ties(strategy, seed):
    """The same examples under other ids: the same examples are chosen, for scores without ties."""
    if strategy.name in ("random", "stratified", "sampled"):
        return  # chance follows the order of the pool
    words_ = [chr(97 + j % 26) * (1 + j // 26) for j in range(N)]
    given = dataclasses.replace(pool(), texts=[" ".join(words_[: i + 1]) for i in range(N)])
    order = np.random.default_rng(seed).permutation(N)
    place = np.empty(N, dtype=int)
    place[order] = np.arange(N)
    knn = Knn(place[given.knn.indices[order]].astype(np.int32), given.knn.distances[order])
    other = dataclasses.replace(
        given,
        scores=given.scores[order],
        unit=given.unit[order],
        clusters=given.clusters[order],
        groups={name: codes[order] for name, codes in given.groups.items()},
        probs=given.probs[order],
        embeddings=given.embeddings[order],
        knn=knn,
        texts=[given.texts[i] for i in order],
    )
    one = np.searchsorted(given.ids, pick(strategy, given, 9).ids)
    two = order[np.searchsorted(other.ids, pick(strategy, other, 9).ids)]
    if strategy.name == "facility_location":  # two rows that are each other's neighbour add the same: a tie
        first = next((i for i in range(9) if one[i] != two[i]), 9)
        gains = [_gain(given, one[:first], picked[first]) for picked in (one, two)] if first < 9 else [0, 0]
        assert gains[0] == pytest.approx(gains[1], abs=1e-9)
    else:
        assert one.tolist() == two.tolist()


def _gain(given, before, row):
    starts, columns, values = similarity_graph(given.knn, np.arange(N), N)
    best = np.zeros(N)
    for other in [*before, row]:
        part = slice(starts[other], starts[other + 1])
        total = best.sum()
        best[columns[part]] = np.maximum(best[columns[part]], values[part])
    return best.sum() - total


@pytest.mark.parametrize("name", ["mmr", "deita", "facility_location", "k_center"])
def test_of_duplicates_one_is_kept_while_others_are_left(name):
    """Every example twice: the first half of the picks holds no pair."""
    given = pool(12)
    twice = np.repeat(np.arange(12), 2)
    x = given.embeddings[twice]
    distances = np.clip(1 - (x @ x.T), 0, 2)
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1, kind="stable")[:, :4]
    double = Pool(
        np.arange(24),
        given.scores[twice],
        given.unit[twice],
        embeddings=x,
        knn=Knn(near.astype(np.int32), np.take_along_axis(distances, near, axis=1).astype(np.float32)),
    )
    options = {"tau": 0.9999} if name == "deita" else {}
    found = pick(by_name(name), double, 8, **options)
    assert len(set(found.ids // 2)) == 8


def test_what_is_labelled_counts_as_picked():
    """Row 0 and its neighbourhood are labelled: nothing that only repeats them is taken first."""
    given = pool()
    chosen = np.zeros(N, dtype=bool)
    chosen[[0, 5, 9]] = True
    labelled = dataclasses.replace(given, chosen=chosen)
    for name in ("mmr", "facility_location", "k_center"):
        found = pick(by_name(name), labelled, 6)
        assert len(found.ids) == 6 and not set(found.ids.tolist()) & set(given.ids[chosen].tolist())
        assert found.rejected[int(given.ids[5])] == "labelled"
        assert len(pick(by_name(name), labelled, N).ids) == N - 3
    x = given.embeddings
    far = pick(by_name("k_center"), labelled, 1, prefix=N).ids[0]
    rest = np.flatnonzero(~chosen)
    assert given.ids[rest[np.argmin((x[rest] @ x[chosen].T).max(axis=1))]] == far
    good = pick(by_name("mmr"), labelled, 1, prefix=N, balance=0.4).ids[0]
    value = 0.4 * given.scores[rest] - 0.6 * (x[rest] @ x[chosen].T).max(axis=1)
    assert given.ids[rest[np.argmax(value)]] == good


def test_deita_fills_up_with_near_duplicates_last_and_says_so():
    given = pool(6)
    knn = Knn(
        np.array([[j for j in range(6) if j != i] for i in range(6)], dtype=np.int32), np.zeros((6, 5), np.float32)
    )
    unit = np.full((6, 4), 0.5, dtype=np.float32)
    unit[:, 2], unit[:, 3] = [0.1, 0.9, 0.5, 0.4, 0.3, 0.2], 0.5
    unit[5, 3] = np.nan
    found = pick(by_name("deita"), dataclasses.replace(given, unit=unit, knn=knn), 3)
    assert found.ids.tolist() == [4, 7, 10]  # rows 1, 2, 3 by 0.45, 0.25, 0.20
    assert found.reasons == ("difficult_and_good", "filled_up", "filled_up")
    assert found.rejected[13] == "near_duplicate_of:4" and found.rejected[16] == "no_score:quality"


def test_caps_quotas_tau_and_threshold_of_the_weighted_sum():
    given, strategy = pool(), by_name("weighted_sum")
    found = pick(strategy, given, 9, caps={"cluster": 2, "group_region": 4})
    rows = np.searchsorted(given.ids, found.ids)
    assert np.bincount(given.clusters[rows] + 1).max() <= 2
    assert np.bincount(given.groups["group_region"][rows] + 1).max() <= 4
    with pytest.raises(BudgetTooLarge, match="10 of 30 fit"):
        pick(strategy, given, 30, caps={"cluster": 2})
    even = pick(strategy, given, 10, alpha=0.0)
    counts = np.bincount(given.clusters[np.searchsorted(given.ids, even.ids)] + 1, minlength=5)
    assert counts.tolist() == [2, 2, 2, 2, 2]
    high = pick(strategy, given, N, threshold=0.5)
    assert len(high.ids) == (given.scores >= 0.5).sum()
    low = int(given.ids[np.argmin(given.scores)])
    assert high.rejected[low] == "below_threshold"
    apart = pick(strategy, given, 5, tau=0.8)
    x = given.embeddings[np.searchsorted(given.ids, apart.ids)]
    similarity = x @ x.T
    assert similarity[~np.eye(5, dtype=bool)].max() <= 0.8 + 1e-6


def test_stratified_keeps_the_shares_of_the_pool():
    given = pool()
    found = pick(by_name("stratified"), given, 20, axis="group_region")
    codes = given.groups["group_region"]
    picked = np.bincount(codes[np.searchsorted(given.ids, found.ids)] + 1, minlength=3)
    assert np.abs(picked - np.bincount(codes + 1, minlength=3) / 2).max() <= 1


def test_longest_and_unknown():
    given = pool()
    longest = max(range(N), key=lambda i: (len(given.texts[i]), -i))
    assert pick(by_name("longest"), given, 1).ids[0] == given.ids[longest]
    with pytest.raises(SelectionError, match="no such strategy"):
        by_name("vibes")
    assert len({s.name for s in STRATEGIES}) == len(STRATEGIES)


def test_sampling_by_score_is_that_of_the_softmax():
    """Three rows, first pick of 4,000 draws: exp(z / T) in proportion; at temperature 0 the best scores."""
    given = Pool(np.array([3, 5, 8]), np.array([0.2, 0.5, 0.8]))
    z = (given.scores - 0.5) / given.scores.std()
    wanted = np.exp(z / 2.0) / np.exp(z / 2.0).sum()
    first = [int(pick(by_name("sampled"), given, 1, seed, temperature=2.0).ids[0]) for seed in range(4_000)]
    shares = np.array([first.count(i) for i in (3, 5, 8)]) / 4_000
    assert np.abs(shares - wanted).max() < 4 * np.sqrt(0.25 / 4_000)
    assert pick(by_name("sampled"), given, 2, temperature=0.0).ids.tolist() == [8, 5]
    flat = Pool(np.arange(3), np.full(3, 0.4))
    assert sorted(pick(by_name("sampled"), flat, 3).ids.tolist()) == [0, 1, 2]
