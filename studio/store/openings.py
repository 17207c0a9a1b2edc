"""Rows of `test_opening`: each look at a test split, by whom, under which approval or for which reason; append-only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from studio.records import Actor
from studio.store.connection import Store

# approved: the one that goes with an approval; further: another one for the same selection; unapproved: none stood.
APPROVED, FURTHER, UNAPPROVED = "approved", "further", "unapproved"
KINDS: tuple[str, ...] = (APPROVED, FURTHER, UNAPPROVED)

_COLUMNS = """opening_id, round_id, round_number, corpus_id, snapshot_id, selection_id, arm, proposal_id, kind, why, n,
    accuracy, macro_f1, created_at, created_by, role, verified, study_key, shown"""
_ADD = f"""
INSERT INTO test_opening ({_COLUMNS})
SELECT $opening_id, round_id, number, corpus_id, snapshot_id, $selection_id, arm, $proposal_id, $kind, $why, $n,
       $accuracy, $macro_f1, $created_at, $created_by, $role, $verified, NULL, NULL
FROM round WHERE round_id = $round_id
"""
_ADD_PROOF = f"""
INSERT INTO test_opening ({_COLUMNS})
VALUES ($opening_id, NULL, NULL, $corpus_id, $snapshot_id, $selection_id, $arm, $proposal_id, $kind, $why, $n,
        $accuracy, NULL, $created_at, $created_by, $role, $verified, $study_key, $shown)
"""
_COUNT_ONE = "UPDATE round SET test_openings = test_openings + 1, report = $report WHERE round_id = $round_id"
_GET = f"SELECT {_COLUMNS} FROM test_opening WHERE opening_id = $opening_id"
_OF_CORPUS = f"SELECT {_COLUMNS} FROM test_opening WHERE corpus_id = $corpus_id ORDER BY created_at, opening_id"
_OF_ROUND = f"SELECT {_COLUMNS} FROM test_opening WHERE round_id = $round_id ORDER BY created_at, opening_id"
# The newest frozen selection of which a label stood when a round was started; a random control counts with the
# selection it was drawn beside.
_GIVEN = """
WITH given AS (
    SELECT regexp_replace(a.selection_id, '-control$', '') AS selection_id, min(a.created_at) AS first_at
    FROM annotation AS a
    WHERE a.corpus_id = $corpus_id AND a.event = 'label' AND a.selection_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM annotation AS u
        WHERE u.corpus_id = $corpus_id AND u.event = 'undo' AND u.supersedes = a.event_id)
    GROUP BY ALL)
"""
_BASES = f"""
{_GIVEN}, trained AS (
    SELECT r.round_id, coalesce(w.created_at, r.created_at) AS started
    FROM round AS r LEFT JOIN run AS w ON w.run_id = r.run_id WHERE r.corpus_id = $corpus_id)
SELECT t.round_id, s.selection_id
FROM trained AS t JOIN given AS g ON g.first_at <= t.started JOIN selection AS s ON s.selection_id = g.selection_id
QUALIFY row_number() OVER (PARTITION BY t.round_id ORDER BY s.created_at DESC, s.selection_id) = 1
"""
_NOW = f"""
{_GIVEN}
SELECT s.selection_id FROM given AS g JOIN selection AS s ON s.selection_id = g.selection_id
ORDER BY s.created_at DESC, s.selection_id LIMIT 1
"""
_BEFORE = """
SELECT r.round_id, r.number, r.arm FROM round AS r
WHERE r.corpus_id = $corpus_id AND r.test_openings > 0
  AND NOT EXISTS (SELECT 1 FROM test_opening AS o WHERE o.round_id = r.round_id) ORDER BY r.number
"""


@dataclass(frozen=True)
class Opening:
    """One look at a test split: what it showed, under which proposal (None without), or `why` without one.

    Of a round, or of a check whether a choice helps: then round_id is None, `study_key` names the check and `shown`
    holds its figures; `accuracy` is None where it was not judged by one label an example.
    """

    opening_id: str
    round_id: str | None
    round_number: int | None
    corpus_id: str
    snapshot_id: str
    selection_id: str | None
    arm: str
    proposal_id: str | None
    kind: str
    why: str
    n: int
    accuracy: float | None
    macro_f1: float | None
    created_at: str
    created_by: str
    role: str
    verified: bool
    study_key: str | None = None
    shown: Mapping[str, Any] | None = None

    @property
    def is_proof(self) -> bool:
        """True where a check of a choice looked, not a round."""
        return self.study_key is not None


def add(
    store: Store,
    round_id: str,
    *,
    opening_id: str,
    kind: str,
    why: str,
    selection_id: str | None,
    proposal_id: str | None,
    report: Mapping[str, Any],
    by: Actor,
) -> None:
    """Write an opening down, count it on its round, and keep what it showed (`report["test"]`), all or nothing."""
    shown = report["test"]
    with store.write() as cursor:
        cursor.execute(
            _ADD,
            {
                "opening_id": opening_id,
                "round_id": round_id,
                "selection_id": selection_id,
                "proposal_id": proposal_id,
                "kind": kind,
                "why": why,
                "n": int(shown["n"]),
                "accuracy": float(shown["accuracy"]["value"]),
                "macro_f1": float(shown["macro_f1"]["value"]),
                "created_at": datetime.now(UTC),
                "created_by": by.name,
                "role": by.role,
                "verified": by.verified,
            },
        )
        cursor.execute(_COUNT_ONE, {"round_id": round_id, "report": json.dumps(dict(report), ensure_ascii=False)})


def add_proof(
    store: Store,
    *,
    opening_id: str,
    corpus_id: str,
    snapshot_id: str,
    kind: str,
    why: str,
    selection_id: str | None,
    arm: str,
    proposal_id: str | None,
    study_key: str,
    n: int,
    accuracy: float | None,
    shown: Mapping[str, Any],
    by: Actor,
) -> None:
    """Write down that a check of a choice looked at the test split, and what it showed."""
    with store.write() as cursor:
        cursor.execute(
            _ADD_PROOF,
            {
                "opening_id": opening_id,
                "corpus_id": corpus_id,
                "snapshot_id": snapshot_id,
                "selection_id": selection_id,
                "arm": arm,
                "proposal_id": proposal_id,
                "kind": kind,
                "why": why,
                "n": n,
                "accuracy": accuracy,
                "created_at": datetime.now(UTC),
                "created_by": by.name,
                "role": by.role,
                "verified": by.verified,
                "study_key": study_key,
                "shown": json.dumps(dict(shown), ensure_ascii=False),
            },
        )


def get_or_none(store: Store, opening_id: str) -> Opening | None:
    """One opening, or None."""
    row = store.one(_GET, {"opening_id": opening_id})
    return _record(row) if row else None


def of_corpus(store: Store, corpus_id: str) -> list[Opening]:
    """Every opening of a corpus, oldest first."""
    return [_record(row) for row in store.rows(_OF_CORPUS, {"corpus_id": corpus_id})]


def of_round(store: Store, round_id: str) -> list[Opening]:
    """The openings of a round, oldest first; the last one is what its report shows."""
    return [_record(row) for row in store.rows(_OF_ROUND, {"round_id": round_id})]


def bases(store: Store, corpus_id: str) -> dict[str, str]:
    """Round id -> the newest frozen selection it learnt from; rounds that learnt from none are missing."""
    return {str(row[0]): str(row[1]) for row in store.rows(_BASES, {"corpus_id": corpus_id})}


def basis_now(store: Store, corpus_id: str) -> str | None:
    """The selection a round started now would belong to; None while no label of a frozen selection stands."""
    row = store.one(_NOW, {"corpus_id": corpus_id})
    return str(row[0]) if row else None


def before_rows(store: Store, corpus_id: str) -> list[tuple[str, int, str]]:
    """Rounds opened before openings had rows: round id, number, arm."""
    return [(str(row[0]), int(row[1]), str(row[2])) for row in store.rows(_BEFORE, {"corpus_id": corpus_id})]


def _record(row: tuple[Any, ...]) -> Opening:
    number, accuracy, macro = row[2], row[11], row[12]
    return Opening(
        *row[:2], None if number is None else int(number), *row[3:10], int(row[10]),
        None if accuracy is None else float(accuracy), None if macro is None else float(macro), row[13].isoformat(),
        *row[14:18], json.loads(row[18]) if row[18] else None,
    )  # fmt: skip
