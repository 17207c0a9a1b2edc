"""What the report draws of kept findings: examples without a value have a name and no mark; lengths by hand."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from studio import findings
from studio.audits.context import Context
from studio.audits.representation import REPRESENTATION
from studio.reports import svg
from studio.workflows import report


@pytest.mark.parametrize(("lang", "name"), [("en", "(no value)"), ("zh", "（无值）")])
def test_examples_without_a_value_are_named_and_have_no_expected_share(lang, name):
    """60 a, 20 b and 20 without a value; a and b are each expected to be half of what has one."""
    frame = pd.DataFrame({"group_side": ["a"] * 60 + ["b"] * 20 + [None] * 20})
    context = Context(groups=("side",), reference={"side": {"a": 0.5, "b": 0.5}})
    kept = findings.from_json(findings.to_json(REPRESENTATION.compute(frame, context)))
    (shares,) = report._groups({"representation": kept}, lang)
    assert {row["label"]: row["expected"] for row in shares.rows} == {"a": 0.5, "b": 0.5, name: None}
    assert "nan" not in svg.bars(shares.rows, title="t")


def test_lengths_are_characters_and_a_missing_text_has_none(monkeypatch):
    """Lengths 0, 3, 2 and 1: the 99th percentile lies at 2.97, where the last of 40 bins ends."""
    texts = pa.table({"text": [None, "abc", "中文", "é"]})
    monkeypatch.setattr(report.examples, "table", lambda *_: texts)
    counts, edges = report._lengths(type("Opened", (), {"store": None}), "s")
    assert sum(counts) == 4 and edges[-1] == pytest.approx(2.97)
    at = np.flatnonzero(counts).tolist()
    assert at == [0, 13, 26, 39]  # 1 / 2.97 * 40 = 13.5, 2 / 2.97 * 40 = 26.9
