"""Heads learnt from ratings and pairs: against scikit-learn, brute-force maximum likelihood, and by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.linear_model import RidgeCV

from studio.errors import MeasureError
from studio.measures import compute, rated
from studio.records import Batch
from studio.statistics import wilson_pair


def unit_rows(n, d, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def rated_batch(n=120, m=60, d=12, noise=0.2, seed=0, view="quality"):
    """The last m rows are rated by a hidden direction."""
    x = unit_rows(n, d, seed)
    rng = np.random.default_rng(seed + 1)
    y = np.full(n, np.nan)
    y[n - m :] = np.clip(np.round(3 + 4 * x[n - m :, 0] + rng.normal(scale=noise, size=m)), 1, 5)
    return Batch(np.arange(n) * 3 + 5, ["t"] * n, embeddings=x, **{f"ratings_{view}": y})


def test_ridge_is_scikit_learns_with_the_same_choice_of_penalty():
    x = unit_rows(70, 10).astype(float)
    y = 3 + 2 * x[:, 1] + np.random.default_rng(2).normal(scale=0.5, size=70)
    own = rated.ridge(x, y)
    other = RidgeCV(alphas=rated.RIDGES).fit(x, y)
    assert own.penalty == other.alpha_
    np.testing.assert_allclose(own.of(x), other.predict(x), atol=1e-9)


def test_ridge_with_more_columns_than_rows_is_scikit_learns_too():
    x = unit_rows(20, 64, 3).astype(float)
    y = np.random.default_rng(4).normal(size=20)
    np.testing.assert_allclose(rated.ridge(x, y).of(x), RidgeCV(alphas=rated.RIDGES).fit(x, y).predict(x), atol=1e-8)


def test_ridge_by_hand():
    """Two points at ±1 with ratings 1 and 5: slope = sum xy / (sum x² + a) = 4 / (2 + 1)."""
    head = rated.ridge(np.array([[-1.0], [1.0]]), np.array([1.0, 5.0]), [1.0])
    assert head.weights[0] == pytest.approx(4 / 3) and head.offset == pytest.approx(3.0)


def test_pairs_are_bradley_terry_by_brute_force():
    """Four things with a direction each: a nearly free penalty gives the maximum-likelihood abilities (Hunter's MM)."""
    wins = np.array([[0, 7, 8, 9], [3, 0, 6, 8], [2, 4, 0, 6], [1, 2, 4, 0]])
    eye = np.eye(4)
    sides = [(i, j) for i in range(4) for j in range(4) for _ in range(wins[i, j])]
    a, b = (eye[[side[k] for side in sides]] for k in (0, 1))
    head = rated.pairwise(a, b, np.ones(len(sides)), [1e-9])
    ability = np.ones(4)
    for _ in range(5_000):
        games = wins + wins.T
        ability = wins.sum(axis=1) / (games / (ability[:, None] + ability[None, :])).sum(axis=1)
        ability /= ability.sum()
    wanted = np.log(ability) - np.log(ability).mean()
    np.testing.assert_allclose(head.weights - head.weights.mean(), wanted, atol=1e-6)


def test_two_things_by_hand():
    """Seven wins, two losses and a tie: log(7.5 / 2.5)."""
    eye = np.eye(2)
    a, b = np.tile(eye[0], (10, 1)), np.tile(eye[1], (10, 1))
    head = rated.pairwise(a, b, np.array([1.0] * 7 + [0.0] * 2 + [0.5]), [1e-9])
    assert head.weights[0] - head.weights[1] == pytest.approx(np.log(3.0), abs=1e-6)


@pytest.mark.parametrize("penalty", [0.01, 1.0, 100.0])
def test_the_penalised_minimum_is_scipys(penalty):
    x = unit_rows(80, 9, 5).astype(float)
    rng = np.random.default_rng(6)
    a, b = x[:40], x[40:]
    won = rng.choice([0.0, 0.5, 1.0], size=40)

    def cost(w):
        z = (a - b) @ w
        return (np.logaddexp(0, z) - won * z).sum() + penalty / 2 * w @ w

    wanted = optimize.minimize(cost, np.zeros(9), method="BFGS", options={"gtol": 1e-10}).x
    np.testing.assert_allclose(rated.pairwise(a, b, won, [penalty]).weights, wanted, atol=1e-5)


def test_separable_pairs_end_at_a_finite_head():
    a, b = np.tile([1.0, 0.0], (60, 1)), np.tile([0.0, 1.0], (60, 1))
    head = rated.pairwise(a, b, np.ones(60))
    assert np.isfinite(head.weights).all() and head.weights[0] > head.weights[1]
    assert not rated.pairwise(a, a, np.full(60, 0.5)).weights.any(), "nothing apart, nothing learnt"


# --- measures ---------------------------------------------------------------------------------------------------------
def test_a_rated_view_puts_unrated_examples_in_the_order_of_the_hidden_direction():
    batch = rated_batch(n=400, m=150)
    values = compute(rated.HEADS["rated_quality"], batch)
    fresh = np.isnan(batch.ratings_quality)
    assert stats.spearmanr(values[fresh], batch.embeddings[fresh, 0]).statistic > 0.95


@pytest.mark.parametrize("n_rated", [0, 1, 49])
def test_too_few_ratings_give_no_score_and_a_reason(n_rated):
    batch = rated_batch(m=n_rated) if n_rated else dataclasses.replace(
        rated_batch(), ratings_quality=np.full(120, np.nan))  # fmt: skip
    assert np.isnan(compute(rated.HEADS["rated_quality"], batch)).all()
    with pytest.raises(MeasureError, match="too few ratings"):
        rated.agreement(batch, "rated_quality", 0)


def test_equal_ratings_and_ties_alone_give_no_score_and_a_reason():
    batch = dataclasses.replace(rated_batch(), ratings_quality=np.full(120, 4.0),
                                pairs_quality=np.array([[5 + 6 * k, 8 + 6 * k, 0.5] for k in range(60)]))  # fmt: skip
    for name, reason in (("rated_quality", "All ratings"), ("pairwise_quality", "ties")):
        assert np.isnan(compute(rated.HEADS[name], batch)).all()
        with pytest.raises(MeasureError, match=reason):
            rated.agreement(batch, name, 0)


def pairs_batch(n=300, m=80, d=8, flip=0.0, seed=0):
    x = unit_rows(n, d, seed)
    rng = np.random.default_rng(seed + 9)
    ids = np.arange(n) * 2 + 1
    rows = rng.permutation(n)[: 2 * m].reshape(m, 2)
    better = x[rows[:, 0], 0] > x[rows[:, 1], 0]
    better ^= rng.random(m) < flip
    return Batch(ids, ["t"] * n, embeddings=x, pairs_quality=np.column_stack([ids[rows], better.astype(float)]))


def test_pairs_put_examples_in_the_order_of_the_hidden_direction_and_unknown_ids_are_left_out():
    batch = pairs_batch()
    more = np.vstack([batch.pairs_quality, [[999_999, 1, 1.0], [1, 2, 1.0]]])
    values = compute(rated.PAIRWISE_QUALITY, batch)
    assert stats.spearmanr(values, batch.embeddings[:, 0]).statistic > 0.9
    assert values.mean() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_array_equal(
        compute(rated.PAIRWISE_QUALITY, dataclasses.replace(batch, pairs_quality=more)), values)  # fmt: skip


def test_turning_a_pair_and_its_outcome_round_changes_nothing():
    batch = pairs_batch(m=60)
    turned = batch.pairs_quality[:, [1, 0, 2]].copy()
    turned[:, 2] = 1 - turned[:, 2]
    np.testing.assert_allclose(
        compute(rated.PAIRWISE_QUALITY, dataclasses.replace(batch, pairs_quality=turned)),
        compute(rated.PAIRWISE_QUALITY, batch), atol=1e-7,
    )  # fmt: skip


def test_the_order_of_rows_does_not_matter():
    batch = rated_batch(n=100, m=70)
    order = np.random.default_rng(1).permutation(100)
    moved = Batch(batch.ids[order], ["t"] * 100, embeddings=batch.embeddings[order],
                  ratings_quality=batch.ratings_quality[order])  # fmt: skip
    one = rated.HEADS["rated_quality"]
    np.testing.assert_allclose(compute(one, moved), compute(one, batch)[order], rtol=1e-9)
    assert rated.agreement(moved, "rated_quality", 0)["rho"] == rated.agreement(batch, "rated_quality", 0)["rho"]


# --- agreement --------------------------------------------------------------------------------------------------------
def test_agreement_of_ratings_is_high_for_a_signal_and_around_zero_for_noise():
    told = rated.agreement(rated_batch(n=200, m=150), "rated_quality", 0)
    assert (told["n"], told["n_judged"], told["folds"]) == (150, 150, 5)
    assert told["low"] < told["rho"] < told["high"] and told["low"] > 0.7
    noise = dataclasses.replace(rated_batch(n=200, m=150),
                                ratings_quality=np.random.default_rng(0).integers(1, 6, 200).astype(float))  # fmt: skip
    told = rated.agreement(noise, "rated_quality", 0)
    assert told["low"] < 0 < told["high"]


def test_copies_of_a_text_never_stand_on_both_sides():
    """Every vector twice with the same random rating: with leaking folds the agreement would be near 1."""
    rng = np.random.default_rng(3)
    x = np.repeat(unit_rows(60, 200), 2, axis=0)
    y = np.repeat(rng.integers(1, 6, 60).astype(float), 2)
    told = rated.agreement(Batch(np.arange(120), [""] * 120, embeddings=x, ratings_quality=y), "rated_quality", 0)
    assert told["rho"] is None or told["rho"] < 0.4


def test_the_interval_covers_spearmans_rho_and_is_seeded():
    rng = np.random.default_rng(0)
    a = rng.normal(size=200)
    b = a + rng.normal(size=200)
    rho, low, high = rated.spearman_interval(a, b, np.random.default_rng(1))
    assert rho == pytest.approx(stats.spearmanr(a, b).statistic) and low < rho < high
    assert (rho, low, high) == rated.spearman_interval(a, b, np.random.default_rng(1))
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt((1 + rho**2 / 2) / 197) * (1 - rho**2), rel=0.25)
    assert rated.spearman_interval(np.ones(9), b[:9], rng) == (None, None, None)


def test_agreement_of_pairs_is_a_share_of_decided_pairs_with_wilsons_interval():
    told = rated.agreement(pairs_batch(m=120), "pairwise_quality", 0)
    assert told["n_judged"] == 120 and told["share"] > 0.85
    assert (told["low"], told["high"]) == pytest.approx(wilson_pair(round(told["share"] * 120), 120))
    told = rated.agreement(pairs_batch(m=120, flip=0.5), "pairwise_quality", 0)
    assert told["low"] < 0.5 < told["high"]


def test_pairs_that_share_an_example_are_in_one_fold():
    first, second = np.array([0, 1, 5, 7, 8]), np.array([1, 2, 6, 8, 9])
    groups = rated._components(first, second)
    assert len(set(groups[[0, 1]])) == 1 and len(set(groups[[3, 4]])) == 1 and len(set(groups)) == 3


def test_one_chain_of_pairs_cannot_be_checked_and_says_so():
    batch = pairs_batch(n=100, m=2)
    chain = np.array([[batch.ids[k], batch.ids[k + 1], float(k % 2)] for k in range(60)])
    told = rated.agreement(dataclasses.replace(batch, pairs_quality=chain), "pairwise_quality", 0)
    assert told["share"] is None and told["n_judged"] == 0


def test_agreement_between_people_by_hand():
    people = ["ann", "ben"] * 10
    subjects = [k for k in range(10) for _ in range(2)]
    a = np.array([1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
    b = np.array([1, 2, 3, 4, 5, 2, 1, 4, 3, 5])
    values = np.column_stack([a, b]).ravel().tolist()
    told = rated.between(people, subjects, values)
    assert told["n"] == 10 and told["same"] == pytest.approx(0.6)
    assert told["rho"] == pytest.approx(stats.spearmanr(a, b).statistic)
    assert rated.between(["ann"] * 30, range(30), [3.0] * 30) == {"n": 0, "rho": None, "same": None}
    assert rated.between(people[:4], subjects[:4], values[:4])["rho"] is None
    assert rated.between(["a", "b", "c"] * 10, [k // 3 for k in range(30)], [2.0] * 30)["n"] == 30
