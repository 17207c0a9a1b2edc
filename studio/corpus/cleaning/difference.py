"""Two texts side by side as stretches that are the same, taken out or put in: what a page colours, never markup."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_TOKEN = re.compile(r"\s|[A-Za-z0-9]+|.", re.S)
_MOST_TOKENS = 600  # compared closely; of more, the middle counts as replaced as a whole
# Invisible characters are shown by their code, so that a reader sees what was taken out.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3000\ufeff\U000e0000-\U000e01ef]"
)
Piece = tuple[str, str]


def pieces(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """(kind, stretch) of both texts in order; kind is same, out (only in the first) or in (only in the second).

    Example:
        >>> pieces("my  card", "my [CARD]")
        ([('same', 'my '), ('out', ' card')], [('same', 'my '), ('in', '[CARD]')])
    """
    head = 0
    limit = min(len(before), len(after))
    while head < limit and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < limit - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    while (
        head and before[head - 1].isalnum() and (before[head : head + 1].isalnum() or after[head : head + 1].isalnum())
    ):
        head -= 1  # a word is shown changed as a whole
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    left, right = [("same", before[:head])], [("same", after[:head])]
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    if len(a) > _MOST_TOKENS or len(b) > _MOST_TOKENS:
        left.append(("out", old))
        right.append(("in", new))
    else:
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            left.append(("same" if tag == "equal" else "out", "".join(a[i1:i2])))
            right.append(("same" if tag == "equal" else "in", "".join(b[j1:j2])))
    ending = before[len(before) - tail :] if tail else ""
    return _joined([*left, ("same", ending)]), _joined([*right, ("same", ending)])


def _joined(parts: list[Piece]) -> list[Piece]:
    """Without empty stretches, neighbours of one kind as one."""
    out: list[Piece] = []
    for kind, text in parts:
        if not text:
            continue
        if out and out[-1][0] == kind:
            out[-1] = (kind, out[-1][1] + text)
        else:
            out.append((kind, text))
    return out


def visible(text: str) -> str:
    """A changed stretch with its invisible characters written out: U+200B, a dot for a space, an arrow for a line end.

    Example:
        >>> visible("a" + chr(0x200B) + " " + chr(10))
        'a⟨200B⟩·↵'
    """
    shown = text.replace("\r", "⟨000D⟩").replace(" ", "·").replace("\t", "→").replace("\n", "↵")
    return _UNSEEN.sub(lambda match: f"⟨{ord(match.group()):04X}⟩", shown)
