"""The next batch, the simulated annotator, the way of a label to train or validation, and the keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.annotation import batches, simulate
from studio.annotation.destination import destination
from studio.annotation.keys import DESK_KEYS, LABEL_KEYS, label_keys
from studio.errors import AnnotationError, EmptyPool


def test_the_most_useful_are_taken_and_the_share_is_drawn_blindly():
    ids = np.arange(100, 120)
    useful = np.linspace(0, 1, 20)
    batch = batches.next_batch(ids, useful, 10, rng=np.random.default_rng(1), control_share=0.2)
    control = {i for i, r in zip(batch.ids, batch.reasons, strict=True) if r == batches.CONTROL}
    assert len(batch.ids) == 10 and len(control) == 2
    rest = [i for i in range(119, 99, -1) if i not in control][:8]
    assert set(batch.ids) - control == set(rest)
    assert f"most_useful:margin:{1.0:.4f}" in batch.reasons or 119 in control


@given(
    n=st.integers(1, 60), k=st.integers(1, 80), share=st.floats(0, 1), seed=st.integers(0, 9), holes=st.integers(0, 5)
)
def test_every_batch_is_a_set_of_the_pool_and_does_not_depend_on_its_order(n, k, share, seed, holes):
    values = np.random.default_rng(seed).random(n)
    values[: min(holes, n)] = np.nan
    ids = np.arange(n) * 3 + 1

    def draw(order):
        return batches.next_batch(ids[order], values[order], k, rng=np.random.default_rng(seed), control_share=share)

    one, other = draw(np.arange(n)), draw(np.random.default_rng(5).permutation(n))
    assert one.ids.tolist() == other.ids.tolist() and one.reasons == other.reasons
    assert len(set(one.ids.tolist())) == min(k, n) == len(one.reasons) and set(one.ids) <= set(ids)
    assert sum(r == batches.CONTROL for r in one.reasons) == batches.n_control(min(k, n), share)
    if min(holes, n) < n - k:
        assert not any(r.endswith("nan") for r in one.reasons)


def test_control_draws_are_even():
    counts = np.zeros(10)
    for seed in range(2000):
        batch = batches.next_batch(
            np.arange(10), np.arange(10.0), 5, rng=np.random.default_rng(seed), control_share=0.4
        )
        counts[[i for i, r in zip(batch.ids, batch.reasons, strict=True) if r == batches.CONTROL]] += 1
    assert counts.sum() == 4000 and abs(counts - 400).max() < 80  # 4 standard deviations of a binomial(2000, 0.2)


def test_bad_batches_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(EmptyPool):
        batches.next_batch(np.array([]), np.array([]), 3, rng=rng)
    with pytest.raises(AnnotationError):
        batches.next_batch(np.array([1, 1]), np.zeros(2), 1, rng=rng)
    with pytest.raises(AnnotationError):
        batches.next_batch(np.array([1]), np.zeros(1), 0, rng=rng)


def test_simulated_labels_are_the_truth_but_for_the_asked_share():
    truth = {i: "abc"[i % 3] for i in range(3000)}
    clean = simulate.reveal(truth, [5, 1, 9999], ["a", "b", "c"], rng=np.random.default_rng(0))
    assert clean == [(5, "c"), (1, "b")]
    noisy = simulate.reveal(truth, range(3000), ["a", "b", "c"], rng=np.random.default_rng(0), error_rate=0.1)
    wrong = [(i, label) for i, label in noisy if label != truth[i]]
    assert 250 < len(wrong) < 350 and {label for _, label in wrong} == {"a", "b", "c"}
    first = simulate.reveal(truth, range(10), ["a", "b", "c"], rng=np.random.default_rng(0), error_rate=0.1)
    assert noisy[:10] == first
    with pytest.raises(AnnotationError):
        simulate.reveal(truth, [1], ["a"], rng=np.random.default_rng(0), error_rate=0.5)


def test_every_fifth_label_goes_to_validation_when_the_corpus_has_none():
    train = validation = 0
    went = []
    for _ in range(15):
        went.append(destination(train, validation, has_corpus_validation=False))
        train, validation = train + (went[-1] == "train"), validation + (went[-1] == "validation")
    assert [n for n, where in enumerate(went, 1) if where == "validation"] == [5, 10, 15]
    assert destination(4, 0, has_corpus_validation=True) == "train"
    assert destination(4, 0, has_corpus_validation=False, eligible=False) == "train"
    assert destination(4, 0, has_corpus_validation=False, earlier="train") == "train"
    assert destination(0, 0, has_corpus_validation=True, earlier="validation") == "validation"


def test_no_key_is_taken_twice_and_none_is_one_streamlit_refuses():
    assert len(set(LABEL_KEYS)) == len(LABEL_KEYS) >= 20
    assert not set(LABEL_KEYS) & ({"C", "R", "0"} | set(DESK_KEYS.values()))
    keys = label_keys([f"l{n}" for n in range(20)])
    assert keys["l0"] == "1" and keys["l9"] == "Q" and len(set(keys.values())) == 20
    assert label_keys([f"l{n}" for n in range(21)]) == {}
