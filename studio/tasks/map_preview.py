"""The early picture of a large corpus: a map of 5,000 landmarks with all other rows between them, in seconds."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from studio.jobs.task import Task
from studio.mapping.budget import PREVIEW_ABOVE, PREVIEW_LANDMARKS
from studio.mapping.clusters import find_clusters
from studio.mapping.keywords import cluster_keywords, cluster_names
from studio.mapping.neighbours import nearest_neighbours
from studio.mapping.placing import majority, middle_place, nearest_placed
from studio.mapping.project import MapParams, draw_landmarks, is_tiny, map_quality, project
from studio.records import Array
from studio.tasks.map_files import cluster_rows, write_map

if TYPE_CHECKING:
    from studio.tasks.map import Read

EPOCHS = 200
K = 30


def make(task: Task, given: Read, stages: int) -> Array | None:
    """Write the preview and return its places, for the full layout to begin from; None for a small corpus.

    A preview of an earlier attempt is used again. It is written under another name and renamed, so a reader finds a
    whole one or none.
    """
    n, asked = len(given.ids), task.spec.params
    count = min(int(asked.get("preview_landmarks", PREVIEW_LANDMARKS)), n)
    if n <= int(asked.get("preview_above", PREVIEW_ABOVE)) or is_tiny(given.vectors):
        return None
    task.progress(1, stages, "explore.run.preview")
    folder = task.run_dir / "preview"
    if (folder / "map.json").is_file():
        table = pq.read_table(folder / "points.parquet")
        return np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]).astype(np.float32)
    marks = draw_landmarks(n, count, labels=None, rng=np.random.default_rng(given.seed))
    near = np.asarray(given.vectors[marks])
    graph = nearest_neighbours(near, K, seed=given.seed, check_stop=task.check_stop)
    groups = find_clusters(graph, seed=given.seed, resolution=given.resolution, n_seeds=1, check_stop=task.check_stop)
    few: MapParams = replace(given.params, n_epochs=EPOCHS)
    placed = project(near, graph, few, seed=given.seed, check_stop=task.check_stop).xy
    xy, labels = _spread(given.vectors, marks, placed, groups.labels, task)
    words = cluster_keywords(given.texts, labels)
    names = cluster_names({number: found for number, found in words.items() if number >= 0})
    quality = map_quality(given.vectors, xy, given.knn, rng=np.random.default_rng(given.seed))
    found: dict[str, Any] = {
        # another map than the one it announces, in the six characters a link has of it too; p is no hexadecimal digit
        "map_id": "p" + given.key[1:],
        "method": "preview",
        "trustworthiness": quality.trustworthiness,
        "neighbour_overlap": quality.overlap,
        "n_quality": quality.n_sample,
        "quality_k": quality.k,
        "cluster_method": f"{groups.method} on landmarks",
        "stability": None,
        "noise_share": float((labels < 0).mean()),
        "n_clusters": groups.n_clusters,
        "n": n,
        "facts": {"n_landmarks": len(marks), "preview_of": given.key},
    }
    _publish(task, given.ids, xy, labels, found, cluster_rows(labels, words, names))
    task.event("preview", n_landmarks=len(marks), n=n)
    task.barrier("preview")
    return xy


def _spread(vectors: Array, marks: Array, placed: Array, groups: Array, task: Task) -> tuple[Array, Array]:
    """(n, 2) places and (n,) clusters of all rows from those of the landmarks."""
    n = len(vectors)
    xy, labels = np.empty((n, 2), dtype=np.float32), np.empty(n, dtype=np.int32)
    base = np.asarray(vectors[marks])
    for start in range(0, n, 65_536):
        part = slice(start, min(start + 65_536, n))
        near = nearest_placed(np.asarray(vectors[part]), base, check_stop=task.check_stop)
        xy[part], labels[part] = middle_place(near, placed), majority(near, groups)
    xy[marks], labels[marks] = placed, groups
    return xy, labels


def _publish(task: Task, ids: Array, xy: Array, labels: Array, found: dict[str, Any], rows: list[dict]) -> None:
    building, folder = task.run_dir / "preview.tmp", task.run_dir / "preview"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    write_map(building, ids, xy, labels, found, rows)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(building, folder)
