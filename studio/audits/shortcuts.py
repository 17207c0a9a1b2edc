"""Single words that give a label away, and those that do so though they say nothing of its subject."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, stats
from sklearn.feature_extraction.text import CountVectorizer

from studio.audits.context import Context, coded, nothing, texts_of
from studio.audits.fillers import FILLERS
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


def _count(texts: list[str]) -> tuple[sparse.csr_matrix, Array]:
    vectorizer = CountVectorizer(analyzer=pieces, binary=True, min_df=MIN_COUNT, dtype=np.int32)
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError:  # no word in enough texts: scikit-learn's way of saying an empty vocabulary
        return sparse.csr_matrix((len(texts), 0), dtype=np.int32), np.array([], dtype=object)
    return counts.tocsr(), vectorizer.get_feature_names_out()


def _tests(counts: sparse.csr_matrix, words: Array, labels: Array, names: list[str], context: Context) -> pd.DataFrame:
    """One row per word with the label it is tied to most; p corrected for all words times all labels."""
    n = len(labels)
    one_hot = sparse.csr_matrix((np.ones(n, np.int64), (np.arange(n), labels)), shape=(n, len(names)))
    with_label = (counts.T @ one_hot).toarray().astype(np.float64)  # (words, labels)
    word_n = np.asarray(counts.sum(0)).ravel().astype(np.float64)
    label_n = np.bincount(labels, minlength=len(names)).astype(np.float64)
    prior = label_n / n
    share = with_label / word_n[:, None]
    best = z_statistic(share, prior[None, :], word_n[:, None]).argmax(1)
    at = np.arange(len(words))
    k, p0 = with_label[at, best], prior[best]
    p = stats.binom.sf(k - 1, word_n, p0)
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
            "n": word_n.astype(int),
            "with_label": k.astype(int),
            "share": k / word_n,
            "expected": p0,
            "low": np.exp(log_or - Z95 * error),
            "high": np.exp(log_or + Z95 * error),
            "z": z_statistic(k / word_n, p0, word_n),
            "odds_ratio": np.exp(log_or),
            "p": p,
            "q": context.corrected(looked),
            "bonferroni": np.minimum(looked * len(words) * context.n_families, 1.0),
            "column": at,
            "code": best,
            "label_n": label_n[best].astype(int),
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


def _row_finding(row: object, total: int) -> Finding:
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
        examples=(Condition("text", "contains", row.word), Condition("label", "eq", row.label)),
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Words tied to one label, and among them those that say nothing of a subject.

    For word x and label y: z = (P(y | x) - p0) / sqrt(p0 (1 - p0) / n_x), p0 the label's share; p is the exact
    binomial tail times the number of labels, corrected over all words (q by Benjamini-Hochberg, beside it Bonferroni's
    bound, which is the paper's correction). A tie has q < 0.05, odds at least 3 times as high and a
    label share at least 10 points above p0. Words of the subject are tied to their label by nature and are listed; an
    alarm needs a word of FILLERS (greetings, courtesy) in a tenth of the label's examples.

    Args:
        frame: `text`, `label`.
        context: how many audits are read together; the script decides between words and runs of 2 to 4 characters.

    Returns:
        Findings: alarms by z, then the strongest ties up to 12 in all; table COLUMNS with every tie of q < 0.05.

    Paper: gardner-2021; departs in p0 (label share), the exact tail, and in keeping alarms to words of FILLERS.
    Limits: a name or a number left by how the data was made is listed but raises no alarm; read the list.
    """
    labels, names = coded(texts_of(frame, "label"))
    texts = texts_of(frame, "text")
    usable = np.flatnonzero((labels >= 0) & texts.notna().to_numpy())
    if len(names) < 2 or len(np.unique(labels[usable])) < 2:
        return nothing(NAME, "audit.note.needs_two_labels", COLUMNS)
    notes = ()
    if len(usable) > MOST_ROWS:
        usable = usable[np.linspace(0, len(usable) - 1, MOST_ROWS).astype(np.int64)]
        notes = ("audit.note.read_100k",)
    present, labels = np.unique(labels[usable], return_inverse=True)
    names = [names[code] for code in present]
    counts, words = _count([texts.iloc[i] for i in usable])
    if not len(words):
        return nothing(NAME, "audit.note.words_too_rare", COLUMNS)
    table = _tests(counts, words, labels, names, context)
    table = _longest(table[(table.q < ALPHA) & (table.odds_ratio > TIE) & (table.share > table.expected + LIFT)].copy())
    table["is_filler"] = [word in FILLERS for word in table.word]
    table["alarm"] = table.is_filler & (table.with_label >= COVER * table.label_n)
    table = table.sort_values(["alarm", "z", "word"], ascending=[False, False, True], ignore_index=True)
    findings = [_row_finding(row, len(usable)) for row in table.head(SHOWN).itertuples()]
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
