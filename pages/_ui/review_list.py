"""The proposals of a corpus, and which one the URL asks for."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import choose_language, plain, t
from studio.access.roles import may
from studio.records import Snapshot
from studio.reports.proposal import person, verdict
from studio.store import proposals as rows
from studio.store import selections
from studio.store.proposals import Proposal
from studio.workflows import proposals
from studio.workflows.proposals import Listed
from studio.workflows.proposals_report import moment

KEY, WITH, READ = "proposal", "with", "read"
FIRST = 20
COLOURS = {"waiting": "blue", "approved": "green", "changes": "orange", "rejected": "red", "withdrawn": "gray"}
ICONS = {
    "waiting": ":material/hourglass_top:",
    "approved": ":material/verified:",
    "changes": ":material/edit:",
    "rejected": ":material/block:",
    "withdrawn": ":material/undo:",
}


def asked(snapshot: Snapshot) -> str | None:
    """The proposal of the URL; one of another corpus takes its corpus along, an unknown one is said to be."""
    wanted = st.query_params.get(KEY, "")
    if not wanted:
        return None
    found = rows.get_or_none(frame.studio().store, wanted)
    if found is None:
        st.warning(t("review.unknown"), icon=":material/link_off:")
        return None
    if found.corpus_id != snapshot.corpus_id:
        st.query_params[frame.SNAPSHOT_KEY] = found.snapshot_id
        st.rerun()
    return found.proposal_id


def is_reading() -> bool:
    """True under a link that changes nothing."""
    return READ in st.query_params


def open_proposal(proposal_id: str) -> None:
    """Put a proposal into the URL; for buttons."""
    _drop(WITH, "propose", "after")
    st.query_params[KEY] = proposal_id


def close() -> None:
    """Back to the list; for buttons."""
    _drop(KEY, WITH, READ, "propose", "after")


def _drop(*keys: str) -> None:
    for key in keys:
        st.query_params.pop(key, None)
        st.session_state.pop(f"url.{key}", None)  # what `frame.url_select` remembers of it


def _is_bare(proposal: Proposal) -> bool:
    return proposal.state == "approved" and not proposal.is_checked


def state_name(proposal: Proposal) -> str:
    """The state in words; an approval under a name nobody checked is called so."""
    return t("proposal.approved_unverified" if _is_bare(proposal) else f"proposal.state.{proposal.state}")


def badge(proposal: Proposal) -> None:
    """The state as a coloured word."""
    is_bare = _is_bare(proposal)
    st.badge(
        state_name(proposal),
        icon=":material/draw:" if is_bare else ICONS[proposal.state],
        color=COLOURS[proposal.state],
    )


def who(name: str, verified: bool) -> str:
    """A name for a label, marked where no login stood behind it."""
    return plain(person(name, verified, lang=choose_language()), 90)


def show(snapshot: Snapshot) -> None:
    """The list, newest first, and the way to a first one."""
    listed = proposals.listing(frame.studio(), frame.current_user(), corpus_id=snapshot.corpus_id)
    can = may(frame.current_user().role, "analyst") and not is_reading()
    frozen = selections.list_all(frame.studio().store, snapshot.snapshot_id)
    if not listed:
        st.info(f"{t('review.nothing')} {'' if frozen else t('review.nothing_frozen')}", icon=":material/rate_review:")
    if can and frozen:
        st.button(t("review.propose.new"), type="primary" if not listed else "secondary", icon=":material/add:",
                  on_click=ask_to_propose, key="review.new")  # fmt: skip
    elif not listed and st.button(t("review.go_select"), type="primary", icon=":material/tune:", key="review.select"):
        frame.go("select")
    for item in listed[:FIRST]:
        _card(item)
    if len(listed) > FIRST:
        with st.expander(t("review.older", n=len(listed) - FIRST), key="review_older"):
            for item in listed[FIRST:]:
                _card(item)


def ask_to_propose(selection_id: str = "1", after: str = "") -> None:
    """Put the form for a new proposal into the URL; for buttons."""
    close()
    st.query_params["propose"] = selection_id
    if after:
        st.query_params["after"] = after


def _card(item: Listed) -> None:
    found = item.proposal
    with st.container(border=True):
        place = st.columns([6, 1], vertical_alignment="center")
        with place[0].container(gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{plain(found.name, 120)}**", width="content")
                badge(found)
                if item.is_stale:
                    st.badge(t("review.stale"), icon=":material/history:", color="orange")
                if found.next_id:
                    st.badge(t("review.superseded"), color="gray")
            st.caption(plain(verdict(found.content, lang=choose_language()), 400))
            by = t("review.by", by=who(found.created_by, found.verified), when=moment(found.created_at))
            counts = t("review.counts", n=found.content["n"], pool=found.content["n_pool"], comments=item.n_comments)
            st.caption(f"{by} · {counts}")
        place[1].button(t("review.open"), key=f"open_{found.proposal_id}", on_click=open_proposal,
                        args=(found.proposal_id,), width="stretch")  # fmt: skip
