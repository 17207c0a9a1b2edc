"""Errors by group after training: fairlearn and its printed example, sklearn's areas, the published unit test."""

import itertools

import numpy as np
import pytest
from fairlearn.metrics import equalized_odds_difference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from studio.audits import AUDITS, model_errors
from studio.audits.model_errors import Held, area_table, dealt_p, equalized_odds, errors_of, odds_table, sides

RNG = np.random.default_rng


def counts_of(truth, said, groups):
    """(hits, positives, wrong, negatives) per group, by hand."""
    rows = []
    for group in sorted(set(groups)):
        own = [(t, s) for t, s, g in zip(truth, said, groups, strict=True) if g == group]
        rows.append((sum(t and s for t, s in own), sum(t for t, _ in own),
                     sum(s and not t for t, s in own), sum(not t for t, _ in own)))  # fmt: skip
    return [np.array(column) for column in zip(*rows, strict=True)]


def test_the_printed_example_of_fairlearn():
    """18 rows of its user guide: FPR a 1, b 0, c 2/3, so the difference is 1.0."""
    truth = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    said = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    counts = counts_of(truth, said, list("bbabbcccaacabccbcc"))
    assert (counts[2] / counts[3]).tolist() == pytest.approx([1, 0, 2 / 3])
    assert equalized_odds(*counts) == 1.0


@settings(deadline=None, max_examples=40)  # fairlearn takes its time on a busy machine
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abc")), min_size=8, max_size=60))
def test_the_difference_is_that_of_fairlearn(rows):
    both = [(y, y == z, g) for y, z, g in itertools.product([True, False], [True, False], "abc")]  # every cell filled
    truth, said, groups = zip(*(rows + both), strict=True)
    oracle = equalized_odds_difference(truth, said, sensitive_features=list(groups))
    assert equalized_odds(*counts_of(truth, said, groups)) == pytest.approx(oracle)


def test_the_published_unit_test_of_the_three_areas():
    """Negatives .1 .2 .3 outside and .21 .31 .55 inside, positives .5 .8 .9 outside and .4 .6 .71 inside."""
    scores = np.array([0.1, 0.2, 0.3, 0.21, 0.31, 0.55, 0.5, 0.8, 0.9, 0.4, 0.6, 0.71])
    is_true = np.arange(12) >= 6
    inside = np.tile(np.repeat([False, True], 3), 2)
    found = {name: model_errors._area(*pair)[0] for name, pair in sides(scores, is_true, inside).items()}
    assert found == pytest.approx({"subgroup": 8 / 9, "bpsn": 8 / 9, "bnsp": 1.0, "background": 1.0})


def held_of(n=300, seed=0, shift=0.0, labels=("fine", "toxic")):
    """Scores that know the label; texts of the subgroup without it get `shift` more."""
    rng = RNG(seed)
    is_true, inside = rng.random(n) < 0.4, rng.random(n) < 0.4
    score = np.clip(0.3 + 0.4 * is_true + 0.15 * rng.normal(size=n) + shift * (inside & ~is_true), 0.001, 0.999)
    probs = np.column_stack([1 - score, score])
    truth = [labels[int(y)] for y in is_true]
    return Held(truth, labels, probs, {"side": (inside.astype(int), ["x", "y"])}, {("value", "side", "y"): inside})


@pytest.mark.parametrize("seed", range(3))
def test_areas_are_those_of_sklearn(seed):
    held = held_of(seed=seed, shift=0.2)
    (row,) = area_table(held).itertuples()
    inside, score = held.subgroups["value", "side", "y"], held.probs[:, 1]
    is_true = np.array(held.truth) == "toxic"
    masks = {"subgroup": inside, "bpsn": inside ^ is_true, "bnsp": inside == is_true, "background": ~inside}
    assert row.label == "toxic"  # the rarer of two says everything
    for name, mask in masks.items():
        assert getattr(row, name) == pytest.approx(roc_auc_score(is_true[mask], score[mask]))
        assert getattr(row, f"{name}_low") < getattr(row, name) < getattr(row, f"{name}_high")
    assert (row.n, row.positives) == (inside.sum(), (inside & is_true).sum())


def test_a_planted_shift_is_told_and_its_absence_is_not():
    loud, calm = errors_of(held_of(shift=0.3)), errors_of(held_of(shift=0.0))
    row = loud.areas.iloc[0]
    assert row["wrong"] and not row["missed"] and row["alarm"] and row["bpsn"] < row["background"] - 0.05
    odds = loud.odds.iloc[0]
    assert (odds["rate"], odds["highest"], odds["lowest"], odds["alarm"]) == ("wrong", "y", "x", True)
    assert odds["high_rate"] == odds["high_k"] / odds["high_n"]
    assert odds["low"] > 0.1 and odds["q"] < 0.05
    assert not calm.areas["alarm"].any() and not calm.odds["alarm"].any()


def test_the_p_of_dealing_anew_is_the_exact_one():
    """Two groups of 4 and 4 with 4 hits and no negatives: every split counted by hand against C(8, 4) = 70 deals."""
    hits, positives, none = np.array([4, 0]), np.array([4, 4]), np.zeros(2, int)
    exact = 2 / 70  # all hits in one of the two groups
    assert dealt_p(hits, positives, none, none, RNG(0), draws=40_000) == pytest.approx(exact, abs=0.003)
    assert dealt_p(np.array([2, 2]), positives, none, none, RNG(0)) == 1.0


def test_p_values_of_a_model_without_bias_are_no_smaller_than_chance():
    """Of 200 models whose errors know no group at most 18 have p <= 0.05: P(Binomial(200, 0.05) > 18) < 0.01."""
    low = 0
    for seed in range(200):
        rng = RNG(seed)
        codes, truth, said = rng.integers(3, size=120), rng.random(120) < 0.5, rng.random(120) < 0.4
        counts = counts_of(truth, said, codes.tolist())
        low += dealt_p(*counts, rng, draws=199) <= 0.05
    assert low <= 18


def test_small_groups_missing_values_and_bad_input():
    held = held_of(n=40)
    few = Held(held.truth, held.labels, held.probs, {"side": (np.where(np.arange(40) < 5, 0, -1), ["x", "y"])},
               {("term", "age", "老人"): np.arange(40) < 3})  # fmt: skip
    assert errors_of(few).odds.empty and errors_of(few).areas.empty
    empty = Held(
        [], ("a", "b"), np.zeros((0, 2)), {"side": (np.zeros(0, int), [])}, {("value", "s", "x"): np.zeros(0, bool)}
    )
    assert errors_of(empty).n == 0 and errors_of(empty).odds.empty and errors_of(empty).areas.empty
    same = Held(["a"] * 60, ("a", "b"), np.tile([1.0, 0.0], (60, 1)), {"side": (np.arange(60) % 2, ["x", "y"])},
                {("value", "side", "x"): np.arange(60) % 2 == 0})  # fmt: skip
    found = errors_of(same)
    assert (found.odds["difference"] == 0).all() and not found.odds["alarm"].any() and found.areas.empty
    unseen = Held(["a"] * 30 + ["b"] * 30 + ["new"] * 30, ("a", "b"), np.tile([0.6, 0.4], (90, 1)),
                  {"side": (np.arange(90) % 2, ["x", "y"])})  # fmt: skip
    assert set(odds_table(unseen, RNG(0))["label"]) == {"a", "b"}  # a third label: both are told


def test_only_an_area_with_enough_on_both_sides_is_told():
    """Four positives inside: no subgroup area and no bnsp, but bpsn, which needs the others' positives only."""
    held = held_of(n=200)
    is_true, inside = np.array(held.truth) == "toxic", held.subgroups["value", "side", "y"].copy()
    inside[np.flatnonzero(inside & is_true)[4:]] = False
    (row,) = area_table(
        Held(held.truth, held.labels, held.probs, {}, {("group", "gender", "women"): inside})
    ).itertuples()
    assert np.isnan(row.subgroup) and np.isnan(row.bnsp) and 0.5 < row.bpsn <= 1 and row.positives == 4
    assert np.isnan(row.q_missed) and not row.missed


def test_many_labels_are_each_against_the_rest_and_seeds_repeat():
    rng = RNG(5)
    truth = [("a", "b", "c")[i] for i in rng.integers(3, size=240)]
    held = Held(
        truth, ("a", "b", "c"), rng.dirichlet([1, 1, 1], 240), {"side": (rng.integers(2, size=240), ["x", "y"])}
    )
    first, second = odds_table(held, RNG(1)), odds_table(held, RNG(1))
    assert sorted(first["label"]) == ["a", "b", "c"] and first.equals(second)


def test_it_is_no_audit_of_a_corpus():
    assert all(audit.name != "model_errors" for audit in AUDITS)
