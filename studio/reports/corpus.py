"""The report on a corpus: what is wrong with it, on one page; records in, one HTML file out that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from studio.records import Array, Finding
from studio.reports import findings as said
from studio.reports import svg
from studio.reports.advice import Advice, told_once
from studio.reports.escape import escape
from studio.words import t

MOST_FINDINGS = 40  # ours: a longer list is read by nobody; the rest is counted and stays in Winnow
MOST_ROWS = 24  # of a chart of labels or group values
CALM_EACH = 3  # sentences of one check on what did not stand out
_PERCENT = frozenset({"share", "probability", "eta_squared", "difference", "change"})


@dataclass(frozen=True)
class Shares:
    """One bar chart: rows of label, share, low, high, n, expected (None without one) and faint (too few to rely on)."""

    name: str
    rows: Sequence[Mapping[str, object]]
    left_out: int = 0


@dataclass(frozen=True)
class Picture:
    """The map: coordinates (n,) with a colour each, and names at places."""

    x: Array
    y: Array
    colours: Sequence[str]
    names: Sequence[tuple[float, float, str]]
    n: int
    trustworthiness: float | None


@dataclass(frozen=True)
class CorpusReport:
    """Everything the report says; texts of the corpus are names, labels and group values only, never examples.

    `titles` audit -> words key; `calm` the findings without an alarm that belong below; `notes` audit -> words keys;
    `variety` rows of (title, value as text, what it means); `lengths` (counts per bin, edges in characters).
    `is_stale`: labels, references or the map have changed since the checks ran.
    """

    name: str
    snapshot_id: str
    language: str
    n: int
    n_labelled: int
    label_mode: str
    made_at: str
    made_by: str
    computed_at: str
    alarms: Sequence[Finding]
    calm: Sequence[Finding]
    titles: Mapping[str, str]
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    groups: Sequence[Shares] = ()
    labels: Shares | None = None
    lengths: tuple[Sequence[int], Sequence[float]] | None = None
    variety: Sequence[tuple[str, str, str]] = ()
    picture: Picture | None = None
    n_audits: int = 0
    seed: int = 0
    is_stale: bool = False


@cache
def _style() -> str:
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def verdict(report: CorpusReport, *, lang: str | None = None) -> str:
    """The first sentence: how many things stand out of how many checks."""
    n = len(report.alarms)
    key = "none" if n == 0 else "one" if n == 1 else "some"
    return t(f"report.verdict.{key}", lang=lang, n=n, checks=report.n_audits, examples=report.n)


def to_html(report: CorpusReport, *, lang: str) -> str:
    """One HTML document in `lang`: styles and charts inside, no script, nothing to fetch; prints on A4."""
    say = partial(t, lang=lang)
    title = say("report.title", name=report.name)
    parts = [
        f"<h1>{escape(title)}</h1>",
        _facts(report, lang),
        f'<p class="lead">{escape(verdict(report, lang=lang))}</p>',
        f'<p class="quiet">{escape(say("report.caveat"))}</p>',
        *_findings(report, lang),
        *_people(report, lang),
        *_shape(report, lang),
        *_picture(report, lang),
        *_calm(report, lang),
        *_method(report, lang),
    ]
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="{escape(lang)}"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title><style>{_style()}</style></head><body><main>",
            *parts,
            "</main></body></html>",
            "",
        )
    )


def _facts(report: CorpusReport, lang: str) -> str:
    line = t(
        "report.facts", lang=lang, n=report.n, labelled=report.n_labelled, snapshot=report.snapshot_id,
        made=report.made_at, by=report.made_by,
    )  # fmt: skip
    older = f" {t('report.older', lang=lang, time=report.computed_at)}" if report.is_stale else ""
    return f'<p class="facts">{escape(line + older)}</p>'


def _findings(report: CorpusReport, lang: str) -> list[str]:
    if not report.alarms:
        return []
    shown = said.by_urgency(report.alarms)[:MOST_FINDINGS]
    lines = [f"<h2>{escape(t('report.findings', lang=lang))}</h2>",
             f'<p class="quiet">{escape(t("report.order", lang=lang))}</p>', '<ol class="findings">']  # fmt: skip
    acts = told_once(shown, lang=lang)
    lines += [_finding(finding, _do(*act, lang), report, lang) for finding, act in zip(shown, acts, strict=True)]
    lines.append("</ol>")
    rest = len(report.alarms) - len(shown)
    if rest > 0:
        lines.append(f'<p class="quiet">{escape(t("report.rest", lang=lang, n=rest))}</p>')
    return lines


def _do(act: Advice, before: int | None, lang: str) -> str:
    """What to do about a finding; the same advice is said once and pointed to after that."""
    page = t(f"frame.nav.{act.page}", lang=lang)
    if before is not None:
        return t("report.do_as", lang=lang, page=page, number=before)
    return t("report.do", lang=lang, page=page, act=t(act.key, lang=lang, **act.values))


def _finding(finding: Finding, what: str, report: CorpusReport, lang: str) -> str:
    sentence = said.sentence(finding, lang=lang)
    line = " · ".join([t(report.titles[finding.audit], lang=lang), *said.numbers(finding, lang=lang)])
    picture = svg.interval(
        finding.estimate, finding.low, finding.high, null=said.NO_EFFECT.get(finding.unit, 0.0),
        threshold=finding.threshold, is_ratio=finding.unit in said.RATIOS, title=line,
        text=_percent if finding.unit in _PERCENT else "{:.3g}".format,
    )  # fmt: skip
    return (
        f'<li><div><p>{escape(sentence)}</p><p class="quiet">{escape(line)}</p><p class="act">{escape(what)}</p></div>'
        f'<figure class="picture">{picture}</figure></li>'
    )


def _percent(value: float) -> str:
    return f"{100 * value:.3g}%"


def _people(report: CorpusReport, lang: str) -> list[str]:
    if not report.groups:
        return []
    lines = [f"<h2>{escape(t('report.people', lang=lang))}</h2>"]
    if any(row.get("expected") is not None for shares in report.groups for row in shares.rows):
        lines.append(f'<p class="quiet">{escape(t("report.expected", lang=lang))}</p>')
    for shares in report.groups:
        lines += [f"<h3>{escape(shares.name)}</h3>", _bars(shares, lang)]
    return lines


def _bars(shares: Shares, lang: str) -> str:
    chart = svg.bars([dict(row) for row in shares.rows[:MOST_ROWS]], title=shares.name)
    said_below = []
    if any(row.get("faint") for row in shares.rows):
        said_below.append(t("report.faint", lang=lang))
    cut = max(0, len(shares.rows) - MOST_ROWS) + shares.left_out
    if cut:
        said_below.append(t("report.cut", lang=lang, n=cut))
    below = f"<figcaption>{escape(' '.join(said_below))}</figcaption>" if said_below else ""
    return f"<figure>{chart}{below}</figure>"


def _shape(report: CorpusReport, lang: str) -> list[str]:
    lines = [f"<h2>{escape(t('report.shape', lang=lang))}</h2>"]
    if report.labels is not None:
        lines += [f"<h3>{escape(t('report.labels', lang=lang))}</h3>", _bars(report.labels, lang)]
    if report.lengths is not None:
        counts, edges = report.lengths
        title = t("report.lengths", lang=lang)
        chart = svg.columns(counts, edges, title=title, unit=t("report.characters", lang=lang))
        lines += [f"<h3>{escape(title)}</h3>", f"<figure>{chart}</figure>"]
    if report.variety:
        head = "".join(f"<th{c}>{escape(t(f'report.{k}', lang=lang))}</th>"
                       for k, c in (("measure", ""), ("value", ' class="n"'), ("meaning", "")))  # fmt: skip
        rows = "".join(
            f'<tr><td>{escape(name)}</td><td class="n">{escape(value)}</td><td class="quiet">{escape(about)}</td></tr>'
            for name, value, about in report.variety
        )
        title = escape(t("report.variety", lang=lang))
        lines += [f"<h3>{title}</h3><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"]
    return lines if len(lines) > 1 else []


def _picture(report: CorpusReport, lang: str) -> list[str]:
    shown = report.picture
    if shown is None:
        return []
    title = t("report.map", lang=lang)
    chart = svg.dots(shown.x, shown.y, shown.colours, title=title, names=shown.names)
    below = t("report.map_about", lang=lang, n=shown.n)
    if shown.trustworthiness is not None:
        below += " " + t("report.map_trust", lang=lang, trust=shown.trustworthiness)
    return [f"<h2>{escape(title)}</h2><figure>{chart}<figcaption>{escape(below)}</figcaption></figure>"]


def _calm(report: CorpusReport, lang: str) -> list[str]:
    rows = []
    for audit, title in report.titles.items():
        of_audit = [finding for finding in report.calm if finding.audit == audit]
        texts = [said.sentence(finding, lang=lang) for finding in of_audit[:CALM_EACH]]
        if len(of_audit) > CALM_EACH:
            texts.append(t("report.calm_more", lang=lang, n=len(of_audit) - CALM_EACH))
        texts += [t(note, lang=lang) for note in report.notes.get(audit, ())]
        if texts:
            body = "".join(f"<p>{escape(text)}</p>" for text in texts)
            rows.append(f"<tr><td>{escape(t(title, lang=lang))}</td><td>{body}</td></tr>")
    if not rows:
        return []
    return [f"<h2>{escape(t('report.calm', lang=lang))}</h2>",
            f'<p class="quiet">{escape(t("report.calm_about", lang=lang))}</p>',
            f"<table><tbody>{''.join(rows)}</tbody></table>"]  # fmt: skip


def _method(report: CorpusReport, lang: str) -> list[str]:
    lines = [
        t(f"report.method.{name}", lang=lang)
        for name in ("interval", "power", "worth", "corrected", "order", "examples")
    ]
    lines.append(t(f"report.method.labels_{report.label_mode}", lang=lang))
    lines.append(t("report.method.when", lang=lang, time=report.computed_at, seed=report.seed))
    return [f"<h2>{escape(t('report.how', lang=lang))}</h2>",
            "".join(f'<p class="quiet">{escape(line)}</p>' for line in lines)]  # fmt: skip
