"""A table of examples one row of which can be chosen; corpus text is shown as it is, never rendered."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages._ui import explore_data as data
from pages._ui.explore_lasso import EXAMPLE
from studio.records import Array, Snapshot
from studio.store import examples
from studio.store.maps import MapRecord
from studio.workflows.studio import Studio


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
    names = ("example_id", "text", "label_now", "cluster", *snapshot.group_columns)
    rows = examples.by_ids(opened.store, snapshot.snapshot_id, ids, names, map_id=chart.map_id)
    titles = data.cluster_titles(opened, chart.map_id)
    rows["cluster"] = rows["cluster"].map(lambda number: titles.get(int(number), "") if pd.notna(number) else "")
    shown = ["label_now", *snapshot.group_columns]
    rows[shown] = rows[shown].astype(object).fillna("")  # a column without any value comes as numbers
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
