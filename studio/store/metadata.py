"""Original columns that have no role: they are kept in `meta` and named `meta.<column>`, in filters and plans alike."""

from __future__ import annotations

import json
from collections import Counter

from studio.store import snapshots
from studio.store.connection import Store

PREFIX = "meta."
MOST_KEYS = 200
_SAMPLE = 2_000  # rows looked at; ours
_SHORT = 200  # characters; ours: as long as a name may be, and a longer value is a text and names nothing
_ROWS = "SELECT meta FROM read_parquet($file) WHERE meta IS NOT NULL LIMIT $n"


def is_meta(column: object) -> bool:
    """True for the name of a column kept in `meta`."""
    return isinstance(column, str) and column.startswith(PREFIX) and len(column) > len(PREFIX)


def path(column: str) -> str:
    """The JSON path of a column, to be bound and never written into a statement.

    Example:
        >>> path("meta.likes.n")
        '$."likes.n"'
    """
    return "$." + json.dumps(column.removeprefix(PREFIX), ensure_ascii=False)


def columns(store: Store, snapshot_id: str, *, naming: bool = False) -> tuple[str, ...]:
    """The columns kept in `meta`, the fullest first, judged by the first rows.

    Args:
        store: the workspace database.
        snapshot_id: which snapshot.
        naming: only those whose values may name something: single short values, and at least one of them twice where
            every row was looked at.
    """
    if "meta" not in snapshots.require(store, snapshot_id).columns:
        return ()
    file = str(store.workspace.examples_file(snapshot_id).resolve())
    filled: Counter[str] = Counter()
    n_rows = 0
    values: dict[str, set[str]] = {}
    texts: set[str] = set()
    for (cell,) in store.rows(_ROWS, {"file": file, "n": _SAMPLE}):
        n_rows += 1
        try:
            found = json.loads(cell)
        except (ValueError, TypeError):
            continue
        for key, value in found.items() if isinstance(found, dict) else ():
            filled[key] += 1
            if isinstance(value, list | dict) or len(str(value)) > _SHORT:
                texts.add(key)
            else:
                values.setdefault(key, set()).add(str(value))
    kept = [key for key, _ in filled.most_common()]
    if naming:
        may_repeat = n_rows == _SAMPLE
        kept = [key for key in kept if key not in texts and (may_repeat or len(values[key]) < filled[key])]
    return tuple(PREFIX + key for key in kept[:MOST_KEYS])
