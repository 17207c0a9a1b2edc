"""Rows of `round`: one training run that ended well, its report, and what its model says of every pool example."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import StoreError
from studio.records import Array
from studio.store.connection import Store

UNCERTAINTY: Mapping[str, str] = {"margin": "ASC", "entropy": "DESC", "least_confidence": "DESC"}

_COLUMNS = """round_id, corpus_id, snapshot_id, number, name, arm, run_id, loop_id, plan, n_train, n_validation,
    accuracy, macro_f1, report, path, test_openings, created_at, created_by"""
_ADD = f"""
INSERT INTO round ({_COLUMNS})
SELECT $round_id, $corpus_id, $snapshot_id,
       1 + coalesce((SELECT max(number) FROM round WHERE corpus_id = $corpus_id), 0),
       $name, $arm, $run_id, $loop_id, $plan, $n_train, $n_validation, $accuracy, $macro_f1, $report, $path,
       $test_openings, now(), $created_by
WHERE NOT EXISTS (SELECT 1 FROM round WHERE round_id = $round_id)
"""
_GET = f"SELECT {_COLUMNS} FROM round WHERE round_id = $round_id"
_OF_SNAPSHOT = f"SELECT {_COLUMNS} FROM round WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC, number DESC"
_REPORTS = """
SELECT report FROM round WHERE json_extract_string(plan, '$.base') = $base
  AND json_extract_string(plan, '$.method') = $method ORDER BY created_at DESC, number DESC LIMIT $limit
"""
# Openings of rounds whose model was removed since stay counted; those from before there were rows have none.
_OPENINGS = """
SELECT (SELECT count(*) FROM test_opening WHERE snapshot_id = $snapshot_id)
     + (SELECT coalesce(sum(greatest(r.test_openings - coalesce(o.n, 0), 0)), 0) FROM round AS r
        LEFT JOIN (SELECT round_id, count(*) AS n FROM test_opening GROUP BY ALL) AS o USING (round_id)
        WHERE r.snapshot_id = $snapshot_id)
"""
_PREDICTED = """
SELECT example_id, part, predicted, margin, entropy, least_confidence, probs FROM read_parquet($file)
WHERE example_id IN (SELECT unnest($ids::BIGINT[])) ORDER BY example_id
"""
_PART = """
SELECT example_id, predicted, margin, entropy, least_confidence FROM read_parquet($file) WHERE part = $part
ORDER BY example_id
"""
_BEST = {
    by: f"""
SELECT example_id FROM read_parquet($file) AS p WHERE part = 'pool'
  AND NOT EXISTS (SELECT 1 FROM (SELECT unnest($leave::BIGINT[]) AS id) AS x WHERE x.id = p.example_id)
ORDER BY {by} {order}, example_id LIMIT $k
"""
    for by, order in UNCERTAINTY.items()
}


@dataclass(frozen=True)
class Round:
    """One round as a page or a loop reads it. `report` is the worker's report.json; `path` lies in the workspace."""

    round_id: str
    corpus_id: str
    snapshot_id: str
    number: int
    name: str
    arm: str
    run_id: str
    loop_id: str | None
    plan: Mapping[str, Any]
    n_train: int
    n_validation: int
    accuracy: float
    macro_f1: float
    report: Mapping[str, Any]
    path: str
    test_openings: int
    created_at: Any
    created_by: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels; column i of its probabilities is labels[i]."""
        return tuple(self.report.get("labels", ()))


def add(store: Store, values: Mapping[str, Any]) -> None:
    """Write a round once; a second call with the same round_id changes nothing."""
    with store.write() as cursor:
        cursor.execute(
            _ADD,
            {
                **values,
                "plan": json.dumps(values["plan"], ensure_ascii=False),
                "report": json.dumps(values["report"], ensure_ascii=False),
            },
        )


def get(store: Store, round_id: str) -> Round | None:
    """One round, or None."""
    row = store.one(_GET, {"round_id": round_id})
    return _record(row) if row else None


def require(store: Store, round_id: str) -> Round:
    """One round.

    Raises:
        StoreError: it is not known.
    """
    found = get(store, round_id)
    if found is None:
        raise StoreError("This round is not known", got=round_id, fix="Choose one of the rounds on the Train page.")
    return found


def of_snapshot(store: Store, snapshot_id: str, *, arm: str | None = None) -> list[Round]:
    """The rounds of a snapshot, newest first; with `arm` only those of one arm (selection or random)."""
    found = [_record(row) for row in store.rows(_OF_SNAPSHOT, {"snapshot_id": snapshot_id})]
    return [item for item in found if arm is None or item.arm == arm]


def latest(store: Store, snapshot_id: str, *, arm: str = "selection") -> Round | None:
    """The newest round of an arm, whose model suggests labels; None before the first."""
    return next(iter(of_snapshot(store, snapshot_id, arm=arm)), None)


def reports(store: Store, *, base: str, method: str, limit: int = 20) -> list[dict[str, Any]]:
    """The reports of the newest rounds of a base and a method, all corpora of the workspace together."""
    found = store.rows(_REPORTS, {"base": base, "method": method, "limit": limit})
    return [json.loads(row[0]) for row in found]


def test_openings(store: Store, snapshot_id: str) -> int:
    """How often the test split of a snapshot was looked at, over all its rounds, gone ones too."""
    row = store.one(_OPENINGS, {"snapshot_id": snapshot_id})
    return int(row[0]) if row else 0


# --- predictions ------------------------------------------------------------------------------------------------------
def predictions(store: Store, round_id: str, ids: Sequence[int] | Array) -> pd.DataFrame:
    """What a round's model says of the named examples; examples it did not score are left out.

    Returns:
        Columns example_id (ascending), part, predicted, margin, entropy, least_confidence, probs (list of floats).
    """
    found = require(store, round_id)
    return store.read(_PREDICTED, {"file": _file(store, found), "ids": [int(i) for i in ids]})


def predicted_part(store: Store, round_id: str, part: str) -> pd.DataFrame:
    """Predicted label and uncertainty of every pool, validation or test example the round scored."""
    found = require(store, round_id)
    return store.read(_PART, {"file": _file(store, found), "part": part})


def best_next(
    store: Store, round_id: str, k: int, *, by: str = "margin", leave: Sequence[int] | Array = ()
) -> list[int]:
    """The k pool examples the round's model is least sure of, ties by id, without those in `leave`.

    Args:
        store: the workspace database.
        round_id: whose model.
        k: how many at most.
        by: margin (smallest first), entropy or least_confidence (largest first).
        leave: ids to pass over, such as those annotated since.

    Raises:
        StoreError: an unknown round or order.
    """
    if by not in _BEST:
        raise StoreError("There is no such order", got=by, fix=f"Use one of: {', '.join(_BEST)}.")
    found = require(store, round_id)
    values = {"file": _file(store, found), "k": max(0, int(k)), "leave": np.asarray(leave, np.int64).tolist()}
    return [int(row[0]) for row in store.rows(_BEST[by], values)]


def _file(store: Store, found: Round) -> str:
    file: Path = store.workspace.root / found.path / "predictions.parquet"
    if not file.exists():
        raise StoreError("The predictions of this round are gone", got=str(found.path), fix="Train again.")
    return str(file.resolve())


def _record(row: Sequence[Any]) -> Round:
    return Round(
        *row[:8],
        json.loads(row[8]),
        int(row[9]),
        int(row[10]),
        float(row[11]),
        float(row[12]),
        json.loads(row[13]),
        *row[14:15],
        int(row[15]),
        *row[16:],
    )
