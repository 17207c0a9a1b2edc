"""Review: selections put up for review, one of them in full or two side by side; comment, decide, export."""

import streamlit as st

from pages._ui import (
    frame,
    review_compare,
    review_decide,
    review_examples,
    review_head,
    review_list,
    review_numbers,
    review_propose,
    review_talk,
)
from pages._ui.words import t
from studio.workflows import proposals

snapshot = frame.current_snapshot()
actor = frame.current_user()
if review_propose.is_asked():
    review_propose.show(snapshot)
    st.stop()

wanted = review_list.asked(snapshot)
if wanted is None:
    st.header(t("review.title"), anchor=False)
    st.caption(t("review.intro"))
    review_list.show(snapshot)
    st.stop()

with frame.show_errors():
    seen = proposals.read(frame.studio(), actor, proposal_id=wanted)
    other = review_head.show(snapshot, seen)
    if other is not None:
        review_compare.show(seen.proposal, other)
        st.stop()
    left, right = st.columns([5, 2], gap="large")
    with right:
        review_decide.show(seen)
        review_talk.show(seen)
        review_head.history(seen)
    with left:
        review_numbers.show(seen)
        review_examples.show(seen)
