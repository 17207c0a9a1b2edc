"""The funnel's counts and bands, against scipy's hypergeometric and numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom
from statsmodels.stats.multitest import multipletests

from studio.errors import SelectionError
from studio.selection.funnel import funnel


def steps_of(n, *sizes):
    return [(name, np.arange(n) < size) for name, size in zip(("pool", "filtered", "selected"), sizes, strict=False)]


def test_the_step_that_squeezes_a_group_is_named():
    # 200 f and 200 m; the filter keeps 100 of each; the choice of 100 takes 20 f and 80 m
    codes = np.array([0] * 20 + [1] * 80 + [0] * 80 + [1] * 20 + [0] * 100 + [1] * 100)
    found = funnel({"group_g": (codes, 2)}, steps_of(400, 400, 200, 100))
    pool, filtered, selected = found.columns["group_g"]
    assert [stage.counts.tolist() for stage in (pool, filtered, selected)] == [
        [0, 200, 200],
        [0, 100, 100],
        [0, 20, 80],
    ]
    assert pool.since == pool.overall == ()
    (f, m) = selected.since
    draw = hypergeom(200, 100, 100)
    assert (f.pool, f.picked, f.expected, f.low, f.high) == (100, 20, 50.0, draw.ppf(0.025), draw.ppf(0.975))
    assert f.p == pytest.approx(2 * draw.cdf(20)) and (f.verdict, m.verdict) == ("fewer", "more")
    whole = hypergeom(400, 200, 100)
    assert (selected.overall[0].low, selected.overall[0].high) == (whole.ppf(0.025), whole.ppf(0.975))
    assert all(band.verdict == "within" for band in filtered.since)
    assert [(column, step, band.code) for column, step, band in found.alarms()] == [
        ("group_g", "selected", 0), ("group_g", "selected", 1)]  # fmt: skip


@given(st.integers(0, 10**6))
@example(660474)  # a tail of exactly 2.5 %
@settings(max_examples=25, deadline=None)
def test_bands_are_those_of_scipy_for_any_counts(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 60))
    codes = rng.integers(-1, 3, n)
    sizes = sorted(rng.integers(0, n + 1, 2).tolist(), reverse=True)
    found = funnel({"c": (codes, 3)}, steps_of(n, n, *sizes)).columns["c"]
    for before, stage in zip(found, found[1:], strict=False):
        for band in stage.since:
            members = int((codes[: before.n] == band.code).sum())
            draw = hypergeom(before.n, members, stage.n)
            assert (band.pool, band.picked) == (members, int((codes[: stage.n] == band.code).sum()))
            assert (band.low, band.high) == (draw.ppf(0.025), draw.ppf(0.975))


def test_hidden_labels_begin_where_all_are_known():
    codes = np.array([0, 1, 1, -2, -2])
    (first, second) = funnel({"label": (codes, 2)}, steps_of(5, 5, 3, 2)).columns["label"]
    assert (first.name, second.name) == ("filtered", "selected") and first.counts.tolist() == [0, 1, 2]
    assert funnel({"label": (np.full(5, -2), 2)}, [("pool", np.ones(5, bool))]).columns["label"] == ()


def test_nothing_selected_one_group_and_a_step_that_grows():
    empty = funnel({"c": (np.zeros(5, int), 1)}, steps_of(5, 5, 5, 0)).columns["c"]
    assert [stage.n for stage in empty] == [5, 5, 0]
    assert empty[2].since[0].verdict == "within" and not funnel({}, steps_of(5, 5)).columns
    with pytest.raises(SelectionError, match="cannot hold more"):
        funnel({"c": (np.zeros(5, int), 1)}, steps_of(5, 2, 4))


def test_a_step_that_leaves_everybody_in_is_no_comparison():
    """Without filters "may be chosen" is the whole pool: its p-values of 1 doubled the number of tests."""
    codes = np.arange(2_000) % 20
    everybody = np.ones(2_000, dtype=bool)
    chosen = np.zeros(2_000, dtype=bool)
    chosen[np.flatnonzero(codes == 0)[:22]] = True
    for code in range(1, 20):
        chosen[np.flatnonzero(codes == code)[:9]] = True
    found = funnel({"a": (codes, 20)}, [("pool", everybody), ("filtered", everybody), ("selected", chosen)])
    _, filtered, selected = found.columns["a"]
    expected = multipletests([band.p for band in selected.since], method="fdr_bh")[1]
    assert [band.q for band in selected.since] == pytest.approx(expected)
    assert found.n_compared == 20 and all(band.q == 1 for band in filtered.since)
    assert [(step, band.code) for _, step, band in found.alarms()] == [("selected", 0)]
