"""Texts by their words: BM25 over words, and over pairs of characters where a script has no spaces."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from studio.records import Array

K1, B = 1.2, 0.75  # robertson-2009, section 3.2: 1.2 < k1 < 2 and 0.5 < b < 0.8 are reasonable in many circumstances
ALPHA, BETA, GAMMA = 1.0, 0.75, 0.15  # description, examples wanted, examples not wanted; manning-2008, section 9.1.1
MOST_TERMS = 64  # ours: of a long list of examples, the terms that tell most
_RUNS = re.compile(r"[a-z0-9]+(?:['’-][a-z0-9]+)*|[\u3400-\u9fff]+|[^\W\d_]+", re.IGNORECASE)
_CJK = re.compile(r"[\u3400-\u9fff]")


def terms_of(text: str) -> list[str]:
    """Words in small letters; runs of Chinese characters as overlapping pairs, a single one as itself.

    Example:
        >>> terms_of("Reset my PIN 银行卡丢了")
        ['reset', 'my', 'pin', '银行', '行卡', '卡丢', '丢了']
    """
    found = []
    for run in _RUNS.findall(text.lower()):
        if len(run) > 1 and _CJK.match(run):
            found += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            found.append(run)
    return found


@dataclass(frozen=True)
class TextIndex:
    """Counts of every term: `counts` (n, v) sparse by column, `lengths` (n,) terms per text, `place` term -> column."""

    counts: sparse.csc_matrix
    lengths: Array
    place: Mapping[str, int]

    @classmethod
    def build(cls, texts: Sequence[str]) -> TextIndex:
        """Count the terms of n texts."""
        place: dict[str, int] = {}
        columns, values, ends = [], [], np.zeros(len(texts) + 1, dtype=np.int64)
        for row, text in enumerate(texts):
            counted = Counter(terms_of(text))
            columns += [place.setdefault(term, len(place)) for term in counted]
            values += counted.values()
            ends[row + 1] = len(columns)
        data = np.minimum(np.array(values, dtype=np.int64), 65_535).astype(np.uint16)
        shape = (len(texts), max(1, len(place)))
        matrix = sparse.csr_matrix((data, np.array(columns, dtype=np.int32), ends), shape=shape)
        return cls(matrix.tocsc(), np.asarray(matrix.sum(axis=1)).ravel().astype(np.float32), place)

    def __len__(self) -> int:
        return len(self.lengths)

    def document_counts(self, terms: Sequence[str]) -> Array:
        """(t,) in how many texts each term stands."""
        ends = self.counts.indptr
        at = [self.place.get(term, -1) for term in terms]
        return np.array([ends[i + 1] - ends[i] if i >= 0 else 0 for i in at], dtype=np.int64)

    def scores(self, weights: Mapping[str, float], idf: Mapping[str, float], mean_length: float) -> Array:
        """(n,) float32 BM25 of every text; 0 for a text that holds none of the terms.

        sum over terms of weight · idf · f (k1 + 1) / (f + k1 (1 - b + b · length / mean length)).

        Paper: robertson-2009.
        """
        total = np.zeros(len(self), dtype=np.float32)
        norm = K1 * (1 - B + B * self.lengths / max(mean_length, 1e-9))
        for term, weight in weights.items():
            column = self.place.get(term)
            if column is None:
                continue
            rows = self.counts.indices[self.counts.indptr[column] : self.counts.indptr[column + 1]]
            f = self.counts.data[self.counts.indptr[column] : self.counts.indptr[column + 1]].astype(np.float32)
            total[rows] += np.float32(weight * idf[term]) * f * np.float32(K1 + 1) / (f + norm[rows])
        return total


def query_terms(description: str, likes: Sequence[str] = (), unlikes: Sequence[str] = ()) -> dict[str, float]:
    """What to look for: term -> weight above 0, by Rocchio's formula on term counts.

    weight = 1 · count in the description + 0.75 · mean count in the wanted examples - 0.15 · mean count in the others.

    Paper: rocchio-1971; the weights of manning-2008.
    """
    weights: Counter[str] = Counter()
    for text in (description,):
        for term, n in Counter(terms_of(text)).items():
            weights[term] += ALPHA * n
    for texts, share in ((likes, BETA), (unlikes, -GAMMA)):
        for text in texts:
            for term, n in Counter(terms_of(text)).items():
                weights[term] += share * n / len(texts)
    return {term: float(weight) for term, weight in weights.items() if weight > 0}


def match(indexes: Sequence[TextIndex], weights: Mapping[str, float]) -> tuple[list[Array], dict[str, float]]:
    """BM25 scores over several bodies of text as if they were one, so that the numbers compare; and term -> idf used.

    idf = ln(1 + (N - d + 0.5) / (d + 0.5)) with d of N texts holding the term; the 64 terms of the greatest
    weight · idf are used.
    """
    terms = sorted(weights)
    n = sum(len(index) for index in indexes)
    held = sum((index.document_counts(terms) for index in indexes), np.zeros(len(terms), np.int64))
    idf = np.log1p((n - held + 0.5) / (held + 0.5))
    worth = np.array([weights[term] for term in terms]) * idf * (held > 0)
    best = [i for i in np.lexsort((np.arange(len(terms)), -worth))[:MOST_TERMS].tolist() if worth[i] > 0]
    used = {terms[i]: float(idf[i]) for i in best}
    length = float(sum(index.lengths.sum() for index in indexes) / max(n, 1))
    chosen = {term: weights[term] for term in used}
    return [index.scores(chosen, used, length) for index in indexes], used
