"""How far the share of a label differs between the groups of one attribute: demographic parity on labels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studio.audits.association import two_by_two_p
from studio.audits.context import Context, compared_groups, group_column, nothing, where
from studio.audits.intervals import difference_interval, effective_n, examples_for_gap, smallest_gap
from studio.audits.label_sets import Labels, labels_of
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP

NAME = "parity"
DIFFERENCE = 0.10  # ours: ten points between the groups where a label is commonest and rarest are worth a word
COLUMNS = (
    "attribute",
    "label",
    "highest",
    "high_n",
    "high_share",
    "lowest",
    "low_n",
    "low_share",
    "difference",
    "low",
    "high",
    "ratio",
    "groups",
    "p",
    "q",
    "smallest",
    "alarm",
)


def parity(counts: Array, totals: Array) -> tuple[float, float, int, int]:
    """Demographic parity difference and ratio of one label, and the groups where it is commonest and rarest.

    difference = max_g P(label | g) - min_g P(label | g); ratio = min / max, 1 where the label occurs in no group.

    Args:
        counts: (G,) examples with the label in each group.
        totals: (G,) examples in each group, above 0.

    Paper: fairlearn-2023; as published.

    Example:
        >>> parity([3, 3, 4], [4, 6, 8])
        (0.25, 0.6666666666666666, 0, 1)
    """
    shares = np.asarray(counts, dtype=np.float64) / np.asarray(totals, dtype=np.float64)
    highest, lowest = int(shares.argmax()), int(shares.argmin())
    if highest == lowest:  # all equal: still a pair of two groups
        lowest = len(shares) - 1
    top, bottom = float(shares[highest]), float(shares[lowest])
    return top - bottom, bottom / top if top > 0 else 1.0, highest, lowest


def _attribute_rows(
    attribute: str, counts: Array, totals: Array, labels: list[str], values: list[str], worth: float
) -> pd.DataFrame:
    """One row per label; p and interval are those of the extreme pair, corrected for having picked it."""
    n_pairs = len(values) * (len(values) - 1) // 2
    found = [parity(row, totals) for row in counts]
    y = np.arange(len(labels))
    difference, ratio = np.array([row[0] for row in found]), np.array([row[1] for row in found])
    top, bottom = np.array([row[2] for row in found]), np.array([row[3] for row in found])
    k1, n1, k2, n2 = counts[y, top], totals[top], counts[y, bottom], totals[bottom]
    low, high = difference_interval(k1 * worth, n1 * worth, k2 * worth, n2 * worth, ALPHA / n_pairs)
    p, _ = two_by_two_p(*(np.round(cell * worth) for cell in (k1, n1 - k1, k2, n2 - k2)))
    name = np.array(values, dtype=object)
    return pd.DataFrame(
        {
            "attribute": attribute,
            "label": labels,
            "highest": name[top],
            "high_n": n1,
            "high_share": k1 / n1,
            "lowest": name[bottom],
            "low_n": n2,
            "low_share": k2 / n2,
            "difference": difference,
            "low": np.minimum(low, difference),
            "high": np.maximum(high, difference),
            "ratio": ratio,
            "groups": len(values),
            "p": np.minimum(np.where(np.isfinite(p), p, 1.0) * n_pairs, 1.0),
            "all_share": counts.sum(1) / max(totals.sum(), 1),
            "pairs": n_pairs,
            "total": int(totals.sum()),
        }
    )


def _row_finding(row: object, labels: Labels) -> Finding:
    values = {name: getattr(row, name) for name in ("attribute", "label", "highest", "lowest")}
    values |= {
        "high_share": float(row.high_share),
        "low_share": float(row.low_share),
        "points": 100 * float(row.difference),
        "ratio": float(row.ratio),
        "high_n": int(row.high_n),
        "low_n": int(row.low_n),
    }
    return Finding(
        audit=NAME,
        key="audit_counts.parity.differs",
        values=values,
        n=int(row.total),
        estimate=float(row.difference),
        low=float(row.low),
        high=float(row.high),
        unit="difference",
        p=float(row.p),
        q=float(row.q),
        threshold=DIFFERENCE,
        smallest_effect=float(row.smallest),
        alarm=True,
        examples=(where(group_column(row.attribute), row.highest), labels.where(row.label)),
    )


def _summary_finding(rows: pd.DataFrame, skipped: int) -> Finding:
    widest = rows.loc[rows.difference.idxmax()]
    smallest = float(rows.smallest.median())
    values = {
        "attribute": widest.attribute,
        "groups": int(widest.groups),
        "label": widest.label,
        "highest": widest.highest,
        "high_share": float(widest.high_share),
        "lowest": widest.lowest,
        "low_share": float(widest.low_share),
        "ratio": float(widest.ratio),
        "points": 100 * smallest,
        "skipped": skipped,
        "small": SMALL_GROUP,
    }
    return Finding(
        audit=NAME,
        key="audit_counts.parity.widest_skipped" if skipped else "audit_counts.parity.widest",
        values=values,
        n=int(widest.total),
        estimate=float(widest.difference),
        low=float(widest.low),
        high=float(widest.high),
        unit="difference",
        p=float(widest.p),
        q=float(widest.q),
        threshold=DIFFERENCE,
        smallest_effect=smallest,
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Demographic parity difference and ratio of every label over the groups of every attribute.

    difference = max_g P(y | g) - min_g P(y | g), ratio = min / max, over groups of 50 labelled examples or more. The
    extreme pair of groups is picked by looking, so its Newcombe interval is at level 0.05 / pairs of groups and its p
    (chi-square or Fisher) is multiplied by that number. Of two labels that exclude one another only the rarer is
    told. With copies counts are those of the effective n. An alarm needs q < 0.05 over all labels and attributes and a
    difference above ten points.

    Args:
        frame: column `label` or `labels` and a column `group_<name>` per attribute; rows missing either are left out.
        context: groups, families.

    Returns:
        Findings: alarms by size, then one per attribute with its widest difference; table COLUMNS.

    Paper: fairlearn-2023, newcombe-1998.
    Limits: a number, not a verdict: whether groups ought to carry a label equally often is for people to say.
    """
    if not context.groups:
        return nothing(NAME, "audit.note.no_groups", COLUMNS)
    labels = labels_of(frame)
    if labels.is_constant:
        return nothing(NAME, "audit.note.needs_two_labels", COLUMNS)
    groups, left_out = compared_groups(frame, context)
    worth = effective_n(context.families, len(frame)) / max(len(frame), 1)
    tables, skipped = [], {}
    for attribute, (codes, values) in groups.items():
        counts, totals = labels.by(codes, len(values))
        enough = totals >= SMALL_GROUP
        if enough.sum() >= 2:
            kept = [value for value, is_kept in zip(values, enough, strict=True) if is_kept]
            rows = _attribute_rows(attribute, counts[:, enough], totals[enough], labels.names, kept, worth)
            is_twin = labels.is_exclusive and len(labels.names) == 2
            tables.append(rows.loc[[rows.all_share.idxmin()]] if is_twin else rows)
            skipped[attribute] = int((~enough).sum())
    if not tables:
        return nothing(NAME, left_out[0] if left_out else "audit_counts.note.groups_too_small", COLUMNS)
    table = pd.concat(tables, ignore_index=True)
    table["q"] = context.corrected(table.p.to_numpy(float))
    level = context.level_of_one_among(len(table)) / table.pairs.to_numpy(float)
    n1, n2 = table.high_n.to_numpy(float) * worth, table.low_n.to_numpy(float) * worth
    table["smallest"] = smallest_gap(n1, n2, table.all_share.to_numpy(float), level)
    table["alarm"] = (table.q < ALPHA) & (table.difference > DIFFERENCE)
    alarms = table[table.alarm].sort_values("difference", ascending=False, kind="stable")
    findings = [_row_finding(row, labels) for row in alarms.itertuples()]
    needed = examples_for_gap(table.all_share.to_numpy(float), n1 / (n1 + n2), alpha=level)
    power = power_finding(NAME, "pair", needed, round(float(np.median(n1 + n2))))
    findings += [power] if power else []
    findings += [_summary_finding(rows, skipped[a]) for a, rows in table.groupby("attribute", sort=False)]
    return AuditResult(NAME, tuple(findings), table[list(COLUMNS)], left_out + labels.notes)


PARITY = Audit(
    name=NAME, title="audit.title.parity", needs=("label", "groups"), paper="fairlearn-2023", compute=_compute
)
