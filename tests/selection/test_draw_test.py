"""Statistics of a choice among random draws: formulas against scipy and by hand, the test against its level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from studio.selection.draw_test import (
    Statistic,
    compare_with_draws,
    draws_needed,
    effective_groups,
    in_families,
    largest_share,
    tie,
    told_apart,
)


def test_evenness_by_hand():
    assert largest_share(np.array([2, 6, 2])) == 0.6
    assert effective_groups(np.array([4, 4, 4, 4])) == pytest.approx(4)
    assert effective_groups(np.array([9, 0])) == pytest.approx(1)
    assert effective_groups(np.array([3, 1])) == pytest.approx(
        math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    )
    assert math.isnan(largest_share(np.zeros(3))) and math.isnan(effective_groups(np.zeros(3)))


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_ties_and_lengths_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 80))
    a, b = rng.integers(-1, 3, n), rng.integers(0, 4, n)
    both = a >= 0
    table = np.array([[((a == i) & (b == j)).sum() for j in range(4)] for i in range(3)])
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    found = tie(a, b, (3, 4))
    if min(table.shape) < 2:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(stats.contingency.association(table, method="cramer"), abs=1e-9)
    values = rng.random(n)
    groups = [values[both & (a == i)] for i in range(3) if (both & (a == i)).any()]
    eta = told_apart(a, values, 3)
    if len(groups) > 1 and both.sum() > len(groups):
        f = stats.f_oneway(*groups).statistic
        k, m = len(groups), int(both.sum())
        assert eta == pytest.approx(f * (k - 1) / (f * (k - 1) + m - k), rel=1e-6)


def test_undefined_ones():
    assert math.isnan(tie(np.array([-1, -1]), np.array([0, 1]), (1, 2)))
    assert math.isnan(told_apart(np.array([0, 1]), np.array([3.0, 3.0]), 2))
    assert math.isnan(told_apart(np.array([0]), np.array([3.0]), 2))
    assert in_families(np.array([7, 7, 3, 9, 9, 9])) == pytest.approx(5 / 6)
    assert math.isnan(in_families(np.array([])))


def test_enough_draws_for_one_alarm_alone():
    for m in (1, 9, 30, 49):
        assert min(2 / (draws_needed(m) + 1) * m, 1) < 0.05 or draws_needed(m) == 1_999
    assert (draws_needed(1), draws_needed(30), draws_needed(10_000)) == (199, 1_200, 1_999)


def test_one_planted_difference_is_found_and_the_others_are_not():
    rng = np.random.default_rng(3)
    n, size = 2_000, 100
    codes = rng.integers(0, 2, (n, 20))
    statistics = [Statistic(f"s{i}", lambda rows, i=i: float(codes[rows, i].mean()), {"column": i}) for i in range(20)]
    rows = rng.permutation(np.flatnonzero(codes[:, 4] == 1))[:size]
    drawn = [rng.choice(n, size, replace=False) for _ in range(draws_needed(20))]
    found = compare_with_draws(statistics, rows, drawn)
    assert [one.name for one in found if one.verdict in ("lower", "higher")] == ["s4"]
    four = found[4]
    assert (four.value, four.verdict, four.draws, four.values) == (1.0, "higher", 800, {"column": 4})
    assert four.p == pytest.approx(2 / 801) and four.q == pytest.approx(20 * 2 / 801)


def test_what_cannot_be_tested_is_left_out_and_what_never_changes_is_within():
    nan = Statistic("nan", lambda rows: float("nan"))
    same = Statistic("same", lambda rows: 0.5)
    drawn = [np.arange(3)] * 199
    (one,) = compare_with_draws([nan, same], np.arange(3), drawn)
    assert (one.name, one.verdict, one.p) == ("same", "within", 1.0)
    assert compare_with_draws([same], np.arange(3), []) == [] == compare_with_draws([], np.arange(3), drawn)


def test_a_rare_but_small_difference_is_no_alarm():
    drawn = [np.array([i]) for i in range(999)]
    of = {"small": lambda rows: 0.5 + rows[0] * 1e-5, "long": lambda rows: 100.0 + rows[0] % 7}
    rows = np.array([4_000])  # 0.54: beyond every draw (0.51 at most), 0.035 off
    (small,) = compare_with_draws([Statistic("small", of["small"])], rows, drawn)
    assert (small.verdict, small.p) == ("slight", 0.002)
    far = np.array([100_000])
    assert compare_with_draws([Statistic("small", of["small"])], far, drawn)[0].verdict == "higher"
    over = Statistic("long", lambda rows: 119.0 if rows[0] == 4_000 else of["long"](rows), is_relative=True)
    assert compare_with_draws([over], rows, drawn)[0].verdict == "slight"  # the mean is 103, a fifth of it 20.6
    over = Statistic("long", lambda rows: 130.0 if rows[0] == 4_000 else of["long"](rows), is_relative=True)
    assert compare_with_draws([over], rows, drawn)[0].verdict == "higher"
