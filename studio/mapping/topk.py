"""The k largest similarities of every row, kept while blocks of columns pass by; compiled, imported only by workers."""

from __future__ import annotations

import numba
import numpy as np

from studio.mapping.neighbours import TIE
from studio.records import Array, Knn

NOTHING = -2_000_000_000  # a place not taken yet, in steps of TIE


class Best:
    """The k best columns of n rows so far: by similarity in steps of 1e-6, then by position.

    The order in which blocks arrive does not change what is kept, so that a search in pieces is as exact and as
    repeatable as one in a single piece.
    """

    def __init__(self, n: int, k: int) -> None:
        """Start with nothing kept.

        Args:
            n: rows.
            k: columns kept per row.
        """
        self.steps = np.full((n, k), NOTHING, dtype=np.int32)
        self.positions = np.full((n, k), -1, dtype=np.int32)

    def see(self, similarity: Array, rows: Array, columns: Array, own: Array | None = None) -> None:
        """Look at a block.

        Args:
            similarity: (r, c) float32, C-contiguous.
            rows: (r,) int64 which rows these are.
            columns: (c,) int64 positions of the columns; a column may be shown to a row once only.
            own: (r,) int64 position each row must not find; None for none.
        """
        if own is None:
            own = np.full(len(rows), -1, dtype=np.int64)
        _see(similarity, rows, columns, own, self.steps, self.positions)

    def knn(self) -> Knn:
        """What was kept, best first; a place nothing came to has position -1 and distance 2."""
        empty = self.positions < 0
        distances = np.clip(1 - self.steps.astype(np.float64) * TIE, 0, 2)
        distances[empty] = 2.0
        return Knn(self.positions, distances.astype(np.float32))


@numba.njit(cache=True, nogil=True)
def _see(similarity, rows, columns, own, steps, positions):  # noqa: ANN001, ANN202  # compiled
    """Insert every cell that beats the worst kept one of its row."""
    k = steps.shape[1]
    for r in range(similarity.shape[0]):
        row = rows[r]
        cut = np.float32((steps[row, k - 1] - 0.75) * TIE)
        for c in range(similarity.shape[1]):
            value = similarity[r, c]
            if value < cut:
                continue
            position = columns[c]
            if position == own[r]:
                continue
            step = np.int32(np.rint(np.float64(value) / TIE))
            last = steps[row, k - 1]
            if step < last or (step == last and 0 <= positions[row, k - 1] < position):
                continue
            place = k - 1
            while place > 0 and (
                steps[row, place - 1] < step or (steps[row, place - 1] == step and positions[row, place - 1] > position)
            ):
                steps[row, place] = steps[row, place - 1]
                positions[row, place] = positions[row, place - 1]
                place -= 1
            steps[row, place] = step
            positions[row, place] = position
            cut = np.float32((steps[row, k - 1] - 0.75) * TIE)
