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
from studio.mapping.neighbours import nearest_in, nearest_neighbours
from studio.records import Array, Knn

VERSION = 1  # part of every map's key: a changed recipe makes a new map
SMALL = 16  # ours: with fewer rows than this a neighbour graph says no more than the two main directions
LANDMARK_ABOVE = 100_000
LANDMARK_NEIGHBOURS = 8
QUALITY_SAMPLE = 2_000
QUALITY_K = 15


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
    """(n, 2) float32 coordinates and how they were made: umap, landmark or pca."""

    xy: Array
    method: str


@dataclass(frozen=True)
class MapQuality:
    """How well the picture keeps neighbours, on a seeded sample of n rows; None where there are too few rows.

    trustworthiness in [0, 1]: 1 = points near each other in the picture are near in the vectors, within the sample.
    overlap in [0, 1]: share of the k nearest rows by vectors that are among the k nearest in the picture, all rows.
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
    on_progress: Callable[[str], None] | None = None,
    check_stop: Callable[[], None] | None = None,
) -> Projection:
    """Two coordinates per row; the same rows, graph, parameters and seed give the same bytes on the same machine.

    Up to 100,000 rows: UMAP on the stored graph. Above: UMAP of a seeded sample of landmarks, every other row at the
    weighted mean of its 8 nearest landmarks (weights 1 / distance). Under 16 rows, or when all rows are equal: the two
    main directions (PCA).

    Args:
        vectors: (n, d) float32 unit rows.
        knn: their graph; the first `n_neighbors` columns are used.
        params: see MapParams.
        seed: of layout and landmarks.
        on_progress: called with a words key at each stage.
        check_stop: called between stages.

    Paper: umap-2018.
    """
    n = len(vectors)
    say, stop = on_progress or (lambda _key: None), check_stop or (lambda: None)
    if n < SMALL or np.ptp(vectors, axis=0).max(initial=0) < 1e-6:
        return Projection(_main_directions(vectors), "pca")
    if n <= LANDMARK_ABOVE:
        say("map.stage.layout")
        return Projection(_umap(vectors, knn, params, seed), "umap")
    rng = np.random.default_rng(seed)
    marks = np.sort(rng.choice(n, params.landmarks, replace=False))
    say("map.stage.landmarks")
    graph = nearest_neighbours(vectors[marks], params.n_neighbors, seed=seed, check_stop=check_stop)
    stop()
    say("map.stage.layout")
    placed = _umap(vectors[marks], graph, params, seed)
    stop()
    say("map.stage.placing")
    xy = np.empty((n, 2), dtype=np.float32)
    rest = np.setdiff1d(np.arange(n), marks, assume_unique=True)
    xy[marks] = placed
    xy[rest] = place_between(vectors[rest], vectors[marks], placed, check_stop=check_stop)
    return Projection(xy, "landmark")


def place_between(rows: Array, base: Array, placed: Array, *, check_stop: Callable[[], None] | None = None) -> Array:
    """(n, 2) float32: each row at the mean of its 8 nearest placed rows, weighted by 1 / distance; exact and per row.

    Args:
        rows: (n, d) unit rows to place.
        base: (m, d) unit rows that have a place.
        placed: (m, 2) their places.
        check_stop: called before each block; raises to stop.
    """
    graph = nearest_in(base, rows, min(LANDMARK_NEIGHBOURS, len(base)), check_stop=check_stop)
    weight = 1.0 / np.maximum(graph.distances.astype(np.float64), 1e-6)  # (n, 8)
    weight /= weight.sum(axis=1, keepdims=True)
    return np.einsum("nk,nkd->nd", weight, placed[graph.indices].astype(np.float64)).astype(np.float32)


def _umap(vectors: Array, knn: Knn, params: MapParams, seed: int) -> Array:
    """UMAP's layout from the given graph; (n, 2) float32."""
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
            init=_start(vectors, seed),
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(indices, distances),
        ).fit_transform(vectors)
    return _centred(layout)


def _start(vectors: Array, seed: int) -> Array:
    """(n, 2) start of the layout: main directions scaled to 10 with a little seeded noise, so equal rows can part.

    As trustworthy as umap's spectral start on the corpora we measured and faster (docs/log.md).
    """
    xy = _main_directions(vectors)
    spread = float(np.abs(xy).max()) or 1.0
    noise = np.random.default_rng(seed).normal(scale=1e-3, size=xy.shape)
    return (xy / spread * 10 + noise).astype(np.float32)


def _main_directions(vectors: Array) -> Array:
    """(n, 2) float32 scores on the two main directions; signs fixed so that the largest entry is positive."""
    n, d = vectors.shape
    if n == 0:
        return np.empty((0, 2), dtype=np.float32)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    values, directions = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(-values, kind="stable")[:2]
    xy = np.zeros((n, 2))
    for column, which in enumerate(order):
        if values[which] > 1e-10:
            direction = directions[:, which]
            xy[:, column] = centred @ (direction * np.sign(direction[np.abs(direction).argmax()]))
    return xy.astype(np.float32)


def _centred(xy: Array) -> Array:
    """Coordinates around 0, as finite float32 (a row the layout lost is put at 0)."""
    xy = np.nan_to_num(np.asarray(xy, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return (xy - xy.mean(axis=0)).astype(np.float32)


def map_quality(vectors: Array, xy: Array, knn: Knn, *, rng: np.random.Generator) -> MapQuality:
    """Trustworthiness and neighbour overlap of a picture on at most 2,000 seeded rows.

    Paper: venna-2001 (trustworthiness, computed by scikit-learn on the sample as a corpus of its own).
    """
    from sklearn.manifold import trustworthiness  # slow to import

    n = len(vectors)
    if n < 6 or knn.indices.shape[1] == 0:
        return MapQuality(None, None, n, 0)
    sample = np.sort(rng.choice(n, min(n, QUALITY_SAMPLE), replace=False))
    k_trust = min(QUALITY_K, (len(sample) - 1) // 2)
    trust = float(trustworthiness(vectors[sample], xy[sample], n_neighbors=k_trust, metric="cosine"))
    k = min(QUALITY_K, knn.indices.shape[1])
    _, near = cKDTree(xy).query(xy[sample], k=k + 1)
    # the row itself is taken out; where equal places hide it, the farthest is
    is_self = near == sample[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    near = near[~is_self].reshape(len(sample), k)
    shared = (near[:, :, None] == knn.indices[sample][:, None, :k]).any(axis=1).mean()
    return MapQuality(trust, float(shared), len(sample), k)
