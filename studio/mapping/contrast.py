"""What sets one part of a corpus apart from another: words, categories, lengths, and its most typical examples.

Estimates with intervals need no test; a p-value is only true for examples nobody looked at while the part was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from studio.mapping.keywords import words_in
from studio.records import Array
from studio.statistics import Z95, chance_of_more

PRIOR_WORDS, PRIOR_SHARE = 500.0, 0.1  # ours: strong enough to tame rare words, never more than a tenth of a side
LEAST_TEXTS = 5  # ours: a word in fewer texts of both sides together has an interval too wide to read
LEAST_EXPECTED = 5.0  # below this expected count Fisher's exact test replaces chi-square (Cochran's rule)
Ratio = Callable[[Array, Array, Array, Array], tuple[Array, Array, Array, Array]]


def word_contrast(texts_in: Sequence[str], texts_out: Sequence[str], *, prior: float | None = None) -> pd.DataFrame:
    """How much likelier a word is in one part than in the other, the surest differences first.

    d_w = ln((y_w + a_w) / (n + a - y_w - a_w)) of the part minus the same of the other, with y_w the texts that hold
    word w, n the sum of y over all words, a_w = a times the word's share of both parts, a = `prior`;
    var = 1 / (y_w + a_w) of the part + the same of the other; z = d_w / sqrt(var).

    Args:
        texts_in: the part; equal texts count once.
        texts_out: the other; equal texts count once.
        prior: a, in words; by default 500, or a tenth of the smaller side's n where that is less.

    Returns:
        Columns word, n_in, n_out (texts that hold it), share_in, share_out (of the texts), log_odds, low, high (95 %),
        z, p (two-sided), by falling |z|; words in fewer than 5 texts left out.

    Paper: monroe-2008, equations 16 and 20-22; departs from it in counting a text once per word, since a word that a
    text repeats is no second witness.
    Limits: p is no p-value for words that chose the parts, be it by hand, by a filter on the text, or by vectors.
    """
    sides = [_texts_with(texts) for texts in (texts_in, texts_out)]
    both = sides[0][0] + sides[1][0]
    least = LEAST_TEXTS if len(both) > 1 else np.inf  # of one word alone there is no other it could be likelier than
    words = sorted(word for word, n in both.items() if n >= least)
    y = np.array([[counts[word] for word in words] for counts, _ in sides], dtype=np.float64).reshape(2, len(words))
    n = np.array([sum(counts.values()) for counts, _ in sides], dtype=np.float64)[:, None]
    if prior is None:
        prior = max(min(PRIOR_WORDS, PRIOR_SHARE * float(n.min())), 1.0)
    pooled = np.array([both[word] for word in words], dtype=np.float64)
    a = prior * pooled / max(float(n.sum()), 1.0)
    log_odds = np.log(y + a) - np.log(n + prior - y - a)
    d = log_odds[0] - log_odds[1]
    error = np.sqrt((1 / (y + a)).sum(axis=0))
    z = d / error
    n_texts = [max(size, 1) for _, size in sides]
    table = pd.DataFrame(
        {
            "word": words,
            "n_in": y[0].astype(np.int64),
            "n_out": y[1].astype(np.int64),
            "share_in": y[0] / n_texts[0],
            "share_out": y[1] / n_texts[1],
            "log_odds": d,
            "low": d - Z95 * error,
            "high": d + Z95 * error,
            "z": z,
            "p": 2 * stats.norm.sf(np.abs(z)),
        }
    )
    order = np.lexsort((table["word"].to_numpy(dtype=object).astype(str), -np.abs(z)))
    return table.iloc[order].reset_index(drop=True)


def _texts_with(texts: Sequence[str]) -> tuple[Counter[str], int]:
    """How many different texts hold each word, and how many different texts there are."""
    counts: Counter[str] = Counter()
    different = dict.fromkeys(texts)
    for text in different:
        counts.update(words_in(text))
    return counts, len(different)


def category_contrast(codes: Array, n_names: int, inside: Array, outside: Array, ratio: Ratio) -> pd.DataFrame:
    """Which categories are over- or under-represented in one part against another.

    Args:
        codes: (n,) category of each example, 0 .. n_names - 1; below 0 = not known, left out.
        n_names: how many categories.
        inside: (n,) bool, the part.
        outside: (n,) bool, the other; no example may be in both.
        ratio: odds ratio of 2 x 2 tables with its interval (a, b, c, d -> ratio, low, high, error).

    Returns:
        A row per category: code, n_in, n_out, share_in, share_out, odds_ratio, low, high, p (chi-square of the 2 x 2
        table, Fisher's exact test where a cell expects fewer than 5); NaN where a side has no example.
    """
    known = np.asarray(codes) >= 0
    rows = np.flatnonzero(known)
    return member_contrast(rows, np.asarray(codes)[rows], known, n_names, inside, outside, ratio)


def member_contrast(
    rows: Array, codes: Array, known: Array, n_names: int, inside: Array, outside: Array, ratio: Ratio
) -> pd.DataFrame:
    """The same where an example may be in several categories at once: each is compared as given or not given.

    Args:
        rows: (m,) example of each entry.
        codes: (m,) category of each entry; each pair once.
        known: (n,) bool, of which examples it is known which categories they are in, be it none.
        n_names: how many categories.
        inside: (n,) bool, the part.
        outside: (n,) bool, the other; no example may be in both.
        ratio: odds ratio of 2 x 2 tables with its interval.

    Returns:
        As `category_contrast`; shares of one side may sum to more than 1.
    """
    a = np.bincount(codes[inside[rows]], minlength=n_names).astype(np.float64)
    c = np.bincount(codes[outside[rows]], minlength=n_names).astype(np.float64)
    n_in, n_out = float((known & inside).sum()), float((known & outside).sum())
    odds, low, high, _ = ratio(a, n_in - a, c, n_out - c)
    there = (a + c > 0) & (n_in > 0) & (n_out > 0)
    p = [_p_of(a[i], n_in - a[i], c[i], n_out - c[i]) if there[i] else np.nan for i in range(n_names)]
    return pd.DataFrame(
        {
            "code": np.arange(n_names),
            "n_in": a.astype(np.int64),
            "n_out": c.astype(np.int64),
            "share_in": a / max(n_in, 1.0),
            "share_out": c / max(n_out, 1.0),
            "odds_ratio": np.where(there, odds, np.nan),
            "low": np.where(there, low, np.nan),
            "high": np.where(there, high, np.nan),
            "p": p,
        }
    )


def _p_of(a: float, b: float, c: float, d: float) -> float:
    table = np.array([[a, b], [c, d]])
    if (table.sum(axis=0) == 0).any():
        return 1.0  # everybody is in the category: nothing can differ
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0) / table.sum()
    if expected.min() < LEAST_EXPECTED:
        return float(stats.fisher_exact(table)[1])
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def length_contrast(inside: Array, outside: Array) -> dict[str, float] | None:
    """Medians and quartiles of two sets of lengths, and how often one of the first is the longer.

    longer = P(X > Y) + P(X = Y) / 2 for X of the first and Y of the second set, with the interval and the p of
    `statistics.chance_of_more`, as in the check of lengths.

    Returns:
        median_in, median_out, q1_in, q3_in, q1_out, q3_out, longer, low, high, p (Mann-Whitney, two-sided, ties
        corrected); None where a side has fewer than two examples.

    Example:
        >>> found = length_contrast(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
        >>> found["longer"], round(found["low"], 4), round(found["high"], 4)  # logit ln 7, error 1.6162
        (0.875, 0.2276, 0.994)
    """
    m = len(inside)
    if min(m, len(outside)) < 2:
        return None
    at = np.unique(np.concatenate([inside, outside]), return_inverse=True)[1]
    counts = [np.bincount(part, minlength=int(at.max()) + 1) for part in (at[:m], at[m:])]
    longer, low, high, p = chance_of_more(*counts)
    low_in, middle_in, high_in = np.percentile(inside, [25, 50, 75])
    low_out, middle_out, high_out = np.percentile(outside, [25, 50, 75])
    return {
        "median_in": float(middle_in),
        "median_out": float(middle_out),
        "q1_in": float(low_in),
        "q3_in": float(high_in),
        "q1_out": float(low_out),
        "q3_out": float(high_out),
        "longer": longer,
        "low": low,
        "high": high,
        "p": p,
    }


def nearest_to_centre(vectors: Array, k: int) -> tuple[Array, Array]:
    """Positions and cosine similarities of the k rows nearest to the middle of all, best first, ties by position.

    Args:
        vectors: (n, d) unit rows.
        k: how many.
    """
    if not len(vectors) or k < 1:
        return np.empty(0, dtype=np.int64), np.empty(0)
    middle = np.asarray(vectors, dtype=np.float64).mean(axis=0)
    likeness = np.asarray(vectors, dtype=np.float64) @ (middle / max(float(np.linalg.norm(middle)), 1e-12))
    order = np.lexsort((np.arange(len(likeness)), -likeness))[:k]
    return order, likeness[order]
