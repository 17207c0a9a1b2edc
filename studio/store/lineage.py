"""Which snapshot was made from which: the versions of a corpus as rows of `snapshot` with their parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.records import Snapshot
from studio.store import snapshots
from studio.store.connection import Store

_LINKS = "SELECT snapshot_id, parent_id, run_id FROM snapshot WHERE corpus_id = $corpus_id"


@dataclass(frozen=True)
class Version:
    """One version of a corpus: its snapshot, the one it was made from, the run that made it, how and in which steps.

    `method` is import, clean, subset or what the manifest says; `steps` are the manifest's own entries.
    """

    snapshot: Snapshot
    parent_id: str | None
    run_id: str | None
    number: int
    depth: int

    @property
    def method(self) -> str:
        """How it was made, from the manifest."""
        given = self.snapshot.manifest.get("lineage")
        return str(given.get("method") or given.get("kind") or "import") if isinstance(given, Mapping) else "import"

    @property
    def steps(self) -> tuple[Any, ...]:
        """The steps that made it, as the manifest has them."""
        given = self.snapshot.manifest.get("lineage")
        found = given.get("steps") if isinstance(given, Mapping) else None
        return tuple(found) if isinstance(found, list | tuple) else ()


def versions(store: Store, corpus_id: str) -> list[Version]:
    """Every version of a corpus, oldest first; `depth` is its distance from the first one it goes back to."""
    links = {row[0]: (row[1], row[2]) for row in store.rows(_LINKS, {"corpus_id": corpus_id})}
    found: dict[str, Version] = {}
    for number, snapshot in enumerate(reversed(snapshots.of_corpus(store, corpus_id)), 1):
        parent_id, run_id = links[snapshot.snapshot_id]
        depth = found[parent_id].depth + 1 if parent_id in found else 0
        found[snapshot.snapshot_id] = Version(snapshot, parent_id, run_id, number, depth)
    return list(found.values())


def ancestors(store: Store, snapshot_id: str) -> list[Version]:
    """The versions a snapshot goes back to, the first one first, itself last.

    Raises:
        CorpusError: it is not known.
    """
    corpus_id = snapshots.require(store, snapshot_id).corpus_id
    known = {version.snapshot.snapshot_id: version for version in versions(store, corpus_id)}
    chain, at = [], known.get(snapshot_id)
    while at is not None and at not in chain:
        chain.append(at)
        at = known.get(at.parent_id or "")
    return chain[::-1]
