"""What embedding, map and encoder runs made: to its place, and into the database."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from studio.errors import StoreError
from studio.jobs import files, rundir
from studio.models.static import StaticEncoder
from studio.records import Actor, RunSpec
from studio.store import maps, vectors
from studio.workflows import explore_previews
from studio.workflows.explore import make_map
from studio.workflows.explore_plan import earlier_map
from studio.workflows.studio import Studio


def finish_embed(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Move the vectors to their place, index them, queue the map if that was asked for. May be called again."""
    result = rundir.read_result(run_dir)
    key = f"{result['encoder']}@{result['version']}"
    target = studio.workspace.vectors_dir(str(spec.snapshot_id), key)
    there = files.read_json(target / "meta.json") or {}
    if (there.get("content_hash"), there.get("k")) != (result["content_hash"], result["k"]):
        made = rundir.check_result(run_dir)
        keep_static(studio, made / "static")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            old = target.with_name(f".{target.name}.{spec.run_id}.old")
            os.rename(target, old)
            shutil.rmtree(old, ignore_errors=True)
        os.rename(made, target)
        files.sync_folder(target.parent)
    path = target.relative_to(studio.workspace.root).as_posix()
    vectors.put(studio.store, str(spec.snapshot_id), result, path=path, run_id=spec.run_id)
    shutil.rmtree(run_dir / "checkpoints", ignore_errors=True)
    if spec.params.get("then_map"):
        follow = str(uuid.uuid5(uuid.NAMESPACE_URL, f"winnow:map-after:{spec.run_id}"))
        by = Actor(spec.created_by, "analyst")
        given = {"encoder_key": key, "seed": spec.seed, "resolution": float(spec.params.get("resolution", 1.0))}
        if "encoder_state" in spec.inputs:  # asked for to build on an earlier map
            asked = str(spec.params.get("earlier_map") or "")
            given["earlier"] = earlier_map(studio, str(spec.snapshot_id), map_id=asked)
            given["keep_places"] = bool(spec.params.get("keep_places")) and given["earlier"] is not None
        make_map(studio, by, snapshot_id=str(spec.snapshot_id), run_id=follow, **given)


def finish_map(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Index map, points and clusters. May be called again."""
    made = rundir.check_result(run_dir, "points.parquet", "map.json")
    content = files.read_json(made / "map.json")
    if content is None:
        raise StoreError("The map of the run cannot be read", got=spec.run_id, fix="Make the map again.")
    maps.put(
        studio.store,
        str(spec.snapshot_id),
        content,
        encoder_key=str(spec.params["encoder_key"]),
        params=spec.params,
        seed=spec.seed,
        points_file=made / "points.parquet",
        run_id=spec.run_id,
    )
    explore_previews.let_go(studio, str(spec.snapshot_id), spec.run_id)


def finish_encoder(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Move a distilled encoder into the cache. May be called again."""
    rundir.read_result(run_dir)
    keep_static(studio, run_dir / "result" / "static")


def keep_static(studio: Studio, folder: Path) -> None:
    """Put distilled token vectors into the workspace's cache, unless they are there."""
    made = folder / StaticEncoder.file_name()
    if made.is_file() and not StaticEncoder.is_saved(studio.workspace.cache):
        studio.workspace.cache.mkdir(parents=True, exist_ok=True)
        os.replace(made, studio.workspace.cache / made.name)
