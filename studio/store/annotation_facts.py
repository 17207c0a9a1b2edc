"""Where each example stands with people: labelled, skipped, stale or simulated, and the round its label came in for."""

from __future__ import annotations

import pyarrow as pa

from studio.store import snapshots
from studio.store.connection import Store

STATES: tuple[str, ...] = ("labelled", "simulated", "stale", "skipped", "imported", "unlabelled")
_STANDING = """
standing AS (
    SELECT a.example_id, arg_max(a.event, a.seq) AS event, arg_max(a.simulated, a.seq) AS simulated,
           arg_max(a.row_hash, a.seq) AS row_hash, max(a.created_at) AS at
    FROM annotation AS a
    WHERE a.corpus_id = $corpus_id AND a.event IN ('label', 'skip') AND NOT EXISTS (
        SELECT 1 FROM annotation AS u
        WHERE u.corpus_id = $corpus_id AND u.event = 'undo' AND u.supersedes = a.event_id)
    GROUP BY a.example_id, a.event)
"""
# a label outranks a skip, whichever came last: the example has one
_STATES = f"""
WITH {_STANDING}, label AS (SELECT * FROM standing WHERE event = 'label'),
skip AS (SELECT * FROM standing WHERE event = 'skip'),
decided AS (SELECT example_id, split FROM split WHERE snapshot_id = $snapshot_id),
round_at AS (SELECT number, created_at FROM round WHERE snapshot_id = $snapshot_id AND arm = 'selection')
SELECT e.example_id,
       CASE WHEN l.row_hash IS NOT NULL AND l.row_hash <> e.row_hash THEN 'stale'
            WHEN l.simulated THEN 'simulated' WHEN l.event IS NOT NULL THEN 'labelled'
            WHEN k.event IS NOT NULL THEN 'skipped'
            WHEN e.label IS NOT NULL AND coalesce(s.split, 'pool') <> 'pool' THEN 'imported'
            ELSE 'unlabelled' END AS state,
       CASE WHEN l.event IS NOT NULL
            THEN coalesce((SELECT min(number) FROM round_at WHERE created_at > l.at), 0) END AS round
FROM read_parquet($file) AS e
LEFT JOIN label AS l ON l.example_id = e.example_id
LEFT JOIN skip AS k ON k.example_id = e.example_id
LEFT JOIN decided AS s ON s.example_id = e.example_id
ORDER BY e.example_id
"""


def states(store: Store, snapshot_id: str) -> pa.Table:
    """Every example of a snapshot with its state and round, as Arrow: a million rows leave no Python objects behind.

    Returns:
        Columns example_id (ascending), state (one of STATES; imported = a label the corpus came with, where it may be
        seen), round: the number of the first round trained after the label in force was given, 0 when none was trained
        since, missing where nobody labelled it.

    Raises:
        CorpusError: an unknown snapshot.
    """
    snapshot = snapshots.require(store, snapshot_id)
    file = str(store.workspace.examples_file(snapshot_id).resolve())
    return store.arrow(_STATES, {"snapshot_id": snapshot_id, "corpus_id": snapshot.corpus_id, "file": file})


def mark(store: Store, snapshot_id: str) -> str:
    """What changes when any state may: the newest event, the newest split decision and the number of rounds."""
    return repr(marks(store, snapshot_id))


def marks(store: Store, snapshot_id: str) -> tuple[int, str | None, int]:
    """The three parts of `mark`: number of the newest event, moment of the newest split decision, number of rounds."""
    row = store.one(
        """SELECT (SELECT coalesce(max(a.seq), 0) FROM annotation AS a JOIN snapshot AS s USING (corpus_id)
                   WHERE s.snapshot_id = $snapshot_id),
                  (SELECT max(created_at)::VARCHAR FROM split_decision WHERE snapshot_id = $snapshot_id),
                  (SELECT count(*) FROM round WHERE snapshot_id = $snapshot_id)""",
        {"snapshot_id": snapshot_id},
    )
    return row or (0, None, 0)
