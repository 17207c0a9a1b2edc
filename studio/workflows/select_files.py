"""The texts of an uploaded file of targets, kept under a name made of their content."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

from studio.errors import SelectionError
from studio.workflows.studio import Studio

DIGITS = 24


def folder(studio: Studio) -> Path:
    """Where they lie, one JSON string per line."""
    return studio.workspace.cache / "targets"


def name_of(content: bytes) -> str:
    """The name of such a file."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def kept_file(studio: Studio, name: str) -> Path:
    """The file of that name, once the name was held against the content.

    Raises:
        SelectionError: it is gone, or is not what it was.
    """
    path = folder(studio) / f"{name}.jsonl"
    is_name = len(name) == DIGITS and all(c in "0123456789abcdef" for c in name)
    if not is_name or not path.is_file() or _count(str(path), path.stat().st_mtime_ns) == 0:
        raise SelectionError("The texts of the goal's file are not there any more", got=name[:40],
                             fix="Upload the file again.")  # fmt: skip
    return path


@functools.lru_cache(maxsize=64)
def _count(path: str, changed: int) -> int:
    """How many texts a file holds; 0 where its content is not that of its name."""
    content = Path(path).read_bytes()
    return content.count(b"\n") if name_of(content) == Path(path).stem else 0


def n_texts(studio: Studio, name: str) -> int:
    """How many texts the file of that name holds.

    Raises:
        SelectionError: it is gone, or is not what it was.
    """
    path = kept_file(studio, name)
    return _count(str(path), path.stat().st_mtime_ns)


def file_texts(studio: Studio, name: str) -> list[str]:
    """The texts of the file of that name.

    Raises:
        SelectionError: it is gone, or is not what it was.
    """
    return [json.loads(line) for line in kept_file(studio, name).read_text(encoding="ascii").splitlines()]
