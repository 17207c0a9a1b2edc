"""How evenly the labels share the corpus."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.association import odds_ratio, two_by_two_p
from studio.audits.context import Context, nothing
from studio.audits.intervals import effective_n, examples_for_share
from studio.audits.label_sets import Labels, labels_of
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP, Z95, wilson

NAME = "balance"
IMBALANCE = 5.0  # ours: the commonest label at least five times the rarest one is worth a word
RARE = 20  # ours: with fewer examples than this a label can hardly be learned or measured
COLUMNS = ("label", "n", "share", "low", "high", "equal_share", "is_small", "is_rare")
OF_SEVERAL = ("companion", "companion_share")  # more columns where labels overlap
MIN_EXPECTED, MIN_BOTH = 5.0, 10  # ours: two labels are tested where so many examples with both are expected, or found
PAIRS_SHOWN = 5


def evenness(counts: Array) -> tuple[float, float, float]:
    """Entropy (nats), effective number and evenness of a distribution of counts.

    H = -sum p ln p; effective number = exp(H) (how many equally common labels would be as varied); evenness =
    H / ln(number of labels with a count), 1 for a single label.

    Paper: hill-1973 for exp(H).

    Example:
        >>> h, effective, even = evenness([6, 1, 3])
        >>> round(h, 6), round(effective, 6), round(even, 6)
        (0.897946, 2.454556, 0.817345)
    """
    k = np.asarray(counts, dtype=np.float64)
    k = k[k > 0]
    if not len(k):
        return 0.0, 0.0, 1.0
    entropy = float(stats.entropy(k))
    return entropy, float(np.exp(entropy)), entropy / float(np.log(len(k))) if len(k) > 1 else 1.0


def cochran_q(labels: Labels) -> float:
    """Cochran's Q: how far the labels are from being equally common.

    Q = (L-1) (L sum C² - (sum C)²) / (L sum R - sum R²), C the examples of each of L labels and R the labels of each
    example; chi-square with L - 1 degrees of freedom. Where every example carries one label it is Pearson's statistic
    of the counts against equal shares. 0 where every example carries all labels or none.

    Paper: cochran-1950; as published.
    """
    c, r = labels.counts.astype(np.float64), labels.each[labels.known].astype(np.float64)
    n_labels = len(c)
    below = n_labels * r.sum() - float((r**2).sum())
    above = n_labels * float((c**2).sum()) - c.sum() ** 2
    return float((n_labels - 1) * above / below) if below > 0 else 0.0


def imbalance(labels: Labels, worth: float = 1.0) -> tuple[float, float, float, float]:
    """Most common over rarest label with its 95 % interval, and the p of equality (`cochran_q`).

    Interval: exp(ln ratio ± z sqrt(1/max + 1/min - 2 both / (max min))), both the examples with the two labels (0 where
    labels exclude one another). With copies, worth below 1, the variance is 1 / worth times as large.
    """
    counts = labels.counts
    top, bottom = int(counts.argmax()), int(counts.argmin())
    most, least, both = float(counts[top]), float(counts[bottom]), float(labels.together[top, bottom])
    error = np.sqrt(max(1 / most + 1 / least - 2 * both / (most * least), 0.0) / worth)
    ratio = most / least
    p = float(stats.chi2.sf(cochran_q(labels) * worth, len(counts) - 1))
    return ratio, float(ratio * np.exp(-Z95 * error)), float(ratio * np.exp(Z95 * error)), p


def pairs(labels: Labels, worth: float = 1.0) -> pd.DataFrame:
    """Every two labels: examples with both, what chance would give, the odds ratio with Woolf's interval, and p.

    Pairs with fewer than 10 examples found and 5 expected are not tested: p = 1. Empty where labels exclude one
    another, which is a rule of the corpus and no finding.
    """
    first, second = np.triu_indices(len(labels.names), 1)
    if labels.is_exclusive or not len(first):
        return pd.DataFrame(columns=["first", "second", "both", "expected", "odds_ratio", "low", "high", "p"])
    c, n = labels.counts.astype(np.float64), float(labels.n)
    a = labels.together[first, second].astype(np.float64)
    b, d = c[first] - a, c[second] - a
    rest = n - a - b - d
    expected = c[first] * c[second] / n
    ratio, *_, error = odds_ratio(a, b, d, rest)
    p, tested = np.ones(len(a)), (a >= MIN_BOTH) | (expected >= MIN_EXPECTED)
    p[tested] = two_by_two_p(a[tested], b[tested], d[tested], rest[tested])[0]
    p = stats.chi2.sf(stats.chi2.isf(p, 1) * worth, 1)
    half = Z95 * error / np.sqrt(worth)
    return pd.DataFrame({"first": first, "second": second, "both": a.astype(int), "expected": expected,
                         "odds_ratio": ratio, "low": ratio * np.exp(-half), "high": ratio * np.exp(half),
                         "p": p})  # fmt: skip


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """How even the labels are: effective number, imbalance ratio, rare labels; which labels stand together.

    imbalance ratio = n of the commonest label / n of the rarest; effective number of labels = exp(entropy of the labels
    given). An alarm needs q < 0.05 against equal shares (Cochran's Q) and an imbalance whose lower bound is above 5.
    Where examples carry several labels: how many do, and the pairs that stand together more often than by chance, never
    an alarm. With copies intervals and tests count the effective n.

    Args:
        frame: column `label` or `labels`; missing labels are left out and counted.
        context: families; how many audits are read together.

    Returns:
        One finding on the balance, one per label with fewer than 20 examples (at most ten), what overlaps (at most five
        pairs); table COLUMNS, commonest first, with OF_SEVERAL where labels overlap.

    Paper: hill-1973, wilson-1927, cochran-1950.
    Limits: an uneven corpus may mirror an uneven world; whether that is wanted is for people to say.
    """
    labels = labels_of(frame)
    names, counts, n = labels.names, labels.counts, labels.n
    if not names:
        return nothing(NAME, "audit.note.no_labels", COLUMNS)
    worth = effective_n(context.families, len(frame)) / len(frame)
    low, high = wilson(counts * worth, n * worth)
    table = pd.DataFrame(
        {
            "label": names,
            "n": counts,
            "share": counts / n,
            "low": low,
            "high": high,
            "equal_share": 1 / len(names),
            "is_small": counts < SMALL_GROUP,
            "is_rare": counts < RARE,
        }
    )
    columns = list(COLUMNS)
    if not labels.is_exclusive:
        others = labels.together - np.diag(counts)
        nearest = others.argmax(1)
        found = others[np.arange(len(names)), nearest]
        table["companion"] = np.where(found > 0, np.array(names, dtype=object)[nearest], "")
        table["companion_share"] = found / counts
        columns += OF_SEVERAL
    table = table.sort_values(["n", "label"], ascending=[False, True]).reset_index(drop=True)
    findings = _findings(labels, table, context, worth)
    notes = ("audit.note.unlabelled_left_out",) if n < len(frame) else ()
    return AuditResult(audit=NAME, findings=tuple(findings), table=table[columns], notes=notes + labels.notes)


def _findings(labels: Labels, table: pd.DataFrame, context: Context, worth: float) -> list[Finding]:
    n, tied = labels.n, pairs(labels, worth)
    if labels.is_constant:
        findings = [_single_finding(labels)]
    elif len(table) == 1:
        findings = []
    else:
        of_all = imbalance(labels, worth)
        q = context.corrected(np.concatenate([[of_all[-1]], tied.p.to_numpy(float)]))
        tied["q"] = q[1:]
        findings = [_balance_finding(table, labels, of_all, float(q[0]))]
        if labels.is_exclusive:
            needed = examples_for_share(table.equal_share.to_numpy(float), alpha=context.level_of_one_among(1))
            power = power_finding(NAME, "equal", needed[:1], round(n * worth))
            findings += [power] if power else []
    if len(table) > 1:
        findings += [_rare_finding(row, labels) for row in table[table.is_rare].iloc[::-1].head(10).itertuples()]
    if not labels.is_exclusive:
        findings.append(_several_finding(labels, worth))
    if "q" in tied:
        sure = tied[(tied.q < ALPHA) & (tied.odds_ratio > 1)].sort_values("low", ascending=False, kind="stable")
        findings += [_pair_finding(row, labels) for row in sure.head(PAIRS_SHOWN).itertuples()]
    return findings


def _single_finding(labels: Labels) -> Finding:
    values = {"most": " + ".join(labels.names), "n": labels.n}
    return Finding(audit=NAME, key="audit.balance.single", values=values, n=labels.n, estimate=1.0, unit="ratio",
                   threshold=IMBALANCE)  # fmt: skip


def _several_finding(labels: Labels, worth: float) -> Finding:
    """How many labels an example carries."""
    each, n = labels.each[labels.known], labels.n
    more = int((each > 1).sum())
    low, high = (float(x) for x in wilson(more * worth, n * worth))
    values = {"n": n, "mean": float(each.mean()), "more": more, "share": more / n, "none": int((each == 0).sum())}
    return Finding(audit=NAME, key="audit_counts.balance.several", values=values, n=n, estimate=more / n, low=low,
                   high=high, unit="share")  # fmt: skip


def _pair_finding(row: object, labels: Labels) -> Finding:
    first, second = labels.names[row.first], labels.names[row.second]
    rarer = min(row.first, row.second, key=lambda code: labels.counts[code])
    values = {"label": first, "other": second, "both": int(row.both), "expected": float(row.expected),
              "rarer": labels.names[rarer], "share": float(row.both / labels.counts[rarer])}  # fmt: skip
    return Finding(audit=NAME, key="audit_counts.balance.together", values=values, n=labels.n,
                   estimate=float(row.odds_ratio), low=float(row.low), high=float(row.high), unit="odds_ratio",
                   p=float(row.p), q=float(row.q), examples=(labels.where(first), labels.where(second)))  # fmt: skip


def _rare_finding(row: object, labels: Labels) -> Finding:
    n = labels.n
    values = {"label": row.label, "n": int(row.n), "rare": RARE, "share": float(row.share), "total": n}
    return Finding(
        audit=NAME,
        key="audit.balance.rare",
        values=values,
        n=n,
        estimate=float(row.share),
        low=float(row.low),
        high=float(row.high),
        unit="share",
        threshold=RARE,
        examples=(labels.where(row.label),),
    )


def _balance_finding(
    table: pd.DataFrame, labels: Labels, of_all: tuple[float, float, float, float], q: float
) -> Finding:
    n, (ratio, low, high, p) = labels.n, of_all
    _, effective, even = evenness(labels.counts)
    most, least = table.iloc[0], table.iloc[-1]
    values = {
        "labels": len(table),
        "effective": effective,
        "even": even,
        "most": most.label,
        "most_n": int(most.n),
        "least": least.label,
        "least_n": int(least.n),
        "n": n,
    }
    alarm = bool(q < ALPHA and low > IMBALANCE)
    values |= {"ratio": ratio, "low": low, "high": high}
    return Finding(
        audit=NAME,
        key="audit.balance.uneven" if alarm else "audit.balance.even",
        values=values,
        n=n,
        estimate=ratio,
        low=low,
        high=high,
        unit="ratio",
        p=p,
        q=q,
        threshold=IMBALANCE,
        alarm=alarm,
        examples=(labels.where(least.label),),
    )


BALANCE = Audit(name=NAME, title="audit.title.balance", needs=("label",), paper="hill-1973", compute=_compute)
