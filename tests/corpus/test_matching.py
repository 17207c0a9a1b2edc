"""BM25 by hand, over words and over pairs of Chinese characters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from studio.corpus import matching
from studio.corpus.matching import TextIndex

TEXTS = ["refund my broken kettle", "kettle kettle kettle", "where is my parcel", "退款还没到账", ""]


def test_scores_are_those_of_the_formula():
    index = TextIndex.build(TEXTS)
    (scores,), idf = matching.match([index], {"kettle": 1.0, "refund": 2.0, "absent": 5.0})
    n, lengths = len(TEXTS), np.array([4, 3, 4, 5, 0])
    expected_idf = {"kettle": math.log(1 + (n - 2 + 0.5) / 2.5), "refund": math.log(1 + (n - 1 + 0.5) / 1.5)}
    assert idf == pytest.approx(expected_idf)
    mean = lengths.mean()

    def part(f, length):
        return f * 2.2 / (f + 1.2 * (1 - 0.75 + 0.75 * length / mean))

    first = expected_idf["kettle"] * part(1, 4) + 2 * expected_idf["refund"] * part(1, 4)
    np.testing.assert_allclose(scores, [first, expected_idf["kettle"] * part(3, 3), 0, 0, 0], rtol=1e-5)


def test_several_bodies_are_scored_as_one():
    whole, halves = TextIndex.build(TEXTS), [TextIndex.build(TEXTS[:2]), TextIndex.build(TEXTS[2:])]
    weights = matching.query_terms("my kettle 退款")
    together, split = matching.match([whole], weights)[0][0], matching.match(halves, weights)[0]
    np.testing.assert_allclose(together, np.concatenate(split), rtol=1e-6)
    assert split[1][1] > 0  # 退款


def test_a_query_is_description_plus_examples_minus_others():
    weights = matching.query_terms("broken kettle", ["refund kettle", "refund now"], ["parcel kettle"])
    assert weights == pytest.approx({"broken": 1.0, "kettle": 1 + 0.75 / 2 - 0.15, "refund": 0.75, "now": 0.375})


def test_nothing_to_look_for_and_nothing_to_look_in():
    assert matching.query_terms("", (), ("only this",)) == {}
    empty = TextIndex.build([])
    assert len(matching.match([empty], {"a": 1.0})[0][0]) == 0
    assert matching.match([TextIndex.build(["b"])], {"a": 1.0})[0][0].tolist() == [0.0]


def test_of_a_long_list_the_telling_terms_are_used():
    index = TextIndex.build([f"w{i} common" for i in range(200)])
    _, used = matching.match([index], {f"w{i}": 1.0 for i in range(200)} | {"common": 1.0})
    assert len(used) == matching.MOST_TERMS and "common" not in used
