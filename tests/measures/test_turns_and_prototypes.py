"""Targets and classes that choose in turn, class means, words of the goal: numbers worked by hand and a slow oracle."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.measures import compute
from studio.measures.importance import EPSILON, NGRAM_IMPORTANCE
from studio.measures.prototypes import CLASS_PROTOTYPE
from studio.measures.turns import CLASS_TURN, TARGET_TURN
from studio.records import Batch
from studio.tokenise import units


def angles(*degrees: float) -> np.ndarray:
    turned = np.radians(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def batch(rows: np.ndarray, **fields) -> Batch:
    return Batch(ids=np.arange(len(rows)), texts=["x"] * len(rows), embeddings=rows, **fields)


def test_each_target_has_its_best_example_taken_first():
    # target 0 degrees likes 10, 20, 40, 80; target 90 degrees likes 80, 40, 20, 10
    rows = angles(80, 10, 40, 20)
    assert compute(TARGET_TURN, batch(rows, targets=angles(0, 90))).tolist() == [1, 1, 2, 2]
    # without turns the targets around 0 would have taken all: 10, 20, 40 before 80
    assert compute(TARGET_TURN, batch(rows, targets=angles(0, 1, 2, 90))).tolist() == [1, 1, 2, 2]


def test_equal_examples_share_the_better_turn_and_one_target_is_a_ranking():
    assert compute(TARGET_TURN, batch(angles(30, 10, 10, 50), targets=angles(0))).tolist() == [3, 1, 1, 4]


def slow_turns(similarities: np.ndarray) -> list[int]:
    """The loop of the paper's code: pop each task's best in turn; a popped row that is taken already costs the turn."""
    queues = [
        sorted(range(len(similarities)), key=lambda i, t=t: -similarities[i, t]) for t in range(similarities.shape[1])
    ]
    taken: dict[int, int] = {}
    for turn in range(1, len(similarities) + 1):
        for queue in queues:
            taken.setdefault(queue.pop(0), turn)
    return [taken[i] for i in range(len(similarities))]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 10_000))
def test_turns_are_those_of_the_round_robin_loop(n, t, seed):
    rng = np.random.default_rng(seed)
    rows, targets = rng.normal(size=(n, 3)).astype(np.float32), rng.normal(size=(t, 3)).astype(np.float32)
    similarities = np.round((rows @ targets.T).astype(np.float64), 6)
    if any(len(np.unique(column)) < n for column in similarities.T):
        return
    assert compute(TARGET_TURN, batch(rows, targets=targets)).tolist() == slow_turns(similarities)


def test_class_means_leave_the_example_itself_out():
    rows = angles(0, 40, 90, 60)
    found = compute(CLASS_PROTOTYPE, batch(rows, labels=["a", "a", "b", None]))
    # row 0: a's mean without it is 40 degrees, b's is 90; row 2 is alone in b, so only a's mean (20 degrees) is left
    expected = [math.cos(math.radians(d)) for d in (40, 40, 70, 30)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_class_counts_once_however_many_examples_it_has():
    rows = np.concatenate([angles(*[0.0] * 30), angles(90), angles(88)])
    found = compute(CLASS_PROTOTYPE, batch(rows, labels=["big"] * 30 + ["small", None]))
    assert found[-1] == np.float64(found[-1]) and abs(found[-1] - math.cos(math.radians(2))) < 1e-6


def test_one_labelled_example_one_class_and_opposite_vectors():
    alone = compute(CLASS_PROTOTYPE, batch(angles(0, 60), labels=["a", None]))
    assert math.isnan(alone[0]) and abs(alone[1] - 0.5) < 1e-6
    assert np.isnan(compute(CLASS_PROTOTYPE, batch(angles(0, 60), labels=[None, None]))).all()
    opposite = compute(CLASS_PROTOTYPE, batch(angles(0, 180, 90), labels=["a", "a", None]))
    assert math.isnan(opposite[2]) and np.allclose(opposite[:2], -1)


def test_classes_choose_in_turn():
    rows = angles(0, 1, 2, 90, 70)
    # to a's mean without the row itself: 1.5, 0, 1.5, 89, 69 degrees -> ranks 2, 1, 2, 5, 4
    # to b's: 90, 89, 88, none (it is b's only one), 20 degrees -> ranks 4, 3, 2, -, 1
    found = compute(CLASS_TURN, batch(rows, labels=["a", "a", "a", "b", None]))
    assert found.tolist() == [2, 1, 2, 5, 1]


# --- words of the goal ------------------------------------------------------------------------------------------------
def importance(texts, targets, language="en"):
    return compute(NGRAM_IMPORTANCE, Batch(np.arange(len(texts)), texts, language, target_texts=targets))


def slow_importance(texts, targets):
    """The published formula on the n-grams themselves, without buckets: the same while nothing collides."""

    def grams(text):
        found = units(text)
        return Counter(found) + Counter(zip(found, found[1:], strict=False))

    def shares(many):
        counts = sum((grams(text) for text in many), Counter())
        total = max(1, sum(counts.values()))
        return lambda gram: counts[gram] / total

    target, raw = shares(targets), shares(texts)
    return [
        sum(n * (math.log(target(g) + EPSILON) - math.log(raw(g) + EPSILON)) for g, n in grams(text).items())
        / len(units(text))
        if units(text)
        else math.nan
        for text in texts
    ]


def test_importance_by_hand():
    # corpus n-grams: a, b, "a b" | c -> 4 in all, target: c -> 1 in all
    found = importance(["a b", "c"], ["c"])
    unseen = math.log(1e-8) - math.log(0.25 + 1e-8)
    np.testing.assert_allclose(found, [3 * unseen / 2, math.log(1 + 1e-8) - math.log(0.25 + 1e-8)], rtol=1e-12)


def test_importance_is_the_published_sum_per_token():
    texts = [
        "reset my password",
        "where is my parcel",
        "",
        "password password reset",
        "!!!",
        "我的包裹在哪里",
        "\x00 \ud800 x",
    ]
    targets = ["reset my password please", "包裹在哪"]
    np.testing.assert_allclose(importance(texts, targets), slow_importance(texts, targets), rtol=1e-9)
    assert np.isnan(importance(texts, targets)[[2, 4]]).all()


def test_importance_reads_chinese_by_character_and_needs_no_length():
    found = importance(["密码忘了", "天气很好", "密"], ["忘记密码"])
    assert found[0] > found[1] and found[2] > found[1]


def test_chunks_do_not_change_the_numbers(monkeypatch):
    texts = [f"word{i} word{i % 7} end" for i in range(50)]
    whole = importance(texts, ["word3 end"])
    monkeypatch.setattr("studio.measures.importance._CHUNK_TOKENS", 5)
    np.testing.assert_array_equal(importance(texts, ["word3 end"]), whole)


def test_targets_are_not_asked_to_fit_the_number_of_examples():
    given_ = batch(angles(0, 10, 20), targets=angles(0))
    assert compute(TARGET_TURN, dataclasses.replace(given_, targets=angles(0, 1, 2, 3, 4))).shape == (3,)
