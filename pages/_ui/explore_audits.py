"""Bias and quality checks on Explore: what stands out first, then each check with its picture and numbers."""

from __future__ import annotations

import streamlit as st

from pages._ui import explore_audits_detail as detail
from pages._ui import explore_audits_findings as shown
from pages._ui import explore_reference, frame
from pages._ui.words import t
from studio.access.roles import may
from studio.records import Snapshot
from studio.workflows import audits, audits_copies, runs
from studio.workflows.audits import AuditReport
from studio.workflows.studio import Studio

AT_ONCE_UP_TO = 100_000  # examples checked without being asked; about five seconds the first time
CALM = 12  # findings without an alarm shown under their check
FIRST = 8  # findings that stand out shown before the rest is folded away


def render(studio: Studio, snapshot: Snapshot) -> None:
    """The whole section for one snapshot."""
    st.subheader(t("audit.section"), anchor=False)
    st.caption(t("audit.intro"))
    mode = frame.url_select(
        st,
        t("audit.which_labels"),
        audits.LABEL_MODES,
        "al",
        format_func=lambda name: t(f"audit.labels_{name}"),
        widget="segmented_control",
        required=True,
    )
    report = _report(studio, snapshot, mode)
    if report is None:
        return
    _basis(report)
    if not report.has_copies:
        _find_copies(studio, snapshot)
    if not report.has_map:
        shown.examples_here(studio, snapshot)
    _headlines(report)
    _one_check(studio, snapshot, report)
    detail.diversity(studio, snapshot)


def _report(studio: Studio, snapshot: Snapshot, mode: str) -> AuditReport | None:
    """The findings; a large corpus waits for a press the first time."""
    given = {"snapshot_id": snapshot.snapshot_id, "label_mode": mode}
    is_large = snapshot.n_examples > AT_ONCE_UP_TO and not audits.is_kept(studio, **given)
    if is_large and not st.button(t("audit.run"), type="primary", icon=":material/fact_check:", key="audit.run"):
        return None
    with frame.show_errors(), st.spinner(t("audit.running", n=snapshot.n_examples)):
        return audits.run_audits(studio, frame.current_user(), **given)
    return None


def _basis(report: AuditReport) -> None:
    if report.n_labelled == 0:
        st.info(t("audit.basis_none"), icon=":material/label_off:")
        return
    st.caption(t(f"audit.basis_{report.label_mode}", labelled=report.n_labelled, n=report.n))


def _headlines(report: AuditReport) -> None:
    """Everything that stands out, over all checks."""
    alarms = [finding for result in report.results.values() for finding in result.findings if finding.alarm]
    if not alarms:
        st.success(t("audit.nothing_found"), icon=":material/check_circle:")
        return
    st.markdown(f"**{t('audit.alarm')}**")
    for number, finding in enumerate(alarms[:FIRST]):
        shown.card(finding, key=f"audit.head.{number}", to_map=report.has_map)
    if len(alarms) > FIRST:
        with st.expander(t("audit.more", n=len(alarms) - FIRST)):
            for number, finding in enumerate(alarms[FIRST:]):
                shown.card(finding, key=f"audit.rest.{number}", to_map=report.has_map)


def _one_check(studio: Studio, snapshot: Snapshot, report: AuditReport) -> None:
    """Each check by itself: its findings, its picture, its numbers."""
    names = list(report.results)
    name = frame.url_select(
        st,
        t("audit.select"),
        names,
        "audit",
        format_func=lambda name: _pill(report, name),
        widget="pills",
        required=True,
    )
    result = report.results[name]
    st.caption(t(f"audit.about.{name}"))
    for number, finding in enumerate([finding for finding in result.findings if not finding.alarm][:CALM]):
        shown.line(finding, key=f"audit.{name}.{number}", to_map=report.has_map)
    for note in result.notes:
        st.caption(t(note))
    detail.show(name, result, snapshot)
    if name == "representation" and snapshot.groups and may(frame.current_user().role, "analyst"):
        detail.reference_editor(studio, snapshot, result)
        explore_reference.other_ways(studio, snapshot)


def _pill(report: AuditReport, name: str) -> str:
    alarms = sum(finding.alarm for finding in report.results[name].findings)
    title = t(f"audit.title.{name}")
    return f":material/flag: {title} · {alarms}" if alarms else title


def _find_copies(studio: Studio, snapshot: Snapshot) -> None:
    """A large corpus is searched for copies by a run of its own."""
    live = runs.live(studio, kind="dedup", snapshot_id=snapshot.snapshot_id)
    if live is not None:
        _watch(studio, live.run_id)
        return
    place = st.columns([4, 1], vertical_alignment="center")
    place[0].caption(t("audit.copies_needed", n=snapshot.n_examples))
    if place[1].button(t("audit.copies_start"), icon=":material/content_copy:", key="audit.copies"):
        with frame.show_errors():
            title = t("audit.copies_run_title", name=snapshot.name)
            audits_copies.find_copies(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, title=title)
            st.rerun()


@st.fragment(run_every=2.0)
def _watch(studio: Studio, run_id: str) -> None:
    view = runs.view(studio, run_id)
    st.progress(view.share, text=t("audit.copies_running"))
    if not view.is_live:
        st.rerun()
