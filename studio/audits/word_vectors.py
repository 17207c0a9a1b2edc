"""Word vectors trained on this corpus alone: what stands near what in it, and in nothing else."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from studio.audits.reading import Reading
from studio.records import Array

WINDOW = 5
SMOOTH = 0.75  # of the context counts, against rare contexts (levy-2015)
LEAST = 20  # occurrences a word must have (ours; below it a vector is mostly noise)
MOST_WORDS = 6_000  # the commonest words are contexts and get vectors; wanted words always
SIZE = 100


def ppmi(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Positive PMI of word and context counts, contexts smoothed: max(0, ln( p(w, c) / (p(w) p(c)^0.75 / sum) )).

    Paper: levy-2015; as published, without a shift.
    """
    total = float(counts.sum())
    if not total:
        return counts.astype(np.float64)
    rows = np.asarray(counts.sum(1)).ravel()
    context = np.asarray(counts.sum(0)).ravel() ** SMOOTH
    context /= context.sum()
    found = counts.tocoo()
    value = np.log(found.data / total) - np.log(rows[found.row] / total) - np.log(context[found.col])
    kept = value > 0
    at = (found.row[kept], found.col[kept])
    return sparse.csr_matrix((value[kept], at), shape=counts.shape)


def window_counts(ids: Array, rows: Array, size: int) -> sparse.csr_matrix:
    """How often each pair of ids stands within WINDOW places in one text, both ways; ids below 0 are passed over."""
    inside = ids >= 0
    ids, rows = ids[inside], rows[inside]
    counts = sparse.csr_matrix((size, size), dtype=np.float64)
    for step in range(1, WINDOW + 1):
        same = rows[:-step] == rows[step:]
        one, two = ids[:-step][same], ids[step:][same]
        found = sparse.coo_matrix((np.ones(len(one)), (one, two)), shape=(size, size)).tocsr()
        counts = counts + found
    return (counts + counts.T).tocsr()


def train(reading: Reading, wanted: Array, seed: int) -> tuple[Array, Array]:
    """Unit vectors of the words of a corpus: truncated SVD of PPMI, sum of word and context vectors, times sqrt(value).

    Args:
        reading: the texts.
        wanted: (v,) mask of ids that must have a vector if they occur LEAST times.
        seed: of the SVD's start.

    Returns:
        (v,) row of each id, -1 for none; (w, d) float64 unit rows.

    Paper: levy-2015; PPMI and SVD with eigenvalues to the power 0.5, w + c: without the context vectors two words are
        near only where they stand beside the same words, not where they stand beside each other.
    """
    from sklearn.utils.extmath import randomized_svd  # heavy: only where the audit runs

    ids, rows = reading.plain
    count = np.bincount(ids, minlength=len(reading.words))
    often = np.flatnonzero(count >= LEAST)
    often = often[np.lexsort((reading.words[often].astype(str), -count[often]))]
    kept = np.concatenate([often[:MOST_WORDS], often[MOST_WORDS:][wanted[often[MOST_WORDS:]]]])
    place = np.full(len(reading.words), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    size = min(SIZE, len(kept) - 1)
    if size < 2:
        return np.full(len(reading.words), -1, dtype=np.int64), np.zeros((0, 0))
    matrix = ppmi(window_counts(place[ids], rows, len(kept)))
    left, values, right = randomized_svd(matrix, size, n_iter=3, random_state=seed)
    vectors = (left + right.T) * np.sqrt(values)  # as word and as context: words that stand together come near too
    length = np.linalg.norm(vectors, axis=1)
    return place, vectors / np.where(length > 0, length, 1.0)[:, None]
