"""The built-in demo corpora: a help desk in English and in Chinese with flaws planted on purpose, and their truth.

Everything is made from hand-written fragments by a seeded generator: no network, no files, the same seed gives the
same bytes. It is what a new user opens first and what audits and selection are tested against.

Example:
    >>> corpus = make("en", seed=7, n=300, effects=())
    >>> corpus.frame.shape
    (300, 9)
"""

from __future__ import annotations

from studio.demo.corpus import DEFAULT_SIZE, DemoCorpus, make
from studio.demo.effects import ALL_EFFECTS, EFFECTS, Effect
from studio.demo.export import write_corpus

__all__ = ["ALL_EFFECTS", "DEFAULT_SIZE", "DemoCorpus", "EFFECTS", "Effect", "make", "write_corpus"]
