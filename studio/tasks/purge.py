"""Run kind `purge`: everything that has to be written anew when examples are removed; nothing is removed here.

params: purge_id. inputs: plan (purges/<purge_id>/plan.json).
result/: snapshots/<id>/ (successors), vectors/<new id>/<encoder>/, maps.json (clusters anew), files/<n> (files without
the texts), changes.json, which says what takes whose place.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from studio.corpus.schema import EXAMPLES, SnapshotWriter, read_manifest
from studio.corpus.traces import REMOVED, Traces
from studio.errors import CorpusError
from studio.jobs import files
from studio.jobs.task import Task
from studio.mapping.keywords import cluster_keywords, cluster_names
from studio.mapping.neighbours import nearest_in, nearest_neighbours
from studio.records import Array

log = logging.getLogger(__name__)
CHANGES, MAPS = "changes.json", "maps.json"
_WRITTEN = frozenset({  # what a SnapshotWriter says of itself; everything else in a manifest is kept
    "schema_version", "snapshot_id", "content_sha256", "examples_sha256", "task", "n_examples", "smallest_example_id",
    "largest_example_id", "groups", "group_values", "n_labelled", "labels", "columns",
})  # fmt: skip
_REPAIR_SHARE = 0.25  # ours: above it searching all neighbours anew is no slower than mending


def run(task: Task) -> dict[str, Any]:
    """Write successors of all that holds removed examples.

    Raises:
        CorpusError: a snapshot that cannot be read.
        StopRequested: someone asked the run to end; nothing was changed.
    """
    plan = json.loads(task.input_path("plan").read_text(encoding="utf-8"))
    root = task.workspace.root
    stages = len(plan["snapshots"]) + len(plan["vectors"]) + len(plan["files"])
    task.progress(0, stages, "admin.run.snapshots")
    traces = Traces(plan["texts"], plan["values"])
    changes: dict[str, Any] = {"snapshots": {}, "vectors": [], "files": []}
    done = 0
    for item in plan["snapshots"]:
        task.barrier("purge_snapshot")
        task.check_stop()
        changes["snapshots"][item["snapshot_id"]] = _successor(task, root, item, plan, traces)
        task.progress(done := done + 1, stages, "admin.run.snapshots")
    for item in plan["vectors"]:
        task.barrier("purge_vectors")
        task.check_stop()
        if new := changes["snapshots"][item["snapshot_id"]]:
            changes["vectors"].append(_vectors(task, root, item, str(new["snapshot_id"]), plan))
        task.progress(done := done + 1, stages, "admin.run.vectors")
    files.write_json(task.result_dir / MAPS, {"maps": _maps(task, root, plan)})
    (task.result_dir / "files").mkdir(exist_ok=True)
    for number, item in enumerate(plan["files"]):
        task.check_stop()
        changes["files"] += _file(task, root / item["path"], item, number, traces, _gone(plan))
        task.progress(done := done + 1, stages, "admin.run.files")
    files.write_json(task.result_dir / CHANGES, changes)
    log.info("purge=%s snapshots=%d vectors=%d files=%d", plan["purge_id"], len(changes["snapshots"]),
             len(changes["vectors"]), len(changes["files"]))  # fmt: skip
    return {"purge_id": plan["purge_id"], "n_snapshots": len(changes["snapshots"]), "n_files": len(changes["files"])}


def _gone(plan: Mapping[str, Any]) -> dict[str, set[int] | None]:
    return {corpus_id: None if ids is None else set(ids) for corpus_id, ids in plan["ids"].items()}


# --- snapshots --------------------------------------------------------------------------------------------------------
def _successor(
    task: Task, root: Path, item: Mapping[str, Any], plan: Mapping[str, Any], traces: Traces
) -> dict[str, Any] | None:
    """The manifest of the snapshot without the removed rows; None when nothing is left of it."""
    folder = root / "snapshots" / item["snapshot_id"]
    old = read_manifest(folder)
    gone = _gone(plan)[item["corpus_id"]]
    if gone is None or item["n_removed"] >= old["n_examples"]:
        return None
    writer = SnapshotWriter(task.result_dir / "snapshots", groups=old["groups"], task=old["task"])
    try:
        for row in _rows(task, folder / EXAMPLES):
            if row["example_id"] not in gone:
                writer.append(row["example_id"], row)
        facts = {name: value for name, value in old.items() if name not in _WRITTEN}
        facts = traces.redacted(facts)
        facts["purged"] = [*old.get("purged", []), {"purge_id": plan["purge_id"], "n": item["n_removed"]}]
        return writer.finish(**facts)
    except BaseException:
        writer.abandon()
        raise


def _rows(task: Task, path: Path) -> Iterator[dict[str, Any]]:
    try:
        for batch in pq.ParquetFile(path).iter_batches(4_096):
            task.check_stop()
            yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise CorpusError("The examples of a snapshot cannot be read", got=f"{path.parent.name}: {str(error)[:80]}",
                          fix="Restore the folder snapshots/ from a backup, then try again.") from error  # fmt: skip


# --- vectors ----------------------------------------------------------------------------------------------------------
def _vectors(task: Task, root: Path, item: Mapping[str, Any], new_id: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Vectors and neighbours of the rows that stay: rows are copied, lost neighbours are searched for anew."""
    source = root / item["path"]
    target = task.result_dir / "vectors" / new_id / source.name
    target.mkdir(parents=True, exist_ok=True)
    keep = np.load(root / plan["folder"] / f"{item['snapshot_id']}.npy", allow_pickle=False)
    old = np.load(source / "vectors.npy", mmap_mode="r", allow_pickle=False)
    if len(old) != len(keep):
        raise CorpusError("The vectors do not belong to this snapshot", got=f"{len(old)} rows for {len(keep)} examples",
                          fix="Delete these vectors on the Storage page, then try again.")  # fmt: skip
    new = np.lib.format.open_memmap(target / "vectors.npy", mode="w+", dtype=old.dtype,
                                    shape=(int(keep.sum()), old.shape[1]))  # fmt: skip
    at = 0
    for start in range(0, len(old), 65_536):
        part = old[start : start + 65_536][keep[start : start + 65_536]]
        new[at : at + len(part)] = part
        at += len(part)
    new.flush()
    k = _neighbours(task, source, target, item["k"], keep, new)
    for extra in source.iterdir():
        if extra.is_file() and extra.name not in ("vectors.npy", "meta.json"):
            shutil.copyfile(extra, target / extra.name)
    meta = files.read_json(source / "meta.json") or {}
    ids = np.load(root / plan["folder"] / f"{item['snapshot_id']}.ids.npy", allow_pickle=False)[keep]
    content = hashlib.sha256(memoryview(np.ascontiguousarray(new)).cast("B")).hexdigest()
    meta |= {"snapshot_id": new_id, "n": len(new), "k": k, "content_hash": content,
             "ids_hash": hashlib.sha256(np.ascontiguousarray(ids).tobytes()).hexdigest()}  # fmt: skip
    files.write_json(target / "meta.json", meta)
    return {"snapshot_id": item["snapshot_id"], "encoder": item["encoder"], "version": item["version"],
            "path": f"vectors/{new_id}/{source.name}", "n": len(new), "k": k, "content_hash": content}  # fmt: skip


def _neighbours(task: Task, source: Path, target: Path, k: int, keep: Array, vectors: Array) -> int:
    """The k-NN graph without the removed rows; rows that lost a neighbour are looked up exactly."""
    n, wanted = len(vectors), min(k, len(vectors) - 1)
    place = np.cumsum(keep, dtype=np.int64) - 1
    idx, dist = (np.load(source / f"knn_{k}" / f"{name}.npy", mmap_mode="r", allow_pickle=False)[keep]
                 for name in ("idx", "dist"))  # fmt: skip
    lost = np.flatnonzero(~keep[idx].all(axis=1)) if idx.size else np.empty(0, np.int64)
    if wanted < idx.shape[1] or len(lost) > _REPAIR_SHARE * n:
        found = nearest_neighbours(np.asarray(vectors), max(1, wanted), seed=task.spec.seed, check_stop=task.check_stop)
        indices, distances = found.indices, found.distances
    else:
        indices, distances = place[idx].astype(np.int32), dist.astype(np.float32)
        if len(lost):
            near = nearest_in(np.asarray(vectors), np.asarray(vectors[lost]), min(idx.shape[1] + 1, n),
                              check_stop=task.check_stop)  # fmt: skip
            for row, others, far in zip(lost, near.indices, near.distances, strict=True):
                other = np.flatnonzero(others != row)[: idx.shape[1]]
                indices[row], distances[row] = others[other], far[other]
    width = indices.shape[1]
    folder = target / f"knn_{width}"
    folder.mkdir(exist_ok=True)
    np.save(folder / "idx.npy", indices, allow_pickle=False)
    np.save(folder / "dist.npy", distances, allow_pickle=False)
    return width


# --- maps -------------------------------------------------------------------------------------------------------------
def _maps(task: Task, root: Path, plan: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Size, words and name of every cluster of the maps, from the texts that stay."""
    made = {}
    for item in plan["maps"]:
        gone = _gone(plan)[item["corpus_id"]]
        if gone is None:
            continue
        points = pq.read_table(root / plan["folder"] / f"map-{item['map_id']}.parquet")
        texts = pq.read_table(root / "snapshots" / item["snapshot_id"] / EXAMPLES, columns=["example_id", "text"])
        text_of = dict(zip(texts["example_id"].to_pylist(), texts["text"].to_pylist(), strict=True))
        stay = [(i, c) for i, c in zip(points["example_id"].to_pylist(), points["cluster"].to_pylist(), strict=True)
                if i not in gone and i in text_of]  # fmt: skip
        if not stay:
            continue
        labels = np.array([c for _, c in stay], dtype=np.int64)
        words = cluster_keywords([text_of[i] or "" for i, _ in stay], labels)
        names = cluster_names({number: found for number, found in words.items() if number >= 0})
        made[item["map_id"]] = [
            {"cluster": int(c), "size": int(size), "keywords": list(words[int(c)]), "name": names.get(int(c), "-")}
            for c, size in zip(*np.unique(labels, return_counts=True), strict=True)
        ]
        task.check_stop()
    return made


# --- other files ------------------------------------------------------------------------------------------------------
def _file(
    task: Task, path: Path, item: Mapping[str, Any], number: int, traces: Traces, gone: Mapping[str, set[int] | None]
) -> list[dict[str, Any]]:
    """What becomes of one file that may hold the texts: deleted, written anew, or left alone (empty)."""
    entry = {"path": item["path"], "place": item["place"]}
    if not path.exists():
        return []
    if item["action"] == "delete":
        return [entry | {"action": "delete"}]
    if path.is_dir():
        holds = any(traces.in_file(file) for file in sorted(path.rglob("*")) if file.is_file())
        return [entry | {"action": "delete"}] if holds else []
    target = task.result_dir / "files" / str(number)
    if item["action"] == "rows":
        table = pq.read_table(path)
        some = gone[item["corpus_id"]]
        if some is None:
            return [entry | {"action": "delete"}]
        left = table.filter(pc.invert(pc.is_in(table["example_id"], pa.array(sorted(some), pa.int64()))))
        if left.num_rows == table.num_rows:
            return []
        pq.write_table(left, target)
        return [entry | {"action": "replace", "made": f"files/{number}"}]
    if not traces.in_file(path) and not _has_value(path, traces):
        return []
    if item["action"] == "delete_if":
        return [entry | {"action": "delete"}]
    if path.suffix not in (".json", ".jsonl", ".txt", ".log"):
        return [entry | {"action": "delete"}]
    _without(path, target, traces)
    return [entry | {"action": "replace", "made": f"files/{number}"}]


def _has_value(path: Path, traces: Traces) -> bool:
    """True when a value of the removed person stands in a JSON file as a string of its own."""
    if not traces.exact or path.suffix not in (".json", ".jsonl"):
        return False
    forms = [json.dumps(value, ensure_ascii=False).encode() for value in traces.exact]
    with path.open("rb") as handle:
        return any(any(form in line for form in forms) for line in handle)


def _without(path: Path, target: Path, traces: Traces) -> None:
    """The file without the texts: whole lines of records go, strings in JSON objects are replaced."""
    with (
        path.open("r", encoding="utf-8", errors="surrogateescape") as source,
        target.open("w", encoding="utf-8", errors="surrogateescape") as made,
    ):
        if path.suffix == ".json":
            text = source.read()
            try:
                made.write(json.dumps(traces.redacted(json.loads(text)), ensure_ascii=False, indent=1))
            except ValueError:
                made.write(REMOVED)
            return
        for line in source:
            data = line.encode("utf-8", "surrogateescape")
            holds = traces.in_bytes(data) or any(
                json.dumps(value, ensure_ascii=False).encode() in data for value in traces.exact
            )
            if not holds:
                made.write(line)
