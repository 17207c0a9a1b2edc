"""Rows of the tables `map`, `map_point` and `cluster`: pictures, their points and clusters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from studio.store import clusters as clusters_now
from studio.store.connection import Store

_MAP_COLUMNS = (
    "map_id, snapshot_id, encoder_key, params, seed, trustworthiness, neighbour_overlap, n_quality, cluster_method, "
    "stability, noise_share, created_at"
)
_ADD_MAP = f"""
INSERT INTO map ({_MAP_COLUMNS}, run_id)
VALUES ($map_id, $snapshot_id, $encoder_key, $params, $seed, $trustworthiness, $neighbour_overlap, $n_quality,
        $cluster_method, $stability, $noise_share, $created_at, $run_id)
"""
_ADD_POINTS = """
INSERT INTO map_point (map_id, example_id, x, y, cluster)
SELECT $map_id, example_id, x, y, cluster FROM read_parquet($file) ORDER BY example_id
"""
_FORGET: tuple[str, ...] = (
    "DELETE FROM map WHERE map_id = $map_id",
    "DELETE FROM map_point WHERE map_id = $map_id",
    "DELETE FROM cluster WHERE map_id = $map_id",
)
_GET = f"SELECT {_MAP_COLUMNS} FROM map WHERE map_id = $map_id"
_OF_SNAPSHOT = f"SELECT {_MAP_COLUMNS} FROM map WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC, map_id"
_POINTS = f"{clusters_now.POINTS} ORDER BY p.example_id"
_POINTS_AS_FOUND = "SELECT example_id, x, y, cluster FROM map_point WHERE map_id = $map_id ORDER BY example_id"
_IN_BOX = """
SELECT example_id, x, y FROM map_point
WHERE map_id = $map_id AND x BETWEEN $left AND $right AND y BETWEEN $bottom AND $top ORDER BY example_id
"""

PREVIEW = "preview"  # the method of a map drawn from a few landmarks while the whole one is being made


@dataclass(frozen=True)
class MapRecord:
    """One picture of a snapshot; shares and quality in [0, 1], None where they could not be computed."""

    map_id: str
    snapshot_id: str
    encoder_key: str
    params: Mapping[str, Any]
    seed: int
    trustworthiness: float | None
    neighbour_overlap: float | None
    n_quality: int
    cluster_method: str
    stability: float | None
    noise_share: float
    created_at: str

    @property
    def is_preview(self) -> bool:
        """True for the early picture of a corpus whose whole map is still to come."""
        return self.params.get("method") == PREVIEW

    @property
    def facts(self) -> Mapping[str, Any]:
        """What else the run said: n_landmarks; earlier_map with n_shared, n_placed, moved_median, moved_p90."""
        return self.params.get("facts") or {}


def put(
    store: Store,
    snapshot_id: str,
    found: Mapping[str, Any],
    *,
    encoder_key: str,
    params: Mapping[str, Any],
    seed: int,
    points_file: Path,
    run_id: str | None,
) -> None:
    """Index a map with its points and clusters, in place of the same map made before.

    Args:
        store: the workspace database.
        snapshot_id: of which snapshot.
        found: map.json of the run.
        encoder_key: of the vectors it shows.
        params: the run's parameters.
        seed: its seed.
        points_file: Parquet of example_id, x, y, cluster inside the workspace.
        run_id: the run that made it.
    """
    map_id = str(found["map_id"])
    with store.write() as cursor:
        for statement in _FORGET:
            cursor.execute(statement, {"map_id": map_id})
        cursor.execute(
            _ADD_MAP,
            {
                "map_id": map_id,
                "snapshot_id": snapshot_id,
                "encoder_key": encoder_key,
                "params": json.dumps(dict(params) | {"method": found["method"], "facts": found.get("facts") or {}}),
                "seed": seed,
                "created_at": datetime.now(UTC),
                "run_id": run_id,
            }
            | {
                name: found[name]
                for name in ("trustworthiness", "neighbour_overlap", "n_quality", "cluster_method", "stability")
            }
            | {"noise_share": found["noise_share"]},
        )
        cursor.execute(_ADD_POINTS, {"map_id": map_id, "file": str(points_file.resolve())})
        rows = [{"map_id": map_id, **row} for row in found["clusters"]]
        types = pa.schema(
            [
                ("map_id", pa.string()),
                ("cluster", pa.int32()),
                ("size", pa.int64()),
                ("keywords", pa.list_(pa.string())),
                ("name", pa.string()),
            ]
        )
        store.insert("cluster", pa.Table.from_pylist(rows, schema=types))


def get(store: Store, map_id: str) -> MapRecord | None:
    """One map, or None when it is not known."""
    row = store.one(_GET, {"map_id": map_id})
    return _record(row) if row else None


def of_snapshot(store: Store, snapshot_id: str) -> list[MapRecord]:
    """Every map of a snapshot, newest first."""
    return [_record(row) for row in store.rows(_OF_SNAPSHOT, {"snapshot_id": snapshot_id})]


def newest(store: Store, snapshot_id: str) -> MapRecord | None:
    """The newest map of a snapshot, a preview only where there is no other, or None."""
    listed = of_snapshot(store, snapshot_id)
    return next((chart for chart in listed if not chart.is_preview), listed[0] if listed else None)


def forget_map(store: Store, map_id: str) -> None:
    """Remove one map with its points and clusters."""
    with store.write() as cursor:
        for statement in _FORGET:
            cursor.execute(statement, {"map_id": map_id})


def forget(store: Store, snapshot_id: str, encoder_key: str) -> None:
    """Remove the maps of a snapshot that were drawn from these vectors, with their points and clusters."""
    for chart in of_snapshot(store, snapshot_id):
        if chart.encoder_key == encoder_key:
            with store.write() as cursor:
                for statement in _FORGET:
                    cursor.execute(statement, {"map_id": chart.map_id})


def points(store: Store, map_id: str, *, as_found: bool = False) -> pd.DataFrame:
    """Columns example_id (ascending), x, y (float32), cluster (int32, -1 = none) after merges, or as found."""
    return store.read(_POINTS_AS_FOUND if as_found else _POINTS, {"map_id": map_id})


def points_in_box(store: Store, map_id: str, box: tuple[float, float, float, float]) -> pd.DataFrame:
    """Columns example_id (ascending), x, y of the points inside left, bottom, right, top, edges inside."""
    left, bottom, right, top = box
    return store.read(_IN_BOX, {"map_id": map_id, "left": left, "bottom": bottom, "right": right, "top": top})


def clusters(store: Store, map_id: str) -> pd.DataFrame:
    """Columns cluster (-1 = none), size, keywords (lists), name, under the merges and names in force."""
    return clusters_now.table(store, map_id)


def _record(row: tuple[Any, ...]) -> MapRecord:
    return MapRecord(
        map_id=row[0],
        snapshot_id=row[1],
        encoder_key=row[2],
        params=json.loads(row[3]),
        seed=int(row[4]),
        trustworthiness=row[5],
        neighbour_overlap=row[6],
        n_quality=int(row[7] or 0),
        cluster_method=row[8] or "",
        stability=row[9],
        noise_share=float(row[10] or 0.0),
        created_at=row[11].isoformat(timespec="seconds"),
    )
