"""Demographic parity on labels: fairlearn and its printed example, Newcombe, the rules of an alarm."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, demographic_parity_ratio
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from studio.audits.association import two_by_two_p
from studio.audits.context import Context
from studio.audits.parity import PARITY, parity


def frame_of(counts, labels="xyz", groups="abc"):
    rows = [(labels[y], groups[g]) for y, row in enumerate(counts) for g, n in enumerate(row) for _ in range(n)]
    return pd.DataFrame({"text": "t", "label": [r[0] for r in rows], "group_g": [r[1] for r in rows]})


def run(frame, **context):
    return PARITY.compute(frame, Context(groups=("g",), **context))


def test_the_printed_example_of_fairlearn():
    """Selection rates a 3/4, b 3/6, c 4/8 of its user guide: difference 0.25, ratio 0.6667."""
    difference, ratio, highest, lowest = parity([3, 3, 4], [4, 6, 8])
    assert (difference, round(ratio, 4), highest, lowest) == (0.25, 0.6667, 0, 1)


@settings(deadline=None, max_examples=40)  # fairlearn takes its time on a busy machine
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), min_size=2, max_size=6))
def test_difference_and_ratio_are_those_of_fairlearn(groups):
    hits, totals = [min(k, n) for k, n in groups], [n for _, n in groups]
    predicted = np.concatenate([np.r_[np.ones(k), np.zeros(n - k)] for k, n in zip(hits, totals, strict=True)])
    sensitive = np.repeat(np.arange(len(groups)), totals)
    difference, ratio, *_ = parity(hits, totals)
    given = {"y_true": predicted, "y_pred": predicted, "sensitive_features": sensitive}
    assert difference == pytest.approx(demographic_parity_difference(**given))
    if sum(hits):  # fairlearn gives NaN, not 1, where nobody has the label
        assert ratio == pytest.approx(demographic_parity_ratio(**given))
    else:
        assert ratio == 1.0


def test_the_extreme_pair_has_an_interval_and_a_p_value_for_having_been_picked():
    counts = np.array([[60, 90, 30], [140, 210, 170]])  # x: 30 %, 30 %, 15 %
    row = run(frame_of(counts)).table.iloc[0]
    assert (row.label, row.highest, row.lowest, row.difference) == ("x", "a", "c", pytest.approx(0.15))
    expected = confint_proportions_2indep(60, 200, 30, 200, method="newcomb", compare="diff", alpha=0.05 / 3)
    assert (row.low, row.high) == pytest.approx(expected)
    assert row.p == pytest.approx(3 * two_by_two_p([60], [140], [30], [170])[0][0])


def test_an_alarm_needs_ten_points_and_certainty():
    loud = run(frame_of([[60, 90, 30], [140, 210, 170]]))
    assert [f.key for f in loud.findings if f.alarm] == ["audit_counts.parity.differs"]  # the rarer of the two labels
    assert [(c.column, c.value) for c in loud.findings[0].examples] == [("group_g", "a"), ("label", "x")]
    small = run(frame_of([[5_500, 5_000], [4_500, 5_000]], groups="ab"))
    assert small.table.q.max() < 1e-6 and not any(f.alarm for f in small.findings)  # five points, sure
    unsure = run(frame_of([[20, 28], [35, 27]], groups="ab"))
    assert unsure.table.difference.max() > 0.10 and not any(f.alarm for f in unsure.findings)


def test_groups_under_fifty_are_left_out_and_counted():
    result = run(frame_of([[60, 90, 0], [140, 210, 10]]))
    assert set(result.table.highest) | set(result.table.lowest) == {"a", "b"}
    assert result.findings[-1].values["skipped"] == 1
    assert run(frame_of([[6, 9], [14, 21]], groups="ab")).notes == ("audit_counts.note.groups_too_small",)


def test_copies_widen_the_interval_as_if_each_were_one_example():
    counts = np.array([[60, 30], [140, 170]])
    single = run(frame_of(counts, groups="ab")).table
    doubled = pd.concat([frame_of(counts, groups="ab")] * 2, ignore_index=True)
    double = run(doubled, families=np.tile(np.arange(400), 2)).table
    assert double.low.tolist() == pytest.approx(single.low.tolist())
    assert double.p.tolist() == pytest.approx(single.p.tolist())


def test_clean_corpora_rarely_alarm():
    rng = np.random.default_rng(0)
    alarmed = 0
    for _ in range(100):
        frame = pd.DataFrame(
            {"text": "t", "label": rng.choice(list("xyz"), 400), "group_g": rng.choice(list("abcd"), 400)}
        )
        alarmed += any(finding.alarm for finding in run(frame).findings)
    assert alarmed <= 5
