"""Files opened safely: plain files only, never through a link; gzip and zstd unpacked as a stream, under limits."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import stat
import tempfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from studio.errors import CorpusError

UNPACKED_BYTES = 4 * 1024**3  # ours: as much as the largest file that may be uploaded
UNPACKED_RATIO = 200  # ours: text packs 3 to 20 times, a very repetitive log 100 times, a bomb 1,000 times and more
RATIO_FROM_BYTES = 64 * 1024**2  # ours: below this even a bomb does no harm
MARK = "winnow.mark"
PACKINGS: tuple[tuple[bytes, str], ...] = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_BUFFER = 256 * 1024
_BOMS: tuple[tuple[str, bytes], ...] = (
    ("utf-8", codecs.BOM_UTF8),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
)


def _mark(error: UnicodeError) -> tuple[str, int]:
    r"""Bytes that do not fit the encoding as surrogates, as `surrogateescape` does, but for every codec.

    A record that holds one is rejected later with its raw bytes shown; nothing is replaced in silence.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    marked = "".join(chr(0xDC00 + byte) if byte >= 0x80 else chr(byte) for byte in wrong)
    return (marked if any(byte >= 0x80 for byte in wrong) else marked + "\udcff"), error.end


codecs.register_error(MARK, _mark)


def open_file(path: Path, shown: str) -> BinaryIO:
    """A plain file, opened for reading.

    Raises:
        CorpusError: it is not there, or it is a link, a folder, a pipe, a socket or a device.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise CorpusError("The file is not there", got=shown, fix="Check the path.") from error
    except OSError as error:
        if path.is_symlink():
            raise CorpusError(
                "The file is a link, which is never followed", got=shown, fix="Give the file the link points to."
            ) from error
        raise CorpusError("The file cannot be opened", got=f"{shown}: {error.strerror}",
                          fix="Check that you may read it.") from error  # fmt: skip
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise CorpusError(f"This is {what}, not a file", got=shown, fix="Choose the file itself.")
    return os.fdopen(handle, "rb", buffering=_BUFFER)


def packing_of(path: Path, shown: str) -> str:
    """`gzip`, `zstd`, or nothing for a file that is not packed; told by its first bytes."""
    with open_file(path, shown) as handle:
        start = handle.read(4)
    return next((packing for magic, packing in PACKINGS if start.startswith(magic)), "")


def open_bytes(path: Path, packing: str, shown: str) -> BinaryIO:
    """The content of a file, unpacked as it is read.

    Raises:
        CorpusError: from this call as `open_file`; while reading, where the archive is damaged or unpacks to too much.
    """
    handle = open_file(path, shown)
    if not packing:
        return handle
    return io.BufferedReader(_Unpacked(handle, packing, shown), _BUFFER)


def open_seekable(path: Path, packing: str, shown: str) -> BinaryIO:
    """Like `open_bytes`, for readers that jump about: a packed file is unpacked into a nameless temporary file."""
    source = open_bytes(path, packing, shown)
    if not packing:
        return source
    with source:
        place = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            while block := source.read(_BUFFER):
                place.write(block)
        except BaseException:
            place.close()
            raise
    place.seek(0)
    return place


def open_text(path: Path, packing: str, encoding: str, shown: str, *, newline: str = "") -> TextIO:
    """The content of a file as text without its byte order mark; wrong bytes come out as marks, never replaced.

    `newline` is that of `open`: with "" lines end at CR, LF or CRLF and keep their ends.
    """
    source = open_bytes(path, packing, shown)
    skip_bom(source, encoding)
    errors = "surrogateescape" if encoding == "utf-8" else MARK
    return io.TextIOWrapper(source, encoding=encoding, errors=errors, newline=newline)


def skip_bom(source: Any, encoding: str) -> None:
    """Step over the byte order mark of this encoding, if the stream begins with it."""
    for name, bom in _BOMS:
        if name == encoding and source.peek(len(bom))[: len(bom)] == bom:
            source.read(len(bom))


class _Unpacked(io.RawIOBase):
    """A stream that unpacks another and stops a bomb: too many bytes, or too many per byte read."""

    def __init__(self, packed: BinaryIO, packing: str, shown: str) -> None:
        self._packed, self._shown, self._n_bytes = packed, shown, 0
        self._source = _unpacker(packed, packing)
        self._packing = packing

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Unpack at most `len(buffer)` bytes into it.

        Raises:
            CorpusError: the archive is damaged, breaks off, or unpacks to too much.
        """
        try:
            block = self._source.read(len(buffer))
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise CorpusError(
                f"The {self._packing} archive is damaged or breaks off",
                got=f"{self._shown}: {str(error)[:100]}",
                fix="Copy or download it again.",
            ) from error
        self._n_bytes += len(block)
        self._check()
        buffer[: len(block)] = block
        return len(block)

    def _check(self) -> None:
        if self._n_bytes > UNPACKED_BYTES:
            raise CorpusError(
                "The archive unpacks to more than is allowed",
                got=f"{self._shown}: more than {UNPACKED_BYTES // 1024**2:,} MB",
                fix="Split it into several files.",
            )
        if self._n_bytes > RATIO_FROM_BYTES and self._n_bytes > UNPACKED_RATIO * max(self._packed.tell(), 1):
            raise CorpusError(
                "The archive unpacks to far more than its size, as only a trap or an empty file does",
                got=f"{self._shown}: more than {UNPACKED_RATIO} times",
                fix="Unpack it yourself and look at it.",
            )

    def close(self) -> None:
        """Close both streams."""
        if not self.closed:
            self._source.close()
            self._packed.close()
        super().close()


def _unpacker(packed: BinaryIO, packing: str) -> Any:
    if packing == "gzip":
        return gzip.GzipFile(fileobj=packed, mode="rb")
    import pyarrow as pa  # its zstd refuses windows above 128 MB; a package less than python-zstandard

    return pa.CompressedInputStream(packed, packing)
