"""Examples of a proposal: 20 in and 20 nearly in; one row in full with what was said of it."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from pages._ui import frame
from pages._ui.review_talk import form, said
from pages._ui.widgets import example_card
from pages._ui.words import choose_language, t
from studio.reports import proposal as told
from studio.workflows import proposals_report
from studio.workflows.proposals import Seen


def show(seen: Seen) -> None:
    """The switch, the table, and the row a person chose."""
    content = seen.proposal.content["examples"]
    titles = told.example_titles(content, lang=choose_language())
    st.subheader(t("review.examples.title"), anchor=False)
    kind = "in"
    if "near" in titles:
        kind = frame.url_select(
            st, t("review.examples.title"), ("in", "near"), "ex", format_func=lambda name: titles[name][0],
            widget="segmented_control", label_visibility="collapsed", required=True,
        )  # fmt: skip
    elif content["near_by"] == "none":
        st.caption(t("proposal.examples_near_none"))
    st.caption(f"{titles[kind][1]} {t('review.examples.pick')}")
    texts = proposals_report.texts(frame.studio(), seen.proposal)
    counted = Counter(one.example_id for one in seen.comments)
    shown = content[kind]
    event = st.dataframe(
        {
            t("proposal.number"): [one["id"] for one in shown],
            t("proposal.text"): [texts.get(one["id"], t("proposal.gone")) for one in shown],
            t("review.examples.comments"): [counted[one["id"]] for one in shown],
            t("proposal.why"): [told.why(one, lang=choose_language()) for one in shown],
        },
        hide_index=True, width="stretch", height=390, on_select="rerun", selection_mode="single-row",
        key=f"review_{kind}_{seen.proposal.proposal_id}",
        column_config={
            t("proposal.number"): st.column_config.NumberColumn(width=70, format="%d"),
            t("proposal.text"): st.column_config.TextColumn(width=310),
            t("proposal.why"): st.column_config.TextColumn(width=240),
            t("review.examples.comments"): st.column_config.NumberColumn(width=85),
        },
    )  # fmt: skip
    picked = event.selection.rows if event else []
    if picked and picked[0] < len(shown):
        one = shown[picked[0]]
        why = told.why(one, lang=choose_language())
        facts = {t("proposal.number"): str(one["id"])} | ({t("proposal.why"): why} if why else {})
        example_card(told.cut(texts.get(one["id"], t("proposal.gone")), lang=choose_language()), facts)
        said([comment for comment in seen.comments if comment.example_id == one["id"]])
        form(seen.proposal, one["id"])
