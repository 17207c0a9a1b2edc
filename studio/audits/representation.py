"""Who is in the corpus, compared with who was expected."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import MISSING, Context, compared_groups, group_column, nothing, where
from studio.audits.intervals import effective_n, examples_for_share, smallest_ratio
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP, wilson

NAME = "representation"
BAND = 1.25  # ours: a share below 1/1.25 = 0.8 or above 1.25 of the expected one is worth a word (four-fifths)
COLUMNS = (
    "attribute",
    "value",
    "n",
    "share",
    "low",
    "high",
    "expected",
    "ratio",
    "ratio_low",
    "ratio_high",
    "p",
    "q",
    "smallest",
    "is_small",
    "is_default",
    "alarm",
)


def divergences(shares: Array, expected: Array) -> tuple[float, float]:
    """Total variation distance and Jensen-Shannon divergence (nats) of two distributions.

    TVD = 1/2 sum |p - q|; JSD = 1/2 KL(p, m) + 1/2 KL(q, m) with m = (p + q) / 2. Both 0 for equal distributions;
    TVD is at most 1, JSD at most ln 2.

    Paper: lin-1991 for the JSD; as published (the divergence, not its square root).
    """
    p, q = np.asarray(shares, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    middle = (p + q) / 2
    jsd = 0.5 * float(stats.entropy(p, middle)) + 0.5 * float(stats.entropy(q, middle))
    return 0.5 * float(np.abs(p - q).sum()), max(jsd, 0.0)


def expected_shares(context: Context, attribute: str, names: list[str]) -> tuple[list[str], Array, bool]:
    """Values to compare, their expected shares, and whether equal shares had to stand in for a reference."""
    reference = {value: share for value, share in context.reference.get(attribute, {}).items() if share > 0}
    if not reference:
        return names, np.full(len(names), 1.0 / max(len(names), 1)), True
    values = sorted(reference)
    shares = np.array([reference[value] for value in values], dtype=np.float64)
    return values, shares / shares.sum(), False


def _attribute_table(codes: Array, names: list[str], context: Context, attribute: str) -> pd.DataFrame:
    values, expected, is_default = expected_shares(context, attribute, names)
    counts_by_name = dict(zip(names, np.bincount(codes[codes >= 0], minlength=len(names)), strict=True))
    counts = np.array([counts_by_name.get(value, 0) for value in values], dtype=np.int64)
    n = int(counts.sum())
    if n == 0 or len(values) < 2:
        return pd.DataFrame(columns=list(COLUMNS))
    inside = np.isin(codes, [names.index(value) for value in values if value in counts_by_name])
    families = None if context.families is None else np.asarray(context.families)[inside]
    worth = effective_n(families, n)
    shares = counts / n
    # with repeated texts the interval is that of the effective n, the share stays the counted one
    low, high = wilson(shares * worth, worth)
    p = np.array(
        [
            stats.binomtest(round(k / n * worth), max(round(worth), 1), q).pvalue
            for k, q in zip(counts, expected, strict=True)
        ]
    )
    return pd.DataFrame(
        {
            "attribute": attribute,
            "value": values,
            "n": counts,
            "share": shares,
            "low": low,
            "high": high,
            "expected": expected,
            "ratio": shares / expected,
            "ratio_low": low / expected,
            "ratio_high": high / expected,
            "p": p,
            "q": np.nan,
            "smallest": np.nan,
            "is_small": counts < SMALL_GROUP,
            "is_default": is_default,
            "alarm": False,
            "worth": worth,
            "total": n,
        }
    )


def _row_finding(row: pd.Series) -> Finding:
    kind = "absent" if row.n == 0 else ("under" if row.ratio < 1 else "over")
    return Finding(
        audit=NAME,
        key=f"audit.representation.{kind}",
        values={
            "attribute": row.attribute,
            "value": row.value,
            "n": int(row.n),
            "total": int(row.total),
            "share": float(row.share),
            "expected": float(row.expected),
            "ratio": float(row.ratio),
            "low": float(row.low),
            "high": float(row.high),
        },
        n=int(row.total),
        estimate=float(row.ratio),
        low=float(row.ratio_low),
        high=float(row.ratio_high),
        unit="ratio",
        p=float(row.p),
        q=float(row.q),
        threshold=BAND,
        smallest_effect=float(row.smallest),
        alarm=True,
        examples=(where(group_column(row.attribute), row.value),),
    )


def _missing_row(attribute: str, codes: Array, is_default: bool) -> dict:
    n, total = int((codes < 0).sum()), len(codes)
    low, high = (float(x) for x in wilson(n, total))
    row = {column: np.nan for column in COLUMNS}
    return row | {"attribute": attribute, "value": MISSING, "n": n, "share": n / total, "low": low, "high": high,
                  "is_small": n < SMALL_GROUP, "is_default": is_default, "alarm": False}  # fmt: skip


def _missing_finding(row: dict) -> Finding:
    total = round(row["n"] / row["share"])
    values = {"attribute": row["attribute"], "n": row["n"], "total": total, "share": row["share"]}
    return Finding(audit=NAME, key="audit_counts.missing.share", values=values, n=total, estimate=row["share"],
                   low=row["low"], high=row["high"], unit="share",
                   examples=(where(group_column(row["attribute"]), MISSING),))  # fmt: skip


def _summary_finding(rows: pd.DataFrame) -> Finding:
    attribute, n, worth = rows.attribute.iloc[0], int(rows.total.iloc[0]), float(rows.worth.iloc[0])
    shares, expected = rows.share.to_numpy(), rows.expected.to_numpy()
    chi2 = float(worth * ((shares - expected) ** 2 / expected).sum())
    tvd, jsd = divergences(shares, expected)
    widest = rows.loc[np.abs(np.log(np.maximum(rows.ratio.to_numpy(float), 1e-9))).argmax() + rows.index[0]]
    if rows.is_default.iloc[0]:
        key = "audit.representation.described"
    else:
        key = "audit.representation.differs" if rows.alarm.any() else "audit.representation.as_expected"
    return Finding(
        audit=NAME,
        key=key,
        values={
            "attribute": attribute,
            "n": n,
            "values": len(rows),
            "moved": tvd,
            "jsd": jsd,
            "chi2": chi2,
            "value": widest.value,
            "share": float(widest.share),
            "smallest": rows.smallest.median(),
            "alarms": int(rows.alarm.sum()),
            "low": float(widest.low),
            "high": float(widest.high),
        },
        n=n,
        estimate=tvd,
        unit="moved",
        p=float(stats.chi2.sf(chi2, len(rows) - 1)),
        threshold=BAND,
        smallest_effect=float(rows.smallest.median()),
        alarm=False,
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """How far each group's share lies from the share it was expected to have.

    ratio_g = (n_g / n) / q_g, with q_g the reference share; interval = Wilson interval of the share / q_g; p = exact
    binomial test; chi2 = sum (n_g - n q_g)² / (n q_g) with G - 1 degrees of freedom. All tests of all attributes are
    corrected together. An alarm needs a saved reference, q < 0.05 and a ratio outside 1/1.25 to 1.25; without a
    reference the shares are only described beside equal shares.

    Args:
        frame: examples with a column `group_<name>` per attribute; missing values are left out of the shares and are a
            category of their own: a row with value MISSING whose share is that of all examples.
        context: groups, reference, families (for the effective n).

    Returns:
        Findings: alarms by size of the effect, then one summary per attribute; table with COLUMNS.

    Paper: wilson-1927, benjamini-hochberg-1995.
    Limits: says nothing of why a group is rare, and nothing at all where the reference itself is wrong.
    """
    if not context.groups:
        return nothing(NAME, "audit.note.no_groups", COLUMNS)
    groups, left_out = compared_groups(frame, context)
    tables = [_attribute_table(codes, names, context, attribute) for attribute, (codes, names) in groups.items()]
    tables = [table for table in tables if len(table)]
    if not tables:
        return nothing(NAME, left_out[0] if left_out else "audit.note.no_group_values", COLUMNS)
    table = pd.concat(tables, ignore_index=True)
    compared = ~table.is_default.to_numpy(bool)
    table["q"] = context.corrected(np.where(compared, table.p, np.nan))
    level = context.level_of_one_among(int(compared.sum()))
    table["smallest"] = [
        float(smallest_ratio(worth, expected, level if ours else ALPHA))
        for worth, expected, ours in zip(table.worth, table.expected, compared, strict=True)
    ]
    outside = (table.ratio < 1 / BAND) | (table.ratio > BAND)
    table["alarm"] = (table.q < ALPHA) & outside
    alarms = table[table.alarm].copy()
    alarms["size"] = np.abs(np.log(np.maximum(alarms.ratio.to_numpy(float), 1e-9)))
    findings = [_row_finding(row) for row in alarms.sort_values("size", ascending=False, kind="stable").itertuples()]
    needed = examples_for_share(table.expected.to_numpy(float), alpha=level)
    power = power_finding(NAME, "share", needed, round(float(table.worth.median())))
    findings += [power] if power else []
    findings += [_summary_finding(rows) for _, rows in table.groupby("attribute", sort=False)]
    missing = [
        _missing_row(a, codes, not context.reference.get(a)) for a, (codes, _) in groups.items() if (codes < 0).any()
    ]
    findings += [_missing_finding(row) for row in missing]
    notes = (*left_out, *(("audit.note.equal_shares",) if (~compared).any() else ()))
    everything = pd.concat([table, pd.DataFrame(missing)], ignore_index=True)[list(COLUMNS)] if missing else table
    return AuditResult(audit=NAME, findings=tuple(findings), table=everything[list(COLUMNS)], notes=notes)


REPRESENTATION = Audit(
    name=NAME, title="audit.title.representation", needs=("groups",), paper="wilson-1927", compute=_compute
)
