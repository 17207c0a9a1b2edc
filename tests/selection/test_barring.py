"""Thresholds, filters and the band: worked out by hand and against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import SelectionError
from studio.selection.barring import barred_by, best_part, reaches
from studio.selection.combine import band_pass, view_score
from studio.selection.constraints import NearGraph, near_pairs, pick_best, target_quotas
from tests.selection.test_cover import full_knn, unit_rows

NAN = float("nan")
VALUES = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5, NAN, math.inf]), max_size=20)


def test_the_best_part_by_hand():
    raw = np.array([5.0, 1.0, 4.0, 4.0, NAN, 2.0])
    assert best_part(raw, "high", 40).tolist() == [True, False, True, True, False, False]  # 2 of 5, and the tie
    assert best_part(raw, "low", 20).tolist() == [False, True, False, False, False, False]
    assert best_part(raw, "high", 100).tolist() == [True, True, True, True, False, True]
    assert best_part(np.array([NAN, NAN]), "high", 50).tolist() == [False, False]
    assert best_part(np.empty(0), "high", 50).tolist() == []
    with pytest.raises(SelectionError):
        best_part(raw, "high", 0)


@settings(deadline=None)
@given(VALUES, st.sampled_from(["high", "low"]), st.integers(1, 100))
def test_the_best_part_is_that_of_a_sorted_list(values, prefer, percent):
    raw = np.array(values, dtype=np.float64)
    good = sorted((v for v in values if math.isfinite(v)), reverse=prefer == "high")
    kept = best_part(raw, prefer, percent)
    count = math.ceil(percent * len(good) / 100)
    worst = good[count - 1] if good else None
    for value, is_kept in zip(values, kept.tolist(), strict=True):
        wanted = math.isfinite(value) and (value >= worst if prefer == "high" else value <= worst)
        assert is_kept == wanted
    assert kept.sum() >= count


def test_a_bound_holds_on_the_wanted_side():
    raw = np.array([1.0, 2.0, 3.0, NAN])
    assert reaches(raw, "high", 2.0).tolist() == [False, True, True, False]
    assert reaches(raw, "low", 2.0).tolist() == [True, True, False, False]


def test_a_row_is_told_the_first_test_it_fails():
    barred, codes = barred_by(3, [("filter:source", np.array([1, 0, 0])), ("threshold:fluency", np.array([1, 0, 1]))])
    assert barred.tolist() == [0, 1, 1] and codes == ("", "filter:source", "threshold:fluency")
    assert barred_by(3, [])[0] is None


def test_the_band_by_hand():
    unit = np.array([0.0, 0.35, 0.7, 1.0, NAN])
    found = band_pass(unit, 0.7)
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0, 1 - 0.3 / 0.7, NAN])
    np.testing.assert_allclose(band_pass(unit, 1.0), unit)
    np.testing.assert_allclose(band_pass(unit, 0.0)[:4], 1 - unit[:4])
    with pytest.raises(SelectionError):
        band_pass(unit, 1.5)


def test_a_view_keeps_the_scale_it_is_asked_for():
    units = {"a": np.array([0.0, 0.2, 1.0]), "b": np.array([0.0, 0.6, 0.2])}
    np.testing.assert_allclose(view_score(units, {"a": 1.0}, "min_max"), units["a"])
    np.testing.assert_allclose(view_score(units, {"a": 1.0, "b": 1.0}, "min_max"), [0.0, 2 / 3, 1.0])
    np.testing.assert_allclose(view_score(units, {"a": 1.0}), [1 / 6, 0.5, 5 / 6])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(0, 12), st.sampled_from([0.0, 0.5, 0.9]))
def test_pairs_looked_up_on_the_way_are_the_pairs_made_beforehand(seed, n, budget, tau):
    """The pool as a part of a snapshot whose graph is stored."""
    rng = np.random.default_rng(seed)
    whole = full_knn(unit_rows(seed, n + 10))
    rows = np.sort(rng.permutation(n + 10)[:n])
    place = np.full(n + 10, -1)
    place[rows] = np.arange(n)
    own = type(whole)(place[whole.indices[rows]], whole.distances[rows])
    scores = np.round(rng.random(n), 1)
    one = pick_best(scores, budget, (), near_pairs(own, tau))
    two = pick_best(scores, budget, (), NearGraph(whole, tau, rows))
    assert one.rows.tolist() == two.rows.tolist() and one.kept_out.tolist() == two.kept_out.tolist()


def test_quotas_by_a_reference():
    codes = np.array([0] * 6 + [1] * 3 + [2] * 5 + [-1])
    usable = np.ones(15, dtype=bool)
    axis = target_quotas("g", codes, ("a", "b", "c"), usable, 8, {"a": 1, "b": 3})
    assert axis.limits.tolist() == [0, 5, 3, 0]  # b has 3 of its 6; a takes what b cannot fill
    assert target_quotas("g", codes, ("a", "b", "c"), usable, 4, {"": 0.25, "c": 0.75}).limits.tolist() == [1, 0, 0, 3]
    assert target_quotas("g", codes, ("a", "b", "c"), usable, 4, {"x": 1.0}).limits.tolist() == [0, 0, 0, 0]
    assert target_quotas("g", codes, ("a", "b", "c"), usable, 90, {"a": 0.5, "c": 0.5}).limits.sum() == 11
