"""What a reader yields: one record with its place, or the reason why there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

LINE_BYTES = 16 * 1024 * 1024  # ours: the longest line (or JSON value) that is read at all
RAW_CHARACTERS = 2_000
_SURROGATE = re.compile("[\ud800-\udfff]")


class Read(NamedTuple):
    """One record as read: `values` and no reason, or a reason code and no values."""

    line: int
    values: Mapping[str, Any] | None
    raw: Any
    reason: str = ""


class Lexeme(str):
    """A JSON number kept as it was written, such as 1e5 or 0.10; becomes that number again in JSON output."""

    __slots__ = ()


def raw_text(raw: Any) -> str:
    """What stood in the file, as text that is safe to store, cut to 2,000 characters."""
    if isinstance(raw, bytes):
        text = raw[: RAW_CHARACTERS * 4].decode("utf-8", errors="backslashreplace")
    elif isinstance(raw, str):
        text = raw[: RAW_CHARACTERS * 2]
    else:
        text = json.dumps(raw, ensure_ascii=False, default=str)[: RAW_CHARACTERS * 2]
    text = _SURROGATE.sub(_escaped, text).rstrip("\r\n")
    return text if len(text) <= RAW_CHARACTERS else text[: RAW_CHARACTERS - 1] + "…"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
