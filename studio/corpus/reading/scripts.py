"""How much a decoded text looks like something people write: the score that tells GB18030 from Big5 from Latin.

A wrong decoding turns common characters into rare ones. So each character beyond ASCII gets points: +3 for one of the
most frequent characters of its script, +1 for a common one, less for rare, mixed or misplaced ones.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# The hundred and more most frequent characters of Chinese, simplified and traditional; frequency lists agree on them.
_FREQUENT_HAN = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事"
    "成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日月"
    "這個們來為國說時會對於著過發後裡裏種經麼學現當沒動還進樣開從實麽您什請問很把被让讓給给与與及等中文高新"
)
_FREQUENT_KANA = frozenset(
    "のにはをたがでてとしれさいるもなこからまっんりすくつあそうせき・ーンスルトイアラリドシクジタ"
)
_FREQUENT_HANGUL = frozenset("이다는을의에가하고를한은지사로기도어서자나라대해그리시인아정수있니요들일")
_CJK_MARKS = frozenset("，。、；：？！“”‘’（）《》【】「」『』—…·～〈〉　％＋－＝／")
_LATIN_MARKS = frozenset("“”‘’–—…«»„‚‹›€£§©®°·•™¿¡½¼¾²³×÷±№\u00a0\u00ad")
_WESTERN = frozenset("éèêëàâáäãåæçíîïñóôöõøœúùûüßìò")
_EASTERN = frozenset("ýšžčćłńśźżąęěřůďťňőűăâșțşğıđėįųūāēīļņģ")
_FREQUENT_LETTERS = frozenset(
    "оеаинтсрвлкмдпуяыьгзбОЕАИНТСРВЛКМДПЯПЗαοιετσνηυρπκμλςέάόίήύώיוהלאמרתבנשםןايلنمتروبةهعدسفكقأ"
)
_MOST_CHARACTERS = 4_000


@lru_cache(maxsize=32_768)
def _is_common_han(character: str) -> bool:
    """First level of GB 2312 (3,755 characters) or of Big5 (5,401): what a newspaper needs."""
    try:
        if 0xB0 <= character.encode("gb2312")[0] <= 0xD7:
            return True
    except UnicodeEncodeError:
        pass
    try:
        return 0xA4 <= character.encode("big5")[0] <= 0xC6
    except UnicodeEncodeError:
        return False


@lru_cache(maxsize=32_768)
def _script(character: str) -> str:
    """`han`, `kana`, `hangul`, `latin`, `cyrillic` ... from the Unicode name; `odd` for what no text should hold."""
    code = ord(character)
    if 0x4E00 <= code <= 0x9FFF:
        return "han"
    if 0x3040 <= code <= 0x30FF:
        return "kana"
    if 0xAC00 <= code <= 0xD7A3:
        return "hangul"
    category = unicodedata.category(character)
    if category in ("Cc", "Cn", "Co", "Cs"):
        return "odd"
    if category.startswith(("L", "M")):
        name = unicodedata.name(character, "").split(" ", 1)[0].lower()
        return name if name in ("latin", "cyrillic", "greek", "hebrew", "arabic", "thai") else "other"
    return "mark"


def east_asian(text: str, wanted: str) -> tuple[float, int]:
    """Mean points per character beyond ASCII of a text read as Chinese (`han`), Japanese or Korean, and their number.

    Points lie between -3 and 3; correct decodings measured 1.2 and more, wrong ones 0.7 and less.
    """
    beyond = [character for character in text[: _MOST_CHARACTERS * 4] if character > "\x7f"][:_MOST_CHARACTERS]
    if not beyond:
        return 0.0, 0
    points, seen = 0.0, {"han": 0, "kana": 0, "hangul": 0}
    for character in beyond:
        script = _script(character)
        if script in seen:
            seen[script] += 1
        points += _east_asian_points(character, script, wanted)
    n = len(beyond)
    if wanted == "kana" and seen["kana"] < 0.15 * n:  # Japanese without kana is not Japanese
        points -= n
    if wanted == "hangul" and seen["han"] > 0.2 * n:  # Korean with many Chinese characters is Chinese read wrongly
        points -= n
    return points / n, n


def _east_asian_points(character: str, script: str, wanted: str) -> float:
    if script == "odd":
        return -3.0
    if script == "han":
        if character in _FREQUENT_HAN:
            return 3.0 if wanted != "hangul" else 0.0
        return 1.0 if _is_common_han(character) else -1.5
    if script == "kana":
        frequent = 3.0 if character in _FREQUENT_KANA else 1.0
        return frequent if wanted == "kana" else -0.5
    if script == "hangul":
        return (3.0 if character in _FREQUENT_HANGUL else 0.7) if wanted == "hangul" else -1.5
    if character in _CJK_MARKS or "\uff01" <= character <= "\uff5e":
        return 1.0
    return -0.5 if script == "mark" else -1.5


def alphabetic(text: str) -> tuple[float, int]:
    """Mean points per character beyond ASCII of a text decoded with a one-byte alphabet, and their number.

    A letter earns a point beside letters of its own script and in the case of its neighbours, and loses one beside
    those of another or in the wrong case.
    """
    points, n = 0.0, 0
    text = text[: _MOST_CHARACTERS * 4]
    for position, character in enumerate(text):
        if character <= "\x7f":
            continue
        n += 1
        before = text[position - 1] if position else " "
        after = text[position + 1] if position + 1 < len(text) else " "
        points += _alphabetic_points(character, before, after)
        if n >= _MOST_CHARACTERS:
            break
    return (points / n if n else 0.0), n


def _alphabetic_points(character: str, before: str, after: str) -> float:
    script = _script(character)
    if script == "odd":
        return -3.0
    if script == "mark":
        between = before.isalpha() and after.isalpha()
        if character in "’'´\u00ad·" and between:
            return 0.7
        return 0.7 if character in _LATIN_MARKS and not (between and character not in "–—…\u00a0") else -1.0
    beside = [letter for letter in (before, after) if letter.isalpha()]
    if any(_script_of_letter(letter) != script for letter in beside):
        return -2.0
    if character.isupper() and before.isalpha() and before.islower():
        return -2.0
    if not beside:
        return 0.0 if script == "latin" else 0.3
    if script == "latin" and all(letter > "\x7f" for letter in beside):
        return -0.5  # accented letters seldom touch; Cyrillic read as Western European is nothing else
    if script == "latin":
        return 1.0 if character.lower() in _WESTERN else 0.8 if character.lower() in _EASTERN else 0.0
    return 1.0 if character in _FREQUENT_LETTERS else 0.3


def _script_of_letter(letter: str) -> str:
    return "latin" if letter <= "\x7f" else _script(letter)
