"""The early picture of a large corpus: taken from a run still at work, let go when the whole map is there."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.jobs import files
from studio.records import RunSpec
from studio.store import maps
from studio.workflows import runs
from studio.workflows.studio import Studio

log = logging.getLogger(__name__)

MOST_RUNS = 10_000  # every map run of a snapshot: its preview may lie behind any number of later ones that failed


def take_over(studio: Studio, snapshot_id: str) -> None:
    """Index the newest preview of a snapshot that has no finished map. May be called by every page, at any time.

    A preview outlives a run that failed or was stopped, and goes with one that was cancelled.

    Args:
        studio: the open workspace.
        snapshot_id: of which snapshot.
    """
    known = maps.of_snapshot(studio.store, snapshot_id)
    if any(not chart.is_preview for chart in known):
        return
    wanted = None
    views = runs.overview(studio, limit=MOST_RUNS, kinds=("map",), snapshot_id=snapshot_id)
    for view in sorted(views, key=lambda view: -view.spec.ticket):
        content = files.read_json(_folder(studio, view.run_id) / "map.json")
        if view.status.state != "cancelled" and content is not None:
            wanted = (view.spec, content)
            break
    for chart in known:
        if wanted is None or chart.map_id != wanted[1].get("map_id"):
            maps.forget_map(studio.store, chart.map_id)
    if wanted is not None and all(chart.map_id != wanted[1]["map_id"] for chart in known):
        _index(studio, snapshot_id, *wanted)


def _index(studio: Studio, snapshot_id: str, spec: RunSpec, content: Mapping[str, Any]) -> None:
    """Write the preview down, unless the whole map came in between: its files may go at any moment then."""
    with studio.store.write():
        points_file = _folder(studio, spec.run_id) / "points.parquet"
        if not points_file.is_file() or any(not c.is_preview for c in maps.of_snapshot(studio.store, snapshot_id)):
            return
        maps.put(studio.store, snapshot_id, content, encoder_key=str(spec.params["encoder_key"]), params=spec.params,
                 seed=spec.seed, points_file=points_file, run_id=spec.run_id)  # fmt: skip
    log.info("run=%s preview=%s taken over", spec.run_id, content["map_id"])


def has_preview(studio: Studio, run_id: str) -> bool:
    """True when a run has drawn its preview."""
    return (_folder(studio, run_id) / "map.json").is_file()


def _folder(studio: Studio, run_id: str) -> Path:
    return studio.workspace.run_dir(run_id) / "preview"


def let_go(studio: Studio, snapshot_id: str, run_id: str) -> None:
    """Remove the previews of a snapshot whose whole map is there now, and the files of this run's."""
    for chart in maps.of_snapshot(studio.store, snapshot_id):
        if chart.is_preview:
            maps.forget_map(studio.store, chart.map_id)
    shutil.rmtree(_folder(studio, run_id), ignore_errors=True)
