"""Removing an example, a person's rows or a corpus for good: first what would go, then, once confirmed, all of it."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import AccessError, CorpusError, JobError, StoreError
from studio.jobs import files, rundir
from studio.records import Actor
from studio.store import maps, metadata, purge_find, snapshots, vectors
from studio.workflows import purge_apply, purge_files, purge_pending, runs
from studio.workflows.acts import act
from studio.workflows.purge_plan import KINDS, Options, Place, Plan, Target, plan, whole_of
from studio.workflows.studio import Studio

__all__ = ["KINDS", "Options", "Place", "Plan", "Target", "plan"]  # a room's acts and reads in one place
_SPARE_BYTES = 50 * 1024**2  # ours: left free beside what has to be written anew
_PERSONAL = ("source", metadata.PREFIX)


# --- doing ------------------------------------------------------------------------------------------------------------
@act("admin.purge", "admin", log=False)  # its own entry says what went, never the content that went
def start(
    studio: Studio,
    actor: Actor,
    *,
    target: Target,
    confirm: str,
    options: Options | None = None,
    run_id: str | None = None,
) -> str:
    """Remove for good what `plan` shows; returns the id of the run that prepares it. The rest happens by itself.

    Args:
        studio: the open workspace.
        actor: an admin.
        target: what.
        confirm: the number of examples, or the name of the corpus, as the person typed it after seeing the plan.
        options: what else goes.
        run_id: a UUID made by the client, so that a double click removes once.

    Raises:
        CorpusError: the typed text does not fit what would be removed now, or nothing fits the target.
        JobError: a run is at work on the corpus.
        StoreError: another removal is under way, or there is too little disk space.
    """  # fmt: skip
    options, workspace = options or Options(), studio.workspace
    if run_id and (workspace.run_dir(run_id) / "spec.json").exists():
        return run_id
    if actor.role != "admin":
        raise AccessError("Only an admin may remove data", got=actor.role, fix="Ask an admin.")
    made = plan(studio, target, options)
    if " ".join(confirm.split()) != " ".join(made.confirm.split()):
        raise CorpusError("The confirmation does not fit", got=confirm[:80] or None,
                          fix=f"Type {made.confirm} to remove {made.n_examples:,} examples.")  # fmt: skip
    if made.live:
        raise JobError("A run is at work on this corpus", got=", ".join(made.live[:3]),
                       fix="Wait until it is done or stop it on the Runs page.")  # fmt: skip
    _space(studio, made)
    purge_id, run_id = uuid.uuid4().hex[:12], run_id or str(uuid.uuid4())
    record = {
        "purge_id": purge_id, "run_id": run_id, "by": actor.name, "role": actor.role, "verified": actor.verified,
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "corpora": sorted(made.ids),
        "snapshots": list(made.snapshots), "steps": [], "state": "preparing",
    }  # fmt: skip
    purge_pending.claim(workspace, record)
    try:
        _write_plan(studio, made, options, purge_id)
        relative = f"{purge_pending.FOLDER}/{purge_id}/{purge_pending.PLAN}"
        return runs.submit(studio, actor, kind="purge", title=f"Remove {made.n_examples:,} examples",
                           params={"purge_id": purge_id}, inputs={"plan": relative}, run_id=run_id)  # fmt: skip
    except (OSError, StoreError, JobError) as error:
        abandon(studio, record)
        if isinstance(error, OSError):
            raise StoreError(
                "The removal cannot be prepared", got=error.strerror, fix="Free some disk space."
            ) from error
        raise


def _space(studio: Studio, made: Plan) -> None:
    need = _SPARE_BYTES + sum(p.n_bytes for p in made.places if p.action == "rewrite")
    free = shutil.disk_usage(studio.workspace.root).free
    if free < need:
        raise StoreError("There is too little space on the disk to write anew what stays",
                         got=f"{free // 1024**2:,} MB free, {need // 1024**2:,} MB needed",
                         fix="Delete vectors or old exports on the Storage page first.")  # fmt: skip


def _write_plan(studio: Studio, made: Plan, options: Options, purge_id: str) -> None:
    """Everything the worker needs: ids, texts to look for, files to look into, clusters and masks as arrays."""
    store, workspace = studio.store, studio.workspace
    folder = purge_pending.folder(workspace, purge_id)
    folder.mkdir(parents=True)
    listed, sets, charts = [], [], []
    for snapshot_id in made.snapshots:
        found = snapshots.require(store, snapshot_id)
        gone = made.ids[found.corpus_id]
        order = np.array(sorted(purge_find.all_ids(store, snapshot_id)), dtype=np.int64)
        keep = np.zeros(len(order), bool) if gone is None else ~np.isin(order, np.array(sorted(gone), np.int64))
        np.save(folder / f"{snapshot_id}.npy", keep, allow_pickle=False)
        np.save(folder / f"{snapshot_id}.ids.npy", order, allow_pickle=False)
        listed.append({"snapshot_id": snapshot_id, "corpus_id": found.corpus_id, "n_removed": int((~keep).sum())})
        sets += [{"snapshot_id": snapshot_id, "encoder": v.encoder, "version": v.version, "path": v.path, "k": v.k}
                 for v in vectors.of_snapshot(store, snapshot_id)]  # fmt: skip
        for chart in maps.of_snapshot(store, snapshot_id):
            points = maps.points(store, chart.map_id, as_found=True)[["example_id", "cluster"]]
            pq.write_table(pa.Table.from_pandas(points, preserve_index=False), folder / f"map-{chart.map_id}.parquet")
            charts.append({"map_id": chart.map_id, "snapshot_id": snapshot_id, "corpus_id": found.corpus_id})
    models = {m["round_id"] for m in made.models} & set(options.models)
    content = {
        "purge_id": purge_id, "folder": folder.relative_to(workspace.root).as_posix(), "target": _kept(made.target),
        "ids": {c: None if some is None else sorted(some) for c, some in made.ids.items()},
        "texts": sorted(made.texts), "values": _values(made), "snapshots": listed, "vectors": sets, "maps": charts,
        "models": sorted(models), "n_examples": made.n_examples, "by_corpus": [list(row) for row in made.by_corpus],
        "places": [asdict(place) for place in made.places],
        "trained_on": [dict(m) for m in made.models if m["round_id"] not in models],
        "files": purge_files.everything(store, workspace, corpora=made.ids, snapshots=made.snapshots,
                                        whole=whole_of(made), backups=options.backups, inbox=options.inbox,
                                        models=models),
    }  # fmt: skip
    files.write_json(folder / purge_pending.PLAN, content)


def _kept(target: Target) -> dict[str, Any]:
    """What the report may say of the target: the column, never the value."""
    return {"kind": target.kind, "column": target.column, "copies": target.copies}


def _values(made: Plan) -> list[str]:
    """The value itself, where it names a person or a source and is long enough to mean nobody else."""
    target = made.target
    named = target.kind == "value" and not target.corpus_id and target.column.startswith(_PERSONAL)
    return [target.value] if named and len(target.value) >= 3 else []


@act("admin.purge_again", "admin")
def go_on(studio: Studio, actor: Actor) -> str:
    """Take a removal up again that was stopped in the middle; returns its run_id.

    Raises:
        StoreError: there is none, or it cannot be finished now.
    """
    record = purge_pending.pending(studio.workspace)
    if record is None:
        raise StoreError("No removal is waiting", fix="Look at the list of what takes space.")
    status = rundir.read_status(studio.workspace.run_dir(record["run_id"]))
    if status.state in ("failed", "crashed", "stopped"):
        studio.supervisor.resume(record["run_id"], by=actor.name)
    else:
        purge_apply.resume(studio)
    return str(record["run_id"])


@act("admin.purge_give_up", "admin")
def give_up(studio: Studio, actor: Actor) -> None:
    """Forget a removal that has changed nothing yet.

    Raises:
        StoreError: it has begun to remove, so it can only be finished.
    """
    record = purge_pending.pending(studio.workspace)
    if record is None:
        return
    if record["steps"]:
        raise StoreError("This removal has begun and can only be finished", fix="Choose Go on.")
    try:
        if not rundir.read_status(studio.workspace.run_dir(record["run_id"])).is_final:
            runs.cancel(studio, actor, run_id=record["run_id"])
    except JobError:
        pass
    abandon(studio, record)


def abandon(studio: Studio, record: Mapping[str, Any]) -> None:
    """Remove the plan of a removal that does not take place; nothing else was touched."""
    shutil.rmtree(purge_pending.folder(studio.workspace, record["purge_id"]), ignore_errors=True)
    purge_pending.release(studio.workspace)


def reports(studio: Studio) -> list[dict[str, Any]]:
    """The reports of removals that are done, newest first."""
    folder = purge_pending.folder(studio.workspace)
    found = [files.read_json(path) for path in folder.glob(f"*/{purge_pending.REPORT}")] if folder.is_dir() else []
    return sorted((item for item in found if item), key=lambda item: item.get("finished_at", ""), reverse=True)


def report_bytes(report: Mapping[str, Any]) -> bytes:
    """A report as a file to keep."""
    return json.dumps(dict(report), ensure_ascii=False, indent=1).encode()
