"""A table of examples one row of which can be chosen; corpus text is shown as it is, never rendered."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import explore_data as data
from pages._ui.explore_lasso import EXAMPLE
from studio.records import Array, Snapshot
from studio.store import examples
from studio.store.maps import MapRecord
from studio.workflows.studio import Studio

CHARACTERS = 2_000  # of a text in a table; the whole of it is one press away


def show(
    opened: Studio,
    snapshot: Snapshot,
    chart: MapRecord,
    ids: Sequence[int] | Array,
    *,
    key: str,
    height: int,
    likeness: Sequence[float] | None = None,
) -> None:
    """The examples of `ids`; choosing a row opens it."""
    names = ("example_id", "text", *snapshot.group_columns)
    rows = examples.by_ids(opened.store, snapshot.snapshot_id, ids, names)
    rows["text"] = rows["text"].str.slice(0, CHARACTERS)
    found = data.named_values(opened, snapshot, chart.map_id, ("label_now", "cluster"), rows["example_id"].to_numpy())
    rows = rows.assign(**found)
    groups = list(snapshot.group_columns)
    rows[groups] = rows[groups].astype(object).fillna("")  # a column without any value comes as numbers
    if likeness is not None:
        rows.insert(0, "likeness", list(likeness)[: len(rows)])
    config = {name: st.column_config.Column(data.column_title(name)) for name in rows.columns}
    config["text"] = st.column_config.TextColumn(data.column_title("text"), width=235)
    config["example_id"] = st.column_config.NumberColumn(data.column_title("example_id"), format="%d", width="small")
    if likeness is not None:
        config["likeness"] = st.column_config.NumberColumn(data.column_title("likeness"), format="%.3f", width="small")
    order = [*(["likeness"] if likeness is not None else []), "text", "label_now", "cluster"]
    numbers = [int(number) for number in rows["example_id"]]
    st.dataframe(
        rows,
        hide_index=True,
        column_config=config,
        column_order=[*order, *snapshot.group_columns, "example_id"],
        on_select=lambda: _open(key, numbers),
        selection_mode="single-row",
        key=key,
        height=height,
    )


def _open(key: str, numbers: Sequence[int]) -> None:
    rows = ((st.session_state.get(key) or {}).get("selection") or {}).get("rows") or []
    if rows and rows[0] < len(numbers):
        st.query_params[EXAMPLE] = str(numbers[rows[0]])
