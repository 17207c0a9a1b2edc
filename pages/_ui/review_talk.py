"""Comments on a proposal and its examples: what was said, and a form to say something."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import streamlit as st

from pages._ui import frame
from pages._ui.review_list import is_reading, who
from pages._ui.words import t
from studio.access.roles import may
from studio.errors import StudioError
from studio.store.comments import Comment
from studio.store.proposals import Proposal
from studio.workflows import proposals
from studio.workflows.proposals import Seen
from studio.workflows.proposals_report import moment

_ID, _PROBLEM = "review.comment_id", "review.comment_problem"


def show(seen: Seen) -> None:
    """All comments, oldest first, and the form for the whole proposal."""
    st.subheader(t("review.talk.title"), anchor=False)
    if not seen.comments:
        st.caption(t("review.talk.none"))
    said(seen.comments, with_example=True)
    form(seen.proposal)


def said(comments: Sequence[Comment], *, with_example: bool = False) -> None:
    """Comments one below the other, letter by letter."""
    for one in comments:
        head = t("review.by", by=who(one.created_by, one.verified), when=moment(one.created_at))
        about = f" · {t('review.talk.about', id=one.example_id)}" if with_example and one.example_id is not None else ""
        with st.container(border=True, gap="xxsmall"):
            st.caption(f"{head}{about}")
            st.text(one.body)


def form(proposal: Proposal, example_id: int | None = None) -> None:
    """Where to type a comment; a new form for every comment, so that a second press finds its button gone."""
    if is_reading():
        return
    if not may(frame.current_user().role, "annotator"):
        st.caption(t("review.role_comment"))
        return
    slot = f"{_ID}.{proposal.proposal_id}.{example_id}"
    form_id = st.session_state.setdefault(slot, uuid.uuid4().hex)
    hint = t("review.talk.placeholder") if example_id is None else t("review.talk.placeholder_example", id=example_id)
    with st.form(f"comment_{form_id}", border=False):
        st.text_area(hint, key=f"comment_text_{form_id}", height=100)
        st.form_submit_button(t("review.talk.button"), icon=":material/comment:", on_click=_add,
                              args=(slot, form_id, proposal.proposal_id, example_id))  # fmt: skip
    problem = st.session_state.pop(f"{_PROBLEM}.{slot}", None)
    if problem is not None:
        frame.show_error(problem)


def _add(slot: str, form_id: str, proposal_id: str, example_id: int | None) -> None:
    if st.session_state.get(slot) != form_id:
        return
    body = st.session_state.get(f"comment_text_{form_id}") or ""
    try:
        proposals.comment(frame.studio(), frame.current_user(), proposal_id=proposal_id, body=body,
                          example_id=example_id, comment_id=form_id)  # fmt: skip
    except StudioError as error:
        st.session_state[f"{_PROBLEM}.{slot}"] = error
        return
    st.session_state.pop(slot, None)
