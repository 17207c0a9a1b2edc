"""Label balance: reference values of the entropy family, and the alarm."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studio.audits.balance import BALANCE, evenness
from studio.audits.context import Context


def run(labels):
    return BALANCE.compute(pd.DataFrame({"example_id": range(len(labels)), "label": labels}), Context())


def test_reference_values():
    entropy, effective, even = evenness([6, 1, 3])
    assert (entropy, effective, even) == pytest.approx((0.897946, 2.454556, 0.817345), abs=1e-6)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_evenness_properties(counts):
    entropy, effective, even = evenness(counts)
    assert entropy == pytest.approx(stats.entropy(counts), abs=1e-12)
    assert 1 - 1e-9 <= effective <= len(counts) + 1e-9
    assert -1e-9 <= even <= 1 + 1e-9


def test_equal_labels_are_as_varied_as_their_number():
    assert evenness([5, 5, 5, 5])[1:] == (pytest.approx(4), pytest.approx(1))
    assert evenness([]) == (0.0, 0.0, 1.0)
    assert evenness([9]) == (0.0, 1.0, 1.0)


def test_shares_and_missing_labels():
    result = run(["a"] * 6 + ["b"] * 3 + ["c"] + [None] * 5)
    assert result.table.label.tolist() == ["a", "b", "c"]
    assert result.table.share.tolist() == pytest.approx([0.6, 0.3, 0.1])
    assert result.notes == ("audit.note.unlabelled_left_out",)
    assert result.findings[0].n == 10


def test_an_uneven_corpus_alarms_and_rare_labels_are_named():
    result = run(["a"] * 900 + ["b"] * 300 + ["c"] * 12)
    first, power, rare = result.findings
    assert power.key == "audit_counts.power.equal" and power.values["n"] == 1212
    assert first.alarm and first.key == "audit.balance.uneven"
    assert first.estimate == pytest.approx(75)
    half = stats.norm.ppf(0.975) * np.sqrt(1 / 900 + 1 / 12)
    assert (first.low, first.high) == pytest.approx((75 * np.exp(-half), 75 * np.exp(half)))
    assert rare.key == "audit.balance.rare" and rare.values["label"] == "c"


def test_q_counts_the_audits_read_together():
    frame = pd.DataFrame({"label": ["a"] * 40 + ["b"] * 3})
    alone, together = (BALANCE.compute(frame, Context(n_families=n)).findings[0] for n in (1, 14))
    assert together.q == pytest.approx(14 * alone.q) == pytest.approx(14 * stats.chisquare([40, 3]).pvalue)


def test_an_imbalance_that_counts_cannot_support_is_no_alarm():
    result = run(["a"] * 7 + ["b"])
    assert result.findings[0].estimate == 7
    assert not result.findings[0].alarm
