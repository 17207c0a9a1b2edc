"""What takes space in the workspace: every item with its bytes, whose it is, and whether it can be made again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from studio.errors import StoreError
from studio.jobs import rundir
from studio.records import Actor, Snapshot
from studio.settings import MIB
from studio.store import corpora, maps, rounds, snapshots, vectors
from studio.workflows import purge_pending, runs
from studio.workflows.acts import act
from studio.workflows.studio import Studio

KINDS: tuple[str, ...] = ("snapshot", "vectors", "run", "model", "export", "backup", "upload", "inbox", "journal",
                          "database", "cache", "other")  # fmt: skip
DELETABLE = frozenset({"vectors", "run", "export", "upload", "cache", "backup"})
REMAKEABLE = frozenset({"vectors", "cache", "export"})
LOW_SHARE, LOW_BYTES = 0.10, 2 * 1024 * MIB  # ours: warned below a tenth of the disk or 2 GB, whichever is less
OLD_DAYS = 30  # ours: the default of "older than"
_KEPT_RUNS = frozenset({"train"})  # curves of a round are read from its run


@dataclass(frozen=True)
class Item:
    """One thing on disk. `key` names it for `delete`; `remake` is what has to be done to have it again.

    `why_kept` is a words key when it cannot be deleted here; `at` is seconds since 1970.
    """

    key: str
    kind: str
    title: str
    n_bytes: int
    n_files: int
    at: float
    by: str = ""
    corpus_id: str = ""
    snapshot_id: str = ""
    detail: str = ""
    remakeable: bool = False
    why_kept: str = ""

    @property
    def is_deletable(self) -> bool:
        """True where `delete` takes it."""
        return not self.why_kept


@dataclass(frozen=True)
class Usage:
    """The workspace as a whole: items largest first, and the disk it lies on."""

    items: tuple[Item, ...]
    free_bytes: int
    total_bytes: int
    corpora: dict[str, str]

    @property
    def n_bytes(self) -> int:
        """Bytes of all items."""
        return sum(item.n_bytes for item in self.items)

    @property
    def is_low(self) -> bool:
        """True when the disk is nearly full."""
        return self.free_bytes < min(LOW_BYTES, LOW_SHARE * self.total_bytes)

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Kind -> (bytes, items), largest first."""
        found: dict[str, tuple[int, int]] = {}
        for item in self.items:
            size, n = found.get(item.kind, (0, 0))
            found[item.kind] = (size + item.n_bytes, n + 1)
        return dict(sorted(found.items(), key=lambda pair: -pair[1][0]))


# --- sizes ------------------------------------------------------------------------------------------------------------
# path -> (what its time stamps were, bytes, files, newest change); plain dict entries are set and read in one step
_sizes: dict[str, tuple[tuple[int, ...], int, int, float]] = {}
_SETTLED_S = 5.0  # ours: a folder that changed this moment may change again within the clock's grain


def _measure(path: Path, *, stamp: Iterable[Path] = ()) -> tuple[int, int, float]:
    """Bytes, files and newest change of a file or folder; remembered while the time stamps stay.

    A folder's own time says when an entry came or went, not when a file in it grew: only things that are written once
    are remembered, by the folders in `stamp`.
    """
    marks = tuple(_mtime(folder) for folder in stamp)
    known = _sizes.get(str(path))
    if marks and known is not None and known[0] == marks:
        return known[1:]
    n_bytes = n_files = 0
    newest, waiting = 0.0, [str(path)]
    while waiting:
        at = waiting.pop()
        try:
            if not os.path.isdir(at):
                entry = os.stat(at)
                return entry.st_size, 1, entry.st_mtime
            with os.scandir(at) as entries:
                for found in entries:
                    if found.is_dir(follow_symlinks=False):
                        waiting.append(found.path)
                        continue
                    one = found.stat(follow_symlinks=False)
                    n_bytes, n_files, newest = n_bytes + one.st_size, n_files + 1, max(newest, one.st_mtime)
        except FileNotFoundError:
            continue  # it went while we looked
    if marks and time.time() - newest > _SETTLED_S:
        _sizes[str(path)] = (marks, n_bytes, n_files, newest)
    return n_bytes, n_files, newest


def _mtime(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


# --- reading ----------------------------------------------------------------------------------------------------------
def usage(studio: Studio) -> Usage:
    """Every item of the workspace, largest first; reads sizes and times only."""
    workspace, root = studio.workspace, studio.workspace.root
    known = {snapshot.snapshot_id: snapshot for snapshot in snapshots.list_all(studio.store)}
    names = {s.corpus_id: str(corpora.get(studio.store, s.corpus_id)["name"]) for s in known.values()}
    items = [*_snapshots(studio, known), *_vectors(studio, known), *_runs(studio), *_models(studio, known)]
    for kind, folder in (("export", workspace.exports), ("backup", workspace.backups), ("upload", workspace.uploads),
                         ("inbox", workspace.inbox), ("journal", workspace.journal)):  # fmt: skip
        items += [_plain(kind, path, root) for path in _entries(folder)]
    items += [_plain("database", path, root) for path in sorted(root.glob("studio.duckdb*"))]
    items += [_plain("cache", path, root) for path in _entries(workspace.cache)]
    rest = {"snapshots", "vectors", "runs", "models", "exports", "backups", "uploads", "inbox", "journal", "cache"}
    items += [_plain("other", path, root) for path in sorted(root.iterdir())
              if path.name not in rest and not path.name.startswith(("studio.duckdb", ".supervisor"))]  # fmt: skip
    disk = shutil.disk_usage(root)
    ordered = sorted((item for item in items if item.n_files), key=lambda item: (-item.n_bytes, item.key))
    return Usage(tuple(ordered), disk.free, disk.total, names)


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []


def _plain(kind: str, path: Path, root: Path) -> Item:
    n_bytes, n_files, at = _measure(path, stamp=(path,) if kind == "export" and path.is_dir() else ())
    kept = "" if kind in DELETABLE else f"admin.kept.{kind}"
    return Item(f"{kind}:{path.relative_to(root).as_posix()}", kind, path.name, n_bytes, n_files, at,
                remakeable=kind in REMAKEABLE, why_kept=kept)  # fmt: skip


def _snapshots(studio: Studio, known: dict[str, Snapshot]) -> Iterable[Item]:
    for path in _entries(studio.workspace.snapshots):
        n_bytes, n_files, at = _measure(path, stamp=(path,))
        found = known.get(path.name)
        yield Item(f"snapshot:{path.name}", "snapshot", found.name if found else path.name, n_bytes, n_files,
                   _seconds(found.created_at) if found else at, by=found.created_by if found else "",
                   corpus_id=found.corpus_id if found else "", snapshot_id=path.name,
                   detail=f"{found.n_examples:,}" if found else "", why_kept="admin.kept.snapshot")  # fmt: skip


def _vectors(studio: Studio, known: dict[str, Snapshot]) -> Iterable[Item]:
    for folder in _entries(studio.workspace.vectors):
        found = known.get(folder.name)
        for path in _entries(folder):
            n_bytes, n_files, at = _measure(path, stamp=(path,))
            yield Item(f"vectors:{folder.name}/{path.name}", "vectors", found.name if found else folder.name, n_bytes,
                       n_files, at, corpus_id=found.corpus_id if found else "", snapshot_id=folder.name,
                       detail=path.name, remakeable=True)  # fmt: skip


def _runs(studio: Studio) -> Iterable[Item]:
    for run_dir in rundir.list_runs(studio.workspace.runs):
        spec, status = runs.spec_of(run_dir), runs.status_of(run_dir)
        if spec is None:
            continue
        done = status.state != "done" or rundir.is_indexed(run_dir)
        stamp = (run_dir, run_dir / "result", run_dir / "attempts") if status.is_final and done else ()
        n_bytes, n_files, at = _measure(run_dir, stamp=stamp)
        kept = "admin.kept.live" if not status.is_final or not done else ""
        kept = kept or ("admin.kept.train" if spec.kind in _KEPT_RUNS and status.state == "done" else "")
        yield Item(f"run:{spec.run_id}", "run", spec.title, n_bytes, n_files, at, by=spec.created_by,
                   corpus_id=spec.corpus_id or "", snapshot_id=spec.snapshot_id or "",
                   detail=f"{spec.kind}:{status.state}", why_kept=kept)  # fmt: skip


def _models(studio: Studio, known: dict[str, Snapshot]) -> Iterable[Item]:
    listed = {one.round_id: one for snapshot_id in known for one in rounds.of_snapshot(studio.store, snapshot_id)}
    for path in _entries(studio.workspace.models):
        n_bytes, n_files, at = _measure(path, stamp=(path,))
        found = listed.get(path.name)
        title = (found.name or f"#{found.number}") if found else path.name
        yield Item(f"model:{path.name}", "model", title, n_bytes, n_files, at, by=found.created_by if found else "",
                   corpus_id=found.corpus_id if found else "", snapshot_id=found.snapshot_id if found else "",
                   why_kept="admin.kept.model" if found else "")  # fmt: skip


def _seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def old(found: Usage, kind: str, days: int = OLD_DAYS, now: float | None = None) -> tuple[Item, ...]:
    """The deletable items of a kind that did not change for so many days."""
    end = (time.time() if now is None else now) - days * 86_400
    return tuple(item for item in found.items if item.kind == kind and item.is_deletable and item.at < end)


# --- deleting ---------------------------------------------------------------------------------------------------------
@act("admin.delete", "admin")
def delete(studio: Studio, actor: Actor, *, keys: Sequence[str], confirm: str) -> int:
    """Delete vectors, ended runs, exports, uploads or backups; returns the bytes that are free again.

    Args:
        studio: the open workspace.
        actor: an admin.
        keys: of `usage`.
        confirm: how many items, as the person typed it.

    Raises:
        StoreError: an item that is not there, in use or not to be deleted here, a wrong number, or the disk refuses.
    """
    if confirm.strip() != str(len(set(keys))):
        raise StoreError("The confirmation does not fit", got=confirm[:40] or None, fix=f"Type {len(set(keys))}.")
    found = {item.key: item for item in usage(studio).items}
    for key in keys:
        item = found.get(key)
        if item is None:
            raise StoreError("This item is not in the workspace any more", got=key, fix="Look at the list again.")
        if not item.is_deletable:
            raise StoreError("This item cannot be deleted here", got=item.title,
                             fix="Remove the corpus instead, or wait until the run has ended.")  # fmt: skip
    _not_in_use(studio, [found[key] for key in keys])
    freed = 0
    for key in dict.fromkeys(keys):
        try:
            freed += _delete(studio, found[key])
        except OSError as error:
            raise StoreError("An item cannot be deleted", got=f"{found[key].title}: {error.strerror}",
                             fix="Check that the workspace may be written.") from error  # fmt: skip
    return freed


def _not_in_use(studio: Studio, items: Sequence[Item]) -> None:
    """Refuse vectors and uploads that a live run reads, and everything while a removal is under way."""
    if purge_pending.pending(studio.workspace) is not None:
        raise StoreError("A removal is under way", fix="Wait until it is done.")
    reading = {path: view.spec.title for view in runs.overview(studio, limit=0) if view.is_live
               for path in view.spec.inputs.values()}  # fmt: skip
    for item in items:
        relative = item.key.partition(":")[2]
        place = f"vectors/{relative}" if item.kind == "vectors" else relative
        user = next((title for path, title in reading.items() if path == place or path.startswith(f"{place}/")), None)
        if user is not None:
            raise StoreError("A run at work reads this", got=user, fix="Wait until it has ended.")


def _delete(studio: Studio, item: Item) -> int:
    relative = item.key.partition(":")[2]
    root = studio.workspace.root
    folder = {"vectors": "vectors", "run": "runs", "model": "models"}.get(item.kind)
    path = root / folder / relative if folder else root / relative
    if not path.resolve().is_relative_to(root.resolve()) or path.resolve() == root.resolve():
        raise StoreError("This item lies outside the workspace", got=item.title, fix="Look at the list again.")
    if item.kind == "vectors":
        encoder, _, version = item.detail.partition("@")
        vectors.forget(studio.store, item.snapshot_id, encoder, version)
        maps.forget(studio.store, item.snapshot_id, item.detail)  # its search and its neighbours live in the vectors
    if path.is_dir():
        aside = path.with_name(
            f".gone-{path.name}"
        )  # whole or not at all: a half-deleted folder has no name of its own
        os.rename(path, aside)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    if item.kind == "run":
        runs.forget(studio, relative)
    if item.kind == "vectors" and not any(path.parent.iterdir()):
        path.parent.rmdir()
    return item.n_bytes


def as_dict(item: Item) -> dict[str, object]:
    """An item as plain JSON."""
    return {
        "key": item.key, "kind": item.kind, "title": item.title, "bytes": item.n_bytes, "files": item.n_files,
        "at": datetime.fromtimestamp(item.at, UTC).isoformat(timespec="seconds"), "by": item.by,
        "corpus_id": item.corpus_id, "snapshot_id": item.snapshot_id, "detail": item.detail,
        "remakeable": item.remakeable, "deletable": item.is_deletable,
    }  # fmt: skip
