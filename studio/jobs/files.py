"""Small files two processes share: replaced whole or appended by the line, read without trust."""

from __future__ import annotations

import json
import math
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Mapping[str, Any], *, durable: bool = True) -> None:
    """Replace a small JSON file in one step: temporary name, fsync, rename.

    A reader sees the old file or the new one, never a part. `durable` also syncs the folder, so that the new name
    survives a power cut; heartbeats leave that out.

    Raises:
        OSError: the disk is full or the folder is gone; the old file is untouched and the temporary one removed.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    data = json.dumps(clean(value), ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace")
    try:
        with temporary.open("wb") as handle:
            handle.write(data + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(root: Path) -> None:
    """Make every file below a folder durable, before the folder gets its final name."""
    for folder, _, names in os.walk(root):
        for name in names:
            handle = os.open(os.path.join(folder, name), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(folder))


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None when it is missing, torn, or not an object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Add one JSON line with a single write, so that lines of two writers never mix.

    A last line torn by a killed writer is closed first; it then reads as one bad line, not as part of ours.
    """
    data = json.dumps(clean(value), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            data = b"\n" + data
        os.write(handle, data)
    finally:
        os.close(handle)


def read_lines_since(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """JSON objects in the whole lines after a byte offset, and the offset after the last of them.

    A torn last line stays for the next call; a line that is not a JSON object is skipped; an offset beyond the end
    (the file was replaced) starts again at 0.
    """
    try:
        with path.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            start = offset if 0 <= offset <= size else 0
            handle.seek(start)
            data = handle.read()
    except OSError:
        return [], 0
    end = data.rfind(b"\n") + 1
    rows = []
    for line in data[:end].split(b"\n"):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows, start + end


def read_tail(path: Path, n_bytes: int) -> str:
    """The last bytes of a text file from a line start on; empty when there is no file."""
    try:
        with path.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            handle.seek(max(0, size - n_bytes))
            data = handle.read(n_bytes)
    except OSError:
        return ""
    if size > n_bytes:
        data = data[data.find(b"\n") + 1 :]
    return data.decode("utf-8", "replace")


def clean(value: Any) -> Any:
    """A value as plain JSON: NaN and infinities become null, numpy scalars numbers, paths and the rest text."""
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(item) for item in value]
    if hasattr(value, "tolist"):
        return clean(value.tolist())
    return str(value)
