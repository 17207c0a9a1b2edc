"""Group shares against a reference: reference values, scipy, and the alarm rule."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon
from statsmodels.stats.power import normal_sample_size_one_tail
from statsmodels.stats.proportion import proportion_confint

from studio.audits.context import MISSING, Context
from studio.audits.representation import REPRESENTATION, divergences


def frame_of(**counts):
    values = [value for value, n in counts.items() for _ in range(n)]
    return pd.DataFrame({"example_id": range(len(values)), "text": "t", "group_g": values})


def run(frame, reference=None, **context):
    return REPRESENTATION.compute(
        frame, Context(groups=("g",), reference={"g": reference} if reference else {}, **context)
    )


def test_divergences_are_those_of_scipy():
    p, q = np.array([0.6, 0.1, 0.3]), np.array([1, 1, 1]) / 3
    tvd, jsd = divergences(p, q)
    assert tvd == pytest.approx(0.5 * np.abs(p - q).sum())
    assert jsd == pytest.approx(jensenshannon(p, q) ** 2)  # scipy gives the square root
    assert divergences([0.5, 0.5], [0.5, 0.5]) == (0.0, 0.0)
    assert divergences([1.0, 0.0], [0.0, 1.0]) == (1.0, pytest.approx(np.log(2)))


def test_shares_ratio_and_interval_by_hand():
    result = run(frame_of(a=60, b=10, c=30), {"a": 1, "b": 1, "c": 2})
    table = result.table.set_index("value")
    assert table.share.tolist() == pytest.approx([0.6, 0.1, 0.3])
    assert table.expected.tolist() == pytest.approx([0.25, 0.25, 0.5])
    assert table.ratio.tolist() == pytest.approx([2.4, 0.4, 0.6])
    assert table.loc["b", "low"] == pytest.approx(0.05522854, abs=1e-6)  # Wilson of 10 / 100
    assert table.loc["b", "p"] == pytest.approx(stats.binomtest(10, 100, 0.25).pvalue)
    summary = result.findings[-1]
    assert summary.key == "audit.representation.differs"
    assert summary.p == pytest.approx(stats.chisquare([60, 10, 30], [25, 25, 50]).pvalue)
    assert summary.estimate == pytest.approx(0.35)


def test_an_alarm_leads_to_its_examples_and_names_the_rarest_first():
    result = run(frame_of(a=880, b=20, c=100), {"a": 0.7, "b": 0.2, "c": 0.1})
    alarms = [finding for finding in result.findings if finding.alarm]
    assert [finding.values["value"] for finding in alarms] == ["b", "a"]
    assert alarms[0].key == "audit.representation.under" and alarms[0].high < 1
    assert [(c.column, c.op, c.value) for c in alarms[0].examples] == [("group_g", "eq", "b")]


def test_a_sure_but_small_difference_is_no_alarm():
    result = run(frame_of(a=56_000, b=44_000), {"a": 0.5, "b": 0.5})
    assert result.table.q.max() < 1e-6
    assert not any(finding.alarm for finding in result.findings)
    assert result.findings[-1].key == "audit.representation.as_expected"


def test_without_a_reference_nothing_is_judged():
    result = run(frame_of(a=900, b=10))
    assert not any(finding.alarm for finding in result.findings)
    assert [f.key for f in result.findings] == ["audit_counts.power.share", "audit.representation.described"]
    assert result.notes == ("audit.note.equal_shares",)


def test_an_expected_group_that_is_absent_is_said():
    result = run(frame_of(a=300, b=300), {"a": 0.4, "b": 0.4, "nobody": 0.2})
    assert result.findings[0].key == "audit.representation.absent"
    assert result.findings[0].values["value"] == "nobody"


def test_missing_values_are_a_category_of_their_own_and_leave_the_other_shares_alone():
    frame = pd.DataFrame(
        {"example_id": range(120), "text": "t", "group_g": ["a"] * 60 + ["b"] * 40 + [None] * 15 + [" "] * 5}
    )
    result = run(frame, {"a": 0.6, "b": 0.4})
    table = result.table.set_index("value")
    assert table.share[["a", "b"]].tolist() == pytest.approx([0.6, 0.4])
    assert table.loc[MISSING, "n"] == 20 and table.loc[MISSING, "share"] == pytest.approx(20 / 120)
    assert (table.loc[MISSING, "low"], table.loc[MISSING, "high"]) == pytest.approx(
        proportion_confint(20, 120, method="wilson")
    )
    said = result.findings[-1]
    assert said.key == "audit_counts.missing.share" and said.values["n"] == 20
    assert [(c.column, c.op) for c in said.examples] == [("group_g", "isnull")]


def test_power_is_said_with_the_examples_a_gap_of_five_points_needs():
    """Expected 1/2 each: ((z(0.05 / 2 tests) + ...) / 0.05)² by statsmodels, the same for both tests."""
    result = run(frame_of(a=60, b=40), {"a": 0.5, "b": 0.5})
    needed = normal_sample_size_one_tail(0.05, 0.8, 0.05 / 2 / 2, std_null=0.5, std_alternative=np.sqrt(0.55 * 0.45))
    power = result.findings[0]
    assert power.key == "audit_counts.power.share" and power.estimate == pytest.approx(needed)
    assert power.values == {"needed": 950, "n": 100, "tests": 2, "enough": 0, "points": 5}


def test_audits_read_together_ask_more_of_each():
    frame, reference = frame_of(a=300, b=700), {"a": 0.4, "b": 0.6}
    alone, together = run(frame, reference), run(frame, reference, n_families=14)
    assert together.table.q.tolist() == pytest.approx((alone.table.q * 14).tolist())
    assert together.findings[-1].smallest_effect < alone.findings[-1].smallest_effect
    # the smallest effect is that of a lone effect: p just below 0.05 / (2 tests x 14 audits) passes, just above not
    context = Context(n_families=14)
    level = context.level_of_one_among(2)
    assert level == pytest.approx(0.05 / 28)
    assert (
        context.corrected(np.array([level * 0.99, 1.0]))[0] < 0.05 < context.corrected(np.array([level * 1.01, 1.0]))[0]
    )


def test_an_attribute_that_looks_like_an_author_is_not_compared():
    frame = pd.DataFrame({"text": "t", "group_g": [f"w{i % 40}" for i in range(400)]})
    result = run(frame)
    assert result.findings == () and result.notes == ("audit_counts.note.authors_left_out",)
    assert len(run(frame, {f"w{i}": 1 for i in range(40)}).table) == 40  # with expected shares it is


def test_copies_widen_the_interval():
    frame = frame_of(a=50, b=50)
    plain = run(frame, {"a": 0.5, "b": 0.5}).table
    copied = run(frame, {"a": 0.5, "b": 0.5}, families=np.arange(100) // 2).table
    assert copied.share.tolist() == plain.share.tolist()
    assert (copied.high - copied.low > plain.high - plain.low).all()


def test_clean_corpora_rarely_alarm():
    rng = np.random.default_rng(0)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    alarmed = 0
    for _ in range(100):
        counts = rng.multinomial(1000, shares)
        result = run(frame_of(**dict(zip("abcd", counts, strict=True))), dict(zip("abcd", shares, strict=True)))
        alarmed += any(finding.alarm for finding in result.findings)
    assert alarmed <= 8
