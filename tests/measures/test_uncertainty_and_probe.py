from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from studio.errors import MeasureError
from studio.measures import compute
from studio.measures.probe import C, deal_folds, probe_probs
from studio.measures.uncertainty import ENTROPY, LEAST_CONFIDENCE, MARGIN
from studio.records import Batch

PROBS = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [np.nan, 0.5, 0.5]])


def batch(probs) -> Batch:
    return Batch(ids=np.arange(len(probs)), texts=["x"] * len(probs), class_probs=probs)


def test_doubt_worked_by_hand():
    np.testing.assert_allclose(compute(MARGIN, batch(PROBS)), [0.2, 1.0, 0.0, np.nan], atol=1e-12)
    np.testing.assert_allclose(compute(LEAST_CONFIDENCE, batch(PROBS)), [0.5, 0.0, 2 / 3, np.nan], atol=1e-12)


def test_entropy_agrees_with_scipy():
    expected = stats.entropy(PROBS[:3], axis=1) / np.log(3)
    np.testing.assert_allclose(compute(ENTROPY, batch(PROBS))[:3], expected, atol=1e-12)
    assert np.isnan(compute(ENTROPY, batch(PROBS))[3])


def test_one_class_cannot_be_doubted():
    with pytest.raises(MeasureError, match="two classes"):
        compute(MARGIN, batch(np.ones((4, 1))))


def test_folds_are_even_and_spread_every_class():
    y = np.repeat([0, 1, 2], [11, 7, 2])
    folds = deal_folds(y, 5, np.random.default_rng(0))
    assert sorted(np.bincount(folds)) == [4, 4, 4, 4, 4]
    for code, size in ((0, 11), (1, 7), (2, 2)):
        counts = np.bincount(folds[y == code], minlength=5)
        assert counts.sum() == size and counts.max() - counts.min() <= 1


def test_labelled_rows_are_predicted_by_probes_that_did_not_see_them():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 8)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels = [("a", "b", "c")[i % 3] if i < 45 else None for i in range(60)]
    probs, names = probe_probs(x, labels, np.random.default_rng(7))
    assert names == ["a", "b", "c"]
    np.testing.assert_allclose(probs.sum(axis=1), 1.0, atol=1e-6)
    y = np.array([names.index(label) for label in labels[:45]])
    folds = deal_folds(y, 5, np.random.default_rng(7))
    held = folds == 2
    oracle = LogisticRegression(C=C, max_iter=500).fit(x[:45][~held], y[~held]).predict_proba(x[:45][held])
    np.testing.assert_allclose(probs[:45][held], oracle, atol=1e-5)
    whole = LogisticRegression(C=C, max_iter=500).fit(x[:45], y).predict_proba(x[45:])
    np.testing.assert_allclose(probs[45:], whole, atol=1e-5)


def test_out_of_fold_probabilities_do_not_know_random_labels():
    """A probe scored on its own training rows would look sure of noise; out of fold it must be near chance."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 150)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels = [str(v) for v in rng.integers(0, 2, 200)]
    probs, names = probe_probs(x, labels, rng)
    right = np.mean([names[int(p.argmax())] == label for p, label in zip(probs, labels, strict=True)])
    assert 0.35 < right < 0.65


def test_a_class_with_one_example_is_never_its_own_teacher():
    x = np.eye(12, dtype=np.float32)
    labels = ["a"] * 6 + ["b"] * 5 + ["rare"]
    probs, names = probe_probs(x, labels, np.random.default_rng(0))
    assert probs[11, names.index("rare")] == 0.0


def test_too_few_labels_are_refused():
    x = np.eye(12, dtype=np.float32)
    with pytest.raises(MeasureError, match="10 labels"):
        probe_probs(x, ["a", "b"] * 4 + [None] * 4, np.random.default_rng(0))
    with pytest.raises(MeasureError, match="1 kinds"):
        probe_probs(x, ["a"] * 12, np.random.default_rng(0))
