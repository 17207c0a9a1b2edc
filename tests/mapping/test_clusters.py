from __future__ import annotations

import networkx
import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from studio.errors import MeasureError
from studio.mapping.clusters import find_clusters
from studio.mapping.communities import louvain, modularity, shared_neighbour_graph
from studio.mapping.keywords import _without_repeats, cluster_keywords, cluster_names
from studio.mapping.neighbours import nearest_neighbours


def islands(n: int, n_islands: int, *, spread: float = 0.25, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = np.arange(n) % n_islands
    rows = rng.normal(size=(n_islands, 32))[group] + spread * rng.normal(size=(n, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), group


def test_islands_are_found_and_the_same_seed_repeats():
    vectors, group = islands(600, 6)
    graph = nearest_neighbours(vectors, 15)
    found = find_clusters(graph, seed=1)
    kept = found.labels >= 0
    assert found.n_clusters == 6
    assert adjusted_rand_score(group[kept], found.labels[kept]) == 1.0
    assert found.noise_share == pytest.approx((~kept).mean())
    assert found.stability > 0.95
    assert np.array_equal(find_clusters(graph, seed=1).labels, found.labels)


def test_clusters_are_numbered_by_size():
    vectors, _ = islands(300, 3)
    vectors = np.vstack([vectors[::3][:100], vectors[1::3][:60], vectors[2::3][:30]])
    sizes = np.bincount(find_clusters(nearest_neighbours(vectors, 15)).labels + 1)[1:]
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)


def test_a_far_row_belongs_to_no_cluster_but_copies_do():
    """150 equal rows have neighbours only among the first 30 of them, and still are a cluster, not noise."""
    vectors, _ = islands(300, 2, spread=0.1)
    far = np.zeros((1, 32), dtype=np.float32)
    copies = np.tile(islands(1, 1, seed=9)[0], (150, 1))
    found = find_clusters(nearest_neighbours(np.vstack([vectors, far, copies]), 30))
    assert found.labels[300] == -1
    assert (found.labels[301:] >= 0).all() and len(set(found.labels[301:].tolist())) == 1


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 20])
def test_tiny_corpora(n):
    vectors, _ = islands(max(n, 1), 2)
    found = find_clusters(nearest_neighbours(vectors[:n], 15))
    assert found.labels.shape == (n,)
    assert n == 0 or (found.labels >= 0).any()


def test_all_rows_equal_are_one_story():
    vectors = np.tile(islands(1, 1)[0], (80, 1))
    found = find_clusters(nearest_neighbours(vectors, 30))
    assert (found.labels >= 0).all()


def test_modularity_is_that_of_networkx_and_louvain_is_as_good():
    club = networkx.karate_club_graph()
    graph = networkx.to_scipy_sparse_array(club, weight="weight", dtype=float)
    graph = sparse.csr_matrix(graph)
    member, value = max(
        (louvain(graph, resolution=1.0, rng=np.random.default_rng(s)) for s in range(5)), key=lambda p: p[1]
    )
    sets = [set(np.flatnonzero(member == c).tolist()) for c in range(int(member.max()) + 1)]
    assert value == pytest.approx(networkx.community.modularity(club, sets, weight="weight"))
    best = max(
        networkx.community.modularity(club, networkx.community.louvain_communities(club, seed=s), weight="weight")
        for s in range(5)
    )
    assert value >= best - 0.005
    assert modularity(graph, np.zeros(34, dtype=int), 1.0) == pytest.approx(0.0)


def test_shared_neighbour_weights_by_hand():
    # N_0 = {0,1,2}, N_1 = {1,0,2}, N_2 = {2,1,0}, N_3 = {3,2,1}: overlaps 3 of 3, and 2 of 4 with row 3
    graph = shared_neighbour_graph(np.array([[1, 2], [0, 2], [1, 0], [2, 1]])).toarray()
    assert np.allclose(graph, [[0, 1, 1, 0], [1, 0, 1, 0.5], [1, 1, 0, 0.5], [0, 0.5, 0.5, 0]])


def test_bad_parameters_are_named():
    graph = nearest_neighbours(islands(20, 2)[0], 5)
    with pytest.raises(MeasureError):
        find_clusters(graph, resolution=0)


def test_english_clusters_are_named_by_their_own_words():
    texts = ["my card payment failed", "the card payment was declined", "a card payment is pending"] * 4
    texts += ["what is the exchange rate", "the exchange rate is wrong", "rate of exchange today"] * 4
    labels = np.repeat([0, 1], 12)
    words = cluster_keywords(texts, labels)
    assert "card payment" in words[0][:2]
    assert "exchange rate" in words[1][:2]
    assert not any(word in ("the", "is", "my", "what") for found in words.values() for word in found)


def test_chinese_clusters_are_named_by_words():
    texts = ["我的银行卡丢了", "银行卡在哪里补办", "银行卡被吞了"] * 3 + [
        "汇率怎么算的",
        "今天的汇率是多少",
        "汇率不对",
    ] * 3
    words = cluster_keywords(texts, np.repeat([0, 1], 9))
    names = cluster_names(words)
    assert "银行卡" in names[0]
    assert "汇率" in names[1]


def test_names_are_never_empty_and_never_the_same():
    texts = ["", "   ", "!!! ???", "12 34", "the of and", "a b c", "same words here", "same words here"]
    labels = np.arange(8)
    names = cluster_names(cluster_keywords(texts, labels))
    assert all(name.strip() for name in names.values())
    assert len(set(names.values())) == 8


def test_a_pair_takes_the_place_of_its_word():
    assert _without_repeats(["card", "card payment", "cards", "payment", "refund"], 3) == ("card payment", "refund")
