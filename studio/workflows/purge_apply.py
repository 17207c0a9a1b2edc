"""Carrying a prepared removal out: steps that may be repeated, so that it always goes on to its end."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from studio.corpus.traces import Traces
from studio.errors import StoreError, StudioError
from studio.jobs import files, rundir
from studio.records import Actor, RunSpec
from studio.settings import Workspace
from studio.store import audit_log, journal_files, purge, snapshots
from studio.store.connection import Store
from studio.workflows import purge_files, purge_pending
from studio.workflows.studio import Studio

log = logging.getLogger(__name__)


class _Work:
    """What every step looks at: the plan, the worker's changes, and the record of the steps that are done."""

    def __init__(self, store: Store, workspace: Workspace, record: dict[str, Any]) -> None:
        self.store, self.workspace, self.record = store, workspace, record
        self.folder = purge_pending.folder(workspace, record["purge_id"])
        self.result = workspace.run_dir(record["run_id"]) / "result"
        plan, changes = files.read_json(self.folder / purge_pending.PLAN), files.read_json(self.result / "changes.json")
        if plan is None or changes is None:
            raise StoreError("The prepared removal cannot be read", got=record["purge_id"],
                             fix="Give it up on the Storage page and remove again.")  # fmt: skip
        self.plan, self.changes = plan, changes
        self.traces = Traces(plan["texts"], plan["values"])
        self.ids = {c: None if some is None else frozenset(some) for c, some in plan["ids"].items()}

    @property
    def moved(self) -> dict[str, str]:
        """Old snapshot -> its successor."""
        return {old: new["snapshot_id"] for old, new in self.changes["snapshots"].items() if new}

    @property
    def doomed(self) -> list[str]:
        """Folders of the snapshots that are gone, relative to the workspace; not of one that came back by an import."""
        known = {item.snapshot_id for item in snapshots.list_all(self.store)} | set(self.moved.values())
        old = [snapshot_id for snapshot_id in self.changes["snapshots"] if snapshot_id not in known]
        return [f"{place}/{snapshot_id}" for place in ("snapshots", "vectors") for snapshot_id in old]


def finish_purge(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Carry out what the run prepared; may be called again."""
    record = purge_pending.pending(studio.workspace)
    if record is None or record["run_id"] != spec.run_id:
        return
    _carry_out(studio.store, studio.workspace, record)
    for other in rundir.list_runs(studio.workspace.runs):
        found = rundir.read_spec_or_none(other)
        if found is not None and found.kind == "serve":
            rundir.request(other, "stop", by="system")  # it remembers encoders and words of what is gone


def resume(studio: Studio) -> None:
    """Carry on with a removal whose run is done.

    Raises:
        StoreError: a step cannot be done now; it is tried again at the next start.
    """
    record = purge_pending.pending(studio.workspace)
    if record is not None and rundir.read_status(studio.workspace.run_dir(record["run_id"])).state == "done":
        _carry_out(studio.store, studio.workspace, record)


def at_start(store: Store, workspace: Workspace) -> list[tuple[str, dict[str, str]]]:
    """Before anything else reads the workspace: go on with a removal; returns notices for the pages.

    A run that died while preparing is queued again; nothing was touched by it.
    """
    record = purge_pending.pending(workspace)
    if record is None:
        return []
    run_dir = workspace.run_dir(record["run_id"])
    status = rundir.read_status(run_dir)
    if not (run_dir / "spec.json").exists() or status.state == "cancelled":
        shutil.rmtree(purge_pending.folder(workspace, record["purge_id"]), ignore_errors=True)
        purge_pending.release(workspace)
        return []
    try:
        if status.state == "done":
            _carry_out(store, workspace, record)
            return [("admin.purge.finished_at_start", {})]
        if status.state == "crashed":
            rundir.add_attempt(run_dir, by=record["by"])
    except (StudioError, OSError) as error:
        log.error("purge=%s put off error=%s", record["purge_id"], error)
        return [("admin.purge.put_off", {})]
    return []


def _carry_out(store: Store, workspace: Workspace, record: dict[str, Any]) -> None:
    report = purge_pending.folder(workspace, record["purge_id"]) / purge_pending.REPORT
    if not report.exists():
        work = _Work(store, workspace, record)
        for name, step in _STEPS:
            if name in record["steps"]:
                continue
            log.info("purge=%s step=%s", record["purge_id"], name)
            try:
                record |= step(work) or {}
            except OSError as error:
                raise StoreError(
                    "The removal stopped in the middle and waits",
                    got=error.strerror,
                    fix="Free some disk space, then choose Go on on the Storage page.",
                ) from error
            record["steps"] = [*record["steps"], name]
            record["state"] = "applying"
            purge_pending.put(workspace, record)
    _clean_up(workspace, record)


# --- steps ------------------------------------------------------------------------------------------------------------
def _place(work: _Work) -> None:
    """Successors to their places; nothing refers to them yet."""
    for place in ("snapshots", "vectors"):
        made = work.result / place
        for folder in sorted(made.iterdir()) if made.is_dir() else ():
            if folder.name.startswith("."):
                continue
            target = work.workspace.root / place / folder.name
            if place == "vectors":
                target.mkdir(parents=True, exist_ok=True)
                for inner in sorted(folder.iterdir()):
                    if not (target / inner.name).exists():
                        os.rename(inner, target / inner.name)
            elif not target.exists():
                os.rename(folder, target)
            files.sync_folder(target.parent)


def _switch(work: _Work) -> dict[str, Any]:
    """Journal, then every table in one transaction: from here on nobody sees the removed examples."""
    store = work.store
    made = {(item["snapshot_id"], item["encoder"], item["version"]): item for item in work.changes["vectors"]}
    corpus_of = {item["snapshot_id"]: item["corpus_id"] for item in work.plan["snapshots"]}
    changes = [purge.Change(old, corpus_of[old], manifest, np.load(work.folder / f"{old}.npy", allow_pickle=False))
               for old, manifest in work.changes["snapshots"].items()]  # fmt: skip
    clusters = (files.read_json(work.result / "maps.json") or {}).get("maps", {})
    removal = purge.Removal(work.record["purge_id"], changes, work.ids, work.plan["models"], clusters, made)
    if purge.is_done(store, removal.purge_id):
        return {}
    with store.write():  # annotating waits: a label saved between the two would be lost
        lines = _journal(work)
        rows = purge.apply(store, removal, work.traces.redacted_stored)
    store.checkpoint()
    return {"rows": rows, "journal_lines": lines}


def _journal(work: _Work) -> int:
    """The journal without the lines of removed examples; before the tables, or a start would bring them back."""
    gone = 0
    for path in journal_files.files(work.workspace):
        fresh = path.with_name(f".{path.name}.new")
        gone += purge_files.journal_without(path, work.ids, work.moved, work.traces, fresh)
        with fresh.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(fresh, path)
    if work.workspace.journal.is_dir():
        files.sync_folder(work.workspace.journal)
    return gone


def _files(work: _Work) -> dict[str, Any]:
    """Files that held the texts: deleted, or replaced by the copy without them."""
    counted: dict[str, list[int]] = {}
    for item in work.changes["files"]:
        path = work.workspace.root / item["path"]
        before = purge_files.size_of(path)
        if item["action"] == "delete":
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        elif (made := work.result / item["made"]).exists() and path.exists():
            os.replace(made, path)
        key = f"{item['place']}.{item['action']}"
        n, n_bytes = counted.get(key, [0, 0])
        counted[key] = [n + 1, n_bytes + before]
    return {"files": counted}


def _compact(work: _Work) -> dict[str, Any]:
    """The database written anew: deleted rows stay in its free pages otherwise."""
    return {"database_bytes": work.store.compact()}


def _check(work: _Work) -> dict[str, Any]:
    """Look for the texts in every file of the workspace, those to be deleted next left out."""
    own = work.result.relative_to(work.workspace.root).as_posix()
    plan = work.folder.relative_to(work.workspace.root).as_posix()
    passed = [*(f"{item}/" for item in work.doomed), f"{own}/", f"{plan}/"]
    return {"still_holding": purge_files.still_holding(work.workspace.root, work.traces, passed)[:200]}


def _old(work: _Work) -> dict[str, Any]:
    """The old snapshots and vectors, the last place where the texts stand."""
    freed = 0
    for relative in work.doomed:
        folder = work.workspace.root / relative
        freed += purge_files.size_of(folder)
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise StoreError("A folder of the old examples cannot be deleted", got=relative,
                             fix="Check its permissions, then choose Go on on the Storage page.")  # fmt: skip
    return {"freed_bytes": freed}


def _report(work: _Work) -> None:
    """The report as a file, the entry in the audit log; neither holds what was removed."""
    record, plan = work.record, work.plan
    detail = {"purge_id": record["purge_id"], "target": plan["target"], "n_examples": plan["n_examples"],
              "n_corpora": len(plan["ids"]), "n_snapshots": len(plan["snapshots"]),
              "still_holding": len(record["still_holding"])}  # fmt: skip
    with work.store.write():
        if purge.mark_once(work.store, f"purge-logged:{record['purge_id']}"):
            who = Actor(record["by"], record["role"], bool(record["verified"]))
            audit_log.add(work.store, who, act="admin.purge", outcome="done", detail=detail)
    files.write_json(work.folder / purge_pending.REPORT, {
        "purge_id": record["purge_id"], "run_id": record["run_id"], "by": record["by"], "started_at": record["at"],
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"), "target": plan["target"],
        "n_examples": plan["n_examples"], "by_corpus": plan["by_corpus"], "places": plan["places"],
        "rows": record.get("rows", {}), "journal_lines": record.get("journal_lines", 0),
        "files": record.get("files", {}), "freed_bytes": record.get("freed_bytes", 0), "successors": work.moved,
        "trained_on": plan["trained_on"], "deleted_models": plan["models"], "still_holding": record["still_holding"],
    })  # fmt: skip


_STEPS: tuple[tuple[str, Callable[[_Work], Mapping[str, Any] | None]], ...] = (
    ("place", _place), ("switch", _switch), ("files", _files), ("compact", _compact), ("check", _check), ("old", _old),
    ("report", _report),
)  # fmt: skip


def _clean_up(workspace: Workspace, record: Mapping[str, Any]) -> None:
    """The plan with its texts, and what is left of the run's result; then the place is free for another removal."""
    folder = purge_pending.folder(workspace, record["purge_id"])
    for path in folder.iterdir():
        if path.name != purge_pending.REPORT:
            path.unlink()
    result = workspace.run_dir(record["run_id"]) / "result"
    for path in list(result.iterdir()) if result.is_dir() else ():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    purge_pending.release(workspace)
