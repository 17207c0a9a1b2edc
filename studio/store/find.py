"""Texts, labels in force and groups of rows in several snapshots at once; what a search shows and compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from studio.store import examples, labels, snapshots, splits
from studio.store.connection import Store


def rows(store: Store, ids: Mapping[str, Sequence[int]]) -> dict[tuple[str, int], tuple[str, str]]:
    """(snapshot, example) -> (text, label in force or empty)."""
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for snapshot_id, some in ids.items():
        if not some:
            continue
        frame = examples.by_ids(store, snapshot_id, some, ("example_id", "text", "label_now"))
        for number, text, label in frame.itertuples(index=False, name=None):
            found[snapshot_id, int(number)] = (text or "", label if isinstance(label, str) else "")
    return found


def splits_of(store: Store, snapshot_id: str, ids: Sequence[int]) -> dict[str, str]:
    """Example (as text) -> its split now."""
    frame = splits.frame(store, snapshot_id)
    some = frame[frame["example_id"].isin(list(ids))]
    return {str(number): str(name) for number, name in zip(some["example_id"], some["split"], strict=True)}


def shares(store: Store, snapshot_id: str, ids: Sequence[int], column: str) -> pd.DataFrame:
    """Values of one column among all rows and among some: value, n_all, n_some; missing values are left out.

    Args:
        store: the open database.
        snapshot_id: of which snapshot.
        ids: the some.
        column: `label_now` or a group column of this snapshot.
    """
    given = pa.table({"example_id": pa.array(sorted(set(map(int, ids))), pa.int64())})
    if column == "label_now":
        known = labels.current(store, snapshot_id)[["example_id", "label"]].dropna()
        known["some"] = known["example_id"].isin(given["example_id"].to_pylist())
        counted = known.groupby("label")["some"].agg(["size", "sum"]).reset_index()
        counted.columns = pd.Index(["value", "n_all", "n_some"])
        return counted
    if column not in snapshots.require(store, snapshot_id).group_columns or '"' in column:
        return pd.DataFrame({"value": [], "n_all": [], "n_some": []})
    with store.table(given) as (cursor, name):
        sql = f"""SELECT "{column}" AS value, count(*)::BIGINT AS n_all, count(g.example_id)::BIGINT AS n_some
            FROM read_parquet($file) AS e LEFT JOIN {name} AS g ON g.example_id = e.example_id
            WHERE value IS NOT NULL GROUP BY value ORDER BY value"""
        return cursor.execute(sql, {"file": str(store.workspace.examples_file(snapshot_id).resolve())}).df()
