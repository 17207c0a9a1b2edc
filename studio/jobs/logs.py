"""A worker's log that cannot fill the disk: the first megabyte and the last four."""

from __future__ import annotations

import os
from pathlib import Path

HEAD_BYTES = 1024 * 1024
TAIL_BYTES = 4 * 1024 * 1024


class BoundedLog:
    """Cuts the middle out of an append-only log file whenever it has grown past its bounds.

    The worker's output goes straight to the file (never through a pipe, which would block it when nobody reads), so
    the bound is kept from beside: `trim` is called with each heartbeat. Lines written during a trim may be lost.

    Args:
        path: the log; nothing happens while it does not exist.
        head, tail: bytes kept at either end; trimming starts at a quarter of `tail` above their sum.
    """

    def __init__(self, path: Path, *, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        self._path, self._head, self._tail = path, head, tail
        self._n_cut = 0
        self._n_marker = 0
        self._head_end: int | None = None

    def trim(self) -> int:
        """Cut if needed; returns the bytes cut so far. Raises OSError."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return self._n_cut
        try:
            size = os.fstat(handle).st_size
            if size > self._head + self._tail + self._tail // 4:
                self._cut(handle, size)
        finally:
            os.close(handle)
        return self._n_cut

    def _cut(self, handle: int, size: int) -> None:
        if self._head_end is None:
            head = os.pread(handle, self._head, 0)
            self._head_end = head.rfind(b"\n") + 1 or len(head)
        tail = os.pread(handle, self._tail, size - self._tail)
        tail = tail[tail.find(b"\n") + 1 :]
        self._n_cut += size - self._head_end - len(tail) - self._n_marker
        marker = b"[... %d bytes cut here ...]\n" % self._n_cut
        self._n_marker = len(marker)
        os.ftruncate(handle, self._head_end)
        os.write(handle, marker + tail)
