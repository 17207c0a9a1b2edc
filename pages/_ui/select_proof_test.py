"""The winner of a check on the test split: what one look showed, or what lets somebody look."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from pages._ui import frame, opening, runs_watch
from pages._ui.words import choose_language, plain, t
from studio.access.roles import may
from studio.records import Snapshot
from studio.selection import proof, proxy
from studio.selection.recipe import Recipe
from studio.store import rounds
from studio.store.openings import Opening
from studio.workflows import openings, select_proof_test
from studio.workflows import proposals_proof_test as told
from studio.workflows.openings import MOST_WHY
from studio.workflows.select_proof import Prospect, Study, worded
from studio.workflows.select_scores import ScoreState


def show(snapshot: Snapshot, state: ScoreState, recipe: Recipe, found: Prospect, study: Study) -> None:
    """Figures once somebody looked; else what an approval allows. `study` is the check that is shown above."""
    opened, own = frame.studio(), select_proof_test.of_study(frame.studio(), snapshot, study)
    times = rounds.test_openings(opened.store, snapshot.snapshot_id)
    with st.container(border=True):
        st.markdown(f"**{t('proved.title')}**")
        if own:
            stale = ("test",) if select_proof_test.is_test_changed(opened, snapshot, own[-1]) else ()
            _figures(own[-1], stale)
            st.caption(t("proved.first", own=len(own), times=times))
            return
        if found.key is None or study.stale:
            st.caption(t("proved.after"))
            return
        _earlier(snapshot, state, found)
        n = select_proof_test.n_test(opened, snapshot, str(study.facts["kind"]))
        if not n:
            st.caption(t("proved.closed_none"))
            return
        st.caption(t("proved.closed", n=f"{n:,}", draws=proof.DRAWS, times=times))
        if may(frame.current_user().role, "analyst"):
            _offer(snapshot, state, recipe, found)


def _earlier(snapshot: Snapshot, state: ScoreState, found: Prospect) -> None:
    """A look that an earlier check of the same selection had: still counted, so still shown."""
    frozen = select_proof_test.basis(frame.studio(), snapshot, found, state)
    before = select_proof_test.of_selection(frame.studio(), frozen.selection_id) if frozen else []
    if before:
        st.caption(t("proved.older"))
        _figures(before[-1], select_proof_test.changed_since(frame.studio(), before[-1]), is_older=True)


def _offer(snapshot: Snapshot, state: ScoreState, recipe: Recipe, found: Prospect) -> None:
    live = select_proof_test.live(frame.studio(), snapshot_id=snapshot.snapshot_id, key=found.key)
    if live is not None:
        runs_watch.watch(live.run_id, "proved.waiting")
        return
    ended = select_proof_test.last_try(frame.studio(), snapshot_id=snapshot.snapshot_id, key=str(found.key))
    if ended:
        st.warning(t(f"proved.{ended}"), icon=":material/lock:" if ended == "left_closed" else ":material/report:")
    given = select_proof_test.permission(frame.studio(), snapshot, found, state)
    opening.offer(given, partial(_open, snapshot.snapshot_id, recipe, state), name=str(found.key),
                       label=t("proved.open"), is_proof=True)  # fmt: skip


def _open(snapshot_id: str, recipe: Recipe, state: ScoreState, opening_id: str, why: str) -> None:
    select_proof_test.start(frame.studio(), frame.current_user(), snapshot_id=snapshot_id, recipe=recipe, state=state,
                            why=why, run_id=opening_id)  # fmt: skip


def _figures(one: Opening, stale: Sequence[str], *, is_older: bool = False) -> None:
    lang, shown = choose_language(), one.shown or {"rows": ()}
    for changed in stale:
        st.warning(t(f"proved.stale.{changed}"), icon=":material/history:")
    if shown["rows"]:
        _sentence(shown, lang, is_older)
        _sizes(shown, lang)
        if shown["n"] < proxy.SMALL_HELD:
            st.caption(f":material/warning: {t('proved.small', n=shown['n'])}")
        st.caption(plain(told.about(shown, lang=lang), 600))
    st.caption(plain(openings.tell(frame.studio(), one, lang=lang), MOST_WHY + 400))


def _sentence(shown: Any, lang: str, is_older: bool) -> None:
    row = told.primary(shown)
    boxes = {"better": (st.success, ":material/trending_up:"), "same": (st.info, ":material/drag_handle:"),
             "worse": (st.warning, ":material/trending_down:")}  # fmt: skip
    box, icon = boxes[row["verdict"] if row else "same"]
    if is_older:
        st.caption(told.winner(shown, lang=lang))
    else:
        box(told.winner(shown, lang=lang), icon=icon)


def _sizes(shown: Any, lang: str) -> None:
    """A row per size that was looked at, its figure on validation beside it."""
    rows = [told.values(shown, row, lang=lang) for row in shown["rows"]]
    gap, wide = "proof.table.with_interval", st.column_config.Column
    value, gained = t(worded("proved.table.value", shown["kind"])), t(worded("proof.table.difference", shown["kind"]))
    st.dataframe(
        {
            t("proved.table.which"): [t("proved.table.size", mark=row["mark"], size=row["size"]) for row in rows],
            value: [
                t(gap, value=row["value"], low=row["low"], high=row["high"]) for row in rows
            ],
            t("proved.table.before"): [row["before"] for row in rows],
            t("proved.table.mean"): [row.get("mean", "–") for row in rows],
            gained: [
                t(gap, value=row["difference"], low=row["gap_low"], high=row["gap_high"]) if "mean" in row else "–"
                for row in rows
            ],
            t("proved.table.lower"): [f"{row['k']} / {row['draws']}" if "mean" in row else "–" for row in rows],
        },
        hide_index=True, width="stretch",
        column_config={t("proved.table.which"): wide(width=184), t("proved.table.before"): wide(width=70),
                       t("proved.table.mean"): wide(width=62), t("proved.table.lower"): wide(width=69),
                       gained: wide(width=160), value: wide(width=148)},
    )  # fmt: skip
