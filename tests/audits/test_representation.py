"""Group shares against a reference: reference values, scipy, and the alarm rule."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from studio.audits.context import Context
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
    assert result.findings[0].key == "audit.representation.described"
    assert result.notes == ("audit.note.equal_shares",)


def test_an_expected_group_that_is_absent_is_said():
    result = run(frame_of(a=300, b=300), {"a": 0.4, "b": 0.4, "nobody": 0.2})
    assert result.findings[0].key == "audit.representation.absent"
    assert result.findings[0].values["value"] == "nobody"


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
