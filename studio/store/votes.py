"""How many people labelled an example, and how many of them gave the label that is in force; reads only."""

from __future__ import annotations

import pandas as pd

from studio.store.connection import Store

# the newest label of each person that was not taken back; the simulated annotator has no opinion of its own
_VOTES = """
WITH active AS (
    SELECT example_id, actor, payload->>'$.value' AS label, seq, simulated FROM annotation AS a
    WHERE corpus_id = $corpus_id AND event = 'label' AND NOT EXISTS (
        SELECT 1 FROM annotation AS u
        WHERE u.corpus_id = $corpus_id AND u.event = 'undo' AND u.supersedes = a.event_id)),
in_force AS (SELECT example_id, arg_max(label, seq) AS label FROM active GROUP BY example_id),
said AS (
    SELECT example_id, actor, arg_max(label, seq) AS label FROM active WHERE NOT simulated GROUP BY example_id, actor)
SELECT s.example_id, (count(*) FILTER (s.label = f.label))::BIGINT AS agreeing, count(*)::BIGINT AS voters
FROM said AS s JOIN in_force AS f USING (example_id)
GROUP BY s.example_id HAVING count(*) >= 2 ORDER BY s.example_id
"""


def of_corpus(store: Store, corpus_id: str) -> pd.DataFrame:
    """Columns example_id (ascending), agreeing, voters of the examples that two or more people labelled."""
    return store.read(_VOTES, {"corpus_id": corpus_id})
