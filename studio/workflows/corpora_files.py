"""Files on their way into a corpus: spooled uploads, the inbox, and a look before the import."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import time
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import orjson

from studio.corpus import preview as look
from studio.corpus.reading import opening
from studio.corpus.reading.form import Choices
from studio.errors import CorpusError
from studio.records import Actor
from studio.settings import MIB, Workspace
from studio.workflows.acts import act
from studio.workflows.studio import Studio

log = logging.getLogger(__name__)
_BLOCK = 4 * MIB
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # thread stacks count as address space
_KEEP_UPLOADS_S = 7 * 86_400
_PREVIEW_S = 60
_HIDDEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class GivenFile:
    """A file in the workspace: `path` relative to its root, `name` as people know it, and how it is to be read."""

    path: str
    name: str
    n_bytes: int
    choices: Choices = Choices()


def clean_name(name: str) -> str:
    r"""A file name as harmless text: no folders, no control or direction characters, NFC, at most 120 characters.

    Example:
        >>> clean_name("../../a\x00b.csv")
        'ab.csv'
    """
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    text = " ".join(_HIDDEN.sub("", last).split())
    return text if 0 < len(text) <= 120 else (text[:80] + text[-40:] if text else "file")


@act("upload.spool", "analyst")
def spool(studio: Studio, actor: Actor, *, name: str, data: BinaryIO | Path, limit: int | None = None) -> GivenFile:
    """Copy a file into the workspace under a name of our own; the client's name is only ever shown.

    Args:
        studio: the open workspace.
        actor: who brings it.
        name: what people call it.
        data: an open binary file, read from its start in blocks, or a path.
        limit: most bytes; by default the host's limit for files.

    Raises:
        CorpusError: the file is too large, is not there, or the disk is full.
    """
    shown, most = clean_name(name), limit or studio.settings.max_file_bytes
    _forget_old_uploads(studio.workspace)
    target = studio.workspace.uploads / f"{uuid.uuid4().hex}.data"
    try:
        source = opening.open_file(data, shown) if isinstance(data, Path) else data
        try:
            source.seek(0)
            n_bytes = _copy(source, target, most, shown)
        finally:
            if isinstance(data, Path):
                source.close()
    except OSError as error:
        target.unlink(missing_ok=True)
        raise CorpusError("The file cannot be copied into the workspace", got=f"{shown}: {error.strerror}",
                          fix="Check that it exists and that there is space on the disk.") from error  # fmt: skip
    return GivenFile(str(target.relative_to(studio.workspace.root)), shown, n_bytes)


def _copy(source: BinaryIO, target: Path, most: int, shown: str) -> int:
    n_bytes = 0
    with target.open("wb") as handle:
        while block := source.read(_BLOCK):
            n_bytes += len(block)
            if n_bytes > most:
                handle.close()
                target.unlink()
                raise CorpusError("The file is too large", got=f"{shown}: more than {most // MIB:,} MB",
                                  fix="Split it, or put it into the inbox folder.")  # fmt: skip
            handle.write(block)
        handle.flush()
        os.fsync(handle.fileno())
    return n_bytes


def _forget_old_uploads(workspace: Workspace) -> None:
    """Spooled files nobody imported for a week."""
    for path in workspace.uploads.glob("*.data"):
        try:
            if time.time() - path.stat().st_mtime > _KEEP_UPLOADS_S:
                path.unlink()
        except FileNotFoundError:
            continue


def forget_upload(workspace: Workspace, path: str) -> None:
    """Remove a spooled file after its import; files of the inbox stay."""
    if Path(path).parent == Path(workspace.uploads.name):
        (workspace.root / path).unlink(missing_ok=True)


def inbox(studio: Studio) -> list[GivenFile]:
    """The plain files in the inbox folder, by name; hidden files and links are passed over."""
    found = []
    for path in sorted(studio.workspace.inbox.iterdir()):
        if path.name.startswith(".") or path.is_symlink() or not path.is_file():
            continue
        relative = str(path.relative_to(studio.workspace.root))
        found.append(GivenFile(relative, clean_name(path.name), path.stat().st_size))
    return found


def resolve(workspace: Workspace, path: str) -> Path:
    """The absolute path of a spooled or inbox file.

    Raises:
        CorpusError: it lies elsewhere, is a link, or is gone.
    """
    full = workspace.root / path
    folders = (workspace.uploads.resolve(), workspace.inbox.resolve())
    if full.is_symlink() or full.resolve().parent not in folders or not full.is_file():
        raise CorpusError("The file is not in the workspace any more", got=Path(path).name, fix="Upload it again.")
    return full


@act("upload.preview", "analyst", log=False)
def preview(studio: Studio, actor: Actor, *, file: GivenFile, header: bool | None = None) -> look.Preview:
    """Look at a file before importing it.

    Files are read in a process of their own with limits of time and memory: a crafted one may take its reader down.

    Raises:
        CorpusError: the file cannot be read as examples.
    """
    path = resolve(studio.workspace, file.path)
    choices = file.choices if header is None else replace(file.choices, header=header)
    command = [sys.executable, "-m", "studio.corpus.preview", str(path), file.name,
               orjson.dumps(choices.to_json()).decode()]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PREVIEW_S, check=False, stdin=subprocess.DEVNULL,
                              cwd=Path(__file__).parents[2], env=os.environ | _ONE_THREAD)  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _unreadable(file.name) from error
    if done.returncode == 0:
        return look.from_json(done.stdout)
    if done.returncode == look.REFUSED:
        said = orjson.loads(done.stdout)
        raise CorpusError(said["what"], got=said["got"] or None, fix=said["fix"])
    log.warning("preview ended with code %d: %s", done.returncode, done.stderr[-500:].decode("utf-8", "replace"))
    raise _unreadable(file.name)


def _unreadable(name: str) -> CorpusError:
    return CorpusError("The file is damaged, or reading it takes too much time or memory", got=name,
                       fix="Copy or export it again, or save it as JSONL.")  # fmt: skip


def free_space_check(workspace: Workspace, n_bytes: int) -> None:
    """Refuse an import the disk cannot hold: twice the size of its files and 200 MB.

    Raises:
        CorpusError: too little free space.
    """
    free, need = shutil.disk_usage(workspace.root).free, 2 * n_bytes + 200 * MIB
    if free < need:
        raise CorpusError("There is too little space on the disk for this import",
                          got=f"{free // MIB:,} MB free, {need // MIB:,} MB needed",
                          fix="Free some space and try again.")  # fmt: skip


def total_bytes(files: Sequence[GivenFile]) -> int:
    """Bytes of all files together."""
    return sum(file.n_bytes for file in files)
