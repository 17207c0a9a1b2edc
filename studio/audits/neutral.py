"""Ordinary words swapped for others of like frequency and length: what any change of a word does to a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from studio.lexicons.matching import key_of

MOST_TEXTS = 20_000  # ours: texts that frequencies are counted in, evenly spaced
FEWEST = 2  # texts a word stands in before it may be put anywhere
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")


class Neutral:
    """Words of a corpus that name nobody, by length and frequency band (doublings of the texts that hold them).

    Args:
        texts: the corpus; at most 20,000 of them, evenly spaced, are counted.
        terms: identity terms and the terms that are swapped: no word of these is touched, taken, or made.
        language: zh counts runs of Han characters of the lengths of the swapped terms; everything else counts words.
        swapped: the terms that are swapped, for their lengths.
    """

    def __init__(
        self, texts: Sequence[str], terms: Collection[str], language: str, swapped: Collection[str] = ()
    ) -> None:
        self._is_han = language == "zh"
        keys = {key_of(term) for term in terms if term.strip()}
        self._named = {key for key in keys if " " not in key}
        whole = sorted((key for key in keys if self._is_han or " " in key), key=lambda key: (-len(key), key))
        body = "|".join(r"[\s\-]+".join(map(re.escape, key.split(" "))) for key in whole) or r"(?!)"
        self._terms = re.compile(body if self._is_han else rf"(?<!\w)(?:{body})(?!\w)", re.IGNORECASE)
        self._sizes = sorted({len(term) for term in swapped} or {1})
        step = max(1, -(-len(texts) // MOST_TEXTS))
        self._count = Counter(word for text in texts[::step] for word in {word for word, _, _ in self._words(text)})
        self._of_term = Counter(term for text in texts[::step] for term in self._said(text, swapped))
        self._by_place: dict[tuple[int, int], list[str]] = {}
        for word in sorted(word for word, n in self._count.items() if n >= FEWEST):
            self._by_place.setdefault(self._place(word), []).append(word)

    def swap(self, text: str, terms: Sequence[str], rng: np.random.Generator) -> str | None:
        """The text with as many ordinary words replaced as `terms`, each chosen near a term's length and band.

        A word is replaced by another of its own length and band, else of the nearest. None where there are too few
        ordinary words, or no other word to put.

        Args:
            text: a text of the corpus.
            terms: what the twin swapped in it.
            rng: chooses among equally near words.
        """
        free = list(self._words(text))
        chosen: list[tuple[int, int, str]] = []
        for term in terms:
            wanted = len(term), max(self._of_term[term], 1).bit_length()
            taken = [(start, end) for start, end, _ in chosen]
            able = [one for one in free if all(one[2] <= start or one[1] >= end for start, end in taken)
                    and (not self._is_han or len(one[0]) == len(term)) and self._pools(one[0])]  # fmt: skip
            if not able:
                return None
            cost = [self._apart(self._place(word), wanted) for word, _, _ in able]
            near = [one for one, far in zip(able, cost, strict=True) if far == min(cost)]
            word, start, end = near[int(rng.integers(len(near)))]
            chosen.append((start, end, self._other(word, rng)))
        out = text
        for start, end, other in sorted(chosen, reverse=True):
            out = out[:start] + _in_case(text[start:end], other) + out[end:]
        return out if self._n_terms(out) == self._n_terms(text) else None  # a term may arise where two words meet

    def _words(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Every ordinary word with its place; Han runs are read at every position, in every length asked for."""
        held = [match.span() for match in self._terms.finditer(text)]
        if not self._is_han:
            for match in _WORD.finditer(text):
                word, (start, end) = match.group().lower().replace("’", "'"), match.span()
                if not self._names_someone(word) and all(end <= left or start >= right for left, right in held):
                    yield word, start, end
            return
        for run in _HAN.finditer(text):
            for size in self._sizes:
                for start in range(run.start(), run.end() - size + 1):
                    if all(start + size <= left or start >= right for left, right in held):
                        yield text[start : start + size], start, start + size

    def _said(self, text: str, swapped: Collection[str]) -> set[str]:
        """Which of the swapped terms a text holds."""
        if self._is_han:
            return {term for term in swapped if term in text}
        return {match.group().lower() for match in _WORD.finditer(text)} & set(swapped)

    def _names_someone(self, word: str) -> bool:
        bare = word.split("'")[0]
        return any(part in self._named for part in (word, bare, bare.removesuffix("s"), f"{bare}s"))

    def _n_terms(self, text: str) -> int:
        return sum(1 for _ in self._terms.finditer(text))

    def _place(self, word: str) -> tuple[int, int]:
        return len(word), max(self._count[word], 1).bit_length()

    def _apart(self, one: tuple[int, int], other: tuple[int, int]) -> int:
        return abs(one[0] - other[0]) + abs(one[1] - other[1])

    def _pools(self, word: str) -> list[list[str]]:
        """Where to take another word from: same length and band, else one step away in one of them; empty for none."""
        size, band = self._place(word)
        steps = [(0, 0)], [(0, -1), (0, 1)], [] if self._is_han else [(-1, 0), (1, 0)]
        for number, step in enumerate(steps):
            found = [pool for ds, db in step if (pool := self._by_place.get((size + ds, band + db)))]
            if sum(map(len, found)) > (1 if number == 0 and self._count[word] >= FEWEST else 0):
                return found
        return []

    def _other(self, word: str, rng: np.random.Generator) -> str:
        """A word of its pools, never itself."""
        every = [other for pool in self._pools(word) for other in pool]
        place = int(rng.integers(len(every)))
        return every[place] if every[place] != word else every[(place + 1) % len(every)]


def _in_case(model: str, word: str) -> str:
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
