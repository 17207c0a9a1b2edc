"""Every corpus audit of a choice beside random draws: what stands out, the table, what the audits say of it alone."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, runs_watch
from pages._ui.explore_audits_findings import sentence
from pages._ui.words import choose_language, plain, t
from studio.access.roles import may
from studio.audits import AUDITS
from studio.records import Snapshot
from studio.reports.said import sentence as sentence_of
from studio.selection.bands import DRAWS
from studio.store.selections import FrozenSelection
from studio.workflows import select_rechecks
from studio.workflows.audits import LABEL_MODES
from studio.workflows.proposals_checks import number, sentences
from studio.workflows.select import Choice
from studio.workflows.select_rechecks import Rechecked, Subject

_TITLES = {audit.name: audit.title for audit in AUDITS}


def show(snapshot: Snapshot, of: Choice | FrozenSelection) -> None:
    """The section: which labels may be read, the run or the way to it, and what is kept of it."""
    st.subheader(t("audit_draws.title"), anchor=False)
    st.caption(t("audit_draws.intro", n=len(AUDITS), least=DRAWS))
    shown = {mode: t(f"audit_draws.labels_{mode}") for mode in reversed(LABEL_MODES)}
    mode = frame.url_select(st, t("audit_draws.labels"), list(shown), "cl", format_func=shown.__getitem__)
    st.caption(t(f"audit_draws.labels_{mode}_help"))
    if isinstance(of, Choice):
        subject = select_rechecks.subject_of_choice(frame.studio(), snapshot, of, mode)
        found = select_rechecks.kept(frame.studio(), subject)
    else:
        subject = select_rechecks.subject_of_frozen(frame.studio(), of, mode)
        found = select_rechecks.kept_of_frozen(frame.studio(), of, mode)
    live = select_rechecks.live(frame.studio(), subject)
    if live is not None:
        runs_watch.watch(live.run_id, "audit_draws.waiting")
    elif found is None or found.is_older:
        _offer(subject, found)
    if found is not None:
        result(found)


def _offer(subject: Subject, found: Rechecked | None) -> None:
    if not may(frame.current_user().role, "analyst"):
        st.caption(t("audit_draws.read_only" if found is None else "audit_draws.older"))
        return
    if select_rechecks.last_ended(frame.studio(), subject) is not None:
        st.warning(t("audit_draws.failed"), icon=":material/report:")
        if st.button(t("audit_draws.to_runs"), key="recheck_runs"):
            frame.go("runs")
    if found is not None:
        st.warning(t("audit_draws.older"), icon=":material/history:")
    label = t("audit_draws.button" if found is None else "audit_draws.again")
    st.caption(t("audit_draws.takes"))
    if st.button(label, icon=":material/fact_check:", key="recheck_start"):
        with frame.show_errors():
            select_rechecks.start(frame.studio(), frame.current_user(), subject=subject)
            st.rerun(scope="app")


def result(found: Rechecked) -> None:
    """A kept result: sentences, table, how it was made, and the alarms of the choice alone."""
    _sentences(found)
    _table(found)
    _silent(found)
    facts = found.facts
    st.caption(t("audit_draws.about", first=facts["first"], most=facts["draws"], n=facts["n"], pool=facts["n_pool"],
                 seed=facts["seed"], limits=t(f"audit_draws.limits.{facts['limits']}")))  # fmt: skip
    if not found.alarms:
        st.caption(t("audit_draws.alone_none"))
        return
    with st.expander(t("audit_draws.alone", n=len(found.alarms)), icon=":material/flag:", key="recheck_alone"):
        st.caption(t("audit_draws.alone_about", n=facts["said"]))
        for finding in found.alarms:
            st.markdown(f"**{t(_TITLES[finding.audit])}** · {sentence(finding)}")


def _sentences(found: Rechecked) -> None:
    """What stands out, as a box: green only where nothing does and enough draws could have told."""
    head, *clearest = [sentence_of(one, lang=choose_language()) for one in sentences(found)]
    box = {"fine": st.success, "nothing": st.info}.get(sentences(found)[0]["key"].split(".")[-1], st.warning)
    box("  \n".join(plain(line, 600) for line in (head, *clearest)), icon=":material/fact_check:")


def _table(found: Rechecked) -> None:
    rows = [row for row in found.table.itertuples() if row.verdict != "silent"]
    column, facts = st.column_config, found.facts
    shown = {
        t("audit_draws.audit"): [t(_TITLES[row.audit]) for row in rows],
        t("audit_draws.what"): [t(f"audit_draws.number.{row.audit}_{row.number}") for row in rows],
        t("audit_draws.verdict"): [t(f"audit_draws.verdict_is.{row.verdict}") for row in rows],
        t("audit_draws.value"): [number(row.unit, row.value) for row in rows],
        t("audit_draws.median"): [number(row.unit, row.median) for row in rows],
        t("audit_draws.band"): [f"{number(row.unit, row.low)} – {number(row.unit, row.high)}" for row in rows],
        t("audit_draws.q"): [row.q for row in rows],
        t("audit_draws.draws"): [int(row.draws) for row in rows],
        t("audit_draws.pool"): [number(row.unit, row.pool) for row in rows],
    }
    if rows:
        st.dataframe(
            shown, hide_index=True, width="stretch", height="content", alt=t("audit_draws.title"),
            column_config={
                t("audit_draws.audit"): column.TextColumn(width=140),
                t("audit_draws.what"): column.TextColumn(width=205),
                t("audit_draws.verdict"): column.TextColumn(width=110),
                t("audit_draws.value"): column.TextColumn(width=80),
                t("audit_draws.median"): column.TextColumn(width=90),
                t("audit_draws.band"): column.TextColumn(width=115),
                t("audit_draws.q"): column.NumberColumn(format="%.3f", help=t("audit_draws.q_help")),
                t("audit_draws.draws"): column.NumberColumn(help=t("audit_draws.draws_help", first=facts["first"],
                                                                   most=facts["draws"])),
                t("audit_draws.pool"): column.TextColumn(help=t("audit_draws.pool_help")),
            },
        )  # fmt: skip


def _silent(found: Rechecked) -> None:
    """The audits without a number, each with its reason."""
    rows = list(found.of("silent").drop_duplicates("audit").itertuples())
    if not rows:
        return
    with st.expander(t("audit_draws.silent", n=len(rows)), icon=":material/volume_off:", key="recheck_silent"):
        for row in rows:
            st.markdown(f"**{t(_TITLES[row.audit])}** · {t(row.reason)}")
