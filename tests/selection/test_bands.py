from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from studio.errors import SelectionError
from studio.selection.bands import (
    against_random,
    hypergeometric_bands,
    random_draws,
    simulated_bands,
    stratified_bands,
)
from studio.selection.constraints import Axis, equal_cap
from studio.statistics import corrected_q


def enumerate_draws(sizes, picked_n):
    """Every subset of a tiny pool, counted by group."""
    rows = [g for g, size in enumerate(sizes) for _ in range(size)]
    counts = [np.bincount(draw, minlength=len(sizes)) for draw in itertools.combinations(rows, picked_n)]
    return np.array(counts)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=3), st.integers(1, 5), st.integers(0, 10_000))
def test_the_band_is_that_of_all_possible_draws(sizes, size, seed):
    size = min(size, sum(sizes))
    draws = enumerate_draws(sizes, size)
    picked = draws[seed % len(draws)]
    for g, band in enumerate(hypergeometric_bands(np.array(sizes), picked)):
        column = draws[:, g]
        inside = (column >= band.low) & (column <= band.high)
        assert inside.mean() >= 0.95 - 1e-12
        assert (column < band.low).mean() <= 0.025 + 1e-12 and (column > band.high).mean() <= 0.025 + 1e-12
        # and it cannot be narrowed on either side
        assert (column <= band.low).mean() >= 0.025 - 1e-12 and (column < band.high).mean() < 0.975 + 1e-12
        p = min(1, 2 * min((column <= picked[g]).mean(), (column >= picked[g]).mean()))
        assert band.p == pytest.approx(p, abs=1e-9)
        assert band.expected == pytest.approx(column.mean())


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), min_size=1, max_size=3).filter(
        lambda cells: all(any(row) for row in cells)
    ),
    st.integers(0, 10_000),
)
def test_a_band_under_a_quota_is_that_of_all_draws_that_fill_it(cells, seed):
    """Every stratum's subsets, in every combination: each draw takes the same number of a stratum."""
    members = np.array(cells)
    rng = np.random.default_rng(seed)
    taken = np.array([rng.integers(0, n + 1) for n in members.sum(axis=1)])
    parts = [enumerate_draws(row, m) for row, m in zip(members, taken, strict=True)]
    draws = np.array([sum(one) for one in itertools.product(*parts)])
    picked = draws[seed % len(draws)]
    pool = members.sum(axis=0)
    found = {band.code + 1: band for band in stratified_bands(pool, picked, members, taken)}
    assert sorted(found) == np.flatnonzero(pool).tolist()
    for g, band in found.items():
        column = draws[:, g]
        ordered = np.sort(column)
        assert band.low == ordered[max(math.ceil(0.025 * len(ordered) - 1e-9), 1) - 1]
        assert band.high == ordered[max(math.ceil(0.975 * len(ordered) - 1e-9), 1) - 1]
        assert band.p == pytest.approx(min(1, 2 * min((column <= picked[g]).mean(), (column >= picked[g]).mean())))
        assert band.expected == pytest.approx(column.mean()) and band.draws == 0


def test_one_stratum_is_the_exact_band_and_a_group_far_outside_is_an_alarm_among_many():
    pool, picked = np.array([0, 1000, 4000]), np.array([0, 100, 900])
    one = stratified_bands(pool, picked, pool[None, :], np.array([1000]))
    for mine, textbook in zip(one, hypergeometric_bands(pool, picked), strict=True):
        assert (mine.low, mine.high, mine.verdict) == (textbook.low, textbook.high, textbook.verdict)
        assert mine.p == pytest.approx(textbook.p, rel=1e-6) and mine.expected == pytest.approx(textbook.expected)
    assert one[0].p < 1e-20  # 1,999 draws could not say less than 0.001


def test_a_squeezed_group_is_named_in_examples_and_shares():
    """1,000 of 5,000, a group of 20 %: a random draw holds 200 with sd 11.3; 100 of it is far outside."""
    bands = hypergeometric_bands(np.array([0, 1000, 4000]), np.array([0, 100, 900]))
    fewer, more = bands
    assert (fewer.code, fewer.verdict) == (0, "fewer")
    sd = math.sqrt(1000 * 0.2 * 0.8 * 4000 / 4999)
    assert fewer.low == pytest.approx(200 - 1.96 * sd, abs=1.5) and fewer.high == pytest.approx(
        200 + 1.96 * sd, abs=1.5
    )
    assert fewer.gap == 100 - fewer.low < 0 and fewer.low_share == fewer.low / 1000
    assert more.verdict == "slight"  # 900 against 800 expected: outside the band, but within a fifth of its share
    assert not fewer.is_small


def test_the_share_of_an_ordinary_draw_stays_within():
    alarms = 0
    rng = np.random.default_rng(0)
    sizes = np.array([0, 300, 500, 1200, 3000])
    codes = np.repeat(np.arange(5), sizes)
    for _ in range(200):
        picked = np.bincount(rng.choice(codes, 500, replace=False), minlength=5)
        alarms += any(band.verdict in ("fewer", "more") for band in hypergeometric_bands(sizes, picked))
    assert alarms <= 12


def test_small_groups_are_marked_and_impossible_counts_refused():
    bands = hypergeometric_bands(np.array([0, 49, 951]), np.array([0, 0, 100]))
    assert bands[0].is_small and not bands[1].is_small
    with pytest.raises(SelectionError):
        hypergeometric_bands(np.array([5]), np.array([6]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_correction_agrees_with_statsmodels(p):
    np.testing.assert_allclose(corrected_q(np.array(p)), multipletests(p, method="fdr_bh")[1], atol=1e-12)


def test_simulated_bands_without_caps_come_near_the_exact_ones():
    rng = np.random.default_rng(1)
    sizes = np.array([0, 300, 700])
    codes = np.repeat([0, 1], [300, 700])
    draws = random_draws(np.arange(1000), 200, 1000, rng, draws=999)
    assert all(len(set(d.tolist())) == 200 for d in draws)
    counts = np.array([np.bincount(codes[d] + 1, minlength=3) for d in draws])
    picked = np.array([0, 40, 160])
    for exact, near in zip(hypergeometric_bands(sizes, picked), simulated_bands(sizes, picked, counts), strict=True):
        assert abs(exact.low - near.low) <= 2 and abs(exact.high - near.high) <= 2
        assert near.draws == 999 and near.verdict == exact.verdict


def test_draws_obey_the_caps():
    codes = np.repeat([0, 1, 2], [900, 80, 20])
    axis = equal_cap("c", codes, 30)
    for draw in random_draws(np.arange(1000), 75, 1000, np.random.default_rng(0), draws=60, axes=[axis]):
        counts = np.bincount(codes[draw], minlength=3)
        assert (counts <= 30).all() and len(draw) == 75
    short = random_draws(np.arange(1000), 200, 1000, np.random.default_rng(0), draws=40, axes=[axis])
    assert {len(draw) for draw in short} == {80}


@pytest.mark.parametrize("n", [3_000, 30_000])
def test_quotas_of_rare_clusters_are_filled_evenly_however_long_the_shuffle_must_be(n):
    """Five of ten rare rows in every draw: at 30,000 rows no prefix that is drawn at first holds them."""
    codes = np.repeat([0, 1], [n - 10, 10])
    axis = Axis("c", codes, np.array([0, 5, 5]))
    draws = random_draws(np.arange(n), 10, n, np.random.default_rng(0), draws=200, axes=[axis])
    assert {(len(draw), int(codes[draw].sum())) for draw in draws} == {(10, 5)}
    times = np.array([sum(row in draw for draw in draws) for row in range(n - 10, n)])
    assert times.sum() == 1000 and abs(times - 100).max() <= 4 * np.sqrt(200 / 4), "each in half of the draws"


def test_a_number_beside_random_draws():
    drawn = np.arange(199) / 199
    found = against_random(2.0, drawn)
    assert (found.verdict, found.low, found.high) == ("higher", drawn[4], drawn[194])
    assert found.p == pytest.approx(2 / 200) and found.draws == 199
    assert against_random(0.5, drawn).verdict == "within"
    with pytest.raises(SelectionError):
        against_random(0.5, drawn[:20])
