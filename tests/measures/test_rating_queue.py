"""The order in which people see examples: spread, seeded, never twice to one person, every fifth shared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.measures.rating_queue import next_for, spread


def test_every_beginning_is_spread_over_fifths_and_clusters():
    rng = np.random.default_rng(0)
    unit, clusters = rng.random(1_000), np.repeat(np.arange(10), 100)
    order = spread(unit, clusters, 1_000, seed=3)
    fifths = np.minimum((unit * 5).astype(int), 4)
    for n in (5, 50, 200):
        assert np.bincount(fifths[order[:n]], minlength=5).tolist() == [n // 5] * 5
    assert np.bincount(clusters[order[:50]], minlength=10).min() >= 5, "each fifth goes once through the clusters"


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(0, 1)), max_size=60), st.integers(0, 5))
def test_it_is_a_permutation_and_the_same_for_the_same_seed(values, seed):
    unit = np.array(values, dtype=float)
    clusters = np.arange(len(values)) % 3 - 1
    order = spread(unit, clusters, len(values), seed)
    assert sorted(order.tolist()) == list(range(len(values)))
    assert order.tolist() == spread(unit, clusters, len(values), seed).tolist()


def test_without_score_or_clusters_it_is_a_plain_draw():
    order = spread(None, None, 500, 0)
    assert sorted(order.tolist()) == list(range(500)) and order.tolist() != list(range(500))
    assert order.tolist() != spread(None, None, 500, 1).tolist()
    assert spread(None, None, 0, 0).tolist() == []


def test_one_person_goes_through_everything_once():
    order, mine = np.array([4, 2, 9, 7]), []
    while (one := next_for(order, mine, [])) is not None:
        mine.append(one)
    assert mine == [4, 2, 9, 7]


def test_a_second_person_gets_every_fifth_from_the_first_and_fresh_ones_between():
    order = np.arange(100)
    ann = list(range(40))
    ben: list[int] = []
    for _ in range(20):
        ben.append(next_for(order, ben, ann))
    assert [one for one in ben if one in ann] == [0, 1, 2, 3] and len(set(ben)) == 20
    assert [k for k, one in enumerate(ben) if one in ann] == [0, 5, 10, 15]


@pytest.mark.parametrize("mine", [[1, 2, 3], [1, 2, 3, 99]])
def test_nothing_left_is_none(mine):
    assert next_for(np.array([1, 2, 3]), mine, []) is None
