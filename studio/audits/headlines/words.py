"""Headline numbers of whom the texts speak of and what stands beside it; texts are read once for all sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from studio.audits import balance, genbit, npmi, weat, word_vectors
from studio.audits.context import Context, texts_of
from studio.audits.gathered import presence, with_pairs
from studio.audits.headlines.record import Headline, Number, Of, only
from studio.audits.reading import Reading, read
from studio.lexicons import matcher
from studio.records import Array


def _read(frame: pd.DataFrame, context: Context) -> Reading:
    return read(list(texts_of(frame, "text")), context.lexicon, frame["example_id"].to_numpy())


class Slices:
    """What belongs to some rows, taken out of arrays sorted by row."""

    def __init__(self, rows: Array, n: int) -> None:
        self._begins = np.searchsorted(rows, np.arange(n + 1))

    def of(self, rows: Array) -> tuple[Array, Array]:
        """Places in the sorted arrays, row by row, and for each the place of its row among `rows`."""
        sizes = self._begins[rows + 1] - self._begins[rows]
        first = np.repeat(self._begins[rows] - (np.cumsum(sizes) - sizes), sizes)
        return first + np.arange(len(first)), np.repeat(np.arange(len(rows)), sizes)


def _mentions(frame: pd.DataFrame, context: Context) -> Of | str:
    """Share of texts that name any group of people, and how many equally often named groups would be as even."""
    reading = _read(frame, context)
    masks = list(reading.groups().values())
    if not masks or not reading.is_term.any():
        return "audit_draws.reason.mentions"
    named = np.stack([reading.rows_with(ids) for ids in masks], axis=1)
    anyone = named.any(1)

    def of(rows: Array) -> dict[str, float]:
        counts = named[rows].sum(0)
        return {"named": float(anyone[rows].mean()) if len(rows) else np.nan,
                "even": balance.evenness(counts)[1] if counts.sum() else np.nan}  # fmt: skip

    return of


def _npmi(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean gap of nPMI over the words tested between the groups of every pair of the corpus."""
    reading = _read(frame, context)
    pairs = npmi.pairs_of(reading)
    if not pairs:
        return "audit_words.note.few_pairs"
    texts, words = presence(reading, npmi.MIN_WORD, genbit.stop_words())
    if not len(words):
        return "audit.note.words_too_rare"
    by_row, filled = texts.tocsr(), reading.n_units > 0

    def of(rows: Array) -> dict[str, float]:
        inside = by_row[rows]
        total = np.asarray(inside.sum(0)).ravel().astype(np.float64)
        often = total >= npmi.MIN_WORD
        gaps = [_gaps(inside, total, often, pair[3][rows], pair[4][rows], int(filled[rows].sum())) for pair in pairs]
        return only("gap", np.abs(np.concatenate(gaps)))

    return of


def _gaps(inside: sparse.csr_matrix, total: Array, often: Array, one: Array, two: Array, n: int) -> Array:
    """Gap of nPMI, with the first group minus with the second, of the words the audit would test."""
    sides = np.column_stack([one, two, one & ~two, two & ~one]).astype(np.int64)
    only_one, only_two = sides[:, 2].sum(), sides[:, 3].sum()
    if min(only_one, only_two) < npmi.MIN_TEXTS:
        return np.zeros(0)
    beside = np.asarray(inside.T @ sides).astype(np.float64)
    there, both = beside[:, 2] + beside[:, 3], only_one + only_two
    kept = often & (np.minimum(there, both - there) * min(only_one, only_two) / both >= npmi.MIN_EXPECTED)
    first, second = (npmi.npmi(beside[kept, side], total[kept], sides[:, side].sum(), n)[1] for side in (0, 1))
    return first - second


def _genbit(frame: pd.DataFrame, context: Context) -> Of | str:
    """The GenBit score; NaN below 20 mentions of either gender."""
    reading = with_pairs(_read(frame, context), genbit.LEAST_PAIR, genbit.stop_words())
    women, men = genbit.gender_ids(reading)
    if not (women.any() and men.any()):
        return "audit_words.note.few_gendered"
    found = genbit.near_pairs(reading, women, men, np.arange(len(frame)))
    order = np.argsort(found.units, kind="stable")
    words, weights, is_woman = found.words[order], found.weights[order], found.women[order]
    ids, at = reading.plain
    near, tokens = Slices(found.units[order], len(frame)), Slices(at, len(frame))
    stop, size = genbit.stop_words(), len(reading.words)
    counted = np.fromiter((word not in stop for word in reading.words), bool, size) & ~women & ~men

    def of(rows: Array) -> dict[str, float]:
        own = np.bincount(ids[tokens.of(rows)[0]], minlength=size)
        if min(own[women].sum(), own[men].sum()) < genbit.LEAST:
            return {"score": np.nan}
        here = near.of(rows)[0]
        sums = [np.bincount(words[here], weights[here] * side[here], minlength=size) for side in (~is_woman, is_woman)]
        ratios, _ = genbit.log_ratios(*sums, counted & (own > 0))
        return {"score": float(np.abs(ratios).mean()) if len(ratios) else np.nan}

    return of


def _weat(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean |effect size| over the tests of the audit, with word vectors trained on the set alone."""
    wide = matcher(weat.with_attributes(context.lexicon))
    reading = read(list(texts_of(frame, "text")), context.lexicon, frame["example_id"].to_numpy(), wide)
    masks = reading.groups()
    if not masks or not len(reading.words):
        return "audit_words.note.few_words"
    wanted = np.logical_or.reduce(list(masks.values()))
    ids, at = reading.plain
    tokens = Slices(at, len(frame))

    def of(rows: Array) -> dict[str, float]:
        here, row = tokens.of(rows)
        count = np.bincount(ids[here], minlength=len(reading.words))
        enough = sum((count[mask] >= word_vectors.LEAST).sum() >= weat.FEWEST for mask in masks.values())
        if enough < 2:  # no two sides with words enough: nothing is trained for nothing
            return {"effect": np.nan}
        own = replace(reading, ids=ids[here], rows=row.astype(np.int32), n_units=reading.n_units[rows])
        place, vectors = word_vectors.train(own, wanted, context.seed)
        sides = weat.sides_of(count, reading.words, masks, place)
        tests = [(pair, names) for pair in weat.pairs_of(sides) for names in (weat.TESTS if pair[3] else
                                                                              weat.TESTS[-1:])]  # fmt: skip
        found = [weat.compared(pair, sides, names, vectors, place) for pair, names in tests]
        return only("effect", [abs(weat.effect_size(*one[0])) for one in found if one is not None])

    return of


MENTIONS = Headline("mentions", (Number("named", "share"), Number("even", is_relative=True)), _mentions)
NPMI = Headline("npmi", (Number("gap"),), _npmi)
GENBIT = Headline("genbit", (Number("score", is_relative=True),), _genbit)
WEAT = Headline("weat", (Number("effect", is_relative=True),), _weat)
