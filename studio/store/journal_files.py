"""The annotation journal: every event as one fsynced JSON line, so that a lost database loses nothing a person typed.

Files are `journal/annotations-YYYY-MM.jsonl`, one line per event in the order of writing. A line that was cut short by
a crash is skipped when reading and closed by a newline before the next write. When the database refuses an event
after its line was written, an `abort` line follows, so that a restore does not bring back what the person was told
had failed.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.errors import StoreError
from studio.records import AnnotationEvent
from studio.settings import Workspace

log = logging.getLogger(__name__)
_PATTERN = "annotations-????-??.jsonl"
_CHUNK_BYTES = 1 << 20


def files(workspace: Workspace) -> list[Path]:
    """The journal files, oldest month first."""
    return sorted(workspace.journal.glob(_PATTERN))


def append(workspace: Workspace, events: Sequence[AnnotationEvent]) -> None:
    """Write the events behind the others and wait until the disk has them.

    Raises:
        StoreError: the disk is full or the journal cannot be written; a half-written line is cut off again.
    """
    _write(workspace, [{"v": 1, **asdict(event)} for event in events])


def abort(workspace: Workspace, event_ids: Sequence[str]) -> None:
    """Say that these events were never stored; called when the database refused them after `append`."""
    _write(workspace, [{"v": 1, "abort": list(event_ids)}])


def _write(workspace: Workspace, lines: Sequence[dict[str, Any]]) -> None:
    if not lines:
        return
    path = workspace.journal / f"annotations-{datetime.now(UTC):%Y-%m}.jsonl"
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    data = text.encode("utf-8", "backslashreplace")
    try:
        workspace.journal.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                data = b"\n" + data
            _write_whole(handle, data, size)
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            _sync_folder(workspace.journal)
    except OSError as error:
        raise StoreError(
            "The annotation journal cannot be written",
            got=f"{path.name} ({error.strerror})",
            fix="Free some disk space and press the key again; this label was not saved.",
        ) from error


def _write_whole(handle: int, data: bytes, size: int) -> None:
    """All bytes or none: a disk that fills up in the middle must not leave a line that later reads as saved."""
    try:
        done = 0
        while done < len(data):
            done += os.write(handle, data[done:])
    except OSError:
        os.ftruncate(handle, size)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def count_lines(workspace: Workspace) -> int:
    """How many whole lines the journal holds; reads bytes only, about a second per gigabyte."""
    total = 0
    for path in files(workspace):
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK_BYTES):
                total += chunk.count(b"\n")
    return total


def read(workspace: Workspace) -> Iterator[AnnotationEvent]:
    """Every event of the journal in the order of writing, without torn lines and aborted events."""
    aborted_at: dict[str, int] = {}
    for place, line in enumerate(_lines(workspace)):
        aborted_at.update(dict.fromkeys(line.get("abort", ()), place))
    for place, line in enumerate(_lines(workspace)):
        event = None if "abort" in line else _event(line)
        # A press that failed and was sent again has a second line behind the abort: that one counts.
        if event is not None and place > aborted_at.get(event.event_id, -1):
            yield event


def _lines(workspace: Workspace) -> Iterator[dict[str, Any]]:
    for path in files(workspace):
        with path.open("rb") as handle:
            for number, raw in enumerate(handle, start=1):
                if not raw.strip():
                    continue
                try:
                    line = json.loads(raw)
                except ValueError:
                    log.warning("journal line skipped file=%s line=%s", path.name, number)
                    continue
                if isinstance(line, dict):
                    yield line


def _event(line: dict[str, Any]) -> AnnotationEvent | None:
    fields = {name: value for name, value in line.items() if name in AnnotationEvent.__dataclass_fields__}
    try:
        return AnnotationEvent(**fields)
    except TypeError:
        log.warning("journal event skipped fields=%s", sorted(fields))
        return None
