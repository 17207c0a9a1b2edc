"""Who gets in: the ranked table with the parts of each score, and who entered or left against a saved selection."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, select_limits, select_verdict
from pages._ui.select_words import context_text, reason_text, views_in_use
from pages._ui.words import literal, plain, t
from studio.records import VIEWS, Snapshot
from studio.selection.recipe import WEIGHTED
from studio.store import examples, selections
from studio.store.selections import FrozenSelection
from studio.workflows import select
from studio.workflows.select import Change, Choice

SHOWN_CHANGES = 50
UNTIL_DRAWN_S = 0.12  # a browser on two cores draws the table, or the sliders, in that time if left alone (0230)
VERSUS = "vs"  # URL parameter: the saved selection the choice is held against


def numbers(choice: Choice, change: Change) -> None:
    """The few numbers that change with every move."""
    with st.container(key="pairs_numbers"):
        places = st.columns(4)
    places[0].metric(t("select.result.chosen"), f"{len(choice.ids):,}")
    cut = f"{choice.scores[-1]:.3f}" if len(choice.scores) and choice.recipe.strategy == "weighted_sum" else "–"
    places[1].metric(t("select.result.cut"), cut)
    if change.last:
        places[2].metric(t("select.result.entered"), f"{len(change.entered):,}")
        places[3].metric(t("select.result.left"), f"{len(change.left):,}")


def notes(choice: Choice) -> None:
    """What the person should know before believing the list."""
    select_limits.notes(choice)
    if len(choice.ids) < choice.recipe.budget and not choice.is_short:
        st.info(t("select.result.small_pool", n=choice.n_usable), icon=":material/info:")
    if choice.left_out:
        views = ", ".join(f"{t(f'select.view.{view}')} {n:,}" for view, n in choice.left_out.items())
        st.info(
            t("select.result.left_out", n=choice.n_left_out, pool=choice.n_pool, views=views), icon=":material/rule:"
        )
    for a, b, rho in select.correlations(choice):
        way = t("select.result.together" if rho > 0 else "select.result.against")
        names = {"a": t(f"select.view.{a}"), "b": t(f"select.view.{b}")}
        st.warning(t("select.result.mirrored", way=way, rho=rho, **names), icon=":material/join:")


def table(snapshot: Snapshot, choice: Choice) -> int | None:
    """The ranked table; returns the example a person clicked."""
    frame_ = select.table(frame.studio(), snapshot.snapshot_id, choice)
    said = {code: reason_text(code) for code in set(frame_["reason"])}  # few codes, hundreds of rows
    frame_["reason"] = [said[code] for code in frame_["reason"]]
    views = [view for view in VIEWS if view in frame_.columns]
    top = max((choice.weights[view] for view in views), default=100) / 100
    column = st.column_config
    config = {
        "rank": column.NumberColumn(t("select.column.rank"), width=50),
        "example_id": column.NumberColumn(t("select.column.example_id"), width=65, format="%d"),
        "text": column.TextColumn(t("select.column.text"), width=210),
        "score": column.ProgressColumn(t("select.column.score"), width=95, min_value=0.0, max_value=1.0, format="%.3f"),
        "reason": column.TextColumn(t("select.column.reason")),
        **{
            view: column.ProgressColumn(t(f"select.view.{view}"), width=85, min_value=0.0, max_value=top, format="%.2f")
            for view in views
        },
    }
    if choice.recipe.strategy not in WEIGHTED:
        frame_ = frame_.drop(columns=["score", *views])
    event = st.dataframe(
        frame_, hide_index=True, column_config=config, height=380, on_select="rerun", selection_mode="single-row",
        key="ranked", width="stretch",
    )  # fmt: skip
    if len(choice.ids) > len(frame_):
        st.caption(t("select.result.shown", n=len(frame_), all=len(choice.ids)))
    measures = {name for view in views_in_use(choice) for name in choice.pool.inner.get(view, ())}
    used = [context_text(item) for item in choice.pool.sets if item.measure in measures]
    if used:
        st.caption(t("select.result.context", what=" · ".join(used)))
    rows = event.selection.rows if event else []
    return int(choice.ids[rows[0]]) if rows and rows[0] < len(choice.ids) else None


def versus(snapshot: Snapshot) -> FrozenSelection | None:
    """The saved selection the choice is held against: that of the link, else the newest one; None without any."""
    listed = _saved(snapshot)
    chosen = frame.url_chosen(list(listed), VERSUS) if listed else ""
    return listed.get(chosen)


def _saved(snapshot: Snapshot) -> dict[str, FrozenSelection]:
    """Every saved selection of the corpus by id: the newest of this version first, its random controls after it."""
    store = frame.studio().store
    found = selections.of_corpus(store, snapshot.corpus_id)
    here = snapshot.snapshot_id
    found.sort(key=lambda one: (one.snapshot_id != here, one.arm != "selection"))
    return {one.selection_id: one for one in found}


def named(one: FrozenSelection, snapshot: Snapshot) -> str:
    """A saved selection in a list: name, size, kind, time, and whether it is of another version of the data."""
    key = "name" if one.snapshot_id == snapshot.snapshot_id else "other_version"
    return t(f"why.versus.{key}", name=literal(one.name, 60), n=one.n, arm=t(f"select.freeze.arm_{one.arm}"),
             time=one.created_at[:16].replace("T", " "))  # fmt: skip


def changes(snapshot: Snapshot, change: Change) -> None:
    """Who entered and who left against a saved selection, with the reason of each; any saved one can be taken."""
    if change.last is None:
        st.caption(t("select.result.no_last"))
        return
    line = t(
        "select.result.versus", name=plain(change.last.name), kept=change.kept, entered=len(change.entered),
        left=len(change.left), labelled=change.labelled,
    )  # fmt: skip
    with st.expander(line, icon=":material/swap_horiz:", key="who_moved"):
        listed = _saved(snapshot)
        shown = {key: named(one, snapshot) for key, one in listed.items()}
        frame.url_select(st, t("why.versus.label"), list(listed), VERSUS, format_func=shown.__getitem__)
        if change.absent:
            st.caption(t("why.versus.absent", n=change.absent))
        if st.toggle(t("why.versus.say", name=plain(change.last.name)), key=f"versus_say_{change.last.selection_id}"):
            select_verdict.frozen(change.last)
        places = st.columns(2)
        for place, title, pairs in ((places[0], "entered", change.entered), (places[1], "left", change.left)):
            with place:
                st.caption(t(f"select.result.{title}"))
                _pairs(snapshot, pairs[:SHOWN_CHANGES])
                if len(pairs) > SHOWN_CHANGES:
                    st.caption(t("why.versus.shown", n=SHOWN_CHANGES, all=len(pairs)))


def _pairs(snapshot: Snapshot, pairs: tuple[tuple[int, str], ...]) -> None:
    if not pairs:
        st.caption(t("select.result.nothing"))
        return
    shown = examples.by_ids(frame.studio().store, snapshot.snapshot_id, [i for i, _ in pairs], ["example_id", "text"])
    shown["reason"] = [reason_text(code) for _, code in pairs]
    column = st.column_config
    st.dataframe(
        shown, hide_index=True, height=240, width="stretch",
        column_config={
            "example_id": column.NumberColumn(t("select.column.example_id"), width="small", format="%d"),
            "text": column.TextColumn(t("select.column.text")),
            "reason": column.TextColumn(t("select.column.reason")),
        },
    )  # fmt: skip
