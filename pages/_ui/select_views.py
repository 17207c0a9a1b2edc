"""What the Select page shows besides the ranking itself: one view at a time, named in the URL."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import frame, select_effects, select_learn, select_measures, select_proof, select_rate
from pages._ui.words import t
from studio.records import Snapshot
from studio.workflows.select_scores import ScoreState, Targets

CHOOSE = "choose"
# view -> what draws it; its words key is select.views.<view>
VIEWS: dict[str, Callable[[Snapshot, ScoreState, Targets | None], None]] = {
    "measures": select_measures.show,
    "rate": select_rate.show,
    "effects": select_effects.show,
    "proof": select_proof.show,
    "learn": select_learn.show,
}


def show(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> bool:
    """The switch, and the view it stands on; False where that is the ranking, which the page draws itself."""
    if not VIEWS:
        return False
    view = frame.url_select(
        st,
        t("select.views.label"),
        (CHOOSE, *VIEWS),
        "view",
        format_func=lambda name: t(f"select.views.{name}"),
        widget="segmented_control",
        label_visibility="collapsed",
        required=True,
    )
    if view == CHOOSE:
        return False
    with frame.show_errors():
        VIEWS[view](snapshot, state, targets)
    return True
