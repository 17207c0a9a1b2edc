"""Which labels go with the naming of which people: odds of every label where a group is named and where it is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from studio.audits.association import BAND, clustered_variance, odds_ratio, two_by_two_p, widest_interval
from studio.audits.context import Context, clusterings, nothing, texts_of
from studio.audits.intervals import smallest_odds_ratio, worth_of_widening
from studio.audits.label_sets import Labels, labels_of
from studio.audits.mentions import spaced
from studio.audits.reading import Reading, read
from studio.records import Array, Audit, AuditResult, Condition, Finding
from studio.statistics import ALPHA, SMALL_GROUP, Z95

NAME = "mention_labels"
MIN_TEXTS = 20  # labelled texts that must name a group before it is tested (ours; as for words in `shortcuts`)
MIN_LABEL = 10  # examples a label must have
SHOWN_IDS = 150
COLUMNS = ("axis", "value", "label", "n", "group_n", "label_n", "total", "share", "rest_share", "odds_ratio", "low",
           "high", "family_low", "family_high", "cluster", "p", "q", "smallest", "is_exact", "is_small",
           "alarm")  # fmt: skip


def _tests(place: tuple[str, str], named: Array, labels: Labels, clusters: dict[str, Array]) -> pd.DataFrame:
    """One row per label: its odds in the texts that name the group against all other labelled texts."""
    names, label_n = labels.names, labels.counts.astype(np.float64)
    a = labels.by(named.astype(np.int64), 2)[0][:, 1].astype(np.float64)
    n, group_n = float(labels.n), float(named.sum())
    b, c = group_n - a, label_n - a
    d = n - a - b - c
    ratio, low, high, error = odds_ratio(a, b, c, d)
    p, exact = two_by_two_p(a, b, c, d)
    wide, widest = np.full(len(names), np.nan), np.full(len(names), "", dtype=object)
    shift = 0.5 * ((a == 0) | (b == 0) | (c == 0) | (d == 0))
    inside = np.column_stack([x + shift for x in (c, d, a, b)]).T.reshape(2, 2, -1)
    cells = (inside[:, 0].T, inside[:, 1].T, inside[::-1, 0].T, inside[::-1, 1].T)
    for name, codes in clusters.items():
        variance = clustered_variance(cells, labels, named.astype(np.int64), codes, (len(names), 2))[:, 1]
        found = np.maximum(np.sqrt(np.maximum(variance, 0.0)), error)
        wider = ~(found <= wide)
        wide, widest = np.where(wider, found, wide), np.where(wider, name, widest)
    if clusters:
        p = np.maximum(p, stats.chi2.sf(stats.chi2.isf(p, 1) * (error / wide) ** 2, 1))
    log = np.log(ratio)
    rows = pd.DataFrame({
        "axis": place[0], "value": place[1], "label": np.array(names, dtype=object), "n": a.astype(int),
        "group_n": int(group_n), "label_n": label_n.astype(int), "total": int(n), "share": a / max(group_n, 1),
        "rest_share": c / max(n - group_n, 1), "odds_ratio": ratio, "low": low, "high": high,
        "family_low": np.exp(log - Z95 * wide), "family_high": np.exp(log + Z95 * wide), "cluster": widest,
        "p": p, "is_exact": exact,
    })  # fmt: skip
    if len(names) == 2 and labels.is_exclusive:  # two labels say the same thing twice: keep the commoner side
        rows = rows.iloc[[int(ratio[1] > ratio[0])]]
    return rows[rows.label_n >= MIN_LABEL]


def _row_finding(row: object, ids: Array, labels: Labels) -> Finding:
    kind = "more" if row.odds_ratio > 1 else "less"
    if row.n in (0, row.group_n):  # half an example stands for none: the ratio would sound like a measurement
        kind = "never" if row.n == 0 else "always"
    values = {"value": row.value, "label": row.label, "ratio": float(row.odds_ratio), "share": float(row.share),
              "rest_share": float(row.rest_share), "group_n": int(row.group_n)}  # fmt: skip
    low, high = widest_interval(row)
    # the examples are chosen by the mention alone: a link must not say which examples of the pool carry the label
    clauses = (Condition("example_id", "in", list(spaced(ids, SHOWN_IDS))), labels.where(row.label))
    return Finding(audit=NAME, key=f"audit_words.labels.{kind}", values=values, n=int(row.total),
                   estimate=float(row.odds_ratio), low=low, high=high, unit="odds_ratio",
                   p=float(row.p), q=float(row.q), threshold=BAND,
                   smallest_effect=float(row.smallest) if np.isfinite(row.smallest) else None, alarm=True,
                   examples=clauses)  # fmt: skip


def _summary(table: pd.DataFrame) -> Finding:
    alarms = int(table.alarm.sum())
    reachable = table.smallest[np.isfinite(table.smallest)]
    smallest = float(np.median(reachable)) if len(reachable) else None
    kind = "some" if alarms else "none" if smallest is not None else "none_blind"
    few = int((table.stands_out & ~table.alarm).sum())
    values = {"tests": len(table), "alarms": alarms, "groups": table[["axis", "value"]].drop_duplicates().shape[0],
              "smallest": smallest or 0.0, "few": few, "small": SMALL_GROUP}  # fmt: skip
    kind += "_few" if few else ""
    return Finding(audit=NAME, key=f"audit_words.labels.{kind}", values=values, n=int(table.total.iloc[0]),
                   estimate=float(alarms), unit="words", threshold=BAND, smallest_effect=smallest)  # fmt: skip


def tests_of(reading: Reading, labels: Labels, usable: Array, clusters: dict[str, Array]) -> list:
    """Tables of every group that enough labelled texts name; labels and clusters are those of the usable texts."""
    tables = []
    for place, ids in reading.groups().items():
        named = reading.rows_with(ids)[usable]
        if named.sum() >= MIN_TEXTS and (~named).sum() >= MIN_TEXTS:
            tables.append(_tests(place, named, labels, clusters))
    return tables


def _compute(frame: pd.DataFrame, context: Context) -> AuditResult:
    """Odds of each label in texts that name a group against all other texts.

    OR = a d / (b c), a = n(label, named), b = n(other label, named), c = n(label, not named), d = the rest; Woolf's
    interval, chi-square or Fisher's exact test; all groups and labels corrected together. An alarm needs q < 0.05, an
    odds ratio outside 0.8 to 1.25 and 50 texts that name the group: with fewer the pair is counted in the summary and
    pale in the picture. Ambiguous terms and struck hits do not count.

    Args:
        frame: `text`, `label` or `labels`, `example_id`.
        context: lexicon; families, sources and authors widen the interval and raise p.

    Returns:
        Alarms by size, then a summary; table COLUMNS, a row per group and label.

    Paper: woolf-1955, benjamini-hochberg-1995, liang-zeger-1986.
    Limits: a label about a group (sexism, say) goes with its name by nature; an association in the data.
    """
    labels = labels_of(frame)
    usable = np.flatnonzero(labels.known)
    if labels.is_constant:
        return nothing(NAME, "audit.note.needs_two_labels", COLUMNS)
    reading = read(list(texts_of(frame, "text")), context.lexicon, frame["example_id"].to_numpy())
    clusters = {name: np.unique(codes[usable], return_inverse=True)[1]
                for name, codes in clusterings(frame, context).items()}  # fmt: skip
    tables = tests_of(reading, labels.of(usable), usable, clusters)
    if not sum(map(len, tables)):
        return nothing(NAME, "audit_words.note.few_mentions", COLUMNS)
    table = pd.concat(tables, ignore_index=True)
    table["q"] = context.corrected(table.p.to_numpy())
    worth = worth_of_widening(table.low, table.high, table.family_low, table.family_high)
    inside, outside = table.group_n.to_numpy() * worth, (table.total - table.group_n).to_numpy() * worth
    level = context.level_of_one_among(len(table))
    table["smallest"] = smallest_odds_ratio(inside, outside, table.rest_share.to_numpy(), level)
    table["is_small"] = (table.group_n < SMALL_GROUP) | (table.label_n < SMALL_GROUP)
    table["stands_out"] = (table.q < ALPHA) & ((table.odds_ratio > BAND) | (table.odds_ratio < 1 / BAND))
    table["alarm"] = table.stands_out & (table.group_n >= SMALL_GROUP)
    order = np.abs(np.log(table.odds_ratio))
    table = table.assign(order=order).sort_values(["alarm", "order"], ascending=False, kind="stable")
    ids, masks = frame["example_id"].to_numpy(np.int64), reading.groups()
    findings = [_row_finding(row, ids[reading.rows_with(masks[row.axis, row.value])], labels)
                for row in table[table.alarm].itertuples()]  # fmt: skip
    found = (*findings, _summary(table))
    return AuditResult(NAME, found, table[list(COLUMNS)].reset_index(drop=True), labels.notes)


MENTION_LABELS = Audit(
    name=NAME, title="audit.title.mention_labels", needs=("label", "lexicon"), paper="woolf-1955", compute=_compute
)
