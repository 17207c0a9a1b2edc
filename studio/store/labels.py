"""Current labels: the newest annotation nobody took back, else the corpus's own label where it may be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from studio.errors import AnnotationError
from studio.records import Array
from studio.store.connection import Store

_CORPUS_OF = "SELECT corpus_id FROM snapshot WHERE snapshot_id = $snapshot_id"
NEWEST = """
newest AS (
    SELECT a.example_id, arg_max(a.payload->>'$.value', a.seq) AS label, arg_max(a.split, a.seq) AS split,
           arg_max(a.row_hash, a.seq) AS row_hash, arg_max(a.simulated, a.seq) AS simulated
    FROM annotation AS a
    WHERE a.corpus_id = $corpus_id AND a.event = 'label' AND NOT EXISTS (
        SELECT 1 FROM annotation AS u
        WHERE u.corpus_id = $corpus_id AND u.event = 'undo' AND u.supersedes = a.event_id)
    GROUP BY a.example_id)
"""
_CURRENT = f"""
WITH {NEWEST},
row_of AS (
    SELECT e.example_id, e.label, e.row_hash, s.split AS decided
    FROM read_parquet($file) AS e
    LEFT JOIN (SELECT example_id, split FROM split WHERE snapshot_id = $snapshot_id) AS s USING (example_id))
SELECT r.example_id,
       coalesce(n.label, r.label) AS label,
       CASE WHEN n.label IS NULL THEN 'corpus' ELSE 'annotation' END AS origin,
       CASE WHEN coalesce(r.decided, 'pool') = 'pool' THEN coalesce(n.split, 'train') ELSE r.decided END AS split,
       coalesce(r.decided, 'pool') AS decided,
       coalesce(n.simulated, false) AS simulated,
       n.row_hash IS NOT NULL AND n.row_hash <> r.row_hash AS stale,
       n.row_hash IS NULL OR n.row_hash = r.row_hash AS row_hash_ok
FROM row_of AS r LEFT JOIN newest AS n USING (example_id)
WHERE n.label IS NOT NULL OR (r.label IS NOT NULL AND r.decided IN ('train', 'validation', 'test'))
ORDER BY r.example_id
"""
_COUNTS = f"""
SELECT split, origin, simulated, stale, count(*)::BIGINT AS n FROM ({_CURRENT}) GROUP BY ALL ORDER BY ALL
"""
_HIDDEN = """
SELECT e.example_id, e.label FROM read_parquet($file) AS e
LEFT JOIN (SELECT example_id, split FROM split WHERE snapshot_id = $snapshot_id) AS s USING (example_id)
WHERE e.label IS NOT NULL AND ($ids IS NULL OR e.example_id IN (SELECT unnest($ids::BIGINT[])))
ORDER BY e.example_id
"""
_HAS_CORPUS = "SELECT 1 FROM read_parquet($file) WHERE label IS NOT NULL LIMIT 1"
_HAS_VALIDATION = """
SELECT 1 FROM read_parquet($file) AS e JOIN split AS s USING (example_id)
WHERE s.snapshot_id = $snapshot_id AND s.split = 'validation' AND e.label IS NOT NULL LIMIT 1
"""
_POOL_LEFT = f"""
WITH {NEWEST}
SELECT e.example_id FROM read_parquet($file) AS e
LEFT JOIN (SELECT example_id, split FROM split WHERE snapshot_id = $snapshot_id) AS s USING (example_id)
WHERE coalesce(s.split, 'pool') = 'pool' AND e.example_id NOT IN (SELECT example_id FROM newest)
ORDER BY e.example_id
"""
_NAMES = """
SELECT s.label_names, c.extra_labels FROM snapshot AS s JOIN corpus AS c USING (corpus_id)
WHERE s.snapshot_id = $snapshot_id
"""
_GUIDELINES = "SELECT guidelines FROM corpus WHERE corpus_id = $corpus_id"
_SET_GUIDELINES = "UPDATE corpus SET guidelines = $text WHERE corpus_id = $corpus_id"
_ADD_NAME = """
UPDATE corpus SET extra_labels = list_append(coalesce(extra_labels, []), $name)
WHERE corpus_id = (SELECT corpus_id FROM snapshot WHERE snapshot_id = $snapshot_id)
"""


def parameters(store: Store, snapshot_id: str) -> dict[str, Any]:
    """What NEWEST and every statement on labels binds: snapshot_id, corpus_id, file.

    Raises:
        AnnotationError: an unknown snapshot.
    """
    found = store.one(_CORPUS_OF, {"snapshot_id": snapshot_id})
    if found is None:
        raise AnnotationError("This snapshot is not known", got=snapshot_id, fix="Choose a snapshot on the Home page.")
    file = str(store.workspace.examples_file(snapshot_id).resolve())
    return {"snapshot_id": snapshot_id, "corpus_id": found[0], "file": file}


def current(store: Store, snapshot_id: str) -> pd.DataFrame:
    """The label in force of every labelled example of a snapshot.

    The newest annotation that is not undone wins; else the corpus's own label where the decided split is train,
    validation or test. Corpus labels of the pool are never returned.

    Returns:
        Columns example_id (ascending), label, origin (annotation or corpus), split (train, validation or test: where
        the row is used; an annotated pool example goes where its annotation sent it), decided (the split decision,
        pool when there is none), simulated, stale and row_hash_ok (the text changed since it was annotated, or not).

    Raises:
        AnnotationError: an unknown snapshot.
    """
    return store.read(_CURRENT, parameters(store, snapshot_id))


def table(store: Store, snapshot_id: str) -> pa.Table:
    """The same as Arrow: without a Python object per text, which a million rows would leave behind in the server."""
    return store.arrow(_CURRENT, parameters(store, snapshot_id))


def annotated_ids(store: Store, snapshot_id: str) -> Array:
    """(n,) int64 ascending ids of the examples whose label in force was given, not imported."""
    sql = f"SELECT example_id FROM ({_CURRENT}) WHERE origin = 'annotation' ORDER BY example_id"
    return store.arrow(sql, parameters(store, snapshot_id))["example_id"].to_numpy().astype(np.int64)


def counts(store: Store, snapshot_id: str) -> pd.DataFrame:
    """How many labelled examples there are: split, origin, simulated, stale, n."""
    return store.read(_COUNTS, parameters(store, snapshot_id))


def pool_left(store: Store, snapshot_id: str) -> list[int]:
    """Ids of the pool examples nobody has labelled yet, ascending; what a batch may be drawn from."""
    return [int(row[0]) for row in store.rows(_POOL_LEFT, _without(parameters(store, snapshot_id)))]


def hidden(store: Store, snapshot_id: str, example_ids: Sequence[int] | None = None) -> pd.DataFrame:
    """The corpus's own labels, those of the pool included: example_id, label. For the simulated annotator only."""
    values = _without(parameters(store, snapshot_id), "corpus_id")
    ids = None if example_ids is None else [int(i) for i in example_ids]
    return store.read(_HIDDEN, values | {"ids": ids})


def has_corpus_labels(store: Store, snapshot_id: str) -> bool:
    """True when the corpus came with labels, so that the simulated annotator has something to reveal."""
    return store.one(_HAS_CORPUS, {"file": parameters(store, snapshot_id)["file"]}) is not None


def has_corpus_validation(store: Store, snapshot_id: str) -> bool:
    """True when the validation split holds labels of the corpus's own."""
    return store.one(_HAS_VALIDATION, _without(parameters(store, snapshot_id), "corpus_id")) is not None


def _without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}


# --- label names and guidelines ---------------------------------------------------------------------------------------
def names(store: Store, snapshot_id: str) -> list[str]:
    """The labels one may choose from: the snapshot's own in its order, then the added ones."""
    found = store.one(_NAMES, {"snapshot_id": snapshot_id})
    if found is None:
        raise AnnotationError("This snapshot is not known", got=snapshot_id, fix="Choose a snapshot on the Home page.")
    return list(dict.fromkeys([*(found[0] or ()), *(found[1] or ())]))


def add_name(store: Store, snapshot_id: str, name: str) -> None:
    """Add one label to the corpus of a snapshot; it comes after all others, so no label changes its key."""
    with store.write() as cursor:
        cursor.execute(_ADD_NAME, {"name": name, "snapshot_id": snapshot_id})


def guidelines(store: Store, corpus_id: str) -> str:
    """What annotators of this corpus are told; empty when nobody wrote anything."""
    found = store.one(_GUIDELINES, {"corpus_id": corpus_id})
    return (found[0] or "") if found else ""


def set_guidelines(store: Store, corpus_id: str, text: str) -> None:
    """Replace the guidelines; the audit log keeps who did it and when."""
    with store.write() as cursor:
        cursor.execute(_SET_GUIDELINES, {"corpus_id": corpus_id, "text": text})
