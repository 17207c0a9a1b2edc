"""The manifest of a snapshot folder, and how a folder is put in its place once and for all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import orjson

from studio.errors import CorpusError

SCHEMA_VERSION = 2  # 2 has the column `rejected`; snapshots of version 1 lack it and stay readable
# What goes into the content name. A new column that is empty changes no content, so this stays where it is: the same
# file gives the same snapshot in every version of Winnow.
CONTENT_VERSION = 1
EXAMPLES = "examples.parquet"
MANIFEST = "manifest.json"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a snapshot folder.

    Raises:
        CorpusError: missing, unreadable, or written by a newer version.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version = int(manifest["schema_version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            "The snapshot cannot be read", got=folder.name, fix="Import the corpus again or restore a backup."
        ) from error
    if version > SCHEMA_VERSION:
        raise CorpusError(
            "The snapshot was written by a newer version",
            got=f"schema {version}, this version knows {SCHEMA_VERSION}",
            fix="Update Winnow.",
        )
    return manifest


def verify_snapshot(folder: Path) -> dict[str, Any]:
    """The manifest, after checking that the Parquet file is byte for byte the one it describes.

    Raises:
        CorpusError: the file is missing or differs.
    """
    manifest = read_manifest(folder)
    path = folder / EXAMPLES
    found = file_sha256(path) if path.exists() else "no file"
    if found != manifest["examples_sha256"]:
        raise CorpusError(
            "The examples of the snapshot are not the ones that were frozen",
            got=found[:16],
            fix="Import the corpus again or restore a backup.",
        )
    return manifest


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON and fsync it."""
    with path.open("wb") as handle:
        handle.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        handle.flush()
        os.fsync(handle.fileno())


def move_into_place(temporary: Path, target: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Rename a finished folder to its content name; where that exists already the new one is dropped."""
    for file in temporary.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    try:
        temporary.rename(target)
    except OSError:
        if not (target / MANIFEST).exists():
            raise
        shutil.rmtree(temporary, ignore_errors=True)
        return read_manifest(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return manifest
