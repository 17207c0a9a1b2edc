"""Which encoding a file is in: the guess, how sure it is, a line to judge it by, and the other readings of that line.

A byte order mark or valid UTF-8 settles it. Otherwise every encoding people still meet is tried strictly on the sample
and the decoded texts are scored by `scripts`; charset-normalizer breaks the ties between one-byte alphabets. A guess
below `SURE` must be confirmed by a person: nothing is decoded silently on a weak guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import exp

from studio.corpus.reading import scripts

SURE = 0.9  # ours: on re-encoded corpora every wrong guess lay below it
ENCODINGS: tuple[str, ...] = (
    "utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5", "cp932", "euc_jp", "cp949",
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8_r",
)  # fmt: skip
NAMES: dict[str, str] = {
    "utf-8": "UTF-8", "utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE", "gb18030": "GB18030 / GBK", "big5": "Big5",
    "cp932": "Shift JIS", "euc_jp": "EUC-JP", "cp949": "EUC-KR", "cp1250": "Windows-1250", "cp1251": "Windows-1251",
    "cp1252": "Windows-1252 / Latin-1", "cp1253": "Windows-1253", "cp1254": "Windows-1254", "cp1255": "Windows-1255",
    "cp1256": "Windows-1256", "cp1257": "Windows-1257", "cp1258": "Windows-1258", "koi8_r": "KOI8-R",
}  # fmt: skip
MOST_BAD_LINES = 0.05  # ours: above this share of undecodable lines the file, not the line, is in another encoding
_CODECS = {"big5": "big5hkscs"}  # reads all of Big5 and the Hong Kong characters
_EAST_ASIAN = (("gb18030", "han"), ("big5", "han"), ("cp932", "kana"), ("euc_jp", "kana"), ("cp949", "hangul"))
_ALPHABETS: dict[str, float] = {  # how much rarer files of this encoding are than Windows-1252, in points; ours
    "cp1252": 0.0, "cp1250": 0.02, "cp1251": 0.0, "cp1253": 0.01, "cp1254": 0.03, "cp1255": 0.02, "cp1256": 0.02,
    "cp1257": 0.05, "cp1258": 0.06, "koi8_r": 0.02,
}  # fmt: skip
_TOP_POINTS = 3.0
_NO_LEAD = 0.03  # ours: Hungarian read as Western European leads by less, however long the text
_SAMPLE_BYTES = 128 * 1024
_SAMPLE_CHARACTERS = 120
_MOST_ALTERNATIVES = 3
_PLAIN = re.compile(rb"[\w\s,.;:'\"(){}-]+")
_LINE = re.compile(rb"\r\n|\n|\r")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
_MOST_CONTROLS = 0.02  # ours: more control characters than this, and it is no text of a country's encoding
_ALIASES: dict[str, str] = {
    "gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030", "big5hkscs": "big5", "cp950": "big5",
    "shift_jis": "cp932", "sjis": "cp932", "euc_kr": "cp949", "latin_1": "cp1252", "latin1": "cp1252",
    "iso8859_1": "cp1252", "iso8859_15": "cp1252", "iso8859_2": "cp1250", "ascii": "utf-8", "utf_16": "utf-16-le",
    "iso8859_5": "cp1251", "iso8859_9": "cp1254", "iso8859_7": "cp1253", "utf8": "utf-8", "utf_8_sig": "utf-8",
}  # fmt: skip


@dataclass(frozen=True)
class EncodingGuess:
    """An encoding, how sure it is (0 to 1), a line beyond ASCII read by it, and (encoding, line) of other readings."""

    encoding: str
    confidence: float = 1.0
    sample: str = ""
    others: tuple[tuple[str, str], ...] = ()

    @property
    def is_sure(self) -> bool:
        """False where a person must look before anything is read."""
        return self.confidence >= SURE


def codec_of(encoding: str) -> str:
    """The Python codec that reads an encoding of ours."""
    return _CODECS.get(encoding, encoding)


def known(name: str) -> str | None:
    """The encoding of ours that a person means by a name, or None.

    Example:
        >>> known("GBK"), known("Windows-1252"), known("klingon")
        ('gb18030', 'cp1252', None)
    """
    plain = re.sub(r"[\s_-]+", "", name.strip().lower()).replace("windows", "cp")
    by_name = {alias.replace("_", ""): found for alias, found in _ALIASES.items()}
    by_name |= {re.sub(r"[_-]", "", found): found for found in ENCODINGS}
    return by_name.get(plain)


def guess(sample: bytes, *, whole: bool, more: bytes = b"") -> EncodingGuess | None:
    """The likeliest encoding of a sample, or None where it is no text in any encoding.

    Args:
        sample: the first bytes of a file, cut after a line end unless `whole`.
        whole: whether that is all of it.
        more: whole lines from further on, looked at only where the first part holds nothing beyond ASCII.
    """
    if sample.startswith(b"\xef\xbb\xbf"):
        return EncodingGuess("utf-8", 1.0, _line_of(sample[3:], "utf-8"))
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = "utf-16-le" if sample[:1] == b"\xff" else "utf-16-be"
        return EncodingGuess(name, 1.0, _line_of(sample[2:], name))
    if more and sample.isascii() and b"\0" not in sample:
        sample = sample[-1024:] + b"\n" + more
    wide = _utf16(sample)
    if wide is not None:
        return wide
    if sample.count(b"\0") > 0.1 * len(sample):
        return None
    n_bad, n_beyond, n_lines = _lines_not_utf8(sample, whole)
    if n_bad == 0:
        return _utf8(sample)
    other = _legacy(sample)
    mostly_ascii = n_bad <= MOST_BAD_LINES * n_lines
    if mostly_ascii and (2 * n_bad <= n_beyond or other is None or not other.is_sure):
        return _utf8(sample)  # the few lines become rejects
    return other


def _lines_not_utf8(sample: bytes, whole: bool) -> tuple[int, int, int]:
    """Lines that are not UTF-8, lines beyond ASCII, all lines that are not blank."""
    try:
        sample.decode("utf-8")
        return 0, 0, 1
    except UnicodeDecodeError as error:
        if not whole and error.start > len(sample) - 4 and b"\n" not in sample[error.start :]:
            return 0, 0, 1
    lines = [line for line in _LINE.split(sample) if line.strip()]
    return sum(not _fits(line, "utf-8") for line in lines), sum(not line.isascii() for line in lines), len(lines)


def _utf8(sample: bytes) -> EncodingGuess:
    """Valid UTF-8 is UTF-8, but for a few pairs of bytes that make good Chinese in GB18030 and nonsense in UTF-8."""
    wide = _short_wide(sample)
    if wide:
        return EncodingGuess("utf-8", 0.6, _line_of(sample, "utf-8"), ((wide, _line_of(sample, wide)),))
    if sample.isascii():
        return EncodingGuess("utf-8")
    text = sample.decode("utf-8", errors="ignore")
    beyond = [character for character in text if character > "\x7f"]
    if len(beyond) <= 12 and all(character < "\u0800" for character in beyond):
        score, _ = scripts.alphabetic(text)
        other = _strict(sample, "gb18030")
        if score < 0.5 and other is not None and scripts.east_asian(other, "han")[0] >= 1.0:
            line = _line_of(sample, "utf-8")
            return EncodingGuess("utf-8", 0.6, line, (("gb18030", _line_of(sample, "gb18030")),))
    return EncodingGuess("utf-8", 1.0, _line_of(sample, "utf-8"))


def _short_wide(sample: bytes) -> str:
    """The byte order under which one short line without a zero byte would be good Chinese, or nothing.

    Text of two lines and more in UTF-16 has zero bytes in its line ends, so this ambiguity is one of single lines.
    """
    if len(sample) % 2 or len(sample) > 2_000 or b"\r\n" in sample or sample.count(b"\n") > 1 or b" " in sample:
        return ""
    if _PLAIN.fullmatch(sample):
        return ""
    for name in ("utf-16-le", "utf-16-be"):
        text = _strict(sample, name)
        if text is not None:
            score, n = scripts.east_asian(text, "han")
            if n >= 3 and score >= 0.8:
                return name
    return ""


def _utf16(sample: bytes) -> EncodingGuess | None:
    """UTF-16 without a mark: one of the two readings is text, with line ends or blanks where text has them."""
    cut = sample[: len(sample) // 2 * 2][:_SAMPLE_BYTES]
    n_nul = cut.count(b"\0")
    if len(cut) < 4 or (n_nul == 0 and (cut.isascii() or _fits(cut, "utf-8"))):
        return None
    found: list[tuple[float, str]] = []
    for name in ("utf-16-le", "utf-16-be"):
        text = cut.decode(name, errors="replace")
        readable = sum(character.isprintable() or character in "\r\n\t" for character in text)
        if readable <= 0.98 * len(text) or text.count("\ufffd") > 1:
            continue
        score, n = scripts.east_asian(text, "han")
        ascii_share = 1 - n / len(text)
        if ascii_share > 0.5 or (score >= 1.0 and (n_nul or n >= 4)):
            found.append((ascii_share + score / _TOP_POINTS, name))
    if not found:
        return None
    found.sort(reverse=True)
    certain = n_nul > 0 and len(found) == 1
    name = found[0][1]
    line = _line_of(cut, name)
    if not certain and n_nul == 0:
        rival = _legacy(sample)
        if rival is not None and rival.is_sure:
            return replace(rival, confidence=0.6, others=((name, line), *rival.others[1:]))
        others = ((rival.encoding, rival.sample),) if rival else ()
        return EncodingGuess(name, 0.8, line, others)
    return EncodingGuess(name, 0.99 if certain else 0.92, line)


# --- encodings of one country -----------------------------------------------------------------------------------------
def _legacy(sample: bytes) -> EncodingGuess | None:
    """The best of the encodings before Unicode, by how much the decoded text looks written."""
    if len(_CONTROLS.findall(sample)) > _MOST_CONTROLS * len(sample):
        return None
    lines = [line for line in _LINE.split(sample) if not line.isascii()]
    data = b"\n".join(lines)[:_SAMPLE_BYTES]
    if len(data) == _SAMPLE_BYTES:
        data = data[: data.rfind(b"\n") + 1] or data
    ranked = sorted([*_east_asian(data), *_alphabets(data)], reverse=True)
    if not ranked:
        return None
    best, n, name, text = ranked[0]
    same = [other for _, _, other, reading in ranked if reading == text]
    name = min(same, key=ENCODINGS.index)  # of encodings that read the file alike, the commonest
    rival = next((score for score, _, _, other in ranked[1:] if other != text), -_TOP_POINTS)
    line = _longest(text)
    others, taken = [], {line}
    for _, _, other, _ in ranked[1:]:
        reading = _line_of_bytes(data, line, name, other)
        if reading and reading not in taken:
            others.append((other, reading))
            taken.add(reading)
    return EncodingGuess(name, _confidence(best, rival, n), line[:_SAMPLE_CHARACTERS],
                         tuple(others[:_MOST_ALTERNATIVES]))  # fmt: skip


def _east_asian(data: bytes) -> Iterable[tuple[float, int, str, str]]:
    for name, wanted in _EAST_ASIAN:
        text = _strict(data, name)
        if text is not None:
            score, n = scripts.east_asian(text, wanted)
            yield score / _TOP_POINTS, n, name, text


def _alphabets(data: bytes) -> Iterable[tuple[float, int, str, str]]:
    favourites = _second_opinion(data)
    for name, rarity in _ALPHABETS.items():
        text = _strict(data, name)
        if text is None:
            continue
        score, n = scripts.alphabetic(text)
        bonus = 0.15 if favourites[:1] == (name,) else 0.05 if name in favourites else 0.0
        yield 0.7 * score + bonus - rarity, n, name, text


def _second_opinion(data: bytes) -> tuple[str, ...]:
    """What charset-normalizer, which knows how often letters come in many languages, makes of it; best first."""
    import charset_normalizer  # 30 ms to load, needed for files that are not Unicode only

    found = charset_normalizer.from_bytes(data[:32_768], cp_isolation=list(_ALPHABETS))
    return tuple(dict.fromkeys(known(match.encoding) or match.encoding for match in found if match.coherence > 0.2))


def _confidence(best: float, rival: float, n: int) -> float:
    """From the lead over the next different reading and the number of characters it rests on.

    1 - exp(-(lead - 0.03) * n / 2), and never above how good the best reading itself is; ours, set on corpora written
    in every encoding.
    """
    if best <= 0:
        return 0.1
    quality = min(1.0, 0.55 + best)
    return round(max(0.1, quality * (1 - exp(-max(0.0, best - rival - _NO_LEAD) * n / 2))), 2)


def _strict(data: bytes, name: str) -> str | None:
    """The text where nearly every line decodes, else None; lines that do not are left out."""
    try:
        return data.decode(codec_of(name))
    except UnicodeDecodeError:
        lines = data.split(b"\n")
        good = [line for line in lines if _fits(line, codec_of(name))]
        if len(lines) - len(good) > MOST_BAD_LINES * len(lines):
            return None
        return b"\n".join(good).decode(codec_of(name))


def _fits(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


# --- lines to judge by ------------------------------------------------------------------------------------------------
def _line_of(sample: bytes, name: str) -> str:
    """The first line beyond ASCII that is long enough to judge, as read by an encoding."""
    text = sample[:_SAMPLE_BYTES].decode(codec_of(name), errors="replace")
    return _longest(text)[:_SAMPLE_CHARACTERS]


def _longest(text: str) -> str:
    """The line among the first ones with most characters beyond ASCII, up to 40 of them."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if not line.isascii()][:50]
    return max(lines, key=lambda line: min(40, sum(character > "\x7f" for character in line)), default="")


def _line_of_bytes(data: bytes, line: str, name: str, other: str) -> str:
    """The same line of the file in another reading."""
    try:
        raw = line.encode(codec_of(name))
    except UnicodeEncodeError:
        return ""
    return raw.decode(codec_of(other), errors="replace")[:_SAMPLE_CHARACTERS]
