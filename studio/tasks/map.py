"""Run kind `map`: clusters on the k-NN graph with their words, and two coordinates per example.

params: encoder_key, n_neighbors, min_dist, resolution. inputs: examples, vectors (folder), knn (folder).
result/: points.parquet (example_id, x, y, cluster), map.json.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import MeasureError
from studio.jobs.task import Task
from studio.mapping.clusters import METHOD, Clustering, find_clusters
from studio.mapping.keywords import cluster_keywords, cluster_names
from studio.mapping.project import MapParams, map_id, map_quality, project
from studio.records import Knn
from studio.tasks.embed import read_texts

STAGES = 5


def run(task: Task) -> dict[str, Any]:
    """Make the map.

    Raises:
        MeasureError: parameters out of range, or vectors of another snapshot.
        CorpusError: the snapshot has no examples.
    """
    params = MapParams(
        n_neighbors=int(task.spec.params.get("n_neighbors", 15)),
        min_dist=float(task.spec.params.get("min_dist", 0.1)),
    )
    resolution = float(task.spec.params.get("resolution", 1.0))
    task.progress(0, STAGES, "explore.run.reading")
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
    task.progress(1, STAGES, "explore.run.clusters")
    clustering = find_clusters(knn, seed=task.spec.seed, resolution=resolution, check_stop=task.check_stop)
    task.check_stop()
    task.progress(2, STAGES, "explore.run.names")
    words = cluster_keywords(texts, clustering.labels)
    names = cluster_names({number: found for number, found in words.items() if number >= 0})
    task.barrier("layout")
    task.check_stop()
    task.progress(3, STAGES, "explore.run.layout")
    picture = project(vectors, knn, params, seed=task.spec.seed, check_stop=task.check_stop)
    task.check_stop()
    task.progress(4, STAGES, "explore.run.quality")
    quality = map_quality(vectors, picture.xy, knn, rng=np.random.default_rng(task.spec.seed))
    table = pa.table({"example_id": ids, "x": picture.xy[:, 0], "y": picture.xy[:, 1], "cluster": clustering.labels})
    pq.write_table(table, task.result_dir / "points.parquet")
    key = map_id(
        str(meta["content_hash"]), params, task.spec.seed, clustering={"method": METHOD, "resolution": resolution}
    )
    found = {
        "map_id": key,
        "method": picture.method,
        "trustworthiness": quality.trustworthiness,
        "neighbour_overlap": quality.overlap,
        "n_quality": quality.n_sample,
        "quality_k": quality.k,
        "cluster_method": clustering.method,
        "stability": clustering.stability,
        "noise_share": clustering.noise_share,
        "n_clusters": clustering.n_clusters,
        "n": len(ids),
    }
    content = found | {"clusters": _clusters(clustering, words, names)}
    (task.result_dir / "map.json").write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    task.progress(STAGES, STAGES, "explore.run.quality")
    return found


def _clusters(clustering: Clustering, words: dict[int, tuple[str, ...]], names: dict[int, str]) -> list[dict[str, Any]]:
    """A row per cluster; the group of rows in no cluster (-1) has words but is named by the page."""
    numbers, sizes = np.unique(clustering.labels, return_counts=True)
    return [
        {"cluster": int(c), "size": int(size), "keywords": list(words[int(c)]), "name": names.get(int(c), "-")}
        for c, size in zip(numbers, sizes, strict=True)
    ]
