"""Leaks between splits, against counting every pair by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.corpus import leakage
from studio.corpus.leakage import Evidence, Leak, beside, leaks, similar_pairs
from studio.errors import CorpusError
from studio.records import SPLITS, Knn


def _pairs(evidence: Evidence, kind: str, a: int, b: int) -> list[tuple[int, int]]:
    """All pairs (row in a, row in b) of one kind, the slow way."""
    similar = {tuple(pair) for pair in evidence.similar.tolist()}
    found = []
    for i in np.flatnonzero(evidence.splits == a).tolist():
        for j in np.flatnonzero(evidence.splits == b).tolist():
            same_text = evidence.exact[i] == evidence.exact[j]
            same_family = evidence.families[i] == evidence.families[j]
            labelled = evidence.labels[i] >= 0 and evidence.labels[j] >= 0
            fits = {
                "exact": same_text,
                "near": same_family and not same_text,
                "semantic": not same_family and (min(i, j), max(i, j)) in similar,
                "conflict": same_family and labelled and evidence.labels[i] != evidence.labels[j],
            }
            if fits[kind]:
                found.append((i, j))
    return found


@st.composite
def evidences(draw):
    n = draw(st.integers(1, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    families = rng.integers(0, max(1, n // 2), n)
    exact = families * 3 + rng.integers(0, 2, n)  # equal texts are of one family
    pairs = np.array([(i, j) for i in range(n) for j in range(i + 1, n) if rng.random() < 0.3]).reshape(-1, 2)
    return Evidence(rng.integers(0, 4, n), exact, families, rng.integers(-1, 3, n), pairs.astype(np.int64),
                    rng.random(len(pairs)))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(evidences())
def test_counts_are_those_of_every_pair(evidence):
    for leak in leaks(evidence):
        a, b = SPLITS.index(leak.first), SPLITS.index(leak.second)
        pairs = _pairs(evidence, leak.kind, a, b)
        assert (leak.n_pairs, leak.n_first, leak.n_second) == (len(pairs), len({i for i, _ in pairs}),
                                                               len({j for _, j in pairs}))  # fmt: skip
        assert leak.size_second == (evidence.splits == b).sum() and leak.low <= leak.rate <= leak.high
        shown = beside(evidence, leak.kind, leak.first, leak.second)
        assert shown["second"].tolist() == sorted({j for _, j in pairs})
        assert set(zip(shown["first"], shown["second"], strict=True)) <= set(pairs)
        if leak.kind != "semantic":
            assert shown["first"].tolist() == [min(i for i, other in pairs if other == j) for j in shown["second"]]


def test_a_worked_example():
    """Ten pool, four test examples; two tests are copies of one pool text, one is nearly it with another label."""
    splits = np.array([0] * 10 + [3] * 4)
    exact = np.array([*range(10), 0, 0, 12, 13])
    families = np.array([*range(10), 0, 0, 0, 13])
    labels = np.array([1] * 10 + [1, 1, 2, -1])
    by_kind = {leak.kind: leak for leak in leaks(Evidence(splits, exact, families, labels))}
    assert set(by_kind) == {"exact", "near", "conflict"}
    exact_leak = by_kind["exact"]
    assert (exact_leak.n_pairs, exact_leak.n_first, exact_leak.n_second, exact_leak.rate) == (2, 1, 2, 0.5)
    assert (round(exact_leak.low, 4), round(exact_leak.high, 4)) == (0.15, 0.85)  # Wilson, 2 of 4
    assert by_kind["near"].n_second == 1 and by_kind["conflict"].n_second == 1
    assert beside(Evidence(splits, exact, families, labels), "near", "pool", "test").values.tolist()[0][:2] == [12, 0]


def test_pairs_of_the_graph_are_counted_once():
    knn = Knn(
        np.array([[1, 2], [0, 2], [0, 1]], np.int32), np.array([[0.01, 0.2], [0.01, 0.05], [0.05, 0.2]], np.float32)
    )
    pairs, cosine = similar_pairs(knn, 0.95)
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 2]] and cosine.round(2).tolist() == [0.99, 0.95, 0.95]
    for bad in (0.0, 1.5):
        with pytest.raises(CorpusError):
            similar_pairs(knn, bad)


def test_what_was_not_looked_for_is_refused():
    evidence = Evidence(np.array([0, 3]), np.array([0, 0]), np.array([0, 0]))
    assert isinstance(leaks(evidence)[0], Leak)
    assert {leak.kind for leak in leaks(evidence)} == {"exact", "near"}
    for kind, first in (("semantic", "pool"), ("conflict", "pool"), ("nothing", "pool"), ("exact", "nowhere")):
        with pytest.raises(CorpusError):
            beside(evidence, kind, first, "test")
    assert leakage.SIMILAR == 0.95
