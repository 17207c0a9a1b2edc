"""Whether the place an example comes from gives its label or its group away."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.context import (
    Context,
    coded,
    compared_groups,
    group_column,
    looks_like_author,
    nothing,
    shown,
    texts_of,
    where,
    with_missing,
)
from studio.audits.intervals import GAP, effective_n, noncentrality_interval, visible_noncentrality
from studio.audits.label_sets import Labels, exclusive, labels_of
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP

NAME = "confounds"
TIE = 0.2  # ours: a medium effect (w = 0.3, cohen-1988) where the smaller side has three values
ORIGINS = ("source", "language")
COLUMNS = ("factor", "origin", "value", "place", "n", "place_n", "share", "all_share", "residual", "is_small", "alarm")


def independence(counts: Array, weight: float = 1.0) -> dict[str, float]:
    """Bias-corrected Cramer's V of a table with its 95 % interval, and the p-value of independence.

    V: see `association.cramers_v`. p: the exact mean and variance of chi-square over all tables with these margins
    (mean = n df / (n-1); variance = 2n/(n-3) (v1-w1)(v2-w2) + n²/(n-1) w1 w2 with v1 = (r-1)(n-r)/(n-1), w1 =
    (sum 1/R_i - r²/n)/(n-2), v2 and w2 likewise), matched by a gamma distribution: sound where many expected counts
    are small. Interval: the noncentral chi-square inverted.

    Args:
        counts: (r, c) table; rows and columns without a count are left out.
        weight: what one example is worth, at most 1 (copies): chi-square is multiplied by it.

    Returns:
        v, low, high, p, chi2, df, n and span (what n V² is divided by).

    Paper: bergsma-2013, haldane-1940.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    n, (r, c) = float(table.sum()), table.shape
    df = (r - 1) * (c - 1)
    if df < 1 or n < 5:
        return {"v": 0.0, "low": 0.0, "high": 1.0, "p": 1.0, "chi2": 0.0, "df": 0, "n": n, "span": 1.0}
    rows, columns = table.sum(1), table.sum(0)
    chi2 = n * (float((table**2 / np.outer(rows, columns)).sum()) - 1) * weight
    w1, w2 = ((float((1 / margin).sum()) - len(margin) ** 2 / n) / (n - 2) for margin in (rows, columns))
    v1, v2 = (r - 1) * (n - r) / (n - 1), (c - 1) * (n - c) / (n - 1)
    mean = n * df / (n - 1)
    variance = 2 * n / (n - 3) * (v1 - w1) * (v2 - w2) + n**2 / (n - 1) * w1 * w2
    p = float(stats.gamma.sf(chi2, mean**2 / variance, scale=variance / mean)) if variance > 0 else 1.0
    worth = n * weight
    fair_rows, fair_columns = r - (r - 1) ** 2 / max(worth - 1, 1), c - (c - 1) ** 2 / max(worth - 1, 1)
    span = max(min(fair_rows, fair_columns) - 1, 1e-9) * worth
    v = float(np.sqrt(max(0.0, chi2 - df * worth / max(worth - 1, 1)) / span))
    low, high = (float(np.sqrt(x / span)) for x in noncentrality_interval(chi2, df))
    v = min(v, 1.0)
    return {"v": v, "low": min(low, v), "high": min(max(high, v), 1.0), "p": p, "chi2": chi2, "df": df, "n": n,
            "span": span}  # fmt: skip


def guesses(counts: Array) -> tuple[float, float]:
    """Share of examples whose row is guessed right knowing nothing (the commonest row), and knowing the column."""
    n = max(float(counts.sum()), 1.0)
    return float(counts.sum(1).max()) / n, float(counts.max(0).sum()) / n


def _cells(factor: str, origin: str, counts: Array, names: list[str], places: list[str]) -> pd.DataFrame:
    n = counts.sum()
    rows, columns = counts.sum(1, keepdims=True), counts.sum(0, keepdims=True)
    expected = rows * columns / n
    spread = expected * (1 - rows / n) * (1 - columns / n)
    residual = (counts - expected) / np.sqrt(np.where(spread > 0, spread, 1.0))
    y, s = (axis.ravel() for axis in np.indices(counts.shape))
    return pd.DataFrame(
        {
            "factor": factor,
            "origin": origin,
            "value": np.array(names, dtype=object)[y],
            "place": np.array(places, dtype=object)[s],
            "n": counts.ravel(),
            "place_n": columns[0, s],
            "share": counts.ravel() / columns[0, s],
            "all_share": rows[y, 0] / n,
            "residual": residual.ravel(),
            "is_small": columns[0, s] < SMALL_GROUP,
        }
    )


def _finding(found: dict, cells: pd.DataFrame, q: float, smallest: float, labels: Labels) -> Finding:
    factor, origin = found["factor"], found["origin"]
    alarm = bool(q < ALPHA and found["v"] > TIE)
    top = cells.loc[cells.residual.idxmax()]
    side = "group" if factor != "label" else "label" if found["one"] is None else "one"
    values = {
        "factor": factor,
        "value": shown(top.value),
        "place": shown(top.place),
        "share": float(top.share),
        "all_share": float(top.all_share),
        "v": found["v"],
        "base": found["base"],
        "known": found["known"],
        "places": int(cells.place.nunique()),
        "n": int(found["n"]),
        "smallest": smallest,
    }
    clause = labels.where(top.value) if factor == "label" else where(group_column(factor), top.value)
    return Finding(
        audit=NAME,
        key=f"audit_counts.confounds.{'tied' if alarm else 'calm'}_{side}_{origin}",
        values=values,
        n=int(found["n"]),
        estimate=found["v"],
        low=found["low"],
        high=found["high"],
        unit="cramers_v_interval",
        p=found["p"],
        q=q,
        threshold=TIE,
        smallest_effect=smallest,
        alarm=alarm,
        examples=(clause, where(origin, top.place)),
    )


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """How tightly labels and groups are tied to the source (and labels to the language).

    Per pair: bias-corrected Cramer's V with a 95 % interval, and p by the chi-square statistic against all tables with
    the same margins; with copies chi-square counts the effective n. Labels that overlap make up no table together, so
    each is crossed by itself, given or not given; only the widest tie is told where there is no alarm. Missing sources,
    languages and group values are categories of their own. An alarm needs q < 0.05 over all pairs and V above 0.2. Text
    length has its own audit (`lengths`).

    Args:
        frame: `label` or `labels`, `source`, `language` and a column `group_<name>` per attribute.
        context: groups, families.

    Returns:
        One finding per pair, alarms by size first; table COLUMNS, one row per value and place.

    Paper: bergsma-2013, haldane-1940, cohen-1988.
    Limits: a source may rightly have its own subjects; what matters is whether the model will meet that source.
    """
    groups, left_out = compared_groups(frame, context)
    labels = labels_of(frame)
    factors = {"label": labels} | {name: exclusive(*with_missing(*found)) for name, found in groups.items()}
    tables, pairs, notes = [], [], list(left_out)
    worth = effective_n(context.families, len(frame)) / max(len(frame), 1)
    for origin in ORIGINS:
        places, place_names = coded(texts_of(frame, origin))
        if not place_names:
            continue
        if looks_like_author(places):
            notes.append(f"audit_counts.note.many_{origin}s")
            continue
        places, place_names = with_missing(places, place_names)
        for factor, own in factors.items():
            if origin == "language" and factor != "label":
                continue
            for one, counts, named, placed in _crossings(own, places, place_names):
                base, known = guesses(counts)
                facts = {"factor": factor, "origin": origin, "base": base, "known": known, "one": one}
                pairs.append(independence(counts, worth) | facts)
                cells = _cells(factor, origin, counts, named, placed)
                tables.append(cells if one is None else cells[cells.value == one].reset_index(drop=True))
    if not pairs:
        return nothing(NAME, notes[0] if notes else "audit_counts.note.no_origin", COLUMNS)
    notes += labels.notes if any(pair["one"] is not None for pair in pairs) else ()
    return _result(pairs, tables, context, tuple(notes), labels)


def _crossings(own: Labels, places: Array, place_names: list[str]) -> list[tuple]:
    """Tables of values by places, without empty rows and columns.

    One of all values where they exclude one another; else one per label, of the examples with it and of those without.
    Each comes with the label it is about (None for all), the values and the places.
    """
    counts, totals = own.by(places, len(place_names))
    keep = totals > 0
    placed = [name for name, kept in zip(place_names, keep, strict=True) if kept]
    if len(placed) < 2:
        return []
    counts, totals = counts[:, keep], totals[keep]
    there = counts.sum(1) > 0
    if own.is_exclusive:
        named = [name for name, kept in zip(own.names, there, strict=True) if kept]
        return [(None, counts[there], named, placed)] if len(named) >= 2 else []
    tells = there & (counts.sum(1) < totals.sum())
    return [(own.names[y], np.stack([counts[y], totals - counts[y]]), [own.names[y], None], placed)
            for y in np.flatnonzero(tells)]  # fmt: skip


def _told(findings: list[Finding], pairs: list[dict]) -> list[Finding]:
    """Of labels that overlap those that alarm, and where none of them does the one whose tie is widest."""
    kept = [finding for finding, pair in zip(findings, pairs, strict=True) if finding.alarm or pair["one"] is None]
    for origin in ORIGINS:
        ones = [finding for finding, pair in zip(findings, pairs, strict=True)
                if pair["one"] is not None and pair["origin"] == origin]  # fmt: skip
        if ones and not any(finding.alarm for finding in ones):
            kept.append(max(ones, key=lambda finding: finding.estimate))
    return kept


def _result(
    pairs: list[dict], tables: list[pd.DataFrame], context: Context, notes: tuple[str, ...], labels: Labels
) -> AuditResult:
    q = context.corrected(np.array([pair["p"] for pair in pairs]))
    level = context.level_of_one_among(len(pairs))
    visible = np.array([visible_noncentrality(max(pair["df"], 1), level) for pair in pairs])
    smallest = [min(float(np.sqrt(nc / pair["span"])), 1.0) for nc, pair in zip(visible, pairs, strict=True)]
    findings = [_finding(*row, labels) for row in zip(pairs, tables, q.tolist(), smallest, strict=True)]
    table = pd.concat([t.assign(alarm=f.alarm) for t, f in zip(tables, findings, strict=True)], ignore_index=True)
    needed = visible * np.array([pair["n"] / pair["span"] for pair in pairs]) / GAP**2
    power = power_finding(NAME, "tie", needed, int(max(pair["n"] for pair in pairs)))
    findings = _told(findings, pairs)
    findings.sort(key=lambda finding: (not finding.alarm, -finding.estimate if finding.alarm else 0))
    at = sum(finding.alarm for finding in findings)
    findings[at:at] = [power] if power else []
    return AuditResult(audit=NAME, findings=tuple(findings), table=table[list(COLUMNS)], notes=notes)


CONFOUNDS = Audit(name=NAME, title="audit.title.confounds", needs=(), paper="bergsma-2013", compute=_compute)
