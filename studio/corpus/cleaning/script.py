"""Which script a text is in, and its words where words have spaces around them, its characters where they have not."""

from __future__ import annotations

import re

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_KANA = "\u3040-\u30ff"
_CJK = _HAN + _KANA
HAN = re.compile(rf"[{_HAN}]")
KANA = re.compile(rf"[{_KANA}]")
HANGUL = re.compile("[\uac00-\ud7af\u1100-\u11ff]")
LETTER = re.compile(r"[^\W\d_]")
_UNIT = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’-][^\W_{_CJK}]+)*")
_LOOKED_AT = 4_000  # characters; the script of a longer text is judged by its beginning


def language_of(text: str) -> str:
    """Whose thresholds a text gets: zh when a third of its units (words and Han characters) are Han, else en.

    Example:
        >>> [language_of(t) for t in ("reset my password", "重置 password", "密码忘了", "")]
        ['en', 'zh', 'zh', 'en']
    """
    head = text[:_LOOKED_AT]
    han = len(HAN.findall(head))
    if not han:
        return "en"
    return "zh" if 3 * han >= len(_UNIT.findall(head)) else "en"


def units(text: str) -> list[str]:
    """Words of a script that writes spaces, and each Han or kana character by itself.

    Example:
        >>> units("It's 密码, ok-ay?")
        ["It's", '密', '码', 'ok-ay']
    """
    return _UNIT.findall(text)
