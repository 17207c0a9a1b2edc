"""The words catalogue as pages use it, and corpus names made safe for labels."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from studio import words

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~$:<&])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def choose_language() -> str:
    """The language of this page: `?lang=`, else the browser's locale."""
    asked = st.query_params.get("lang")
    chosen = asked if asked in words.LANGUAGES else words.language_of_locale(st.context.locale)
    return words.set_language(chosen)


def t(key: str, /, **values: Any) -> str:
    """The string of a key in the page's language; a fragment rerun has a thread of its own, so choose every time."""
    choose_language()
    return words.t(key, **values)


def spoken(text: str) -> str:
    """A stored text (a run's message, an error's what or fix) in the page's language."""
    choose_language()
    return words.spoken(text)


def plain(text: object, limit: int = 80) -> str:
    """Corpus-derived text as literal characters in a label that renders Markdown; cut to `limit`."""
    return _MARKDOWN.sub(r"\\\1", literal(text, limit))


def literal(text: object, limit: int = 80) -> str:
    """Corpus-derived text on one line for options and tables, which show every character as it is; cut to `limit`."""
    line = " ".join(_UNSEEN.sub("", str(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
