"""Corpus text inside a figure: Plotly reads a subset of HTML in every label, so it is escaped and cut first."""

from __future__ import annotations

import html
import re

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def escape(text: object, limit: int = 80) -> str:
    """The text as literal characters on one line, cut to `limit` characters before escaping.

    Example:
        >>> escape("<b>a</b> & b")
        '&lt;b&gt;a&lt;/b&gt; &amp; b'
    """
    line = " ".join(_UNSEEN.sub("", str(text)).split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return html.escape(line, quote=False).replace("$", "＄")  # two dollar signs would start a formula
