"""The one transaction that takes examples out of every table, and the counts of what it would take."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from studio.records import Array
from studio.store.connection import Store

# Tables of numbers by example; they are emptied by id and hold no words.
_NUMBERS = frozenset({"score", "split", "map_point", "metric", "selection_example", "snapshot_successor", "meta"})
# Made from a whole snapshot and wrong without some of its rows; made again by one click.
_MADE_AGAIN = ("finding", "score", "score_set")
# Where two snapshots become one, the rows of the one that was there stay and the other's go.
_ONE_EACH = ("split", "split_decision", "reference", "vector_set", "card", *_MADE_AGAIN)
# Columns of names the program itself chose: a removed text that reads "classification" must not empty them.
_STRUCTURE = frozenset({
    "kind", "state", "task", "language", "method", "event", "role", "actor", "split", "act", "outcome", "arm",
    "strategy", "reason", "encoder", "encoder_key", "version", "path", "key", "value", "measure", "audit", "group_name",
    "created_by", "supersedes", "view", "origin", "cluster_method", "stop_reason", "columns", "manifest",
})  # fmt: skip
_TABLES = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'main'"


@dataclass(frozen=True)
class Change:
    """What becomes of one snapshot: `manifest` of its successor, None when nothing is left; `keep` (n,) mask."""

    snapshot_id: str
    corpus_id: str
    manifest: Mapping[str, Any] | None
    keep: Array

    @property
    def new_id(self) -> str | None:
        """The successor's id."""
        return str(self.manifest["snapshot_id"]) if self.manifest else None


@dataclass(frozen=True)
class Removal:
    """What is removed: snapshots with their successors, ids by corpus (None = the whole corpus), rounds to forget.

    `keywords` are the clusters of a map anew: map_id -> rows {cluster, size, keywords, name}. `vectors` are rows of
    vector_set to change: (old snapshot, encoder, version) -> {path, n, k, content_hash}; the others of these snapshots
    are dropped.
    """

    purge_id: str
    changes: Sequence[Change]
    ids: Mapping[str, frozenset[int] | None]
    rounds: Sequence[str]
    keywords: Mapping[str, Sequence[Mapping[str, Any]]]
    vectors: Mapping[tuple[str, str, str], Mapping[str, Any]]


def tables(store: Store) -> dict[str, dict[str, str]]:
    """Table -> column -> type, as the database has them."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in store.rows(_TABLES):
        found.setdefault(table, {})[column] = kind
    return found


def owner_of(columns: Mapping[str, str]) -> str | None:
    """The column that says whose examples the rows of a table are about; None for a table without examples."""
    if "example_id" not in columns:
        return None
    owners = ("corpus_id", "snapshot_id", "selection_id", "map_id")
    return next((name for name in owners if name in columns), "")


def is_done(store: Store, purge_id: str) -> bool:
    """True when the transaction of this removal was committed."""
    return store.one("SELECT 1 FROM meta WHERE key = $key", {"key": f"purge:{purge_id}"}) is not None


def mark_once(store: Store, key: str) -> bool:
    """Write a mark that something was done; False when it stood there already."""
    with store.write() as cursor:
        if cursor.execute("SELECT 1 FROM meta WHERE key = $key", {"key": key}).fetchone() is not None:
            return False
        cursor.execute("INSERT INTO meta VALUES ($key, $at)", {"key": key, "at": datetime.now(UTC).isoformat()})
        return True


# --- counting ---------------------------------------------------------------------------------------------------------
def counts(store: Store, ids: Mapping[str, frozenset[int] | None], snapshot_ids: Sequence[str]) -> dict[str, int]:
    """How many rows a removal touches: annotations, notes, ratings, splits, map points, and what rests on them."""
    given = _id_table(store, ids)
    listed = {"snapshots": list(snapshot_ids)}
    with store.table(given) as (cursor, name):

        def n(sql: str) -> int:
            row = cursor.execute(sql.replace("{ids}", name), listed if "$snapshots" in sql else None).fetchone()
            return int(row[0])

        of = "SEMI JOIN {ids} AS i ON i.corpus_id = {c} AND i.example_id = t.example_id"
        by_snapshot = "JOIN snapshot AS s USING (snapshot_id) " + of.replace("{c}", "s.corpus_id")
        return {
            "annotations": n("SELECT count(*) FROM annotation AS t " + of.replace("{c}", "t.corpus_id")),
            "notes": n("SELECT count(*) FROM annotation AS t " + of.replace("{c}", "t.corpus_id")
                       + " WHERE t.event = 'note'"),
            "ratings": n("SELECT count(*) FROM rating AS t " + of.replace("{c}", "t.corpus_id"))
            + n("SELECT count(*) FROM comparison AS t " + of.replace("{c}", "t.corpus_id")
                + " OR i.corpus_id = t.corpus_id AND i.example_id = t.other_id"),
            "splits": n(f"SELECT count(*) FROM split AS t {by_snapshot}"),
            "map_points": n("SELECT count(*) FROM map_point AS t JOIN map AS m USING (map_id) "
                            "JOIN snapshot AS s ON s.snapshot_id = m.snapshot_id "
                            + of.replace("{c}", "s.corpus_id")),
            "selections": n("SELECT count(DISTINCT t.selection_id) FROM selection_example AS t "
                            "JOIN selection AS s USING (selection_id) " + of.replace("{c}", "s.corpus_id")),
            "selection_rows": n("SELECT count(*) FROM selection_example AS t JOIN selection AS s USING (selection_id) "
                                + of.replace("{c}", "s.corpus_id")),
            "slices": n("SELECT count(DISTINCT t.slice_id) FROM (SELECT slice_id, snapshot_id, unnest(example_ids) "
                        f"AS example_id FROM slice) AS t {by_snapshot}"),
            "score_sets": n("SELECT count(*) FROM score_set WHERE snapshot_id IN (SELECT unnest($snapshots))"),
            "findings": n("SELECT count(*) FROM finding WHERE snapshot_id IN (SELECT unnest($snapshots))"),
        }  # fmt: skip


def notes_of(store: Store, ids: Mapping[str, frozenset[int] | None]) -> set[str]:
    """What people wrote on these examples: notes and suggestions' texts."""
    with store.table(_id_table(store, ids)) as (cursor, name):
        rows = cursor.execute(f"""SELECT t.payload->>'$.value' FROM annotation AS t
            SEMI JOIN {name} AS i ON i.corpus_id = t.corpus_id AND i.example_id = t.example_id
            WHERE t.event = 'note'""").fetchall()
    return {str(row[0]) for row in rows if row[0]}


def _id_table(store: Store, ids: Mapping[str, frozenset[int] | None]) -> pa.Table:
    corpora, numbers = [], []
    for corpus_id, some in ids.items():
        listed = sorted(some) if some is not None else _ever(store, corpus_id)
        corpora += [corpus_id] * len(listed)
        numbers += listed
    return pa.table({"corpus_id": pa.array(corpora, pa.string()), "example_id": pa.array(numbers, pa.int64())})


def _ever(store: Store, corpus_id: str) -> list[int]:
    row = store.one("SELECT next_example_id FROM corpus WHERE corpus_id = $id", {"id": corpus_id})
    top = store.one("SELECT coalesce(max(example_id), 0) FROM annotation WHERE corpus_id = $id", {"id": corpus_id})
    known = [int(json.loads(m)["largest_example_id"]) for (m,) in
             store.rows("SELECT manifest FROM snapshot WHERE corpus_id = $id", {"id": corpus_id})]  # fmt: skip
    return list(range(max([int(row[0]) if row else 0, int(top[0]) + 1 if top else 0, *(k + 1 for k in known)])))


# --- removing ---------------------------------------------------------------------------------------------------------
def apply(store: Store, removal: Removal, redact: Callable[[str], str]) -> dict[str, int]:
    """Take everything out in one transaction; a second call does nothing. Returns what was changed, by name.

    Args:
        store: the open database.
        removal: what.
        redact: gives a stored string back without the removed texts; used on every column of words.
    """
    if is_done(store, removal.purge_id):
        return {}
    with store.write() as cursor:
        schema = tables(store)
        done = _rows_by_example(store, cursor, schema, removal)
        for change in removal.changes:
            _snapshot(cursor, schema, change, removal)
        _selections(cursor)
        _clusters(cursor, removal)
        for round_id in removal.rounds:
            cursor.execute("DELETE FROM round WHERE round_id = $id", {"id": round_id})
        _corpora(cursor, schema, removal)
        done["redacted"] = _redact(cursor, schema, redact)
        mark_once(store, f"purge:{removal.purge_id}")
    return done


_OWNERS: Mapping[str, str] = {
    "corpus_id": "SELECT corpus_id AS key, corpus_id FROM corpus",
    "snapshot_id": "SELECT snapshot_id AS key, corpus_id FROM snapshot",
    "selection_id": "SELECT selection_id AS key, corpus_id FROM selection",
    "map_id": "SELECT m.map_id AS key, s.corpus_id FROM map AS m JOIN snapshot AS s USING (snapshot_id)",
}


def _rows_by_example(store: Store, cursor: Any, schema: Mapping[str, Any], removal: Removal) -> dict[str, int]:
    done = {}
    with store.table(_id_table(store, removal.ids)) as (_, name):
        for table, columns in schema.items():
            owner = owner_of(columns)
            if not owner:
                continue
            sql = f"""DELETE FROM "{table}" AS t USING ({_OWNERS[owner]}) AS o, {name} AS i
                WHERE o.key = t.{owner} AND i.corpus_id = o.corpus_id AND i.example_id = t.example_id"""
            (n,) = cursor.execute(sql).fetchone()
            done[table] = int(n)
            if "other_id" in columns:  # the second example of a pair
                (n,) = cursor.execute(sql.replace("t.example_id", "t.other_id")).fetchone()
                done[table] += int(n)
    rows = cursor.execute("SELECT c.slice_id, c.example_ids, s.corpus_id FROM slice AS c "
                          "JOIN snapshot AS s USING (snapshot_id)").fetchall()  # fmt: skip
    for slice_id, numbers, corpus_id in rows:
        if corpus_id not in removal.ids:
            continue
        gone = removal.ids[corpus_id]
        kept = [] if gone is None else [number for number in numbers if number not in gone]
        if not kept:
            for table in ("slice", "slice_decision"):
                cursor.execute(f'DELETE FROM "{table}" WHERE slice_id = $id', {"id": slice_id})
        elif len(kept) < len(numbers):
            cursor.execute("UPDATE slice SET example_ids = $ids WHERE slice_id = $id", {"ids": kept, "id": slice_id})
    return done


def _snapshot(cursor: Any, schema: Mapping[str, Any], change: Change, removal: Removal) -> None:
    """The rows of one snapshot to its successor, or away with them."""
    old, new = change.snapshot_id, change.new_id
    for table in _MADE_AGAIN:
        cursor.execute(f'DELETE FROM "{table}" WHERE snapshot_id = $old', {"old": old})
    _assignments(cursor, change)
    _vectors(cursor, change, removal)
    exists = new is not None and new != old and cursor.execute(
        "SELECT 1 FROM snapshot WHERE snapshot_id = $id", {"id": new}).fetchone() is not None  # fmt: skip
    if exists or new is None:
        _drop_maps(cursor, old)
        for table in _ONE_EACH:
            cursor.execute(f'DELETE FROM "{table}" WHERE snapshot_id = $old', {"old": old})
    (parent,) = cursor.execute("SELECT parent_id FROM snapshot WHERE snapshot_id = $old", {"old": old}).fetchone() or (
        None,
    )
    for table, columns in schema.items():
        if "snapshot_id" not in columns or table in ("snapshot", "annotation"):
            continue
        if new is None and table not in ("run",):
            cursor.execute(f'DELETE FROM "{table}" WHERE snapshot_id = $old', {"old": old})
        elif new is not None:
            cursor.execute(f'UPDATE "{table}" SET snapshot_id = $new WHERE snapshot_id = $old',
                           {"old": old, "new": new})  # fmt: skip
    if new is not None:
        cursor.execute("UPDATE annotation SET snapshot_id = $new WHERE snapshot_id = $old", {"old": old, "new": new})
    heir = new if new is not None else parent
    cursor.execute("UPDATE snapshot SET parent_id = $heir WHERE parent_id = $old "
                   "AND snapshot_id IS DISTINCT FROM $heir", {"heir": heir, "old": old})  # fmt: skip
    if exists:
        cursor.execute("UPDATE snapshot SET parent_id = $parent WHERE parent_id = $old", {"parent": parent, "old": old})
    if new is not None and not exists:
        _new_row(cursor, old, change.manifest or {})
    cursor.execute("DELETE FROM snapshot WHERE snapshot_id = $old", {"old": old})
    cursor.execute("INSERT INTO snapshot_successor VALUES ($old, $new, $purge_id, $at)",
                   {"old": old, "new": new, "purge_id": removal.purge_id, "at": datetime.now(UTC)})  # fmt: skip


def _new_row(cursor: Any, old: str, manifest: Mapping[str, Any]) -> None:
    cursor.execute(
        """INSERT INTO snapshot (snapshot_id, corpus_id, name, language, task, n_examples, n_rejects, "groups",
               label_names, columns, manifest, parent_id, run_id, created_at, created_by)
           SELECT $id, corpus_id, name, language, task, $n, n_rejects, "groups", $labels, $columns, $manifest,
               parent_id, run_id, created_at, created_by FROM snapshot WHERE snapshot_id = $old""",
        {"id": manifest["snapshot_id"], "n": manifest["n_examples"], "labels": list(manifest["labels"]),
         "columns": list(manifest["columns"]), "manifest": json.dumps(dict(manifest), ensure_ascii=False), "old": old},
    )  # fmt: skip


def _assignments(cursor: Any, change: Change) -> None:
    """Split decisions on record keep one byte per example in ascending id: those of removed rows go."""
    rows = cursor.execute("SELECT decision_id, assignment FROM split_decision WHERE snapshot_id = $old "
                          "AND assignment IS NOT NULL", {"old": change.snapshot_id}).fetchall()  # fmt: skip
    for decision_id, packed in rows:
        codes = np.frombuffer(zlib.decompress(bytes(packed)), dtype=np.uint8)
        if len(codes) != len(change.keep):
            continue
        value = zlib.compress(codes[change.keep].tobytes(), 6)
        cursor.execute("UPDATE split_decision SET assignment = $value WHERE snapshot_id = $old AND decision_id = $id",
                       {"value": value, "old": change.snapshot_id, "id": decision_id})  # fmt: skip


def _vectors(cursor: Any, change: Change, removal: Removal) -> None:
    rows = cursor.execute("SELECT encoder, version FROM vector_set WHERE snapshot_id = $old",
                          {"old": change.snapshot_id}).fetchall()  # fmt: skip
    for encoder, version in rows:
        key = {"old": change.snapshot_id, "encoder": encoder, "version": version}
        made = removal.vectors.get((change.snapshot_id, encoder, version))
        where = "WHERE snapshot_id = $old AND encoder = $encoder AND version = $version"
        if made is None:
            cursor.execute(f"DELETE FROM vector_set {where}", key)
        else:
            values = {name: made[name] for name in ("path", "n", "k", "content_hash")}
            cursor.execute("UPDATE vector_set SET path = $path, n = $n, k = $k, content_hash = $content_hash " + where,
                           key | values)  # fmt: skip


def _drop_maps(cursor: Any, snapshot_id: str) -> None:
    for table in ("map_point", "cluster", "cluster_decision", "map"):
        cursor.execute(f'DELETE FROM "{table}" WHERE map_id IN (SELECT map_id FROM map WHERE snapshot_id = $id)',
                       {"id": snapshot_id})  # fmt: skip


def _selections(cursor: Any) -> None:
    """Numbers of frozen selections after their rows went: n, ranks without gaps, the hash of the ids."""
    rows = cursor.execute("""SELECT s.selection_id FROM selection AS s LEFT JOIN (SELECT selection_id, count(*) AS n
        FROM selection_example GROUP BY selection_id) AS e USING (selection_id) WHERE s.n <> coalesce(e.n, 0)""")
    for (selection_id,) in rows.fetchall():
        key = {"id": selection_id}
        sql = "SELECT example_id FROM selection_example WHERE selection_id = $id ORDER BY rank"
        ids = [row[0] for row in cursor.execute(sql, key).fetchall()]
        if not ids:
            cursor.execute("DELETE FROM selection WHERE selection_id = $id", key)
            continue
        cursor.execute(
            """UPDATE selection_example SET rank = r.place FROM (
            SELECT example_id AS number, row_number() OVER (ORDER BY rank) AS place FROM selection_example
            WHERE selection_id = $id) AS r WHERE selection_id = $id AND example_id = r.number""",
            key,
        )
        digest = hashlib.sha256(np.asarray(ids, dtype="<i8").tobytes()).hexdigest()
        cursor.execute("UPDATE selection SET n = $n, ids_hash = $hash WHERE selection_id = $id",
                       key | {"n": len(ids), "hash": digest})  # fmt: skip
    cursor.execute("DELETE FROM selection_example WHERE selection_id NOT IN (SELECT selection_id FROM selection)")


def _clusters(cursor: Any, removal: Removal) -> None:
    for map_id, rows in removal.keywords.items():
        cursor.execute("DELETE FROM cluster WHERE map_id = $id", {"id": map_id})
        if cursor.execute("SELECT 1 FROM map WHERE map_id = $id", {"id": map_id}).fetchone() is None:
            continue
        for row in rows:
            cursor.execute("INSERT INTO cluster (map_id, cluster, size, keywords, name) "
                           "VALUES ($id, $cluster, $size, $keywords, $name)", {"id": map_id, **row})  # fmt: skip
    for table in ("map_point", "cluster"):
        cursor.execute(f'DELETE FROM "{table}" WHERE map_id NOT IN (SELECT map_id FROM map)')


def _corpora(cursor: Any, schema: Mapping[str, Any], removal: Removal) -> None:
    """A corpus whose last snapshot went goes too, with every row that names it; runs keep their line of history."""
    for corpus_id in removal.ids:
        key = {"id": corpus_id}
        if cursor.execute("SELECT 1 FROM snapshot WHERE corpus_id = $id", key).fetchone() is not None:
            continue
        for table, columns in schema.items():
            if "corpus_id" in columns and (table != "run" or removal.ids[corpus_id] is None):
                cursor.execute(f'DELETE FROM "{table}" WHERE corpus_id = $id', key)
    cursor.execute("DELETE FROM selection_example WHERE selection_id NOT IN (SELECT selection_id FROM selection)")


def _redact(cursor: Any, schema: Mapping[str, Any], redact: Callable[[str], str]) -> int:
    """Every string of every table without the removed texts; returns how many cells changed."""
    n = 0
    for table, columns in schema.items():
        if table in _NUMBERS:
            continue
        for column, kind in columns.items():
            if kind != "VARCHAR" or column.endswith(("_id", "_hash")) or column in _STRUCTURE:
                continue
            rows = cursor.execute(f'SELECT rowid, "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL').fetchall()
            for rowid, value in rows:
                clean = redact(value)
                if clean != value:
                    cursor.execute(f'UPDATE "{table}" SET "{column}" = $value WHERE rowid = $rowid',
                                   {"value": clean, "rowid": rowid})  # fmt: skip
                    n += 1
    return n
