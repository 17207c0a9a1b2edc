"""Every string a user sees, by key, in English and Chinese: `t("key", **values)`.

The catalogue is one TOML file per room and language, `studio/words/<language>/<room>.toml`; a key is
`<room>.<name>`, or `<room>.<table>.<name>` for a nested table. A test compares the key sets of the languages.
Error texts are the exception: they are English where they are raised and translated by template, see `errors`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from studio.words import errors

LANGUAGES: tuple[str, ...] = ("en", "zh")
_HERE = Path(__file__).parent
_language: ContextVar[str] = ContextVar("words_language", default="en")


def set_language(language: str) -> str:
    """Choose the language of this thread's strings; an unknown one falls back to English. Returns the choice."""
    chosen = language if language in LANGUAGES else "en"
    _language.set(chosen)
    return chosen


def language() -> str:
    """The language chosen for this thread."""
    return _language.get()


def language_of_locale(locale: str | None) -> str:
    """`zh` for any Chinese browser locale, `en` otherwise."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All strings of one language, keys flattened with dots."""
    words: dict[str, str] = {}
    for file in sorted((_HERE / language).glob("*.toml")):
        if file.name == errors.FILE:
            continue
        with file.open("rb") as handle:
            _flatten(file.stem, tomllib.load(handle), words)
    return words


def _flatten(prefix: str, table: Mapping[str, Any], into: dict[str, str]) -> None:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, Mapping):
            _flatten(key, value, into)
        else:
            into[key] = str(value)


def has(key: str) -> bool:
    """True when the key exists in English."""
    return key in catalogue("en")


def spoken(text: str) -> str:
    """A stored text in the current language: a words key without fields (a run's message) or an error's what or fix."""
    return t(text) if has(text) else errors.said(text, _language.get())


def t(key: str, /, *, lang: str | None = None, **values: Any) -> str:
    """The string of a key in the current language with `{name}` fields filled by str.format.

    Raises:
        KeyError: the key is in no catalogue, which is a bug (a test looks for it).
    """
    words = catalogue(lang or _language.get())
    text = words[key] if key in words else catalogue("en")[key]
    return text.format(**values) if values else text
