"""Personal data by pattern and check digit: e-mail, phone, Chinese resident number, payment card, public IP address.

Every pattern is linear: no repeat inside a repeat without a mark between, every repeat bounded. A pattern only
proposes; a check decides (check digits, dates, issuers, numbering plans), so that order numbers, prices, dates and
versions stay.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from studio.corpus.cleaning.records import Batch, Outcome, Parameter, Step, action

KINDS: tuple[str, ...] = ("email", "resident_id", "card", "phone", "ip")  # the order in which a stretch is claimed
MARKS: Mapping[str, str] = {
    "email": "[EMAIL]", "resident_id": "[ID]", "card": "[CARD]", "phone": "[PHONE]", "ip": "[IP]",
}  # fmt: skip

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+@-])[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}[@＠]"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}([A-Za-z]{2,24})(?![A-Za-z0-9-]|\.[A-Za-z0-9])"
)
_FILE_ENDINGS = frozenset("png jpg jpeg gif svg webp bmp ico css js ts py md txt csv json xml zip pdf".split())


def _is_email(match: re.Match[str]) -> bool:
    name = match.group().replace("＠", "@").split("@")[0]
    return match.group(1).lower() not in _FILE_ENDINGS and ".." not in name and not name.endswith(".")


# --- Chinese resident number (GB 11643-1999) --------------------------------------------------------------------------
_RESIDENT = re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])")
_PROVINCES = frozenset("11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "
                       "71 81 82 83".split())  # fmt: skip
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def is_resident_id(text: str) -> bool:
    """True for 18 characters with a province, a date of birth and the right check character (mod 11-2).

    Example:
        >>> is_resident_id("11010519491231002X"), is_resident_id("110105194912310021")
        (True, False)
    """
    if len(text) != 18 or not text.isascii() or text[:2] not in _PROVINCES or not text[:17].isdigit():
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text[:17], strict=True))
    return 1880 <= born.year <= 2100 and "10X98765432"[total % 11] == text[17].upper()


# --- payment card (ISO/IEC 7812) --------------------------------------------------------------------------------------
_CARD = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][ .-])[2-6][0-9](?:[ -]?[0-9]){11,17}(?![ -]?[0-9])(?![A-Za-z])")
_ISSUERS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|35(?:2[89]|[3-8][0-9])[0-9]{12}|6(?:011|5[0-9]{2})[0-9]{12}"
    r"|62[0-9]{14,17}"
)


def is_card(text: str) -> bool:
    """True for a number of a known issuer and its length whose Luhn check digit is right.

    Example:
        >>> is_card("4111 1111 1111 1111"), is_card("4111 1111 1111 1112")
        (True, False)
    """
    digits = text.replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.isdigit() or not _ISSUERS.fullmatch(digits) or len(set(digits)) < 2:
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


# --- phone ------------------------------------------------------------------------------------------------------------
_BEFORE, _AFTER = r"(?<![0-9A-Za-z#])(?<![0-9][.,:/-])", r"(?![0-9A-Za-z])(?![.,:/-][0-9])"
_PHONES: tuple[re.Pattern[str], ...] = tuple(
    re.compile(_BEFORE + pattern + _AFTER)
    for pattern in (
        r"(?:(?:\+|00)86[ -]?)?1[3-9][0-9](?:[0-9]{8}|([ -])[0-9]{4}\1[0-9]{4})",  # Chinese mobile
        r"(?:(?:\+|00)86[ -]?)?\(?0(?:10|2[0-9]|[3-9][0-9]{2})\)?[ -][2-9][0-9]{6,7}",  # Chinese land line
        r"400[ -][0-9]{3}[ -][0-9]{4}|400[ -][0-9]{4}[ -][0-9]{3}",
        r"(?:\+?1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}([ .-]))[0-9]{3}(?(1)\1|[ .-])[0-9]{4}",  # North America
        r"(?:\+44 ?\(?0?\)?|0)7[0-9]{3} ?[0-9]{3} ?[0-9]{3}",  # British mobile
        r"0(?:20|1[0-9]{2,3}|2[0-9]{1,2}) [0-9]{3,4} [0-9]{3,4}",  # British land line, written with spaces
        r"(?:\+|00)[1-9][0-9]{0,2}(?:[ .-]?\(?[0-9]{1,4}\)?){2,6}",  # international
    )
)


def _is_phone(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match.group())
    return 7 <= len(digits) <= 15 and len(set(digits[-7:])) > 1 and not is_card(digits)


# --- public IP address ------------------------------------------------------------------------------------------------
_IPV4 = re.compile(r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:.])")
_VERSION = re.compile(
    r"(?:version|ver|release|firmware|build|section|版本|版本号|固件|章节)[ .:：号是为]{0,4}v?$", re.I
)


def _is_ip(match: re.Match[str]) -> bool:
    found = match.group()
    if _VERSION.search(match.string[max(0, match.start() - 20) : match.start()]):
        return False
    try:
        return ipaddress.ip_address(found).is_global
    except ValueError:
        return False


_PATTERNS: Mapping[str, tuple[tuple[re.Pattern[str], ...], Callable[[re.Match[str]], bool]]] = {
    "email": ((_EMAIL,), _is_email),
    "resident_id": ((_RESIDENT,), lambda match: is_resident_id(match.group())),
    "card": ((_CARD,), lambda match: is_card(match.group())),
    "phone": (_PHONES, _is_phone),
    "ip": ((_IPV4, _IPV6), _is_ip),
}
_NUMBER = re.compile(
    r"[0-9](?:[ .()-]{0,2}[0-9]){5}|[0-9]\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:"
)  # less is no number of any kind


def spans(text: str, kinds: Iterator[str] | tuple[str, ...] = KINDS) -> list[tuple[int, int, str]]:
    """Where personal data stands: (start, stop, kind) in order, never overlapping; earlier kinds of KINDS win.

    Example:
        >>> spans("write to ann@example.com or 138 0013 8000")
        [(9, 24, 'email'), (28, 41, 'phone')]
    """
    wanted, taken = set(kinds), []
    has_number = _NUMBER.search(text) is not None
    for kind in KINDS:
        if kind not in wanted or not (("@" in text or "＠" in text) if kind == "email" else has_number):
            continue
        patterns, is_real = _PATTERNS[kind]
        for pattern in patterns:
            for match in pattern.finditer(text):
                start, stop = match.span()
                if is_real(match) and all(stop <= other[0] or start >= other[1] for other in taken):
                    taken.append((start, stop, kind))
    return sorted(taken)


def mask(text: str, kinds: tuple[str, ...] = KINDS) -> str:
    """The text with [EMAIL], [PHONE], [ID], [CARD], [IP] in place of what was found."""
    parts, at = [], 0
    for start, stop, kind in spans(text, kinds):
        parts += [text[at:start], MARKS[kind]]
        at = stop
    return "".join([*parts, text[at:]]) if parts else text


def _personal(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    kinds = tuple(kind for kind in KINDS if values[kind])
    if values["action"] == "mask":
        return Outcome(lambda text: mask(text, kinds))
    found = {}
    for i, text in enumerate(batch.texts):
        if i % 4096 == 0:
            batch.check_stop()
        counts = Counter(kind for _, _, kind in spans(text, kinds))
        if counts:  # the detail counts, it never repeats the number itself
            found[i] = (
                next(kind for kind in KINDS if kind in counts),
                ", ".join(f"{k} {n}" for k, n in counts.items()),
            )
    return Outcome(found=found, action=values["action"])


PERSONAL = Step(
    "personal", "clean.step.personal", "privacy", "edit",
    (action("mask", "flag", "drop"), *(Parameter(kind, "bool", True) for kind in KINDS)), (), "", 1, _personal,
)  # fmt: skip
