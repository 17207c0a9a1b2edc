"""Vendi score and mean distance: published values, vendi-score as the oracle, properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from vendi_score import vendi

from studio.diversity import Rows, by_name, measure
from studio.diversity import vendi as d
from studio.errors import MeasureError


def unit(matrix):
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def rows_of_kernel(kernel):
    """Unit rows whose inner products are the kernel (its Cholesky factor)."""
    return np.linalg.cholesky(np.array(kernel) + 1e-12 * np.eye(len(kernel))).astype(np.float64)


@pytest.fixture
def vectors():
    return unit(np.random.default_rng(0).normal(size=(200, 24)) + 0.6)


def test_published_values():
    kernel = [[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]]
    assert d.vendi_scores(d.spread(rows_of_kernel(kernel)))[1.0] == pytest.approx(2.1573005, abs=1e-5)
    samples = np.array([0, 0, 10, 10, 20, 20.0])
    kernel = np.exp(-np.abs(samples[:, None] - samples[None, :])) * (1 - 1e-9) + 1e-9 * np.eye(6)
    assert d.vendi_scores(d.spread(rows_of_kernel(kernel)))[1.0] == pytest.approx(2.999999995878, abs=1e-4)


def test_identical_rows_count_once_and_orthogonal_rows_all():
    same = unit(np.tile(np.arange(1.0, 9.0), (50, 1)))
    assert list(d.vendi_scores(d.spread(same)).values()) == pytest.approx([1.0] * 4, abs=1e-6)
    assert d.mean_distance(d.spread(same)) == pytest.approx(0.0, abs=1e-6)
    for score in d.vendi_scores(d.spread(np.eye(20, dtype=np.float32))).values():
        assert score == pytest.approx(20)


@pytest.mark.parametrize("q", [0.1, 1.0, 2.0, np.inf])
def test_vendi_is_that_of_the_full_kernel(vectors, q):
    kernel = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    values = np.linalg.eigvalsh(kernel / len(kernel))
    values = values[values > 1e-9]
    ours = d.vendi_scores(d.spread(vectors), (q,))[q]
    if q in (1.0, 2.0):
        assert ours == pytest.approx(vendi.score_K(kernel, q=q, normalize=True), rel=1e-6)
    elif q == 0.1:  # the library counts rounding noise as kinds at small q and gives NaN at infinity: use the formula
        assert ours == pytest.approx(np.exp(np.log((values**0.1).sum()) / 0.9), rel=1e-6)
    else:
        assert ours == pytest.approx(1 / values.max(), rel=1e-6)


def test_float32_blocks_agree_with_the_dual_of_the_library():
    rng = np.random.default_rng(1)
    rows = unit(rng.normal(size=(30_000, 48)) * np.linspace(2, 0.2, 48))
    ours = d.spread(rows)
    assert ours.noise == 1e-6
    assert d.vendi_scores(ours)[1.0] == pytest.approx(
        vendi.score_dual(rows.astype(np.float64), normalize=True), rel=1e-6
    )


def test_vendi_falls_with_the_order_and_stays_below_the_cap(vectors):
    scores = list(d.vendi_scores(d.spread(vectors)).values())
    assert scores == sorted(scores, reverse=True)
    found = [measure(by_name(name), Rows(200, vectors=vectors)) for name in ("vendi_rare", "vendi_one")]
    assert [found[0].value, found[1].value] == pytest.approx([scores[0], scores[-1]])
    assert scores[0] <= found[0].values["cap"] + 1e-9 == pytest.approx(24)


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 40), st.integers(2, 6)), elements=st.floats(-1, 1)))
def test_mean_distance_is_the_brute_force_mean(matrix):
    matrix = matrix[np.linalg.norm(matrix, axis=1) > 0.1]
    if len(matrix) < 2:
        return
    rows = unit(matrix).astype(np.float64)
    cosine = rows @ rows.T
    brute = (1 - cosine)[~np.eye(len(rows), dtype=bool)].mean()
    assert d.mean_distance(d.spread(rows)) == pytest.approx(brute, abs=1e-6)
    order = np.random.default_rng(0).permutation(len(rows))
    assert d.vendi_scores(d.spread(rows[order]))[1.0] == pytest.approx(d.vendi_scores(d.spread(rows))[1.0])


def test_two_orthogonal_rows_and_too_few_rows():
    assert d.mean_distance(d.spread(np.eye(2, dtype=np.float32))) == 1.0
    assert np.isnan(d.mean_distance(d.spread(np.ones((1, 1), np.float32))))
    assert d.vendi_scores(d.spread(np.zeros((0, 3), np.float32)))[1.0] == 0.0


def test_a_row_without_direction_is_left_out():
    rows = np.vstack([np.eye(3), np.zeros((2, 3))]).astype(np.float32)
    found = Rows(5, vectors=rows)
    assert found.spread.n == 3
    assert measure(by_name("vendi"), found).value == pytest.approx(3)
    assert measure(by_name("distance"), found).value == pytest.approx(1)


def test_spreads_add_up(vectors):
    both = d.spread(vectors[:80]) + d.spread(vectors[80:])
    whole = d.spread(vectors)
    assert both.n == whole.n
    np.testing.assert_allclose(both.gram, whole.gram, atol=1e-9)


def test_bad_input_is_refused():
    with pytest.raises(MeasureError):
        d.spread(np.array([[np.nan, 1.0]], dtype=np.float32))
    with pytest.raises(MeasureError):
        d.spread(np.ones(3))
    assert measure(by_name("vendi"), Rows(1, vectors=np.array([[np.nan, 1.0]], np.float32))).reason == (
        "undefined_vectors"
    )
