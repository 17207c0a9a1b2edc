"""Words that stand beside one group of people rather than another: normalised PMI and its gap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studio.audits.association import MIN_EXPECTED, odds_ratio, two_by_two_p
from studio.audits.context import Context, nothing, texts_of
from studio.audits.gathered import longest, presence
from studio.audits.genbit import stop_words
from studio.audits.intervals import effective_n, smallest_odds_ratio
from studio.audits.mentions import spaced
from studio.audits.reading import Reading, read
from studio.lexicons import AXES
from studio.records import Array, Audit, AuditResult, Condition, Finding
from studio.statistics import ALPHA

NAME = "npmi"
MIN_TEXTS = 50  # texts that name one group of a pair and not the other (below it a share moves by 14 points by chance)
MIN_WORD = 20  # texts a word must be in (ours; the field's tool takes 10 and does not test)
TIE = 2.0  # ours: odds of the word at least twice as high beside one group
MOST_PAIRS = 3  # pairs per axis: the group most texts name against the next ones
SHOWN = 3  # words of each side in a sentence and as findings of their own
SHOWN_IDS = 150
COLUMNS = ("axis", "value", "other", "word", "n", "with_value", "with_other", "npmi", "other_npmi", "gap", "odds_ratio",
           "low", "high", "p", "q", "alarm")  # fmt: skip


def npmi(both: Array, first: Array, second: Array, n: float) -> tuple[Array, Array]:
    """PMI and normalised PMI of two events counted over the same n texts.

    PMI = ln( p(x, y) / (p(x) p(y)) ), nPMI = PMI / (-ln p(x, y)), all p over the same texts. nPMI is -1 where the two
    never meet, 0 where they are independent, 1 where neither comes without the other.

    Args:
        both: texts with x and y; any shape.
        first: texts with x.
        second: texts with y.
        n: texts.

    Returns:
        PMI (-inf where they never meet) and nPMI in [-1, 1]; 0 where one of them never occurs.

    Paper: bouma-2009; as published. The data-measurements-tool divides by -ln( p(word | group) p(word) ) instead, which
        is no joint probability, and mixes counts of texts with shares of tokens.

    Example:
        >>> pmi, normal = npmi(1, 3, 2, 5)
        >>> round(float(pmi), 9), round(float(normal), 9)
        (-0.182321557, -0.113282753)
    """
    k, a, b = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(both, first, second))
    there = (a > 0) & (b > 0)
    met = there & (k > 0)
    joint = np.where(met, k / n, 0.5)
    pmi = np.where(met, np.log(joint) - np.log(np.where(there, a, 1) / n) - np.log(np.where(there, b, 1) / n), -np.inf)
    pmi = np.where(there, pmi, 0.0)
    always = met & (k >= n)
    scale = np.where(always, 1.0, -np.log(joint))
    normal = np.where(met, np.where(always, 1.0, pmi / np.where(scale > 0, scale, 1.0)), -1.0)
    return pmi, np.where(there, np.clip(normal, -1.0, 1.0), 0.0)


def pairs_of(reading: Reading) -> list[tuple[str, str, str, Array, Array]]:
    """(axis, group, other group, texts naming the group, texts naming the other): the commonest against the next."""
    named: dict[str, list[tuple[str, Array]]] = {}
    for (axis, group), ids in reading.groups().items():
        rows = reading.rows_with(ids)
        if rows.sum() >= MIN_TEXTS:
            named.setdefault(axis, []).append((group, rows))
    found = []
    for axis in (axis for axis in AXES if axis in named):
        groups = sorted(named[axis], key=lambda item: (-int(item[1].sum()), item[0]))
        (first, rows), *others = groups
        for other, other_rows in others[:MOST_PAIRS]:
            if min((rows & ~other_rows).sum(), (other_rows & ~rows).sum()) >= MIN_TEXTS:
                found.append((axis, first, other, rows, other_rows))
    return found


def _pair_rows(pair: tuple, texts: object, words: Array, n: int, weight: float) -> pd.DataFrame:
    """One row per word: nPMI with both groups over all texts; the odds ratio between texts that name only one."""
    axis, group, other, rows, other_rows = pair
    total = np.asarray(texts.sum(0)).ravel().astype(np.float64)
    sides = np.column_stack([rows, other_rows, rows & ~other_rows, other_rows & ~rows]).astype(np.int64)
    beside = np.asarray(texts.T @ sides).astype(np.float64)
    only, only_other = float(sides[:, 2].sum()), float(sides[:, 3].sum())
    there = beside[:, 2] + beside[:, 3]
    scarce = np.minimum(there, only + only_other - there) * min(only, only_other) / (only + only_other)
    kept = scarce >= MIN_EXPECTED  # below it no test could show much, and each would cost the others power
    beside, total, words = beside[kept], total[kept], words[kept]
    _, one = npmi(beside[:, 0], total, rows.sum(), n)
    _, two = npmi(beside[:, 1], total, other_rows.sum(), n)
    a, c = beside[:, 2], beside[:, 3]
    b, d = only - a, only_other - c
    ratio, low, high, _ = odds_ratio(a, b, c, d)
    p, _ = two_by_two_p(*(np.round(cell * weight) for cell in (a, b, c, d)))
    if weight < 1:
        low, high = ratio * (low / ratio) ** weight**-0.5, ratio * (high / ratio) ** weight**-0.5
    return pd.DataFrame({
        "axis": axis, "value": group, "other": other, "word": words, "n": total.astype(int),
        "with_value": beside[:, 0].astype(int), "with_other": beside[:, 1].astype(int), "npmi": one, "other_npmi": two,
        "gap": one - two, "odds_ratio": ratio, "low": low, "high": high, "p": p,
    })  # fmt: skip


def _pair_findings(pair: tuple, own: pd.DataFrame, reading: Reading, ids: Array, context: Context, m: int) -> list:
    axis, group, other, rows, other_rows = pair
    alarms = own[own.alarm]
    n1, n2 = int((rows & ~other_rows).sum()), int((other_rows & ~rows).sum())
    smallest = float(smallest_odds_ratio(n1, n2, 0.05, context.level_of_one_among(m)))
    comma = "、" if context.language == "zh" else ", "
    sides = [_best(alarms[alarms.odds_ratio > 1]), _best(alarms[alarms.odds_ratio < 1])]
    values = {"value": group, "other": other, "tests": len(own), "alarms": len(alarms), "n_value": n1, "n_other": n2,
              "words": comma.join(sides[0].word.head(SHOWN)) or "–",
              "other_words": comma.join(sides[1].word.head(SHOWN)) or "–",
              "smallest": smallest if np.isfinite(smallest) else 0.0}  # fmt: skip
    kind = "some" if len(alarms) else "none" if np.isfinite(smallest) else "none_blind"
    top = (
        pd.concat(sides).assign(size=lambda t: _near_end(t)).sort_values("size", ascending=False)
        if len(alarms)
        else own
    )
    first = top.iloc[0] if len(alarms) else None
    facts = {} if first is None else {"low": float(first.low), "high": float(first.high), "p": float(first.p),
                                      "q": float(first.q)}  # fmt: skip
    return [Finding(audit=NAME, key=f"audit_words.npmi.{kind}", values=values, n=n1 + n2,
                    estimate=1.0 if first is None else float(first.odds_ratio), threshold=TIE,
                    unit="words" if first is None else "odds_ratio",
                    smallest_effect=smallest if np.isfinite(smallest) else None, alarm=first is not None,
                    example_ids=spaced(ids[rows | other_rows]), **facts),
            *[_word_finding(row, group, other, rows, other_rows, ids) for side in sides for row in
              side.head(SHOWN).itertuples()]]  # fmt: skip


def _near_end(table: pd.DataFrame) -> pd.Series:
    return np.maximum(np.log(table.low), -np.log(table.high))


def _best(alarms: pd.DataFrame) -> pd.DataFrame:
    """The words of one side by the near end of their interval, of Han runs inside one another the longest."""
    ordered = alarms.assign(size=-_near_end(alarms)).sort_values(["size", "word"], kind="stable").head(200)
    kept = longest(ordered.word.to_numpy(), ordered.n.to_numpy(), ordered["size"].to_numpy())
    return ordered.iloc[kept].sort_values(["size", "word"], kind="stable")


def _word_finding(row: object, group: str, other: str, rows: Array, other_rows: Array, ids: Array) -> Finding:
    beside = group if row.odds_ratio > 1 else other
    near = row.with_value if row.odds_ratio > 1 else row.with_other
    values = {"word": row.word, "value": beside, "other": other if row.odds_ratio > 1 else group,
              "gap": abs(float(row.gap)), "n": int(near)}  # fmt: skip
    own = ids[rows if row.odds_ratio > 1 else other_rows]
    clauses = (Condition("example_id", "in", list(spaced(own, SHOWN_IDS))), Condition("text", "contains", row.word))
    flip = row.odds_ratio < 1
    low, high = (1 / row.high, 1 / row.low) if flip else (row.low, row.high)
    return Finding(audit=NAME, key="audit_words.npmi.word", values=values, n=int(row.n),
                   estimate=float(1 / row.odds_ratio if flip else row.odds_ratio), low=float(low), high=float(high),
                   unit="odds_ratio", p=float(row.p), q=float(row.q), threshold=TIE, examples=clauses)  # fmt: skip


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Words of texts that name one group rather than another of the same axis.

    Per axis the group most texts name is held against the next three. Per word: nPMI with each group over all texts and
    their gap; and, between the texts that name only one of the two, the odds ratio of the word with Woolf's interval
    and its p, corrected over all words and pairs (PMI bias ln( p(w | A) / p(w | B) ), as a log odds ratio). A word is
    tested where at least 5 texts with it are expected on each side.

    Args:
        frame: `text`, `example_id`.
        context: lexicon; families: counts are scaled to the effective number of texts before p and interval.

    Returns:
        Per pair one finding with the words that stand out, then these words; table COLUMNS. A word stands out with
        q < 0.05 and odds at least twice as high on one side.

    Paper: bouma-2009, aka-2021 (the gap), valentini-2021 (the interval and the correction).
    Limits: words of grammar are left out; Chinese words are runs of 2 to 4 characters without a segmenter; some words
        go with a group by their sense. An association in the data.
    """
    ids = frame["example_id"].to_numpy(np.int64)
    reading = read(list(texts_of(frame, "text")), context.lexicon, ids)
    pairs = pairs_of(reading)
    if not pairs:
        return nothing(NAME, "audit_words.note.few_pairs", COLUMNS)
    texts, words = presence(reading, MIN_WORD, stop_words())
    if not len(words):
        return nothing(NAME, "audit.note.words_too_rare", COLUMNS)
    n = int((reading.n_units > 0).sum())
    weight = effective_n(context.families, reading.n) / reading.n
    table = pd.concat([_pair_rows(pair, texts, words, n, weight) for pair in pairs], ignore_index=True)
    if not len(table):
        return nothing(NAME, "audit.note.words_too_rare", COLUMNS)
    table["q"] = context.corrected(table.p.to_numpy())
    table["alarm"] = (table.q < ALPHA) & ((table.low > 1) | (table.high < 1)) & (
        (table.odds_ratio >= TIE) | (table.odds_ratio <= 1 / TIE)
    )  # fmt: skip
    findings = []
    for pair in pairs:
        own = table[(table.axis == pair[0]) & (table.value == pair[1]) & (table.other == pair[2])]
        if len(own):
            findings += _pair_findings(pair, own, reading, ids, context, len(table))
    shown = table.assign(order=-np.abs(np.log(table.odds_ratio)))
    shown = shown.sort_values(["alarm", "order", "word"], ascending=[False, True, True])
    order = sorted(range(len(findings)), key=lambda i: not findings[i].alarm)
    return AuditResult(NAME, tuple(findings[i] for i in order), shown[list(COLUMNS)].reset_index(drop=True))


NPMI = Audit(name=NAME, title="audit.title.npmi", needs=("lexicon",), paper="bouma-2009", compute=_compute)
