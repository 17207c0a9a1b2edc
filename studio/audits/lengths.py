"""Whether text length gives a label or a group away."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import Context, coded, compared_groups, crossed, group_column, nothing, texts_of, where
from studio.audits.intervals import examples_for_order, noncentrality_interval, visible_noncentrality
from studio.audits.order import chance_of_more
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP

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


def kruskal_wallis(lengths: Array, codes: Array) -> tuple[float, int, float]:
    """Kruskal-Wallis H (ties corrected), its degrees of freedom and its p-value; H = 0 and p = 1 when undefined.

    Paper: kruskal-wallis-1952; as published.
    """
    present = np.unique(codes)
    if len(present) < 2 or len(np.unique(lengths)) < 2:
        return 0.0, max(len(present) - 1, 0), 1.0
    result = stats.kruskal(*[lengths[codes == code] for code in present])
    return float(result.statistic), len(present) - 1, float(result.pvalue)


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


def chance_of_longer(inside: Array, outside: Array) -> tuple[float, float, float, float]:
    """P(a text inside is longer) + 1/2 P(equal), its 95 % interval and p: `order.chance_of_more` of lengths.

    (0.5, 0, 1, 1) where one side is empty.
    """
    if len(inside) == 0 or len(outside) == 0:
        return 0.5, 0.0, 1.0, 1.0
    at = np.unique(np.concatenate([inside, outside]), return_inverse=True)[1]
    n_lengths = int(at.max()) + 1
    return chance_of_more(
        np.bincount(at[: len(inside)], minlength=n_lengths), np.bincount(at[len(inside) :], minlength=n_lengths)
    )


def _factor_rows(lengths: Array, factor: str, codes: Array, names: list[str]) -> pd.DataFrame:
    known = codes >= 0
    at = np.unique(lengths[known], return_inverse=True)[1]
    histogram = crossed(codes[known], at, len(names), int(at.max()) + 1)
    everyone, rows = histogram.sum(0), []
    for code, name in enumerate(names):
        inside = lengths[codes == code]
        longer, low, high, p = chance_of_more(histogram[code], everyone - histogram[code])
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
            }
        )
    return pd.DataFrame(rows)


def _row_finding(row: object, total: int, rest_median: float) -> Finding:
    column = "label" if row.factor == "label" else group_column(row.factor)
    kind = ("longer" if row.longer > 0.5 else "shorter") + ("" if row.factor == "label" else "_group")
    return Finding(
        audit=NAME,
        key=f"audit.lengths.{kind}",
        values={
            "factor": row.factor,
            "value": row.value,
            "n": int(row.n),
            "median": float(row.median),
            "rest_median": rest_median,
            "longer": float(row.longer),
            "shorter": 1 - float(row.longer),
            "low": float(row.low),
            "high": float(row.high),
        },
        n=total,
        estimate=float(row.longer),
        low=float(row.low),
        high=float(row.high),
        unit="probability",
        p=float(row.p),
        q=float(row.q),
        threshold=LONGER,
        alarm=True,
        examples=(where(column, row.value),),
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
        "values": factor["df"] + 1,
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

    Per factor: Kruskal-Wallis H and eta² = (H - df) / (n - df - 1); per value: the chance that a random text of it is
    longer than a random text of the others. Alarms: eta² above 0.06, or a chance above 0.71 or below 0.29, each with
    q < 0.05 over all tests of all factors.

    Args:
        frame: `text`, `label` and a column `group_<name>` per attribute; rows missing a factor's value are left out.
        context: groups.

    Returns:
        Findings: alarmed factors, alarmed values by size, then factors without an alarm; table COLUMNS.

    Paper: kruskal-wallis-1952, tomczak-2014, delong-1988.
    Limits: length is counted in characters, not in tokens of a model; a real difference of subject also shows here;
    copies count as often as they occur.
    """
    lengths = np.array([len(text) if text is not None else 0 for text in texts_of(frame, "text")], dtype=np.float64)
    factors, tables = [], []
    groups, left_out = compared_groups(frame, context)
    for name, (codes, names) in ({"label": coded(texts_of(frame, "label"))} | groups).items():
        if len(names) < 2:
            continue
        known = codes >= 0
        h, df, p = kruskal_wallis(lengths[known], codes[known])
        n = int(known.sum())
        factors.append({"name": name, "n": n, "df": df, "p": p, "eta2": eta_squared(h, df, n)})
        tables.append(_factor_rows(lengths, name, codes, names))
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
        spread = max(factor["n"] - factor["df"] - 1, 1)
        smallest = min(visible_noncentrality(factor["df"], level) / spread, 1.0)
        summaries.append(_summary_finding(factor, float(factor_q), smallest))
    alarms = table[table.alarm].assign(size=lambda rows: (rows.longer - 0.5).abs())
    details = []
    for row in alarms.sort_values("size", ascending=False, kind="stable").itertuples():
        others = _others(frame, row.factor, row.value, lengths)
        details.append(_row_finding(row, len(others) + int(row.n), float(np.median(others))))
    n = max(factor["n"] for factor in factors)
    power = power_finding(NAME, "order", examples_for_order(table.n.to_numpy(float) / n, alpha=level), n)
    findings = [f for f in summaries if f.alarm] + details + ([power] if power else [])
    findings += [f for f in summaries if not f.alarm]
    return AuditResult(audit=NAME, findings=tuple(findings), table=table[list(COLUMNS)], notes=left_out)


def _others(frame: pd.DataFrame, factor: str, value: str, lengths: Array) -> Array:
    column = texts_of(frame, "label" if factor == "label" else group_column(factor))
    known = column.notna().to_numpy()
    return lengths[known & (column != value).to_numpy()]


LENGTHS = Audit(name=NAME, title="audit.title.lengths", needs=(), paper="kruskal-wallis-1952", compute=_compute)
