"""Rows of `lexicon_decision`: the identity terms a corpus is read with, as people decided them; append-only."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from studio.store.connection import Store

KINDS: tuple[str, ...] = ("list", "reset", "strike_term", "keep_term", "strike_hit", "keep_hit")
_ADD = """
INSERT INTO lexicon_decision
SELECT $decision_id, $corpus_id, $language, coalesce(max(number), 0) + 1, $kind, $body, $note, $created_at, $created_by
FROM lexicon_decision WHERE corpus_id = $corpus_id AND language = $language
"""
_ALL = """
SELECT kind, body, note, created_at, created_by FROM lexicon_decision
WHERE corpus_id = $corpus_id AND language = $language ORDER BY number
"""


@dataclass(frozen=True)
class LexiconDecision:
    """One decision: `kind` of KINDS, `body` what it is about (rows of a list, a term, a term and an example)."""

    kind: str
    body: Any
    note: str
    created_at: datetime
    created_by: str


def add(store: Store, corpus_id: str, language: str, kind: str, body: Any, *, by: str, note: str = "") -> None:
    """Write a decision down after all earlier ones of the corpus."""
    values: Mapping[str, Any] = {
        "decision_id": uuid.uuid4().hex,
        "corpus_id": corpus_id,
        "language": language,
        "kind": kind,
        "body": json.dumps(body, ensure_ascii=False),
        "note": note,
        "created_at": datetime.now(UTC),
        "created_by": by,
    }
    with store.write() as cursor:
        cursor.execute(_ADD, values)


def decisions(store: Store, corpus_id: str, language: str) -> list[LexiconDecision]:
    """Every decision of a corpus in one language, the oldest first."""
    rows = store.rows(_ALL, {"corpus_id": corpus_id, "language": language})
    return [LexiconDecision(kind, json.loads(body), note, moment, by) for kind, body, note, moment, by in rows]
