"""Shared statistics against statsmodels, scipy and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import normal_sample_size_one_tail
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    samplesize_proportions_2indep_onetail,
)

from studio import statistics
from studio.audits import intervals


@given(st.integers(1, 10_000), st.data())
def test_wilson_is_that_of_statsmodels(n, data):
    k = data.draw(st.integers(0, n))
    low, high = statistics.wilson(k, n)
    expected = proportion_confint(k, n, method="wilson")
    assert float(low) == pytest.approx(max(expected[0], 0.0), abs=1e-12)
    assert float(high) == pytest.approx(min(expected[1], 1.0), abs=1e-12)
    assert 0 <= low <= k / n <= high <= 1


def test_wilson_of_nothing_is_everything():
    low, high = statistics.wilson(0, 0)
    assert (float(low), float(high)) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_q_values_are_those_of_statsmodels(p):
    q = statistics.corrected_q(np.array(p))
    np.testing.assert_allclose(q, multipletests(p, method="fdr_bh")[1], atol=1e-12)
    assert (q >= np.array(p) - 1e-12).all()


def test_undefined_p_values_are_no_tests():
    q = statistics.corrected_q(np.array([0.01, np.nan, 0.04]))
    assert np.isnan(q[1])
    np.testing.assert_allclose(q[[0, 2]], [0.02, 0.04])


def test_the_smallest_odds_ratio_is_seen_in_four_of_five_corpora():
    """Simulated: at the returned odds ratio about 80 % of corpora pass the Woolf test at 0.05."""
    n_in, n_out, share = 400, 1600, 0.1
    ratio = float(intervals.smallest_odds_ratio(n_in, n_out, share))
    odds = ratio * share / (1 - share)
    rng = np.random.default_rng(5)
    a, c = rng.binomial(n_in, odds / (1 + odds), 4000), rng.binomial(n_out, share, 4000)
    error = np.sqrt(1 / a + 1 / (n_in - a) + 1 / c + 1 / (n_out - c))
    seen = np.abs(np.log(a * (n_out - c) / (c * (n_in - a)))) > 1.959964 * error
    assert seen.mean() == pytest.approx(0.8, abs=0.03)


def test_the_smallest_odds_ratio_falls_with_more_examples_and_is_infinite_for_none():
    ratios = intervals.smallest_odds_ratio(np.array([0, 20, 200, 2000]), 5000, 0.1)
    assert np.isinf(ratios[0])
    assert (np.diff(ratios[1:]) < 0).all() and ratios[-1] > 1


def test_the_smallest_ratio_is_seen_in_four_of_five_corpora():
    n, expected = 2000, 0.2
    ratio = float(intervals.smallest_ratio(n, expected))
    counts = np.random.default_rng(1).binomial(n, ratio * expected, 4000)
    seen = np.array([stats.norm.sf(abs(k / n - expected) / np.sqrt(expected * (1 - expected) / n)) < 0.025
                     for k in counts])  # fmt: skip
    assert seen.mean() == pytest.approx(0.8, abs=0.03)
    assert intervals.smallest_ratio(3, 0.01) == 0.0
    assert intervals.smallest_ratio(0, 0.5) == 0.0


def test_the_noncentrality_interval_inverts_the_distribution():
    low, high = intervals.noncentrality_interval(30.0, 4)
    assert stats.ncx2.sf(30.0, 4, low) == pytest.approx(0.025, abs=1e-6)
    assert stats.ncx2.cdf(30.0, 4, high) == pytest.approx(0.025, abs=1e-6)
    assert intervals.noncentrality_interval(1.0, 4)[0] == 0.0
    assert intervals.noncentrality_interval(0.0, 0) == (0.0, 0.0)


def test_the_visible_noncentrality_has_80_percent_power():
    value = intervals.visible_noncentrality(5, 0.01)
    assert stats.ncx2.sf(stats.chi2.isf(0.01, 5), 5, value) == pytest.approx(0.8, abs=1e-6)


def test_effective_n_by_hand():
    assert intervals.effective_n(None, 7) == 7
    assert intervals.effective_n(np.array([0, 0, 2, 3]), 4) == pytest.approx(16 / 6)
    assert intervals.effective_n(np.array([]), 0) == 0


@given(st.floats(0.02, 0.9), st.floats(0.05, 0.95), st.floats(0.01, 0.09))
def test_examples_for_a_gap_are_those_of_statsmodels(share, fraction, gap):
    ratio = (1 - fraction) / fraction
    first = samplesize_proportions_2indep_onetail(gap, share, 0.8, ratio=ratio, alpha=0.01, alternative="two-sided")
    assert float(intervals.examples_for_gap(share, fraction, gap, 0.01)) == pytest.approx(first / fraction)


def test_examples_for_a_gap_by_hand():
    """50 % against 55 %, equal groups: (1.959964 sqrt(2 · .525 · .475) + .841621 sqrt(.25 + .2475))² / .0025 each."""
    each = (1.959964 * np.sqrt(2 * 0.525 * 0.475) + 0.841621 * np.sqrt(0.25 + 0.2475)) ** 2 / 0.0025
    assert each == pytest.approx(1564.67, abs=0.01)
    assert float(intervals.examples_for_gap(0.5, 0.5)) == pytest.approx(2 * each, rel=1e-6)
    assert np.isinf(intervals.examples_for_gap(0.5, np.array([0.0, 1.0]))).all()


def test_a_gap_with_the_examples_it_needs_is_seen_in_four_of_five_corpora():
    n = float(intervals.examples_for_gap(0.2, 0.3))
    n1, n0 = round(0.3 * n), round(0.7 * n)
    rng = np.random.default_rng(0)
    x1, x0 = rng.binomial(n1, 0.25, 4000), rng.binomial(n0, 0.2, 4000)
    pooled = (x1 + x0) / (n1 + n0)
    z = (x1 / n1 - x0 / n0) / np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    assert (np.abs(z) > 1.959964).mean() == pytest.approx(0.8, abs=0.03)


@given(st.floats(0.01, 0.9), st.floats(0.01, 0.09))
def test_examples_for_a_share_are_those_of_statsmodels(share, gap):
    expected = normal_sample_size_one_tail(
        gap, 0.8, 0.025, np.sqrt(share * (1 - share)), np.sqrt((share + gap) * (1 - share - gap))
    )
    assert float(intervals.examples_for_share(share, gap)) == pytest.approx(expected)


def test_the_examples_for_an_order_by_noether():
    """(1.959964 + 0.841621)² / (12 · 0.25 · 0.05²) = 1,046.5 for two equal groups."""
    assert float(intervals.examples_for_order(0.5)) == pytest.approx(1046.52, abs=0.01)


@given(st.integers(20, 5000), st.integers(20, 5000), st.floats(0.05, 0.6))
def test_the_smallest_gap_inverts_the_examples_it_needs(n1, n0, share):
    gap = float(intervals.smallest_gap(n1, n0, share, 0.01))
    if gap < 1 - share:
        needed = float(intervals.examples_for_gap(share, n1 / (n1 + n0), gap, 0.01))
        assert needed == pytest.approx(n1 + n0, rel=1e-6)


@given(st.integers(5, 2000), st.integers(5, 2000), st.data(), st.sampled_from([0.05, 0.001]))
def test_the_interval_of_a_difference_is_that_of_statsmodels(n1, n2, data, alpha):
    k1, k2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    expected = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff", alpha=alpha)
    low, high = intervals.difference_interval(k1, n1, k2, n2, alpha)
    assert (float(low), float(high)) == pytest.approx(expected, abs=1e-9)


def test_the_interval_of_a_difference_as_printed_by_newcombe():
    """56 of 70 against 48 of 80: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    low, high = intervals.difference_interval(56, 70, 48, 80)
    assert (round(float(low), 4), round(float(high), 4)) == (0.0524, 0.3339)


def test_a_common_label_has_a_smallest_odds_ratio_too():
    """Share 0.75 outside: the search once began at an odds ratio of 1,000, where hardly one example lacks the label.

    The error is huge there, so it said that nothing could be seen.
    """
    ratio = float(intervals.smallest_odds_ratio(400, 400, 0.75))
    odds = 3 * ratio
    p1 = odds / (1 + odds)
    error = np.sqrt(1 / (400 * p1) + 1 / (400 * (1 - p1)) + 1 / 300 + 1 / 100)
    assert np.log(ratio) == pytest.approx((1.959964 + 0.841621) * error, rel=1e-4)
    assert 1.5 < ratio < 1.8
