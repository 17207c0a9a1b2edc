"""Examples of a snapshot by typed conditions: allow-listed columns, bound values, ascending example_id.

Beside the columns of the Parquet file there are `split_now` (the decided split), `label_now` (the label in force),
`characters` (the length of the text) and, where a map is given, `cluster` (merges in force). Conditions may also name
`slice`: eq, ne or in with ids of saved slices. `label` and `labels` are the corpus's own where they may be seen: null
in the pool unless `reveal` is set, which only the simulated annotator and a full export do. `meta.<column>` is an
original column that has no role, as text.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from studio.errors import CorpusError, StoreError
from studio.records import Array, Condition
from studio.store import clusters, labels, metadata, slices, snapshots
from studio.store.connection import Store

SLICE, CHARACTERS = "slice", "characters"
_INTEGERS = frozenset({"example_id", "parent_id", "cluster", CHARACTERS})
_ORDERED = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
OPERATORS: tuple[str, ...] = ("eq", "ne", "in", *_ORDERED, "contains", "has", "isnull", "notnull")
_SPLIT_JOIN = (
    "LEFT JOIN (SELECT example_id, split FROM split WHERE snapshot_id = $snapshot_id) AS s "
    "ON s.example_id = e.example_id"
)
_MAP_JOIN = f"LEFT JOIN (SELECT example_id, cluster FROM ({clusters.POINTS})) AS m ON m.example_id = e.example_id"
_OF_SELECTION = """
SELECT rank, example_id, score, reason FROM selection_example WHERE selection_id = $selection_id ORDER BY rank
"""
_SNAPSHOT_OF_SELECTION = "SELECT snapshot_id FROM selection WHERE selection_id = $selection_id"
_VISIBLE = "CASE WHEN coalesce(s.split, 'pool') <> 'pool' THEN e.{name} END"
_HIDDEN_IN_POOL = ("label", "labels")  # the corpus's own answers, one or several


@dataclass
class _Query:
    """SQL pieces of one request; every value a caller gave is in `values`, none in the text."""

    wanted: list[str]
    where: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def bind(self, value: Any) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


def columns(store: Store, snapshot_id: str, *, map_id: str | None = None) -> tuple[str, ...]:
    """Every column that conditions may name; `frame` shows all of them but `slice`."""
    extra = ("split_now", "label_now", SLICE) + (("cluster",) if map_id else ())
    return (*snapshots.require(store, snapshot_id).columns, *extra)


def frame(
    store: Store,
    snapshot_id: str,
    columns: Sequence[str] | None = None,
    conditions: Sequence[Condition] = (),
    limit: int | None = None,
    offset: int = 0,
    *,
    map_id: str | None = None,
    reveal: bool = False,
) -> pd.DataFrame:
    """Rows that meet every condition, in ascending example_id.

    Args:
        store: the workspace database.
        snapshot_id: which snapshot.
        columns: what to return; None gives every column of the file.
        conditions: clauses joined by AND; they may come from a URL.
        limit: most rows.
        offset: rows to pass over first.
        map_id: the map whose clusters `cluster` means.
        reveal: show the corpus's own labels of the pool too.

    Raises:
        CorpusError: an unknown snapshot, column or operator, or a value the column cannot be compared with.
    """
    query, source = _query(store, snapshot_id, columns, conditions, map_id, reveal)
    tail = "ORDER BY e.example_id"
    if limit is not None:
        tail += f" LIMIT {query.bind(_whole(limit, 'limit'))}"
    if offset:
        tail += f" OFFSET {query.bind(_whole(offset, 'offset'))}"
    return _run(store, snapshot_id, query, f"SELECT {', '.join(query.wanted)} {source} {tail}")


def table(store: Store, snapshot_id: str, columns: Sequence[str]) -> pa.Table:
    """Columns of every row as Arrow, in ascending example_id, for a million rows at once; errors as in `frame`."""
    query, source = _query(store, snapshot_id, columns, (), None, False)
    return _arrow(store, snapshot_id, query, f"SELECT {', '.join(query.wanted)} {source} ORDER BY e.example_id")


def count(
    store: Store,
    snapshot_id: str,
    conditions: Sequence[Condition] = (),
    *,
    map_id: str | None = None,
    reveal: bool = False,
) -> int:
    """How many rows meet every condition; errors as in `frame`."""
    query, source = _query(store, snapshot_id, ("example_id",), conditions, map_id, reveal)
    return int(_run(store, snapshot_id, query, f"SELECT count(*)::BIGINT AS n {source}")["n"].iloc[0])


def ids(
    store: Store,
    snapshot_id: str,
    conditions: Sequence[Condition] = (),
    *,
    map_id: str | None = None,
    reveal: bool = False,
) -> Array:
    """(n,) int64 ascending ids of the rows that meet every condition; errors as in `frame`."""
    query, source = _query(store, snapshot_id, ("example_id",), conditions, map_id, reveal)
    sql = f"SELECT e.example_id {source} ORDER BY e.example_id"
    return _run(store, snapshot_id, query, sql)["example_id"].to_numpy(np.int64)


def by_ids(
    store: Store,
    snapshot_id: str,
    ids: Sequence[int] | Array,
    columns: Sequence[str] | None = None,
    *,
    map_id: str | None = None,
    reveal: bool = False,
) -> pd.DataFrame:
    """The named examples in the order of `ids`; ids the snapshot lacks are left out. Errors as in `frame`."""
    wanted = np.asarray(ids, dtype=np.int64).reshape(-1)
    query, source = _query(store, snapshot_id, columns, (), map_id, reveal)
    given = pa.table({"example_id": wanted, "place": np.arange(len(wanted), dtype=np.int64)})
    if len(wanted):
        # Bounds let the Parquet reader pass over row groups without a look inside.
        low, high = query.bind(int(wanted.min())), query.bind(int(wanted.max()))
        source += f"{' AND' if query.where else ' WHERE'} e.example_id BETWEEN {low} AND {high}"
    with store.table(given) as (cursor, name):
        source = source.replace(" AS e ", f" AS e JOIN {name} AS g ON g.example_id = e.example_id ", 1)
        sql = f"SELECT {', '.join(query.wanted)} {source} ORDER BY g.place"
        return _run(store, snapshot_id, query, sql, cursor)


def of_selection(store: Store, snapshot_id: str, selection_id: str) -> pd.DataFrame:
    """rank, example_id, score and reason of a frozen selection, in pick order.

    Raises:
        CorpusError: no such selection of this snapshot.
    """
    found = store.one(_SNAPSHOT_OF_SELECTION, {"selection_id": selection_id})
    if found is None or found[0] != snapshot_id:
        raise CorpusError("This selection is not one of this snapshot", got=selection_id, fix="Choose another one.")
    return store.read(_OF_SELECTION, {"selection_id": selection_id})


# --- building ---------------------------------------------------------------------------------------------------------
def _query(
    store: Store,
    snapshot_id: str,
    wanted: Sequence[str] | None,
    conditions: Sequence[Condition],
    map_id: str | None,
    reveal: bool,
) -> tuple[_Query, str]:
    """The query's pieces and its FROM ... WHERE text."""
    snapshot = snapshots.require(store, snapshot_id)
    expressions = {name: f'e."{name}"' for name in snapshot.columns if '"' not in name}
    if not reveal:
        expressions |= {name: _VISIBLE.format(name=name) for name in _HIDDEN_IN_POOL if name in expressions}
    if "text" in snapshot.columns:
        expressions[CHARACTERS] = 'length(e."text")'
    expressions |= {"split_now": "coalesce(s.split, 'pool')", "label_now": "l.label"}
    if map_id:
        expressions["cluster"] = "m.cluster"
    query = _Query([])
    named = [*(wanted or ()), *(condition.column for condition in conditions)]
    for name in dict.fromkeys(name for name in named if metadata.is_meta(name)):
        if "meta" in snapshot.columns and name in metadata.columns(store, snapshot_id):
            expressions[name] = f"json_extract_string(e.meta, {query.bind(metadata.path(name))})"
    for name in snapshot.columns if wanted is None else wanted:
        alias = name.replace('"', '""') if isinstance(name, str) else name
        query.wanted.append(f'{_expression(name, expressions, query)} AS "{alias}"')
    for condition in conditions:
        if condition.column == SLICE and SLICE not in snapshot.columns:
            query.where.append(_in_slice(store, snapshot_id, condition, query))
            continue
        query.where.append(_clause(condition, _expression(condition.column, expressions, query), query))
    query.values["file"] = str(store.workspace.examples_file(snapshot_id).resolve())
    source = "FROM read_parquet($file) AS e "
    if "split_now" in query.used or (not reveal and query.used.intersection(_HIDDEN_IN_POOL)):
        source, query.values["snapshot_id"] = source + _SPLIT_JOIN + " ", snapshot_id
    if "cluster" in query.used:
        source, query.values["map_id"] = source + _MAP_JOIN + " ", map_id
    if "label_now" in query.used:
        source += "LEFT JOIN {labels} AS l ON l.example_id = e.example_id "
    return query, source + (f"WHERE {' AND '.join(query.where)}" if query.where else "")


def _expression(name: str, expressions: dict[str, str], query: _Query) -> str:
    if not isinstance(name, str) or name not in expressions:
        known = ", ".join(list(expressions)[:40])
        raise CorpusError("There is no such column to filter or show", got=str(name)[:80], fix=f"Use one of: {known}.")
    query.used.add(name)
    return expressions[name]


def _clause(condition: Condition, expression: str, query: _Query) -> str:
    op, value, column = condition.op, condition.value, condition.column
    cast, kind = (_integer, "BIGINT") if column in _INTEGERS else (_text, "VARCHAR")
    if op in ("isnull", "notnull") or (op in ("eq", "ne") and value is None):
        return f"{expression} IS {'NOT ' if op in ('notnull', 'ne') else ''}NULL"
    if op == "eq":
        return f"{expression} = {query.bind(cast(value, column))}"
    if op == "ne":
        return f"{expression} IS DISTINCT FROM {query.bind(cast(value, column))}"
    if op in _ORDERED:
        return f"{expression} {_ORDERED[op]} {query.bind(cast(value, column))}"
    if op == "contains":
        return f"contains(lower({expression}::VARCHAR), lower({query.bind(_text(value, column))}))"
    if op == "has" and column == "labels":  # any of these among several labels, which are kept as a JSON list
        asked = [_text(one, column) for one in (value if isinstance(value, list | tuple) else [value])]
        return f"list_has_any(json_extract_string({expression}, '$[*]'), {query.bind(asked)}::VARCHAR[])"
    if op == "in":
        return _in_clause(expression, value, cast, kind, column, query)
    raise CorpusError("There is no such comparison", got=str(op)[:80], fix=f"Use one of: {', '.join(OPERATORS)}.")


def _in_slice(store: Store, snapshot_id: str, condition: Condition, query: _Query) -> str:
    """Membership in saved slices: eq and in are in one of them, ne is in none."""
    asked = list(condition.value) if isinstance(condition.value, list | tuple | set) else [condition.value]
    if condition.op not in ("eq", "ne", "in"):
        raise CorpusError("A slice is compared with eq, ne or in", got=str(condition.op)[:80], fix="Use one of these.")
    unknown = [str(one)[:80] for one in asked if not slices.is_of(store, snapshot_id, str(one))]
    if unknown:
        raise CorpusError("This slice is not one of this corpus", got=", ".join(unknown[:5]), fix="Choose another one.")
    bound = query.bind([str(one) for one in asked])
    listed = f"SELECT unnest(example_ids) FROM slice WHERE slice_id IN (SELECT unnest({bound}::VARCHAR[]))"
    return f"e.example_id {'NOT ' if condition.op == 'ne' else ''}IN ({listed})"


def _in_clause(
    expression: str, value: Any, cast: Callable[[Any, str], Any], kind: str, column: str, query: _Query
) -> str:
    if not isinstance(value, list | tuple | set | frozenset | np.ndarray):
        raise CorpusError("The comparison `in` needs a list", got=value, fix="Give it a list of values.")
    listed = [cast(item, column) for item in value if item is not None]
    clause = f"{expression} IN (SELECT unnest({query.bind(listed)}::{kind}[]))"
    return f"({clause} OR {expression} IS NULL)" if len(listed) < len(value) else clause


def _text(value: Any, column: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise CorpusError("The value is not valid text", got=ascii(text), fix="Type it again.") from error
        return text
    raise CorpusError(f"The column {column} is compared with text", got=value, fix="Give one value.")


def _integer(value: Any, column: str) -> int:
    try:
        number = int(str(value).strip())
    except ValueError:
        number = 2**63
    if not -(2**63) <= number < 2**63:
        raise CorpusError(f"The column {column} is compared with whole numbers", got=value, fix="Give a whole number.")
    return number


def _whole(value: Any, what: str) -> int:
    number = _integer(value, what)
    if number < 0:
        raise CorpusError(f"The {what} cannot be below 0", got=value, fix="Give 0 or more.")
    return number


def _run(
    store: Store, snapshot_id: str, query: _Query, sql: str, cursor: duckdb.DuckDBPyConnection | None = None
) -> pd.DataFrame:
    """The rows as a frame, on the given cursor or a fresh one."""
    return _with_labels(store, snapshot_id, query, sql, cursor, lambda done: done.df())


def _arrow(store: Store, snapshot_id: str, query: _Query, sql: str) -> pa.Table:
    """The rows as an Arrow table."""
    return _with_labels(store, snapshot_id, query, sql, None, lambda done: done.to_arrow_table())


def _with_labels(
    store: Store,
    snapshot_id: str,
    query: _Query,
    sql: str,
    cursor: duckdb.DuckDBPyConnection | None,
    fetch: Callable[[duckdb.DuckDBPyConnection], Any],
) -> Any:
    """Execute, joining the current labels where they are asked for."""
    with ExitStack() as stack:
        if cursor is None:
            cursor = stack.enter_context(store.cursor())
        if "label_now" in query.used:
            visible = labels.table(store, snapshot_id).select(["example_id", "label"])
            view = f"labels_{uuid.uuid4().hex}"
            cursor.register(view, visible)
            stack.callback(cursor.unregister, view)
            sql = sql.replace("{labels}", view)
        try:
            return fetch(cursor.execute(sql, query.values))
        except duckdb.IOException as error:
            raise StoreError(
                "The examples of this snapshot cannot be read",
                got=f"{snapshot_id}: {str(error)[:120]}",
                fix="Import the corpus again or restore the folder snapshots/ from a backup.",
            ) from error
