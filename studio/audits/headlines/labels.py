"""Headline numbers of labels and lengths: ties to groups, to places, to words, to neighbours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studio.audits import balance, confounds, lengths, mention_labels, noise, parity, shortcuts
from studio.audits.context import Context, coded, compared_groups, looks_like_author, texts_of, with_missing
from studio.audits.headlines.record import Headline, Number, Of, label_ties, only
from studio.audits.label_sets import Labels, exclusive, labels_of
from studio.audits.reading import read
from studio.records import Array
from studio.statistics import SMALL_GROUP

NO_LABELS = "audit.note.no_labels"
NO_VALUES = "audit.note.no_group_values"


def _association(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean over attributes of the corrected Cramer's V of labels and groups."""
    labels = labels_of(frame)
    sides = [(codes, len(names)) for codes, names in compared_groups(frame, context)[0].values() if len(names) > 1]
    if not labels.names or not sides:
        return NO_LABELS if sides else NO_VALUES

    def of(rows: Array) -> dict[str, float]:
        own = labels.of(rows)
        return only("tie", [one for codes, k in sides for one in label_ties(*own.by(codes[rows], k), own.is_exclusive)])

    return of


def _parity(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean over attributes of the widest difference of a label's share between groups of 50 labelled or more."""
    labels = labels_of(frame)
    sides = [(codes, len(names)) for codes, names in compared_groups(frame, context)[0].values() if len(names) > 1]
    if not labels.names or not sides:
        return NO_LABELS if sides else NO_VALUES

    def of(rows: Array) -> dict[str, float]:
        own, found = labels.of(rows), []
        for codes, k in sides:
            counts, totals = own.by(codes[rows], k)
            enough = totals >= SMALL_GROUP
            if enough.sum() >= 2:
                found.append(max(parity.parity(row, totals[enough])[0] for row in counts[:, enough]))
        return only("difference", found)

    return of


def _confounds(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean corrected V of labels and groups with the source, and of labels with the language."""
    factors = {"label": labels_of(frame)}
    for name, found in compared_groups(frame, context)[0].items():
        factors[name] = exclusive(*with_missing(*found))
    pairs: list[tuple[Labels, Array, int]] = []
    for origin in confounds.ORIGINS:
        places, names = coded(texts_of(frame, origin))
        if not names or looks_like_author(places):
            continue
        places, names = with_missing(places, names)
        pairs += [(own, places, len(names)) for factor, own in factors.items()
                  if len(names) > 1 and own.names and (origin == "source" or factor == "label")]  # fmt: skip
    if not pairs:
        return "audit_counts.note.no_origin"

    def of(rows: Array) -> dict[str, float]:
        found = []
        for labels, places, k in pairs:
            own = labels.of(rows)
            found += label_ties(*own.by(places[rows], k), own.is_exclusive)
        return only("tie", found)

    return of


def _balance(frame: pd.DataFrame, context: Context) -> Of | str:
    """How many equally common labels would be as even: exp of the entropy of the labels given."""
    labels = labels_of(frame)
    if not labels.names:
        return NO_LABELS

    def of(rows: Array) -> dict[str, float]:
        counts = labels.of(rows).counts
        return {"even": balance.evenness(counts)[1] if counts.sum() else np.nan}

    return of


def _lengths(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean over labels and attributes of eta²: how far they tell text lengths apart."""
    length = np.array([0 if text is None else len(text) for text in texts_of(frame, "text")], dtype=np.float64)
    factors = [labels_of(frame), *(exclusive(*found) for found in compared_groups(frame, context)[0].values())]
    factors = [own for own in factors if not own.is_constant]
    if not factors:
        return "audit.note.nothing_to_compare"

    def of(rows: Array) -> dict[str, float]:
        found = []
        for labels in factors:
            at = rows[labels.known[rows]]
            own = labels.of(at)
            if own.n and not own.is_constant:
                h, df, _ = lengths.rank_test(length[at], own)
                spread = own.n - df - 1
                found.append(min(max((h - df) / spread, 0.0), 1.0) if df > 0 and spread > 0 else np.nan)
        return only("apart", found)

    return of


def _mention_labels(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean over groups that 20 labelled texts name (and 20 do not) of the corrected V of labels and being named."""
    labels = labels_of(frame)
    if not labels.names:
        return NO_LABELS
    reading = read(list(texts_of(frame, "text")), context.lexicon, frame["example_id"].to_numpy())
    named = [reading.rows_with(ids).astype(np.int64) for ids in reading.groups().values()]
    least = mention_labels.MIN_TEXTS
    named = [mask for mask in named if mask.sum() >= least]
    if not named:
        return "audit_words.note.few_mentions"

    def of(rows: Array) -> dict[str, float]:
        own, found = labels.of(rows), []
        for mask in named:
            counts, totals = own.by(mask[rows], 2)
            if totals.min() >= least:
                found += label_ties(counts, totals, own.is_exclusive)
        return only("tie", found)

    return of


def _shortcuts(frame: pd.DataFrame, context: Context) -> Of | str:
    """The largest z of a word in 20 texts or more and a label: how surely one word gives one label away."""
    labels, texts = labels_of(frame), texts_of(frame, "text")
    usable = np.flatnonzero(labels.known & texts.notna().to_numpy())
    if not len(usable):
        return NO_LABELS
    counts, words = shortcuts.count_words([texts.iloc[i] for i in usable])
    if not len(words):
        return "audit.note.words_too_rare"
    place = np.full(len(frame), -1, dtype=np.int64)
    place[usable] = np.arange(len(usable))

    def of(rows: Array) -> dict[str, float]:
        rows = rows[place[rows] >= 0]
        own = labels.of(rows).telling()
        if not own.names:
            return {"z": np.nan}
        inside = counts[place[rows]]
        n = np.asarray(inside.sum(0)).ravel()
        often = np.flatnonzero(n >= shortcuts.MIN_COUNT)
        if not len(often):
            return {"z": np.nan}
        with_label = (inside.T.tocsr()[often] @ own.matrix).toarray()
        z = shortcuts.z_statistic(with_label / n[often, None], own.counts[None, :] / own.n, n[often, None])
        return {"z": float(z.max())}

    return of


def _noise(frame: pd.DataFrame, context: Context) -> Of | str:
    """Share of the examples with a label and enough labelled neighbours whose neighbours agree on another label.

    Neighbours are those of the whole corpus, in the set or not.
    """
    labels = labels_of(frame)
    if context.knn is None or labels.is_constant:
        return "audit.note.needs_knn" if context.knn is None else "audit.note.needs_two_labels"
    votes = noise.neighbour_votes(context.knn.indices, context.knn.distances, labels, context.families)
    judged, suspect, *_ = noise.suspects(votes, labels)
    if not len(judged):
        return "audit.note.too_few_neighbours"
    is_judged, is_suspect = np.zeros(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool)
    is_judged[judged], is_suspect[judged[suspect]] = True, True

    def of(rows: Array) -> dict[str, float]:
        n = int(is_judged[rows].sum())
        return {"suspects": float(is_suspect[rows].sum() / n) if n else np.nan}

    return of


ASSOCIATION = Headline("association", (Number("tie"),), _association)
PARITY = Headline("parity", (Number("difference", "share"),), _parity)
CONFOUNDS = Headline("confounds", (Number("tie"),), _confounds)
BALANCE = Headline("balance", (Number("even", is_relative=True),), _balance)
LENGTHS = Headline("lengths", (Number("apart"),), _lengths)
MENTION_LABELS = Headline("mention_labels", (Number("tie"),), _mention_labels)
SHORTCUTS = Headline("shortcuts", (Number("z", is_relative=True),), _shortcuts)
NOISE = Headline("noise", (Number("suspects", "share"),), _noise)
