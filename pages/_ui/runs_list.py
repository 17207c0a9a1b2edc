"""The two halves of the Runs page: what is at work now, and what ended."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import runs_card, runs_words
from pages._ui.words import t
from studio.records import Actor
from studio.workflows import runs
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

REFRESH_S = 2.0
RUN_KEY = "run"
_ROW_PX, _ROWS_SHOWN = 35, 8


def at_work(opened: Studio, actor: Actor, listed: Sequence[RunView]) -> None:
    """Cards of the live runs, looked at again every two seconds while there is one, and never otherwise."""
    st.subheader(t("runs.at_work"), anchor=False)
    working = [view for view in listed if view.is_live and view.spec.kind != "serve"]
    if any(view.is_live and view.spec.kind == "serve" for view in listed):
        st.caption(f":material/bolt: {t('runs.services')}")
    if not working:
        st.caption(t("runs.nothing_live"))
        return
    st.fragment(_live_cards, run_every=REFRESH_S)(opened, actor, frozenset(view.run_id for view in working))


def _live_cards(opened: Studio, actor: Actor, shown: frozenset[str]) -> None:
    views = [view for view in runs.overview(opened, limit=0) if view.spec.kind != "serve"]
    live = [view for view in views if view.is_live]
    if shown - {view.run_id for view in live}:
        st.rerun(scope="app")  # one has ended: it moves to the other half, and the last one ends the timer
    for view in sorted(live, key=lambda view: (view.position, view.spec.ticket)):
        runs_card.live(opened, actor, view)


def ended(opened: Studio, actor: Actor, listed: Sequence[RunView]) -> None:
    """A table of the runs that ended; the chosen one, kept in the URL, opens below it."""
    over = [view for view in listed if not view.is_live]
    over.sort(key=lambda view: view.status.finished_at or view.spec.created_at, reverse=True)
    if not over:
        return
    st.subheader(t("runs.ended"), anchor=False)
    chosen = _table(over)
    if chosen is not None:
        runs_card.ended(opened, actor, chosen)
    else:
        st.caption(t("runs.ended_hint"))


def _table(over: Sequence[RunView]) -> RunView | None:
    columns = {
        t("runs.column.state"): [f"{runs_words.MARKS[view.status.state]} {runs_words.state(view)}" for view in over],
        t("runs.column.kind"): [runs_words.kind(view) for view in over],
        t("runs.column.title"): [runs_words.title(view) for view in over],
        t("runs.column.reason"): [runs_words.reason(view.status) for view in over],
        t("runs.column.when"): [runs_words.ago(view.status.finished_at or view.spec.created_at) for view in over],
        t("runs.column.took"): [_took(view) for view in over],
        t("runs.column.by"): [view.spec.created_by for view in over],
    }
    if not any(columns[t("runs.column.reason")]):
        del columns[t("runs.column.reason")]  # nothing ended badly: the room is for the names
    ids = [view.run_id for view in over]
    wanted = st.query_params.get(RUN_KEY)
    chosen = [ids.index(wanted)] if wanted in ids else []
    # Rows are remembered by number: a list that has changed is another table, opened on the run in the URL.
    key = f"ended_{hash(tuple(ids)):x}"
    event = st.dataframe(
        columns,
        hide_index=True,
        height=min(len(over), _ROWS_SHOWN) * _ROW_PX + _ROW_PX + 3,
        on_select=lambda: _remember(key, ids),
        selection_mode="single-row",
        selection_default={"selection": {"rows": chosen}},
        key=key,
        column_config={
            t("runs.column.title"): st.column_config.TextColumn(width="medium"),
            t("runs.column.reason"): st.column_config.TextColumn(width=150),
        },
        alt=t("runs.ended"),
    )
    rows = event.selection.rows or chosen
    return over[rows[0]] if rows and rows[0] < len(over) else None


def _remember(key: str, ids: Sequence[str]) -> None:
    """Put the selected run into the URL, so that a refresh or a link shows it again."""
    rows = st.session_state[key].selection.rows
    if rows and rows[0] < len(ids):
        st.query_params[RUN_KEY] = ids[rows[0]]
    else:
        st.query_params.pop(RUN_KEY, None)


def _took(view: RunView) -> str:
    seconds = runs_words.lasted(view.status)
    return "" if seconds is None else runs_words.duration(seconds)
