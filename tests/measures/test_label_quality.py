"""Confident learning by hand, and against a plain transcription of the paper's counting."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.measures import compute
from studio.measures.label_quality import LABEL_MARGIN, LABEL_STANDS, SELF_CONFIDENCE, confident_joint
from studio.measures.probe import probe_probs
from studio.records import Batch

PROBS = np.array([[0.9, 0.1, 0.0], [0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.0, 0.1, 0.9]])
GOLD = np.array([0, 0, 0, 1, 2, 2])


def batch(probs, gold) -> Batch:
    return Batch(np.arange(len(probs)), ["x"] * len(probs), out_of_fold=np.asarray(probs), gold=np.asarray(gold))


def test_probability_and_margin_of_the_given_label():
    given_ = batch(np.vstack([PROBS, [[math.nan] * 3], [[0.2, 0.3, 0.5]]]), [*GOLD, 1, -1])
    np.testing.assert_allclose(compute(SELF_CONFIDENCE, given_), [0.9, 0.7, 0.2, 0.8, 0.4, 0.9, math.nan, math.nan])
    expected = [(0.9 - 0.1 + 1) / 2, (0.7 - 0.2 + 1) / 2, (0.2 - 0.7 + 1) / 2, (0.8 - 0.1 + 1) / 2,
                (0.4 - 0.3 + 1) / 2, (0.9 - 0.1 + 1) / 2, math.nan, math.nan]  # fmt: skip
    np.testing.assert_allclose(compute(LABEL_MARGIN, given_), expected)


def test_the_confident_joint_by_hand():
    # thresholds: class 0 (.9 + .7 + .2) / 3 = .6; class 1 .8; class 2 (.4 + .9) / 2 = .65
    # row 2 is labelled 0; its .7 for class 1 stays below .8, so it belongs to no class confidently
    assert confident_joint(PROBS, GOLD).tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert compute(LABEL_STANDS, batch(PROBS, GOLD)).tolist() == [1, 1, 1, 1, 1, 1]
    swapped = np.array([0, 0, 1, 1, 2, 0])  # the last row is a clear 2 under the label 0
    # thresholds now: (.9 + .7 + 0) / 3 = .533; (.7 + .8) / 2 = .75; .4
    assert confident_joint(PROBS, swapped).tolist() == [[2, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert compute(LABEL_STANDS, batch(PROBS, swapped)).tolist() == [1, 1, 1, 1, 1, 0]


def slow_joint(probs, gold):
    """Equations 1 and 2 of the paper, row by row, with the package's rule for several confident classes."""
    m, c = probs.shape
    limit = [
        np.mean([probs[i, j] for i in range(m) if gold[i] == j]) if (gold == j).any() else math.inf for j in range(c)
    ]
    counts = np.zeros((c, c), int)
    for i in range(m):
        sure = [j for j in range(c) if probs[i, j] >= limit[j] - 1e-6]
        if sure:
            counts[gold[i], sure[0] if len(sure) == 1 else int(np.argmax(probs[i]))] += 1
    for j in range(c):
        counts[j, j] = max(counts[j, j], 1)
    return counts


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 10_000))
def test_the_confident_joint_is_the_paper_s_counting(m, c, seed):
    rng = np.random.default_rng(seed)
    probs, gold = rng.dirichlet(np.ones(c), size=m), rng.integers(0, c, size=m)
    np.testing.assert_array_equal(confident_joint(probs, gold), slow_joint(probs, gold))


def test_planted_mistakes_come_last():
    """Out-of-fold probabilities of the probe, 20 % of the labels wrong: the doubtful ones are the planted ones."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, size=300)
    x = np.eye(3)[truth] + rng.normal(0, 0.25, size=(300, 3))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    given_ = truth.copy()
    wrong = rng.choice(300, 60, replace=False)
    given_[wrong] = (given_[wrong] + 1) % 3
    probs, names = probe_probs(x, [str(k) for k in given_], rng)
    seen = batch(probs, np.array([names.index(str(k)) for k in given_]))
    is_wrong = np.isin(np.arange(300), wrong)
    for measure in (SELF_CONFIDENCE, LABEL_MARGIN):
        values = compute(measure, seen)
        pairs = values[~is_wrong][:, None] - values[is_wrong][None, :]
        assert ((pairs > 0) + 0.5 * (pairs == 0)).mean() > 0.95  # AUC
    doubted = compute(LABEL_STANDS, seen) == 0
    assert is_wrong[doubted].mean() > 0.9 and doubted[is_wrong].mean() > 0.8


def test_one_class_has_no_margin_and_every_label_stands():
    one = batch(np.ones((3, 1)), [0, 0, 0])
    assert np.isnan(compute(LABEL_MARGIN, one)).all() and compute(LABEL_STANDS, one).tolist() == [1, 1, 1]
    assert compute(LABEL_STANDS, batch(np.empty((0, 2)), np.empty(0, int))).shape == (0,)
