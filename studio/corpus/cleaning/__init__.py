"""Cleaning: a catalogue of steps, lists of them as recipes, what a list does to a corpus, and the child it makes.

To add a step: one function `(Batch, parameters) -> Outcome` and its `Step` in the file of its family, one entry in
STEPS, its words (clean.step, clean.help, clean.p) in both languages, a test with hand-made cases, a row in
docs/papers.md where it comes from a paper.
"""

from __future__ import annotations

from studio.corpus.cleaning.copies import CONFLICT, EXACT, NEAR, SEMANTIC
from studio.corpus.cleaning.forms import HTML, INVISIBLE, UNICODE, URL, WHITESPACE
from studio.corpus.cleaning.limits import BOILERPLATE, LANGUAGE, LENGTH
from studio.corpus.cleaning.privacy import PERSONAL
from studio.corpus.cleaning.quality import C4, FINEWEB, GOPHER, REPETITION
from studio.corpus.cleaning.records import Step
from studio.corpus.cleaning.words import WORDS
from studio.errors import CorpusError

# In the order in which they are best done: form first, so that what looks alike is alike when copies are counted.
STEPS: tuple[Step, ...] = (
    HTML, UNICODE, INVISIBLE, WHITESPACE, URL, BOILERPLATE, PERSONAL, LENGTH, LANGUAGE, CONFLICT, EXACT, NEAR,
    SEMANTIC, GOPHER, REPETITION, C4, FINEWEB, WORDS,
)  # fmt: skip
GROUPS: tuple[str, ...] = ("form", "privacy", "filter", "copies", "quality", "words")
NAMES: tuple[str, ...] = tuple(step.name for step in STEPS)
_BY_NAME = {step.name: step for step in STEPS}


def by_name(name: str) -> Step:
    """One step of the catalogue.

    Raises:
        CorpusError: there is none of that name.
    """
    if name not in _BY_NAME:
        raise CorpusError("There is no such cleaning step", got=name, fix=f"Use one of: {', '.join(NAMES)}.")
    return _BY_NAME[name]
