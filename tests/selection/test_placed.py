"""Numbers among their draws: Holm by hand, a verdict for every case, too few draws said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.selection.placed import VERDICTS, holm, place


def test_holm_by_hand():
    # sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 = 0.02, 0.03, 0.06, 0.04; never below the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, np.nan, 0.9]) == pytest.approx([1.0, np.nan, 1.0], nan_ok=True)
    assert len(holm([])) == 0


@given(st.lists(st.floats(0.0001, 1.0), min_size=1, max_size=30))
def test_holm_lies_between_p_and_bonferroni_and_keeps_the_order(p):
    q = holm(p)
    assert (q >= np.array(p) - 1e-12).all() and (q <= np.minimum(len(p) * np.array(p), 1.0) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(q[order]) >= -1e-12).all()


def test_a_verdict_for_every_case():
    few, many = np.linspace(0.40, 0.60, 199), np.linspace(0.40, 0.60, 999)
    values = [0.9, 0.1, 0.5, 0.53, 0.9, np.nan, 0.9]
    drawn = [many, many, many, many / 10 + 0.45, few, many, np.linspace(0.4, 0.6, 38)]
    found = place(values, drawn, [False] * 7)
    # five are tested; beyond all 999 draws p = 0.002, times 5 = 0.01; beyond all 199 p = 0.01, times 2 = 0.02
    assert [one.verdict for one in found] == ["more", "less", "within", "slight", "more", "silent", "silent"]
    assert found[0].q == pytest.approx(0.01) and found[4].q == pytest.approx(0.02)
    assert found[0].median == pytest.approx(0.5)
    assert found[0].low == pytest.approx(many[24]) and found[0].high == pytest.approx(many[999 - 25])
    assert {one.verdict for one in found} <= set(VERDICTS)


def test_too_few_draws_to_tell_is_said():
    few = np.linspace(0.40, 0.60, 199)
    found = place([0.9] + [0.5] * 9, [few] * 10, [False] * 10)
    assert found[0].q == pytest.approx(0.1)  # 10 numbers: 0.01 is not enough for one alone
    assert found[0].verdict == "open" and found[1].verdict == "within"
    assert place([0.62] + [0.5] * 9, [few] * 10, [False] * 10)[0].verdict == "open"  # 0.12 off
    assert place([0.54] + [0.5] * 9, [few / 10 + 0.45] * 10, [False] * 10)[0].verdict == "slight"  # 0.04 off


def test_a_relative_gap_is_a_fifth_of_the_middle_draw():
    many = np.linspace(100, 104, 999)
    assert place([121.0], [many], [True])[0].verdict == "slight"  # 19 off 102
    assert place([123.0], [many], [True])[0].verdict == "more"
    assert place([5.0], [np.full(99, 5.0)], [False])[0].verdict == "within"  # what no draw changes
