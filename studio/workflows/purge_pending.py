"""The removal that is under way, if any: one at a time, written down before anything is touched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.errors import JobError, StoreError
from studio.jobs import files
from studio.settings import Workspace

FOLDER, PENDING, PLAN, REPORT = "purges", "pending.json", "plan.json", "report.json"


def folder(workspace: Workspace, purge_id: str = "") -> Path:
    """Where removals are planned and reported, or the folder of one of them."""
    return workspace.root / FOLDER / Path(purge_id).name if purge_id else workspace.root / FOLDER


def pending(workspace: Workspace) -> dict[str, Any] | None:
    """purge_id, run_id, by, corpora, snapshots, steps and checked of the removal under way; None when there is none."""
    return files.read_json(folder(workspace) / PENDING)


def claim(workspace: Workspace, record: Mapping[str, Any]) -> None:
    """Take the one place for a removal.

    Raises:
        StoreError: another one is under way, or the disk refuses.
    """
    folder(workspace).mkdir(parents=True, exist_ok=True)
    place = folder(workspace) / PENDING
    temporary = place.with_name(f".{record['purge_id']}.json")
    try:
        files.write_json(temporary, record)
        os.link(temporary, place)
    except FileExistsError as error:
        raise StoreError("Another removal is under way", got=str((pending(workspace) or {}).get("by", "")) or None,
                         fix="Wait until it is done, then look again at what there is.") from error  # fmt: skip
    except OSError as error:
        raise StoreError(
            "The removal cannot be written down", got=error.strerror, fix="Free some disk space."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def put(workspace: Workspace, record: Mapping[str, Any]) -> None:
    """Write how far the removal is. Raises OSError."""
    files.write_json(folder(workspace) / PENDING, record)


def release(workspace: Workspace) -> None:
    """The place is free again."""
    (folder(workspace) / PENDING).unlink(missing_ok=True)
    if folder(workspace).is_dir():
        files.sync_folder(folder(workspace))


def refuse(workspace: Workspace, kind: str, corpus_id: str | None, snapshot_id: str | None) -> None:
    """Refuse a run on what is being removed: it would read files that go away under it.

    Raises:
        JobError: a removal touches this corpus or snapshot.
    """
    found = pending(workspace)
    if found is None or kind in ("purge", "serve"):
        return
    if corpus_id in found.get("corpora", ()) or snapshot_id in found.get("snapshots", ()):
        raise JobError("Examples of this corpus are being removed just now", got=kind,
                       fix="Wait until the removal is done; the Storage page shows how far it is.")  # fmt: skip
