"""Rows of `finding`: what an audit found, kept per snapshot, audit, version and everything else it depends on.

A stored result is parsed once and remembered until its row goes, so that a page that is drawn again parses nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from studio.findings import finding_to_json, from_json, to_json
from studio.records import AuditResult
from studio.store.connection import Store

__all__ = ["finding_to_json", "from_json", "get", "get_many", "keep_only", "label_state", "newest", "put", "states",
           "to_json"]  # fmt: skip
KEPT_STATES = 8  # of one audit and snapshot; older ones can be computed again
KEPT_COMPARISONS = 100  # of two sets with random draws, per snapshot
REMEMBERED = 50_000_000  # characters of stored JSON whose results are held in memory, over all snapshots
Place = tuple[str, str]  # (audit, context_hash)
Kept = tuple[AuditResult, datetime]

_ADD = "INSERT INTO finding VALUES ($snapshot_id, $audit, $version, $context_hash, $result, $created_at)"
_DROP = """
DELETE FROM finding
WHERE snapshot_id = $snapshot_id AND audit = $audit AND version = $version AND context_hash = $context_hash
"""
_MARKS = """
SELECT audit, version, context_hash, created_at FROM finding WHERE snapshot_id = $snapshot_id ORDER BY created_at
"""
_GET = """
SELECT f.audit, f.context_hash, f.created_at, f.result
FROM finding AS f JOIN (SELECT unnest($audits) AS audit, unnest($hashes) AS context_hash) AS w
    ON w.audit = f.audit AND w.context_hash = f.context_hash
WHERE f.snapshot_id = $snapshot_id AND f.version = $version
ORDER BY f.created_at
"""
_STATES = """
SELECT context_hash FROM finding WHERE snapshot_id = $snapshot_id AND audit = $audit AND version = $version
ORDER BY created_at DESC, context_hash LIMIT $n
"""
_KEEP_ONLY = """
DELETE FROM finding
WHERE snapshot_id = $snapshot_id AND audit IN (SELECT unnest($names))
AND (version <> $version OR (audit, context_hash) NOT IN (SELECT unnest($audits), unnest($hashes)))
"""
_LABEL_STATE = """
SELECT (SELECT coalesce(max(a.seq), 0) FROM annotation AS a
        WHERE a.corpus_id = (SELECT s.corpus_id FROM snapshot AS s WHERE s.snapshot_id = $snapshot_id)),
       (SELECT max(d.created_at) FROM split_decision AS d WHERE d.snapshot_id = $snapshot_id)
"""


# --- writing ----------------------------------------------------------------------------------------------------------
def put(
    store: Store, snapshot_id: str, version: int, context_hash: str, result: AuditResult, *, keep: int | None = None
) -> None:
    """Keep the result of an audit; the same key again replaces it.

    Args:
        store: the workspace database.
        snapshot_id: of which snapshot.
        version: of the rules it was computed by.
        context_hash: of everything else it depends on.
        result: what was found.
        keep: how many states of this audit stay, the newest; older ones, and those of another version, go in the same
            write. None leaves them all.
    """
    key = {"snapshot_id": snapshot_id, "audit": result.audit, "version": version, "context_hash": context_hash}
    with store.write() as cursor:
        cursor.execute(_DROP, key)
        cursor.execute(_ADD, key | {"result": to_json(result), "created_at": datetime.now(UTC)})
        if keep is not None:
            kept = [(result.audit, one) for one in states(store, snapshot_id, result.audit, version, keep)]
            keep_only(store, snapshot_id, version, (result.audit,), kept)


def keep_only(store: Store, snapshot_id: str, version: int, audits: Collection[str], kept: Collection[Place]) -> None:
    """Remove every result of some audits of a snapshot but those named; none of another version is named."""
    places = sorted(kept)
    with store.write() as cursor:
        cursor.execute(_KEEP_ONLY, {"snapshot_id": snapshot_id, "version": version, "names": sorted(audits),
                                    "audits": [audit for audit, _ in places],
                                    "hashes": [one for _, one in places]})  # fmt: skip


# --- reading ----------------------------------------------------------------------------------------------------------
def get(store: Store, snapshot_id: str, audit: str, version: int, context_hash: str) -> Kept | None:
    """The kept result and when it was computed; None where there is none of this very context."""
    return get_many(store, snapshot_id, version, [(audit, context_hash)]).get((audit, context_hash))


def get_many(store: Store, snapshot_id: str, version: int, wanted: Sequence[Place]) -> dict[Place, Kept]:
    """The kept results among the wanted ones, each with the moment it was computed; parsed once, then remembered."""
    if not wanted:
        return {}
    rows = store.rows(_MARKS, {"snapshot_id": snapshot_id})
    marks = {(audit, one, context): moment for audit, one, context, moment in rows}
    _REMEMBERED.drop_all_but(store, snapshot_id, marks)
    there = [(audit, one) for audit, one in dict.fromkeys(wanted) if (audit, version, one) in marks]
    found = {place: _REMEMBERED.get(store, snapshot_id, version, place, marks[place[0], version, place[1]])
             for place in there}  # fmt: skip
    unread = [place for place, result in found.items() if result is None]
    if unread:
        given = {"snapshot_id": snapshot_id, "version": version, "audits": [audit for audit, _ in unread],
                 "hashes": [one for _, one in unread]}  # fmt: skip
        for audit, context, moment, text in store.rows(_GET, given):
            found[audit, context] = _REMEMBERED.put(store, snapshot_id, version, (audit, context), moment, text)
            marks[audit, version, context] = moment
    return {place: (result, marks[place[0], version, place[1]]) for place, result in found.items() if result}


def newest(store: Store, snapshot_id: str, audit: str, version: int) -> Kept | None:
    """The kept result computed last, whatever it rests on; None where there is none."""
    last = states(store, snapshot_id, audit, version, 1)
    return get(store, snapshot_id, audit, version, last[0]) if last else None


def states(store: Store, snapshot_id: str, audit: str, version: int, n: int) -> list[str]:
    """The context hashes of an audit's newest results, the newest first, n at most."""
    given = {"snapshot_id": snapshot_id, "audit": audit, "version": version, "n": n}
    return [str(row[0]) for row in store.rows(_STATES, given)]


def label_state(store: Store, snapshot_id: str) -> tuple[int, str]:
    """What changes when a label or a split does: the newest annotation's number, the moment of the split decision."""
    row = store.rows(_LABEL_STATE, {"snapshot_id": snapshot_id})[0]
    return int(row[0]), str(row[1])


# --- remembering ------------------------------------------------------------------------------------------------------
class _Remembered:
    """Parsed results of all open workspaces, the least used forgotten first. Safe for many threads.

    What is handed out has a table of its own that shares the numbers: pandas copies them where someone writes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, str, int, str], tuple[datetime, int, AuditResult]] = OrderedDict()
        self._size = 0

    def get(self, store: Store, snapshot_id: str, version: int, place: Place, moment: datetime) -> AuditResult | None:
        """The result of a row written at this very moment, or None."""
        key = _key(store, snapshot_id, version, place)
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[0] != moment:
                return None
            self._kept.move_to_end(key)
        return _lent(found[2])

    def put(
        self, store: Store, snapshot_id: str, version: int, place: Place, moment: datetime, text: str
    ) -> AuditResult:
        """Parse a row and remember what it says."""
        result, key = from_json(text), _key(store, snapshot_id, version, place)
        with self._lock:
            self._forget(key)
            self._kept[key] = (moment, len(text), result)
            self._size += len(text)
            while self._size > REMEMBERED and len(self._kept) > 1:
                self._forget(next(iter(self._kept)))
        return _lent(result)

    def drop_all_but(self, store: Store, snapshot_id: str, marks: Collection[tuple[str, int, str]]) -> None:
        """Forget results of a snapshot whose rows are gone: pruned, or removed with a text."""
        whose = (str(store.workspace.database), snapshot_id)
        with self._lock:
            for key in [key for key in self._kept if key[:2] == whose and key[2:] not in marks]:
                self._forget(key)

    def _forget(self, key: tuple[str, str, str, int, str]) -> None:
        found = self._kept.pop(key, None)
        self._size -= found[1] if found else 0


def _key(store: Store, snapshot_id: str, version: int, place: Place) -> tuple[str, str, str, int, str]:
    return str(store.workspace.database), snapshot_id, place[0], version, place[1]


def _lent(result: AuditResult) -> AuditResult:
    return replace(result, table=result.table.copy(deep=False))


_REMEMBERED = _Remembered()
