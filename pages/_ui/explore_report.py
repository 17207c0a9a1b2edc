"""The report on Explore: what is wrong with the corpus, most certain first, each with what to do, and the file."""

from __future__ import annotations

import streamlit as st

from pages._ui import explore_audits_findings as shown
from pages._ui import frame
from pages._ui.words import choose_language, plain, t
from studio.records import Finding, Snapshot
from studio.reports import findings as said
from studio.reports.advice import Advice, told_once
from studio.reports.corpus import CorpusReport, verdict
from studio.workflows import audits, report
from studio.workflows.studio import Studio

FIRST = 10  # findings shown before the rest is folded away


def render(studio: Studio, snapshot: Snapshot) -> None:
    """The whole view for one snapshot."""
    mode = st.query_params.get("al", audits.LABEL_MODES[0])
    mode = mode if mode in audits.LABEL_MODES else audits.LABEL_MODES[0]
    with frame.show_errors():
        found = report.compose(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, label_mode=mode,
                               is_whole=False)  # fmt: skip
        if found is None:
            st.info(t("report.nothing_yet"), icon=":material/fact_check:")
            if st.button(t("report.go_checks"), type="primary", icon=":material/fact_check:", key="report.checks"):
                frame.go("explore", view="inside", al=mode)
            return
        if found.is_stale:
            st.warning(t("report.older", time=found.computed_at), icon=":material/history:")
        _head(studio, snapshot, found)
        _list(found)


def _head(studio: Studio, snapshot: Snapshot, found: CorpusReport) -> None:
    place = st.columns([3, 1], vertical_alignment="center", gap="large")
    with place[0].container(gap="small"):
        st.subheader(verdict(found, lang=choose_language()), anchor=False)
        st.caption(f"{t('report.intro')} {t('report.caveat')}")
    # the file is made when it is asked for, in a thread that knows neither session nor language
    actor, given = frame.current_user(), {"snapshot_id": snapshot.snapshot_id, "label_mode": found.label_mode}
    given["lang"] = choose_language()
    place[1].download_button(
        t("report.download"),
        lambda: report.write(studio, actor, **given) or "",
        report.file_name(snapshot),
        "text/html",
        type="primary",
        icon=":material/download:",
        help=t("report.download_help"),
        on_click="ignore",
        width="stretch",
    )


def _list(found: CorpusReport) -> None:
    ordered = said.by_urgency(found.alarms)
    acts = told_once(ordered, lang=choose_language())
    for number, finding in enumerate(ordered[:FIRST]):
        _card(number, finding, found, *acts[number])
    if len(ordered) > FIRST:
        with st.expander(t("audit.more", n=len(ordered) - FIRST), key="report_more"):
            for number, finding in enumerate(ordered[FIRST:], start=FIRST):
                _card(number, finding, found, *acts[number])


def _card(number: int, finding: Finding, found: CorpusReport, act: Advice, before: int | None) -> None:
    """One finding: its sentence, its numbers, how far out it lies, and the act that answers it, said once."""
    values = {name: plain(value, 40) if isinstance(value, str) else value for name, value in act.values.items()}
    page = t(f"frame.nav.{act.page}")
    with st.container(border=True):
        place = st.columns([5, 2], vertical_alignment="center", gap="medium")
        with place[0].container(gap="xxsmall"):
            st.markdown(f"**{number + 1:d}** · {shown.sentence(finding)}")
            facts = [t(found.titles[finding.audit]), shown.numbers(finding)]
            times = said.urgency(finding)
            if times > 0:
                facts.append(t("report.strength", times=times))
            st.caption(" · ".join(facts), help=t("report.strength_help"))
            told = t(act.key, **values) if before is None else t("report.as_before", number=before)
            st.caption(f"**{page}** · {told}")
        if place[1].button(page, icon=":material/arrow_forward:", key=f"report.act.{number}", width="stretch",
                           help=t("report.act_help", page=page)):  # fmt: skip
            frame.go(act.page, **act.params)
        if place[1].button(t("report.open_check"), key=f"report.look.{number}", type="tertiary", width="stretch"):
            frame.go("explore", view="inside", audit=finding.audit, al=found.label_mode)
