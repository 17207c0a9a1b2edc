"""Tokens with tags, spans over a text, and the way between them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from studio.corpus.shapes.reject import Reject
from studio.corpus.values import as_text, nested

# Han, kana, and the punctuation and full-width forms written with them: no space stands beside these.
_UNSPACED = re.compile(r"[\u2e80-\u303f\u3040-\u30ff\u31c0-\u31ef\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")
_STARTS = ("start", "start_offset", "begin", "offset_start", "start_char", "from")
_ENDS = ("end", "end_offset", "stop", "offset_end", "end_char", "to")
_KINDS = ("label", "type", "tag", "entity", "entity_type", "entity_group", "labels")
SCHEMES: tuple[str, ...] = ("BIO", "IOB1", "BIOES")
Span = dict[str, Any]


def words_of(value: Any) -> list[str] | None:
    """A list of tokens or tags; None for anything else. A text is cut at spaces.

    Example:
        >>> words_of(["a", 1]), words_of("B-PER O"), words_of(None)
        (['a', '1'], ['B-PER', 'O'], None)
    """
    found = nested(value)
    if found is None and isinstance(value, str) and value.strip():
        found = value.split()
    if not isinstance(found, list) or any(isinstance(item, list | dict) for item in found):
        return None
    return [as_text(item) or "" for item in found]


def join(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The tokens as one text, and the place (start, end) of each in code points.

    A space stands between two tokens unless either is Chinese or Japanese where they meet.

    Example:
        >>> join(["New", "York", "，", "纽约"])
        ('New York，纽约', [(0, 3), (4, 8), (8, 9), (9, 11)])
    """
    text, places, at = [], [], 0
    for token in tokens:
        if at and token and not _UNSPACED.match(token) and not _UNSPACED.match(text[-1][-1:] or " "):
            text.append(" ")
            at += 1
        text.append(token)
        places.append((at, at + len(token)))
        at += len(token)
    return "".join(text), places


def places_in(text: str, tokens: Sequence[str]) -> list[tuple[int, int]] | None:
    """Where each token stands in a text that holds them in order with nothing but spaces between; None if it does not.

    Example:
        >>> places_in("don't stop", ["do", "n't", "stop"])
        [(0, 2), (2, 5), (6, 10)]
    """
    places, at = [], 0
    for token in tokens:
        while at < len(text) and text[at].isspace():
            at += 1
        if not token or not text.startswith(token, at):
            return None
        places.append((at, at + len(token)))
        at += len(token)
    return None if text[at:].strip() else places


def has_scheme(tags: Sequence[str]) -> bool:
    """True when the tags name the places of spans (B-, I-, E-, S-, L-, U- or O), and not word classes."""
    inside = [tag for tag in tags if tag not in ("O", "")]
    return bool(inside) and all(re.match(r"[BIESLU][-_]\S", tag) for tag in inside)


def _cut(tag: str) -> tuple[str, str]:
    if tag in ("O", "") or len(tag) < 2 or tag[1] not in "-_":
        return "O", ""
    return {"L": "E", "U": "S"}.get(tag[0], tag[0]), tag[2:]


def spans_of_tags(tags: Sequence[str], places: Sequence[tuple[int, int]]) -> list[Span]:
    """Spans (start, end, label) in code points; a tag that cannot follow the one before begins a new span.

    Paper: tjong-2003 (the rules of conlleval, which read BIO, IOB1 and BIOES alike).

    Example:
        >>> spans_of_tags(["B-PER", "I-PER", "O", "I-LOC"], [(0, 3), (4, 7), (8, 9), (10, 12)])
        [{'start': 0, 'end': 7, 'label': 'PER'}, {'start': 10, 'end': 12, 'label': 'LOC'}]
    """
    spans: list[Span] = []
    before, kind_before = "O", ""
    for tag, (start, end) in zip(tags, places, strict=True):
        prefix, kind = _cut(tag)
        if prefix != "O":
            goes_on = prefix in "IE" and before in ("B", "I") and kind == kind_before
            if goes_on:
                spans[-1]["end"] = end
            else:
                spans.append({"start": start, "end": end, "label": kind})
        before, kind_before = prefix, kind
    return spans


def scheme_of(sequences: Sequence[Sequence[str]]) -> str:
    """BIO, IOB1 or BIOES: the scheme under which the fewest tags stand where they cannot; BIO when two are equal.

    Example:
        >>> scheme_of([["I-PER", "O", "I-PER", "B-PER"]]), scheme_of([["S-PER", "B-LOC", "E-LOC"]])
        ('IOB1', 'BIOES')
    """
    if any(tag[:2] in ("E-", "S-", "L-", "U-") for tags in sequences for tag in tags):
        return "BIOES"
    illegal = {scheme: sum(n_illegal(tags, scheme) for tags in sequences) for scheme in ("BIO", "IOB1")}
    return min(illegal, key=lambda scheme: illegal[scheme])


def n_illegal(tags: Sequence[str], scheme: str) -> int:
    """How many tags stand where the scheme does not allow them.

    BIO: I-x only after B-x or I-x. IOB1: B-x only after B-x or I-x. BIOES: I-x and E-x only after B-x or I-x, and B-x
    and I-x only before I-x or E-x.

    Example:
        >>> n_illegal(["O", "I-PER"], "BIO"), n_illegal(["O", "B-PER"], "IOB1"), n_illegal(["B-PER", "O"], "BIOES")
        (1, 1, 1)
    """
    found, before, kind_before = 0, "O", ""
    for tag in [*tags, "O"]:
        prefix, kind = _cut(tag)
        follows = before in ("B", "I") and kind == kind_before
        if scheme == "IOB1":
            found += prefix == "B" and not follows
        elif prefix in ("I", "E"):
            found += not follows
        if scheme == "BIOES" and before in ("B", "I") and not (prefix in ("I", "E") and kind == kind_before):
            found += 1
        before, kind_before = prefix, kind
    return found


def read_spans(value: Any, text: str) -> list[Span] | None:
    """Spans over a text, sorted, from objects or [start, end, label] triples; None where nothing was written.

    Raises:
        Reject: broken_span (no start, end or label), span_outside (not within the text), span_differs (the span's own
            text is not what stands there).
    """
    found = span_list(value)
    if found is None:
        return None
    for span, surface in found:
        if not 0 <= span["start"] < span["end"] <= len(text):
            raise Reject("span_outside")
        if surface is not None and surface != text[span["start"] : span["end"]]:
            raise Reject("span_differs")
    return sorted((span for span, _ in found), key=lambda span: (span["start"], span["end"], span["label"]))


def span_list(value: Any) -> list[tuple[Span, str | None]] | None:
    """The spans of a value and the text each says it covers, whatever text they belong to; None for an empty value.

    Raises:
        Reject: broken_span.
    """
    found = nested(value)
    if isinstance(found, Mapping):
        inner = next((found[name] for name in ("entities", "spans", "labels") if name in found), None)
        found = inner if isinstance(inner, list) else [found]
    if found is None:
        if not isinstance(value, list | dict) and as_text(value):
            raise Reject("broken_span")
        return None
    return [_span(item) for item in found]


def _span(item: Any) -> tuple[Span, str | None]:
    surface = None
    if isinstance(item, Mapping):
        start, end, kind = (next((item[name] for name in names if name in item), None)
                            for names in (_STARTS, _ENDS, _KINDS))  # fmt: skip
        surface = next((item[name] for name in ("text", "word", "surface") if isinstance(item.get(name), str)), None)
    elif isinstance(item, list | tuple) and len(item) >= 3:
        start, end, kind = item[:3]
    else:
        raise Reject("broken_span")
    if isinstance(kind, list) and len(kind) == 1:
        kind = kind[0]
    label = (as_text(kind) or "").strip() if not isinstance(kind, list | dict) else ""
    first, last = _place(start), _place(end)
    if first is None or last is None or not label or len(label) > 200:
        raise Reject("broken_span")
    return {"start": first, "end": last, "label": label}, surface


def _place(value: Any) -> int | None:
    if isinstance(value, list | dict | bool) or value is None:
        return None
    digits = (as_text(value) or "").removesuffix(".0")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
