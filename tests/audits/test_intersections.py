"""Combinations of groups: hand-worked expectations, statsmodels' log-linear fit, suppression, absent ones."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.genmod.families import Poisson
from statsmodels.genmod.generalized_linear_model import GLM

from studio.audits.association import two_by_two_p
from studio.audits.context import Context
from studio.audits.intersections import INTERSECTIONS, count_interval, expected_of_pairs, expected_of_triples


def frame_of(counts):
    """One example per count of a 2- or 3-way table; values a0, a1 ... b0 ..."""
    rows = [
        [f"{'abc'[axis]}{code}" for axis, code in enumerate(at)] for at, n in np.ndenumerate(counts) for _ in range(n)
    ]
    return pd.DataFrame(rows, columns=[f"group_{name}" for name in "abc"[: counts.ndim]]).assign(text="t")


def run(counts, **context):
    return INTERSECTIONS.compute(
        frame_of(np.asarray(counts)), Context(groups=tuple("abc"[: np.ndim(counts)]), **context)
    )


def test_expected_counts_of_a_pair_by_hand():
    assert expected_of_pairs([[10, 20], [30, 40]]).tolist() == [[12.0, 18.0], [28.0, 42.0]]


def test_expected_counts_of_three_are_the_log_linear_fit_of_statsmodels():
    counts = np.random.default_rng(0).integers(3, 60, (2, 3, 4))
    cells = np.array(list(product(*(range(n) for n in counts.shape))))
    dummies = [np.eye(n)[cells[:, axis]][:, 1:] for axis, n in enumerate(counts.shape)]
    columns = [np.ones((len(cells), 1)), *dummies]
    for one, other in combinations(dummies, 2):
        columns.append((one[:, :, None] * other[:, None, :]).reshape(len(cells), -1))
    fit = GLM(counts.ravel(), np.hstack(columns), family=Poisson()).fit(tol=1e-12)
    np.testing.assert_allclose(expected_of_triples(counts).ravel(), fit.fittedvalues, rtol=1e-4)


def test_the_interval_of_a_count_is_garwoods():
    low, high = count_interval(np.array([0, 10]))
    assert (low[0], high[0]) == (0.0, pytest.approx(-np.log(0.025)))
    assert (stats.poisson.sf(9, low[1]), stats.poisson.cdf(10, high[1])) == (pytest.approx(0.025), pytest.approx(0.025))


def test_each_pair_is_tested_against_the_rest_of_its_table():
    counts = np.array([[120, 80, 60], [40, 90, 110]])
    table = run(counts).table.set_index(["first", "second"])
    expected = expected_of_pairs(counts)
    for (a, b), n in np.ndenumerate(counts):
        row = table.loc[(f"a{a}", f"b{b}")]
        assert (row.n, row.expected, row.ratio) == (n, pytest.approx(expected[a, b]), pytest.approx(n / expected[a, b]))
    p = [two_by_two_p([n], [counts[a].sum() - n], [counts[:, b].sum() - n],
                      [counts.sum() - counts[a].sum() - counts[:, b].sum() + n])[0][0]
         for (a, b), n in np.ndenumerate(counts)]  # fmt: skip
    assert table.q.tolist() == pytest.approx(stats.false_discovery_control(p).tolist())


def test_a_combination_that_does_not_occur_is_told_with_its_chance():
    result = run([[0, 200, 210], [190, 205, 195]])
    absent = result.findings[0]
    expected = 190 * 410 / 1000
    assert absent.alarm and absent.key == "audit_counts.intersections.absent"
    assert (absent.values["combination"], absent.values["expected"]) == ("a0 × b0", pytest.approx(expected))
    assert absent.p == pytest.approx(2 * (1 - expected / 1000) ** 1000, rel=1e-6, abs=0)
    assert absent.examples == () and absent.estimate == 0


def test_small_combinations_are_told_without_number_or_examples():
    result = run([[4, 200, 210], [190, 205, 195]])
    few = result.findings[0]
    assert few.alarm and few.key == "audit_counts.intersections.few" and few.examples == ()
    assert "n" not in few.values and few.p is None and few.low is None
    row = result.table.query("first == 'a0' and second == 'b0'").iloc[0]
    assert row.is_suppressed and row[["n", "ratio", "low", "high"]].isna().all() and row.expected > 50


def test_a_tie_of_two_attributes_is_not_told_again_of_three():
    pair = np.array([[300, 60], [60, 300]])
    counts = np.stack([pair, pair], axis=2)  # the third attribute has nothing to do with it
    result = run(counts)
    assert {f.values["attributes"] for f in result.findings if f.alarm} == {"a × b"}
    own = counts.copy()
    own[0, 0, 0], own[1, 1, 0], own[0, 1, 0], own[1, 0, 0] = 60, 60, 300, 300  # turned round in one value of the third
    assert {f.values["attributes"] for f in run(own).findings if f.alarm} == {"a × b × c"}


def test_two_by_two_is_one_test_and_tells_the_rarest():
    result = run([[300, 60], [60, 300]])
    assert result.table.q.notna().sum() == 1
    assert result.findings[0].values["combination"] in ("a0 × b1", "a1 × b0")


def test_one_attribute_cannot_be_crossed():
    frame = pd.DataFrame({"text": "t", "group_a": ["x", "y"] * 30, "group_b": "z"})
    assert INTERSECTIONS.compute(frame, Context(groups=("a",))).notes == ("audit_counts.note.one_attribute",)
    assert INTERSECTIONS.compute(frame, Context(groups=("a", "b"))).notes == ("audit_counts.note.one_attribute",)


def test_independent_corpora_rarely_alarm():
    rng = np.random.default_rng(1)
    alarmed = 0
    for _ in range(100):
        frame = pd.DataFrame({f"group_{name}": rng.choice(list("uvwx"), 800) for name in "abc"}).assign(text="t")
        result = INTERSECTIONS.compute(frame, Context(groups=("a", "b", "c")))
        alarmed += any(finding.alarm for finding in result.findings)
    assert alarmed <= 5
