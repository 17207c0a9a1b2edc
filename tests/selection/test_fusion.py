"""Reciprocal ranks and Rocchio's query worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from studio.selection.fusion import reciprocal_ranks, rocchio


def test_reciprocal_ranks_add_up():
    fused = reciprocal_ranks([["a", "b", "c"], ["c", "a"]])
    assert fused == pytest.approx({"a": 1 / 61 + 1 / 62, "b": 1 / 62, "c": 1 / 63 + 1 / 61})
    assert reciprocal_ranks([]) == {}


def test_the_query_leans_to_what_fits_and_away_from_what_does_not():
    e = np.eye(3, dtype=np.float32)
    found = rocchio(e[0], np.stack([e[1], e[1]]), e[2:])
    expected = np.array([1, 0.75, -0.15]) / np.sqrt(1 + 0.75**2 + 0.15**2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(rocchio(None, e[:1], e[:0]), e[0])
    assert not rocchio(None, e[:0], e[:0]).any()
