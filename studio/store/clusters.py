"""Rows of the table `cluster_decision`: clusters people renamed or merged, append-only, and what is in force now.

The clusters a run found stay as they are in `map_point` and `cluster`; a decision says how they are read. A merge names
every cluster as found that is one now, so that taking back the newest decision gives back what was there before it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, zip_longest
from typing import Any

import pandas as pd

from studio.store.connection import Store

RENAME, MERGE, UNDO = "rename", "merge", "undo"
KEYWORDS = 8
_NOT_UNDONE = """NOT EXISTS (
    SELECT 1 FROM cluster_decision AS u WHERE u.map_id = d.map_id AND u.undoes = d.decision_id)"""
# cluster as found -> the cluster it is part of now; only merged ones have a row
MERGED = f"""
SELECT cluster, target FROM (
    SELECT unnest(d.clusters) AS cluster, d.target, d.number FROM cluster_decision AS d
    WHERE d.map_id = $map_id AND d.kind = 'merge' AND {_NOT_UNDONE})
QUALIFY row_number() OVER (PARTITION BY cluster ORDER BY number DESC) = 1
"""
# the points of a map under the decisions in force
POINTS = f"""
SELECT p.example_id, p.x, p.y, coalesce(g.target, p.cluster)::INTEGER AS cluster
FROM (SELECT example_id, x, y, cluster FROM map_point WHERE map_id = $map_id) AS p
LEFT JOIN ({MERGED}) AS g ON g.cluster = p.cluster
"""
_FOUND = "SELECT cluster, size, keywords, name FROM cluster WHERE map_id = $map_id ORDER BY cluster"
_IN_FORCE = f"""
SELECT d.decision_id, d.number, d.kind, d.clusters, d.target, d.name, d.created_at::VARCHAR, d.created_by
FROM cluster_decision AS d WHERE d.map_id = $map_id AND d.kind <> 'undo' AND {_NOT_UNDONE} ORDER BY d.number
"""
_COUNT = "SELECT count(*)::BIGINT FROM cluster_decision WHERE map_id = $map_id"
_MARK = """
SELECT (SELECT snapshot_id FROM map WHERE map_id = $map_id),
       (SELECT count(*) FROM cluster_decision WHERE map_id = $map_id)
"""
_ADD = """
INSERT INTO cluster_decision (decision_id, map_id, snapshot_id, number, kind, clusters, target, name, undoes,
                              created_at, created_by)
SELECT $decision_id, $map_id, $snapshot_id, coalesce(max(number), 0) + 1, $kind, $clusters, $target, $name, $undoes,
       $created_at, $created_by
FROM cluster_decision WHERE map_id = $map_id
"""


@dataclass(frozen=True)
class ClusterDecision:
    """A decision in force; `clusters` are as found, `target` the cluster they are now (or the one renamed)."""

    decision_id: str
    number: int
    kind: str
    clusters: tuple[int, ...]
    target: int
    name: str
    created_at: str
    created_by: str


def add(
    store: Store,
    map_id: str,
    snapshot_id: str,
    *,
    kind: str,
    by: str,
    clusters: Sequence[int] = (),
    target: int | None = None,
    name: str = "",
    undoes: str | None = None,
) -> str:
    """Write a decision down; returns its id."""
    decision_id = uuid.uuid4().hex[:12]
    with store.write() as cursor:
        cursor.execute(
            _ADD,
            {
                "decision_id": decision_id,
                "map_id": map_id,
                "snapshot_id": snapshot_id,
                "kind": kind,
                "clusters": [int(number) for number in clusters],
                "target": target,
                "name": name,
                "undoes": undoes,
                "created_at": datetime.now(UTC),
                "created_by": by,
            },
        )
    return decision_id


def in_force(store: Store, map_id: str) -> list[ClusterDecision]:
    """The renames and merges of a map that nobody took back, oldest first."""
    rows = store.rows(_IN_FORCE, {"map_id": map_id})
    return [ClusterDecision(r[0], r[1], r[2], tuple(r[3] or ()), int(r[4]), r[5] or "", r[6], r[7]) for r in rows]


def count(store: Store, map_id: str) -> int:
    """How many decisions were ever made on a map: what is derived from names and merges changes with it."""
    found = store.one(_COUNT, {"map_id": map_id})
    return int(found[0]) if found else 0


def mark(store: Store, map_id: str) -> str:
    """What changes when points or clusters of a map may: its snapshot, which a removal renames, and the decisions."""
    return repr(store.one(_MARK, {"map_id": map_id}))


def merged(decisions: Sequence[ClusterDecision]) -> dict[int, int]:
    """Cluster as found -> the cluster it is part of now, for those a merge in force names."""
    return {cluster: d.target for d in decisions if d.kind == MERGE for cluster in d.clusters}


def table(store: Store, map_id: str) -> pd.DataFrame:
    """The clusters of a map as they are now: cluster (-1 = none), size, keywords (lists), name; by cluster."""
    found = store.read(_FOUND, {"map_id": map_id})
    decisions = in_force(store, map_id)
    if not decisions:
        return found
    into = merged(decisions)
    names: dict[int, str] = {}
    for decision in decisions:  # the newest word on a cluster is the last; a merge without a name keeps the largest's
        if decision.name:
            names[decision.target] = decision.name
    parts: dict[int, list[Mapping[str, Any]]] = {}
    for row in found.to_dict("records"):
        parts.setdefault(into.get(int(row["cluster"]), int(row["cluster"])), []).append(row)
    rows = [
        {
            "cluster": number,
            "size": sum(int(row["size"]) for row in members),
            "keywords": _first_of_each([list(row["keywords"]) for row in members]),
            # a removal may have emptied the cluster the others were merged into
            "name": names.get(number)
            or next((r["name"] for r in members if int(r["cluster"]) == number), members[0]["name"]),
        }
        for number, members in sorted(parts.items())
    ]
    return pd.DataFrame(rows).astype({"cluster": "int32", "size": "int64"})


def _first_of_each(lists: Sequence[Sequence[str]]) -> list[str]:
    """The first word of each list, then the second ones: no part of a merged cluster is left unsaid."""
    words = (word for word in chain.from_iterable(zip_longest(*lists)) if word is not None)
    return list(dict.fromkeys(words))[:KEYWORDS]
