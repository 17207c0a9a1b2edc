from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studio.errors import SelectionError
from studio.records import VIEWS
from studio.selection.combine import (
    mirrored_views,
    missing_views,
    view_correlation,
    view_score,
    weighted_scores,
)
from studio.selection.unit_scores import unit_scores

NAN = float("nan")


def w(*values: int) -> dict[str, int]:
    return dict(zip(VIEWS, values, strict=True))


def test_quantiles_are_mid_ranks():
    np.testing.assert_allclose(unit_scores([10, 30, 20, 30], "high"), [0.125, 0.75, 0.375, 0.75])
    np.testing.assert_allclose(unit_scores([10, 30, 20, 30], "low"), [0.875, 0.25, 0.625, 0.25])
    np.testing.assert_allclose(unit_scores([5, NAN, 7, np.inf], "high"), [0.25, NAN, 0.75, NAN])
    assert unit_scores([3.0], "high") == 0.5 and len(unit_scores([], "high")) == 0


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.integers(0, 5).map(float), st.just(NAN)), max_size=60))
def test_quantiles_agree_with_scipy_and_mirror(raw):
    raw = np.array(raw, dtype=np.float64)
    unit = unit_scores(raw, "high")
    defined = ~np.isnan(raw)
    if defined.any():
        expected = (stats.rankdata(raw[defined]) - 0.5) / defined.sum()
        np.testing.assert_allclose(unit[defined], expected)
    assert np.isnan(unit[~defined]).all()
    np.testing.assert_allclose(unit_scores(raw, "low"), 1 - unit)


def test_other_scales_by_hand():
    np.testing.assert_allclose(unit_scores([0, 5, 10], "high", "min_max"), [0, 0.5, 1])
    np.testing.assert_allclose(unit_scores([4, 4], "low", "min_max"), [0.5, 0.5])
    z = unit_scores([-1, 0, 1], "high", "z")  # clipped to ±.98, sd = .98 * sqrt(2/3)
    np.testing.assert_allclose(z, [(3 - 1.224745) / 6, 0.5, (3 + 1.224745) / 6], atol=1e-6)
    with pytest.raises(SelectionError):
        unit_scores([1], "high", "log")
    with pytest.raises(SelectionError):
        unit_scores([1], "up")


def test_a_view_is_the_quantile_of_the_weighted_mean_of_what_is_defined():
    units = {"a": np.array([0.1, 0.9, NAN, NAN]), "b": np.array([0.5, 0.1, 0.3, NAN])}
    # means: .3, .5, .3 (b alone), none
    np.testing.assert_allclose(view_score(units, {"a": 1, "b": 1}), [1 / 3, 5 / 6, 1 / 3, NAN])
    # 3:1 -> .2, .7, .3
    np.testing.assert_allclose(view_score(units, {"a": 3, "b": 1}), [1 / 6, 5 / 6, 0.5, NAN])
    with pytest.raises(SelectionError):
        view_score(units, {"a": 0})


def test_one_measure_is_its_own_view():
    unit = unit_scores([3, 1, NAN, 2, 2], "high")
    np.testing.assert_allclose(view_score({"a": unit, "b": unit[::-1]}, {"a": 7}), unit)


def test_weighted_scores_by_hand_and_missing_rules():
    unit = np.array([[0.5, 1, 0, 0.25], [NAN, 1, 1, 1], [1, 1, 1, NAN]], dtype=np.float32)
    np.testing.assert_allclose(weighted_scores(unit, w(40, 30, 20, 10)), [0.525, NAN, NAN])
    np.testing.assert_allclose(weighted_scores(unit, w(40, 30, 20, 10), "half"), [0.525, 0.8, 0.95])
    np.testing.assert_allclose(weighted_scores(unit, w(0, 50, 50, 0)), [0.5, 1, 1])  # a view of weight 0 is not missed
    assert missing_views(unit, w(40, 30, 20, 10)) == {"relevance": 1, "quality": 1}
    assert missing_views(unit, w(0, 50, 50, 0)) == {}


@pytest.mark.parametrize("bad", [w(50, 50, 50, 0), w(-1, 1, 50, 50), {"relevance": 100}, w(99.5, 0.5, 0, 0)])
def test_weights_that_are_not_whole_or_not_100_are_refused(bad):
    with pytest.raises(SelectionError, match="sum to 100"):
        weighted_scores(np.zeros((1, 4), dtype=np.float32), bad)


def test_scores_do_not_depend_on_memory_layout():
    rng = np.random.default_rng(0)
    unit = rng.random((5000, 4), dtype=np.float32)
    a = weighted_scores(np.asfortranarray(unit), w(31, 27, 23, 19))
    b = weighted_scores(np.ascontiguousarray(unit), w(31, 27, 23, 19))
    assert a.tobytes() == b.tobytes()


def test_correlation_is_spearman():
    rng = np.random.default_rng(0)
    unit = rng.random((300, 4), dtype=np.float32)
    unit[:, 1] = np.round(unit[:, 0] + 0.1 * unit[:, 1], 1)
    unit[:20, 0] = NAN
    rho = view_correlation(unit)
    expected = stats.spearmanr(unit[20:, 0], unit[20:, 1]).statistic
    assert rho[0, 1] == pytest.approx(expected, abs=1e-9) and rho[0, 1] == rho[1, 0]
    assert [pair[:2] for pair in mirrored_views(rho)] == [("relevance", "diversity")]
    constant = np.full((10, 4), 0.5, dtype=np.float32)
    assert np.isnan(view_correlation(constant)).all() and mirrored_views(view_correlation(constant)) == []
