"""What the demo corpora call a near-duplicate: one definition for the generator, the truth file and the tests."""

from __future__ import annotations

from collections.abc import Mapping

# Jaccard similarity of character shingles at which two texts count as near-duplicates, as data-juicer and text-dedup.
NEAR = 0.7
SHINGLE: Mapping[str, int] = {"en": 5, "zh": 3}


def shingles(text: str, language: str) -> frozenset[str]:
    """Character shingles of the case-folded text with white space collapsed: 5 characters in English, 3 in Chinese.

    A text shorter than one shingle is one shingle.
    """
    size = SHINGLE[language]
    plain = " ".join(text.casefold().split())
    return frozenset(plain[i : i + size] for i in range(max(1, len(plain) - size + 1)))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Shared shingles over all shingles of two texts, in [0, 1]; two empty sets count as equal."""
    union = len(a) + len(b) - (shared := len(a & b))
    return shared / union if union else 1.0
