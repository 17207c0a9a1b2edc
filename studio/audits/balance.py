"""How evenly the labels share the corpus."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import Context, coded, nothing, texts_of, where
from studio.audits.intervals import examples_for_share
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP, Z95, wilson

NAME = "balance"
IMBALANCE = 5.0  # ours: the commonest label at least five times the rarest one is worth a word
RARE = 20  # ours: with fewer examples than this a label can hardly be learned or measured
COLUMNS = ("label", "n", "share", "low", "high", "equal_share", "is_small", "is_rare")


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


def _imbalance(counts: Array) -> tuple[float, float, float, float]:
    """Most common over rarest label with its interval exp(ln ratio ± z sqrt(1/max + 1/min)), and the p of equality."""
    most, least = float(counts.max()), float(counts.min())
    error = np.sqrt(1 / most + 1 / least)
    ratio = most / least
    p = float(stats.chisquare(counts).pvalue) if len(counts) > 1 else 1.0
    return ratio, float(ratio * np.exp(-Z95 * error)), float(ratio * np.exp(Z95 * error)), p


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """How even the labels are: effective number, imbalance ratio, rare labels.

    imbalance ratio = n of the commonest label / n of the rarest; effective number of labels = exp(entropy). An alarm
    needs q < 0.05 against equal shares and an imbalance whose lower bound is above 5.

    Args:
        frame: column `label`; missing labels are left out and counted.
        context: how many audits are read together.

    Returns:
        One finding on the balance, one per label with fewer than 20 examples (at most ten); table COLUMNS, commonest
        first.

    Paper: hill-1973, wilson-1927.
    Limits: an uneven corpus may mirror an uneven world; whether that is wanted is for people to say.
    """
    codes, names = coded(texts_of(frame, "label"))
    if not names:
        return nothing(NAME, "audit.note.no_labels", COLUMNS)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    n = int(counts.sum())
    low, high = wilson(counts, n)
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
    ).sort_values(["n", "label"], ascending=[False, True])
    table = table.reset_index(drop=True)
    findings = [_balance_finding(table, counts, n, context)]
    if len(names) > 1:
        needed = examples_for_share(table.equal_share.to_numpy(float), alpha=context.level_of_one_among(1))
        power = power_finding(NAME, "equal", needed[:1], n)
        findings += [power] if power else []
        findings += [_rare_finding(row, n) for row in table[table.is_rare].iloc[::-1].head(10).itertuples()]
    missing = int((codes < 0).sum())
    notes = ("audit.note.unlabelled_left_out",) if missing else ()
    return AuditResult(audit=NAME, findings=tuple(findings), table=table[list(COLUMNS)], notes=notes)


def _rare_finding(row: object, n: int) -> Finding:
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
        examples=(where("label", row.label),),
    )


def _balance_finding(table: pd.DataFrame, counts: Array, n: int, context: Context) -> Finding:
    _, effective, even = evenness(counts)
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
    if len(table) == 1:
        return Finding(
            audit=NAME, key="audit.balance.single", values=values, n=n, estimate=1.0, unit="ratio", threshold=IMBALANCE
        )
    ratio, low, high, p = _imbalance(counts)
    q = float(context.corrected(np.array([p]))[0])
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
        examples=(where("label", least.label),),
    )


BALANCE = Audit(name=NAME, title="audit.title.balance", needs=("label",), paper="hill-1973", compute=_compute)
