"""Length by label and by group: scipy, brute force, a bootstrap, planted confounds."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from studio.audits.context import Context
from studio.audits.label_sets import exclusive
from studio.audits.lengths import LENGTHS, eta_squared, rank_test
from studio.statistics import chance_of_more


def kruskal_wallis(lengths, codes):
    """The rank test of one label each."""
    return rank_test(lengths, exclusive(np.asarray(codes, np.int64), list("abcdefghij")))


def frame_of(lengths, labels, groups=None):
    frame = pd.DataFrame({"example_id": range(len(lengths)), "text": ["x" * int(n) for n in lengths], "label": labels})
    return frame if groups is None else frame.assign(group_g=groups)


def test_h_and_eta_squared_by_hand():
    """Three groups, no ties: H from the rank sums, eta² = (H - 2) / (9 - 3)."""
    lengths, codes = np.arange(1.0, 10.0), np.repeat([0, 1, 2], 3)
    h, df, p = kruskal_wallis(lengths, codes)
    by_hand = 12 / (9 * 10) * (6**2 / 3 + 15**2 / 3 + 24**2 / 3) - 3 * 10
    assert h == pytest.approx(by_hand) == pytest.approx(7.2)
    assert (df, p) == (2, pytest.approx(stats.chi2.sf(7.2, 2)))
    assert eta_squared(h, df, 9)[0] == pytest.approx(5.2 / 6)


def test_equal_lengths_have_no_effect():
    assert kruskal_wallis(np.ones(6), np.array([0, 0, 0, 1, 1, 1])) == (0.0, 1, 1.0)
    assert kruskal_wallis(np.arange(3.0), np.zeros(3)) == (0.0, 0, 1.0)
    assert eta_squared(0.0, 1, 6)[:2] == (0.0, 0.0)


def test_the_interval_of_eta_squared_is_that_of_a_bootstrap():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2, 3], 200)
    lengths = rng.lognormal(4, 0.5, 800) * np.array([1.0, 1.0, 1.2, 1.35])[codes]
    h, df, _ = kruskal_wallis(lengths, codes)
    estimate, low, high = eta_squared(h, df, 800)
    draws = []
    for _ in range(200):
        rows = rng.integers(0, 800, 800)
        drawn = stats.kruskal(*(lengths[rows][codes[rows] == code] for code in range(4))).statistic
        draws.append((drawn - 3) / (800 - 4))
    # a resample repeats rows, which adds about df / n of eta² of its own
    boot = np.quantile(np.array(draws) - df / 800, [0.025, 0.975])
    assert low < estimate < high
    assert (low, high) == (pytest.approx(boot[0], abs=0.015), pytest.approx(boot[1], abs=0.015))


def chance_of_longer(inside, outside):
    """Of one side's lengths against the other's, from counts per length as the check makes them."""
    levels, at = np.unique(np.r_[inside, outside], return_inverse=True)
    return chance_of_more(*(np.bincount(part, minlength=len(levels)) for part in np.split(at, [len(inside)])))


def test_the_chance_of_being_longer_is_the_area_under_the_curve():
    rng = np.random.default_rng(1)
    inside, outside = rng.integers(1, 30, 80).astype(float), rng.integers(5, 40, 150).astype(float)
    area, low, high, p = chance_of_longer(inside, outside)
    truth = np.r_[np.ones(80), np.zeros(150)]
    assert area == pytest.approx(roc_auc_score(truth, np.r_[inside, outside]))
    assert p == pytest.approx(stats.mannwhitneyu(inside, outside, method="asymptotic").pvalue)
    draws = [roc_auc_score(truth, np.r_[rng.choice(inside, 80), rng.choice(outside, 150)]) for _ in range(500)]
    assert (low, high) == (pytest.approx(np.quantile(draws, 0.025), abs=0.02),
                           pytest.approx(np.quantile(draws, 0.975), abs=0.02))  # fmt: skip


def test_ends_of_the_chance_stay_inside_zero_and_one():
    area, low, high, p = chance_of_longer(np.arange(10.0) + 100, np.arange(10.0))
    assert area == 1.0 and p < 0.001
    # ten above ten others says 1, but not for certain: 1 - 1.959964 sqrt(1/40)
    assert (low, high) == (pytest.approx(0.690102, abs=1e-6), 1.0)
    assert chance_of_longer(np.array([]), np.ones(3)) == (0.5, 0.0, 1.0, 1.0)
    assert chance_of_longer(np.ones(4), np.ones(5))[0] == 0.5


def test_a_length_confound_alarms_and_names_the_label():
    rng = np.random.default_rng(3)
    labels = rng.choice(list("abcd"), 2000)
    lengths = rng.lognormal(4.5, 0.5, 2000) * np.where(labels == "c", 1.8, 1.0)
    result = LENGTHS.compute(frame_of(lengths, labels), Context())
    alarms = [finding for finding in result.findings if finding.alarm]
    assert alarms[0].key == "audit.lengths.explains" and alarms[0].low > 0.06
    assert [f.values["value"] for f in alarms[1:]] == ["c"]
    assert alarms[1].key == "audit.lengths.longer" and alarms[1].low > 0.5


def test_clean_lengths_do_not_alarm():
    rng = np.random.default_rng(4)
    for _ in range(20):
        frame = frame_of(rng.lognormal(4, 0.5, 600), rng.choice(list("abcd"), 600), rng.choice(list("uv"), 600))
        result = LENGTHS.compute(frame, Context(groups=("g",)))
        assert not any(finding.alarm for finding in result.findings)
        assert [f.key for f in result.findings] == [
            "audit_counts.power.order", "audit.lengths.little", "audit.lengths.little_group"]  # fmt: skip
