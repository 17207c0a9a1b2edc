"""Headline numbers of who is in a set: shares, moves over time, crossings, copies, topics, scores."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits import balance, dependence, duplicates, intersections, representation, scores, trends
from studio.audits.context import Context, clusterings, compared_groups, crossed, texts_of, with_missing
from studio.audits.headlines.record import Headline, Number, Of, only
from studio.audits.label_sets import labels_of
from studio.records import Array

NO_VALUES = "audit.note.no_group_values"


def _representation(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean over attributes of the total variation distance between the shares and those expected.

    TVD = 1/2 sum |p - q| over the values of the corpus or of the reference, so that a value that is absent counts.
    """
    sides = []
    for attribute, (codes, names) in compared_groups(frame, context)[0].items():
        values, expected, _ = representation.expected_shares(context, attribute, names)
        place = np.array([values.index(name) if name in values else -1 for name in names] + [-1], dtype=np.int64)
        if len(values) > 1:
            sides.append((place[codes], expected))
    if not sides:
        return NO_VALUES

    def of(rows: Array) -> dict[str, float]:
        found = []
        for codes, expected in sides:
            own = codes[rows]
            counts = np.bincount(own[own >= 0], minlength=len(expected))
            n = counts.sum()
            found.append(0.5 * float(np.abs(counts / n - expected).sum()) if n else np.nan)
        return only("apart", found)

    return of


def _trends(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean over attributes of the largest change of a value's share from the first period to the last.

    Periods are those of the corpus; one with fewer than 10 examples of the set is left out, as in the audit.
    """
    texts = texts_of(frame, "time").reset_index(drop=True)
    if not texts.notna().any():
        return "audit_counts.note.no_time"
    periods, _ = trends.periods_of(trends.read_times(texts))
    sides = [with_missing(*found) for found in compared_groups(frame, context)[0].values()]
    sides = [(codes, len(names)) for codes, names in sides if len(names) > 1]
    moments, place = np.unique(periods, return_inverse=True)
    place = np.where(periods >= 0, place - int((moments < 0).any()), -1)
    moments = moments[moments >= 0].astype(np.float64)
    if not sides:
        return NO_VALUES
    if len(moments) < 2:
        return "audit_counts.note.one_period"

    def of(rows: Array) -> dict[str, float]:
        at = place[rows]
        sizes = np.bincount(at[at >= 0], minlength=len(moments))
        kept = np.flatnonzero(sizes >= trends.MIN_PERIOD)
        if len(kept) < 2:
            return {"change": np.nan}
        n, t = sizes[kept].astype(np.float64), moments[kept]
        off = t - (n * t).sum() / n.sum()
        spread, length = float((n * off**2).sum()), float(t.max() - t.min())
        slopes = [crossed(codes[rows], at, k, len(moments))[:, kept] @ off / spread for codes, k in sides]
        return only("change", [float(np.abs(slope).max()) * length for slope in slopes])

    return of


def _intersections(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean over pairs of attributes of the share of examples in combinations beyond what their parts explain.

    1/2 sum |n - e| / N with e = N p_a p_b. Triples are not counted again.
    """
    kept = [(codes, len(names)) for codes, names in compared_groups(frame, context)[0].values() if len(names) > 1]
    pairs = [pair for pair in combinations(kept, 2) if pair[0][1] * pair[1][1] <= intersections.MOST_CELLS]
    if not pairs:
        return "audit_counts.note.one_attribute"

    def of(rows: Array) -> dict[str, float]:
        found = []
        for (first, k), (second, m) in pairs:
            counts = crossed(first[rows], second[rows], k, m)
            n = counts.sum()
            found.append(0.5 * float(np.abs(counts - intersections.expected_of_pairs(counts)).sum()) / n if n
                         else np.nan)  # fmt: skip
        return only("moved", found)

    return of


def _duplicates(frame: pd.DataFrame, context: Context) -> Of | str:
    """Share of examples that repeat another one of the set."""
    if context.families is None:
        return "audit.note.needs_families"
    families = np.unique(np.asarray(context.families), return_inverse=True)[1]
    return lambda rows: {"repeats": duplicates.repeat_rate(families[rows])[2] if len(rows) else np.nan}


def _dependence(frame: pd.DataFrame, context: Context) -> Of | str:
    """What an example of the set is worth at least: the smallest effective number over its families, sources, authors.

    Labels tell how alike the examples of a source or an author are; without labels they count as the same.
    """
    found = clusterings(frame, context)
    if not found:
        return "audit_draws.reason.dependence"
    labels = labels_of(frame)

    def of(rows: Array) -> dict[str, float]:
        if not len(rows):
            return {"worth": np.nan}
        own = labels.of(rows)
        worth = [dependence.worth_of(unit, codes[rows], own)["worth"] for unit, codes in found.items()]
        return {"worth": min(worth) / len(rows)}

    return of


def _topics(frame: pd.DataFrame, context: Context) -> Of | str:
    """How many equally large topics would be as even: exp of the entropy of their shares."""
    if context.clusters is None:
        return "audit.note.needs_clusters"
    codes = np.asarray(context.clusters)
    if not (codes >= 0).any():
        return "audit.note.no_clusters"

    def of(rows: Array) -> dict[str, float]:
        own = codes[rows]
        counts = np.bincount(own[own >= 0]) if (own >= 0).any() else np.zeros(0)
        return {"even": balance.evenness(counts)[1] if counts.sum() else np.nan}

    return of


def _scores(frame: pd.DataFrame, context: Context) -> Of | str:
    """Mean over measures, attributes and values of |Cliff's delta| between a value's scores and the others'.

    delta = 2 (R - n1 (n1 + 1) / 2) / (n1 n0) - 1, R the sum of the value's midranks; of two values only the first.
    """
    if not context.scores:
        return "audit_scores.note_no_scores"
    sides = [(codes, len(names)) for codes, names in compared_groups(frame, context)[0].values() if len(names) > 1]
    if not sides:
        return NO_VALUES
    measured = [np.asarray(values, np.float64) for values in context.scores.values()]

    def of(rows: Array) -> dict[str, float]:
        found: list[float] = []
        for values in measured:
            x = values[rows]
            found += [one for codes, k in sides for one in deltas(x, codes[rows], k)]
        return only("delta", found)

    return of


def deltas(values: Array, codes: Array, k: int) -> list[float]:
    """|Cliff's delta| of every value with 10 defined scores or more inside and outside; the first of two only."""
    known = np.isfinite(values) & (codes >= 0)
    x, own = values[known], codes[known]
    if len(x) < 2 * scores.FEWEST:
        return []
    ranks = stats.rankdata(x)
    n1 = np.bincount(own, minlength=k).astype(np.float64)
    n0 = len(x) - n1
    usable = (n1 >= scores.FEWEST) & (n0 >= scores.FEWEST)
    area = (np.bincount(own, ranks, minlength=k) - n1 * (n1 + 1) / 2)[usable] / (n1 * n0)[usable]
    return np.abs(2 * area - 1)[: 1 if k == 2 else k].tolist()


REPRESENTATION = Headline("representation", (Number("apart", "share"),), _representation)
TRENDS = Headline("trends", (Number("change", "share"),), _trends)
INTERSECTIONS = Headline("intersections", (Number("moved", "share"),), _intersections)
DUPLICATES = Headline("duplicates", (Number("repeats", "share"),), _duplicates)
DEPENDENCE = Headline("dependence", (Number("worth", "share"),), _dependence)
TOPICS = Headline("topics", (Number("even", is_relative=True),), _topics)
SCORES = Headline("scores", (Number("delta"),), _scores)
