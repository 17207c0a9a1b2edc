"""The one plain sentence that stands first: groups against chance, variety, and whether it helps."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import asking, frame
from pages._ui.words import choose_language, plain, t
from studio.records import Snapshot
from studio.reports import said
from studio.selection.verdict import PARTS, Part, is_pending
from studio.store.selections import FrozenSelection
from studio.workflows import select_verdict
from studio.workflows.select import Choice

LONGEST = 500  # characters; names of groups come from the corpus


def show(snapshot: Snapshot, choice: Choice) -> None:
    """The sentence about the choice now; what it still waits for is asked for until it is there."""
    asking.until(lambda: _sentence(snapshot, choice), is_over=not is_pending(_parts(snapshot, choice)))


def _parts(snapshot: Snapshot, choice: Choice) -> Sequence[Part]:
    return select_verdict.of_choice(frame.studio(), snapshot, choice, owner=frame.session_id())


def _sentence(snapshot: Snapshot, choice: Choice) -> bool:
    parts = _parts(snapshot, choice)
    _draw(parts)
    return not is_pending(parts)


def _draw(parts: Sequence[Part]) -> None:
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
