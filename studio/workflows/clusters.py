"""Clusters as people read them: rename, merge, and take the newest of these back; nothing the run found is lost."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import StoreError
from studio.records import Actor
from studio.store import clusters, maps
from studio.store.maps import MapRecord
from studio.workflows.acts import act
from studio.workflows.studio import Studio

MAX_NAME = 80


@act("clusters.rename", "analyst")
def rename(studio: Studio, actor: Actor, *, map_id: str, cluster: int, name: str) -> None:
    """Give a cluster another name, in force wherever clusters are shown.

    Raises:
        StoreError: an unknown map or cluster, or no name.
    """
    chart = _require(studio, map_id)
    _known(studio, map_id, [cluster])
    if not name.strip():
        raise StoreError("A cluster needs a name", got=name, fix="Type a few words.")
    clusters.add(
        studio.store,
        map_id,
        chart.snapshot_id,
        kind=clusters.RENAME,
        clusters=[cluster],
        target=cluster,
        name=name.strip()[:MAX_NAME],
        by=actor.name,
    )


@act("clusters.merge", "analyst")
def merge(studio: Studio, actor: Actor, *, map_id: str, chosen: Sequence[int], name: str = "") -> int:
    """Make one cluster of several; returns its number, that of the largest (the first of equals).

    Args:
        studio: the open workspace.
        actor: who decides.
        map_id: of which map.
        chosen: two or more clusters as they are now.
        name: what to call the new one; the largest one's name when empty.

    Raises:
        StoreError: an unknown map or cluster, or fewer than two.
    """
    chart = _require(studio, map_id)
    wanted = sorted({int(number) for number in chosen})
    sizes = _known(studio, map_id, wanted)
    if len(wanted) < 2:
        raise StoreError("A merge needs two clusters or more", got=len(wanted), fix="Choose another one too.")
    into = clusters.merged(clusters.in_force(studio.store, map_id))
    members = sorted({*wanted, *(found for found, now in into.items() if now in wanted)})
    largest = max(wanted, key=lambda number: (sizes[number], -number))  # on a placed map numbers do not go by size
    clusters.add(
        studio.store,
        map_id,
        chart.snapshot_id,
        kind=clusters.MERGE,
        clusters=members,
        target=largest,
        name=name.strip()[:MAX_NAME],
        by=actor.name,
    )
    return largest


@act("clusters.undo", "analyst")
def undo(studio: Studio, actor: Actor, *, map_id: str) -> None:
    """Take back the newest rename or merge in force; the decision and its taking back both stay on record.

    Raises:
        StoreError: an unknown map, or nothing in force.
    """
    chart = _require(studio, map_id)
    standing = clusters.in_force(studio.store, map_id)
    if not standing:
        raise StoreError("There is nothing to take back", got=None, fix="Rename or merge clusters first.")
    clusters.add(
        studio.store,
        map_id,
        chart.snapshot_id,
        kind=clusters.UNDO,
        undoes=standing[-1].decision_id,
        by=actor.name,
    )


def _require(studio: Studio, map_id: str) -> MapRecord:
    chart = maps.get(studio.store, map_id)
    if chart is None:
        raise StoreError("This map is not known", got=map_id, fix="Open the map of the corpus again.")
    return chart


def _known(studio: Studio, map_id: str, numbers: Sequence[int]) -> dict[int, int]:
    """Sizes of all clusters as they are now."""
    table = clusters.table(studio.store, map_id)
    known = dict(zip(table["cluster"].tolist(), table["size"].tolist(), strict=True))
    unknown = [number for number in numbers if number not in known or number < 0]
    if unknown:
        raise StoreError("This map has no such cluster", got=unknown[0], fix="Choose one from the list.")
    return known
