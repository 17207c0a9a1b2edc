"""How much of the corpus says the same thing twice, and whether the copies agree on their label."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import Context, nothing
from studio.audits.intervals import effective_n, examples_for_share
from studio.audits.label_sets import labels_of
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, wilson

NAME = "duplicates"
RATE = 0.01  # ours: more than one example in a hundred that repeats another is worth a word
COLUMNS = ("family", "size", "labels", "is_conflicting", "is_exact", "first_id", "example_ids")
SHOWN = 2000  # ids a finding carries at most


def repeat_rate(families: Array) -> tuple[int, int, float]:
    """How many examples repeat an earlier one: (repeats, families, rate).

    rate = 1 - families / n; 0 for no example.

    Example:
        >>> repeat_rate([0, 1, 0])
        (1, 2, 0.3333333333333333)
    """
    n = len(families)
    n_families = len(np.unique(families)) if n else 0
    return n - n_families, n_families, (n - n_families) / n if n else 0.0


def _families_table(frame: pd.DataFrame, families: Array, exact: Array | None) -> pd.DataFrame:
    ids = frame["example_id"].to_numpy() if "example_id" in frame else np.arange(len(frame))
    labels = labels_of(frame)
    sets, named = labels.sets, labels.said
    order = np.argsort(families, kind="stable")
    edges = np.flatnonzero(np.diff(np.asarray(families)[order])) + 1
    rows = []
    for members in np.split(order, edges):
        if len(members) < 2:
            continue
        members = np.sort(members)
        own = sorted({named[code] for code in sets[members].tolist() if code >= 0})
        rows.append(
            {
                "family": int(families[members[0]]),
                "size": len(members),
                "labels": own,
                "is_conflicting": len(own) > 1,
                "is_exact": exact is not None and len(np.unique(np.asarray(exact)[members])) == 1,
                "first_id": int(ids[members[0]]),
                "example_ids": [int(i) for i in ids[members]],
            }
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["is_conflicting", "size", "first_id"], ascending=[False, False, True], ignore_index=True)


def _members(frame: pd.DataFrame, families: Array) -> tuple[int, ...]:
    """Ids of the examples that share their family, family by family."""
    ids = frame["example_id"].to_numpy() if "example_id" in frame else np.arange(len(frame))
    _, position, sizes = np.unique(families, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(sizes[position] > 1)
    order = shared[np.argsort(position[shared], kind="stable")]
    return tuple(int(i) for i in ids[order[:SHOWN]])


def _rate_finding(kind: str, families: Array, ids: tuple[int, ...], q: float | None) -> Finding:
    repeats, n_families, rate = repeat_rate(families)
    n = len(families)
    low, high = (float(x) for x in wilson(repeats, n))
    p = float(stats.binomtest(repeats, n, RATE, alternative="greater").pvalue)
    alarm = bool(q is not None and q < ALPHA and rate > RATE)
    key = f"audit.duplicates.{kind}" if repeats else f"audit.duplicates.no_{kind}"
    return Finding(
        audit=NAME,
        key=key,
        values={
            "repeats": repeats,
            "n": n,
            "rate": rate,
            "low": low,
            "high": high,
            "families": n_families,
            "worth": effective_n(families, n),
        },
        n=n,
        estimate=rate,
        low=low,
        high=high,
        unit="share",
        p=p,
        q=q,
        threshold=RATE,
        alarm=alarm,
        example_ids=ids,
    )


def _conflict_finding(table: pd.DataFrame, n: int) -> Finding | None:
    """Families whose members carry different labels: each holds at least one label that is wrong or arguable."""
    labelled = int((table.labels.map(len) > 0).sum())
    conflicting = table[table.is_conflicting.astype(bool)]
    if labelled == 0:
        return None
    low, high = (float(x) for x in wilson(len(conflicting), labelled))
    ids = tuple(i for members in conflicting.example_ids for i in members)[:SHOWN]
    key = "audit.duplicates.conflict" if len(conflicting) else "audit.duplicates.no_conflict"
    return Finding(
        audit=NAME,
        key=key,
        values={
            "conflicts": len(conflicting),
            "families": labelled,
            "share": len(conflicting) / labelled,
            "low": low,
            "high": high,
        },
        n=labelled,
        estimate=len(conflicting) / labelled,
        low=low,
        high=high,
        unit="share",
        example_ids=ids,
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Near-duplicate and exact-duplicate rates, and families whose copies disagree on the label.

    rate = 1 - families / n, where a family is a chain of near-duplicates (true Jaccard of the shingles above the
    stored threshold). p is the one-sided binomial test of a rate above 1 in 100; an alarm needs q < 0.05 over the two
    rates and a rate above that.

    Args:
        frame: `example_id`, and `label` or `labels` for the conflicts.
        context: families (n,), exact (n,).

    Returns:
        Findings on near-duplicates, exact duplicates, conflicts; table COLUMNS, one row per family of two or more.

    Paper: broder-1997.
    Limits: a template with other names in it is a near-duplicate here, wanted or not.
    """
    if context.families is None or not len(frame):
        return nothing(NAME, "audit.note.needs_families" if len(frame) else "audit.note.no_examples", COLUMNS)
    table = _families_table(frame, context.families, context.exact)
    kinds = [("near", context.families)] + ([("exact", context.exact)] if context.exact is not None else [])
    p = [stats.binomtest(repeat_rate(f)[0], len(f), RATE, alternative="greater").pvalue for _, f in kinds]
    findings = []
    for (kind, families), q in zip(kinds, context.corrected(np.array(p)), strict=True):
        findings.append(_rate_finding(kind, np.asarray(families), _members(frame, families), float(q)))
    conflict = _conflict_finding(table, len(frame))
    if conflict is not None:
        findings.insert(1, conflict)
    alarms = sum(finding.alarm for finding in findings)
    needed = examples_for_share(np.array([RATE]), alpha=context.level_of_one_among(len(kinds)))
    findings.sort(key=lambda finding: not finding.alarm)
    findings.insert(alarms, power_finding(NAME, "rate", needed, len(frame)))
    return AuditResult(audit=NAME, findings=tuple(findings), table=table)


DUPLICATES = Audit(
    name=NAME, title="audit.title.duplicates", needs=("families",), paper="broder-1997", compute=_compute
)
