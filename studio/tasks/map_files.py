"""The files of a map as a run writes them: points.parquet and map.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.records import Array


def write_map(
    folder: Path, ids: Array, xy: Array, labels: Array, found: Mapping[str, Any], clusters: Sequence[Mapping[str, Any]]
) -> None:
    """Write points and facts of a map into a folder.

    Args:
        folder: where; it exists.
        ids: (n,) ascending example ids.
        xy: (n, 2) float32.
        labels: (n,) int32 clusters.
        found: facts of the map, see studio.tasks.map.
        clusters: a row per cluster: cluster, size, keywords, name.
    """
    table = pa.table({"example_id": ids, "x": xy[:, 0], "y": xy[:, 1], "cluster": labels})
    pq.write_table(table, folder / "points.parquet")
    content = dict(found) | {"clusters": list(clusters)}
    (folder / "map.json").write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def cluster_rows(labels: Array, words: Mapping[int, Sequence[str]], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """A row per cluster; the group of rows in no cluster (-1) has words but is named by the page."""
    numbers, sizes = np.unique(labels, return_counts=True)
    return [
        {"cluster": int(c), "size": int(size), "keywords": list(words[int(c)]), "name": names.get(int(c), "-")}
        for c, size in zip(numbers, sizes, strict=True)
    ]
