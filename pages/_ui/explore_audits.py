"""Bias and quality checks on Explore: what stands out first, then each check with its power, picture and numbers."""

from __future__ import annotations

from datetime import UTC

import streamlit as st

from pages._ui import explore_audits_detail as detail
from pages._ui import explore_audits_findings as shown
from pages._ui import explore_audits_run as state
from pages._ui import (
    explore_counterfactual,
    explore_diversity,
    explore_lexicon,
    explore_reference,
    explore_scorer,
    frame,
)
from pages._ui.words import t
from studio.access.roles import may
from studio.audits import engine
from studio.records import AuditResult, Finding, Snapshot
from studio.reports.findings import by_urgency
from studio.workflows import audits
from studio.workflows.audits import AuditReport
from studio.workflows.studio import Studio

CALM = 12  # findings without an alarm shown under their check
FIRST = 6  # findings that stand out shown before the rest is folded away, in all and of one check
# Which checks answer which question; the order in which they are offered.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "who": ("representation", "trends", "intersections", "mentions"),
    "labels": ("association", "parity", "confounds", "lengths", "balance", "scores"),
    "words": ("shortcuts", "mention_labels", "genbit", "npmi", "weat"),
    "trust": ("duplicates", "dependence", "noise"),
    "variety": ("topics",),
}


def render(studio: Studio, snapshot: Snapshot) -> None:
    """The whole section for one snapshot."""
    place = st.columns([3, 2], vertical_alignment="bottom")
    place[0].subheader(t("audit.section"), anchor=False)
    with place[1]:
        mode = frame.url_select(
            st,
            t("audit.which_labels"),
            audits.LABEL_MODES,
            "al",
            format_func=lambda name: t(f"audit.labels_{name}"),
            widget="segmented_control",
            required=True,
            label_visibility="collapsed",
        )
    st.caption(t("audit.intro"))
    report = state.report(studio, snapshot, mode)
    if report is not None:
        _basis(report)
        if not report.has_map:
            shown.examples_here(studio, snapshot)
        _headlines(report)
        _checks(studio, snapshot, report)
    explore_counterfactual.render(studio, snapshot)
    explore_diversity.render(studio, snapshot)


def _basis(report: AuditReport) -> None:
    if report.n_labelled == 0:
        st.info(t("audit.basis_none"), icon=":material/label_off:")
        return
    st.caption(t(f"audit.basis_{report.label_mode}", labelled=report.n_labelled, n=report.n))


def _headlines(report: AuditReport) -> None:
    """Everything that stands out, over all checks: what is surely far from harmless first."""
    alarms = by_urgency(finding for result in report.results.values() for finding in result.findings)
    if not alarms:
        st.success(t("audit.nothing_found"), icon=":material/check_circle:")
        return
    st.markdown(f"**{t('audit.alarm_count', n=len(alarms))}**", help=t("audit.alarm_help"))
    for number, finding in enumerate(alarms[:FIRST]):
        shown.card(finding, key=f"audit.head.{number}", to_map=report.has_map)
    if len(alarms) > FIRST:
        with st.expander(t("audit.more", n=len(alarms) - FIRST), key="more_alarms"):
            for number, finding in enumerate(alarms[FIRST:]):
                shown.card(finding, key=f"audit.rest.{number}", to_map=report.has_map)


def grouped(report: AuditReport) -> dict[str, list[str]]:
    """Question -> its checks in this report; a check of no question comes under words."""
    known = {name for names in QUESTIONS.values() for name in names}
    found = {key: [name for name in names if name in report.results] for key, names in QUESTIONS.items()}
    found["words"] += [name for name in report.results if name not in known]
    return {key: names for key, names in found.items() if names}


def _checks(studio: Studio, snapshot: Snapshot, report: AuditReport) -> None:
    """A question, one of its checks, and what that check says."""
    st.markdown(f"**{t('audit.all_checks')}**")
    questions = grouped(report)
    asked = next((key for key, names in questions.items() if st.query_params.get("audit") in names), None)
    if asked and "ck" not in st.query_params:  # a link names the check; its question follows
        st.query_params["ck"] = asked
    question = frame.url_select(
        st,
        t("audit.question"),
        list(questions),
        "ck",
        format_func=lambda key: _counted(
            t(f"audit.questions.{key}"), [report.results[name] for name in questions[key]]
        ),
        widget="segmented_control",
        required=True,
        label_visibility="collapsed",
    )
    name = frame.url_select(
        st,
        t("audit.select"),
        questions[question],
        "audit",
        format_func=lambda name: _counted(t(f"audit.title.{name}"), [report.results[name]]),
        widget="pills",
        required=True,
        label_visibility="collapsed",
    )
    _one(studio, snapshot, report, name)
    st.caption(f":material/search: {t('audit.found_by_looking')}")


def _counted(title: str, results: list[AuditResult]) -> str:
    alarms = sum(finding.alarm for result in results for finding in result.findings)
    return f":material/flag: {title} · {alarms}" if alarms else title


def _one(studio: Studio, snapshot: Snapshot, report: AuditReport, name: str) -> None:
    result = report.results[name]
    st.caption(t(f"audit.about.{name}"))
    if name == "scores":
        explore_scorer.render(studio, snapshot)
    why = engine.reason(result)
    if why is not None:
        st.caption(t(engine.NOT_COMPUTED))
        frame.show_error(why)
        return
    for finding in result.findings:
        if is_power(finding):
            st.caption(f":material/visibility: {shown.sentence(finding)}", help=t("report.method.power"))
    loud = by_urgency(result.findings)
    calm = [finding for finding in result.findings if not finding.alarm and not is_power(finding)]
    for number, finding in enumerate(loud[:FIRST]):
        shown.line(finding, key=f"audit.{name}.{number}", to_map=report.has_map)
    if len(loud) > FIRST:
        with st.expander(t("audit.more", n=len(loud) - FIRST), key=f"more_{name}"):
            for number, finding in enumerate(loud[FIRST:], start=FIRST):
                shown.line(finding, key=f"audit.{name}.{number}", to_map=report.has_map)
    for number, finding in enumerate(calm[:CALM], start=len(loud)):
        shown.line(finding, key=f"audit.{name}.{number}", to_map=report.has_map)
    is_older = name in report.older
    for note in result.notes if result.findings or not is_older else ():
        st.caption(t(note))
    time = f"{report.computed[name].astimezone(UTC):%Y-%m-%d %H:%M}"
    if is_older:
        st.info(t("audit.stored_older", time=time, button=t("audit.rerun")), icon=":material/update:")
    else:
        st.caption(t("audit.stored", time=time))
    detail.show(name, result, snapshot)
    if name == "representation" and snapshot.groups and may(frame.current_user().role, "analyst"):
        detail.reference_editor(studio, snapshot, result)
        explore_reference.other_ways(studio, snapshot)
    if name in explore_lexicon.CHECKS:
        explore_lexicon.render(studio, snapshot)


def is_power(finding: Finding) -> bool:
    """True for the sentence on how many examples a check needs: it comes before anything that was found."""
    return ".power." in finding.key
