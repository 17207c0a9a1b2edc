"""Distributions, ties and ends of scores: by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studio.selection import spreads


def test_a_distribution_by_hand():
    found = spreads.spread(np.array([1.0, 1, 2, np.nan, 5, np.inf]))
    assert (found.n, found.n_undefined) == (4, 2)
    assert found.points.tolist() == [1, 2, 5] and found.counts.tolist() == [2, 1, 1]
    assert found.median == 1.5


def test_every_value_is_in_a_bar_and_far_ends_are_gathered_and_counted():
    values = np.concatenate([np.linspace(0, 1, 999), [1_000.0, -500.0]])
    found = spreads.spread(values)
    assert found.counts.sum() == found.n == 1_001
    low, high = np.quantile(values, (0.005, 0.995))
    assert found.edges[0] == low and found.edges[-1] == high
    assert (found.n_below, found.n_above) == (int((values < low).sum()), int((values > high).sum()))
    plain = spreads.spread(np.linspace(0, 1, 1_000))
    assert (plain.n_below, plain.n_above, plain.edges[0], plain.edges[-1]) == (0, 0, 0.0, 1.0)
    assert plain.counts.tolist() == [25] * 40


@pytest.mark.parametrize("raw", [[], [np.nan], [np.nan, np.inf]])
def test_no_value_at_all(raw):
    found = spreads.spread(np.array(raw))
    assert found.n == 0 and found.n_undefined == len(raw) and np.isnan(found.median)
    assert spreads.ends(np.array(raw), 3, 0).best.tolist() == []


def test_a_tie_is_spearmans_rho_with_the_interval_by_hand():
    rng = np.random.default_rng(3)
    a = rng.normal(size=60).round(1)
    b = (a + rng.normal(size=60)).round(1)
    b[:5] = np.nan
    found = spreads.tie(a, b)
    assert found.n == 55
    assert found.rho == pytest.approx(stats.spearmanr(a[5:], b[5:]).statistic, abs=1e-12)
    half = 1.959964 * np.sqrt((1 + found.rho**2 / 2) / 52)
    assert found.low == pytest.approx(np.tanh(np.arctanh(found.rho) - half), abs=1e-6)
    assert found.high == pytest.approx(np.tanh(np.arctanh(found.rho) + half), abs=1e-6)


def test_what_cannot_be_compared_is_no_number_and_no_alarm():
    constant = spreads.tie(np.ones(9), np.arange(9.0))
    assert np.isnan(constant.rho) and constant.n == 9 and not constant.is_strong
    assert spreads.tie(np.arange(2.0), np.arange(2.0)).n == 2
    assert spreads.tie(np.arange(9.0), -np.arange(9.0)).is_strong, "mirrored is one signal too"


def test_strong_pairs_come_strongest_first_and_the_grid_holds_each_once():
    x = np.arange(50.0)
    noisy = x + np.random.default_rng(0).normal(scale=8, size=50)
    found = spreads.ties({"a": x, "b": x * 2, "c": noisy, "d": np.random.default_rng(1).random(50)})
    assert [pair[:2] for pair in spreads.strong(found)][0] == ("a", "b")
    rho, n = spreads.grid(["a", "b", "c", "d"], found)
    assert rho[1, 0] == pytest.approx(1.0) and np.isnan(rho[0, 1]) and n[3, 2] == 50


def test_ends_by_hand():
    unit = np.array([0.1, 0.9, np.nan, 0.5, 0.3, 0.7, 0.2])
    found = spreads.ends(unit, 2, 0)
    assert found.best.tolist() == [1, 5]
    assert found.worst.tolist() == [0, 6]
    assert found.middle.tolist() == [3, 4]


@given(st.lists(st.one_of(st.just(float("nan")), st.integers(0, 3).map(float)), max_size=40), st.integers(1, 6))
def test_ends_never_repeat_a_row_and_are_in_order(values, k):
    unit = np.array(values, dtype=float)
    found = spreads.ends(unit, k, 7)
    rows = np.concatenate([found.best, found.middle, found.worst])
    n = int(np.isfinite(unit).sum())
    assert len(set(rows.tolist())) == len(rows) == min(3 * k, n)
    assert np.isfinite(unit[rows]).all()
    others = np.setdiff1d(np.flatnonzero(np.isfinite(unit)), found.best)
    if len(found.best) and len(others):
        assert unit[found.best].min() >= unit[others].max()
        assert len(found.worst) == 0 or unit[found.worst].max() <= np.delete(unit, found.worst)[
            np.isfinite(np.delete(unit, found.worst))].min()  # fmt: skip
    again = spreads.ends(unit, k, 7)
    assert again.best.tolist() == found.best.tolist()


def test_equal_values_are_drawn_by_seed_not_taken_in_the_order_of_the_file():
    unit = np.ones(1_000)
    first, other = spreads.ends(unit, 5, 0), spreads.ends(unit, 5, 1)
    assert first.best.tolist() != list(range(5)) and first.best.tolist() != other.best.tolist()


def test_a_sample_is_everything_or_a_seeded_part():
    assert spreads.sample(5, 10, 0).tolist() == [0, 1, 2, 3, 4]
    part = spreads.sample(1_000, 100, 0)
    assert len(part) == len(set(part.tolist())) == 100 and part.tolist() == sorted(part.tolist())
    assert part.tolist() == spreads.sample(1_000, 100, 0).tolist()
