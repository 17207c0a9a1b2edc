"""Where identity terms stand in a text: one pass over all axes, the longest term at each place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from studio.records import Array, Lexicon, Term

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003134f"
_LEFT = rf"(?<![^\W{_HAN}])"  # no letter or digit before; a Han character may stand before "LGBT"
_RIGHT = rf"(?![^\W{_HAN}])"
# 中国人口 and 中国人类学 speak of a count and a science: 人 there begins the next word
_NOT_A_PERSON = "(?!(?:口|均|权|类|力|工智能|文社|文科|文素|文关|文地理|大代表|民币|民政府|民法院))"
_JOINTS = re.compile(r"[\s\-\u2010\u2011]+")  # "non binary" and "non-binary" are one term


@dataclass(frozen=True)
class Mention:
    """One term in one text: characters [start, end) and which term of the lexicon."""

    start: int
    end: int
    term: Term


@dataclass(frozen=True)
class Mentions:
    """Every mention in many texts: mention i is term `terms[i]` of the lexicon in text `rows[i]`; rows do not fall."""

    rows: Array
    terms: Array


def key_of(text: str) -> str:
    """What two spellings of one term share: small letters, one straight apostrophe, one space for any joint inside.

    Example:
        >>> key_of("Non-Binary"), key_of("Asperger’s")
        ('non binary', "asperger's")
    """
    return _JOINTS.sub(" ", text.lower().replace("’", "'")).strip()


class Matcher:
    """Finds the terms of a lexicon.

    Words match whole, in any case, also with a plural s or a possessive; in scripts without spaces a term matches
    anywhere. Of terms that start at one place the longest counts, over all axes, and what it covers is taken: 女孩子 is
    one mention. A term of another axis inside it counts too ("black woman" is Black and women) unless the longer term
    is ambiguous, which is how a list says that "old school" is no mention of age.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        keyed = [(key_of(term.term), number) for number, term in enumerate(lexicon.terms)]
        self._of_key: dict[str, tuple[int, ...]] = {}
        for key, number in keyed:
            self._of_key[key] = (*self._of_key.get(key, ()), number)
        words = [key for key, number in keyed if lexicon.terms[number].match == "word"]
        others = [key for key, number in keyed if lexicon.terms[number].match != "word"]
        self.pattern = _pattern(words, others)
        self._whole = frozenset(words)
        self._seen: dict[str, tuple[int, ...]] = {}
        for key in list(self._of_key):
            self._seen[key] = self._with_inner(key)

    def _with_inner(self, key: str) -> tuple[int, ...]:
        """The term's own numbers and those of terms of other axes inside it."""
        own = self._of_key[key]
        terms = self.lexicon.terms
        if any(terms[number].is_ambiguous for number in own):
            return own
        axes = {terms[number].axis for number in own}
        found = list(own)
        at = 0
        while at < len(key):
            inner = self._inner_at(key, at, axes)
            if inner is None:
                at += 1
            else:
                found += [n for n in self._of_key[inner] if terms[n].axis not in axes and not terms[n].is_ambiguous]
                at += len(inner)
        return tuple(dict.fromkeys(found))

    def _inner_at(self, key: str, at: int, axes: set[str]) -> str | None:
        terms = self.lexicon.terms
        for end in range(len(key), at, -1):
            part = key[at:end]
            if part == key or part not in self._of_key:
                continue
            numbers = self._of_key[part]
            is_word = any(terms[n].match == "word" for n in numbers)
            whole = (at == 0 or key[at - 1] == " ") and (end == len(key) or key[end] == " ")
            if (whole or not is_word) and any(terms[n].axis not in axes for n in numbers):
                return part
        return None

    def numbers(self, found: str) -> tuple[int, ...]:
        """Which terms a matched piece of text stands for."""
        known = self._seen.get(found)
        if known is None:
            known = self._seen[found] = self._seen[key_of(found)]
        return known

    def key(self, found: str) -> str:
        """The `key_of` of the term a matched piece of text stands for."""
        return found if found in self._of_key else key_of(found)

    def is_word(self, found: str) -> bool:
        """True where the piece is a word of a script with spaces, which may carry a plural s or a possessive."""
        return self.key(found) in self._whole

    def find(self, text: str) -> list[Mention]:
        """Every mention in one text, in order."""
        return list(self._find(text))

    def _find(self, text: str) -> Iterator[Mention]:
        for match in self.pattern.finditer(_lower(text)):
            for number in self.numbers(match.group()):
                yield Mention(match.start(), match.end(), self.lexicon.terms[number])

    def scan(self, texts: Sequence[str]) -> Mentions:
        """Every mention in many texts, as arrays."""
        find_all = self.pattern.findall
        pieces: list[str] = []
        counts = np.zeros(len(texts), dtype=np.int64)
        for row, text in enumerate(texts):
            found = find_all(_lower(text)) if text else ()
            if found:
                pieces += found
                counts[row] = len(found)
        stands_for = [self.numbers(piece) for piece in pieces]
        sizes = np.fromiter((len(numbers) for numbers in stands_for), np.int64, len(stands_for))
        terms = np.fromiter((number for numbers in stands_for for number in numbers), np.int64, int(sizes.sum()))
        return Mentions(np.repeat(np.repeat(np.arange(len(texts)), counts), sizes), terms)


def matcher(lexicon: Lexicon) -> Matcher:
    """The matcher of a lexicon, compiled once; struck hits are the business of who knows the examples."""
    return _matcher(replace(lexicon, struck=()))


@lru_cache(maxsize=16)
def _matcher(lexicon: Lexicon) -> Matcher:
    return Matcher(lexicon)


def _lower(text: str) -> str:
    lower = text.lower()
    if len(lower) != len(text):  # İ grows when lowered: places must stay those of the text
        lower = "".join(one if len(one := c.lower()) == 1 else c for c in text)
    return lower


def _pattern(words: Sequence[str], others: Sequence[str]) -> re.Pattern[str]:
    parts = []
    if words:
        parts.append(rf"{_begins(words)}{_LEFT}{_trie(words)}(?=(?:['’]?s|['’])?{_RIGHT})")
    if others:
        parts.append(f"{_begins(others)}{_trie(others)}")
    return re.compile("|".join(parts) or r"(?!)")


def _begins(keys: Sequence[str]) -> str:
    """One look at the first character: a set is asked at once, the branches of a trie one after the other."""
    return f"(?=[{''.join(re.escape(first) for first in sorted({key[0] for key in keys}))}])"


def _trie(keys: Sequence[str]) -> str:
    """One expression for many words that shares their beginnings: the time no longer grows with the list."""
    root: dict[str, dict] = {}
    for key in keys:
        node = root
        for character in key:
            node = node.setdefault(character, {})
        node[""] = {}
    return _expression(root)


def _expression(node: dict[str, dict]) -> str:
    options = [_literal(character) + _after(character, child) for character, child in sorted(node.items()) if character]
    if not options:
        return ""
    body = options[0] if len(options) == 1 and "" not in node else f"(?:{'|'.join(options)})"
    return f"{body}?" if "" in node else body


def _after(character: str, child: dict[str, dict]) -> str:
    rest = _expression(child)
    if character != "人" or "" not in child:
        return rest
    longer = rest[:-1] if rest else ""  # the term may end here, or go on as a longer one
    return f"(?:{longer}|{_NOT_A_PERSON})" if longer else _NOT_A_PERSON


def _literal(character: str) -> str:
    if character == " ":
        return r"[\s\-\u2010\u2011]+"
    return "['’]" if character == "'" else re.escape(character)
