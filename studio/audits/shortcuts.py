"""Single words that give a label away, and those that do so though they say nothing of its subject."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, special
from sklearn.feature_extraction.text import CountVectorizer

from studio.audits.context import Context, nothing, texts_of
from studio.audits.fillers import FILLERS
from studio.audits.label_sets import Labels, labels_of
from studio.audits.tokenise import is_cjk, pieces
from studio.records import Array, Audit, AuditResult, Condition, Finding
from studio.statistics import ALPHA, Z95

NAME = "shortcuts"
MIN_COUNT = 20  # examples a word must be in before it is tested (ours; the field uses 10 for whole vocabularies)
TIE = 3.0  # ours: odds of the label at least three times as high where the word is
COVER = 0.10  # ours: in at least a tenth of the label's examples, else it is no shortcut for the label
LIFT = 0.10  # ours: and the label's share at least ten points higher, else "the" counts where few texts lack it
MOST_ROWS = 100_000  # texts read at most, evenly spaced; said in a note
SHOWN = 12
COLUMNS = (
    "word",
    "label",
    "n",
    "with_label",
    "share",
    "expected",
    "low",
    "high",
    "z",
    "odds_ratio",
    "p",
    "q",
    "bonferroni",
    "is_filler",
    "alarm",
)


def z_statistic(share: Array, prior: Array, n: Array) -> Array:
    """How far P(label | word) lies from the label's prior: z = (share - p0) / sqrt(p0 (1 - p0) / n).

    Paper: gardner-2021, equation 1; with the label's own share as p0 instead of 1 / number of labels.

    Example:
        >>> round(float(z_statistic(0.65, 0.5, 100)), 6)
        3.0
    """
    p0 = np.asarray(prior, dtype=np.float64)
    return (np.asarray(share) - p0) / np.sqrt(p0 * (1 - p0) / np.asarray(n, dtype=np.float64))


def count_words(texts: list[str]) -> tuple[sparse.csr_matrix, Array]:
    """Texts by words, 1 where the word is in the text, and the words; those in fewer than 20 texts are out."""
    vectorizer = CountVectorizer(analyzer=pieces, binary=True, min_df=MIN_COUNT, dtype=np.int32)
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError:  # no word in enough texts: scikit-learn's way of saying an empty vocabulary
        return sparse.csr_matrix((len(texts), 0), dtype=np.int32), np.array([], dtype=object)
    return counts.tocsr(), vectorizer.get_feature_names_out()


def weights_of(families: Array | None, usable: Array, n: int) -> Array:
    """What each of the texts that are read counts for: a family of m copies counts once, 1 / m each.

    Example:
        >>> weights_of(np.array([0, 1, 1, 2]), np.array([0, 1, 2]), 4).tolist()
        [1.0, 0.5, 0.5]
    """
    if families is None:
        return np.ones(len(usable))
    own = np.unique(np.asarray(families)[usable], return_inverse=True)[1]
    return 1.0 / np.bincount(own)[own]


def tail(k: Array, n: Array, share: Array) -> Array:
    """P(a binomial count of n draws is at least k), for counts that may be fractional: the incomplete beta function.

    Example:
        >>> round(float(tail(9.0, 10.0, 0.5)), 6)  # 11 / 1024
        0.010742
    """
    k, n = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    return np.where(k > 0, special.betainc(np.maximum(k, 1e-12), np.maximum(n - k, 0.0) + 1, share), 1.0)


def _tests(counts: sparse.csr_matrix, words: Array, labels: Labels, weights: Array, context: Context) -> pd.DataFrame:
    """One row per word with the label it is tied to most; p corrected for all words times all labels.

    Counts are those of texts; shares, z, p and odds count a family of copies once.
    """
    names, one_hot = labels.names, labels.matrix
    worded = counts.T.tocsr()
    with_label = (worded @ one_hot.multiply(weights[:, None]).tocsr()).toarray().astype(np.float64)  # (words, labels)
    word_n, n = np.asarray(worded @ weights, np.float64), float(weights.sum())
    label_n = np.asarray(one_hot.T @ weights, np.float64)
    prior = label_n / n
    share = with_label / word_n[:, None]
    best = z_statistic(share, prior[None, :], word_n[:, None]).argmax(1)
    at = np.arange(len(words))
    k, p0 = with_label[at, best], prior[best]
    p = tail(k, word_n, p0)
    texts_n, texts_k = np.asarray(counts.sum(0)).ravel(), (worded @ one_hot).toarray()[at, best]
    a, b, c = k, word_n - k, label_n[best] - k
    d = n - a - b - c
    shift = 0.5 * ((a == 0) | (b == 0) | (c == 0) | (d == 0))
    cells = [cell + shift for cell in (a, b, c, d)]
    log_or = np.log(cells[0]) + np.log(cells[3]) - np.log(cells[1]) - np.log(cells[2])
    error = np.sqrt(sum(1 / cell for cell in cells))
    # the best label of each word is one of many looks: multiply before the false discovery correction over words
    looked = np.minimum(p * len(names), 1.0)
    return pd.DataFrame(
        {
            "word": words,
            "label": np.array(names, dtype=object)[best],
            "n": texts_n.astype(int),
            "with_label": texts_k.astype(int),
            "share": texts_k / texts_n,
            "expected": labels.counts[best] / labels.n,
            "lift": k / word_n - p0,
            "low": np.exp(log_or - Z95 * error),
            "high": np.exp(log_or + Z95 * error),
            "z": z_statistic(k / word_n, p0, word_n),
            "odds_ratio": np.exp(log_or),
            "p": p,
            "q": context.corrected(looked),
            "bonferroni": np.minimum(looked * len(words) * context.n_families, 1.0),
            "column": at,
            "code": best,
            "label_n": labels.counts[best],
        }
    )


def _longest(table: pd.DataFrame) -> pd.DataFrame:
    """Of Han pieces inside one another with nearly the same examples keep the longest."""
    kept: list[object] = []
    rows = sorted(table.itertuples(), key=lambda row: (-len(row.word), row.word))
    for row in rows:
        inside = (
            is_cjk(row.word)
            and row.word not in FILLERS
            and any(row.word in other.word and row.label == other.label and other.n >= 0.8 * row.n for other in kept)
        )
        if not inside:
            kept.append(row)
    return table.loc[sorted(row.Index for row in kept)]


def _row_finding(row: object, total: int, labels: Labels) -> Finding:
    kind = "filler" if row.alarm else "tied"
    values = {
        "word": row.word,
        "label": row.label,
        "n": int(row.n),
        "with_label": int(row.with_label),
        "share": float(row.share),
        "expected": float(row.expected),
        "ratio": float(row.odds_ratio),
        "low": float(row.low),
        "high": float(row.high),
        "z": float(row.z),
    }
    return Finding(
        audit=NAME,
        key=f"audit.shortcuts.{kind}",
        values=values,
        n=total,
        estimate=float(row.odds_ratio),
        low=float(row.low),
        high=float(row.high),
        unit="odds_ratio",
        p=float(row.p),
        q=float(row.q),
        threshold=TIE,
        alarm=bool(row.alarm),
        examples=(Condition("text", "contains", row.word), labels.where(row.label)),
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Words tied to one label, and among them those that say nothing of a subject.

    For word x and label y: z = (P(y | x) - p0) / sqrt(p0 (1 - p0) / n_x), p0 the label's share; p is the exact
    binomial tail times the number of labels, corrected over all words (q by Benjamini-Hochberg, beside it Bonferroni's
    bound, which is the paper's correction). A family of copies counts once. A tie has q < 0.05, odds at least 3 times
    as high and a label share at least 10 points above p0. Words of the subject are tied to their label by nature and
    are listed; an alarm needs a word of FILLERS (greetings, courtesy) in a tenth of the label's examples.

    Args:
        frame: `text`, `label` or `labels`.
        context: families; how many audits are read together; the script decides between words and runs of 2 to 4
            characters.

    Returns:
        Findings: alarms by z, then the strongest ties up to 12 in all; table COLUMNS with every tie of q < 0.05.

    Paper: gardner-2021; departs in p0 (label share), the exact tail, and in keeping alarms to words of FILLERS.
    Limits: a name or a number left by how the data was made is listed but raises no alarm; read the list.
    """
    labels, texts = labels_of(frame), texts_of(frame, "text")
    usable = np.flatnonzero(labels.known & texts.notna().to_numpy())
    if labels.of(usable).is_constant:
        return nothing(NAME, "audit.note.needs_two_labels", COLUMNS)
    notes = labels.notes
    if len(usable) > MOST_ROWS:
        usable = usable[np.linspace(0, len(usable) - 1, MOST_ROWS).astype(np.int64)]
        notes += ("audit.note.read_100k",)
    labels = labels.of(usable).telling()
    counts, words = count_words([texts.iloc[i] for i in usable])
    if not len(words):
        return nothing(NAME, "audit.note.words_too_rare", COLUMNS)
    table = _tests(counts, words, labels, weights_of(context.families, usable, len(frame)), context)
    table = _longest(table[(table.q < ALPHA) & (table.odds_ratio > TIE) & (table.lift > LIFT)].copy())
    table["is_filler"] = [word in FILLERS for word in table.word]
    table["alarm"] = table.is_filler & (table.with_label >= COVER * table.label_n)
    table = table.sort_values(["alarm", "z", "word"], ascending=[False, False, True], ignore_index=True)
    findings = [_row_finding(row, len(usable), labels) for row in table.head(SHOWN).itertuples()]
    if not findings:
        findings = [
            Finding(
                audit=NAME,
                key="audit.shortcuts.none",
                values={"words": len(words), "n": len(usable)},
                n=len(usable),
                estimate=0.0,
                unit="words",
                threshold=TIE,
            )
        ]
    return AuditResult(audit=NAME, findings=tuple(findings), table=table[list(COLUMNS)], notes=notes)


SHORTCUTS = Audit(name=NAME, title="audit.title.shortcuts", needs=("label",), paper="gardner-2021", compute=_compute)
