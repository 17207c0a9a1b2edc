"""What lets the test split be opened, and the way to it: one press under an approval, or a written reason."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import streamlit as st

from pages._ui import frame
from pages._ui.words import choose_language, plain, t
from studio.access import signoff
from studio.errors import StudioError
from studio.reports.proposal import person
from studio.workflows import openings
from studio.workflows.openings import MOST_WHY, Permission
from studio.workflows.proposals_report import moment

_ID, _PROBLEM = "train.opening_id", "train.opening_problem"

# opening id, reason -> the opening, or the start of what leads to it
Open = Callable[[str, str], None]


def offer(now: Permission, press: Open, *, name: str, label: str, is_proof: bool = False) -> None:
    """The sentence that says where an approval stands, and the button or the form of a reason.

    Args:
        now: what an opening would be.
        press: opens it; what it raises is shown.
        name: of what would be opened, so that each has a press of its own.
        label: of the button.
        is_proof: a check of a choice asks, not a round.
    """
    slot = f"{_ID}.{name}"
    form_id = st.session_state.setdefault(slot, str(uuid.uuid4()))  # made before the click: a double click is one act
    st.markdown(plain(line(now, is_proof=is_proof), 600))
    if not now.needs_reason:
        st.button(label, type="primary", icon=":material/lock_open:", key="open_test", on_click=_press,
                  args=(slot, form_id, press))  # fmt: skip
    else:
        _way_to_approval(now, is_proof)
        with st.expander(t("opening.again" if now.state == openings.SPENT else "opening.without"),
                         icon=":material/lock_open:", expanded=_PROBLEM in st.session_state):  # fmt: skip
            _reason(slot, form_id, label, press)
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        frame.show_error(problem)


def line(now: Permission, *, is_proof: bool = False) -> str:
    """What stands behind an opening now, in one sentence or two."""
    names = {"selection": now.selection.name if now.selection else "",
             "proposal": now.proposal.name if now.proposal else "", "number": now.spent_by}  # fmt: skip
    if now.decided is not None:
        by = person(now.decided.created_by, now.decided.verified, lang=choose_language())
        names |= {"by": by, "when": moment(now.decided.created_at)}
    if now.state == openings.SPENT and now.spent_by is None:
        return t("opening.spent_proof", **names)
    if is_proof:
        return t(f"opening.proof_{now.state}", **names)
    random = now.state == "approved" and now.arm == "random"
    return t("opening.approved_random" if random else f"opening.{now.state}", **names)


def _way_to_approval(now: Permission, is_proof: bool) -> None:
    """To the proposal, to the form that makes one with the selection filled in, or to where a recipe is frozen."""
    if now.proposal is not None:
        is_next = now.state != openings.SPENT
        if st.button(t("opening.open_proposal"), icon=":material/rate_review:", key="opening.proposal",
                     type="primary" if is_next else "secondary"):  # fmt: skip
            frame.go("review", proposal=now.proposal.proposal_id, s=now.proposal.snapshot_id)
    elif now.selection is not None and st.button(t("opening.propose"), icon=":material/rate_review:", type="primary",
                                                 key="opening.propose"):  # fmt: skip
        frame.go("review", propose=now.selection.selection_id, s=now.selection.snapshot_id)
    elif is_proof and now.selection is None and st.button(t("opening.freeze"), icon=":material/ac_unit:",
                                                          type="primary", key="opening.freeze"):  # fmt: skip
        frame.go("select", view="choose")


def _reason(slot: str, form_id: str, label: str, press: Open) -> None:
    st.caption(t("opening.why_help"))
    if not signoff.is_named(frame.current_user()):
        st.info(t("opening.needs_name"), icon=":material/badge:")
    with st.form(f"opening_{form_id}", border=False):
        st.text_area(t("opening.why"), max_chars=MOST_WHY, key=f"opening_why_{form_id}", height=80,
                     placeholder=t("opening.why_hint"))  # fmt: skip
        st.form_submit_button(label, icon=":material/lock_open:", on_click=_press, args=(slot, form_id, press))


def _press(slot: str, form_id: str, press: Open) -> None:
    """The button's callback: a second press of the same one is the same opening."""
    why = st.session_state.get(f"opening_why_{form_id}") or ""
    try:
        press(form_id, why)
    except StudioError as error:
        st.session_state[_PROBLEM] = error
        return
    st.session_state.pop(slot, None)
