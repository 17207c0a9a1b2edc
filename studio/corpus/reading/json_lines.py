"""JSON lines: one object per line; a broken line costs one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import orjson

from studio.corpus.reading import record
from studio.corpus.reading.encodings import codec_of
from studio.corpus.reading.form import Format
from studio.corpus.reading.opening import open_bytes, open_text, skip_bom
from studio.corpus.reading.record import RAW_CHARACTERS, Lexeme, Read


class _Recoded:
    """Lines of a text in another encoding (or with CR line ends) as the bytes orjson reads."""

    def __init__(self, handle: TextIO) -> None:
        self._handle = handle

    def readline(self, most: int) -> bytes:
        """At most that many characters of a line in UTF-8; marks of undecodable bytes stay undecodable."""
        line = self._handle.readline(most)
        return (line[:-1] + "\n" if line[-1:] == "\r" else line).encode("utf-8", "surrogatepass")


def lines_of(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """One record per line that is not blank."""
    if form.encoding == "utf-8" and form.newline != "\r":
        with open_bytes(path, form.packing, shown) as handle:
            skip_bom(handle, "utf-8")
            yield from _records(handle)
        return
    newline = "\r" if form.newline == "\r" else "\n"
    with open_text(path, form.packing, codec_of(form.encoding), shown, newline=newline) as handle:
        for read in _records(_Recoded(handle)):
            yield read._replace(raw=read.raw.decode("utf-8", "surrogatepass"))


def _records(handle: Any) -> Iterator[Read]:
    loads, most, number = orjson.loads, record.LINE_BYTES, 0
    while line := handle.readline(most):
        number += 1
        if len(line) >= most and line[-1:] != b"\n":
            _skip_line(handle, most)
            yield Read(number, None, _cut(line), "line_too_long")
            continue
        try:
            value = loads(line)
            if type(value) is dict and float in map(type, value.values()):
                value = exact(line.decode())
        except (ValueError, RecursionError):
            if not line.strip():
                continue
            value, reason = _mend(line)
            if reason:
                yield Read(number, None, line, reason)
                continue
        if type(value) is dict:
            yield Read(number, value, line)
        else:
            yield Read(number, None, line, "not_an_object")


def _cut(line: bytes) -> bytes:
    """The start of a long line, never in the middle of a character."""
    return line[: RAW_CHARACTERS * 4].decode("utf-8", "ignore").encode()


def _skip_line(handle: Any, most: int) -> None:
    while rest := handle.readline(most):
        if rest[-1:] == b"\n":
            return


def exact(text: str) -> Any:
    """The value with numbers as they were written; NaN and Infinity, which JSON does not have, become null."""
    return json.loads(text, parse_float=Lexeme, parse_int=Lexeme, parse_constant=lambda _: None)


def _mend(line: bytes) -> tuple[Any, str]:
    """A second look at a line orjson refused: NaN and lone surrogates are read, the rest gets its reason."""
    try:
        return exact(line.decode("utf-8")), ""
    except UnicodeDecodeError:
        return None, "not_utf8"
    except (ValueError, RecursionError):
        return None, "broken_json"
