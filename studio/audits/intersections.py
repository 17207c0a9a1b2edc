"""Two or three group attributes crossed: combinations that are rarer or commoner than their parts explain."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.association import two_by_two_p
from studio.audits.context import Context, compared_groups, group_column, nothing, where
from studio.audits.intervals import effective_n, examples_for_share, smallest_ratio
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP

NAME = "intersections"
TIMES = 2.0  # ours: at most half as often, or at least twice as often, as the parts explain
MIN_EXPECTED = 5.0  # a combination with a smaller expected count is not tested
SUPPRESS = 10  # a combination of fewer examples (but some) is shown without its number
MOST_TRIPLES, MOST_CELLS = 20, 20_000  # ours: three attributes at a time only up to these
FITTING_STEPS, FITTED = 200, 1e-6
COLUMNS = ("attributes", "first", "second", "third", "n", "expected", "ratio", "low", "high", "q", "is_suppressed",
           "is_small", "alarm")  # fmt: skip


def expected_of_pairs(counts: Array) -> Array:
    """Expected counts of a two-way table under independence: row total times column total over n.

    Example:
        >>> expected_of_pairs(np.array([[10, 20], [30, 40]])).tolist()
        [[12.0, 18.0], [28.0, 42.0]]
    """
    table = np.asarray(counts, dtype=np.float64)
    return np.outer(table.sum(1), table.sum(0)) / max(table.sum(), 1.0)


def expected_of_triples(counts: Array) -> Array:
    """Expected counts of a three-way table that has the same three two-way tables and nothing more of its own.

    The log-linear model without a three-way interaction, by iterative proportional fitting: starting from 1, the cells
    are scaled to each two-way margin in turn until none moves by more than one in a million. So a tie between two
    attributes, already told of the pair, is not told again of every triple.

    Paper: deming-stephan-1940; as published.
    """
    table = np.asarray(counts, dtype=np.float64)
    fitted = np.ones(table.shape)
    for _ in range(FITTING_STEPS):
        before = fitted
        for axis in range(3):
            have, wanted = fitted.sum(axis, keepdims=True), table.sum(axis, keepdims=True)
            fitted = fitted * np.where(have > 0, wanted / np.where(have > 0, have, 1.0), 0.0)
        if np.abs(fitted - before).max() <= FITTED * max(table.sum(), 1.0):
            break
    return fitted


def count_interval(counts: Array) -> tuple[Array, Array]:
    """The exact 95 % interval of a Poisson count: chi2(0.025; 2k) / 2 to chi2(0.975; 2k + 2) / 2.

    Paper: garwood-1936; as published.

    Example:
        >>> low, high = count_interval(np.array([0, 10]))
        >>> [round(float(x), 2) for x in (*low, *high)]
        [0.0, 4.8, 3.69, 18.39]
    """
    k = np.asarray(counts, dtype=np.float64)
    low = np.where(k > 0, stats.chi2.ppf(0.025, np.maximum(2 * k, 1e-9)) / 2, 0.0)
    return low, stats.chi2.ppf(0.975, 2 * k + 2) / 2


def _pair_p(counts: Array, expected: Array, weight: float) -> Array:
    """How likely each cell is against the rest of its two-way table; an empty one by twice the chance of none."""
    n, a = counts.sum(), counts
    b, c = counts.sum(1, keepdims=True) - a, counts.sum(0, keepdims=True) - a
    d = n - a - b - c
    cells = (np.round(np.broadcast_to(x, a.shape).ravel() * weight) for x in (a, b, c, d))
    p = two_by_two_p(*cells)[0].reshape(a.shape)
    none = np.minimum(2 * np.exp(n * weight * np.log1p(-np.minimum(expected / n, 1 - 1e-12))), 1.0)  # two-sided too
    p = np.where(a == 0, none, np.where(np.isfinite(p), p, 1.0))
    if a.shape == (2, 2):  # all four cells say the same: keep the rarest
        rarest = (a / np.maximum(expected, 1e-9)).argmin()
        p = np.where(np.arange(4).reshape(2, 2) == rarest, p, np.nan)
    return p


def _triple_p(counts: Array, expected: Array, weight: float) -> Array:
    """Exact two-sided binomial p of each cell given its fitted share (careful: the fit has used the data)."""
    n, k = round(float(counts.sum()) * weight), np.round(counts * weight)
    share = np.minimum(expected / max(counts.sum(), 1), 1.0)
    return np.minimum(2 * np.minimum(stats.binom.cdf(k, n, share), stats.binom.sf(k - 1, n, share)), 1.0)


def _cells(names: tuple[str, ...], counts: Array, values: list[list[str]], weight: float) -> pd.DataFrame:
    is_pair = len(names) == 2
    expected = expected_of_pairs(counts) if is_pair else expected_of_triples(counts)
    p = _pair_p(counts, expected, weight) if is_pair else _triple_p(counts, expected, weight)
    at = [axis.ravel() for axis in np.indices(counts.shape)]
    parts = [np.array(own, dtype=object)[axis] for own, axis in zip(values, at, strict=True)]
    n, e = counts.ravel(), expected.ravel()
    low, high = count_interval(n * weight)
    safe = np.maximum(e * weight, 1e-9)
    rows = pd.DataFrame(
        {
            "attributes": " × ".join(names),
            "first": parts[0],
            "second": parts[1],
            "third": parts[2] if not is_pair else "",
            "n": n.astype(float),
            "expected": e,
            "ratio": n / np.maximum(e, 1e-9),
            "low": low / safe,
            "high": high / safe,
            "p": np.where(e >= MIN_EXPECTED, p.ravel(), np.nan),
            "is_suppressed": (n > 0) & (n < SUPPRESS),
            "is_small": n < SMALL_GROUP,
            "total": int(counts.sum()),
        }
    )
    return rows[(rows.expected >= MIN_EXPECTED) | ((rows.n > 0) & is_pair)]


def _row_finding(row: object, names: tuple[str, ...]) -> Finding:
    parts = [part for part in (row.first, row.second, row.third) if part != ""]
    kind = "absent" if row.n == 0 else "few" if row.is_suppressed else "rare" if row.ratio < 1 else "common"
    values = {
        "combination": " × ".join(parts),
        "attributes": " × ".join(names),
        "expected": float(row.expected),
        "total": int(row.total),
        "least": SUPPRESS,
    }
    if kind in ("rare", "common"):
        values |= {"n": int(row.n), "ratio": float(row.ratio)}
    hidden = kind == "few"
    clauses = tuple(where(group_column(name), part) for name, part in zip(names, parts, strict=True))
    return Finding(
        audit=NAME,
        key=f"audit_counts.intersections.{kind}",
        values=values,
        n=int(row.total),
        estimate=min(SUPPRESS / float(row.expected), 1.0) if hidden else float(row.ratio),
        low=None if hidden else float(row.low),
        high=None if hidden else float(row.high),
        unit="ratio_below" if hidden else "ratio",
        p=None if hidden else float(row.p),
        q=float(row.q),
        threshold=TIMES,
        smallest_effect=float(row.smallest),
        alarm=True,
        examples=() if hidden or row.n == 0 else clauses,
    )


def _summary(names: tuple[str, ...], rows: pd.DataFrame, shape: tuple[int, ...], n_empty: int) -> Finding:
    tested = rows[rows.p.notna()]
    smallest = float(tested.smallest.median()) if len(tested) else 0.0
    total = int(rows.total.iloc[0]) if len(rows) else 0
    values = {
        "attributes": " × ".join(names),
        "cells": int(np.prod(shape)),
        "tests": len(tested),
        "alarms": int(rows.alarm.sum()),
        "empty": n_empty,
        "smallest": smallest,
        "least": int(MIN_EXPECTED),
    }
    kind = "some" if values["alarms"] else ("none" if smallest > 0 else "none_blind")
    return Finding(audit=NAME, key=f"audit_counts.intersections.{kind}", values=values, n=total,
                   estimate=float(values["alarms"]), unit="words", threshold=TIMES,
                   smallest_effect=smallest)  # fmt: skip


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Combinations of two or three group values beside what their parts would give.

    Pairs: expected = n p_a p_b, p of the cell against the rest of the table (chi-square or Fisher; an empty cell by
    twice the chance (1 - E/n)^n of none). Triples: expected from the three two-way tables (no three-way interaction),
    p exact binomial. Tested where 5 or more are expected; with copies counts are those of the effective n. An alarm
    needs q < 0.05 over all combinations and at most half, or at least twice, the expected count. A combination of 1 to
    9 examples is shown without its number and without its rows.

    Args:
        frame: a column `group_<name>` per attribute; an example enters a crossing where it has all its values.
        context: groups, families.

    Returns:
        Findings: alarms by size, absent ones first, then one per crossing; table COLUMNS, n empty where suppressed.

    Paper: deming-stephan-1940, garwood-1936.
    Limits: a tie of two attributes may be as it is in the world; a rare combination is thin whether or not it is fair.
    """
    if len(context.groups) < 2:
        return nothing(NAME, "audit_counts.note.one_attribute", COLUMNS)
    kept, left_out = compared_groups(frame, context)
    able = [name for name, (codes, names) in kept.items() if len(names) >= 2]
    crossings = list(combinations(able, 2))
    triples = list(combinations(able, 3))
    notes = list(left_out)
    if len(triples) > MOST_TRIPLES:
        triples = []
        notes.append("audit_counts.note.no_triples")
    weight = effective_n(context.families, len(frame)) / max(len(frame), 1)
    made = []
    for names in [*crossings, *triples]:
        shape = tuple(len(kept[name][1]) for name in names)
        if np.prod(shape) > MOST_CELLS:
            notes.append("audit_counts.note.too_many_cells")
            continue
        counts = _counted([kept[name][0] for name in names], shape)
        if counts.sum() == 0:
            continue
        rows = _cells(names, counts, [kept[name][1] for name in names], weight)
        made.append((names, shape, int((counts == 0).sum()), rows))
    if not made:
        return nothing(NAME, notes[0] if notes else "audit_counts.note.one_attribute", COLUMNS)
    return _result(made, context, weight, tuple(dict.fromkeys(notes)))


def _counted(codes: list[Array], shape: tuple[int, ...]) -> Array:
    known = np.all([own >= 0 for own in codes], axis=0)
    flat = np.ravel_multi_index([own[known] for own in codes], shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def _result(made: list[tuple], context: Context, weight: float, notes: tuple[str, ...]) -> AuditResult:
    sizes = [len(rows) for *_, rows in made]
    table = pd.concat([rows for *_, rows in made], ignore_index=True)
    table["crossing"] = np.repeat(np.arange(len(made)), sizes)
    table["q"] = context.corrected(table.p.to_numpy(float))
    level = context.level_of_one_among(int(table.p.notna().sum()))
    share = (table.expected / table.total.clip(lower=1)).to_numpy(float)
    table["smallest"] = 0.0
    for total in table.total.unique():
        own = (table.total == total).to_numpy()
        table.loc[own, "smallest"] = smallest_ratio(float(total) * weight, share[own], level)
    table["alarm"] = (table.q < ALPHA) & ((table.ratio <= 1 / TIMES) | (table.ratio >= TIMES))
    alarms = table[table.alarm].assign(size=lambda rows: np.abs(np.log(np.maximum(rows.ratio, 1e-3))))
    alarms = alarms.sort_values(["size", "expected"], ascending=False, kind="stable")
    findings = [_row_finding(row, made[row.crossing][0]) for row in alarms.itertuples()]
    tested = table.p.notna().to_numpy()
    if tested.any():
        needed = examples_for_share(share[tested], -share[tested] / TIMES, level)
        findings.append(power_finding(NAME, "half", needed, round(float(table.total.median()) * weight), 0.0))
    for at, (names, shape, n_empty, _) in enumerate(made):
        findings.append(_summary(names, table[table.crossing == at], shape, n_empty))
    table.loc[table.is_suppressed, ["n", "ratio", "low", "high"]] = np.nan
    return AuditResult(NAME, tuple(findings), table[list(COLUMNS)], notes)


INTERSECTIONS = Audit(
    name=NAME, title="audit.title.intersections", needs=("groups",), paper="deming-stephan-1940", compute=_compute
)
