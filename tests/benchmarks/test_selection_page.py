"""Statistics and page of the selection benchmark: area by hand, paired t by scipy, Holm by statsmodels, the split."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmarks import selection_arms as arms
from benchmarks import selection_page as page
from benchmarks.selection import as_text


def cell(corpus, state, arm, seed, value):
    values = [value] * 5
    return {"corpus": corpus, "state": state, "seed": seed, "arm": arm, "pool": 2_000, "budgets": list(arms.BUDGETS),
            "accuracy": values, "recall": values, "area": value, "recall_area": value, "bought": list(arms.BUDGETS),
            "off_topic": [0] * 5, "copies": [0] * 5, "wrong": [0] * 5, "classes": [5] * 5}  # fmt: skip


def test_area_by_hand():
    """Five budgets, four equal steps of log2: ends count half. (0.1/2 + 0.2 + 0.4 + 0.6 + 0.8/2) / 4 = 0.4125."""
    assert arms.area([0.1, 0.2, 0.4, 0.6, 0.8]) == pytest.approx(0.4125)
    assert arms.area([0.2, 0.4], [64, 256]) == pytest.approx(0.3)
    assert arms.area([0.2, 0.4, 0.9], [64, 128, 512]) == pytest.approx((0.3 * 1 + 0.65 * 2) / 3)
    assert arms.area([0.7], [64]) == 0.7


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    assert page.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_of_nothing_is_nothing():
    assert len(page.holm([])) == 0


def test_paired_is_the_t_test_of_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.6, 0.02, 20), rng.normal(0.59, 0.02, 20)
    found, oracle = page.paired(a, b), stats.ttest_rel(a, b)
    low, high = oracle.confidence_interval(0.95)
    assert (found["p"], found["low"], found["high"]) == pytest.approx((oracle.pvalue, low, high))
    assert found["difference"] == pytest.approx((a - b).mean())


def test_differences_without_spread_are_a_point():
    assert page.paired([0.5, 0.5], [0.4, 0.4])["p"] == 0.0
    assert page.paired([0.5, 0.5], [0.5, 0.5])["p"] == 1.0


def planted(gains, seeds=20, pools=(("csl_zh", "clean"), ("demo_en", "dirty"))):
    """Cells in which each arm differs from random by its gain and a little chance of its own."""
    rng = np.random.default_rng(1)
    return [cell(corpus, state, arm, seed, 0.5 + gain + rng.normal(0, 0.002))
            for corpus, state in pools for arm, gain in gains.items() for seed in range(seeds)]  # fmt: skip


def test_a_planted_gain_is_found_and_chosen_on_even_seeds_only():
    found = page.summary(planted({"random": 0.0, "default": -0.03, "stratified": 0.02}), {})
    assert [row["verdict"] for row in found["primary"]] == ["worse", "worse"]
    assert [row["n"] for row in found["primary"]] == [20, 20]
    halves = found["split"]
    assert halves["chosen"] == "stratified"
    assert halves["even_seeds"] == list(range(0, 20, 2))
    assert halves["odd_seeds"] == list(range(1, 20, 2))
    assert halves["odd_against_random"]["difference"] == pytest.approx(0.02, abs=0.003)
    assert halves["odd_against_default"]["difference"] == pytest.approx(0.05, abs=0.003)


def test_a_setting_that_is_best_on_even_seeds_by_chance_is_not_confirmed():
    cells = planted({"random": 0.0, "default": 0.0})
    cells += [cell(corpus, state, "mmr", seed, 0.6 if seed % 2 == 0 else 0.5 - 0.01 * (seed % 3))
              for corpus, state in (("csl_zh", "clean"), ("demo_en", "dirty")) for seed in range(20)]  # fmt: skip
    found = page.summary(cells, {})
    assert found["split"]["chosen"] == "mmr"
    assert "is not confirmed" in page.report(found)


def test_baselines_that_are_no_setting_of_the_page_are_never_chosen():
    found = page.summary(planted({"random": 0.0, "default": 0.0, "full": 0.3, "longest": 0.2}), {})
    assert found["split"]["chosen"] in ("default", "random")


def test_a_setting_missing_in_one_pool_is_not_compared():
    cells = [c for c in planted({"random": 0.0, "default": 0.0, "mmr": 0.2})
             if not (c["arm"] == "mmr" and c["corpus"] == "demo_en")]  # fmt: skip
    assert "mmr" not in page.summary(cells, {})["split"]["gains_even"]


def test_the_page_says_first_what_came_out_whatever_it_is():
    losing = page.report(page.summary(planted({"random": 0.0, "default": -0.03}), {"banking77": "not here"}))
    assert "**worse than random** in 2 of 2: csl_zh clean (-3.0), demo_en dirty (-3.0)" in losing
    assert "banking77: not run, not here." in losing
    winning = page.report(page.summary(planted({"random": 0.0, "default": 0.03}), {}))
    assert "**better than random** in 2 of 2" in winning
    drawn = page.report(page.summary(planted({"random": 0.0, "default": 0.0}, seeds=3), {}))
    assert "Too few seeds" in drawn or "No setting beat" in drawn or "was best" in drawn


def test_page_and_chart_of_nothing_do_not_break():
    found = page.summary([], {})
    assert "0 pools" in page.report(found)
    assert page.chart(found).startswith("<svg")


def test_the_chart_has_a_dot_per_pool_and_shown_setting():
    found = page.summary(planted({"random": 0.0, "default": -0.03, "stratified": 0.02}), {})
    assert page.chart(found).count("(n=20)") == 2  # the default by all seeds
    assert page.chart(found).count("(n=10)") == 2  # the chosen setting by odd seeds


def test_a_score_that_is_no_better_than_its_reverse_is_said():
    cells = planted({"random": 0.0, "default": -0.03, "bottom": 0.01})
    assert "taught more than its top in 2 of 2 pools" in page.report(page.summary(cells, {}))
    assert "bottom** of the same score" not in page.report(page.summary(planted({"random": 0.0, "default": 0.1}), {}))


def test_every_arm_has_a_meaning():
    assert set(page.MEANING) == {one.name for one in arms.ARMS}


def test_the_numbers_are_written_one_entry_a_line():
    found = {
        "primary": [{"a": 1.5, "b": [1, 2]}, {"a": None}],
        "split": {"chosen": "x", "gains": {"y": 0.25}},
        "no": {},
    }
    text = as_text(found)
    assert json.loads(text) == found and text.count("\n") == 2 + 4 + 4 + 1
