"""Every printed figure against an independent oracle: sklearn, statsmodels, scipy or numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import classification_report, f1_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from studio.errors import PlanError
from studio.statistics import wilson_pair
from studio.training import evaluate as ev

PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abc")), min_size=1, max_size=60)


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_scores_equal_sklearn(pairs):
    truth, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    result = ev.evaluate(truth, predicted, labels=["a", "b", "c"], rng=np.random.default_rng(0))
    report = classification_report(truth, predicted, labels=result["labels"], output_dict=True, zero_division=0)
    for row in result["classes"]:
        wanted = report[row["label"]]
        assert row["precision"] == pytest.approx(wanted["precision"])
        assert row["recall"] == pytest.approx(wanted["recall"])
        assert row["f1"] == pytest.approx(wanted["f1-score"])
        assert row["support"] == wanted["support"]
    assert result["macro_f1"]["value"] == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0))
    assert np.sum(result["confusion"]) == len(pairs)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (8, 10), (49, 50), (500, 1000)])
def test_wilson_equals_statsmodels(k, n):
    assert wilson_pair(k, n) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-12)


def test_a_label_never_trained_on_counts_as_wrong():
    result = ev.evaluate(["a", "z"], ["a", "a"], labels=["a", "b"], rng=np.random.default_rng(0))
    assert result["accuracy"]["value"] == 0.5
    assert [row["seen"] for row in result["classes"]] == [True, True, False]


def test_the_bootstrap_over_cells_is_the_bootstrap_over_rows():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    predicted = np.where(rng.random(200) < 0.7, truth, rng.integers(0, 3, 200))
    table = ev.confusion(truth.astype(str), predicted.astype(str), ["0", "1", "2"])
    low, high = ev.bootstrap_macro_f1(table, np.random.default_rng(1), 4000)
    rows = []
    for _ in range(1500):
        i = rng.integers(0, 200, 200)
        rows.append(f1_score(truth[i], predicted[i], average="macro"))
    assert (low, high) == pytest.approx(tuple(np.quantile(rows, [0.025, 0.975])), abs=0.012)


def test_groups_are_counted_and_small_ones_marked():
    correct = np.array([True] * 60 + [False] * 20)
    rows = ev.group_accuracy(correct, {"region": ["n"] * 70 + [None] * 10})
    assert [(r["group"], r["n"], r["correct"], r["readable"]) for r in rows] == [
        ("", 10, 0, False),
        ("n", 70, 60, True),
    ]


def test_the_paired_test_is_mcnemar_exact():
    truth = ["x"] * 40
    a = ["x"] * 20 + ["y"] * 12 + ["x"] * 3 + ["y"] * 5
    b = ["x"] * 20 + ["x"] * 12 + ["y"] * 3 + ["y"] * 5
    result = ev.paired(truth, a, b)
    assert (result["only_a"], result["only_b"], result["n"]) == (3, 12, 40)
    assert result["difference"] == pytest.approx(9 / 40)
    assert result["p"] == pytest.approx(mcnemar([[20, 3], [12, 5]], exact=True).pvalue)
    assert result["low"] < 9 / 40 < result["high"]
    mirrored = ev.paired(truth, b, a)
    assert (mirrored["low"], mirrored["high"]) == pytest.approx((-result["high"], -result["low"]))


def test_the_paired_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    cells, shares = 300, (0.6, 0.15, 0.1, 0.15)  # both, only b, only a, neither: true difference 0.05
    held = 0
    for _ in range(cells):
        both, only_b, only_a, _neither = rng.multinomial(120, shares)
        low, high = ev._newcombe(both, only_b, only_a, 120 - both - only_b - only_a)
        held += low <= 0.05 <= high
    assert stats.binomtest(held, cells, 0.95).pvalue > 0.001


def test_identical_rounds_differ_by_nothing():
    result = ev.paired(["a", "b"], ["a", "a"], ["a", "a"])
    assert (result["difference"], result["p"]) == (0.0, 1.0)
    assert result["low"] <= 0 <= result["high"]


def test_uncertainty_by_hand():
    doubt = ev.uncertainty(np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]], np.float32))
    assert doubt["margin"] == pytest.approx([0.2, 1.0])
    assert doubt["least_confidence"] == pytest.approx([0.5, 0.0])
    assert doubt["entropy"] == pytest.approx([stats.entropy([0.5, 0.3, 0.2]) / np.log(3), 0.0], abs=1e-6)
    with pytest.raises(PlanError):
        ev.uncertainty(np.ones((3, 1)))


def test_mismatched_lengths_are_refused():
    with pytest.raises(PlanError):
        ev.evaluate(["a"], [], labels=["a"], rng=np.random.default_rng(0))
    with pytest.raises(PlanError):
        ev.paired(["a"], ["a"], [])
