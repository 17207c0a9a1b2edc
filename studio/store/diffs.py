"""Two snapshots of one corpus held against each other, exactly and over all rows: joins over their Parquet files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from studio.errors import CorpusError
from studio.store import snapshots
from studio.store.connection import Store

KINDS: tuple[str, ...] = ("added", "dropped", "text", "label", "fields", "attributes", "moved")
ABSENT = "absent"  # reason of a row that is gone and that no step says anything about
_ROLES = frozenset({"prompt", "completion", "context", "messages", "labels", "tokens", "tags", "spans", "rejected"})
_NOT_ATTRIBUTES = _ROLES | {"example_id", "text", "label", "row_hash"}
# An export of ours that is imported again brings the columns along in which it says what Winnow knows of a row. Its
# `example_id` is then the row's own number, which no other column of that name is by accident over a whole corpus.
_OURS = '{"example_id":null,"split":null,"rank":null,"reason":null,"origin":null,"simulated":null,"stale":null}'
_IS_OURS = "coalesce({side}.meta->>'$.example_id' = {side}.example_id::VARCHAR, false)"
_EITHER = f"({_IS_OURS.format(side='a')} OR {_IS_OURS.format(side='b')})"
_META = f"""CASE WHEN {_EITHER} THEN
    json_merge_patch(coalesce(a.meta, '{{}}'), '{_OURS}') IS DISTINCT FROM
    json_merge_patch(coalesce(b.meta, '{{}}'), '{_OURS}') ELSE a.meta IS DISTINCT FROM b.meta END"""
_SPLIT = f"(a.split IS DISTINCT FROM b.split AND NOT {_EITHER})"  # what was decided is the difference named `moved`
_JOIN = "read_parquet($before) AS a JOIN read_parquet($after) AS b USING (example_id)"
_FACTS = """
SELECT (SELECT count(*) FROM read_parquet($before)) AS before, (SELECT count(*) FROM read_parquet($after)) AS after,
       (SELECT count(*) FROM read_parquet($after) AS b
        WHERE NOT EXISTS (SELECT 1 FROM read_parquet($before) AS a WHERE a.example_id = b.example_id)) AS added,
       (SELECT count(*) FROM read_parquet($before) AS a
        WHERE NOT EXISTS (SELECT 1 FROM read_parquet($after) AS b WHERE a.example_id = b.example_id)) AS dropped,
       (SELECT count(*) FROM {join} WHERE {text}) AS text, (SELECT count(*) FROM {join} WHERE {label}) AS label,
       (SELECT count(*) FROM {join} WHERE {fields}) AS fields,
       (SELECT count(*) FROM {join} WHERE {attributes}) AS attributes,
       (SELECT count(*) FROM split AS s JOIN split AS u USING (example_id)
        WHERE s.snapshot_id = $before_id AND u.snapshot_id = $after_id AND s.split <> u.split) AS moved
"""
_GONE = """
gone AS (SELECT a.example_id FROM read_parquet($before) AS a
         WHERE NOT EXISTS (SELECT 1 FROM read_parquet($after) AS b WHERE a.example_id = b.example_id)),
said AS (SELECT example_id, first(step) AS step, first(reason) AS reason, first(detail) AS detail FROM {dropped}
         GROUP BY example_id)
"""
_NOTHING_SAID = "(SELECT NULL::BIGINT AS example_id, '' AS step, '' AS reason, '' AS detail WHERE false)"
_REASONS = """
WITH {gone}
SELECT coalesce(s.step::VARCHAR, '') AS step, coalesce(s.reason, 'absent') AS reason, count(*)::BIGINT AS n
FROM gone AS g LEFT JOIN said AS s USING (example_id) GROUP BY ALL ORDER BY n DESC, reason, step
"""
_LABELS = """
SELECT coalesce(a.label, '') AS before, coalesce(b.label, '') AS after, count(*)::BIGINT AS n
FROM {join} WHERE a.label IS DISTINCT FROM b.label GROUP BY ALL ORDER BY n DESC, 1, 2
"""
_MOVES = """
SELECT s.split AS before, u.split AS after, count(*)::BIGINT AS n FROM split AS s JOIN split AS u USING (example_id)
WHERE s.snapshot_id = $before_id AND u.snapshot_id = $after_id GROUP BY ALL ORDER BY 1, 2
"""
_SHARES = """
WITH kept AS (SELECT a.{column} AS value, count(*) AS before, count(b.example_id) AS kept
              FROM read_parquet($before) AS a
              LEFT JOIN (SELECT example_id FROM read_parquet($after)) AS b USING (example_id) GROUP BY 1),
     now AS (SELECT b.{column} AS value, count(*) AS after FROM read_parquet($after) AS b GROUP BY 1)
SELECT coalesce(k.value, n.value, '') AS value, coalesce(k.before, 0)::BIGINT AS before,
       coalesce(k.kept, 0)::BIGINT AS kept, coalesce(n.after, 0)::BIGINT AS after
FROM kept AS k FULL JOIN now AS n ON k.value IS NOT DISTINCT FROM n.value ORDER BY before DESC, value
"""
# A label shows only where the split of its own version lets it be seen.
_SEEN = "CASE WHEN coalesce({split}.split, 'pool') <> 'pool' THEN {side}.label END"
_OLD = "LEFT JOIN (SELECT example_id, split FROM split WHERE snapshot_id = $before_id) AS s USING (example_id)"
_NEW = "LEFT JOIN (SELECT example_id, split FROM split WHERE snapshot_id = $after_id) AS u USING (example_id)"
_OLD_LABEL, _NEW_LABEL = _SEEN.format(split="s", side="a"), _SEEN.format(split="u", side="b")
_ROWS_ADDED = f"""
SELECT b.example_id, b.text AS text, {_NEW_LABEL} AS label, u.split AS split FROM read_parquet($after) AS b {_NEW}
WHERE NOT EXISTS (SELECT 1 FROM read_parquet($before) AS a WHERE a.example_id = b.example_id)
ORDER BY b.example_id
"""
_ROWS_DROPPED = f"""
WITH {{gone}}
SELECT a.example_id, a.text AS text, {_OLD_LABEL} AS label, s.split AS split, coalesce(d.step::VARCHAR, '') AS step,
       coalesce(d.reason, 'absent') AS reason, coalesce(d.detail::VARCHAR, '') AS detail
FROM gone JOIN read_parquet($before) AS a USING (example_id) {_OLD} LEFT JOIN said AS d USING (example_id)
WHERE $part IS NULL OR coalesce(d.reason, 'absent') = $part
ORDER BY a.example_id
"""
_ROWS_CHANGED = f"""
SELECT a.example_id, a.text AS before_text, b.text AS after_text, {_OLD_LABEL} AS before_label,
       {_NEW_LABEL} AS after_label, s.split AS before_split, u.split AS after_split
FROM {_JOIN} {_OLD} {_NEW} WHERE {{where}} ORDER BY a.example_id
"""


def facts(store: Store, before: str, after: str) -> dict[str, int]:
    """Rows before and after, and by kind of difference; `fields` are role fields other than text and label.

    Raises:
        CorpusError: an unknown snapshot, or two of different corpora, whose ids mean different things.
    """
    row = _read(store, _FACTS.format(join=_JOIN, **_clauses(store, before, after)), _values(store, before, after)).iloc[
        0
    ]
    return {name: int(row[name]) for name in ("before", "after", *KINDS)}


def reasons(store: Store, before: str, after: str, between: Sequence[str]) -> pd.DataFrame:
    """step, reason and n of the dropped rows; `between` are the snapshots whose dropped.parquet may name them."""
    sql = _REASONS.format(gone=_gone(store, between))
    return _read(store, sql, _values(store, before, after) | _files(store, between))


def label_changes(store: Store, before: str, after: str) -> pd.DataFrame:
    """before, after and n of the imported labels that differ ("" for none); the pool's are counted, never listed."""
    return _read(store, _LABELS.format(join=_JOIN), _values(store, before, after))


def split_moves(store: Store, before: str, after: str) -> pd.DataFrame:
    """before, after and n of the examples both versions have, by their decided splits."""
    return _read(store, _MOVES, {"before_id": before, "after_id": after})


def shares(store: Store, before: str, after: str, column: str) -> pd.DataFrame:
    """Value ("" for none), rows before, how many of them are kept, rows after; the most frequent first.

    Raises:
        CorpusError: a column one of the two lacks.
    """
    if column not in _shared(store, before, after):
        raise CorpusError("Both versions need the column", got=column, fix="Choose another one.")
    return _read(store, _SHARES.format(column=f'"{column}"'), _values(store, before, after))


def rows(
    store: Store, before: str, after: str, kind: str, *, between: Sequence[str] = (), part: str | None = None,
    limit: int | None = None, offset: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The rows behind one number, by ascending example_id.

    Args:
        store: the workspace database.
        before: the older snapshot.
        after: the newer one.
        kind: one of KINDS.
        between: as in `reasons`.
        part: of dropped rows, only this reason.
        limit: most rows.
        offset: rows to pass over.

    Returns:
        added: example_id, text, label, split; dropped: these with step, reason, detail; else example_id and
        before_ and after_ text, label and split. Labels of the pool are null.

    Raises:
        CorpusError: an unknown kind or snapshot.
    """
    if kind not in KINDS:
        raise CorpusError("There is no such difference", got=kind, fix=f"Use one of: {', '.join(KINDS)}.")
    values = _values(store, before, after)
    if kind == "added":
        sql = _ROWS_ADDED
    elif kind == "dropped":
        sql = _ROWS_DROPPED.format(gone=_gone(store, between))
        values |= _files(store, between) | {"part": part}
    else:
        where = "s.split <> u.split" if kind == "moved" else _clauses(store, before, after)[kind]
        sql = _ROWS_CHANGED.format(where=where)
    if limit is not None:
        sql, values = sql + " LIMIT $limit OFFSET $offset", values | {"limit": int(limit), "offset": int(offset)}
    return _read(store, sql, values)


def dropped_file(store: Store, snapshot_id: str) -> Path:
    """Where the rows a version left behind are written with step, reason and detail."""
    return store.workspace.snapshot_dir(snapshot_id) / "dropped.parquet"


def _read(store: Store, sql: str, values: Mapping[str, Any]) -> pd.DataFrame:
    """Run a query with those of the values it names; DuckDB refuses the others."""
    return store.read(sql, {name: value for name, value in values.items() if re.search(rf"\${name}\b", sql)})


def _values(store: Store, before: str, after: str) -> dict[str, Any]:
    return {
        "before": str(store.workspace.examples_file(before).resolve()),
        "after": str(store.workspace.examples_file(after).resolve()),
        "before_id": before,
        "after_id": after,
    }


def _files(store: Store, between: Sequence[str]) -> dict[str, Any]:
    found = [str(dropped_file(store, one).resolve()) for one in between if dropped_file(store, one).exists()]
    return {"dropped": found} if found else {}


def _gone(store: Store, between: Sequence[str]) -> str:
    source = "read_parquet($dropped, union_by_name = true)" if _files(store, between) else _NOTHING_SAID
    return _GONE.format(dropped=source)


def _shared(store: Store, before: str, after: str) -> list[str]:
    one, other = snapshots.require(store, before), snapshots.require(store, after)
    if one.corpus_id != other.corpus_id:
        raise CorpusError("Only versions of one corpus can be compared", got=f"{one.name} and {other.name}",
                          fix="Choose another version.")  # fmt: skip
    return [name for name in one.columns if name in other.columns and '"' not in name]


def _clauses(store: Store, before: str, after: str) -> Mapping[str, str]:
    """What counts as a difference, by kind."""
    known = _shared(store, before, after)
    differ = {name: f'a."{name}" IS DISTINCT FROM b."{name}"' for name in known}
    if "meta" in differ:
        differ |= {"meta": _META} | ({"split": _SPLIT} if "split" in differ else {})
    fields = [differ[name] for name in known if name in _ROLES]
    attributes = [differ[name] for name in known if name not in _NOT_ATTRIBUTES]
    return {
        "text": differ["text"],
        "label": differ["label"],
        "fields": f"({' OR '.join(fields)})" if fields else "false",
        "attributes": f"({' OR '.join(attributes)})" if attributes else "false",
    }
