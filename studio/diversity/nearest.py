"""How close the nearest other example is, and how many examples say the same in other words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from studio.diversity.record import MOST_PAIRS, DiversityMeasure, Number, undefined
from studio.errors import MeasureError
from studio.records import Array, Knn

if TYPE_CHECKING:
    from studio.diversity.rows import Rows

RADIUS_K = 10  # ours: the radius that novelty and label noise use too
SAME_MEANING = 0.95  # ours: cosine from which two texts are taken to say the same; MiniLM paraphrases reach 0.8 to 0.95
BLOCK_CELLS = 4_000_000  # cells of one block of similarities, 16 MB


@dataclass(frozen=True)
class Near:
    """Distances of the m rows that have a direction, and how many different meanings they are.

    first and radius (m,) float64: cosine distance to the nearest and to the k-th nearest other row; k: the k in use;
    n_groups: groups of rows linked at a cosine of at least SAME_MEANING.
    """

    first: Array
    radius: Array
    k: int
    n_groups: int


def near_of(vectors: Array) -> Near:
    """Nearest neighbours of a few thousand unit rows, exactly, block by block.

    Raises:
        MeasureError: a vector holds NaN or infinity.
    """
    rows = _with_direction(vectors)
    m = len(rows)
    k = min(RADIUS_K, m - 1)
    if k < 1:
        return Near(np.empty(0), np.empty(0), 0, m)
    first, radius = np.empty(m), np.empty(m)
    pairs: list[Array] = []
    height = max(1, BLOCK_CELLS // m)
    for start in range(0, m, height):
        similarity = rows[start : start + height] @ rows.T
        at = np.arange(len(similarity))
        similarity[at, start + at] = -np.inf
        top = np.partition(similarity, m - k, axis=1)[:, m - k :]
        first[start : start + len(top)] = 1 - top.max(axis=1)
        radius[start : start + len(top)] = 1 - top.min(axis=1)
        left, right = np.nonzero(similarity >= SAME_MEANING)
        pairs.append(np.stack([left + start, right]))
    return Near(np.clip(first, 0, 2), np.clip(radius, 0, 2), k, _groups(m, np.concatenate(pairs, axis=1)))


def near_in_graph(graph: Knn, vectors: Array) -> Near:
    """The same from the stored k-NN graph of a whole snapshot; links beyond its k neighbours are not seen."""
    has_direction = np.concatenate(
        [np.abs(np.asarray(vectors[i : i + 65_536])).max(axis=1, initial=0) > 0 for i in range(0, len(vectors), 65_536)]
        or [np.empty(0, bool)]
    )
    k = min(RADIUS_K, graph.distances.shape[1])
    distances = np.asarray(graph.distances, dtype=np.float64)[has_direction]
    if k < 1 or not len(distances):
        return Near(np.empty(0), np.empty(0), 0, int(has_direction.sum()))
    row, column = np.nonzero(np.asarray(graph.distances) <= 1 - SAME_MEANING + 1e-7)
    pairs = np.stack([row, np.asarray(graph.indices)[row, column]])
    n_without = int((~has_direction).sum())  # rows without a direction are at distance 1 from all: groups of their own
    return Near(distances[:, 0], distances[:, k - 1], k, _groups(len(has_direction), pairs) - n_without)


def _with_direction(vectors: Array) -> Array:
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise MeasureError(
            "Diversity cannot be computed from undefined vectors", got="NaN or infinity", fix="Embed the corpus again."
        )
    return rows[np.abs(rows).max(axis=1, initial=0) > 0]


def _groups(n: int, pairs: Array) -> int:
    links = sparse.coo_array((np.ones(pairs.shape[1], dtype=np.int8), (pairs[0], pairs[1])), shape=(n, n))
    return int(connected_components(links, directed=False)[0])


def _nearest(rows: Rows) -> Number:
    """Mean cosine distance from an example to its nearest other example; higher is more varied.

    mean over i of min over j != i of 1 - cos(x_i, x_j); examples without a vector of their own are left out.

    Paper: directed-diversity-2021; cosine distance.
    Limits: falls as a set grows, because the space fills up.
    """
    found = rows.near
    return Number(float(found.first.mean())) if len(found.first) else undefined(_too_few(rows))


def _radius(rows: Rows) -> Number:
    """Median distance to the k-th nearest example (k = 10, fewer in a tiny set), with its middle 80 %.

    Paper: directed-diversity-2021 for the distances; the median of the radii is ours, as less moved by a few outliers.
    Limits: falls as a set grows.
    """
    found = rows.near
    if not len(found.radius):
        return undefined(_too_few(rows))
    low, middle, high = np.quantile(found.radius, (0.1, 0.5, 0.9))
    return Number(float(middle), values={"k": found.k, "low": round(float(low), 4), "high": round(float(high), 4)})


def _same_meaning(rows: Rows) -> Number:
    """Share of examples that repeat the meaning of another: 1 - groups / n, linked at a cosine of 0.95 or more.

    One example of every group counts as the first, whatever the order of the examples.

    Paper: semdedup-2023; groups are connected examples instead of "an earlier one within 1 - eps", no k-means.
    Limits: means what the encoder means; a chain of near pairs is one group.
    """
    found, n = rows.near, max(len(rows.near.first), rows.near.n_groups)
    if n < 1:
        return undefined("no_directions")
    return Number(1 - found.n_groups / n, values={"cosine": SAME_MEANING, "repeats": n - found.n_groups, "n": n})


def _too_few(rows: Rows) -> str:
    return "one_row" if rows.near.n_groups else "no_directions"


NEAREST = DiversityMeasure("nearest", "meaning", "diversity.name.nearest", ("vectors",), "distance", "varied", True,
                           MOST_PAIRS, 1, "directed-diversity-2021", _nearest)  # fmt: skip
RADIUS = DiversityMeasure("radius", "meaning", "diversity.name.radius", ("vectors",), "distance", "varied", True,
                          MOST_PAIRS, 1, "directed-diversity-2021", _radius)  # fmt: skip
SAME = DiversityMeasure("same_meaning", "repetition", "diversity.name.same_meaning", ("vectors",), "share", "repeated",
                        True, MOST_PAIRS, 1, "semdedup-2023", _same_meaning)  # fmt: skip
