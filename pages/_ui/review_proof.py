"""What a check "Does it help?" of a proposal's recipe saw of the test split, beside the rounds that hang on it."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import choose_language, plain, t
from studio.workflows import proposals_proof_test
from studio.workflows.openings import MOST_WHY
from studio.workflows.proposals import Seen


def show(seen: Seen) -> None:
    """Every look, its winner first; nothing where nobody looked."""
    for one, changed in seen.looks:
        said = proposals_proof_test.lines(frame.studio(), one, stale=changed, lang=choose_language())
        st.markdown(f"**{t('proved.title')}**")
        st.markdown("\n".join(f"- {plain(line, MOST_WHY + 400)}" for line in said))
