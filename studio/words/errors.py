"""Error texts in the page's language: English templates at the raise sites, translations by template.

An error is raised in English (`what`, `fix`: a literal or an f-string), because the library and the command line speak
it. `studio/words/<language>/errors.toml` maps each template, the literal with `{}` where values stand, to its
translation; a text is matched against them when it is shown, and the values it carries are put into the translation.
`[values."<template>"]` translates the values of a closed list, such as the kinds of file.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

FILE = "errors.toml"
_HERE = Path(__file__).parent
_LONGEST = 2_000  # ours: longer than any sentence with its values; more is somebody's text, not an error of ours


@dataclass(frozen=True)
class _Template:
    """One English template: its pattern, one group per value, and how it is said."""

    english: str
    pattern: re.Pattern[str]
    said: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class _Catalogue:
    """All templates of a language: those without values by their text, the others most specific first."""

    plain: Mapping[str, str]
    filled: tuple[_Template, ...]


def said(text: str, language: str) -> str:
    """An error's `what` or `fix` in a language; as it is when the language has no translation of it.

    The template without values goes first, then the one with most literal characters. Values stand as they were read,
    unless the template lists them or they are themselves an error text.
    """
    if not text or len(text) > _LONGEST:
        return text
    return _said(text, language)


@lru_cache(maxsize=512)
def _said(text: str, language: str) -> str:
    known = catalogue(language)
    if text in known.plain:
        return known.plain[text]
    for template in known.filled:
        match = template.pattern.fullmatch(text)
        if match:
            # A value shorter than the whole text: the recursion ends.
            values = (template.values.get(value) or said(value, language) for value in match.groups())
            return template.said.format(*values)
    return text


@cache
def texts(language: str) -> Mapping[str, str]:
    """English template -> translation, as the file holds them; empty for a language without the file."""
    return _file(language).get("texts", {})


@cache
def values(language: str) -> Mapping[str, Mapping[str, str]]:
    """English template -> value -> translation, for values out of a closed list."""
    return _file(language).get("values", {})


@cache
def catalogue(language: str) -> _Catalogue:
    """The templates of a language, compiled once."""
    plain: dict[str, str] = {}
    filled: list[tuple[int, _Template]] = []
    for english, translation in texts(language).items():
        parts = list(string.Formatter().parse(english))
        literal = "".join(part[0] for part in parts)
        if all(part[1] is None for part in parts):
            plain[literal] = translation.format()
            continue
        pattern = "".join(re.escape(part[0]) + ("(.*?)" if part[1] is not None else "") for part in parts)
        compiled = re.compile(pattern, re.DOTALL)
        filled.append((-len(literal), _Template(english, compiled, translation, values(language).get(english, {}))))
    return _Catalogue(plain, tuple(template for _, template in sorted(filled, key=lambda pair: pair[0])))


def _file(language: str) -> Mapping[str, Mapping[str, str]]:
    path = _HERE / language / FILE
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
