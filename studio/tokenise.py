"""Words where a script writes spaces, characters where it does not: nothing here splits Chinese at spaces."""

from __future__ import annotations

import re

# Han with its extensions, kana, Hangul is spaced and counts as words
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003134f"
_UNIT = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")
_RUN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")
_IS_CJK = re.compile(rf"[{_CJK}]")
GRAMS = (2, 3, 4)


def units(text: str) -> list[str]:
    """Lower-case words, and every Han or kana character as a unit of its own.

    Example:
        >>> units("Reset my 密码 please, it's broken!")
        ['reset', 'my', '密', '码', 'please', "it's", 'broken']
    """
    return _UNIT.findall(text.lower())


def pieces(text: str) -> set[str]:
    """What could give a label away: words, and runs of 2 to 4 Han characters.

    Example:
        >>> sorted(pieces("密码错 ok"))
        ['ok', '密码', '密码错', '码错']
    """
    found: set[str] = set()
    for run in _RUN.findall(text.lower()):
        if _IS_CJK.match(run):
            found.update(run[i : i + size] for size in GRAMS for i in range(len(run) - size + 1))
            if len(run) == 1:
                found.add(run)
        else:
            found.add(run)
    return found


def is_cjk(text: str) -> bool:
    """True where a Han or kana character is in the text."""
    return bool(_IS_CJK.search(text))
