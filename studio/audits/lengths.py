"""Whether text length gives a label or a group away."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import Context, compared_groups, group_column, nothing, texts_of, where
from studio.audits.intervals import effective_n, examples_for_order, noncentrality_interval, visible_noncentrality
from studio.audits.label_sets import Labels, exclusive, labels_of
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Condition, Finding
from studio.statistics import ALPHA, SMALL_GROUP, chance_of_more

NAME = "lengths"
ETA2 = 0.06  # a medium effect by the usual convention (tomczak-2014); below it length says little
LONGER = 0.71  # chance that a random text of the label is the longer one: the two-group twin of a large effect
COLUMNS = (
    "factor",
    "value",
    "n",
    "q10",
    "q25",
    "median",
    "q75",
    "q90",
    "longer",
    "low",
    "high",
    "p",
    "q",
    "is_small",
    "alarm",
)


def rank_test(lengths: Array, labels: Labels, worth: float = 1.0) -> tuple[float, int, float]:
    """Whether ranks of length go with the labels: H, its degrees of freedom and its p; 0 and 1 when undefined.

    H = (n - 1) R², R² the part of the variance of the midranks that a linear function of the label indicators explains;
    chi-square with as many degrees of freedom as the indicators have dimensions beside the constant. Where every
    example carries one label R² is that of the group means and H is Kruskal and Wallis's, corrected for ties.

    Args:
        lengths: (n,) one per example.
        labels: of the same n examples, all labelled.
        worth: what one example is worth, at most 1 (copies); H is multiplied by it.

    Paper: kruskal-wallis-1952, puri-sen-1971 (the linear rank statistic of several columns).
    """
    n, counts = labels.n, labels.counts.astype(np.float64)
    ranks = stats.rankdata(lengths) - (n + 1) / 2
    sums, spread = np.bincount(labels.codes, ranks[labels.rows], minlength=len(counts)), float((ranks**2).sum())
    if labels.is_exclusive:
        here = counts > 0
        df, explained = int(here.sum()) - 1, float((sums[here] ** 2 / counts[here]).sum())
    else:
        roots, axes = np.linalg.eigh(labels.together - np.outer(counts, counts) / n)
        seen = roots > 1e-9 * n
        df, explained = int(seen.sum()), float(((sums @ axes[:, seen]) ** 2 / roots[seen]).sum())
    if df < 1 or spread <= 0:
        return 0.0, max(df, 0), 1.0
    h = (n - 1) * min(explained / spread, 1.0) * worth
    return h, df, float(stats.chi2.sf(h, df))


def eta_squared(h: float, df: int, n: int) -> tuple[float, float, float]:
    """The share of the rank variance of length that the grouping explains, with its 95 % interval.

    eta² = (H - df) / (n - df - 1), cut at 0; the interval inverts the noncentral chi-square distribution of H:
    eta² = noncentrality / (n - df - 1).

    Paper: tomczak-2014 for eta² of H; the interval is ours (checked against a bootstrap in the tests).
    """
    spread = n - df - 1
    if df < 1 or spread < 1:
        return 0.0, 0.0, 0.0
    low, high = noncentrality_interval(h, df)
    return min(max((h - df) / spread, 0.0), 1.0), min(low / spread, 1.0), min(high / spread, 1.0)


def _factor_rows(lengths: Array, factor: str, labels: Labels, worth: float) -> pd.DataFrame:
    levels, at = np.unique(lengths, return_inverse=True)
    histogram, everyone = labels.by(at, len(levels))
    rows = []
    for name, own, levelled in zip(labels.names, labels.members, histogram, strict=True):
        inside = lengths[own]
        if len(inside) in (0, labels.n):
            continue
        longer, low, high, p = chance_of_more(levelled, everyone - levelled, worth)
        q10, q25, q50, q75, q90 = np.quantile(inside, [0.1, 0.25, 0.5, 0.75, 0.9])
        rows.append(
            {
                "factor": factor,
                "value": name,
                "n": len(inside),
                "q10": q10,
                "q25": q25,
                "median": q50,
                "q75": q75,
                "q90": q90,
                "longer": longer,
                "low": low,
                "high": high,
                "p": p,
                "rest_median": _median(levels, everyone - levelled),
                "total": labels.n,
            }
        )
    return pd.DataFrame(rows)


def _median(levels: Array, counts: Array) -> float:
    """The median of values given as counts over ascending levels."""
    reached, n = np.cumsum(counts), int(counts.sum())
    low, high = np.searchsorted(reached, [(n - 1) // 2, n // 2], side="right")
    return float((levels[low] + levels[high]) / 2)


def _row_finding(row: object, clause: Condition) -> Finding:
    kind = ("longer" if row.longer > 0.5 else "shorter") + ("" if row.factor == "label" else "_group")
    return Finding(
        audit=NAME,
        key=f"audit.lengths.{kind}",
        values={
            "factor": row.factor,
            "value": row.value,
            "n": int(row.n),
            "median": float(row.median),
            "rest_median": float(row.rest_median),
            "longer": float(row.longer),
            "shorter": 1 - float(row.longer),
            "low": float(row.low),
            "high": float(row.high),
        },
        n=int(row.total),
        estimate=float(row.longer),
        low=float(row.low),
        high=float(row.high),
        unit="probability",
        p=float(row.p),
        q=float(row.q),
        threshold=LONGER,
        alarm=True,
        examples=(clause,),
    )


def _summary_finding(factor: dict, q: float, smallest: float) -> Finding:
    estimate, low, high = factor["eta2"]
    alarm = bool(q < ALPHA and estimate > ETA2)
    kind = ("explains" if alarm else "little") + ("" if factor["name"] == "label" else "_group")
    values = {
        "factor": factor["name"],
        "eta2": estimate,
        "low": low,
        "high": high,
        "n": factor["n"],
        "values": factor["values"],
        "smallest": smallest,
    }
    return Finding(
        audit=NAME,
        key=f"audit.lengths.{kind}",
        values=values,
        n=factor["n"],
        estimate=estimate,
        low=low,
        high=high,
        unit="eta_squared",
        p=factor["p"],
        q=q,
        threshold=ETA2,
        smallest_effect=smallest,
        alarm=alarm,
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Text length (characters) by label and by group.

    Per factor: Kruskal-Wallis H (of labels that overlap the rank test it is a case of) and eta² = (H - df) /
    (n - df - 1); per value: the chance that a random text of it is longer than a random text without it. With copies H,
    p and intervals are those of the effective n. Alarms: eta² above 0.06, or a chance above 0.71 or below 0.29, each
    with q < 0.05 over all tests of all factors.

    Args:
        frame: `text`, `label` or `labels` and a column `group_<name>` per attribute; rows missing a factor's value are
            left out.
        context: groups, families.

    Returns:
        Findings: alarmed factors, alarmed values by size, then factors without an alarm; table COLUMNS.

    Paper: kruskal-wallis-1952, puri-sen-1971, tomczak-2014, delong-1988.
    Limits: length is counted in characters, not in tokens of a model; a real difference of subject also shows here.
    """
    lengths = np.array([len(text) if text is not None else 0 for text in texts_of(frame, "text")], dtype=np.float64)
    factors, tables = [], []
    groups, left_out = compared_groups(frame, context)
    labels, worth = labels_of(frame), effective_n(context.families, len(frame)) / max(len(frame), 1)
    for name, own in ({"label": labels} | {name: exclusive(*found) for name, found in groups.items()}).items():
        if own.is_constant:
            continue
        own, theirs = own.of(own.known), lengths[own.known]
        h, df, p = rank_test(theirs, own, worth)
        factors.append({"name": name, "n": own.n, "df": df, "p": p, "eta2": eta_squared(h, df, own.n * worth),
                        "values": len(own.names)})  # fmt: skip
        tables.append(_factor_rows(theirs, name, own, worth))
    if not factors:
        return nothing(NAME, "audit.note.nothing_to_compare", COLUMNS)
    table = pd.concat(tables, ignore_index=True)
    q = context.corrected(np.concatenate([[factor["p"] for factor in factors], table.p.to_numpy(float)]))
    table["q"] = q[len(factors) :]
    table["is_small"] = table.n < SMALL_GROUP
    table["alarm"] = (table.q < ALPHA) & ((table.longer > LONGER) | (table.longer < 1 - LONGER))
    level = context.level_of_one_among(len(q))
    summaries = []
    for factor, factor_q in zip(factors, q, strict=False):
        spread = max(factor["n"] * worth - factor["df"] - 1, 1)
        smallest = min(visible_noncentrality(factor["df"], level) / spread, 1.0)
        summaries.append(_summary_finding(factor, float(factor_q), smallest))
    alarms = table[table.alarm].assign(size=lambda rows: (rows.longer - 0.5).abs())
    details = []
    for row in alarms.sort_values("size", ascending=False, kind="stable").itertuples():
        is_label = row.factor == "label"
        details.append(
            _row_finding(row, labels.where(row.value) if is_label else where(group_column(row.factor), row.value))
        )
    n = max(factor["n"] for factor in factors)
    needed = examples_for_order(table.n.to_numpy(float) / n, alpha=level)
    power = power_finding(NAME, "order", needed, round(n * worth))
    findings = [f for f in summaries if f.alarm] + details + ([power] if power else [])
    findings += [f for f in summaries if not f.alarm]
    notes = left_out + (() if labels.is_constant else labels.notes)
    return AuditResult(audit=NAME, findings=tuple(findings), table=table[list(COLUMNS)], notes=notes)


LENGTHS = Audit(name=NAME, title="audit.title.lengths", needs=(), paper="kruskal-wallis-1952", compute=_compute)
