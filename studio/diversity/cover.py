"""How much of a reference a set of examples reaches, and how densely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studio.diversity.record import MOST_PAIRS, DiversityMeasure, Number, undefined
from studio.records import Array

if TYPE_CHECKING:
    from studio.diversity.rows import Rows

BLOCK = 1_024  # examples compared with the reference's points at a time
SAME = 1e-6  # distances are products of float32 rows: closer than this is no distance


def coverage_and_density(points: Array, radii: Array, vectors: Array, k: int) -> tuple[float, float]:
    """Coverage and density of a set against a reference.

    coverage = mean over reference points x_i of 1[min_j d(x_i, y_j) < NND_k(x_i)]; density = 1/(k M) sum over the M
    examples y_j of the number of reference balls (radius NND_k) each falls in. On unit rows cosine distance orders
    pairs as the Euclidean distance does, so both numbers are those of the published Euclidean form.

    Args:
        points: (r, d) float32 unit rows of the reference.
        radii: (r,) cosine distance of each to its k-th nearest other one.
        vectors: (M, d) float32 unit rows of the set.
        k: neighbours of the balls.

    Returns:
        Coverage in [0, 1] and density >= 0 (about 1 where both sets come from one distribution).

    Paper: naeem-2020; blockwise, memory of r x 1,024 cells.
    """
    nearest, n_inside = np.full(len(points), np.inf), 0
    for start in range(0, len(vectors), BLOCK):
        distance = 1 - points @ np.ascontiguousarray(vectors[start : start + BLOCK], dtype=np.float32).T
        np.minimum(nearest, distance.min(axis=1), out=nearest)
        n_inside += int((distance < radii[:, None] - SAME).sum())
    return float((nearest < radii - SAME).mean()), n_inside / (k * len(vectors))


def cover_of(rows: Rows) -> tuple[float, float, str]:
    """Coverage, density, and the reason where there are none; `Rows.cover` keeps the answer for both measures."""
    reference = rows.reference
    if reference is None or reference.points is None:
        return np.nan, np.nan, "no_reference"
    vectors = np.asarray(rows.vectors[np.arange(rows.n)])
    if not np.isfinite(vectors).all():
        return np.nan, np.nan, "undefined_vectors"
    vectors = vectors[np.abs(vectors).max(axis=1, initial=0) > 0]
    if not len(vectors):
        return np.nan, np.nan, "no_directions"
    if reference.k < 1:
        return np.nan, np.nan, "small_reference"
    return *coverage_and_density(reference.points, reference.radii, vectors, reference.k), ""


def _coverage(rows: Rows) -> Number:
    """Share of the reference's examples that have one of these among their k nearest (k = 5); higher covers more.

    Paper: naeem-2020.
    Limits: on a sample of 2,000 examples of each side; k or more identical reference examples have no ball at all.
    """
    coverage, _, reason = rows.cover
    if reason:
        return undefined(reason)
    return Number(coverage, values={"points": len(rows.reference.points), "k": rows.reference.k})


def _density(rows: Rows) -> Number:
    """How many reference balls an example falls in, over k; 1 is as dense as the reference itself.

    Paper: naeem-2020.
    Limits: high also where all examples sit in one crowded place; read it beside coverage.
    """
    _, density, reason = rows.cover
    return undefined(reason) if reason else Number(density, values={"k": rows.reference.k})


_NEEDS = ("vectors", "reference")
COVERAGE = DiversityMeasure("coverage", "meaning", "diversity.name.coverage", _NEEDS, "share", "close", True,
                            MOST_PAIRS, 1, "naeem-2020", _coverage)  # fmt: skip
DENSITY = DiversityMeasure("density", "meaning", "diversity.name.density", _NEEDS, "ratio", "neither", False,
                           MOST_PAIRS, 1, "naeem-2020", _density)  # fmt: skip
