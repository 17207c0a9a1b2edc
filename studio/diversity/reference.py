"""The set of examples that another set is measured against: its histograms and a sample of its vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.diversity.record import MOST_PAIRS
from studio.diversity.rows import Rows
from studio.errors import MeasureError
from studio.records import Array

COVER_K = 5  # naeem-2020 uses k = 5 in every figure of its README


@dataclass(frozen=True)
class Reference:
    """Counts per code of the reference's n-grams and codes, its sorted lengths, and points (r, d) with radii (r,).

    radii: cosine distance to the k-th nearest other point of the sample. n: examples of the reference; k: in use.
    """

    n: int
    grams: dict[int, Array]
    counts: dict[str, Array]
    lengths: Array | None
    points: Array | None = None
    radii: Array | None = None
    k: int = 0


CODED: tuple[str, ...] = ("clusters", "languages", "sources", "pairs")


def make_reference(rows: Rows, rng: np.random.Generator, *, most: int = MOST_PAIRS, k: int = COVER_K) -> Reference:
    """What distances to these rows need; vectors are a seeded sample of at most `most` rows.

    Raises:
        MeasureError: a vector holds NaN or infinity.
    """
    grams = {n: one.counts() for n, one in (rows.grams or {}).items() if n <= 2}
    counts = {}
    for name in CODED:
        codes = getattr(rows, name)
        if codes is not None:
            counts[name] = np.bincount(codes[codes >= 0])
    lengths = None if rows.lengths is None else np.sort(rows.lengths)
    points, radii, used = None, None, 0
    if rows.vectors is not None:
        points = sample_of_directions(rows, rng, most)
        used = min(k, len(points) - 1)
        radii = kth_distance(points, used) if used >= 1 else np.empty(0)
    return Reference(rows.n, grams, counts, lengths, points, radii, used)


def sample_of_directions(rows: Rows, rng: np.random.Generator, most: int) -> Array:
    """(r, d) float32 unit rows: those of at most `most` drawn examples, without rows of zeros."""
    positions = np.arange(rows.n)
    if rows.n > most:
        positions = np.sort(rng.choice(rows.n, most, replace=False))
    points = np.ascontiguousarray(rows.vectors[positions], dtype=np.float32)
    if not np.isfinite(points).all():
        raise MeasureError(
            "Diversity cannot be computed from undefined vectors", got="NaN or infinity", fix="Embed the corpus again."
        )
    return points[np.abs(points).max(axis=1, initial=0) > 0]


def kth_distance(points: Array, k: int) -> Array:
    """(r,) cosine distance of each point to its k-th nearest other point."""
    similarity = points @ points.T
    np.fill_diagonal(similarity, -np.inf)
    return 1 - np.partition(similarity, len(points) - k, axis=1)[:, len(points) - k]
