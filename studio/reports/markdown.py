"""Text from a corpus as literal characters inside a Markdown file, and Markdown tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_STARTS_A_BLOCK = re.compile(r"^(?=[#+\-=:]|\d+[.)](\s|$))")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def literal(text: object, limit: int = 120) -> str:
    r"""One line in which nothing is Markdown or HTML; cut to `limit` characters.

    Example:
        >>> literal("<b>*x*</b>")
        '&lt;b&gt;\\*x\\*&lt;/b&gt;'
    """
    line = " ".join(UNSEEN.sub(" ", str(text)).split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    escaped = _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;"))
    if _STARTS_A_BLOCK.match(escaped):  # a heading, a list or a rule only at the start of a line
        escaped = re.sub(r"^(\d*)(.)", r"\1\\\2", escaped)
    return escaped.replace("<", "&lt;").replace(">", "&gt;")


def prose(text: str) -> str:
    """What a person wrote for the card: their Markdown stays, HTML tags become literal, headings sink by two levels."""
    lines = [UNSEEN.sub(" ", line).rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    sunk = [f"##{line}" if re.match(r"#{1,4} ", line) else line for line in lines]
    # A line of dashes or equal signs would turn the line before it into a heading.
    ruled = [f"\\{line}" if re.fullmatch(r" {0,3}(-+|=+) *", line) else line for line in sunk]
    return _TAG.sub("&lt;", "\n".join(ruled)).strip()


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table; cells are literal unless they are numbers."""
    lines = ["| " + " | ".join(literal(cell) for cell in header) + " |", "|" + " --- |" * len(header)]
    for row in rows:
        cells = [str(cell) if isinstance(cell, int | float) else literal(cell) for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
