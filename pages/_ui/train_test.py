"""The test split of a finished round: its figures and under what it was opened, or what lets it be opened."""

from __future__ import annotations

import uuid

import streamlit as st

from pages._ui import frame
from pages._ui.words import choose_language, plain, t
from studio.access import signoff
from studio.access.roles import may
from studio.errors import StudioError
from studio.reports.proposal import person
from studio.store import rounds
from studio.store.rounds import Round
from studio.workflows import openings
from studio.workflows.openings import MOST_WHY, Permission
from studio.workflows.proposals_report import moment
from studio.workflows.studio import Studio

_ID, _PROBLEM = "train.opening_id", "train.opening_problem"


def show(opened: Studio, found: Round) -> None:
    """Figures once it is open; else what an approval allows, and the way to one."""
    times = rounds.test_openings(opened.store, found.snapshot_id)
    with st.container(border=True):
        st.markdown(f"**{t('round.test')}**")
        result = found.report.get("test")
        if result:
            accuracy = result["accuracy"]
            low, high = (f"{100 * accuracy[name]:.1f} %" for name in ("low", "high"))
            st.text(t("round.test_line", value=f"{100 * accuracy['value']:.1f} %", low=low, high=high,
                      macro=f"{result['macro_f1']['value']:.3f}", n=f"{result['n']:,}", k=times))  # fmt: skip
            mark(opened, found.round_id)
            return
        st.caption(t("round.test_closed", n=times))
        if may(frame.current_user().role, "analyst"):
            _offer(found, openings.permission(opened, found.round_id))


def mark(opened: Studio, round_id: str) -> None:
    """Under what a round's test figures were looked at; what people wrote is shown as characters."""
    st.caption(plain(openings.told(opened, round_id, lang=choose_language()), MOST_WHY + 400))


def _offer(found: Round, now: Permission) -> None:
    slot = f"{_ID}.{found.round_id}"
    form_id = st.session_state.setdefault(slot, uuid.uuid4().hex)  # made before the click: a double click is one act
    st.markdown(plain(_line(now), 600))
    if not now.needs_reason:
        st.button(t("round.test_open"), type="primary", icon=":material/lock_open:", key="open_test", on_click=_open,
                  args=(slot, form_id, found.round_id))  # fmt: skip
    else:
        _way_to_approval(now)
        with st.expander(t("opening.again" if now.state == openings.SPENT else "opening.without"),
                         icon=":material/lock_open:", expanded=_PROBLEM in st.session_state):  # fmt: skip
            _reason(slot, form_id, found)
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        frame.show_error(problem)


def _line(now: Permission) -> str:
    """What stands behind an opening now, in one sentence or two."""
    names = {"selection": now.selection.name if now.selection else "",
             "proposal": now.proposal.name if now.proposal else "", "number": now.spent_by}  # fmt: skip
    if now.decided is not None:
        by = person(now.decided.created_by, now.decided.verified, lang=choose_language())
        names |= {"by": by, "when": moment(now.decided.created_at)}
    random = now.state == "approved" and now.arm == "random"
    return t("opening.approved_random" if random else f"opening.{now.state}", **names)


def _way_to_approval(now: Permission) -> None:
    """To the proposal, or to the form that makes one with the selection filled in."""
    if now.proposal is not None:
        is_next = now.state != openings.SPENT
        if st.button(t("opening.open_proposal"), icon=":material/rate_review:", key="opening.proposal",
                     type="primary" if is_next else "secondary"):  # fmt: skip
            frame.go("review", proposal=now.proposal.proposal_id, s=now.proposal.snapshot_id)
    elif now.selection is not None and st.button(t("opening.propose"), icon=":material/rate_review:", type="primary",
                                                 key="opening.propose"):  # fmt: skip
        frame.go("review", propose=now.selection.selection_id, s=now.selection.snapshot_id)


def _reason(slot: str, form_id: str, found: Round) -> None:
    st.caption(t("opening.why_help"))
    if not signoff.is_named(frame.current_user()):
        st.info(t("opening.needs_name"), icon=":material/badge:")
    with st.form(f"opening_{form_id}", border=False):
        st.text_area(t("opening.why"), max_chars=MOST_WHY, key=f"opening_why_{form_id}", height=80,
                     placeholder=t("opening.why_hint"))  # fmt: skip
        st.form_submit_button(t("round.test_open"), icon=":material/lock_open:", on_click=_open,
                              args=(slot, form_id, found.round_id))  # fmt: skip


def _open(slot: str, form_id: str, round_id: str) -> None:
    """The button's callback: a second press of the same one is the same opening."""
    why = st.session_state.get(f"opening_why_{form_id}") or ""
    try:
        openings.open_test(frame.studio(), frame.current_user(), round_id=round_id, why=why, opening_id=form_id)
    except StudioError as error:
        st.session_state[_PROBLEM] = error
        return
    st.session_state.pop(slot, None)
