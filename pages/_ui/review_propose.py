"""The form that turns a frozen selection into a proposal."""

from __future__ import annotations

import uuid
from typing import Any

import streamlit as st

from pages._ui import frame, review_decide
from pages._ui.review_list import close, open_proposal
from pages._ui.words import plain, t
from studio.access import signoff
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Snapshot
from studio.store import proposals as rows
from studio.store import selections
from studio.workflows import proposals
from studio.workflows.proposals_content import STEPS

KEY, AFTER = "propose", "after"
_ID, _PENDING, _PROBLEM = "review.proposal_id", "review.pending", "review.propose_problem"


def is_asked() -> bool:
    """True when the URL asks for the form."""
    return KEY in st.query_params


def show(snapshot: Snapshot) -> None:
    """The form; where nothing can be proposed, why."""
    before = rows.get_or_none(frame.studio().store, st.query_params.get(AFTER, ""))
    st.button(t("review.propose.cancel"), icon=":material/arrow_back:", type="tertiary", on_click=close,
              key="review.cancel")  # fmt: skip
    title = t("review.propose.title") if before is None else t("review.propose.again", name=plain(before.name))
    st.header(title, anchor=False)
    st.caption(t("review.propose.intro"))
    actor = frame.current_user()
    frozen = {item.selection_id: item for item in selections.list_all(frame.studio().store, snapshot.snapshot_id)}
    if not may(actor.role, "analyst"):
        st.info(t("review.propose.role"), icon=":material/lock:")
        return
    if not frozen:
        st.info(t("review.nothing_frozen"), icon=":material/ac_unit:")
        if st.button(t("review.go_select"), type="primary", icon=":material/tune:"):
            frame.go("select")
        return
    _carry_out()
    if not signoff.is_named(actor):
        st.info(t("review.propose.needs_name"), icon=":material/badge:")
    names = {
        key: t("review.propose.selection_line", name=item.name, n=item.n, when=item.created_at[:16].replace("T", " "))
        for key, item in frozen.items()
    }
    if st.query_params.get(KEY, "1") not in ("1", *names):
        st.info(t("review.propose.unknown"), icon=":material/link_off:")
    _form(names, before.proposal_id if before else None)


def _form(names: dict[str, str], after: str | None) -> None:
    form_id = st.session_state.setdefault(_ID, uuid.uuid4().hex)  # made before the click: a double click is one act
    asked = st.query_params.get(KEY, "")
    with st.form(f"propose_{form_id}", border=True):
        st.selectbox(t("review.propose.selection"), list(names), format_func=names.__getitem__,
                     index=list(names).index(asked) if asked in names else 0, key=f"propose_sel_{form_id}")  # fmt: skip
        st.text_input(t("review.propose.name"), key=f"propose_name_{form_id}",
                      placeholder=t("review.propose.name_hint"))  # fmt: skip
        st.text_area(t("review.propose.purpose"), key=f"propose_why_{form_id}",
                     placeholder=t("review.propose.purpose_hint"), height=90)  # fmt: skip
        st.text_area(t("review.propose.limits"), key=f"propose_limits_{form_id}",
                     placeholder=t("review.propose.limits_hint"), height=90)  # fmt: skip
        st.form_submit_button(t("review.propose.button"), type="primary", icon=":material/rate_review:", on_click=_ask,
                              args=(form_id, after))  # fmt: skip
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        frame.show_error(problem)


def _ask(form_id: str, after: str | None) -> None:
    """Only note what was asked: working it out takes seconds, which the page shows."""
    given = {name: st.session_state.get(f"propose_{name}_{form_id}") or "" for name in ("sel", "name", "why", "limits")}
    st.session_state[_PENDING] = {
        "selection_id": given["sel"], "name": given["name"], "purpose": given["why"], "known_limits": given["limits"],
        "previous_id": after, "proposal_id": form_id,
    }  # fmt: skip


def _tell(place: st.delta_generator.DeltaGenerator, step: str) -> None:
    """Which part is being worked out; under limits the random draws of a large pool take seconds."""
    done = STEPS.index(step) / len(STEPS)
    place.progress(done, text=t(f"review.propose.step.{step}"))


def _carry_out() -> None:
    """What was asked for; a press in between breaks off the page, not the act, and the same act twice is one."""
    pending: dict[str, Any] | None = st.session_state.get(_PENDING)
    if pending is None:
        return
    actor = frame.current_user()
    try:
        place = st.empty()
        made = proposals.propose(frame.studio(), actor, on_step=lambda step: _tell(place, step), **pending)
    except StudioError as error:
        st.session_state[_PROBLEM] = error
        st.session_state.pop(_PENDING, None)
        return
    st.session_state.pop(_PENDING, None)
    st.session_state.pop(_ID, None)
    review_decide.remember_name(actor)
    open_proposal(made)
    st.rerun()
