"""Near copies, rare labels and groups, training dynamics, agreement: numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.measures import compute
from studio.measures.agreement import ANNOTATOR_AGREEMENT
from studio.measures.dynamics import TRAINING_CONFIDENCE, TRAINING_VARIABILITY
from studio.measures.rarity import GROUP_RARITY, LABEL_RARITY
from studio.measures.repeats import REPEAT_DISTANCE
from studio.records import Batch, Knn


def batch(n: int, **fields) -> Batch:
    return Batch(ids=fields.pop("ids", np.arange(n)), texts=["x"] * n, **fields)


def test_the_first_of_copies_keeps_its_distance():
    knn = Knn(np.array([[1, 2], [0, 2], [0, 1], [2, -1]]), np.array([[0.0, 0.4], [0.0, 0.4], [0.4, 0.4], [0.7, 0.9]]))
    # row 0: nobody is earlier, so at least its farthest stored neighbour; row 1 repeats row 0; row 3: only row 2
    np.testing.assert_allclose(compute(REPEAT_DISTANCE, batch(4, knn=knn)), [0.4, 0.0, 0.4, 0.7])
    # the order is that of the example numbers, not of the rows
    np.testing.assert_allclose(compute(REPEAT_DISTANCE, batch(4, knn=knn, ids=np.array([9, 3, 5, 7]))),
                               [0.0, 0.4, 0.4, 0.7])  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 15), st.integers(0, 1_000))
def test_on_a_whole_graph_it_is_the_distance_to_the_nearest_earlier_example(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    apart = 1 - x @ x.T
    others = np.where(np.eye(n, dtype=bool), np.inf, apart)
    index = np.argsort(others, axis=1)[:, : n - 1]
    found = compute(REPEAT_DISTANCE, batch(n, knn=Knn(index, np.take_along_axis(others, index, axis=1))))
    for i in range(1, n):
        assert abs(found[i] - apart[i, :i].min()) < 1e-12
    assert abs(found[0] - apart[0, 1:].max()) < 1e-12


def test_rare_labels_and_groups_in_nats():
    labels = compute(LABEL_RARITY, batch(5, likely_labels=["a", "a", "a", "b", None]))
    np.testing.assert_allclose(labels, [math.log(4 / 3)] * 3 + [math.log(4), math.nan])
    groups = np.array([[0, 0], [0, -1], [1, 0], [-1, -1]])
    # first attribute: 2 of 3 and 1 of 3; second: both the same
    expected = [math.log(3 / 2) / 2, math.log(3 / 2), math.log(3) / 2, math.nan]
    np.testing.assert_allclose(compute(GROUP_RARITY, batch(4, groups=groups)), expected)
    assert np.isnan(compute(GROUP_RARITY, batch(2, groups=np.empty((2, 0), int)))).all()


def test_dynamics_are_mean_and_spread_over_the_recorded_epochs():
    history = np.array([[0.2, 0.6, 1.0], [0.9, math.nan, 0.5], [0.4, math.nan, math.nan], [math.nan] * 3])
    given_ = batch(4, gold_history=history)
    spread = math.sqrt(((0.2 - 0.6) ** 2 + 0 + (1.0 - 0.6) ** 2) / 3)  # over n, as numpy.std in the paper's code
    np.testing.assert_allclose(compute(TRAINING_VARIABILITY, given_), [spread, 0.2, math.nan, math.nan])
    np.testing.assert_allclose(compute(TRAINING_CONFIDENCE, given_), [0.6, 0.7, 0.4, math.nan])
    assert abs(compute(TRAINING_VARIABILITY, given_)[0] - np.std(history[0])) < 1e-12


def test_agreement_needs_two_annotators():
    votes = np.array([[2, 3], [1, 1], [0, 2], [4, 4], [0, 0]])
    np.testing.assert_allclose(compute(ANNOTATOR_AGREEMENT, batch(5, votes=votes)), [2 / 3, math.nan, 0, 1, math.nan])
