"""Whether stored scores differ between groups: sentiment, quality, difficulty or whatever was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import Context, compared_groups, group_column, nothing, where
from studio.audits.intervals import effective_n
from studio.records import SCORER, Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP, chance_of_more, wilson

NAME = "scores"
DELTA = 0.147  # romano-2006: a Cliff's delta below it is negligible
FEWEST = 10  # defined scores a group and its rest must have before they are compared (ours)
TOP = 0.10  # the share of the corpus above the threshold whose exceedance is counted (ours)
COLUMNS = (
    "measure",
    "attribute",
    "value",
    "n",
    "rest_n",
    "mean",
    "rest_mean",
    "difference",
    "difference_low",
    "difference_high",
    "cut",
    "above",
    "above_low",
    "above_high",
    "rest_above",
    "delta",
    "low",
    "high",
    "p",
    "q",
    "smallest",
    "is_small",
    "alarm",
)


@dataclass(frozen=True)
class Order:
    """How a group's scores lie against the others': Cliff's delta in [-1, 1], its interval, the Mann-Whitney p."""

    delta: float
    low: float
    high: float
    p: float


def order_of(inside: Array, outside: Array, worth: float = 1.0) -> Order:
    """Cliff's delta of counts over the same ascending score levels.

    delta = P(x > y) - P(x < y) = 2 A - 1, with A, its interval and p by `statistics.chance_of_more`.

    Args:
        inside: (m,) how many scores of the group lie at each level.
        outside: (m,) the same for the others.
        worth: what one example is worth, at most 1 (copies).

    Paper: cliff-1993; as published.

    Example:
        >>> o = order_of(np.array([0, 1, 2]), np.array([2, 1, 0]))  # 2 3 3 against 1 1 2
        >>> round(o.delta, 4)
        0.8889
    """
    area, low, high, p = chance_of_more(inside, outside, worth)
    return Order(2 * area - 1, 2 * low - 1, 2 * high - 1, p)


def welch(mean1: float, var1: float, n1: int, mean0: float, var0: float, n0: int) -> tuple[float, float, float]:
    """Difference of two means with its 95 % Welch interval.

    d ± t_{0.975, v} sqrt(s1²/n1 + s0²/n0), v by Welch and Satterthwaite.

    Paper: welch-1947; as published.

    Example:
        >>> [round(x, 4) for x in welch(2.0, 1.0, 3, 4.0, 4.0, 4)]
        [-2.0, -5.0539, 1.0539]
    """
    first, second = var1 / n1, var0 / n0
    both = first + second
    if both <= 0:
        return mean1 - mean0, mean1 - mean0, mean1 - mean0
    degrees = both**2 / (first**2 / max(n1 - 1, 1) + second**2 / max(n0 - 1, 1))
    half = float(stats.t.ppf(0.975, degrees)) * np.sqrt(both)
    return mean1 - mean0, float(mean1 - mean0 - half), float(mean1 - mean0 + half)


def visible_delta(n1: float, n0: float, alpha: float) -> float:
    """The Cliff's delta 80 % of corpora of these sizes would show at level alpha.

    (z_{alpha/2} + z_{0.80}) sqrt((n1 + n0 + 1) / (3 n1 n0)): twice the null error of A = U / (n1 n0).
    """
    needed = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(0.8))
    return float(min(needed * np.sqrt((n1 + n0 + 1) / (3 * n1 * n0)), 1.0))


def _attribute_rows(
    measure: str, values: Array, attribute: str, codes: Array, names: list[str], worth: float
) -> list[dict]:
    """One row per value of an attribute against the others, for one measure."""
    known = np.isfinite(values) & (codes >= 0)
    x, groups = values[known], codes[known]
    if len(x) < 2 * FEWEST:
        return []
    levels, place = np.unique(x, return_inverse=True)
    everyone = np.bincount(place, minlength=len(levels)).astype(np.float64)
    cut = float(np.quantile(x, 1 - TOP))
    rows = []
    present = np.bincount(groups, minlength=len(names))
    for code in np.flatnonzero(present):
        own = groups == code
        n, rest_n = int(present[code]), int(len(x) - present[code])
        if min(n, rest_n) < FEWEST:
            continue
        inside = np.bincount(place[own], minlength=len(levels)).astype(np.float64)
        order = order_of(inside, everyone - inside, worth)
        mine, others = x[own], x[~own]
        spread, rest_spread = mine.var(ddof=1) / worth, others.var(ddof=1) / worth
        difference = welch(mine.mean(), spread, n, others.mean(), rest_spread, rest_n)
        above, rest_above = int((mine > cut).sum()), int((others > cut).sum())
        low, high = wilson(above * worth, n * worth)
        rows.append(
            {
                "measure": measure,
                "attribute": attribute,
                "value": names[code],
                "n": n,
                "rest_n": rest_n,
                "mean": float(mine.mean()),
                "rest_mean": float(others.mean()),
                "difference": float(difference[0]),
                "difference_low": difference[1],
                "difference_high": difference[2],
                "cut": cut,
                "above": above / n,
                "above_low": float(low),
                "above_high": float(high),
                "rest_above": rest_above / rest_n,
                "delta": order.delta,
                "low": order.low,
                "high": order.high,
                "p": order.p,
            }
        )
        if len(names) == 2:
            break  # the second of two values says the same thing with its sign turned
    return rows


def title_of(measure: str) -> str:
    """The words key of a measure's title; a scorer model is called what the host called it."""
    return measure.removeprefix(SCORER) if measure.startswith(SCORER) else f"measure.{measure}.title"


def _values(row: object) -> dict[str, object]:
    return {
        "measure": title_of(row.measure),
        "attribute": row.attribute,
        "value": row.value,
        "mean": float(row.mean),
        "rest_mean": float(row.rest_mean),
        "difference": float(row.difference),
        "low": float(row.difference_low),
        "high": float(row.difference_high),
        "above": float(row.above),
        "rest_above": float(row.rest_above),
        "n": int(row.n),
        "rest_n": int(row.rest_n),
    }


def _row_finding(row: object) -> Finding:
    return Finding(
        audit=NAME,
        key=f"audit_scores.{'higher' if row.delta > 0 else 'lower'}",
        values=_values(row),
        n=int(row.n + row.rest_n),
        estimate=float(row.delta),
        low=float(row.low),
        high=float(row.high),
        unit="delta",
        p=float(row.p),
        q=float(row.q),
        threshold=DELTA,
        smallest_effect=float(row.smallest),
        alarm=True,
        examples=(where(group_column(row.attribute), row.value),),
    )


def _summary(measure: str, rows: pd.DataFrame) -> Finding:
    alarms, smallest = int(rows.alarm.sum()), float(rows.smallest.median())
    values = {
        "measure": title_of(measure),
        "tests": len(rows),
        "alarms": alarms,
        "smallest": smallest,
        "largest": float(rows.delta.abs().max()),
    }
    n = int((rows.n + rows.rest_n).max())
    return Finding(NAME, f"audit_scores.{'some' if alarms else 'none'}", values, n,
                   float(rows.delta.abs().max()), unit="delta", threshold=DELTA, smallest_effect=smallest)  # fmt: skip


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Every stored score of each group against that of the others.

    Per measure, attribute and value: means with the Welch interval of their difference; the share above the score that
    a tenth of the compared examples exceed, with a Wilson interval; Cliff's delta with its interval and the
    Mann-Whitney p. All tests are corrected together. An alarm needs q < 0.05 and |delta| of at least 0.147. Groups of
    fewer than 10 defined scores are left out; of an attribute with two values only the first is kept.

    Args:
        frame: a column `group_<name>` per attribute.
        context: scores, groups; families: with copies errors are those of the effective n.

    Returns:
        Findings: alarms by size, then one summary per measure; table COLUMNS.

    Paper: cliff-1993, romano-2006, mann-whitney-1947, welch-1947.
    Limits: a scorer has a bias of its own: a difference may lie in the scorer, in the texts, or in both.
    """
    groups, notes = compared_groups(frame, context)
    if not context.scores:
        return nothing(NAME, "audit_scores.note_no_scores", COLUMNS)
    if not groups:
        return nothing(NAME, "audit.note.no_group_values", COLUMNS)
    worth = effective_n(context.families, len(frame)) / max(len(frame), 1)
    rows = [
        row
        for measure, values in context.scores.items()
        for attribute, (codes, names) in groups.items()
        if len(names) >= 2
        for row in _attribute_rows(measure, np.asarray(values, np.float64), attribute, codes, names, worth)
    ]
    if not rows:
        return nothing(NAME, "audit_scores.note_too_few", COLUMNS)
    table = pd.DataFrame(rows)
    table["q"] = context.corrected(table.p.to_numpy(float))
    level = context.level_of_one_among(len(table))
    table["smallest"] = [visible_delta(row.n * worth, row.rest_n * worth, level) for row in table.itertuples()]
    table["is_small"] = table.n < SMALL_GROUP
    table["alarm"] = (table.q < ALPHA) & (table.delta.abs() >= DELTA)
    loud = table[table.alarm].assign(size=lambda t: t.delta.abs())
    loud = loud.sort_values(["size", "measure", "attribute", "value"], ascending=[False, True, True, True])
    findings = [_row_finding(row) for row in loud.itertuples()]
    findings += [_summary(str(measure), rows) for measure, rows in table.groupby("measure", sort=False)]
    return AuditResult(NAME, tuple(findings), table[list(COLUMNS)].reset_index(drop=True), notes)


SCORES = Audit(name=NAME, title="audit.title.scores", needs=("groups", "scores"), paper="cliff-1993", compute=_compute)
