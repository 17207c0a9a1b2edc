"""Identity terms, English and Chinese: the words that say whom a text speaks of, on eight axes.

**Source.** Both lists (`en.csv`, `zh.csv`) were written by hand for Winnow from common dictionary words, fewer good
terms before many; nothing was copied. Slurs are left out on purpose: the lists find whom a text mentions, not whether
it insults.

**Review.** Each term was read against what it finds. In English: 200 hits drawn at random, with a fixed seed, from
forum comments on sexism, forum comments with emotions, and test sentences for hate speech. In Chinese: 200 hits from
social-media comments on gender, abstracts of papers and instructions. A term that misled more often than it helped was
flagged or dropped, and two more draws of 200 were read. The counts are in docs/decisions/0141. In a test the English
list is held against public lists of identity words and of gendered words, and against the targets of a hate-speech test
suite; the Chinese list has no such public check.

**Ambiguous terms** often mean something else ("black", "straight", 女, 老). They are found and shown, and left out of
every rate unless asked for. A longer ambiguous term also takes a place away from a shorter one: "old school" is listed
so that it is no mention of age.

**Limits.** A list misses what it does not hold; who is not named is not counted. Chinese is matched by the longest
term without a word segmenter, so a term may stand across two words. A mention is not a stance.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from studio.errors import CorpusError
from studio.lexicons.files import AXES, COLUMNS, of_rows, parse, to_csv, to_rows
from studio.lexicons.matching import Matcher, Mention, Mentions, key_of, matcher
from studio.records import LANGUAGES, Lexicon

__all__ = ["AXES", "COLUMNS", "Matcher", "Mention", "Mentions", "builtin", "key_of", "matcher", "of_rows", "parse",
           "to_csv", "to_rows", "without"]  # fmt: skip
SOURCE, REVIEWER = "Winnow's own list, written by hand from common words", "Winnow, 200 hits per language read"
_HERE = Path(__file__).parent


@cache
def builtin(language: str) -> Lexicon:
    """The list that comes with Winnow.

    Raises:
        CorpusError: a language there is no list for.
    """
    if language not in LANGUAGES:
        raise CorpusError("There is no list of terms in this language", got=language, fix="Choose en or zh.")
    data = (_HERE / f"{language}.csv").read_bytes()
    return parse(data, language, source=SOURCE, reviewer=REVIEWER)


def without(lexicon: Lexicon, struck: set[str] | frozenset[str]) -> Lexicon:
    """The lexicon without some terms, named by their `key_of`; what stays keeps its order."""
    kept = tuple(term for term in lexicon.terms if key_of(term.term) not in struck)
    return replace(lexicon, terms=kept)
