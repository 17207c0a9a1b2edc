"""The state of the checks: at once where a corpus is small, else a run; what is stale, how a run goes, how it ended."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, runs_words
from pages._ui.words import t
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Snapshot
from studio.workflows import audits, runs
from studio.workflows.audits import AuditReport
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

_POLL_S = 1.0
UNASKED_UP_TO = 100_000  # examples whose first run starts by itself; within a minute on two cores


def report(studio: Studio, snapshot: Snapshot, mode: str) -> AuditReport | None:
    """The findings to show, after what there is to say about their state; None where there are none yet."""
    given = {"snapshot_id": snapshot.snapshot_id, "label_mode": mode}
    if audits.is_small(snapshot):
        with frame.show_errors(), st.spinner(t("audit.running", n=snapshot.n_examples)):
            return audits.run_audits(studio, frame.current_user(), **given)
        return None
    found = audits.report(studio, **given)
    view = audits.live(studio, **given)
    ended = audits.last_ended(studio, **given) if view is None else None
    if found is None and view is None and ended is None and _starts_by_itself(snapshot):
        with frame.show_errors():
            audits.start(studio, frame.current_user(), **given)
            view = audits.live(studio, **given)
    if view is not None:
        with st.container(border=True):
            _progress(studio, view.run_id)
        return found
    if ended is not None:
        show_ended(studio, ended, t("audit.run_failed"))
    if found is None or found.older or found.missing:
        _offer(studio, snapshot, mode, found, ended)
    return found


def _starts_by_itself(snapshot: Snapshot) -> bool:
    return snapshot.n_examples <= UNASKED_UP_TO and may(frame.current_user().role, "analyst")


def _offer(studio: Studio, snapshot: Snapshot, mode: str, found: AuditReport | None, ended: RunView | None) -> None:
    """What is missing or stale, and the button that computes it."""
    can = may(frame.current_user().role, "analyst")
    with st.container(border=True):
        place = st.columns([4, 1], vertical_alignment="center")
        if found is None:
            place[0].markdown(t("audit.run_needed", n=snapshot.n_examples) if can else t("audit.run_waits"))
        elif found.stale:
            what = t("audit.stale_join").join(t(f"audit.stale_what.{name}") for name in found.stale)
            place[0].markdown(f":material/update: {t('audit.stale', what=what)}")
        else:
            place[0].markdown(t("audit.incomplete", n=len(found.missing), all=len(audits.NAMES)))
        if not can:
            return
        label = t("audit.run") if found is None else t("audit.rerun")
        kind = "primary" if found is None else "secondary"
        resumable = ended is not None and ended.has_checkpoint and found is None
        if resumable:
            label = t("audit.resume")
        if place[1].button(label, type=kind, icon=":material/fact_check:", key="audit.run", width="stretch"):
            with frame.show_errors():
                if resumable and ended is not None:
                    runs.resume(studio, frame.current_user(), run_id=ended.run_id)
                else:
                    audits.start(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id, label_mode=mode)
                st.rerun()


@st.fragment(run_every=_POLL_S)
def _progress(studio: Studio, run_id: str) -> None:
    """The live run; the page starts over when it has ended."""
    view = runs.view(studio, run_id)
    if not view.is_live:
        st.rerun(scope="app")
    st.progress(view.share, text=runs_words.progress(view))
    if may(frame.current_user().role, "analyst"):
        places = st.container(horizontal=True)
        if places.button(t("explore.cancel"), icon=":material/cancel:", key="audit.cancel"):
            with frame.show_errors():
                runs.cancel(studio, frame.current_user(), run_id=view.run_id)
        if places.button(t("explore.to_runs"), icon=":material/pending_actions:", key="audit.runs"):
            frame.go("runs")


def show_ended(studio: Studio, view: RunView, what: str) -> None:
    """A run that ended before it was done: stopped on purpose in a line, otherwise with its reason."""
    if view.status.state in ("cancelled", "stopped"):
        st.info(t("explore.cancelled"), icon=":material/info:")
        return
    told = runs.detail(studio, view.run_id)
    trouble = view.trouble or told.failure
    st.error(what, icon=":material/error:")
    if trouble.get("what"):
        frame.show_error(StudioError(str(trouble["what"]), got=trouble.get("got"), fix=str(trouble.get("fix", ""))))
    if reason := runs_words.reason(view.status):
        st.caption(reason)
