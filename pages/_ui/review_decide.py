"""The decision on a proposal: approve, ask for changes, reject; withdraw one's own; the way to a new version."""

from __future__ import annotations

import uuid

import streamlit as st

from pages._ui import frame
from pages._ui.review_list import ask_to_propose, is_reading, who
from pages._ui.words import plain, t
from studio.access import signoff
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Actor
from studio.store.proposals import VERDICTS, WAITING, Proposal
from studio.workflows import proposals
from studio.workflows.proposals import Seen
from studio.workflows.proposals_report import moment

_ID, _PROBLEM, _NAMES = "review.decision_id", "review.decision_problem", "review.proposed_as"


def remember_name(actor: Actor) -> None:
    """Keep the name this tab has proposed under: another name typed later is the same person."""
    st.session_state[_NAMES] = st.session_state.get(_NAMES, frozenset()) | {actor.name}


def known_as() -> frozenset[str]:
    """The names this tab has proposed under."""
    return st.session_state.get(_NAMES, frozenset())


def show(seen: Seen) -> None:
    """The decision that was taken, or the form to take one."""
    found, actor = seen.proposal, frame.current_user()
    st.subheader(t("review.decide.title"), anchor=False)
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        frame.show_error(problem)
    if seen.decided is not None:
        one = seen.decided
        line = t("review.decide.done", by=who(one.created_by, one.verified), did=t(f"proposal.did.{one.kind}"),
                 when=moment(one.created_at))  # fmt: skip
        {"approve": st.success, "changes": st.warning, "reject": st.error}.get(one.kind, st.info)(line)
        if one.note:
            st.text(one.note)
        if one.kind in VERDICTS and not one.verified:
            st.caption(f":material/info: {t('proposal.unverified_decision')}")
    elif found.state == WAITING:
        st.caption(t("proposal.state_waiting_line"))
    if is_reading():
        return
    own = signoff.is_own(actor, found.created_by, known_as())
    if found.state == WAITING:
        _form_or_why_not(seen, actor, own)
    if own and found.state in (WAITING, "changes") and may(actor.role, "analyst"):
        st.button(t("review.decide.withdraw"), icon=":material/undo:", help=t("review.decide.withdraw_help"),
                  on_click=_withdraw, args=(found,), key="review.withdraw")  # fmt: skip
    if found.state != WAITING and found.next_id is None and may(actor.role, "analyst"):
        st.button(t("review.decide.new_version"), icon=":material/upgrade:", key="review.again",
                  help=t("review.decide.new_version_hint"), on_click=ask_to_propose,
                  args=("1", found.proposal_id))  # fmt: skip


def _form_or_why_not(seen: Seen, actor: Actor, own: bool) -> None:
    if own:
        st.info(t("review.decide.own"), icon=":material/person:")
    elif not may(actor.role, "reviewer"):
        st.caption(t("review.role_decide"))
    elif not signoff.is_named(actor):
        st.info(t("review.decide.needs_name"), icon=":material/badge:")
    else:
        _form(seen, actor)


def _form(seen: Seen, actor: Actor) -> None:
    slot = f"{_ID}.{seen.proposal.proposal_id}"
    form_id = st.session_state.setdefault(slot, uuid.uuid4().hex)
    offered = VERDICTS[1:] if seen.stale else VERDICTS
    names = {name: t(f"review.decide.{name}") for name in offered}
    if seen.stale:
        st.caption(t("review.decide.stale"))
    with st.form(f"decide_{form_id}", border=True):
        st.radio(t("review.decide.what"), offered, format_func=names.__getitem__, index=None,
                 key=f"verdict_{form_id}")  # fmt: skip
        st.text_area(t("review.decide.note"), key=f"note_{form_id}", height=100)
        st.caption(t("review.decide.as", name=plain(actor.name)))
        st.form_submit_button(t("review.decide.button"), type="primary", icon=":material/draw:", on_click=_decide,
                              args=(slot, form_id, seen.proposal))  # fmt: skip


def _decide(slot: str, form_id: str, proposal: Proposal) -> None:
    """The button's callback: a second press of the same form is the same decision."""
    verdict = st.session_state.get(f"verdict_{form_id}") or ""
    note = st.session_state.get(f"note_{form_id}") or ""
    try:
        proposals.decide(frame.studio(), frame.current_user(), proposal_id=proposal.proposal_id, verdict=verdict,
                         note=note, known_as=known_as(), decision_id=form_id)  # fmt: skip
    except StudioError as error:
        st.session_state[_PROBLEM] = error
        return
    st.session_state.pop(slot, None)


def _withdraw(proposal: Proposal) -> None:
    try:
        proposals.withdraw(frame.studio(), frame.current_user(), proposal_id=proposal.proposal_id, known_as=known_as())
    except StudioError as error:
        st.session_state[_PROBLEM] = error
