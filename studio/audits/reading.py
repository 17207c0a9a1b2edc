"""The texts of a corpus read once for all audits of words: tokens, identity terms as tokens, whole words of a language.

Texts are read a few million characters at a time, so that what it takes grows with the tokens and not with the
characters (decision 0171). A reading is kept for the next audit of the same run and used only where texts and terms
are equal, never by name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
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
AT_ONCE = 4_000_000  # characters joined and cut together, 60 bytes each while that lasts


@dataclass(frozen=True)
class Reading:
    """Tokens of n texts in order. A token is a word, a Han character, or an identity term of any length.

    ids (m,) int32 into `words`, BREAK for punctuation; rows (m,) int32, which text, never falling; words (v,) what each
    id reads as; stands_for (v,) the numbers of the lexicon's terms an id stands for, () for plain words; is_han (v,)
    True for a single Han character that is no term; n_units (n,) words and Han characters per text, a term counting as
    many as it has. Codes worked out from ids need int64: a product of two of them outgrows int32.
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
        at = np.flatnonzero(self._mask(self.is_term))
        flat = np.fromiter((t for numbers in self.stands_for for t in numbers), np.int64)
        sizes = np.fromiter((len(numbers) for numbers in self.stands_for), np.int64, len(self.words))
        ids = self.ids[at]
        first = (np.cumsum(sizes) - sizes)[ids]  # where the terms of each mention begin among all of them
        each = sizes[ids]
        place = np.arange(int(each.sum())) + np.repeat(first - (np.cumsum(each) - each), each)
        return np.repeat(self.rows[at], each), flat[place]

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
        hit[self.rows[self._mask(ids)]] = True
        return hit

    def _mask(self, ids: Array) -> Array:
        """(m,) True for tokens of the masked ids; BREAK is the extra place at the end."""
        return np.append(ids, False)[self.ids]


_KEPT = 2  # readings: one with the lexicon's terms, one with more
_kept: list[tuple[str, Lexicon, tuple, Reading]] = []


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
    mark = _digest(given)
    for mark_of, terms_of, struck, reading in _kept:
        if terms_of == found.lexicon and struck == own and mark_of == mark:
            return reading
    reading = _read(given, found, lexicon, example_ids)
    _kept.insert(0, (mark, found.lexicon, own, reading))
    del _kept[_KEPT:]
    return reading


def _digest(texts: Sequence[str]) -> str:
    """The sha256 of all texts with their lengths, instead of a copy of them."""
    found = hashlib.sha256(np.fromiter((len(text) for text in texts), np.int64, len(texts)).tobytes())
    for start, end in _parts(texts):
        found.update("".join(texts[start:end]).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _parts(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where to begin and end to have about AT_ONCE characters at a time; a longer text is a part by itself."""
    start = size = 0
    for row, text in enumerate(texts):
        if size and size + len(text) > AT_ONCE:
            yield start, row
            start, size = row, 0
        size += len(text) + 1
    if start < len(texts):
        yield start, len(texts)


def _read(texts: list[str], found: Matcher, lexicon: Lexicon, example_ids: Array) -> Reading:
    marks = _Marks(found)
    struck = _struck(lexicon, example_ids)
    place: dict[str, int] = {}  # word or mark -> id, in the order in which they first occur
    is_han: list[bool] = []
    ids, rows = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for start, end in _parts(texts):
        lower = "\x00".join(_PRIVATE.sub(" ", text) for text in texts[start:end]).lower()
        here = {row - start: keys for row, keys in struck.items() if start <= row < end}
        codes, words, kinds = split(marks.put(lower, here))
        new = np.full(len(words), BREAK, dtype=np.int32)
        for code in np.flatnonzero((kinds != END) & (kinds != BREAK_CLASS)).tolist():
            new[code] = place.setdefault(words[code], len(place))
            if len(place) > len(is_han):
                is_han.append(bool(kinds[code] == HAN))
        ends = kinds[codes] == END
        ids.append(new[codes[~ends]])
        rows.append((start + np.cumsum(ends)[~ends]).astype(np.int32))
    said = np.array([marks.keys[word][0] if word in marks.keys else word for word in place], dtype=object)
    stands_for = tuple(marks.keys[word][1] if word in marks.keys else () for word in place)
    all_ids, all_rows = np.concatenate(ids), np.concatenate(rows)
    n_units = _units(all_ids, all_rows, said, stands_for, len(texts))
    return Reading(all_ids, all_rows, said, stands_for, np.array(is_han, dtype=bool), n_units, found.lexicon)


def _units(ids: Array, rows: Array, words: Array, stands_for: tuple[tuple[int, ...], ...], n: int) -> Array:
    """(n,) words and Han characters per text; a term counts as many as it has, at least one."""
    sizes = [max(len(units(word)), 1) if numbers else 1 for word, numbers in zip(words, stands_for, strict=True)]
    per_token = np.array([*sizes, 0], dtype=np.uint16)[ids]  # BREAK is the last place
    return np.bincount(rows, weights=per_token, minlength=n).astype(np.int64)


def _struck(lexicon: Lexicon, example_ids: Array) -> dict[int, set[str]]:
    """Row -> the terms that are no mention there."""
    if not lexicon.struck:
        return {}
    ids = np.asarray(example_ids, np.int64)
    row_of = {
        int(ids[row]): int(row) for row in np.flatnonzero(np.isin(ids, [example for _, example in lexicon.struck]))
    }
    found: dict[int, set[str]] = {}
    for key, example in lexicon.struck:
        if example in row_of:
            found.setdefault(row_of[example], set()).add(key)
    return found


class _Marks:
    """One private character for every term that occurs, the same in all parts of a corpus.

    keys: mark -> how the term reads and the numbers it stands for.
    """

    def __init__(self, found: Matcher) -> None:
        self._found = found
        self._of: dict[str, str] = {}  # piece or key -> mark
        self.keys: dict[str, tuple[str, tuple[int, ...]]] = {}

    def put(self, lower: str, struck: dict[int, set[str]]) -> str:
        """A part of the corpus with marks for terms; texts end at NUL; struck: text of this part -> terms to leave."""
        parts: list[str] = []
        at = row = seen_to = 0
        for match in self._found.pattern.finditer(lower):
            start, end = match.span()
            piece = match.group()
            if struck:
                row += lower.count("\x00", seen_to, start)
                seen_to = start
                if self._found.key(piece) in struck.get(row, ()):
                    continue
            parts += (lower[at:start], " ", self._mark(piece), " ")
            suffix = _SUFFIX.match(lower, end) if self._found.is_word(piece) else None
            at = suffix.end() if suffix else end
        parts.append(lower[at:])
        return "".join(parts)

    def _mark(self, piece: str) -> str:
        mark = self._of.get(piece)
        if mark is None:
            key = self._found.key(piece)
            mark = self._of.get(key) or chr(FIRST_TERM + len(self.keys))
            self._of[piece] = self._of[key] = mark
            self.keys[mark] = (key, self._found.numbers(piece))
        return mark
