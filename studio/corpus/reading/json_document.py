"""JSON that is one document: an array of objects, texts or lists, an object with a list of objects, SQuAD."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from studio.corpus.reading import record
from studio.corpus.reading.encodings import codec_of
from studio.corpus.reading.form import Format
from studio.corpus.reading.opening import open_text
from studio.corpus.reading.record import RAW_CHARACTERS, Lexeme, Read
from studio.errors import CorpusError

_DECODER = json.JSONDecoder(parse_float=Lexeme, parse_int=Lexeme, parse_constant=lambda _: None)
_SPACE = re.compile(r"[\s,]*")
_BLANK = re.compile(r"\s*")
_BLOCK = 1024 * 1024
_FIRST, _TURNS = "column_1", "messages"


class Broken(CorpusError):
    """The document cannot be read past a place."""


class Pull:
    """A JSON document read piece by piece: never more than one value and a block in memory.

    Args:
        handle: the text.
        shown: the file's name for messages.
        limit: most characters to read in all; None for no end. Past it the text counts as ended.
    """

    def __init__(self, handle: TextIO, shown: str, limit: int | None = None) -> None:
        self._handle, self._shown, self._left = handle, shown, limit
        self._text, self._at, self.line, self._ended = "", 0, 1, False

    def _more(self, size: int = _BLOCK) -> bool:
        if self._left is not None:
            size = min(size, self._left)
        chunk = self._handle.read(size) if size else ""
        if self._left is not None:
            self._left -= len(chunk)
        self._text, self._at, self._ended = self._text[self._at :] + chunk, 0, not chunk
        return not self._ended

    def peek(self, *, commas: bool = False) -> str:
        """The next character that is no blank (nor a comma, if asked), not taken; nothing at the end."""
        pattern = _SPACE if commas else _BLANK
        while True:
            end = pattern.match(self._text, self._at).end()  # type: ignore[union-attr]
            self.line, self._at = self.line + self._text.count("\n", self._at, end), end
            if end < len(self._text):
                return self._text[end]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        """Step over one character that must be the next.

        Raises:
            Broken: it is not.
        """
        if self.peek() != character:
            raise self.broken()
        self._at += 1

    def value(self) -> tuple[Any, str, int]:
        """The next value, its text, and the line it begins on.

        Raises:
            Broken: it is no JSON, it ends too early, or it is longer than any value that is read.
        """
        self.peek()
        size, start = _BLOCK, self.line
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                whole = end < len(self._text) or self._ended
            except (ValueError, RecursionError):
                whole = False
            if whole:
                raw = self._text[self._at : end]
                self.line, self._at = self.line + raw.count("\n"), end
                return value, raw, start
            if len(self._text) - self._at > record.LINE_BYTES:
                raise self.broken()
            size = min(size * 2, record.LINE_BYTES)
            if self._ended or not self._more(size):
                raise self.broken()

    def rest(self) -> str:
        """The start of what is left."""
        return self._text[self._at : self._at + RAW_CHARACTERS * 2]

    def broken(self) -> Broken:
        """The error that names the place."""
        return Broken(
            "The JSON is broken and cannot be read past this place",
            got=f"{self._shown}, line {self.line:,}",
            fix="Mend it there, or save the data as JSONL, where one bad line costs one example.",
        )

    # --- composed -----------------------------------------------------------------------------------------------------
    def items(self) -> Iterator[tuple[Any, str, int]]:
        """The elements of the array that comes next, as `value` gives them."""
        self.take("[")
        while (character := self.peek(commas=True)) != "]":
            if not character:
                raise self.broken()
            yield self.value()
        self._at += 1

    def keys(self) -> Iterator[str]:
        """The keys of the object that comes next; the caller reads or skips each value."""
        self.take("{")
        while (character := self.peek(commas=True)) != "}":
            key, _, _ = self.value() if character == '"' else (None, "", 0)
            if not isinstance(key, str):
                raise self.broken()
            self.take(":")
            yield key
        self._at += 1


def _open(path: Path, form: Format, shown: str) -> TextIO:
    return open_text(path, form.packing, codec_of(form.encoding), shown)


# --- readers ----------------------------------------------------------------------------------------------------------
def array_of(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """One record per element of an array. Arrays glued together are read on.

    Where the first elements are no objects, texts become `{"text": ...}`, lists of values a record of `column_1`,
    `column_2` ..., and lists of objects a conversation in `messages`.
    """
    texts = form.columns == ("text",)
    lists = form.columns[0] if form.columns and form.columns[0] in (_FIRST, _TURNS) else ""
    with _open(path, form, shown) as handle:
        pull = Pull(handle, shown)
        while pull.peek() == "[":
            for value, raw, line in pull.items():
                yield _listed(value, raw, line, lists) if isinstance(value, list) else _element(value, raw, line, texts)
        if pull.peek():
            yield Read(pull.line, None, pull.rest(), "broken_json")


def list_in(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """One record per element of the list `form.part` of an object; its other fields are left out."""
    with _open(path, form, shown) as handle:
        for value, raw, line in _elements(Pull(handle, shown), form.part):
            yield _element(value, raw, line, False)


def squad_of(path: Path, form: Format, shown: str) -> Iterator[Read]:
    """One record per question of a file in SQuAD's form; the line is that of its article."""
    with _open(path, form, shown) as handle:
        for article, raw, line in _elements(Pull(handle, shown), form.part):
            yield from _questions(article, raw, line)


def columns_of_lists(first: Sequence[Any]) -> tuple[str, ...]:
    """The columns of an array most of whose elements are lists; empty where they are not.

    Example:
        >>> columns_of_lists([["a", 1], ["b", 2, 3]]), columns_of_lists([[{"role": "user"}]]), columns_of_lists([1])
        (('column_1', 'column_2', 'column_3'), ('messages',), ())
    """
    lists = [value for value in first if isinstance(value, list) and value]
    if 2 * len(lists) <= len(first):
        return ()
    talks = sum(all(isinstance(item, dict) for item in value) for value in lists)
    return (_TURNS,) if 2 * talks > len(lists) else tuple(f"column_{i + 1}" for i in range(max(map(len, lists))))


def _listed(value: list[Any], raw: str, line: int, first: str) -> Read:
    if first == _TURNS:
        return Read(line, {_TURNS: value}, raw)
    if first == _FIRST:
        return Read(line, {f"column_{i + 1}": item for i, item in enumerate(value)}, raw)
    return Read(line, None, raw, "not_an_object")


def _element(value: Any, raw: str, line: int, texts: bool) -> Read:
    if isinstance(value, dict):
        return Read(line, value, raw)
    if texts and isinstance(value, str) and not isinstance(value, Lexeme):
        return Read(line, {"text": value}, raw)
    return Read(line, None, raw, "not_an_object")


def _elements(pull: Pull, part: str) -> Iterator[tuple[Any, str, int]]:
    for key in pull.keys():
        if key == part and pull.peek() == "[":
            yield from pull.items()
        else:
            pull.value()
    if pull.peek():
        raise pull.broken()


def _questions(article: Any, raw: str, line: int) -> Iterator[Read]:
    paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
    if not isinstance(paragraphs, list):
        yield Read(line, None, raw, "not_an_object")
        return
    for paragraph in paragraphs:
        asked = paragraph.get("qas") if isinstance(paragraph, dict) else None
        if not isinstance(asked, list):
            yield Read(line, None, paragraph, "not_an_object")
            continue
        for question in asked:
            if not isinstance(question, dict):
                yield Read(line, None, question, "not_an_object")
                continue
            values = {
                "id": question.get("id"),
                "title": article.get("title"),
                "context": paragraph.get("context"),
                "question": question.get("question"),
                "answers": question.get("answers") or [],
                "is_impossible": bool(question.get("is_impossible")),
            }
            yield Read(line, values, values)


SQUAD_COLUMNS: tuple[str, ...] = ("id", "title", "context", "question", "answers", "is_impossible")


# --- looking ----------------------------------------------------------------------------------------------------------
def first_elements(path: Path, form: Format, shown: str, n: int) -> list[Any]:
    """The first elements of an array, as far as they can be read."""
    found: list[Any] = []
    with _open(path, form, shown) as handle:
        try:
            for value, _, _ in Pull(handle, shown, record.LINE_BYTES).items():
                found.append(value)
                if len(found) >= n:
                    break
        except Broken:
            pass
    return found


def overview(path: Path, form: Format, shown: str, n: int) -> Mapping[str, list[dict] | None]:
    """The fields of an object at its start: its lists of objects with their first elements, None for other fields."""
    found: dict[str, list[dict] | None] = {}
    with _open(path, form, shown) as handle:
        pull = Pull(handle, shown, record.LINE_BYTES)
        try:
            for key in pull.keys():
                if pull.peek() != "[":
                    pull.value()
                    found[key] = None
                    continue
                found[key] = first = []
                for value, _, _ in pull.items():
                    if isinstance(value, dict) and len(first) < n:
                        first.append(value)
        except Broken:
            pass
    return {key: first or None for key, first in found.items()}
