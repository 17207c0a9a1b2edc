"""After a round: the list of rounds, and the batch its model would learn most from."""

from __future__ import annotations

import uuid

import pandas as pd
import streamlit as st

from pages._ui import frame, train_setup
from pages._ui.words import t
from studio.access.roles import may
from studio.records import Snapshot
from studio.store import examples, rounds
from studio.store.rounds import Round
from studio.workflows import train_rounds
from studio.workflows.studio import Studio

_BATCH_ID = "train.batch_id"
MOST_LISTED = 200
_PEEK = 10


def batch(opened: Studio, snapshot: Snapshot, found: Round) -> None:
    """How many to annotate next, by which doubt; the button freezes them and opens the desk."""
    left = train_rounds.next_pool(opened, found.round_id)
    with st.container(border=True):
        st.markdown(f"**{t('round.next')}**")
        if left.empty:
            st.caption(t("round.next_none"))
            return
        st.text(t("round.next_text", n=f"{len(left):,}"))
        places = st.columns([1, 2], vertical_alignment="bottom")
        k = int(places[0].number_input(t("round.next_k"), 1, len(left), min(50, len(left)), key="next_k"))
        by = places[1].selectbox(t("round.next_by"), train_rounds.ORDERS, key="next_by",
                                 format_func=lambda name: t(f"round.by_{name}"))  # fmt: skip
        st.caption(t("round.next_control", n=train_rounds.control_count(k)))
        if may(frame.current_user().role, "analyst") and st.button(
            t("round.next_button", k=k), type="primary", icon=":material/edit_note:", key="next_batch"
        ):
            _freeze(opened, found, k, by)
        if st.toggle(t("round.next_show"), key="next_peek"):
            _peek(opened, snapshot, found, by)


def _freeze(opened: Studio, found: Round, k: int, by: str) -> None:
    batch_id = st.session_state.setdefault(_BATCH_ID, uuid.uuid4().hex)
    with frame.show_errors():
        made = train_rounds.next_batch(opened, frame.current_user(), round_id=found.round_id, k=k, by=by,
                                       seed=found.number, name=t("round.next_name", number=found.number),
                                       selection_id=batch_id)  # fmt: skip
        st.session_state.pop(_BATCH_ID, None)
        frame.go("annotate", sel=made)


def _peek(opened: Studio, snapshot: Snapshot, found: Round, by: str) -> None:
    ids = train_rounds.best_next(opened, found.round_id, _PEEK, by=by)
    said = rounds.predictions(opened.store, found.round_id, ids).set_index("example_id")
    texts = examples.by_ids(opened.store, snapshot.snapshot_id, ids, ["example_id", "text"])
    texts["predicted"] = [said.loc[i, "predicted"] for i in texts["example_id"]]
    texts["margin"] = [said.loc[i, "margin"] for i in texts["example_id"]]
    st.dataframe(texts[["text", "predicted", "margin"]], hide_index=True, column_config={
        "text": st.column_config.TextColumn(t("round.text"), width="large"),
        "predicted": st.column_config.TextColumn(t("round.predicted")),
        "margin": st.column_config.NumberColumn(t("round.margin"), format="%.3f"),
    })  # fmt: skip


def listing(opened: Studio, snapshot: Snapshot, current: str) -> None:
    """Every round of this corpus; choosing one opens it."""
    found = rounds.of_snapshot(opened.store, snapshot.snapshot_id)[:MOST_LISTED]
    st.subheader(t("round.list"), anchor=False)
    if not found:
        st.caption(t("round.none"))
        return
    table = pd.DataFrame([
        {"number": r.number, "name": r.name, "arm": t(f"round.arm_name.{r.arm}"),
         "base": train_setup.name_of_base(str(r.plan["base"])).replace("\\", ""),
         "method": t(f"train.method_name.{r.plan['method']}"), "n_train": r.n_train, "n_validation": r.n_validation,
         "accuracy": 100 * r.accuracy, "macro_f1": r.macro_f1, "when": r.created_at}
        for r in found
    ])  # fmt: skip
    shown = ["number", "name", "accuracy", "macro_f1", "arm", "n_train", "n_validation", "base", "method", "when"]
    table = table[shown]
    if not table["name"].any():
        table = table.drop(columns="name")
    config = {name: t(f"round.{name}") for name in table.columns}
    config["accuracy"] = st.column_config.NumberColumn(f"{t('round.accuracy')} (%)", format="%.1f")
    config["macro_f1"] = st.column_config.NumberColumn(t("round.macro_f1"), format="%.3f")
    config["when"] = st.column_config.DatetimeColumn(t("round.when"), format="YYYY-MM-DD HH:mm")
    chosen = st.dataframe(table, hide_index=True, column_config=config, on_select="rerun", selection_mode="single-row",
                          key=f"rounds_{current}")  # fmt: skip
    rows = chosen["selection"]["rows"]
    if rows and found[rows[0]].round_id != current:
        st.query_params[train_setup.ROUND_KEY] = found[rows[0]].round_id
        st.rerun()


def back() -> None:
    """From one round to the form and the list."""
    if st.button(t("round.again"), icon=":material/add:", key="again", width="stretch"):
        st.query_params.pop(train_setup.ROUND_KEY, None)
        st.rerun()
