"""Checkpoints that are whole: a marker written last lists every file with its size."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path

MARKER = "COMPLETE"
PREFIX = "checkpoint-"
#: Folders with a dot are work in progress to whoever looks at a run directory; LAST.json says that one is whole.
STEPS = ".steps"
WARM_UP = ".warm-up"
LAST = "LAST.json"


def seal(folder: Path) -> None:
    """Write the marker of a checkpoint whose files are all there; files reach the disk before the marker does."""
    sizes = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != MARKER:
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
            sizes[file.relative_to(folder).as_posix()] = file.stat().st_size
    temporary = folder / f"{MARKER}.tmp"
    with temporary.open("w", encoding="utf-8") as handle:
        json.dump(sizes, handle)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(folder / MARKER)


def is_whole(folder: Path) -> bool:
    """True when the marker is there, every listed file has its size, and every safetensors file has a full header."""
    try:
        sizes = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return bool(sizes) and all(_fits(folder / name, size) for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _fits(file: Path, size: int) -> bool:
    if file.stat().st_size != size:
        return False
    if file.suffix != ".safetensors":
        return True
    with file.open("rb") as handle:  # the header names the end of the last tensor, which must be the end of the file
        length = struct.unpack("<Q", handle.read(8))[0]
        header = json.loads(handle.read(length))
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    return 8 + length + max(ends, default=0) == size


def step_of(folder: Path) -> int:
    """The optimiser step in a checkpoint's name; -1 when there is none."""
    tail = folder.name.removeprefix(PREFIX)
    return int(tail) if folder.name.startswith(PREFIX) and tail.isdigit() else -1


def listed(root: Path) -> list[Path]:
    """Checkpoint folders, oldest step first."""
    found = [folder for folder in root.glob(f"{PREFIX}*") if folder.is_dir() and step_of(folder) >= 0]
    return sorted(found, key=step_of)


def last_whole(root: Path) -> Path | None:
    """The newest whole checkpoint, or None."""
    return next((folder for folder in reversed(listed(root)) if is_whole(folder)), None)


def drop_torn(root: Path) -> list[str]:
    """Remove checkpoint folders that a kill left half written; returns their names."""
    torn = [folder for folder in listed(root) if not is_whole(folder)]
    for folder in torn:
        shutil.rmtree(folder)
    return [folder.name for folder in torn]


def announce(root: Path, name: str) -> None:
    """Say beside the working folders which checkpoint is the newest whole one."""
    temporary = root / f".{LAST}.tmp"
    temporary.write_text(json.dumps({"checkpoint": name}), encoding="utf-8")
    temporary.replace(root / LAST)
