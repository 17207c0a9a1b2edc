"""Parts of measures, the nearest chosen neighbour and what an example lost to, against brute force and by hand."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.selection.explain import lost_to, measure_parts, nearest
from studio.selection.live import LiveMatrix, Rule, rank, rejection


def test_a_view_is_shared_out_by_weight_times_score():
    found = measure_parts(0.3, {"a": 1.0, "b": 2.0}, {"a": 0.5, "b": 0.5})  # pulls 0.5 and 1.0
    assert found == {"a": 0.3 * 0.5 / 1.5, "b": 0.3 * 1.0 / 1.5}
    lacking = measure_parts(0.3, {"a": 1.0, "b": 2.0}, {"a": 0.5, "b": float("nan")})
    assert lacking["a"] == 0.3 and math.isnan(lacking["b"])
    assert measure_parts(0.0, {"a": 1.0}, {"a": 0.0}) == {"a": 0.0}
    assert math.isnan(measure_parts(None, {"a": 1.0}, {"a": 0.5})["a"])
    assert measure_parts(None, {}, {}) == {}


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_nearest_is_the_highest_cosine(seed, n, d):
    rng = np.random.default_rng(seed)
    x, v = rng.integers(-2, 3, (n, d)).astype(np.float32), rng.integers(-2, 3, d).astype(np.float32)
    best, best_row = None, None
    for row in range(n):
        lengths = math.sqrt(sum(float(a) ** 2 for a in x[row])) * math.sqrt(sum(float(a) ** 2 for a in v))
        if lengths > 0:
            cosine = sum(float(a) * float(b) for a, b in zip(x[row], v, strict=True)) / lengths
            if best is None or cosine > best + 1e-9:
                best, best_row = cosine, row
    found = nearest(v, x)
    if best is None:
        assert found is None
    else:
        assert abs(found[1] - best) < 1e-9
        assert found[0] <= best_row or abs(best - found[1]) < 1e-9


def test_nearest_of_nothing_and_undefined():
    assert nearest(np.ones(3), np.empty((0, 3))) is None
    assert nearest(np.zeros(3), np.ones((2, 3))) is None
    assert nearest(np.ones(2), np.array([[np.nan, 1.0], [1.0, 1.0]]))[0] == 1


def matrix(scores, codes=None, barred=None):
    n = len(scores)
    unit = np.full((n, 4), np.nan, np.float32)
    unit[:, 0] = scores
    columns = {} if codes is None else {"group_g": np.array(codes, np.int32)}
    keys = {} if codes is None else {"group_g": ("f", "m")}
    return LiveMatrix(np.arange(10, 10 + n), unit, columns, keys, barred=barred, barred_codes=("", "filter:split"))


WEIGHTS = {"relevance": 100, "diversity": 0, "difficulty": 0, "quality": 0}


def test_what_an_example_lost_to():
    pool = matrix([0.9, 0.8, 0.7, 0.6, np.nan], [0, 0, 0, 1, 1])
    plain = rank(pool, WEIGHTS, 2)
    assert rejection(pool, plain, 2) == "over_budget" and lost_to(pool, plain, 2, "over_budget") == 1
    capped = rank(pool, WEIGHTS, 2, Rule(caps={"group_g": 1}))
    assert capped.rows.tolist() == [0, 3]
    code = rejection(pool, capped, 1)
    assert code == "cap:group_g:f" and lost_to(pool, capped, 1, code) == 0  # the one f that is in, not the last picked
    assert lost_to(pool, capped, 1, "near_duplicate_of:13") == 3
    assert lost_to(pool, capped, 4, rejection(pool, capped, 4)) is None
    barred = matrix([0.9, 0.8], [0, 0], np.array([1, 0], np.int16))
    out = rank(barred, WEIGHTS, 1)
    assert lost_to(barred, out, 0, rejection(barred, out, 0)) is None
    assert lost_to(pool, rank(pool, WEIGHTS, 0), 0, "over_budget") is None
