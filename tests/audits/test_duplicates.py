"""Rates and conflicts of copies, by hand."""

import numpy as np
import pandas as pd
import pytest

from studio.audits.context import Context
from studio.audits.duplicates import DUPLICATES, repeat_rate


def test_reference_rate():
    assert repeat_rate(pd.factorize(np.array(["hello sun", "hello moon", "hello sun"], dtype=object))[0])[2] == (
        pytest.approx(0.3333, abs=1e-4)
    )
    assert repeat_rate(np.array([])) == (0, 0, 0.0)


def test_families_conflicts_and_ids():
    labels = ["a", "a", "b", "a", None, "b"]
    frame = pd.DataFrame({"example_id": [11, 12, 13, 14, 15, 16], "text": "t", "label": labels})
    families = np.array([0, 0, 2, 0, 2, 0])
    exact = np.array([0, 0, 2, 3, 4, 5])
    result = DUPLICATES.compute(frame, Context(families=families, exact=exact))
    near, power, conflict, same = result.findings
    assert near.alarm and power.key == "audit_counts.power.rate"
    assert (near.values["repeats"], near.estimate, near.example_ids) == (
        4,
        pytest.approx(4 / 6),
        (11, 12, 14, 16, 13, 15),
    )
    assert near.alarm and near.values["worth"] == pytest.approx(36 / 20)
    assert conflict.values == {"conflicts": 1, "families": 2, "share": 0.5} | {
        key: conflict.values[key] for key in ("low", "high")
    }
    assert conflict.example_ids == (11, 12, 14, 16)
    assert (same.values["repeats"], same.example_ids) == (1, (11, 12))
    assert result.table.example_ids.tolist() == [[11, 12, 14, 16], [13, 15]]
    assert result.table.labels.tolist() == [["a", "b"], ["b"]]


def test_a_corpus_without_copies_says_so():
    frame = pd.DataFrame({"example_id": range(500), "text": "t", "label": "a"})
    result = DUPLICATES.compute(frame, Context(families=np.arange(500), exact=np.arange(500)))
    assert [f.key for f in result.findings] == [
        "audit_counts.power.rate", "audit.duplicates.no_near", "audit.duplicates.no_exact"]  # fmt: skip
    assert not any(f.alarm for f in result.findings)
    assert result.findings[1].high < 0.01  # 0 of 500 still leaves room for 0.8 %


@pytest.mark.parametrize(("copies", "alarm"), [(10, False), (40, True)])
def test_the_alarm_needs_more_than_one_in_a_hundred(copies, alarm):
    families = np.arange(1000)
    families[:copies] = families[500 : 500 + copies]
    frame = pd.DataFrame({"example_id": range(1000), "text": "t", "label": "a"})
    assert DUPLICATES.compute(frame, Context(families=families)).findings[0].alarm is alarm
