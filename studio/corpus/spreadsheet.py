"""Cells a spreadsheet would run as formulas: an apostrophe in front at export, taken off again at import.

A file for spreadsheets starts with a byte order mark and a header whose every name is quoted. That pair is the mark by
which a reader knows, from the first line, that the apostrophes may be undone: `is_marked`.
"""

from __future__ import annotations

import re

BOM = b"\xef\xbb\xbf"
# What spreadsheets read as the start of a formula, the full-width forms of East Asian keyboards among them (OWASP, CSV
# injection), and control characters that some of them skip before they look.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)*([eE][-+]?\d+)?%?")
_QUOTED_HEADER = re.compile(rb'(?:"(?:[^"]|"")*")(?:[,;\t|]"(?:[^"]|"")*")*\r\n')


def _would_run(text: str) -> bool:
    bare = text.lstrip("'")
    return bare.startswith(_FORMULA) and not _NUMBER.fullmatch(bare)


def escape_cell(text: str) -> str:
    """The cell with one more apostrophe in front where a spreadsheet would take it for a formula; numbers stay.

    A cell that has apostrophes before a formula already gets one more, so that `undo_cell` is an exact inverse.

    Example:
        >>> [escape_cell(v) for v in ("=1+1", "-5", "-5 apples", "a=b", "'=1", "'tis", "")]
        ["'=1+1", '-5', "'-5 apples", 'a=b', "''=1", "'tis", '']
    """
    return "'" + text if _would_run(text) else text


def undo_cell(text: str) -> str:
    """The inverse of `escape_cell`.

    Example:
        >>> [undo_cell(v) for v in ("'=1+1", "-5", "''=1", "'tis", "'-5")]
        ['=1+1', '-5', "'=1", "'tis", "'-5"]
    """
    return text[1:] if text.startswith("'") and _would_run(text) else text


def is_marked(head: bytes) -> bool:
    r"""True when the first bytes of a CSV say that it was written for spreadsheets by `corpus.writing`.

    Example:
        >>> is_marked(b'\xef\xbb\xbf"text","label"\r\nhello,a\r\n'), is_marked(b'text,label\r\n')
        (True, False)
    """
    return head.startswith(BOM) and _QUOTED_HEADER.match(head, len(BOM)) is not None
