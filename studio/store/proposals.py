"""Rows of `proposal` and `proposal_decision`: what was put up for review and what became of it; append-only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from studio.errors import StoreError
from studio.records import Actor
from studio.store.connection import Store

APPROVE, CHANGES, REJECT, WITHDRAW = "approve", "changes", "reject", "withdraw"
VERDICTS: tuple[str, ...] = (APPROVE, CHANGES, REJECT)  # what a reviewer says
# the newest decision -> what the proposal is; without one it waits
STATES: Mapping[str, str] = {APPROVE: "approved", CHANGES: "changes", REJECT: "rejected", WITHDRAW: "withdrawn"}
WAITING = "waiting"

_COLUMNS = """proposal_id, corpus_id, snapshot_id, selection_id, previous_id, name, purpose, known_limits, content,
    content_hash, created_at, created_by, role, verified"""
_ADD = f"""
INSERT INTO proposal ({_COLUMNS})
VALUES ($proposal_id, $corpus_id, $snapshot_id, $selection_id, $previous_id, $name, $purpose, $known_limits, $content,
        $content_hash, $created_at, $created_by, $role, $verified)
"""
_STATE = """
LEFT JOIN (SELECT proposal_id, arg_max(kind, number) AS kind, arg_max(verified, number) AS checked
           FROM proposal_decision GROUP BY ALL) AS d USING (proposal_id)
LEFT JOIN (SELECT previous_id AS proposal_id, arg_min(proposal_id, created_at) AS next_id FROM proposal
           WHERE previous_id IS NOT NULL GROUP BY ALL) AS n USING (proposal_id)
"""
_NOW = f"""
SELECT {", ".join("p." + name.strip() for name in _COLUMNS.split(","))}, d.kind, n.next_id, d.checked FROM proposal AS p
"""
_GET = f"{_NOW} {_STATE} WHERE p.proposal_id = $proposal_id"
_OF_CORPUS = f"{_NOW} {_STATE} WHERE p.corpus_id = $corpus_id ORDER BY p.created_at DESC, p.proposal_id"
_OF_SELECTION = f"{_NOW} {_STATE} WHERE p.selection_id = $selection_id ORDER BY p.created_at DESC, p.proposal_id"
_DECIDE = """
INSERT INTO proposal_decision (decision_id, proposal_id, corpus_id, snapshot_id, number, kind, note, stale,
                               created_at, created_by, role, verified)
SELECT $decision_id, $proposal_id, p.corpus_id, p.snapshot_id,
       1 + (SELECT count(*) FROM proposal_decision WHERE proposal_id = $proposal_id),
       $kind, $note, $stale, $created_at, $created_by, $role, $verified
FROM proposal AS p WHERE p.proposal_id = $proposal_id
"""
_DECISIONS = """
SELECT decision_id, number, kind, note, stale, created_at, created_by, role, verified FROM proposal_decision
WHERE proposal_id = $proposal_id ORDER BY number
"""
# Labels that stand, with the time each took; what a person took back was time spent all the same.
_PACE = """
SELECT duration_ms FROM annotation
WHERE corpus_id = $corpus_id AND event = 'label' AND NOT simulated AND duration_ms IS NOT NULL AND duration_ms > 0
ORDER BY seq DESC LIMIT $limit
"""
_ROUNDS = """
WITH given AS (
    SELECT a.created_at, a.example_id FROM annotation AS a
    WHERE a.corpus_id = $corpus_id AND a.selection_id = $selection_id AND a.event = 'label' AND NOT EXISTS (
        SELECT 1 FROM annotation AS u
        WHERE u.corpus_id = $corpus_id AND u.event = 'undo' AND u.supersedes = a.event_id)),
trained AS (
    SELECT r.round_id, r.number, r.name, r.arm, r.accuracy, r.n_train, r.test_openings,
           coalesce(w.created_at, r.created_at) AS started
    FROM round AS r LEFT JOIN run AS w ON w.run_id = r.run_id WHERE r.snapshot_id = $snapshot_id)
SELECT t.round_id, t.number, t.name, t.arm, t.accuracy, t.n_train, t.test_openings,
       (SELECT count(DISTINCT example_id) FROM given WHERE given.created_at <= t.started)::BIGINT AS n_labels
FROM trained AS t WHERE n_labels > 0 ORDER BY t.started, t.number
"""


@dataclass(frozen=True)
class Proposal:
    """One proposal as it was made, and where it stands; `content` never changes but for removed texts.

    `decision` is the newest decision's kind, None while it waits; `is_checked` whether a login stood behind whoever
    took it; `next_id` the proposal that took its place.
    """

    proposal_id: str
    corpus_id: str
    snapshot_id: str
    selection_id: str
    previous_id: str | None
    name: str
    purpose: str
    known_limits: str
    content: Mapping[str, Any]
    content_hash: str
    created_at: str
    created_by: str
    role: str
    verified: bool
    decision: str | None
    next_id: str | None
    is_checked: bool | None = None

    @property
    def state(self) -> str:
        """waiting, approved, changes, rejected or withdrawn."""
        return STATES.get(self.decision or "", WAITING)


@dataclass(frozen=True)
class Decision:
    """What somebody decided; `stale` says in words keys what had changed by then."""

    decision_id: str
    number: int
    kind: str
    note: str
    stale: Sequence[Mapping[str, Any]]
    created_at: str
    created_by: str
    role: str
    verified: bool


def content_hash(content: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of a proposal's content, in hex."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def add(
    store: Store,
    *,
    proposal_id: str,
    corpus_id: str,
    snapshot_id: str,
    selection_id: str,
    name: str,
    purpose: str,
    known_limits: str,
    content: Mapping[str, Any],
    by: Actor,
    previous_id: str | None = None,
) -> Proposal:
    """Write a proposal once; the same proposal_id twice (a double click) is the first one."""
    with store.write() as cursor:
        known = get_or_none(store, proposal_id)
        if known is not None:
            return known
        cursor.execute(
            _ADD,
            {
                "proposal_id": proposal_id,
                "corpus_id": corpus_id,
                "snapshot_id": snapshot_id,
                "selection_id": selection_id,
                "previous_id": previous_id,
                "name": name,
                "purpose": purpose,
                "known_limits": known_limits,
                "content": json.dumps(content, ensure_ascii=False, sort_keys=True, allow_nan=False),
                "content_hash": content_hash(content),
                "created_at": datetime.now(UTC),
                "created_by": by.name,
                "role": by.role,
                "verified": by.verified,
            },
        )
        return get(store, proposal_id)


def get(store: Store, proposal_id: str) -> Proposal:
    """One proposal.

    Raises:
        StoreError: there is none of that id.
    """
    found = get_or_none(store, proposal_id)
    if found is None:
        raise StoreError(
            "This proposal is not known", got=proposal_id, fix="Choose one of the list on the Review page."
        )
    return found


def get_or_none(store: Store, proposal_id: str) -> Proposal | None:
    """One proposal, or None (an id from a URL may be anything)."""
    row = store.one(_GET, {"proposal_id": proposal_id})
    return _record(row) if row else None


def of_corpus(store: Store, corpus_id: str) -> list[Proposal]:
    """The proposals of all versions of a corpus, newest first."""
    return [_record(row) for row in store.rows(_OF_CORPUS, {"corpus_id": corpus_id})]


def of_selection(store: Store, selection_id: str) -> list[Proposal]:
    """The proposals made of one selection, newest first."""
    return [_record(row) for row in store.rows(_OF_SELECTION, {"selection_id": selection_id})]


def decide(
    store: Store,
    proposal_id: str,
    *,
    decision_id: str,
    kind: str,
    note: str,
    stale: Sequence[Mapping[str, Any]] = (),
    by: Actor,
) -> None:
    """Add a decision; the caller has checked inside the same write that it may be taken."""
    with store.write() as cursor:
        cursor.execute(
            _DECIDE,
            {
                "decision_id": decision_id,
                "proposal_id": proposal_id,
                "kind": kind,
                "note": note,
                "stale": json.dumps(list(stale), ensure_ascii=False),
                "created_at": datetime.now(UTC),
                "created_by": by.name,
                "role": by.role,
                "verified": by.verified,
            },
        )


def decisions(store: Store, proposal_id: str) -> list[Decision]:
    """What was decided, in order."""
    return [
        Decision(row[0], int(row[1]), row[2], row[3], json.loads(row[4]), row[5].isoformat(), *row[6:])
        for row in store.rows(_DECISIONS, {"proposal_id": proposal_id})
    ]


# --- what a proposal counts -------------------------------------------------------------------------------------------
def durations(store: Store, corpus_id: str, limit: int) -> list[int]:
    """Milliseconds of the newest labels people gave in this corpus, newest first; simulated ones do not count."""
    return [int(row[0]) for row in store.rows(_PACE, {"corpus_id": corpus_id, "limit": limit})]


def rounds_after(store: Store, *, corpus_id: str, snapshot_id: str, selection_id: str) -> pd.DataFrame:
    """Rounds that were started once labels of this selection were there, in order.

    Returns:
        Columns round_id, number, name, arm, accuracy, n_train, test_openings, n_labels (labels of this selection that
        stand and were given before the round was started).
    """
    values = {"corpus_id": corpus_id, "snapshot_id": snapshot_id, "selection_id": selection_id}
    return store.read(_ROUNDS, values)


def _record(row: tuple[Any, ...]) -> Proposal:
    return Proposal(*row[:8], json.loads(row[8]), row[9], row[10].isoformat(), *row[11:])
