"""Which labels go with which groups: odds ratios of every label and group value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse, stats

from studio.audits.context import (
    MISSING,
    Context,
    clusterings,
    compared_groups,
    group_column,
    nothing,
    where,
)
from studio.audits.intervals import examples_for_gap, smallest_odds_ratio, worth_of_widening
from studio.audits.label_sets import Labels, labels_of
from studio.audits.power import power_finding
from studio.records import Array, Audit, AuditResult, Finding
from studio.statistics import ALPHA, SMALL_GROUP, Z95

NAME = "association"
BAND = 1.25  # ours: odds within 0.8 to 1.25 times the others' are not worth an alarm however sure they are
MIN_MISSING = 10  # ours: fewer labelled examples without a value than this are no category to test
MIN_EXPECTED = 5.0  # below this expected count the exact test replaces chi-square (Cochran's rule)
COLUMNS = (
    "attribute",
    "value",
    "label",
    "n",
    "group_n",
    "label_n",
    "total",
    "share",
    "rest_share",
    "odds_ratio",
    "low",
    "high",
    "family_low",
    "family_high",
    "cluster",
    "p",
    "q",
    "smallest",
    "is_exact",
    "is_small",
    "alarm",
)


def odds_ratio(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Array, Array, Array]:
    """Odds ratio of 2 x 2 tables with its 95 % Woolf interval.

    OR = a d / (b c); interval = exp(ln OR ± 1.959964 sqrt(1/a + 1/b + 1/c + 1/d)). Where a cell is 0, 0.5 is added to
    all four (Haldane-Anscombe).

    Args:
        a: count with the label, in the group; any shape.
        b: other label, in the group.
        c: with the label, outside the group.
        d: other label, outside the group.

    Returns:
        odds ratio, low, high, and the standard error of ln OR.

    Paper: woolf-1955. Paper: haldane-1956; as published.

    Example:
        >>> ratio, low, high, error = odds_ratio(10, 20, 30, 40)
        >>> [round(float(x), 6) for x in (ratio, low, high, error)]
        [0.666667, 0.272515, 1.6309, 0.456435]
    """
    cells = [np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(a, b, c, d)]
    has_zero = np.zeros(cells[0].shape, dtype=bool)
    for cell in cells:
        has_zero |= cell == 0
    a, b, c, d = (cell + 0.5 * has_zero for cell in cells)
    log_ratio = np.log(a) + np.log(d) - np.log(b) - np.log(c)
    error = np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return np.exp(log_ratio), np.exp(log_ratio - Z95 * error), np.exp(log_ratio + Z95 * error), error


def cramers_v(counts: Array) -> tuple[float, float, float]:
    """Plain and bias-corrected Cramer's V of a table of counts, and the chi-square p-value.

    V = sqrt(chi2 / (n min(r-1, c-1))); corrected: phi2 = max(0, chi2/n - (r-1)(c-1)/(n-1)), r' = r - (r-1)²/(n-1),
    c' likewise, V = sqrt(phi2 / min(r'-1, c'-1)). Rows and columns without a count are left out.

    Returns:
        (V, corrected V, p); zeros and p = 1 for a table of fewer than two rows or columns.

    Paper: bergsma-2013; as published.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    n, (r, c) = table.sum(), table.shape
    if r < 2 or c < 2 or n < 2:
        return 0.0, 0.0, 1.0
    result = stats.chi2_contingency(table, correction=False)
    plain = float(np.sqrt(result.statistic / (n * min(r - 1, c - 1))))
    phi2 = max(0.0, result.statistic / n - (r - 1) * (c - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    span = min(rows - 1, columns - 1)
    return plain, float(np.sqrt(phi2 / span)) if span > 0 else 0.0, float(result.pvalue)


def clustered_variance(
    cells: tuple[Array, ...], labels: Labels, groups: Array, clusters: Array, shape: tuple[int, int]
) -> Array:
    """Variance of ln OR of every label (rows) and group value (columns) when clusters stand or fall together.

    The influence of one example on ln OR is +1/a, -1/b, -1/c or +1/d by its cell; with clusters f the variance is
    sum_f (sum_{i in f} z_i)², which for clusters of one is Woolf's 1/a + 1/b + 1/c + 1/d. Inside a cluster of m
    examples, m_g of the group, m_y with the label and m_gy with both, the sum is
    m_gy (1/a + 1/b + 1/c + 1/d) - m_g (1/b + 1/d) - m_y (1/c + 1/d) + m / d.

    Args:
        cells: a, b, c, d, each of shape (labels, groups), none 0.
        labels: of n examples, all labelled.
        groups: (n,) group codes, none missing.
        clusters: (n,) cluster codes.
        shape: how many labels and group values.

    Paper: liang-zeger-1986 (the sandwich of independent clusters), without a correction for few clusters.
    """
    n_clusters = int(clusters.max()) + 1

    def counted(rows: Array, columns: Array, n_columns: int) -> sparse.csr_matrix:
        return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n_clusters, n_columns))

    n_labels, n_groups = shape
    theirs = clusters[labels.rows]
    m_gy = counted(theirs, labels.codes * n_groups + groups[labels.rows], n_labels * n_groups)
    m_g, m_y = counted(clusters, groups, n_groups), counted(theirs, labels.codes, n_labels)
    m = np.bincount(clusters, minlength=n_clusters)

    def square(x: sparse.csr_matrix) -> Array:
        return np.asarray(x.multiply(x).sum(0)).ravel()

    def both(x: sparse.csr_matrix, column: Array) -> Array:
        return np.asarray(m_gy.multiply(x[:, column]).sum(0)).reshape(shape)

    y, g = np.indices(shape)
    a, b, c, d = cells
    k, kg, ky, k1 = 1 / a + 1 / b + 1 / c + 1 / d, -(1 / b + 1 / d), -(1 / c + 1 / d), 1 / d
    total = k**2 * square(m_gy).reshape(shape) + kg**2 * square(m_g)[None, :] + ky**2 * square(m_y)[:, None]
    total += k1**2 * float((m.astype(np.float64) ** 2).sum())
    total += 2 * k * kg * both(m_g, g.ravel()) + 2 * k * ky * both(m_y, y.ravel())
    total += 2 * kg * ky * np.asarray((m_y.T @ m_g).todense()) + 2 * k * k1 * (m_gy.T @ m).reshape(shape)
    return total + 2 * kg * k1 * (m_g.T @ m)[None, :] + 2 * ky * k1 * (m_y.T @ m)[:, None]


def _chi_square(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Pearson's chi-square of 2 x 2 tables, 0 where a margin is empty."""
    product = (a + b) * (c + d) * (a + c) * (b + d)
    return (a + b + c + d) * (a * d - b * c) ** 2 / np.where(product > 0, product, 1.0) * (product > 0)


def two_by_two_p(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Array]:
    """Pearson chi-square p-values, Fisher's exact test where an expected count is below 5; and which are exact."""
    a, b, c, d = (np.asarray(x, dtype=np.float64) for x in (a, b, c, d))
    smallest = np.minimum(a + b, c + d) * np.minimum(a + c, b + d) / np.maximum(a + b + c + d, 1)
    p = stats.chi2.sf(_chi_square(a, b, c, d), 1)
    exact = (smallest < MIN_EXPECTED) & ((a + b) * (c + d) * (a + c) * (b + d) > 0)
    for i in np.flatnonzero(exact):
        p[i] = stats.fisher_exact([[a[i], b[i]], [c[i], d[i]]]).pvalue
    return p, exact


def _attribute_rows(
    labels: Labels, attribute: str, groups: Array, values: list[str], clusters: Mapping[str, Array]
) -> pd.DataFrame:
    counts, in_group = (found.astype(np.float64) for found in labels.by(groups, len(values)))
    total, names = in_group.sum(), labels.names
    label_n, group_n = counts.sum(1, keepdims=True), in_group[None, :]
    a, b, c = counts, group_n - counts, label_n - counts
    d = total - a - b - c
    ratio, low, high, error = odds_ratio(a, b, c, d)
    shift = 0.5 * ((a == 0) | (b == 0) | (c == 0) | (d == 0))
    both = labels.known & (groups >= 0)
    inside = labels.of(both)
    wide, widest = np.zeros(counts.shape), np.full(counts.shape, "", dtype=object)
    for name, codes in clusters.items():
        own = np.unique(codes[both], return_inverse=True)[1]
        cells = (a + shift, b + shift, c + shift, d + shift)
        variance = clustered_variance(cells, inside, groups[both], own, counts.shape)
        # never below Woolf's: examples that differ inside a cluster would otherwise make the corpus seem surer
        found = np.maximum(np.sqrt(np.maximum(variance, 0.0)), error)
        wider = found > wide
        wide, widest = np.where(wider, found, wide), np.where(wider, name, widest)
    known = np.where(wide > 0, wide, np.nan)
    family_low, family_high = np.exp(np.log(ratio) - Z95 * known), np.exp(np.log(ratio) + Z95 * known)
    p, exact = two_by_two_p(*(cell.ravel() for cell in (a, b, c, d)))
    if clusters:
        chi2 = _chi_square(a, b, c, d) * (error / wide) ** 2
        p = np.maximum(p, stats.chi2.sf(chi2, 1).ravel())
    y, g = np.indices(counts.shape)
    rest = np.maximum(total - group_n, 1)
    rows = pd.DataFrame(
        {
            "attribute": attribute,
            "value": np.array(values, dtype=object)[g.ravel()],
            "label": np.array(names, dtype=object)[y.ravel()],
            "n": a.ravel().astype(int),
            "group_n": np.broadcast_to(group_n, counts.shape).ravel().astype(int),
            "label_n": np.broadcast_to(label_n, counts.shape).ravel().astype(int),
            "total": int(total),
            "share": (a / np.maximum(group_n, 1)).ravel(),
            "rest_share": (c / rest).ravel(),
            "odds_ratio": ratio.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "family_low": family_low.ravel(),
            "family_high": family_high.ravel(),
            "cluster": widest.ravel(),
            "p": p,
            "is_exact": exact,
        }
    )
    if len(values) == 2:  # the two values of one attribute say the same thing twice: keep the one above 1
        first = rows.odds_ratio.to_numpy().reshape(len(names), 2)
        keep = np.zeros(first.shape, dtype=bool)
        keep[np.arange(len(names)), (first[:, 1] > first[:, 0]).astype(int)] = True
        rows = rows[keep.ravel()]
    return rows


def _missing_rows(labels: Labels, attribute: str, groups: Array, clusters: dict) -> pd.DataFrame:
    """Examples without a value against all that have one: whether labels go with what is not known."""
    rows = _attribute_rows(labels, attribute, (groups < 0).astype(np.int64), ["any", MISSING], clusters)
    side = rows.value == MISSING
    flipped = rows.assign(value=MISSING)  # of the two sides one was kept; tell it from the side without a value
    for one, other in (("odds_ratio", "odds_ratio"), ("low", "high"), ("high", "low"),
                       ("family_low", "family_high"), ("family_high", "family_low")):  # fmt: skip
        flipped[one] = 1 / rows[other]
    flipped["n"], flipped["group_n"] = rows.label_n - rows.n, rows.total - rows.group_n
    flipped["share"], flipped["rest_share"] = rows.rest_share, rows.share
    return rows.where(side, flipped)


def widest_interval(row: object) -> tuple[float, float]:
    """The interval p and q go with: that of the clusters where there are any, else Woolf's."""
    low, high = (row.low, row.high) if np.isnan(row.family_low) else (row.family_low, row.family_high)
    return float(low), float(high)


def _row_finding(row: object, labels: Labels) -> Finding:
    kind = "more" if row.odds_ratio > 1 else "less"
    if row.value == MISSING:
        key = f"audit_counts.missing.{kind}"
    elif row.n in (0, row.group_n):  # an odds ratio of a table with an empty cell is no number to say in a sentence
        key = f"audit_counts.association.{'never' if row.n == 0 else 'always'}"
    else:
        key = f"audit.association.{kind}"
    low, high = widest_interval(row)
    values = {
        "attribute": row.attribute,
        "value": row.value,
        "label": row.label,
        "ratio": float(row.odds_ratio),
        "low": low,
        "high": high,
        "n": int(row.n),
        "group_n": int(row.group_n),
        "share": float(row.share),
        "rest_share": float(row.rest_share),
        "total": int(row.total),
    }
    clauses = (where(group_column(row.attribute), row.value), labels.where(row.label))
    return Finding(
        audit=NAME,
        key=key,
        values=values,
        n=int(row.total),
        estimate=float(row.odds_ratio),
        low=low,
        high=high,
        unit="odds_ratio",
        p=float(row.p),
        q=float(row.q),
        threshold=BAND,
        smallest_effect=_finite(row.smallest),
        alarm=True,
        examples=clauses,
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _summary_finding(attribute: str, rows: pd.DataFrame, counts: Array | None) -> Finding:
    """One line per attribute; counts None where labels overlap: they make up no table, so there is no V of it."""
    alarms, total = int(rows.alarm.sum()), int(rows.total.iloc[0])
    smallest = _finite(float(np.median(rows.smallest)))
    kind = "some" if alarms else ("none" if smallest is not None else "none_blind")
    values = {"attribute": attribute, "tests": len(rows), "alarms": alarms, "n": total, "smallest": smallest or 0.0}
    if counts is None:
        kind = f"audit_counts.association.{kind}_several" if kind == "some" else f"audit.association.{kind}"
        return Finding(audit=NAME, key=kind, values=values, n=total, estimate=float(alarms), unit="words",
                       threshold=BAND, smallest_effect=smallest)  # fmt: skip
    _, corrected, p = cramers_v(counts)
    return Finding(audit=NAME, key=f"audit.association.{kind}", values=values | {"v": corrected}, n=total,
                   estimate=corrected, unit="cramers_v", p=p, threshold=BAND, smallest_effect=smallest)  # fmt: skip


def _tables(labels: Labels, kept: dict, clusters: dict) -> tuple[list[pd.DataFrame], dict[str, Array | None]]:
    """The rows of every attribute that can be compared, and its crosstab: None where labels overlap."""
    tables, crosstabs = [], {}
    for attribute, (groups, values) in kept.items():
        counts, in_group = labels.by(groups, len(values))
        carried = counts.sum(1)
        if (in_group > 0).sum() >= 2 and ((carried > 0) & (carried < in_group.sum())).any():
            tables.append(_attribute_rows(labels, attribute, groups, values, clusters))
            crosstabs[attribute] = counts if labels.is_exclusive else None
            if ((groups < 0) & labels.known).sum() >= MIN_MISSING:
                tables.append(_missing_rows(labels, attribute, groups, clusters))
    return tables, crosstabs


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Odds of each label inside each group value against all the others, whether labels exclude one another or not.

    Per label y and value g: OR = a d / (b c) with a = n(y, g), b = n(not y, g), c = n(y, not g), d = n(not y, not g)
    and the Woolf interval; p by chi-square, or Fisher's exact test where an expected count is below 5. Every test of
    every attribute is corrected together. An alarm needs q < 0.05 and an odds ratio outside 0.8 to 1.25. Of an
    attribute with two values only the value with the higher odds is kept, of two labels that exclude one another the
    rarer. Examples without a
    value are compared, as a category of their own, with those that have one. Where clusters are known p is at least
    that of the chi-square divided by what they widen the variance, so copies or busy authors alone raise no alarm.

    Args:
        frame: column `label` or `labels` and a column `group_<name>` per attribute; unlabelled rows are left out.
        context: groups; clusters (`clusterings`) widen the interval (family_low, family_high: the widest of them, named
            in `cluster`); a finding carries the widened one.

    Returns:
        Findings: alarms by size, then one summary per attribute, with the bias-corrected Cramer's V where every
        example carries one label (of labels that overlap there is no such table); table COLUMNS.
        `smallest` is the smallest odds ratio that 80 % of corpora with these counts would show at 0.05 / tests; widened
        intervals count as fewer examples.

    Paper: woolf-1955, bergsma-2013, benjamini-hochberg-1995.
    Limits: an association in the data; a third fact (the channel, the month) may explain it.
    """
    if not context.groups:
        return nothing(NAME, "audit.note.no_groups", COLUMNS)
    labels = labels_of(frame)
    if labels.is_constant:
        return nothing(NAME, "audit.note.needs_two_labels", COLUMNS)
    kept, left_out = compared_groups(frame, context)
    tables, crosstabs = _tables(labels, kept, clusterings(frame, context))
    if not tables:
        return nothing(NAME, left_out[0] if left_out else "audit.note.no_group_values", COLUMNS)
    table = pd.concat(tables, ignore_index=True)
    if labels.is_exclusive and len(labels.names) == 2:  # what is commoner of one is rarer of the other: tell the rarer
        rarer = labels.names[int(labels.counts.argmin())]
        table = table[table.label == rarer].reset_index(drop=True)
    table["q"] = context.corrected(table.p)
    level = context.level_of_one_among(len(table))
    worth = worth_of_widening(table.low, table.high, table.family_low, table.family_high)
    n_in, n_out = table.group_n.to_numpy() * worth, (table.total - table.group_n).to_numpy() * worth
    table["smallest"] = smallest_odds_ratio(n_in, n_out, table.rest_share.to_numpy(), level)
    table["is_small"] = (table.group_n < SMALL_GROUP) | (table.label_n < SMALL_GROUP)
    outside = (table.odds_ratio > BAND) | (table.odds_ratio < 1 / BAND)
    table["alarm"] = (table.q < ALPHA) & outside
    alarms = table[table.alarm].copy()
    alarms["size"] = np.abs(np.log(alarms.odds_ratio))
    alarms = alarms.sort_values("size", ascending=False, kind="stable")
    findings = [_row_finding(row, labels) for row in alarms.itertuples()]
    needed = examples_for_gap(table.rest_share.to_numpy(), (table.group_n / table.total).to_numpy(float), alpha=level)
    power = power_finding(NAME, "gap", needed, round(float(np.median(n_in + n_out))))
    findings += [power] if power else []
    findings += [_summary_finding(a, table[table.attribute == a], crosstabs[a]) for a in crosstabs]
    table = table[list(COLUMNS)].reset_index(drop=True)
    return AuditResult(NAME, tuple(findings), table, left_out + labels.notes)


ASSOCIATION = Audit(
    name=NAME, title="audit.title.association", needs=("label", "groups"), paper="woolf-1955", compute=_compute
)
