"""The test split of a finished round: its figures and under what it was opened, or what lets it be opened."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages._ui import frame, opening
from pages._ui.words import choose_language, plain, t
from studio.access.roles import may
from studio.store import rounds
from studio.store.rounds import Round
from studio.workflows import openings
from studio.workflows.openings import MOST_WHY
from studio.workflows.studio import Studio


def show(opened: Studio, found: Round) -> None:
    """Figures once it is open; else what an approval allows, and the way to one."""
    times = rounds.test_openings(opened.store, found.snapshot_id)
    with st.container(border=True):
        st.markdown(f"**{t('round.test')}**")
        result = found.report.get("test")
        if result:
            accuracy = result["accuracy"]
            low, high = (f"{100 * accuracy[name]:.1f} %" for name in ("low", "high"))
            st.text(t("round.test_line", value=f"{100 * accuracy['value']:.1f} %", low=low, high=high,
                      macro=f"{result['macro_f1']['value']:.3f}", n=f"{result['n']:,}", k=times))  # fmt: skip
            mark(opened, found.round_id)
            return
        st.caption(t("round.test_closed", n=times))
        if may(frame.current_user().role, "analyst"):
            opening.offer(openings.permission(opened, found.round_id), partial(_open, found.round_id),
                               name=found.round_id, label=t("round.test_open"))  # fmt: skip


def mark(opened: Studio, round_id: str) -> None:
    """Under what a round's test figures were looked at; what people wrote is shown as characters."""
    st.caption(plain(openings.told(opened, round_id, lang=choose_language()), MOST_WHY + 400))


def _open(round_id: str, opening_id: str, why: str) -> None:
    openings.open_test(frame.studio(), frame.current_user(), round_id=round_id, why=why, opening_id=opening_id)
