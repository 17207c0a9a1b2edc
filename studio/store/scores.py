"""Rows of `score` and `score_set`: one number per example, measure, version and context, raw and as a unit score."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import SelectionError
from studio.records import Array, Measure
from studio.store import clusters as clusters_now
from studio.store import slices
from studio.store.connection import Store

KEPT_CONTEXTS = 4  # per measure and snapshot; older ones can be computed again

_DELETE = """
DELETE FROM score WHERE snapshot_id = $snapshot_id AND measure = $measure AND version = $version
AND context_hash = $context_hash
"""
_DELETE_SET = _DELETE.replace("FROM score ", "FROM score_set ")
_SETS = """
SELECT measure, version, context_hash, context, n, n_undefined, run_id, created_at FROM score_set
WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC, context_hash
"""
_VALUES = """
SELECT example_id, raw, unit_value FROM score WHERE snapshot_id = $snapshot_id AND measure = $measure
AND version = $version AND context_hash = $context_hash ORDER BY example_id
"""
_OF_EXAMPLE = """
SELECT s.measure, s.raw, s.unit_value FROM score AS s
JOIN (SELECT unnest($measures) AS measure, unnest($hashes) AS context_hash) AS w USING (measure, context_hash)
WHERE s.snapshot_id = $snapshot_id AND s.example_id = $example_id ORDER BY s.measure
"""
_COMPLETE = """
WITH weight AS (
    SELECT unnest($names) AS measure, unnest($versions) AS version, unnest($hashes) AS context_hash,
           unnest($weights) AS weight),
complete AS (
    SELECT s.example_id, sum(s.unit_value::DOUBLE * w.weight) AS score
    FROM score AS s JOIN weight AS w USING (measure, version, context_hash)
    WHERE s.snapshot_id = $snapshot_id AND s.unit_value IS NOT NULL AND NOT isnan(s.unit_value)
    GROUP BY s.example_id
    HAVING count(*) = len($names))
"""
_RANK = _COMPLETE + "SELECT example_id, score FROM complete ORDER BY round(score, 9) DESC, example_id LIMIT $budget"
_LEFT_OUT = (
    _COMPLETE
    + """
SELECT count(*)::BIGINT FROM (SELECT DISTINCT example_id FROM score WHERE snapshot_id = $snapshot_id) AS e
ANTI JOIN complete AS c USING (example_id)
"""
)
_VECTORS = """
SELECT encoder, version, dim, n, k, path, content_hash FROM vector_set WHERE snapshot_id = $snapshot_id
ORDER BY created_at DESC LIMIT 1
"""
# a preview goes when the whole map is there: nothing may rest on its clusters
_MAP = """
SELECT map_id, encoder_key FROM map
WHERE snapshot_id = $snapshot_id AND json_extract_string(params, '$.method') IS DISTINCT FROM 'preview'
ORDER BY created_at DESC, map_id LIMIT 1
"""
_CLUSTERS = f"SELECT example_id, cluster FROM ({clusters_now.POINTS}) ORDER BY example_id"
_ROUND = """
SELECT round_id, number, name, path FROM round WHERE snapshot_id = $snapshot_id AND arm = 'selection'
ORDER BY created_at DESC, number DESC LIMIT 1
"""
_STATE = """
SELECT (SELECT coalesce(max(seq), 0) FROM annotation AS a JOIN snapshot AS s USING (corpus_id)
        WHERE s.snapshot_id = $snapshot_id),
       (SELECT max(created_at)::VARCHAR FROM split_decision WHERE snapshot_id = $snapshot_id)
"""


@dataclass(frozen=True)
class ScoreSet:
    """One computation of a measure over a snapshot; `context` says what it depended on."""

    measure: str
    version: int
    context_hash: str
    context: Mapping[str, Any]
    n: int
    n_undefined: int
    run_id: str | None
    created_at: str


@dataclass(frozen=True)
class Surroundings:
    """What scores can be computed from now: the newest vectors, k-NN graph, map and round of a snapshot.

    `map_mark` names the map and how many decisions on its clusters there are: what rests on clusters depends on it.
    """

    encoder_key: str | None = None
    dim: int = 0
    k: int | None = None
    vectors_path: str | None = None
    map_id: str | None = None
    map_mark: str | None = None
    round_id: str | None = None
    round_number: int | None = None
    round_path: str | None = None


def put(
    store: Store,
    snapshot_id: str,
    measure: Measure,
    *,
    context_hash: str,
    context: Mapping[str, Any],
    ids: Array,
    raw: Array,
    unit: Array,
    run_id: str | None,
) -> None:
    """Write the scores of one measure and context in place of the same ones, and drop the oldest contexts.

    Args:
        store: the workspace database.
        snapshot_id: of which snapshot.
        measure: gives name and version.
        context_hash: of everything else the numbers depend on.
        context: the same in words, JSON.
        ids: (n,) int64.
        raw: (n,) float64, NaN = undefined.
        unit: (n,) float64 from `selection.unit_scores`, NaN = undefined.
        run_id: of the run that computed them.
    """
    key = {"snapshot_id": snapshot_id, "measure": measure.name, "version": measure.version}
    frame = pd.DataFrame(
        {
            **key,
            "context_hash": context_hash,
            "example_id": np.asarray(ids, np.int64),
            "raw": _nullable(raw),
            "unit_value": _nullable(unit).astype("Float32"),
        }
    )
    with store.write() as cursor:
        for statement in (_DELETE, _DELETE_SET):
            cursor.execute(statement, {**key, "context_hash": context_hash})
        store.insert("score", frame)
        row = {
            **key,
            "context_hash": context_hash,
            "context": json.dumps(dict(context), ensure_ascii=False, sort_keys=True),
            "n": len(frame),
            "n_undefined": int(np.isnan(raw).sum()),
            "run_id": run_id,
            "created_at": datetime.now(UTC),
        }
        store.insert("score_set", pd.DataFrame([row]))
        same = [item for item in sets(store, snapshot_id) if item.measure == measure.name]
        for old in same[KEPT_CONTEXTS:]:
            named = {"snapshot_id": snapshot_id, "measure": old.measure, "version": old.version}
            for statement in (_DELETE, _DELETE_SET):
                cursor.execute(statement, {**named, "context_hash": old.context_hash})


def _nullable(values: Array) -> pd.arrays.FloatingArray:
    values = np.asarray(values, dtype=np.float64)
    return pd.arrays.FloatingArray(np.nan_to_num(values), np.isnan(values))


def sets(store: Store, snapshot_id: str) -> list[ScoreSet]:
    """All score sets of a snapshot, newest first."""
    return [
        ScoreSet(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5], row[6], row[7].isoformat())
        for row in store.rows(_SETS, {"snapshot_id": snapshot_id})
    ]


def values(store: Store, snapshot_id: str, of: ScoreSet) -> tuple[Array, Array, Array]:
    """Ids (n,) int64 ascending, raw (n,) float64 and unit (n,) float32 of one score set; NaN = undefined."""
    frame = store.read(_VALUES, _key(snapshot_id, of))
    return (
        frame["example_id"].to_numpy(np.int64),
        frame["raw"].to_numpy(np.float64, na_value=np.nan),
        frame["unit_value"].to_numpy(np.float32, na_value=np.nan),
    )


def _key(snapshot_id: str, of: ScoreSet) -> dict[str, Any]:
    return {
        "snapshot_id": snapshot_id,
        "measure": of.measure,
        "version": of.version,
        "context_hash": of.context_hash,
    }


def of_example(store: Store, snapshot_id: str, example_id: int, of: Sequence[ScoreSet]) -> pd.DataFrame:
    """Columns measure, raw, unit_value of one example in the given score sets."""
    given = {"measures": [item.measure for item in of], "hashes": [item.context_hash for item in of]}
    return store.read(_OF_EXAMPLE, {"snapshot_id": snapshot_id, "example_id": int(example_id), **given})


def rank_by_weighted_score(
    store: Store, snapshot_id: str, weights: Sequence[tuple[ScoreSet, float]], budget: int
) -> pd.DataFrame:
    """The `budget` best examples under a weighted sum of unit scores, in SQL: the readable oracle of the live ranking.

    Examples lacking any weighted measure are left out; ties fall to example_id.

    Returns:
        Columns example_id, score, best first.

    Raises:
        SelectionError: no weights, a negative one, a sum other than 1, or budget < 0.
    """
    if budget < 0:
        raise SelectionError("Budget cannot be below 0", got=budget, fix="Ask for 0 or more examples.")
    return store.read(_RANK, _weights(snapshot_id, weights) | {"budget": budget})


def count_left_out(store: Store, snapshot_id: str, weights: Sequence[tuple[ScoreSet, float]]) -> int:
    """How many scored examples of the snapshot no ranking under these weights can contain."""
    return int(store.rows(_LEFT_OUT, _weights(snapshot_id, weights))[0][0])


def _weights(snapshot_id: str, weights: Sequence[tuple[ScoreSet, float]]) -> dict[str, Any]:
    numbers = [float(weight) for _, weight in weights]
    if abs(math.fsum(numbers) - 1) > 1e-6 or not all(number >= 0 for number in numbers):
        raise SelectionError(
            "Weights must be at least 0 and sum to 1", got=numbers, fix="Divide the four slider values by 100."
        )
    return {
        "snapshot_id": snapshot_id,
        "names": [item.measure for item, _ in weights],
        "versions": [item.version for item, _ in weights],
        "hashes": [item.context_hash for item, _ in weights],
        "weights": numbers,
    }


# --- what scores are computed from ------------------------------------------------------------------------------------
def surroundings(store: Store, snapshot_id: str) -> Surroundings:
    """The newest vectors, whole map and round of a snapshot; fields are None where there is none yet."""
    key = {"snapshot_id": snapshot_id}
    vectors, chart, last = (store.one(sql, key) for sql in (_VECTORS, _MAP, _ROUND))
    return Surroundings(
        encoder_key=f"{vectors[0]}@{vectors[1]}" if vectors else None,
        dim=int(vectors[2]) if vectors else 0,
        k=vectors[4] if vectors else None,
        vectors_path=vectors[5] if vectors else None,
        map_id=chart[0] if chart else None,
        map_mark=_mark(store, chart[0]) if chart else None,
        round_id=last[0] if last else None,
        round_number=last[1] if last else None,
        round_path=last[3] if last else None,
    )


def _mark(store: Store, map_id: str) -> str:
    """The map itself while nobody decided anything, so that what was computed before stays good."""
    n = clusters_now.count(store, map_id)
    return f"{map_id}+{n}" if n else map_id


def clusters(store: Store, map_id: str) -> pd.DataFrame:
    """Columns example_id (ascending) and cluster (-1 = none, merges in force) of a map."""
    return store.read(_CLUSTERS, {"map_id": map_id})


def cluster_names(store: Store, map_id: str) -> dict[int, str]:
    """Names in force of the clusters of a map."""
    found = clusters_now.table(store, map_id)
    return {int(code): str(name) for code, name in zip(found["cluster"], found["name"], strict=True)}


def pool_state(store: Store, snapshot_id: str) -> tuple[int, str]:
    """What changes when the pool does: the newest annotation's number and the moment of the split decision."""
    row = store.rows(_STATE, {"snapshot_id": snapshot_id})[0]
    return int(row[0]), str(row[1])


def slice_ids(store: Store, snapshot_id: str, slice_id: str) -> list[int] | None:
    """Example ids of a stored slice, or None when there is none of that id."""
    found = slices.ids(store, snapshot_id, slice_id)
    return None if found is None else found.tolist()
