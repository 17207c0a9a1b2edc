"""Changes between texts and their swapped twins: by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats

from studio.audits.counterfactual import changes, flips, mean_change, still_chosen


def test_flips_by_hand():
    """Two of four labels change; Wilson's interval of 2 of 4 is 0.1500 to 0.8500."""
    before = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
    after = np.array([[0.1, 0.9], [0.3, 0.7], [0.4, 0.6], [0.6, 0.4]])
    found = flips(before, after)
    assert (found.n, found.flips, found.share) == (4, 2, 0.5)
    assert (found.low, found.high) == pytest.approx((0.1500, 0.8500), abs=5e-5)
    assert flips(np.zeros((0, 2)), np.zeros((0, 2))) == flips(np.zeros((0, 2)), np.zeros((0, 2)))


def test_mean_change_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=40), rng.normal(0.2, 1, size=40)
    n, mean, low, high, p = mean_change(before, after)
    oracle = stats.ttest_rel(after, before)
    interval = oracle.confidence_interval()
    assert (n, p) == (40, pytest.approx(oracle.pvalue))
    assert (low, high) == pytest.approx((interval.low, interval.high))
    assert mean == pytest.approx((after - before).mean())


def test_few_undefined_and_unmoved_pairs():
    assert mean_change(np.array([np.nan, 1.0]), np.array([1.0, 3.0])) == (1, 2.0, None, None, None)
    assert mean_change(np.array([]), np.array([])) == (0, 0.0, None, None, None)
    assert mean_change(np.ones(6), np.ones(6)) == (6, 0.0, 0.0, 0.0, 1.0)


def test_changes_by_direction():
    of = np.array([0] * 5 + [1] * 5 + [-1])
    before = np.zeros(11)
    after = np.array([1.0, 2, 3, 4, 5] + [-1.0] * 5 + [100.0])  # the text that speaks of both counts nowhere
    probs = np.tile([0.7, 0.3], (11, 1)), np.tile([0.6, 0.4], (11, 1))
    table = changes([("women", "men"), ("men", "women")], of, {"fluency": (before, after)}, probs, ["x", "y"])
    found = table.set_index(["group", "what", "name"])
    row = found.loc[("women", "score", "fluency")]
    assert (row.n, row.change, row.low) == (5, 3.0, pytest.approx(1.0368, abs=1e-4))
    assert found.loc[("men", "score", "fluency")].change == -1.0
    assert found.loc[("men", "label", "x")].change == pytest.approx(-0.1)
    assert found.loc[("men", "label", "y")].change == pytest.approx(0.1)
    assert len(table) == 6 and (table.q >= table.p - 1e-15).all()
    assert changes([("a", "b")], np.array([], int), {}, None, []).empty


def test_who_stays_by_hand():
    totals = np.array([0.9, 0.8, 0.75, 0.5])
    chosen = np.array([True, True, False, False])
    assert still_chosen(totals, np.array([-0.05, -0.05, 0.04, 0.4]), chosen) == (1, 1, 1)
    assert still_chosen(totals, np.zeros(4), chosen) == (2, 0, 0)
    assert still_chosen(totals, np.zeros(4), np.zeros(4, bool)) == (0, 0, 0)
