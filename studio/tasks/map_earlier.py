"""A map that knows an earlier one: new rows on the old map, or a fresh layout that begins from the old places."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from studio.errors import MeasureError
from studio.jobs.task import Task
from studio.mapping.keywords import cluster_keywords
from studio.mapping.placing import displacement, grow, place_between
from studio.mapping.project import map_quality
from studio.records import Array
from studio.tasks.map_files import write_map

if TYPE_CHECKING:
    from studio.tasks.map import Read

STAGES = 3


@dataclass(frozen=True)
class Earlier:
    """An earlier map seen from this corpus: a start for every row, and the shared rows with their old places."""

    map_id: str
    start: Array
    shared: Array
    xy: Array


def place(task: Task, given: Read) -> dict[str, Any]:
    """The earlier map with this corpus's new rows on it; old rows stay where they are, clusters keep their names.

    Raises:
        MeasureError: other vectors, or no shared row.
    """
    old = _points(task)
    old_vectors = np.load(task.input_path("earlier_vectors") / "vectors.npy", mmap_mode="r", allow_pickle=False)
    if len(old_vectors) != len(old["ids"]):
        raise MeasureError(
            "The vectors do not belong to the earlier map",
            got=f"{len(old_vectors)} rows for {len(old['ids'])} points",
            fix="Make a fresh map.",
        )
    task.progress(1, STAGES, "explore.run.placing")
    grown = grow(given.ids, given.vectors, old["ids"], old_vectors, old["xy"], old["labels"], seed=given.seed,
                 check_stop=task.check_stop)  # fmt: skip
    task.check_stop()
    task.progress(2, STAGES, "explore.run.quality")
    quality = map_quality(given.vectors, grown.xy, given.knn, rng=np.random.default_rng(given.seed))
    where = np.searchsorted(old["ids"], given.ids[grown.is_kept])
    moved = displacement(grown.xy[grown.is_kept], old["xy"][where])
    facts = {"earlier_map": str(task.spec.params["earlier_map"]), "n_shared": moved.n, "moved_median": moved.median,
             "moved_p90": moved.p90, "n_placed": int((~grown.is_kept).sum()), "n_changed": grown.n_changed}  # fmt: skip
    found = {
        "map_id": given.key,
        "method": "placed",
        "trustworthiness": quality.trustworthiness,
        "neighbour_overlap": quality.overlap,
        "n_quality": quality.n_sample,
        "quality_k": quality.k,
        "cluster_method": "kept, new by majority of 8",
        "stability": None,
        "noise_share": float((grown.labels < 0).mean()),
        "n_clusters": int(len(np.unique(grown.labels[grown.labels >= 0]))),
        "n": len(given.ids),
        "facts": facts,
    }
    write_map(task.result_dir, given.ids, grown.xy, grown.labels, found, _kept_clusters(task, given, grown.labels))
    task.progress(STAGES, STAGES, "explore.run.quality")
    return found


def places(task: Task, given: Read) -> Earlier:
    """Where a fresh layout begins: shared rows where they lay, new ones between their neighbours.

    Raises:
        MeasureError: no example is shared.
    """
    old = _points(task)
    _, here, there = np.intersect1d(given.ids, old["ids"], assume_unique=True, return_indices=True)
    if not len(here):
        raise MeasureError("No example of the earlier map is left in this corpus", got=0, fix="Make a fresh map.")
    start = np.empty((len(given.ids), 2), dtype=np.float32)
    start[here] = old["xy"][there]
    rest = np.setdiff1d(np.arange(len(given.ids)), here, assume_unique=True)
    if len(rest):
        start[rest] = place_between(
            np.asarray(given.vectors[rest]), np.asarray(given.vectors[here]), start[here], check_stop=task.check_stop
        )
    return Earlier(str(task.spec.params["earlier_map"]), start, here, old["xy"][there])


def _points(task: Task) -> dict[str, Array]:
    table = pq.read_table(task.input_path("earlier")).sort_by("example_id")
    return {
        "ids": table["example_id"].to_numpy().astype(np.int64),
        "xy": np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]).astype(np.float32),
        "labels": table["cluster"].to_numpy().astype(np.int32),
    }


def _kept_clusters(task: Task, given: Read, labels: Array) -> list[dict[str, Any]]:
    """The earlier clusters with their words and names, and their sizes now; words for -1 where it is new."""
    rows = json.loads(task.input_path("earlier_clusters").read_text(encoding="utf-8"))["clusters"]
    known = {int(row["cluster"]): row for row in rows}
    numbers, sizes = np.unique(labels, return_counts=True)
    missing = [int(number) for number in numbers if int(number) not in known]
    words = cluster_keywords(given.texts, labels) if missing else {}
    return [
        {
            "cluster": int(number),
            "size": int(size),
            "keywords": list(known[int(number)]["keywords"] if int(number) in known else words[int(number)]),
            "name": str(known[int(number)]["name"] if int(number) in known else "-"),
        }
        for number, size in zip(numbers, sizes, strict=True)
    ]
