"""Run kind `map`: clusters on the k-NN graph with their words, and two coordinates per example.

params: encoder_key, n_neighbors, min_dist, resolution, earlier_map (empty for none), keep (True: old rows stay where
they are and new ones get places among them; False: a fresh layout that begins from the old places), preview_above and
preview_landmarks (by default 30,000 and 5,000).
inputs: examples, vectors (folder), knn (folder); with earlier_map also earlier (its points), earlier_clusters (JSON)
and earlier_vectors (folder).
preview/: points.parquet and map.json from a few landmarks, for corpora above 30,000 examples; shown while the rest goes
on. result/: points.parquet (example_id, x, y, cluster), map.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.errors import MeasureError
from studio.jobs.memory import require_memory
from studio.jobs.task import Task
from studio.mapping.budget import map_need
from studio.mapping.clusters import METHOD, Clustering, find_clusters
from studio.mapping.keywords import cluster_keywords, cluster_names
from studio.mapping.placing import displacement
from studio.mapping.project import MapParams, map_id, map_quality, project
from studio.records import Array, Knn
from studio.tasks import map_earlier, map_preview
from studio.tasks.embed import read_texts
from studio.tasks.map_files import cluster_rows, write_map

STAGES = 6


@dataclass(frozen=True)
class Read:
    """What the run was given: n ids and texts, their vectors and graph, and how the map is to be made."""

    ids: Array
    texts: list[str]
    vectors: Array
    knn: Knn
    params: MapParams
    resolution: float
    seed: int
    key: str


def run(task: Task) -> dict[str, Any]:
    """Make the map.

    Raises:
        MeasureError: parameters out of range, vectors of another snapshot, or too little memory.
        CorpusError: the snapshot has no examples.
    """
    task.progress(0, STAGES, "explore.run.reading")
    given = read(task)
    require_memory(map_need(len(given.ids), given.vectors.shape[1], given.knn.indices.shape[1]).peak_bytes)
    if "earlier" in task.spec.inputs and task.spec.params.get("keep"):
        return map_earlier.place(task, given)
    earlier = map_earlier.places(task, given) if "earlier" in task.spec.inputs else None
    start = earlier.start if earlier else map_preview.make(task, given, STAGES)
    task.progress(2, STAGES, "explore.run.clusters")
    clustering = find_clusters(given.knn, seed=given.seed, resolution=given.resolution, check_stop=task.check_stop)
    task.check_stop()
    task.progress(3, STAGES, "explore.run.names")
    rows = named(given.texts, clustering)
    task.barrier("layout")
    task.check_stop()
    task.progress(4, STAGES, "explore.run.layout")
    picture = project(
        given.vectors,
        given.knn,
        given.params,
        seed=given.seed,
        labels=clustering.labels,
        start=start,
        on_progress=lambda words: task.progress(4, STAGES, words),
        check_stop=task.check_stop,
    )
    task.check_stop()
    task.progress(5, STAGES, "explore.run.quality")
    facts: dict[str, Any] = {"n_landmarks": picture.n_landmarks} if picture.n_landmarks else {}
    if earlier is not None:
        moved = displacement(picture.xy[earlier.shared], earlier.xy)
        facts |= {"earlier_map": earlier.map_id, "n_shared": moved.n, "moved_median": moved.median,
                  "moved_p90": moved.p90}  # fmt: skip
    quality = map_quality(given.vectors, picture.xy, given.knn, rng=np.random.default_rng(given.seed))
    found = {"map_id": given.key, "method": picture.method, "n": len(given.ids), "facts": facts}
    found |= quality_facts(quality) | cluster_facts(clustering)
    write_map(task.result_dir, given.ids, picture.xy, clustering.labels, found, rows)
    task.progress(STAGES, STAGES, "explore.run.quality")
    return found


def read(task: Task) -> Read:
    """Texts, vectors and graph of the run, checked against each other.

    Raises:
        MeasureError: parameters out of range, or vectors of another snapshot.
        CorpusError: the snapshot has no examples.
    """
    asked = task.spec.params
    params = MapParams(n_neighbors=int(asked.get("n_neighbors", 15)), min_dist=float(asked.get("min_dist", 0.1)))
    resolution = float(asked.get("resolution", 1.0))
    ids, texts = read_texts(task)
    folder = task.input_path("vectors")
    vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    knn = Knn(*(np.load(task.input_path("knn") / f"{name}.npy", allow_pickle=False) for name in ("idx", "dist")))
    if len(vectors) != len(ids) or len(knn.indices) != len(ids):
        raise MeasureError(
            "The vectors do not belong to this snapshot",
            got=f"{len(vectors)} rows for {len(ids)} examples",
            fix="Embed the snapshot again, then make the map.",
        )
    # two snapshots may hold the same texts, so the same vectors, under other ids and labels: each has a map of its own
    clustering = {"method": METHOD, "resolution": resolution, "snapshot": task.spec.snapshot_id}
    if asked.get("earlier_map"):
        clustering |= {"earlier_map": str(asked["earlier_map"]), "keep": bool(asked.get("keep"))}
    key = map_id(str(meta["content_hash"]), params, task.spec.seed, clustering=clustering)
    return Read(ids, texts, vectors, knn, params, resolution, task.spec.seed, key)


def named(texts: list[str], clustering: Clustering) -> list[dict[str, Any]]:
    """A row per cluster with its words and name."""
    words = cluster_keywords(texts, clustering.labels)
    names = cluster_names({number: found for number, found in words.items() if number >= 0})
    return cluster_rows(clustering.labels, words, names)


def quality_facts(quality: Any) -> dict[str, Any]:
    """What map.json says of the picture's quality."""
    return {
        "trustworthiness": quality.trustworthiness,
        "neighbour_overlap": quality.overlap,
        "n_quality": quality.n_sample,
        "quality_k": quality.k,
    }


def cluster_facts(clustering: Clustering) -> dict[str, Any]:
    """What map.json says of the clusters."""
    return {
        "cluster_method": clustering.method,
        "stability": clustering.stability,
        "noise_share": clustering.noise_share,
        "n_clusters": clustering.n_clusters,
    }
