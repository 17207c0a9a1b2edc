"""The one plain sentence that stands first: groups against chance, variety, and whether it helps."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import frame
from pages._ui.words import choose_language, plain, t
from studio.records import Snapshot
from studio.reports import said
from studio.selection.verdict import PARTS, Part
from studio.store.selections import FrozenSelection
from studio.workflows import select_verdict
from studio.workflows.select import Choice

LONGEST = 500  # characters; names of groups come from the corpus


def show(snapshot: Snapshot, choice: Choice) -> None:
    """The sentence about the choice now; drawn again when the comparison of variety is there."""
    parts = select_verdict.of_choice(frame.studio(), snapshot, choice)
    st.markdown(f"##### {plain(text(parts), LONGEST)}", help=t("verdict.about"))


def frozen(selection: FrozenSelection) -> None:
    """The sentence about a saved selection, worked out now."""
    with st.spinner(t("why.versus.saying")):
        parts = select_verdict.of_frozen(frame.studio(), selection)
    st.markdown(t("verdict.saved", name=plain(selection.name), sentence=plain(text(parts), LONGEST)))


def text(parts: Sequence[Part]) -> str:
    """The parts as one sentence in the page's language; not escaped."""
    told = [said.sentence(part, lang=choose_language()) for part in parts]
    if len(told) == PARTS:
        return t("verdict.sentence", groups=told[0], variety=told[1], proof=told[2])
    return t("verdict.one", text=told[0])
