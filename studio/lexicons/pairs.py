"""Term for term: how a text would read about another group of the same axis.

Pairs stand in `pairs_en.csv` and `pairs_zh.csv` (axis, group, term, other_group, other), written by hand for Winnow;
they swap both ways, the first pair of a term decides. English keeps the case of each word and knows two ambiguities,
decided by the next word: `her` is `his` before a noun and `him` before a word that ends an object or a stop; `his` is
`her` before a noun and `hers` otherwise. Chinese is swapped by longest term. Every other term of the lexicon shields
what stands in it ("子女", "old school"), as do words of SHIELDS.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from studio.errors import CorpusError
from studio.lexicons.matching import key_of
from studio.records import LANGUAGES, Lexicon

_HERE = Path(__file__).parent
SHIELDS: dict[str, tuple[str, ...]] = {
    "en": ("his and hers", "his or her", "his or hers", "he or she", "him or her", "her majesty", "his majesty",
           "sir or madam", "ladies and gentlemen"),
    "zh": ("其他", "吉他", "他人", "他乡", "排他", "利他", "维他", "马耳他", "男女", "子女", "儿女", "女士们先生们"),
}  # fmt: skip
# A word after "her" that cannot begin what she owns: then "her" is the object. Closed classes only, ours.
_AFTER_OBJECT = frozenset(
    "a about across after again all alone already also always am an and any are around as at away back be because "
    "been before being but by came can could did do does down during each either else even ever every for from go "
    "had has have he her here him his how however i if in into is it its just later like may me might more most "
    "much must my near never no nor not now of off on once one or our out over please quite rather said she should "
    "since so some soon still such than that the their them then there these they this those though through till to "
    "today together tomorrow tonight too towards under until up upon very was we well were what when where which "
    "while who why will with without would yesterday yet you your".split()
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_GAP = re.compile(r"\s*")


@dataclass(frozen=True)
class Pair:
    """Two terms of one axis that stand for each other, and the groups they speak of."""

    axis: str
    group: str
    term: str
    other_group: str
    other: str


@dataclass(frozen=True)
class Swapped:
    """A text with a group's terms replaced: how many were, and the groups they spoke of before, most often first.

    terms: what was replaced, lower case, in the order of the text.
    """

    text: str
    n: int
    groups: tuple[str, ...]
    terms: tuple[str, ...] = ()


@cache
def builtin_pairs(language: str) -> tuple[Pair, ...]:
    """The pairs that come with Winnow.

    Raises:
        CorpusError: a language there are no pairs for.
    """
    if language not in LANGUAGES:
        raise CorpusError("There are no pairs of terms in this language", got=language, fix="Choose en or zh.")
    with (_HERE / f"pairs_{language}.csv").open(encoding="utf-8", newline="") as handle:
        return tuple(Pair(**row) for row in csv.DictReader(handle))


def contrasts(pairs: Sequence[Pair]) -> tuple[tuple[str, str, str], ...]:
    """The (axis, group, other group) there are pairs for, in the order of the table."""
    return tuple(dict.fromkeys((pair.axis, pair.group, pair.other_group) for pair in pairs))


class Swapper:
    """Swaps the terms of two groups of one axis in a text.

    Args:
        pairs: all pairs of the language.
        contrast: (axis, group, other group); pairs of others are not used.
        lexicon: the terms in force; a struck term is not swapped, and every term shields what stands in it.
        language: en or zh.

    Example:
        >>> swap = Swapper(builtin_pairs("en"), ("gender", "men", "women"), None, "en")
        >>> swap("She told him that HER bag is his.").text
        'He told her that HIS bag is hers.'
    """

    def __init__(
        self, pairs: Sequence[Pair], contrast: tuple[str, str, str], lexicon: Lexicon | None, language: str
    ) -> None:
        self._is_spaced = language == "en"
        known = {key_of(term.term) for term in lexicon.terms} if lexicon else None
        self._partner: dict[str, tuple[str, str]] = {}
        for pair in pairs:
            if (pair.axis, pair.group, pair.other_group) != contrast:
                continue
            for term, other, group in ((pair.term, pair.other, pair.group), (pair.other, pair.term, pair.other_group)):
                if known is None or _is_known(term, known):
                    self._partner.setdefault(term, (other, group))
        if self._is_spaced and contrast == ("gender", "men", "women"):
            kept = [word for word in ("his", "her", "hers") if known is None or word in known]
            self._partner |= {word: ("", "men" if word == "his" else "women") for word in kept}
        shields = {key_of(term.term) for term in lexicon.terms} if lexicon else set()
        whole = sorted({*self._partner, *shields, *SHIELDS.get(language, ())}, key=lambda term: (-len(term), term))
        body = "|".join(re.escape(term) for term in whole)
        self._any = re.compile("|".join(re.escape(term) for term in self._partner) or r"(?!)", re.IGNORECASE)
        self._pattern = re.compile(rf"(?<!\w)(?:{body})(?!\w)" if self._is_spaced else body, re.IGNORECASE)

    def __call__(self, text: str) -> Swapped | None:
        """The swapped text; None where nothing was swapped."""
        if not self._any.search(text):  # most texts: a short list is looked for before the long one
            return None
        found: dict[str, int] = {}
        terms: list[str] = []

        def one(match: re.Match[str]) -> str:
            partner = self._partner.get(match.group().lower())
            if partner is None:
                return match.group()
            other, group = partner
            found[group] = found.get(group, 0) + 1
            terms.append(match.group().lower())
            other = other or _english(match.group().lower(), text, match.end())
            return _in_case(match.group(), other) if self._is_spaced else other

        swapped = self._pattern.sub(one, text)
        if not found:
            return None
        groups = tuple(sorted(found, key=lambda group: (-found[group], group)))
        return Swapped(swapped, sum(found.values()), groups, tuple(terms))


def _is_known(term: str, known: set[str]) -> bool:
    """True for a term of the lexicon, the plain plural of one, or one with whose it is (我先生)."""
    key = key_of(term)
    owned = key.lstrip("我你您他她").removeprefix("家")
    return key in known or (key.endswith("s") and key[:-1] in known) or owned in known


def _english(word: str, text: str, end: int) -> str:
    """What `his`, `her` or `hers` becomes, by the word that follows in the same stretch of text."""
    if word == "hers":
        return "his"
    after = _WORD.match(text, _GAP.match(text, end).end())
    owns = after is not None and after.start() > end and after.group().lower() not in _AFTER_OBJECT
    if word == "her":
        return "his" if owns else "him"
    return "her" if owns else "hers"


def _in_case(model: str, word: str) -> str:
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
