"""Whom the texts speak of: how many texts name each group of people, and how often."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studio.audits.context import Context, nothing, texts_of
from studio.audits.intervals import effective_n
from studio.audits.reading import Reading, read
from studio.lexicons import AXES
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import wilson

NAME = "mentions"
PER = 1_000  # tokens a rate speaks of
MOST_IDS = 2_000  # examples a finding names, evenly spaced
SHOWN_TERMS = 5
COLUMNS = ("axis", "value", "n", "share", "low", "high", "hits", "rate", "rate_low", "rate_high", "unsure",
           "terms")  # fmt: skip


def spaced(ids: Array, most: int = MOST_IDS) -> tuple[int, ...]:
    """At most so many of the ids, evenly spaced and in order."""
    if len(ids) > most:
        ids = ids[np.linspace(0, len(ids) - 1, most).astype(np.int64)]
    return tuple(int(example) for example in ids)


def group_table(reading: Reading, families: Array | None) -> pd.DataFrame:
    """One row per axis and group: texts that name it, mentions, mentions per 1,000 tokens, each with its interval.

    share = texts with a mention / texts; rate = 1,000 · mentions / tokens, both with the Wilson interval; with copies
    the interval stands on the effective number of texts and of tokens. `unsure`: texts in which only ambiguous terms
    of the group occur.
    """
    terms = reading.lexicon.terms
    rows, found = reading.mentions
    n, tokens = reading.n, float(reading.n_units.sum())
    weight = effective_n(families, n) / n if n else 1.0
    sure, every = reading.groups(), reading.groups(with_ambiguous=True)
    counts = np.bincount(found, minlength=len(terms))
    records = []
    for (axis, group), ids in sure.items():
        own = [i for i, term in enumerate(terms) if (term.axis, term.group) == (axis, group)]
        plain = [i for i in own if not terms[i].is_ambiguous]
        with_mention = reading.rows_with(ids)
        hits, k = int(counts[plain].sum()), int(with_mention.sum())
        low, high = wilson(k * weight, n * weight)
        rate_low, rate_high = wilson(hits * weight, tokens * weight)
        top = sorted((i for i in plain if counts[i]), key=lambda i: (-counts[i], terms[i].term))[:SHOWN_TERMS]
        unsure = int((reading.rows_with(every[axis, group]) & ~with_mention).sum())
        share, rate = k / n if n else 0.0, PER * hits / tokens if tokens else 0.0
        often = ", ".join(f"{terms[i].term} {counts[i]:,}" for i in top)
        records.append((axis, group, k, share, float(low), float(high), hits, rate, PER * float(rate_low),
                        PER * float(rate_high), unsure, often))  # fmt: skip
    return pd.DataFrame(records, columns=list(COLUMNS))


def _axis_finding(axis: str, own: pd.DataFrame, reading: Reading, ids: Array, context: Context) -> Finding:
    masks = reading.groups()
    anyone = reading.rows_with(np.logical_or.reduce([mask for (a, _), mask in masks.items() if a == axis]))
    n, k = reading.n, int(anyone.sum())
    weight = effective_n(context.families, n) / n
    low, high = wilson(k * weight, n * weight)
    if not k:
        return Finding(audit=NAME, key=f"audit_words.unnamed.{axis}", values={"n": n, "most": float(high)}, n=n,
                       estimate=0.0, low=0.0, high=float(high), unit="share",
                       smallest_effect=float(high))  # fmt: skip
    named = own[own.n > 0].sort_values(["n", "value"], ascending=[False, True], kind="stable")
    first = named.iloc[0]
    values = {"share": k / n, "most": str(first.value), "most_share": float(first.share), "rate": float(first.rate),
              "named": len(named), "groups": len(own)}  # fmt: skip
    return Finding(audit=NAME, key=f"audit_words.named.{axis}", values=values, n=n, estimate=k / n, low=float(low),
                   high=float(high), unit="share", example_ids=spaced(ids[anyone]))  # fmt: skip


def _unsure_finding(reading: Reading, ids: Array) -> Finding | None:
    """How much was left out because a term is ambiguous, with the examples to judge it by."""
    terms = reading.lexicon.terms
    rows, found = reading.mentions
    is_unsure = np.array([term.is_ambiguous for term in terms], dtype=bool)[found]
    if not is_unsure.any():
        return None
    counts = np.bincount(found[is_unsure], minlength=len(terms))
    top = [terms[i].term for i in np.argsort(-counts, kind="stable")[:3] if counts[i]]
    touched = np.unique(rows[is_unsure])
    values = {"hits": int(is_unsure.sum()), "words": ", ".join(top), "texts": len(touched)}
    return Finding(audit=NAME, key="audit_words.unsure", values=values, n=reading.n, estimate=len(touched) / reading.n,
                   unit="share", example_ids=spaced(ids[touched]))  # fmt: skip


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Which groups of people the texts name, per axis of identity.

    Args:
        frame: `text`, `example_id`.
        context: lexicon; families narrow what n is worth.

    Returns:
        One finding per axis, by the share of texts that name anyone on it, then what was left out as ambiguous; table
        COLUMNS. Nothing alarms: there is no share of mentions a corpus should have.

    Paper: holistic-bias-2022, gender-gap-2023 (rates of mentions per axis; the words are our own), wilson-1927.
    Limits: counts words, not people; who is not named by a word of the list is not counted; mentions in one text hang
        together, so the interval of the rate per 1,000 tokens is narrower than it should be.
    """
    reading = read(list(texts_of(frame, "text")), context.lexicon, frame["example_id"].to_numpy())
    if not reading.n_units.sum():
        return nothing(NAME, "audit.note.no_text", COLUMNS)
    ids = frame["example_id"].to_numpy(np.int64)
    table = group_table(reading, context.families)
    axes = [axis for axis in AXES if (table.axis == axis).any()]
    found = [_axis_finding(axis, table[table.axis == axis], reading, ids, context) for axis in axes]
    found.sort(key=lambda finding: -finding.estimate)
    unsure = _unsure_finding(reading, ids)
    table = table.sort_values(["axis", "n", "value"], ascending=[True, False, True], kind="stable", ignore_index=True)
    table["order"] = [AXES.index(axis) for axis in table.axis]
    table = table.sort_values("order", kind="stable", ignore_index=True)[list(COLUMNS)]
    notes = ("audit_words.note.segmenter",) if context.language == "zh" else ()
    return AuditResult(NAME, (*found, *([unsure] if unsure else [])), table, notes)


MENTIONS = Audit(
    name=NAME, title="audit.title.mentions", needs=("lexicon",), paper="holistic-bias-2022", compute=_compute
)
