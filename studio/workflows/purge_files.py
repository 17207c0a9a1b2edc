"""Which files outside the database may hold examples, and what is done with each kind."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.traces import Traces
from studio.jobs import rundir
from studio.settings import MIB, Workspace
from studio.store import rounds
from studio.store.connection import Store

LOOK_BYTES = 200 * MIB  # ours: files looked into before the removal is confirmed; the run itself looks into all
# Results that were taken into the database: their files are not read again and go.
_TAKEN_OVER = frozenset({"map", "measure", "choose", "dedup", "audit", "counterfactual", "diversity", "score", "proof",
                         "proof_test", "tune", "choice_audit"})  # fmt: skip
_BY_ROW = ("predictions.parquet", "dynamics.parquet")  # of a round: a row per example
# What a run leaves on its way: parts of vectors, half-written results, the early picture of a large map.
_UNFINISHED = frozenset({"checkpoints", "result.tmp", "preview", "preview.tmp"})
_ELSEWHERE = frozenset({"snapshots", "vectors", "purges", "journal", "runs", "models", "inputs", "exports", "inbox",
                        "uploads", "backups", "cache"})  # fmt: skip
_OWN = (".supervisor.lock", ".lock", "studio.duckdb", "studio.duckdb.wal", ".studio.new.duckdb")


def everything(
    store: Store,
    workspace: Workspace,
    *,
    corpora: Collection[str],
    snapshots: Collection[str],
    whole: Collection[str],
    backups: bool,
    inbox: bool,
    models: Collection[str],
) -> list[dict[str, Any]]:
    """Every file the removal has to look at: path (relative), place, action, and the corpus where rows go by id.

    Actions: delete; delete_if (it holds one of the texts); redact (lines and strings with the texts go); rows (rows of
    the removed ids go).

    Args:
        store: the open database.
        workspace: where.
        corpora: the corpora that lose examples.
        snapshots: the snapshots that lose examples.
        whole: those of the corpora that go altogether.
        backups: delete the copies of the database: nobody can take single rows out of them.
        inbox: delete files of the inbox that hold the texts.
        models: rounds whose model is deleted.
    """  # fmt: skip
    root = workspace.root
    listed = [
        *_flat(root, workspace.exports, "exports", "delete_if"),
        *_flat(root, workspace.uploads, "uploads", "delete_if"),
        *(_flat(root, workspace.inbox, "inbox", "delete_if") if inbox else ()),
        *(_flat(root, workspace.backups, "backups", "delete") if backups else ()),
    ]
    for run_dir in rundir.list_runs(workspace.runs):
        listed += _of_run(root, run_dir, corpora, snapshots, whole)
    listed += _models(store, root, snapshots, models)
    listed += _inputs(workspace, corpora, snapshots)
    listed += _cache(workspace, corpora, snapshots)
    for path in sorted(root.iterdir()):
        if path.name.startswith("studio.duckdb.wal."):
            listed.append(_entry(root, path, "backups", "delete"))
        elif path.name not in _ELSEWHERE and path.name not in _OWN:
            files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
            listed += [_entry(root, file, "other", "redact") for file in files]
    return listed


def _entry(root: Path, path: Path, place: str, action: str, **more: Any) -> dict[str, Any]:
    return {"path": path.relative_to(root).as_posix(), "place": place, "action": action, **more}


def _flat(root: Path, folder: Path, place: str, action: str) -> Iterator[dict[str, Any]]:
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if not path.is_symlink():
                yield _entry(root, path, place, action)


def _of_run(
    root: Path, run_dir: Path, corpora: Collection[str], snapshots: Collection[str], whole: Collection[str]
) -> list[dict[str, Any]]:
    spec, status = rundir.read_spec_or_none(run_dir), rundir.read_status(run_dir)
    if spec is not None and spec.corpus_id in whole and status.is_final:
        return [_entry(root, run_dir, "runs", "delete")]
    mine = spec is not None and (spec.corpus_id in corpora or spec.snapshot_id in snapshots)
    made = []
    for path in sorted(run_dir.rglob("*")):
        inner = path.relative_to(run_dir)
        if not path.is_file() or path.is_symlink() or path.suffix in (".npy", ".safetensors"):
            if not (mine and path.is_file() and inner.parts[0] in _UNFINISHED):
                continue
        action = "redact"
        if mine and spec is not None and status.is_final:
            is_kept = spec.kind == "train" and status.state == "done"
            if inner.parts[0] in _UNFINISHED and not is_kept:
                action = "delete"
            elif inner.parts[0] == "result" and inner.name != "result.json":
                if spec.kind in _TAKEN_OVER or (spec.kind == "import" and spec.corpus_id in whole):
                    action = "delete"
                elif inner.name in _BY_ROW:
                    made.append(_entry(root, path, "runs", "rows", corpus_id=spec.corpus_id))
                    continue
        made.append(_entry(root, path, "runs", action))
    return made


def _models(store: Store, root: Path, snapshots: Collection[str], models: Collection[str]) -> list[dict[str, Any]]:
    made = []
    for snapshot_id in snapshots:
        for found in rounds.of_snapshot(store, snapshot_id):
            folder = root / found.path
            if found.round_id in models:
                made.append(_entry(root, folder, "models", "delete"))
                continue
            made += [_entry(root, folder / name, "models", "rows", corpus_id=found.corpus_id) for name in _BY_ROW]
            made += [_entry(root, file, "models", "redact") for file in sorted(folder.glob("*.json"))]
    return made


def _inputs(workspace: Workspace, corpora: Collection[str], snapshots: Collection[str]) -> list[dict[str, Any]]:
    """The frozen rows runs were given: ids and labels by row, in folders named after the run."""
    made, root = [], workspace.root
    folder = root / "inputs"
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if not path.is_file():
            continue
        spec = rundir.read_spec_or_none(workspace.run_dir(path.relative_to(folder).parts[0]))
        mine = spec is not None and (spec.corpus_id in corpora or spec.snapshot_id in snapshots)
        if mine and spec is not None and path.suffix == ".parquet" and _has_ids(path):
            made.append(_entry(root, path, "runs", "rows", corpus_id=spec.corpus_id))
        else:
            made.append(_entry(root, path, "runs", "redact"))
    return made


def _cache(workspace: Workspace, corpora: Collection[str], snapshots: Collection[str]) -> list[dict[str, Any]]:
    """What is kept so as not to be made again: rows by example go whole, unless a run of another corpus reads them.

    A run's own folder names the run, and so the corpus; other files of rows do not say whose they are.
    """
    specs = {run_dir.name: rundir.read_spec_or_none(run_dir) for run_dir in rundir.list_runs(workspace.runs)}
    mine = {key for key, spec in specs.items() if spec and (spec.corpus_id in corpora or spec.snapshot_id in snapshots)}
    needed: list[tuple[str, ...]] = []
    for key, spec in specs.items():
        if spec and key not in mine and rundir.read_status(workspace.run_dir(key)).state not in ("done", "cancelled"):
            needed += [Path(path).parts for path in spec.inputs.values()]
    made, root = [], workspace.root
    for path in sorted(workspace.cache.rglob("*")) if workspace.cache.is_dir() else ():
        if not path.is_file():
            continue
        parts = path.relative_to(root).parts
        owner = next((part for part in (*parts, path.stem) if part in specs), None)
        is_needed = any(parts[: len(used)] == used for used in needed)
        has_rows = path.suffix == ".parquet" and not is_needed and _has_ids(path)
        goes = owner in mine if owner is not None else has_rows
        made.append(_entry(root, path, "other", "delete" if goes else "redact"))
    return made


def _has_ids(path: Path) -> bool:
    try:
        return "example_id" in pq.ParquetFile(path).schema_arrow.names
    except (pa.ArrowException, OSError):
        return False


# --- before anything is confirmed -------------------------------------------------------------------------------------
def look(root: Path, listed: list[dict[str, Any]], traces: Traces) -> tuple[list[str], int]:
    """Which files of people's own (exports, uploads, inbox) hold the texts, and how many were too many to look into."""
    holding, budget, left = [], LOOK_BYTES, 0
    for item in listed:
        path = root / item["path"]
        if item["place"] not in ("exports", "uploads", "inbox") or not path.exists():
            continue
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        if size > budget:
            left += 1
            continue
        budget -= size
        if any(traces.in_file(file) for file in files):
            holding.append(item["path"])
    return holding, left


def trained_on(
    store: Store, workspace: Workspace, snapshots: Collection[str], ids: Mapping[str, frozenset[int] | None]
) -> list[dict[str, Any]]:
    """The rounds whose model learnt from one of the examples: round_id, name, number, n, bytes."""
    found = []
    for snapshot_id in snapshots:
        for one in rounds.of_snapshot(store, snapshot_id):
            path, n = workspace.root / "inputs" / one.run_id / "rows.parquet", -1
            gone = ids.get(one.corpus_id)
            if path.is_file() and gone is not None:
                table = pq.read_table(path, columns=["example_id", "part"])
                n = sum(1 for number, part in zip(*(table[name].to_pylist() for name in ("example_id", "part")),
                                                  strict=True) if number in gone and part == "train")  # fmt: skip
            if n != 0:
                found.append({"round_id": one.round_id, "name": one.name, "number": one.number, "n": max(n, 0),
                              "bytes": size_of(workspace.root / one.path)})  # fmt: skip
    return found


def size_of(path: Path) -> int:
    """Bytes of a file or of everything in a folder; 0 when it is not there."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else 0


def still_holding(root: Path, traces: Traces, passed: Collection[str]) -> list[str]:
    """Every file of the workspace in which one of the texts still stands, except below the folders passed over."""
    found = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root).as_posix()
        if not path.is_file() or path.is_symlink() or any(relative.startswith(item) for item in passed):
            continue
        try:
            if traces.in_file(path):
                found.append(relative)
        except FileNotFoundError:
            continue
    return found


def journal_without(
    path: Path, ids: Mapping[str, frozenset[int] | None], moved: Mapping[str, str], traces: Traces, target: Path
) -> int:
    """Write a journal file again without the lines about removed examples; returns how many went.

    Lines of other examples keep their content, except that a quoted text is taken out of their notes, and name the
    successor of their snapshot.
    """
    gone = 0
    with path.open("rb") as source, target.open("wb") as made:
        for raw in source:
            try:
                line = json.loads(raw)
            except ValueError:
                if not traces.in_bytes(raw):
                    made.write(raw)
                continue
            corpus_id = line.get("corpus_id")
            if corpus_id in ids and (ids[corpus_id] is None or line.get("example_id") in ids[corpus_id]):
                gone += 1
                continue
            changed = traces.redacted(line) if traces.in_bytes(raw) else dict(line)
            if changed.get("snapshot_id") in moved:
                changed["snapshot_id"] = moved[changed["snapshot_id"]]
            if changed == line:
                made.write(raw)
            else:
                made.write(json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return gone
