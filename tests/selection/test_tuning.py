"""Learning weights: the simplex, the surrogate against a planted optimum and by hand, whole percents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import SelectionError
from studio.records import VIEWS
from studio.selection import tuning


def planted(w, centre):
    return 0.8 - 2.0 * np.square(w - centre).sum(axis=1)


def test_the_surrogate_finds_a_planted_optimum():
    """A quadratic with its top inside the simplex is recovered from 101 trials, with and without noise."""
    centre = np.array([0.1, 0.5, 0.15, 0.25])
    tried = tuning.candidates(4, np.random.default_rng(0))
    assert tried.shape == (101, 4) and tried.sum(axis=1) == pytest.approx(np.ones(101))
    exact = tuning.fit_surrogate(tried, planted(tried, centre))
    best = tuning.best_weights(exact, 4, np.random.default_rng(1))
    assert best == pytest.approx(centre, abs=0.05)
    assert exact.explained > 0.999
    noisy = planted(tried, centre) + np.random.default_rng(2).normal(scale=0.03, size=101)
    best = tuning.best_weights(tuning.fit_surrogate(tried, noisy), 4, np.random.default_rng(1))
    assert best == pytest.approx(centre, abs=0.12)


def test_the_surrogate_is_exact_for_a_straight_line():
    w = np.array([[1, 0], [0, 1], [0.5, 0.5], [0.25, 0.75], [0.75, 0.25]])
    made = tuning.fit_surrogate(w, 0.2 * w[:, 0] + 0.6 * w[:, 1])
    assert made(np.array([[0.1, 0.9]]))[0] == pytest.approx(0.56, abs=1e-4)
    best = tuning.best_weights(made, 2, np.random.default_rng(0))
    assert best[1] > 0.99


def test_leave_one_out_is_leaving_one_out():
    rng = np.random.default_rng(3)
    w = rng.dirichlet(np.ones(3), size=12)
    y = rng.normal(size=12)
    made = tuning.fit_surrogate(w, y)
    terms, target = tuning._terms(w), y - y.mean()
    errors = []
    for out in range(12):
        kept = np.arange(12) != out
        gram = terms[kept].T @ terms[kept] + made.ridge * 12 * np.eye(6)
        errors.append(target[out] - terms[out] @ np.linalg.solve(gram, terms[kept].T @ target[kept]))
    assert made.error == pytest.approx(np.sqrt(np.mean(np.square(errors))))


def test_chance_rewards_explain_nothing():
    tried = tuning.candidates(4, np.random.default_rng(0))
    made = tuning.fit_surrogate(tried, np.random.default_rng(4).normal(size=101))
    assert made.explained < 0.2


def test_too_few_trials():
    with pytest.raises(SelectionError, match="too few trials"):
        tuning.fit_surrogate(np.eye(4), np.zeros(4))


def test_the_corners_and_the_centre_are_tried():
    tried = tuning.candidates(3, np.random.default_rng(0), draws=5)
    assert tried[5:8].tolist() == np.eye(3).tolist() and tried[8].tolist() == [0.34, 0.33, 0.33]
    assert np.array_equal(tried, tuning.candidates(3, np.random.default_rng(0), draws=5))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_any_numbers_give_weights(u):
    w = tuning.from_uniform(u)
    assert w.sum() == pytest.approx(1) and (w >= 0).all()
    views = VIEWS[: len(u)]
    weights = tuning.as_weights(w, views)
    assert sum(weights.values()) == 100 and all(weights[view] == 0 for view in VIEWS[len(u) :])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=2, max_size=4).filter(lambda w: sum(w) > 0))
def test_weights_a_search_is_told_to_try_come_back_whole(parts):
    """What is put first into a search must be tried as it is, or equal weights would be 33 / 34 / 33 one day."""
    views = VIEWS[: len(parts)]
    weights = tuning.as_weights(np.array(parts, dtype=float), views)
    shares = np.array([weights[view] for view in views], dtype=float)
    u = tuning.to_uniform(shares)
    assert all(0 < one < 1 for one in u)
    assert tuning.as_weights(tuning.from_uniform(u), views) == weights


def test_the_trainings_of_a_study_by_rounds_are_counted_beforehand():
    """12 trials; 3 finalists twice more; the best twice more; equal and own weights four times more; 5 draws."""
    assert tuning.n_trainings(12, with_own=True) == 12 + 3 * 2 + 2 + 2 * 4 + 5
    assert tuning.n_trainings(6, with_own=False) == 6 + 3 * 2 + 2 + 4 + 5
    assert tuning.size_of(25) == 20 and tuning.size_of(1) == 2


def test_uniform_numbers_give_uniform_weights():
    u = np.random.default_rng(0).random((4_000, 3))
    w = np.array([tuning.from_uniform(row) for row in u])
    assert w.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.02)
    assert w.var(axis=0) == pytest.approx(np.full(3, 1 / 18), abs=0.01)  # Dirichlet(1, 1, 1): 2 / (9 * 4)


def test_the_heat_map_is_the_surrogate():
    w = tuning.candidates(3, np.random.default_rng(0))
    made = tuning.fit_surrogate(w, planted(w, np.array([0.2, 0.3, 0.5])))
    axis, values = tuning.heat(made, 3, (0, 1), np.array([0.2, 0.3, 0.5]), steps=11)
    assert values[3, 2] == pytest.approx(made(np.array([[0.2, 0.3, 0.5]]))[0]) and axis[2] == pytest.approx(0.2)
    assert np.isnan(values[8, 8]) and np.isfinite(values[0, 10])
    line = tuning.heat(tuning.fit_surrogate(np.array([[1, 0], [0, 1], [0.5, 0.5], [0.2, 0.8]]), np.arange(4.0)), 2,
                       (0, 1), np.array([1.0, 0.0]), steps=3)[1]  # fmt: skip
    assert np.isfinite(line).sum() == 3


def test_settings_said_twice_are_shown_once():
    a, b = {"relevance": 100}, {"relevance": 50}
    assert list(tuning.distinct({"equal": a, "own": dict(a), "policy": b})) == ["equal", "policy"]
