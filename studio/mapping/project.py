"""The picture: two coordinates per example from the stored k-NN graph, with numbers that say how far to trust it."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from studio.errors import MeasureError
from studio.mapping.neighbours import nearest_neighbours
from studio.mapping.placing import align, place_between
from studio.records import Array, Knn

VERSION = 3  # part of every map's key: a changed recipe makes a new map
SMALL = 16  # ours: with fewer rows than this a neighbour graph says no more than the two main directions
LANDMARK_ABOVE = 150_000  # ours: 100,000 rows are laid out in full within the minute
LEAST_PER_CLUSTER = 15  # landmarks of a small cluster, or all of its rows: it keeps an island of its own
RATE_FROM_START = 0.5  # ours: a layout that begins from a good one keeps more neighbours with half the step (log)
PLACED_AT_ONCE = 500_000  # rows copied out of the stored vectors at a time; bounds memory
QUALITY_SAMPLE = 2_000
QUALITY_LEAST = 200
QUALITY_PAIRS = 1_000_000_000  # of sampled rows and rows: 1,000 rows of a million, seconds
QUALITY_K = 15
QUALITY_BLOCK = 65_536
ROUNDING = 1e-6  # of a float32 similarity


@dataclass(frozen=True)
class MapParams:
    """What changes the picture: neighbours looked at, how tight points may lie, layout passes, landmark rows."""

    n_neighbors: int = 15
    min_dist: float = 0.1
    n_epochs: int | None = None
    landmarks: int = 50_000

    def __post_init__(self) -> None:
        if not 2 <= self.n_neighbors <= 200:
            raise MeasureError(
                "The number of neighbours must be 2 to 200", got=self.n_neighbors, fix="15 suits most corpora."
            )
        if not 0.0 <= self.min_dist < 1.0:
            raise MeasureError("The least distance must be 0 or more and below 1", got=self.min_dist, fix="Try 0.1.")
        if self.landmarks < 100:
            raise MeasureError("At least 100 landmark rows are needed", got=self.landmarks, fix="Try 50,000.")


@dataclass(frozen=True)
class Projection:
    """(n, 2) float32 coordinates, how they were made (umap, landmark or pca), and how many rows the layout saw."""

    xy: Array
    method: str
    n_landmarks: int = 0


@dataclass(frozen=True)
class MapQuality:
    """How well the picture keeps neighbours of n seeded rows, looked for among all rows; None with too few rows.

    trustworthiness in [0, 1]: 1 = points near each other in the picture are near in the vectors.
    overlap in [0, 1]: share of the k nearest rows by vectors that are among the k nearest in the picture.
    """

    trustworthiness: float | None
    overlap: float | None
    n_sample: int
    k: int


def map_id(vectors_hash: str, params: MapParams, seed: int, *, clustering: Mapping[str, Any] | None = None) -> str:
    """First 16 hex digits of sha256 over what the map depends on: equal inputs give the same map, and the same name."""
    content = {
        "vectors": vectors_hash,
        "params": asdict(params),
        "seed": seed,
        "version": VERSION,
        "clustering": dict(clustering or {}),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def project(
    vectors: Array,
    knn: Knn,
    params: MapParams,
    *,
    seed: int = 0,
    labels: Array | None = None,
    start: Array | None = None,
    on_progress: Callable[[str], None] | None = None,
    check_stop: Callable[[], None] | None = None,
) -> Projection:
    """Two coordinates per row; the same rows, graph, parameters, start and seed give the same bytes on one machine.

    Up to 150,000 rows: UMAP on the stored graph. Above: UMAP of seeded landmarks, every other row in the middle of
    its 8 nearest landmarks (weighted geometric median). Under 16 rows, or when all rows are equal: the two main
    directions (PCA). A layout that began from given places is turned, scaled and moved back onto them.

    Args:
        vectors: (n, d) float32 unit rows.
        knn: their graph; the first `n_neighbors` columns are used.
        params: see MapParams.
        seed: of layout and landmarks.
        labels: (n,) clusters; landmarks are drawn in proportion to their sizes, and at least 15 of each.
        start: (n, 2) places to begin from, such as those of a preview or an earlier map; by default the main
            directions.
        on_progress: called with a words key at each stage.
        check_stop: called between stages.

    Paper: umap-2018.
    """
    n = len(vectors)
    say, stop = on_progress or (lambda _key: None), check_stop or (lambda: None)
    if is_tiny(vectors):
        return Projection(_main_directions(vectors), "pca")
    if n <= LANDMARK_ABOVE:
        say("explore.run.layout")
        return Projection(_onto(_umap(vectors, knn, params, seed, start), start), "umap")
    say("explore.run.landmarks")
    marks = draw_landmarks(n, min(params.landmarks, n), labels=labels, rng=np.random.default_rng(seed))
    near = np.asarray(vectors[marks])
    graph = nearest_neighbours(near, params.n_neighbors, seed=seed, check_stop=stop)
    stop()
    say("explore.run.layout")
    begin = None if start is None else start[marks]
    placed = _onto(_umap(near, graph, params, seed, begin), begin)
    stop()
    say("explore.run.placing")
    return Projection(place_rest(vectors, marks, placed, seed=seed, check_stop=stop), "landmark", len(marks))


def is_tiny(vectors: Array) -> bool:
    """True for fewer rows than a neighbour graph needs, and for rows that are all equal."""
    if len(vectors) < SMALL:
        return True
    first = np.asarray(vectors[:1])
    return all(np.abs(vectors[at : at + 8_192] - first).max(initial=0) < 1e-6 for at in range(0, len(vectors), 8_192))


def draw_landmarks(n: int, count: int, *, labels: Array | None, rng: np.random.Generator) -> Array:
    """(about count,) ascending positions: in proportion to the clusters, and at least 15 rows of each (or all it has).

    Args:
        n: rows.
        count: landmarks wanted; small clusters may add a few.
        labels: (n,) clusters, -1 among them; None draws from all rows alike.
        rng: draws them.
    """
    if labels is None:
        return np.sort(rng.choice(n, count, replace=False))
    order = rng.permutation(n)
    order = order[np.argsort(labels[order], kind="stable")]  # by cluster, in a drawn order within
    _, first, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    wanted = np.minimum(sizes, np.maximum(np.rint(sizes * (count / n)), LEAST_PER_CLUSTER)).astype(np.int64)
    return np.sort(np.concatenate([order[at : at + k] for at, k in zip(first, wanted, strict=True)]))


def place_rest(
    vectors: Array, marks: Array, placed: Array, *, seed: int = 0, check_stop: Callable[[], None] | None = None
) -> Array:
    """(n, 2) float32: landmarks where they were placed, every other row between its nearest landmarks."""
    n = len(vectors)
    xy = np.empty((n, 2), dtype=np.float32)
    xy[marks] = placed
    is_mark = np.zeros(n, dtype=bool)
    is_mark[marks] = True
    rest = np.flatnonzero(~is_mark)
    base = np.asarray(vectors[marks])
    for start in range(0, len(rest), PLACED_AT_ONCE):
        part = rest[start : start + PLACED_AT_ONCE]
        xy[part] = place_between(np.asarray(vectors[part]), base, placed, seed=seed, check_stop=check_stop)
    return xy


def _umap(vectors: Array, knn: Knn, params: MapParams, seed: int, start: Array | None = None) -> Array:
    """UMAP's layout from the given graph, begun from given places or the main directions; (n, 2) float32."""
    import umap  # compiles on import: only workers need it

    n = len(vectors)
    k = min(params.n_neighbors - 1, knn.indices.shape[1], n - 1)
    # umap counts the row itself as its first neighbour
    indices = np.hstack([np.arange(n, dtype=np.int32)[:, None], knn.indices[:, :k]])
    distances = np.hstack([np.zeros((n, 1), dtype=np.float32), knn.distances[:, :k]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no transform without an index, one thread with a seed: both meant
        layout = umap.UMAP(
            n_neighbors=k + 1,
            min_dist=params.min_dist,
            n_epochs=params.n_epochs,
            metric="cosine",
            learning_rate=1.0 if start is None else RATE_FROM_START,
            init=_start(_main_directions(vectors) if start is None else start, seed),
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(indices, distances),
        ).fit_transform(vectors)
    return _centred(layout)


def _start(places: Array, seed: int) -> Array:
    """(n, 2) start of the layout: places scaled to 10 with a little seeded noise, so equal rows can part.

    The main directions are as trustworthy as umap's spectral start on the corpora we measured and faster (docs/log.md).
    """
    spread = float(np.abs(places).max()) or 1.0
    noise = np.random.default_rng(seed).normal(scale=1e-3, size=places.shape)
    return (places / spread * 10 + noise).astype(np.float32)


def _onto(xy: Array, start: Array | None) -> Array:
    """The layout turned, scaled and moved onto the places it began from."""
    return xy if start is None else align(xy, start)


def _main_directions(vectors: Array) -> Array:
    """(n, 2) float32 scores on the two main directions; signs fixed so that the largest entry is positive."""
    n, d = vectors.shape
    if n == 0:
        return np.empty((0, 2), dtype=np.float32)
    mean = vectors.mean(axis=0, dtype=np.float64)
    spread = np.zeros((d, d))
    for at in range(0, n, 65_536):
        part = vectors[at : at + 65_536].astype(np.float64) - mean
        spread += part.T @ part
    values, directions = np.linalg.eigh(spread)
    order = np.argsort(-values, kind="stable")[:2]
    xy = np.zeros((n, 2))
    for column, which in enumerate(order):
        if values[which] > 1e-10:
            direction = directions[:, which]
            direction = direction * np.sign(direction[np.abs(direction).argmax()])
            xy[:, column] = vectors @ direction - mean @ direction
    return xy.astype(np.float32)


def _centred(xy: Array) -> Array:
    """Coordinates around 0, as finite float32 (a row the layout lost is put at 0)."""
    xy = np.nan_to_num(np.asarray(xy, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return (xy - xy.mean(axis=0)).astype(np.float32)


def map_quality(vectors: Array, xy: Array, knn: Knn, *, rng: np.random.Generator) -> MapQuality:
    """Trustworthiness and neighbour overlap of a picture: seeded rows, each against all rows of the corpus.

    T = 1 - 2 / (m k (2n - 3k - 1)) * sum over the m rows i and their k nearest j in the picture of max(0, r(i, j) - k),
    where r is the rank of j among all n rows by cosine similarity to i (equal ones share the best rank).

    Paper: venna-2001 (trustworthiness; with m = n its value, with fewer rows an estimate of it).
    """
    n = len(vectors)
    if n < 6 or knn.indices.shape[1] == 0:
        return MapQuality(None, None, n, 0)
    m = min(n, QUALITY_SAMPLE, max(QUALITY_LEAST, QUALITY_PAIRS // n))
    sample = np.sort(rng.choice(n, m, replace=False))
    k = min(QUALITY_K, knn.indices.shape[1], (n - 1) // 2)
    _, near = cKDTree(xy).query(xy[sample], k=k + 1)
    # the row itself is taken out; where equal places hide it, the farthest is
    is_self = near == sample[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    near = near[~is_self].reshape(m, k)
    shared = (near[:, :, None] == knn.indices[sample][:, None, :k]).any(axis=1).mean()
    beyond = np.maximum(_ranks(vectors, sample, near) - k, 0).sum()
    trust = 1.0 - 2.0 * float(beyond) / (m * k * (2 * n - 3 * k - 1))
    return MapQuality(trust, float(shared), m, k)


def _ranks(vectors: Array, sample: Array, near: Array) -> Array:
    """(m, k) int64: 1 + how many rows other than itself are more similar to each sampled row than each of `near`."""
    asked = np.asarray(vectors[sample], dtype=np.float32)
    mine = np.stack([np.asarray(vectors[near[:, j]], dtype=np.float32) for j in range(near.shape[1])], axis=1)
    level = np.einsum("md,mkd->mk", asked, mine)  # similarity to each of them
    ranks = np.ones(near.shape, dtype=np.int64)
    for at in range(0, len(vectors), QUALITY_BLOCK):
        block = np.asarray(vectors[at : at + QUALITY_BLOCK], dtype=np.float32)
        for first in range(0, len(sample), 256):
            rows = slice(first, first + 256)
            similar = asked[rows] @ block.T
            inside = np.flatnonzero((sample[rows] >= at) & (sample[rows] < at + len(block)))
            similar[inside, sample[rows][inside] - at] = -np.inf
            for j in range(near.shape[1]):
                # two sums of the same products may differ in their last digits
                ranks[rows, j] += (similar > level[rows, j, None] + ROUNDING).sum(axis=1)
    return ranks
