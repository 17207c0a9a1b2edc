"""How odd characters are treated: one table that the import, the preview and the page all read.

Rejected is only what cannot be handed on unharmed. Everything else is kept to the letter, counted and said.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Oddity:
    """A kind of odd character: `treatment` is `reject` (with the reason code) or `keep` (counted); words in reading."""

    name: str
    treatment: str
    reason: str = ""
    pattern: str = ""


ODDITIES: tuple[Oddity, ...] = (
    # Many tools end a text at NUL, so what is trained on would not be what was read here.
    Oddity("nul", "reject", "nul_character"),
    Oddity("surrogate", "reject", "lone_surrogate"),
    Oddity("bytes", "reject", "not_utf8"),
    Oddity("long_line", "reject", "line_too_long"),
    Oddity("long_text", "reject", "text_too_long"),
    Oddity("control", "keep", pattern="\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"),
    Oddity("bidi", "keep", pattern="\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"),
    Oddity("invisible", "keep", pattern="\u00ad\u180e\u200b\u2060-\u2064\ufeff"),
    Oddity("replacement", "keep", pattern="\ufffd"),
)
KEPT: tuple[Oddity, ...] = tuple(oddity for oddity in ODDITIES if oddity.treatment == "keep")
_ANY = re.compile(f"[{''.join(oddity.pattern for oddity in KEPT)}]")
_EACH = tuple((oddity.name, re.compile(f"[{oddity.pattern}]")) for oddity in KEPT)


def count(text: str, into: Counter[str]) -> None:
    r"""Add one per kind of odd character the text holds; texts without any cost next to nothing.

    Example:
        >>> found = Counter(); count("a\u202eb", found); dict(found)
        {'bidi': 1}
    """
    if (text.isprintable() and "\ufffd" not in text) or not _ANY.search(text):
        return
    for name, pattern in _EACH:
        if pattern.search(text):
            into[name] += 1
