"""The texts of a corpus read once for all audits of words: tokens, identity terms as tokens, whole words of a language.

A reading is kept for the next audit of the same run and used only where texts and terms are equal, never by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from studio.audits.splitting import BREAK_CLASS, END, FIRST_TERM, HAN, LAST_TERM, split
from studio.audits.tokenise import units
from studio.lexicons import Matcher, matcher
from studio.records import Array, Lexicon

_PRIVATE = re.compile(f"[{chr(FIRST_TERM)}-{chr(LAST_TERM)}\x00]")  # where they stand in a corpus, they are dropped
_SUFFIX = re.compile("['’]?s|['’]")
BREAK = -1


@dataclass(frozen=True)
class Reading:
    """Tokens of n texts in order. A token is a word, a Han character, or an identity term of any length.

    ids (m,) int64 into `words`, BREAK for punctuation; rows (m,) int64, which text; words (v,) what each id reads as;
    stands_for (v,) the numbers of the lexicon's terms an id stands for, () for plain words; is_han (v,) True for a
    single Han character that is no term; n_units (n,) words and
    Han characters per text, a term counting as many as it has.
    """

    ids: Array
    rows: Array
    words: Array
    stands_for: tuple[tuple[int, ...], ...]
    is_han: Array
    n_units: Array
    lexicon: Lexicon

    @property
    def n(self) -> int:
        """How many texts."""
        return len(self.n_units)

    @cached_property
    def is_term(self) -> Array:
        """(v,) True where an id is a term."""
        return np.fromiter((bool(numbers) for numbers in self.stands_for), bool, len(self.words))

    @cached_property
    def plain(self) -> tuple[Array, Array]:
        """Ids and rows without the breaks: what stands in a window."""
        kept = self.ids != BREAK
        return self.ids[kept], self.rows[kept]

    @cached_property
    def mentions(self) -> tuple[Array, Array]:
        """Rows and term numbers of every mention; a token that stands for two terms is two mentions."""
        at = np.flatnonzero(
            (self.ids >= 0) & self.is_term[np.maximum(self.ids, 0)] if len(self.words) else self.ids > 0
        )
        sizes = np.fromiter((len(numbers) for numbers in self.stands_for), np.int64, len(self.words))
        ids = self.ids[at]
        terms = np.fromiter((t for i in ids for t in self.stands_for[i]), np.int64, int(sizes[ids].sum()))
        return np.repeat(self.rows[at], sizes[ids]), terms

    def groups(self, *, with_ambiguous: bool = False) -> dict[tuple[str, str], Array]:
        """(axis, group) -> (v,) which ids name it, in the order of the lexicon."""
        found: dict[tuple[str, str], Array] = {}
        for term in self.lexicon.terms:
            found.setdefault((term.axis, term.group), np.zeros(len(self.words), dtype=bool))
        for i in np.flatnonzero(self.is_term):
            for number in self.stands_for[i]:
                term = self.lexicon.terms[number]
                if with_ambiguous or not term.is_ambiguous:
                    found[term.axis, term.group][i] = True
        return found

    def rows_with(self, ids: Array) -> Array:
        """(n,) True where a text holds one of the ids (a mask over the words); struck hits do not count."""
        hit = np.zeros(self.n, dtype=bool)
        if len(self.words):
            hit[self.rows[(self.ids >= 0) & ids[np.maximum(self.ids, 0)]]] = True
        return hit


_KEPT = 2  # readings: one with the lexicon's terms, one with more
_kept: list[tuple[list[str], Lexicon, tuple, Reading]] = []


def read(texts: Sequence[str | None], lexicon: Lexicon, example_ids: Array, extra: Matcher | None = None) -> Reading:
    """The reading of some texts with some terms; missing text reads as empty.

    Args:
        texts: n texts.
        lexicon: the terms in force; its struck hits are read as plain words.
        example_ids: (n,) which example each text is, for the struck hits.
        extra: a matcher to use instead of the lexicon's own, where it holds more words than the lexicon.
    """
    given = ["" if text is None else text for text in texts]
    found = matcher(lexicon) if extra is None else extra
    own = (lexicon.struck, np.asarray(example_ids, np.int64).tobytes()) if lexicon.struck else ()
    for texts_of, terms_of, struck, reading in _kept:
        if terms_of == found.lexicon and struck == own and texts_of == given:
            return reading
    reading = _read(given, found, lexicon, example_ids)
    _kept.insert(0, (given, found.lexicon, own, reading))
    del _kept[_KEPT:]
    return reading


def _read(texts: list[str], found: Matcher, lexicon: Lexicon, example_ids: Array) -> Reading:
    big = "\x00".join(_PRIVATE.sub(" ", text) for text in texts)
    lower = big.lower()
    if len(lower) != len(big):  # a letter that grows when lowered: places no longer matter, only order does
        big = lower
    marked, keys = _mark(lower, found, _struck(lexicon, example_ids))
    codes, words, kinds = split(marked)
    ends = kinds[codes] == END
    rows = np.cumsum(ends)
    solid = (kinds != END) & (kinds != BREAK_CLASS)
    new = np.where(solid, np.cumsum(solid) - 1, BREAK)
    kept = [word for word, is_solid in zip(words, solid, strict=True) if is_solid]
    ids, rows = new[codes][~ends], rows[~ends]
    stands_for = tuple(keys[word][1] if word in keys else () for word in kept)
    said = np.array([keys[word][0] if word in keys else word for word in kept], dtype=object)
    sizes = np.array(
        [max(len(units(word)), 1) if numbers else 1 for word, numbers in zip(said, stands_for, strict=True)]
    )
    there = ids >= 0
    counted = sizes[ids[there]] if there.any() else None
    n_units = np.bincount(rows[there], weights=counted, minlength=len(texts)).astype(np.int64)
    return Reading(ids, rows, said, stands_for, kinds[solid] == HAN, n_units, found.lexicon)


def _struck(lexicon: Lexicon, example_ids: Array) -> dict[int, set[str]]:
    """Row -> the terms that are no mention there."""
    if not lexicon.struck:
        return {}
    row_of = {int(example): row for row, example in enumerate(example_ids)}
    found: dict[int, set[str]] = {}
    for key, example in lexicon.struck:
        if example in row_of:
            found.setdefault(row_of[example], set()).add(key)
    return found


def _mark(
    lower: str, found: Matcher, struck: dict[int, set[str]]
) -> tuple[str, dict[str, tuple[str, tuple[int, ...]]]]:
    """The text with one private character for every term, and what each such character stands for."""
    parts: list[str] = []
    mark_of: dict[str, str] = {}
    keys: dict[str, tuple[str, tuple[int, ...]]] = {}
    at = row = 0
    seen_to = 0
    for match in found.pattern.finditer(lower):
        start, end = match.span()
        piece = match.group()
        if struck:
            row += lower.count("\x00", seen_to, start)
            seen_to = start
            if found.key(piece) in struck.get(row, ()):
                continue
        mark = mark_of.get(piece)
        if mark is None:
            key = found.key(piece)
            mark = mark_of.get(key) or chr(FIRST_TERM + len(keys))
            mark_of[piece] = mark_of[key] = mark
            keys[mark] = (key, found.numbers(piece))
        parts += (lower[at:start], " ", mark, " ")
        suffix = _SUFFIX.match(lower, end) if found.is_word(piece) else None
        at = suffix.end() if suffix else end
    parts.append(lower[at:])
    return "".join(parts), keys
