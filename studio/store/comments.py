"""Rows of `proposal_comment`: what people said of a proposal or of one of its examples; append-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from studio.records import Actor
from studio.store.connection import Store

_ADD = """
INSERT INTO proposal_comment (comment_id, proposal_id, corpus_id, snapshot_id, example_id, body, created_at, created_by,
                              role, verified)
SELECT $comment_id, p.proposal_id, p.corpus_id, p.snapshot_id, $example_id, $body, $created_at, $created_by, $role,
       $verified
FROM proposal AS p WHERE p.proposal_id = $proposal_id
    AND NOT EXISTS (SELECT 1 FROM proposal_comment WHERE comment_id = $comment_id)
"""
_LIST = """
SELECT comment_id, example_id, body, created_at, created_by, role, verified FROM proposal_comment
WHERE proposal_id = $proposal_id ORDER BY created_at, comment_id
"""
_COUNTS = """
SELECT proposal_id, count(*)::BIGINT FROM proposal_comment WHERE corpus_id = $corpus_id GROUP BY proposal_id
"""


@dataclass(frozen=True)
class Comment:
    """One remark; `example_id` is None where it is about the whole proposal."""

    comment_id: str
    example_id: int | None
    body: str
    created_at: str
    created_by: str
    role: str
    verified: bool


def add(
    store: Store, proposal_id: str, *, comment_id: str, body: str, by: Actor, example_id: int | None = None
) -> None:
    """Write a comment once; the same comment_id twice (a double click) is one comment."""
    with store.write() as cursor:
        cursor.execute(
            _ADD,
            {
                "comment_id": comment_id,
                "proposal_id": proposal_id,
                "example_id": example_id,
                "body": body,
                "created_at": datetime.now(UTC),
                "created_by": by.name,
                "role": by.role,
                "verified": by.verified,
            },
        )


def of_proposal(store: Store, proposal_id: str) -> list[Comment]:
    """All comments on a proposal and its examples, oldest first."""
    return [
        Comment(row[0], row[1], row[2], row[3].isoformat(), *row[4:])
        for row in store.rows(_LIST, {"proposal_id": proposal_id})
    ]


def counts(store: Store, corpus_id: str) -> dict[str, int]:
    """Proposal -> how many comments it has; proposals without any are left out."""
    return {str(key): int(n) for key, n in store.rows(_COUNTS, {"corpus_id": corpus_id})}
