"""How many independent examples the corpus is worth: copies, sources and authors make examples alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import Context, clusterings
from studio.audits.intervals import effective_n
from studio.audits.label_sets import Labels, exclusive, labels_of
from studio.records import Array, Audit, AuditResult, Finding

NAME = "dependence"
COLUMNS = ("unit", "clusters", "largest", "mean_size", "rho", "low", "high", "design_effect", "worth", "worth_low",
           "worth_high", "n")  # fmt: skip


def intraclass(labels: Array | Labels, clusters: Array) -> tuple[float, float, float]:
    """How alike the labels inside a cluster are (intra-class correlation), with its 95 % interval.

    rho = (B - W) / (B + (m0 - 1) W): B and W the mean squares between and within clusters, summed over the indicators
    of all labels; m0 = (n - sum m² / n) / (k - 1). 0: no more alike than any two examples; 1: all the same. The
    interval inverts the F distribution of B / W with k - 1 and n - k degrees of freedom, as if there were one label
    indicator and equal clusters.

    Args:
        labels: (n,) codes, none missing; or the labels of n examples, all labelled, each with any number of them.
        clusters: (n,) codes.

    Returns:
        (rho, low, high), each in [0, 1]: a negative rho counts as 0; (1, 0, 1) where it cannot be told.

    Paper: shrout-fleiss-1979; departs by summing over label indicators.

    Example:
        >>> intraclass([0, 0, 1, 1], [0, 0, 1, 1])
        (1.0, 1.0, 1.0)
    """
    if not isinstance(labels, Labels):
        y, codes = np.unique(labels, return_inverse=True)
        labels = exclusive(codes, [str(name) for name in y])
    f, clusters = np.unique(clusters, return_inverse=True)
    n, k, n_labels = labels.n, len(f), len(labels.names)
    if k < 2 or n <= k or labels.is_constant:
        return 1.0, 0.0, 1.0
    size = np.bincount(clusters).astype(np.float64)
    theirs = clusters[labels.rows].astype(np.int64)
    pairs, counts = np.unique(theirs * n_labels + labels.codes, return_counts=True)
    inside = float((counts.astype(np.float64) ** 2 / size[pairs // n_labels]).sum())
    overall = float((labels.counts.astype(np.float64) ** 2).sum()) / n
    between, within = (inside - overall) / (k - 1), (len(labels.rows) - inside) / (n - k)
    m0 = (n - float((size**2).sum()) / n) / (k - 1)
    if within <= 1e-12:
        return 1.0, 1.0, 1.0

    def rho(ratio: float) -> float:
        return float(np.clip((ratio - 1) / (ratio + m0 - 1), 0.0, 1.0))

    f_ratio = between / within
    upper, lower = stats.f.isf(0.025, k - 1, n - k), stats.f.ppf(0.025, k - 1, n - k)
    return rho(f_ratio), rho(f_ratio / upper), rho(f_ratio / lower)


def design_effect(sizes: Array, rho: float) -> float:
    """How many times the variance of a share is that of independent examples: 1 + (sum m² / n - 1) rho.

    Paper: kish-1965; as published, for clusters of unequal size.

    Example:
        >>> design_effect([10] * 20, 0.5)
        5.5
    """
    m = np.asarray(sizes, dtype=np.float64)
    return 1.0 + (float((m**2).sum() / m.sum()) - 1.0) * rho


def worth_of(unit: str, clusters: Array, labels: Labels) -> dict:
    """Copies are taken as saying the same thing (rho = 1); sources and authors as alike as their labels are."""
    sizes = np.unique(clusters, return_counts=True)[1]
    n = len(clusters)
    rho, low, high = (1.0, 1.0, 1.0) if unit == "family" else (1.0, 0.0, 1.0)
    if unit != "family" and not labels.is_constant:
        rho, low, high = intraclass(labels.of(labels.known), clusters[labels.known])
    return {
        "unit": unit,
        "clusters": len(sizes),
        "largest": int(sizes.max()),
        "mean_size": float(sizes.mean()),
        "rho": rho,
        "low": low,
        "high": high,
        "design_effect": design_effect(sizes, rho),
        "worth": effective_n(clusters, n) if unit == "family" else n / design_effect(sizes, rho),
        "worth_low": n / design_effect(sizes, high),
        "worth_high": n / design_effect(sizes, low),
        "n": n,
    }


def _finding(row: dict, is_labelled: bool) -> Finding:
    unit = row["unit"]
    kind = unit if unit in ("family", "source") else "author"
    if unit != "family" and not is_labelled:
        kind += "_unlabelled"
    values = {name: row[name] for name in ("unit", "clusters", "largest", "rho", "worth", "n")}
    is_sure = unit == "family" or not is_labelled
    return Finding(
        audit=NAME,
        key=f"audit_counts.dependence.{kind}",
        values=values,
        n=row["n"],
        estimate=row["worth"],
        low=None if is_sure else row["worth_low"],
        high=None if is_sure else row["worth_high"],
        unit="worth_bare" if is_sure else "worth",
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """The effective number of examples by family of near-duplicates, by source and by author.

    worth = n / (1 + (sum m² / n - 1) rho), m the cluster sizes; rho = 1 for near-duplicates (Kish: (sum m)² / sum m²),
    else the intra-class correlation of the labels; without labels rho = 1, the least the corpus can be worth. An
    attribute is an author where it has 30 values or more with fewer than 50 examples each on average; a source counts
    from 30 sources on.

    Args:
        frame: `label` or `labels`, `source` and a column `group_<name>` per attribute.
        context: groups, families.

    Returns:
        One finding per unit, least worth first, never an alarm; table COLUMNS.

    Paper: kish-1965, shrout-fleiss-1979.
    Limits: a corpus without an author column may still be by few authors; rho is that of the label, other numbers have
    their own.
    """
    found = clusterings(frame, context)
    labels = labels_of(frame)
    rows = sorted((worth_of(unit, codes, labels) for unit, codes in found.items()), key=lambda row: row["worth"])
    findings = tuple(_finding(row, not labels.is_constant) for row in rows)
    if not findings:
        values = {"n": len(frame)}
        findings = (Finding(audit=NAME, key="audit_counts.dependence.none", values=values, n=len(frame),
                            estimate=float(len(frame)), unit="worth_bare"),)  # fmt: skip
    return AuditResult(audit=NAME, findings=findings, table=pd.DataFrame(rows, columns=list(COLUMNS)))


DEPENDENCE = Audit(name=NAME, title="audit.title.dependence", needs=(), paper="kish-1965", compute=_compute)
