"""WEAT: whether words for two groups of people stand nearer to one set of words than to another, in this corpus."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd

from studio.audits.context import Context, nothing, texts_of
from studio.audits.genbit import MEN, WOMEN
from studio.audits.reading import read
from studio.audits.weat_words import TESTS, WORDS
from studio.audits.word_vectors import train
from studio.lexicons import AXES, matcher
from studio.records import Array, Audit, AuditResult, Finding, Lexicon, Term
from studio.statistics import ALPHA

NAME = "weat"
CAP = 12_870  # partitions tried one by one: 8 words against 8
DRAWS = 9_999
RESAMPLES = 2_000  # of the words of each side, for the interval of d
FEWEST, MOST = 4, 8  # words on each side; fewer than 4 against 4 have 70 partitions, so that nothing could be shown
LARGE = 0.8  # |d| from which an effect counts as large (cohen-1988)
ATTRIBUTE = "attribute"
COLUMNS = ("axis", "value", "other", "near", "far", "d", "low", "high", "p", "q", "k", "m", "exact", "words",
           "other_words", "alarm")  # fmt: skip


def association(targets: Array, near: Array, far: Array) -> Array:
    """s(w) = mean cosine of w with the near words - mean cosine with the far words.

    Args:
        targets: (k, d) unit rows.
        near: (m, d) unit rows.
        far: (m', d) unit rows.
    """
    return (targets @ near.T).mean(1) - (targets @ far.T).mean(1)


def effect_size(first: Array, second: Array) -> float:
    """How far two sets lie apart: d = (mean of s over X - mean of s over Y) / deviation of s over both, with n - 1.

    Paper: caliskan-2017; the deviation with n - 1 as in the authors' later code (sent-bias). WEFE divides by n, which
        makes d larger by sqrt(n / (n - 1)): 1.0328 at 16 words.

    Example:
        >>> round(effect_size(np.array([1.0, 3.0]), np.array([0.0, 0.0])), 6)
        1.414214
    """
    deviation = float(np.std(np.concatenate([first, second]), ddof=1))
    return float((first.mean() - second.mean()) / deviation) if deviation > 0 else 0.0


def effect_interval(first: Array, second: Array, rng: np.random.Generator) -> tuple[float, float]:
    """95 % percentile interval of the effect size over resampled words, each side's drawn from its own.

    It says how much d hangs on which words stand for a group, not how it would fall on other texts; d cannot leave
    -2 to 2 by much, and with a handful of words the interval is rough.

    Args:
        first: (k,) s of the first set.
        second: (k,) s of the second set.
        rng: of 2,000 resamples.

    Paper: bootstrap-1979, percentile form.
    """
    x = first[rng.integers(len(first), size=(RESAMPLES, len(first)))]
    y = second[rng.integers(len(second), size=(RESAMPLES, len(second)))]
    deviation = np.concatenate([x, y], axis=1).std(axis=1, ddof=1)
    apart = x.mean(1) - y.mean(1)
    drawn = np.divide(apart, deviation, out=np.zeros(RESAMPLES), where=deviation > 0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def permutation_p(first: Array, second: Array, rng: np.random.Generator) -> tuple[float, bool]:
    """One-sided p: share of equal partitions of both sets whose sum over the first half is at least as large.

    Exact while there are at most CAP partitions, the observed one among them; else (1 + hits) / (1 + DRAWS) seeded
    draws without replacement.

    Args:
        first: (k,) s of the first set.
        second: (k,) s of the second set.
        rng: of the draws.

    Returns:
        p in (0, 1], and whether it is exact.

    Paper: caliskan-2017. WEFE draws with replacement, counts only larger sums and takes no seed; its p differs.

    Example:
        >>> permutation_p(np.array([3.0, 2.0]), np.array([1.0, 0.0]), np.random.default_rng(0))  # 1 of 6 partitions
        (0.16666666666666666, True)
    """
    both, k = np.concatenate([first, second]), len(first)
    observed, slack = float(first.sum()), 1e-12 * max(1.0, float(np.abs(both).sum()))
    if math.comb(len(both), k) <= CAP:
        chosen = np.array(list(combinations(range(len(both)), k)))
        return float((both[chosen].sum(1) >= observed - slack).mean()), True
    drawn = np.argsort(rng.random((DRAWS, len(both))), axis=1)[:, :k]
    hits = int((both[drawn].sum(1) >= observed - slack).sum())
    return (1 + hits) / (1 + DRAWS), False


def word_sets(language: str) -> dict[str, tuple[str, ...]]:
    """The attribute words of a language; Chinese for zh, English for everything else."""
    return dict(WORDS["zh" if language == "zh" else "en"])


def with_attributes(lexicon: Lexicon) -> Lexicon:
    """The lexicon with the attribute words as terms of an axis of their own, so that Chinese ones are read whole."""
    way = "substring" if lexicon.language == "zh" else "word"
    known = {term.term for term in lexicon.terms}
    added = [Term(word, ATTRIBUTE, name, way) for name, words in word_sets(lexicon.language).items() for word in words
             if word not in known]  # fmt: skip
    return Lexicon(lexicon.language, (*lexicon.terms, *added), lexicon.source, lexicon.reviewer)


def pairs_of(sides: dict[tuple[str, str], list[int]]) -> list[tuple[str, str, str, bool]]:
    """(axis, group, other group, whether it is the published gender test) of the two best attested groups per axis."""
    found = []
    for axis in AXES:
        groups = sorted(((group, ids) for (a, group), ids in sides.items() if a == axis and len(ids) >= FEWEST),
                        key=lambda item: (-len(item[1]), item[0]))  # fmt: skip
        names = [group for group, _ in groups]
        men, women = next((g for g in names if g in MEN), None), next((g for g in names if g in WOMEN), None)
        if axis == "gender" and men and women:
            found.append((axis, men, women, True))
        elif len(names) >= 2:
            found.append((axis, names[0], names[1], False))
    return found


def sides_of(count: Array, words: Array, masks: dict[tuple[str, str], Array],
             place: Array) -> dict[tuple[str, str], list[int]]:  # fmt: skip
    """(axis, group) -> ids with a vector, the commonest first; an id counts for its own group only.

    Args:
        count: (v,) how often each id occurs.
        words: (v,) what it reads as.
        masks: (axis, group) -> (v,) which ids name it.
        place: (v,) row of its vector, -1 for none.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for key, mask in masks.items():
        ids = np.flatnonzero(mask & (place >= 0))
        found[key] = [int(i) for i in ids[np.lexsort((words[ids].astype(str), -count[ids]))]]
    return found


def compared(pair: tuple, sides: dict, names: tuple[str, str], vectors: Array, place: Array) -> tuple | None:
    """What s is for the words of a pair, their ids, k and m; None with fewer than 4 words on a side."""
    axis, group, other, _ = pair
    one, two = sides[axis, group], sides[axis, other]
    shared = set(one) & set(two)
    one, two = [i for i in one if i not in shared], [i for i in two if i not in shared]
    near, far = (sides.get((ATTRIBUTE, name), []) for name in names)
    k, m = min(len(one), len(two), MOST), min(len(near), len(far))
    if k < FEWEST or m < FEWEST:
        return None
    rows = {name: vectors[place[ids]] for name, ids in (("x", one[:k]), ("y", two[:k]), ("a", near), ("b", far))}
    s = [association(rows[name], rows["a"], rows["b"]) for name in ("x", "y")]
    return s, (one[:k], two[:k]), k, m


def _test(pair: tuple, sides: dict, names: tuple[str, str], vectors: Array, place: Array, words: Array,
          rng: np.random.Generator, seed: int) -> tuple | None:  # fmt: skip
    found = compared(pair, sides, names, vectors, place)
    if found is None:
        return None
    (axis, group, other, _), (s, (one, two), k, m) = pair, found
    upper, exact = permutation_p(s[0], s[1], rng)
    lower, _ = permutation_p(-s[0], -s[1], rng)
    said = [", ".join(str(words[i]) for i in ids) for ids in (one, two)]
    interval = effect_interval(*s, np.random.default_rng([seed, len(names[0]), k]))
    return (axis, group, other, *names, effect_size(*s), *interval, min(1.0, 2 * min(upper, lower)), k, m, exact, *said)


def _finding(row: object, n: int, level: float) -> Finding:
    toward = row.d > 0
    reachable = 2 / math.comb(2 * row.k, row.k) < level  # the least p that so few words can give
    kind = "near" if row.alarm else "none" if reachable else "blind"
    values = {"value": row.value if toward else row.other, "other": row.other if toward else row.value,
              "d": abs(float(row.d)), "k": int(row.k)}  # fmt: skip
    return Finding(audit=NAME, key=f"audit_words.weat.{kind}_{row.near}", values=values, n=n, estimate=float(row.d),
                   low=float(row.low), high=float(row.high), unit="effect", p=float(row.p), q=float(row.q),
                   threshold=LARGE, alarm=bool(row.alarm))  # fmt: skip


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Whether words for one group stand nearer to career, science or pleasant words than words for another group.

    Vectors: PPMI of window counts and truncated SVD, trained on this corpus (a sentence encoder's own bias is not the
    corpus's). Per axis the two groups with most words: s(w) = mean cosine with the near words - with the far words;
    d by `effect_size`, its interval by resampling the words of each side; p twice the smaller one-sided permutation p
    over the words; all tests corrected together.

    Args:
        frame: `text`, `example_id`.
        context: lexicon; seed.

    Returns:
        A finding per test; table COLUMNS. An alarm needs q < 0.05 and |d| of at least 0.8.

    Paper: caliskan-2017, levy-2015 (the vectors); attribute words are short lists of our own.
    Limits: p is over the choice of words, not of texts: it says nothing of another corpus. Words need 20 occurrences,
        each side 4 of them; small corpora have too few.
    """
    ids = frame["example_id"].to_numpy(np.int64)
    wide = matcher(with_attributes(context.lexicon))
    reading = read(list(texts_of(frame, "text")), context.lexicon, ids, wide)
    masks = reading.groups()
    wanted = np.logical_or.reduce(list(masks.values())) if masks and len(reading.words) else np.zeros(0, bool)
    place, vectors = train(reading, wanted, context.seed)
    count = np.bincount(reading.plain[0], minlength=len(reading.words))
    sides = sides_of(count, reading.words, masks, place)
    rng, found = np.random.default_rng(context.seed), []
    for pair in pairs_of(sides):
        for names in TESTS if pair[3] else TESTS[-1:]:
            row = _test(pair, sides, names, vectors, place, reading.words, rng, context.seed)
            if row is not None:
                found.append(row)
    if not found:
        return nothing(NAME, "audit_words.note.few_words", COLUMNS)
    table = pd.DataFrame(found, columns=[name for name in COLUMNS if name not in ("q", "alarm")])
    table["q"] = context.corrected(table.p.to_numpy())
    table["alarm"] = (table.q < ALPHA) & (table.d.abs() >= LARGE)
    table = table.assign(order=-table.d.abs()).sort_values(["alarm", "order", "axis", "near"],
                                                           ascending=[False, True, True, True])  # fmt: skip
    level = context.level_of_one_among(len(table))
    findings = tuple(_finding(row, len(frame), level) for row in table.itertuples())
    return AuditResult(NAME, findings, table[list(COLUMNS)].reset_index(drop=True))


WEAT = Audit(name=NAME, title="audit.title.weat", needs=("lexicon",), paper="caliskan-2017", compute=_compute)
