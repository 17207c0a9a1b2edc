"""The report on a corpus: the findings of its checks with pictures and suggested acts, as one HTML file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from pyarrow import compute

from studio.audits.context import MISSING
from studio.diversity import by_name
from studio.figures import theme
from studio.records import Actor, AuditResult, Snapshot
from studio.reports.corpus import MOST_ROWS, CorpusReport, Picture, Shares, to_html
from studio.store import examples, maps, scores, snapshots
from studio.words import t
from studio.workflows import audits, diversity
from studio.workflows.acts import act
from studio.workflows.audits import AuditReport
from studio.workflows.studio import Studio

LENGTH_BINS = 40
LONGEST_SHOWN = 0.99  # the histogram ends at this quantile of the lengths; what is longer is in its last bin
MOST_NAMES = 8  # cluster names written into the picture
MOST_ATTRIBUTES = 6
VARIETY = ("vendi", "distance", "topics", "distinct_2", "mtld", "compression", "near_copies", "verbs", "turns")


@act("report.read", "viewer", log=False)
def compose(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    label_mode: str = "all",
    lang: str | None = None,
    is_whole: bool = True,
) -> CorpusReport | None:
    """Everything the report says of a snapshot, from the findings that are kept; None while no check has run.

    Args:
        studio: the open workspace.
        actor: who reads.
        snapshot_id: of which snapshot.
        label_mode: as in `audits.run_audits`.
        lang: language of names that are stored as words keys, the page's own when None.
        is_whole: with lengths, map and diversity, which a page that only lists findings need not read a corpus for.

    Raises:
        CorpusError: an unknown snapshot.
        MeasureError: an unknown label mode.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    found = audits.report(studio, snapshot_id=snapshot_id, label_mode=label_mode)
    if found is None:
        return None
    everything = [finding for result in found.results.values() for finding in result.findings]
    return CorpusReport(
        name=snapshot.name,
        snapshot_id=snapshot_id,
        language=snapshot.language,
        n=found.n,
        n_labelled=found.n_labelled,
        label_mode=label_mode,
        made_at=f"{datetime.now(UTC):%Y-%m-%d}",
        made_by=actor.name,
        computed_at=f"{found.computed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        is_stale=bool(found.older),
        alarms=[finding for finding in everything if finding.alarm],
        calm=[finding for finding in everything if not finding.alarm],
        titles={name: f"audit.title.{name}" for name in found.results},
        notes={name: result.notes for name, result in found.results.items() if result.notes},
        groups=_groups(found.results, lang),
        labels=_labels(found.results, lang),
        lengths=_lengths(studio, snapshot_id) if is_whole else None,
        variety=_variety(studio, snapshot_id, lang) if is_whole else (),
        picture=_picture(studio, snapshot_id, lang) if is_whole else None,
        n_audits=_computed(found),
    )


@act("report.write", "viewer")
def write(studio: Studio, actor: Actor, *, snapshot_id: str, label_mode: str = "all", lang: str = "en") -> str | None:
    """The report as one HTML document, None while the checks have not run; the audit log says who took it."""
    found = compose(studio, actor, snapshot_id=snapshot_id, label_mode=label_mode, lang=lang)
    return None if found is None else to_html(found, lang=lang)


def file_name(snapshot: Snapshot) -> str:
    """A name for the file that every system can keep: letters and digits of the corpus's name, then its version."""
    name = re.sub(r"[^\w]+", "-", snapshot.name, flags=re.UNICODE).strip("-")[:60] or "corpus"
    return f"winnow-report-{name}-{snapshot.snapshot_id[:8]}.html"


def _computed(found: AuditReport) -> int:
    """How many checks could say something."""
    return sum(bool(result.findings) for result in found.results.values())


def _row(label: str, row: Any, expected: float | None) -> Mapping[str, object]:
    return {
        "label": label,
        "share": float(row.share),
        "low": float(row.low),
        "high": float(row.high),
        "text": f"{row.share:.1%} · {int(row.n):,}",
        "expected": expected,
        "faint": bool(row.is_small),
    }


def _groups(results: Mapping[str, AuditResult], lang: str | None) -> list[Shares]:
    result = results.get("representation")
    if result is None or not len(result.table) or "attribute" not in result.table:
        return []
    shares = []
    for attribute, rows in list(result.table.groupby("attribute", sort=False))[:MOST_ATTRIBUTES]:
        largest = rows.sort_values("n", ascending=False, kind="stable")
        listed = [
            _row(_name(row.value, lang), row, None if row.is_default or pd.isna(row.expected) else float(row.expected))
            for row in largest.head(MOST_ROWS).itertuples()
        ]
        shares.append(Shares(str(attribute), listed, max(0, len(rows) - MOST_ROWS)))
    return shares


def _name(value: object, lang: str | None) -> str:
    return t("audit_counts.no_value", lang=lang) if value == MISSING else str(value)


def _labels(results: Mapping[str, AuditResult], lang: str | None) -> Shares | None:
    result = results.get("balance")
    if result is None or not len(result.table) or "label" not in result.table:
        return None
    table = result.table
    rows = [_row(str(row.label), row, None) for row in table.head(MOST_ROWS).itertuples()]
    return Shares(t("report.labels", lang=lang), rows, max(0, len(table) - MOST_ROWS))


def _lengths(studio: Studio, snapshot_id: str) -> tuple[list[int], list[float]] | None:
    texts = examples.table(studio.store, snapshot_id, ("text",))["text"]  # Arrow: no Python object per text
    lengths = compute.fill_null(compute.utf8_length(texts), 0).to_numpy().astype(np.float64)
    if not len(lengths):
        return None
    top = max(float(np.quantile(lengths, LONGEST_SHOWN)), 1.0)
    counts, edges = np.histogram(np.minimum(lengths, top), bins=LENGTH_BINS, range=(0.0, top))
    return counts.tolist(), edges.tolist()


def _variety(studio: Studio, snapshot_id: str, lang: str | None) -> list[tuple[str, str, str]]:
    """The diversity numbers that most readers want, where somebody has measured them."""
    table = diversity.kept(studio, snapshot_id=snapshot_id)
    if table is None:
        return []
    rows = {str(row.name_): row for row in table.rename(columns={"name": "name_"}).itertuples()}
    found = []
    for name in VARIETY:
        if name not in rows or pd.isna(rows[name].value):
            continue
        one = by_name(name)
        about = (t(f"diversity.unit.{one.unit}", lang=lang), t(f"diversity.direction.{one.direction}", lang=lang))
        found.append(
            (t(f"diversity.name.{name}", lang=lang), diversity.number(name, rows[name].value), " · ".join(about))
        )
    return found


def _picture(studio: Studio, snapshot_id: str, lang: str | None) -> Picture | None:
    chart = maps.newest(studio.store, snapshot_id)
    if chart is None or chart.is_preview:  # a file that is kept shows no picture that is about to go
        return None
    points = maps.points(studio.store, chart.map_id)
    names = scores.cluster_names(studio.store, chart.map_id)
    sizes = points.loc[points["cluster"] >= 0, "cluster"].value_counts()
    place = {int(cluster): position for position, cluster in enumerate(sizes.index)}
    colours = [_colour(place.get(int(cluster))) for cluster in points["cluster"]]
    centres = points.groupby("cluster")[["x", "y"]].median()
    written = [
        (float(centres.at[cluster, "x"]), float(centres.at[cluster, "y"]), str(names.get(int(cluster), cluster)))
        for cluster in sizes.index[:MOST_NAMES]
    ]
    xy = points[["x", "y"]].to_numpy(np.float64)
    return Picture(xy[:, 0], xy[:, 1], colours, written, len(points), _number(chart.trustworthiness))


def _colour(place: int | None) -> str:
    style = None if place is None else theme.category_style(place)
    return theme.OTHERS if style is None else style[0]


def _number(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
