"""The head of one proposal: name, state, the one sentence, what has changed since; link, file, comparison, history."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, review_proof, train_test
from pages._ui.review_list import KEY, READ, WITH, badge, close, is_reading, open_proposal, who
from pages._ui.words import choose_language, plain, t
from studio import words
from studio.access.roles import may
from studio.records import Snapshot
from studio.reports.proposal import verdict
from studio.reports.said import sentence
from studio.store import proposals as rows
from studio.store.proposals import Proposal
from studio.workflows import openings, proposals_report
from studio.workflows.proposals import Seen
from studio.workflows.proposals_report import moment


def show(snapshot: Snapshot, seen: Seen) -> Proposal | None:
    """Everything above the columns; returns the proposal it is to be compared with, if any."""
    found = seen.proposal
    st.button(t("review.back"), icon=":material/arrow_back:", type="tertiary", on_click=close, key="review.back")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(plain(found.name, 120), anchor=False, width="content")
        badge(found)
        if found.next_id:
            st.badge(t("review.superseded"), color="gray")
    st.caption(
        t("proposal.facts", n=found.content["n"], pool=found.content["n_pool"], corpus=plain(snapshot.name),
          snapshot=plain(found.snapshot_id), by=who(found.created_by, found.verified), when=moment(found.created_at))
    )  # fmt: skip
    st.subheader(plain(verdict(found.content, lang=choose_language()), 600), anchor=False)
    if seen.stale:
        lines = [t("proposal.stale_title"), *(f"- {plain(sentence(one), 400)}" for one in seen.stale)]
        st.warning("\n".join(lines), icon=":material/history:")
    if is_reading():
        _reading()
    return _tools(found)


def _reading() -> None:
    place = st.container(horizontal=True, vertical_alignment="center")
    place.caption(f":material/visibility: {t('review.reading')}", width="content")
    if may(frame.current_user().role, "annotator"):
        place.button(t("review.reading_leave"), type="tertiary", on_click=_leave, key="review.leave")


def _leave() -> None:
    st.query_params.pop(READ, None)


def _tools(found: Proposal) -> Proposal | None:
    """Export, link, and the other proposal of the comparison."""
    opened, actor = frame.studio(), frame.current_user()
    others = {
        p.proposal_id: p for p in rows.of_corpus(opened.store, found.corpus_id) if p.proposal_id != found.proposal_id
    }
    place = st.columns([1, 1, 3], vertical_alignment="bottom")
    with place[0].popover(t("review.export"), icon=":material/download:", width="stretch"):
        st.caption(t("review.export_help"))
        for lang in words.LANGUAGES:
            # the file is made when it is asked for, in a thread that knows neither session nor language
            st.download_button(
                t(f"review.export_{lang}"),
                lambda lang=lang: proposals_report.write(opened, actor, proposal_id=found.proposal_id, lang=lang),
                proposals_report.file_name(found), "text/html", icon=":material/download:", on_click="ignore",
                key=f"export_{lang}", width="stretch",
            )  # fmt: skip
    with place[1].popover(t("review.link"), icon=":material/link:", width="stretch"):
        st.caption(t("review.link_help"))
        base = f"{st.context.url or 'review'}?{frame.SNAPSHOT_KEY}={found.snapshot_id}&{KEY}={found.proposal_id}"
        for key, address in (("link_read", f"{base}&{READ}=1"), ("link_all", base)):
            st.caption(t(f"review.{key}"))
            st.code(address, language=None, wrap_lines=True)
    if not others:
        return None
    names = {"": t("review.compare_none")} | {
        key: f"{p.name} · {t(f'proposal.state.{p.state}')}" for key, p in others.items()
    }
    with place[2]:
        chosen = frame.url_select(st, t("review.compare_with"), list(names), WITH, format_func=names.__getitem__)
    return others.get(chosen)


def history(seen: Seen) -> None:
    """What happened, oldest first; what came of it."""
    found = seen.proposal
    st.subheader(t("review.history.title"), anchor=False)
    st.caption(t("review.history.proposed", by=who(found.created_by, found.verified), when=moment(found.created_at)))
    for one in seen.decisions:
        did = t(f"proposal.did.{one.kind}")
        st.caption(t("review.decide.done", by=who(one.created_by, one.verified), did=did, when=moment(one.created_at)))
        if one.note:
            st.text(one.note)
        if one.stale:
            what = " ".join(sentence(item, lang=choose_language()) for item in one.stale)
            st.caption(t("proposal.stale_then", what=plain(what, 600)))
    for target, key in ((found.previous_id, "previous"), (found.next_id, "next")):
        if target:
            st.button(t(f"review.history.{key}"), type="tertiary", icon=":material/history:", key=f"review.{key}",
                      on_click=open_proposal, args=(target,))  # fmt: skip
    _hangs(seen)
    st.caption(t("review.hash", content=found.content_hash[:12], ids=str(found.content["ids_hash"])[:12],
                 recipe=str(found.content["recipe_hash"])[:12]))  # fmt: skip


def _hangs(seen: Seen) -> None:
    found = seen.proposal
    st.subheader(t("review.hangs.title"), anchor=False)
    st.caption(t("review.hangs.queue", labelled=seen.n_labelled, n=found.content["n"]))
    places = st.container(horizontal=True)
    if seen.selection is not None and places.button(t("review.hangs.open_queue"), icon=":material/edit_note:",
                                                    key="review.queue"):  # fmt: skip
        frame.go("annotate", sel=found.selection_id)
    if seen.control_id and places.button(t("review.hangs.open_control"), icon=":material/casino:", key="review.control",
                                         help=t("review.hangs.control")):  # fmt: skip
        frame.go("annotate", sel=seen.control_id)
    if not seen.rounds:
        st.caption(t("review.hangs.no_round"))
    for one in seen.rounds:
        st.caption(t("review.hangs.round", number=one.number, labels=one.n_labels, accuracy=one.accuracy,
                     openings=one.test_openings))  # fmt: skip
        if one.test:
            st.caption(f"**{plain(openings.figure(one.test, lang=choose_language()))}**")
        if one.test_openings:
            train_test.mark(frame.studio(), one.round_id)
        if st.button(t("review.hangs.open_round", number=one.number), icon=":material/model_training:",
                     key=f"review.round_{one.round_id}"):  # fmt: skip
            frame.go("train", round=one.round_id)
    review_proof.show(seen)
