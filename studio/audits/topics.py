"""Clusters with so few examples that a model will hardly learn them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studio.audits.balance import evenness
from studio.audits.context import Context, nothing
from studio.records import Audit, AuditResult, Condition, Finding
from studio.statistics import SMALL_GROUP, wilson

NAME = "topics"
# Ours: a topic is thin below a sixth of the size all topics would have if they were equal. A quarter alarmed on 4 of 20
# clean English demo corpora of 3,000 (docs/log.md): every clustering has a few small groups.
THIN = 1 / 6
COLUMNS = ("cluster", "name", "n", "share", "low", "high", "equal_share", "is_thin", "is_small")


def _thin_finding(row: object, n: int) -> Finding:
    low, high, equal = float(row.low), float(row.high), float(row.equal_share)
    values = {"topic": row.topic, "n": int(row.n), "share": float(row.share), "equal": equal, "total": n}
    return Finding(
        audit=NAME,
        key="audit.topics.thin",
        values=values,
        n=n,
        estimate=float(row.share),
        low=low,
        high=high,
        unit="share",
        threshold=THIN * equal,
        alarm=True,
        examples=(Condition("cluster", "eq", int(row.cluster)),),
    )


def _largest_thin(n: int, equal: float) -> int:
    """The most examples a topic could have and still be called thin, 0 when no topic could be."""
    sizes = np.arange(1, int(THIN * equal * n) + 1)
    return int((wilson(sizes, n)[1] < THIN * equal).sum())


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Topics (clusters of the vectors) far below an equal share, and how even the topics are.

    A topic is thin when the upper bound of its share's Wilson interval lies below a sixth of an equal share,
    1 / (6 C) with C clusters.

    Args:
        frame: examples in the order of context.clusters.
        context: clusters (n,), -1 = in no cluster; cluster_names.

    Returns:
        One finding on the sizes, with the most examples a topic could have and still be called thin, and one per thin
        topic, smallest first (at most ten); table COLUMNS by size.

    Paper: hill-1973, wilson-1927.
    Limits: only topics that the clusters show can be thin. Twelve messages on four situations are no cluster of their
    own for any encoder here, and a topic that is missing altogether needs a reference corpus (docs/log.md).
    """
    if context.clusters is None or not len(frame):
        return nothing(NAME, "audit.note.needs_clusters" if len(frame) else "audit.note.no_examples", COLUMNS)
    codes = np.asarray(context.clusters)
    names, counts = np.unique(codes[codes >= 0], return_counts=True)
    n, noise = int(counts.sum()), int((codes < 0).sum())
    if not len(names):
        return nothing(NAME, "audit.note.no_clusters", COLUMNS)
    low, high = wilson(counts, n)
    equal = 1 / len(names)
    thin = (high < THIN * equal) & (len(names) > 1)
    table = pd.DataFrame(
        {
            "cluster": names,
            "name": [context.cluster_names.get(int(c), str(int(c))) for c in names],
            "n": counts,
            "share": counts / n,
            "low": low,
            "high": high,
            "equal_share": equal,
            "is_thin": thin,
            "is_small": counts < SMALL_GROUP,
        }
    )
    table = table.sort_values(["n", "cluster"], ascending=[True, True], ignore_index=True)
    _, effective, even = evenness(counts)
    thinnest = table[table.is_thin].head(10).rename(columns={"name": "topic"})
    findings = [_thin_finding(row, n) for row in thinnest.itertuples()]
    values = {"clusters": len(names), "effective": effective, "even": even, "n": n, "noise": noise}
    values |= {"thin": int(thin.sum()), "least": _largest_thin(n, equal)}
    findings.append(
        Finding(audit=NAME, key="audit.topics.sizes", values=values, n=n, estimate=effective, unit="effective_number")
    )
    return AuditResult(audit=NAME, findings=tuple(findings), table=table)


TOPICS = Audit(name=NAME, title="audit.title.topics", needs=("clusters",), paper="hill-1973", compute=_compute)
