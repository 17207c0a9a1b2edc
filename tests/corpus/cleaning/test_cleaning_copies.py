"""Copies by text, by overlap, by meaning, and with other labels: who stays and why the others go."""

from __future__ import annotations

import numpy as np

from studio.corpus.cleaning import by_name
from studio.corpus.cleaning.records import Batch
from studio.records import Knn


def find(name, texts, labels=None, knn=None, rows=None, **values):
    step = by_name(name)
    n = len(texts)
    rows = np.arange(n) if rows is None else np.array(rows)
    batch = Batch(100 + rows, texts, labels or [None] * n, rows, knn=knn)
    return step.apply(batch, step.read(values)).found


def test_exact_keeps_the_first_the_longest_or_the_labelled():
    texts = ["Hello  World", "hello world", "other", "ＨＥＬＬＯ world!", "hello world"]
    assert find("exact", texts) == {1: ("copy", "100"), 4: ("copy", "100")}
    assert find("exact", texts, keep="longest") == {1: ("copy", "100"), 4: ("copy", "100")}
    assert find("exact", texts, labels=[None, "a", None, None, None], keep="labelled") == {
        0: ("copy", "101"), 4: ("copy", "101")}  # fmt: skip
    assert find("exact", ["只有一条"]) == {}


def test_near_copies_keep_both_ends_of_a_chain():
    """A like B, B like C, A unlike C: only B goes."""
    words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
    a = " ".join(words)
    b = " ".join([*words[:-1], "last"])
    c = " ".join(["first", *words[1:-1], "last"])
    assert find("near", [a, b, c], threshold=0.8) == {1: ("near_copy", "100")}
    assert find("near", [a, a, b], threshold=0.8) == {1: ("near_copy", "100"), 2: ("near_copy", "100")}


def test_near_copies_of_equal_texts_are_near_all_of_them():
    base = "我的快递三天没有更新了请帮我查一下现在到哪里了谢谢"
    found = find("near", [base + "！", base, base], labels=[None, None, "物流"], keep="labelled")
    assert set(found) == {0, 1} and {detail for _, detail in found.values()} == {"102"}


def test_same_meaning_follows_the_stored_graph_between_those_still_in():
    indices = np.array([[1], [0], [3], [2], [0]], np.int32)
    distances = np.array([[0.01], [0.01], [0.2], [0.2], [0.03]], np.float32)
    knn = Knn(indices, distances)
    texts = list("abcde")
    assert find("semantic", texts, knn=knn) == {1: ("same_meaning", "100"), 4: ("same_meaning", "100")}
    assert find("semantic", texts, knn=knn, similarity=0.98) == {1: ("same_meaning", "100")}
    # example 0 was left out before: nothing stays that 1 or 4 could repeat
    assert find("semantic", texts[1:], knn=knn, rows=[1, 2, 3, 4]) == {}
    assert find("semantic", texts) == {}


def test_labels_that_differ():
    texts, labels = ["Same", "same", "same ", "other", "same"], ["a", "a", "b", "b", None]
    everyone = find("conflict", texts, labels)
    assert everyone == dict.fromkeys(range(3), ("labels_differ", "a 2, b 1"))
    assert set(find("conflict", texts, labels, resolve="majority")) == {2}
    assert set(find("conflict", texts[1:3], ["a", "b"], resolve="majority")) == {0, 1}  # a tie has no majority
