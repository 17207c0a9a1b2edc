"""Why this example: its score part by part, what let it in or kept it out, and the smallest move that flips it."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, widgets
from pages._ui.select_words import reason_text
from pages._ui.words import plain, t
from studio.measures import by_name
from studio.records import VIEWS, Snapshot
from studio.store import examples
from studio.workflows import select
from studio.workflows.select import Choice


def show(snapshot: Snapshot, choice: Choice, clicked: int | None) -> None:
    """The panel; the example is the clicked row, else the typed number, else the first chosen one."""
    st.subheader(t("select.why.title"), anchor=False)
    if choice.ranking is None or not len(choice.ids):
        st.caption(t("select.why.other_strategy"))
        return
    if clicked is not None and clicked != st.session_state.get("why.clicked"):
        st.session_state["why.clicked"] = clicked
        st.session_state["example"] = clicked
    default = int(choice.ids[0])
    asked = st.number_input(
        t("select.why.pick"), 0, 2**53 - 1, default, 1, key="example", help=t("select.why.pick_help")
    )
    example_id = int(asked)
    known = examples.by_ids(frame.studio().store, snapshot.snapshot_id, [example_id], ["example_id", "text"])
    if known.empty or not select.in_pool(choice, example_id):
        st.info(t("select.why.not_in_pool", id=example_id), icon=":material/search_off:")
        return
    widgets.example_card(str(known["text"].iloc[0]), {})
    _facts(choice, example_id)
    _measures(snapshot, choice, example_id)
    if st.toggle(t("select.why.flip_button"), key="flip"):
        _flip(choice, example_id)


def _facts(choice: Choice, example_id: int) -> None:
    found = select.why(choice, example_id)
    reason = plain(reason_text(found.code), 120)
    if found.is_in:
        st.success(t("select.why.inside", place=found.place, of=found.of, reason=reason), icon=":material/check:")
    elif found.score is None:
        st.info(t("select.why.outside_unscored", reason=reason), icon=":material/block:")
    else:
        st.info(t("select.why.outside", place=found.place, of=found.of, reason=reason), icon=":material/block:")
    if found.score is not None and found.threshold is not None:
        st.caption(t("select.why.score", score=found.score, threshold=found.threshold))
    views = [view for view in VIEWS if choice.weights[view]]
    st.dataframe(
        {
            t("select.why.gave"): [t(f"select.view.{view}") for view in views],
            "unit": [found.unit[view] for view in views],
            "weight": [choice.weights[view] for view in views],
            "part": [found.gave[view] for view in views],
        },
        hide_index=True,
        width="stretch",
        column_config={
            "unit": st.column_config.NumberColumn(t("select.column.unit"), format="%.3f"),
            "weight": st.column_config.NumberColumn(t("select.weights.title"), format="%d %%"),
            "part": st.column_config.ProgressColumn(
                t("select.column.score"), min_value=0.0, max_value=1.0, format="%.3f"
            ),
        },
    )


def _measures(snapshot: Snapshot, choice: Choice, example_id: int) -> None:
    rows = select.measures_of(frame.studio(), snapshot.snapshot_id, choice, example_id)
    st.dataframe(
        {
            t("select.column.measure"): [t(by_name(name).title) for name in rows["measure"]],
            t("select.column.raw"): [
                "–" if missing else f"{value:.4f} {t(f'measure.{name}.unit')}"
                for name, value, missing in zip(rows["measure"], rows["raw"], rows["raw"].isna(), strict=True)
            ],
            t("select.column.unit"): rows["unit_value"].tolist(),
        },
        hide_index=True,
        width="stretch",
        column_config={t("select.column.unit"): st.column_config.NumberColumn(format="%.3f")},
    )


def _flip(choice: Choice, example_id: int) -> None:
    found, distance = select.flip(choice, example_id, widgets.locked())
    if found is None:
        st.caption(t("select.why.no_flip", distance=distance))
        return
    way = "flip_out" if select.why(choice, example_id).is_in else "flip_in"
    st.caption(t(f"select.why.{way}", view=t(f"select.view.{found.view}"), before=found.before, after=found.after))
