"""Which texts hold which words: words where a script has spaces, runs of 2 to 4 Han characters where it has not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from studio.audits.reading import BREAK, Reading
from studio.audits.tokenise import GRAMS, is_cjk
from studio.records import Array


def presence(reading: Reading, least: int, leave_out: frozenset[str] = frozenset()) -> tuple[sparse.csc_matrix, Array]:
    """Texts by words, 1 where the word is in the text; identity terms and words in fewer than `least` texts are out.

    A Han run that begins or ends with a character of `leave_out` is out as well: 和我 is no word.

    Runs of Han characters never cross punctuation, a term, or a word of another script. A longer run is looked for only
    where both its shorter parts are common enough, which cannot lose one that is.

    Returns:
        (n, w) matrix of 0 and 1, and the w words.
    """
    ids, rows = reading.ids, reading.rows
    if not len(reading.words):
        return sparse.csc_matrix((reading.n, 0), dtype=np.int32), np.array([], dtype=object)
    is_word = np.append(~(reading.is_term | reading.is_han), False)[ids]  # BREAK is the last place
    place, codes = _often(ids[is_word], least)
    parts, words = [(rows[is_word][place >= 0], place[place >= 0])], [str(reading.words[code]) for code in codes]
    here = np.flatnonzero(np.append(reading.is_han, False)[ids])
    run, texts = ids[here].astype(np.int64), [str(word) for word in reading.words]
    for _ in GRAMS:
        # a run goes on where the run one place further is there too, in the same text
        goes_on = np.flatnonzero((here[1:] == here[:-1] + 1) & (rows[here[1:]] == rows[here[:-1]]))
        base = len(texts)
        place, codes = _often(run[goes_on] * base + run[goes_on + 1], least)
        kept = place >= 0
        here, run = here[goes_on][kept], place[kept]
        parts.append((rows[here], run + len(words)))
        texts = [texts[code // base] + texts[code % base][-1] for code in codes]
        words += texts
    return _matrix(parts, words, reading.n, least, leave_out)


def _often(codes: Array, least: int) -> tuple[Array, Array]:
    """Codes that occur at least so many times: (m,) place of each occurrence among them or -1, and the codes."""
    place, known = pd.factorize(codes)
    often = np.bincount(place, minlength=len(known)) >= least
    new = np.where(often, np.cumsum(often) - 1, -1)
    return (new[place] if len(place) else place), known[often]


def _matrix(parts: list, words: list[str], n: int, least: int, leave_out: frozenset[str]) -> tuple:
    at = tuple(np.concatenate(side) for side in zip(*parts, strict=True))
    matrix = sparse.coo_matrix((np.ones(len(at[0]), np.int32), at), shape=(n, len(words))).tocsc()
    matrix.data[:] = 1
    names = np.array(words, dtype=object)
    edges = frozenset(word for word in leave_out if is_cjk(word))
    wanted = np.fromiter((not (word in leave_out or word[0] in edges or word[-1] in edges) for word in words),
                         bool, len(words))  # fmt: skip
    kept = np.flatnonzero((np.diff(matrix.indptr) >= least) & wanted)
    return matrix[:, kept], names[kept]


def with_pairs(reading: Reading, least: int, leave_out: frozenset[str]) -> Reading:
    """The reading with pairs of neighbouring Han characters for single ones: what reads as a word more often than not.

    Every character stands for the pair it begins; pairs that cross punctuation, a term or another script, that hold a
    character of `leave_out`, or that occur fewer than `least` times are passed over like punctuation. Other tokens
    stay.
    """
    if not len(reading.words) or not reading.is_han.any():
        return reading
    ids, rows, size = reading.ids, reading.rows, len(reading.words)
    edge = np.fromiter((word in leave_out for word in reading.words), bool, size)
    safe = np.maximum(ids, 0)
    usable = (ids != BREAK) & reading.is_han[safe] & ~edge[safe]
    begins = np.flatnonzero(usable[:-1] & usable[1:] & (rows[:-1] == rows[1:]))
    place, codes = _often(ids[begins].astype(np.int64) * size + ids[begins + 1], least)
    new = np.where(reading.is_han[safe], BREAK, ids)
    new[begins[place >= 0]] = size + place[place >= 0]
    pairs = [f"{reading.words[code // size]}{reading.words[code % size]}" for code in codes]
    words = np.array([*reading.words, *pairs], dtype=object)
    return replace(reading, ids=new, words=words, stands_for=(*reading.stands_for, *((),) * len(pairs)),
                   is_han=np.zeros(len(words), dtype=bool))  # fmt: skip


def longest(words: Array, counts: Array, rank: Array) -> Array:
    """Which words to show: of Han runs inside one another with nearly the same texts only the longest, best first.

    Args:
        words: (w,) words.
        counts: (w,) texts with the word.
        rank: (w,) the lower, the better.

    Returns:
        Places of the kept words, best first.
    """
    order = np.lexsort((words.astype(str), -np.array([len(word) for word in words]), rank)) if len(words) else []
    kept: list[int] = []
    for i in order:
        near = [j for j in kept if words[i] in words[j] or words[j] in words[i]]
        same = [j for j in near if min(counts[i], counts[j]) >= 0.8 * max(counts[i], counts[j])]
        if not same or words[i].isascii():
            kept.append(int(i))
        elif len(words[i]) > max(len(words[j]) for j in same) and all(words[j] in words[i] for j in same):
            kept = [int(i) if j == same[0] else j for j in kept if j == same[0] or j not in same]
    return np.array(kept, dtype=np.int64)
