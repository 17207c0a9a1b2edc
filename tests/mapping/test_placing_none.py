"""Placing where there is nothing to place, or nothing to place it by."""

from __future__ import annotations

import numpy as np

from studio.mapping.placing import nearest_placed, place_between

ROWS = np.eye(3, dtype=np.float32)
NONE = np.empty((0, 3), dtype=np.float32)


def test_no_row_has_no_place():
    found = nearest_placed(NONE, ROWS)
    assert found.indices.shape == found.distances.shape == (0, 3)
    assert place_between(NONE, ROWS, np.zeros((3, 2), np.float32)).shape == (0, 2)


def test_without_placed_rows_there_are_no_neighbours():
    assert nearest_placed(ROWS, NONE).indices.shape == (3, 0)
