"""Edits of the form of a text: Unicode, invisible characters, white space, HTML, web addresses."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from studio.corpus.cleaning.records import Batch, Editor, Outcome, Parameter, Step

_UNICODE_FORM = Parameter("form", "choice", "NFC", choices=("NFC", "NFKC"))


def _unicode(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    form = values["form"]
    return Outcome(lambda text: unicodedata.normalize(form, text))


# --- invisible characters ---------------------------------------------------------------------------------------------
# Joiners mean something between emoji and in scripts from Arabic to Sinhala; a flag is an emoji followed by tags.
_JOINED = "\u0600-\u0dff\u2600-\u27bf\ufe0f\U0001f000-\U0001faff"
_TAGS, _VARIANTS = "\U000e0020-\U000e007f", "\U000e0100-\U000e01ef"
_INVISIBLE = re.compile(
    r"\x1b\[[0-9;?]{0,20}[A-Za-z]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f]"
    r"|[\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\U000e0000-\U000e001f]"
    rf"|(?<![{_JOINED}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINED}])"
    rf"|(?<![\U0001f3f4{_TAGS}])[{_TAGS}]+"
    rf"|(?<=[{_VARIANTS}])[{_VARIANTS}]+"
)


def strip_invisible(text: str) -> str:
    """The text without control, zero-width, direction and tag characters; joiners inside emoji stay."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", text)


def _invisible(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    return Outcome(strip_invisible)


# --- white space ------------------------------------------------------------------------------------------------------
_HAN_GAP = re.compile(r"(?<=[\u3400-\u9fff\u3000-\u303f\uff01-\uff5e]) (?=[\u3400-\u9fff\u3000-\u303f\uff01-\uff5e])")
_NEW_LINE = re.compile("\r\n|[\r\x85\u2028\u2029]")


def squeeze_space(text: str, *, indent: bool = True, han: bool = False) -> str:
    r"""One space between words, no space at the ends of lines, at most one blank line.

    Args:
        text: any text.
        indent: keep the spaces a line begins with (code, lists, verse).
        han: take out single spaces between Chinese characters too.

    Example:
        >>> squeeze_space("  a \u00a0 b \r\n\n\n\n  c", indent=False)
        'a b\n\nc'
    """
    lines, blank = [], 0
    for line in _NEW_LINE.sub("\n", text).split("\n"):
        words = " ".join(line.split())
        blank = 0 if words else blank + 1
        if blank > 1:
            continue
        start = line[: len(line) - len(line.lstrip())] if indent and words else ""
        lines.append(start + words)
    squeezed = "\n".join(lines).strip()
    return _HAN_GAP.sub("", squeezed) if han else squeezed


def _whitespace(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    indent, han = values["indent"], values["han_gaps"]
    return Outcome(lambda text: squeeze_space(text, indent=indent, han=han))


# --- HTML -------------------------------------------------------------------------------------------------------------
_BLOCKS = frozenset(
    "address article aside blockquote body br center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 "
    "h5 h6 head header hr html legend li main nav ol option p pre section select table tbody td tfoot th thead title "
    "tr ul".split()
)
_INLINE = frozenset(
    "a abbr acronym area audio b base bdi bdo big button canvas caption cite code col colgroup data datalist del "
    "details dfn dialog em embed font frame frameset i iframe img input ins kbd label link map mark menu meta meter "
    "noframes noscript object optgroup output param picture progress q rp rt ruby s samp script slot small source span "
    "strike strong style sub summary sup svg template textarea time tt u var video wbr".split()
)
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,14})(?:\s[^<>]*|/)?>")
_DOCTYPE = re.compile(r"<!(?i:doctype)\b[^<>]{0,300}>")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_UNREAD = (
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<script\b[^<>]*>", re.I), re.compile(r"</script\s*>", re.I)),
    (re.compile(r"<style\b[^<>]*>", re.I), re.compile(r"</style\s*>", re.I)),
)


def _without(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Cut everything from an opening mark to its closing one; a mark that is never closed stays. One pass."""
    parts, at = [], 0
    while (start := opening.search(text, at)) and (end := closing.search(text, start.end())):
        parts.append(text[at : start.start()])
        at = end.end()
    return "".join([*parts, text[at:]]) if parts else text


def _tag(match: re.Match[str]) -> str:
    name = match.group(1).lower()
    if name in _BLOCKS:
        return "\n"
    return "" if name in _INLINE else match.group()  # <your name> and a<b>c in a formula are not HTML


def strip_html(text: str) -> str:
    r"""The text of HTML: scripts, styles, comments and known tags gone, block tags a line break, entities decoded.

    Example:
        >>> strip_html("<p>Fish &amp; chips</p><br/>if a < b: <your name>")
        'Fish & chips\nif a < b: <your name>'
    """
    if "<" in text:
        for opening, closing in _UNREAD:
            text = _without(text, opening, closing)
        bare = _TAG.sub(_tag, _DOCTYPE.sub("", text))
        text = re.sub(r"\n{2,}", "\n", bare).strip("\n") if bare != text else text
    return _ENTITY.sub(lambda match: html.unescape(match.group()), text) if "&" in text else text


def _html(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    return Outcome(strip_html)


# --- web addresses ----------------------------------------------------------------------------------------------------
_PATH = r"[^\s<>\"'`\u2018-\u201f\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]"
_URL = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?:https?|ftp)://{_PATH}{{2,2000}}|www\.[A-Za-z0-9-]{{1,63}}\.{_PATH}{{2,2000}})", re.I
)
_TRAILING = ".,;:!?)]}*_~…"
URL_MARK = "[URL]"


def _address(replacement: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        found = match.group()
        kept = found.rstrip(_TRAILING)
        if kept.count("(") > kept.count(")") and found[len(kept) :].startswith(")"):
            kept += ")"
        return replacement + found[len(kept) :]

    return replace


def url_editor(action: str) -> Editor:
    """Replaces web addresses by [URL], or takes them out together with the space before them."""
    replace = _address(URL_MARK if action == "mask" else "")

    def edit(text: str) -> str:
        if "://" not in text and "ww." not in text.lower():
            return text
        edited = _URL.sub(replace, text)
        if action == "remove" and edited != text:
            edited = re.sub(r" {2,}", " ", edited).strip(" ")
        return edited

    return edit


def _url(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    return Outcome(url_editor(values["action"]))


UNICODE = Step("unicode", "clean.step.unicode", "form", "edit", (_UNICODE_FORM,), (), "", 1, _unicode)
INVISIBLE = Step("invisible", "clean.step.invisible", "form", "edit", (), (), "", 1, _invisible)
WHITESPACE = Step(
    "whitespace", "clean.step.whitespace", "form", "edit",
    (Parameter("indent", "bool", True), Parameter("han_gaps", "bool", False)), (), "", 1, _whitespace,
)  # fmt: skip
# Not steady: "&amp;lt;" is one level of escaping per pass, and a decoded "&lt;b&gt;" looks like a tag the next time.
HTML = Step("html", "clean.step.html", "form", "edit", (), (), "", 1, _html, steady=False)
URL = Step(
    "url", "clean.step.url", "form", "edit",
    (Parameter("action", "choice", "mask", choices=("mask", "remove")),), (), "", 1, _url, steady=False,
)  # fmt: skip
