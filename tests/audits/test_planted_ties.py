"""The planted-bias benchmark plants what it says: odds ratio, shares, and nothing in the other attributes."""

import numpy as np
import pytest

from benchmarks import planted_bias as bench
from studio.audits.association import odds_ratio


@pytest.mark.parametrize("odds", bench.ODDS)
def test_a_tie_has_its_odds_ratio_and_its_shares(odds):
    """At 200,000 rows ln OR has an error of 0.03 at most here; three of them are allowed."""
    label_share, group_share = bench.SHAPES["rare label, small group"]
    frame, context = bench.tie("en", 1, odds, 200_000, label_share, group_share)
    has, inside = (frame["label"] == "planted").to_numpy(), (frame["group_gender"] == "planted").to_numpy()
    cells = [np.sum(a & b) for a, b in ((has, inside), (~has, inside), (has, ~inside), (~has, ~inside))]
    found, low, high, error = odds_ratio(cells[0], cells[1], cells[2], cells[3])
    assert abs(np.log(found) - np.log(odds)) < 3 * error
    assert has.mean() == pytest.approx(label_share, abs=0.003)
    assert inside.mean() == pytest.approx(group_share, abs=0.003)
    assert context.n_families == bench.audits.N_FAMILIES
    other = frame["group_region"] == frame["group_region"].iloc[0]
    assert abs(has[other].mean() - has[~other].mean()) < 0.006


def test_the_document_adds_chunks_up_and_names_the_audits():
    chunk = {"figure": "false alarms", "language": "en", "kind": "counts", "corpora": 25, "alarmed": 1,
             "by_audit": {"trends": 1}}  # fmt: skip
    power = [
        {"figure": "power", "shape": shape, "odds_ratio": odds, "cell": cell, "n": 9, "corpora": 10, "found": 9,
         "share": 0.9, "low": 0.6, "high": 0.98}
        for shape in bench.SHAPES for odds in bench.ODDS for cell in bench.CELLS
    ]  # fmt: skip
    fdr = {"figure": "fdr", "odds_ratio": 2.0, "cell": 75, "n": 9, "corpora": 10, "fdr": 0.01, "high": 0.02}
    effect = {"figure": "demo effect", "language": "en", "effect": "e", "audit": "a", "corpora": 2, "found": 2}
    text = bench.report([*power, fdr, effect, chunk, chunk])
    assert "| en | 50 | counts | 2 | 1.1% to 13.5% | trends 2 |" in text
    assert "| rare label, small group | 2 | 0.90 (0.60–0.98) |" in text
    assert bench.chart(power).count("<polyline") == 3
