"""Two texts side by side: which parts stayed, which are gone, which are new, with what nobody sees made visible."""

from __future__ import annotations

import difflib
import re
import unicodedata

_TOKEN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff]|\w+|\s|.", re.S)
MOST_TOKENS = 2_000  # ours: of longer texts only so much from the first difference on is compared word by word
CONTEXT = 60  # characters kept around a difference
SAME, GONE, NEW, CUT = "same", "gone", "new", "cut"
Part = tuple[str, str]
_SHOWN = {"\n": "⏎", "\t": "⇥", "\r": "␍", "\u3000": "□", " ": "·"}


def visible(text: str) -> str:
    r"""The text with white space and unseen characters as signs, for a part that is gone or new.

    Example:
        >>> visible("a b\\u200b")
        'a·b⟨U+200B⟩'
    """
    return "".join(_SHOWN.get(char) or (char if _is_seen(char) else f"⟨U+{ord(char):04X}⟩") for char in text)


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp", "Zs"}


def marked(before: str, after: str, *, context: int = CONTEXT) -> tuple[list[Part], list[Part]]:
    """The parts of both texts in order: (same | gone | new | cut, characters).

    Equal stretches longer than twice the context are cut in the middle; joined, the parts of a text without cuts are
    the text.

    Args:
        before: the older text.
        after: the newer one.
        context: characters of an equal stretch kept on each side of a difference.

    Example:
        >>> marked("pay the bill", "pay my bill")
        ([('same', 'pay '), ('gone', 'the'), ('same', ' bill')], [('same', 'pay '), ('new', 'my'), ('same', ' bill')])
    """
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    old, new = (_TOKEN.findall(text[head : len(text) - tail]) for text in (before, after))
    left: list[Part] = [(SAME, before[:head])]
    right: list[Part] = [(SAME, before[:head])]
    if len(old) > MOST_TOKENS or len(new) > MOST_TOKENS:
        left.append((GONE, "".join(old)))
        right.append((NEW, "".join(new)))
    else:
        for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            left.append((SAME if kind == "equal" else GONE, "".join(old[a:b])))
            right.append((SAME if kind == "equal" else NEW, "".join(new[c:d])))
    ending = before[len(before) - tail :]
    return _shortened([*left, (SAME, ending)], context), _shortened([*right, (SAME, ending)], context)


def _common(one: str, other: str) -> int:
    """Length of the common beginning, moved back to the start of a word."""
    n = min(len(one), len(other))
    at = next((i for i in range(n) if one[i] != other[i]), n)
    while 0 < at < max(len(one), len(other)) and _in_word(one, at) | _in_word(other, at):
        at -= 1
    return at


def _in_word(text: str, at: int) -> bool:
    return at < len(text) and text[at - 1].isalnum() and text[at].isalnum() and text[at].isascii()


def _shortened(parts: list[Part], context: int) -> list[Part]:
    filled = [(kind, text) for kind, text in parts if text]
    found: list[Part] = []
    for place, (kind, text) in enumerate(filled):
        is_first, is_last = place == 0, place == len(filled) - 1
        if kind != SAME or len(text) <= 2 * context or len(filled) == 1:
            found.append((kind, text))
            continue
        if not is_first:
            found.append((SAME, text[:context]))
        found.append((CUT, "…"))
        if not is_last:
            found.append((SAME, text[-context:]))
    return found
