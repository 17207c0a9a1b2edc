"""Slices: parts of a snapshot that people name, rename, put away and come back to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.errors import StoreError
from studio.records import Actor, Condition, conditions_to_text
from studio.store import examples, slices
from studio.workflows.acts import act
from studio.workflows.explore_map import points_inside
from studio.workflows.studio import Studio

MAX_NAME = 120


@act("explore.save_slice", "annotator")
def save(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    name: str,
    map_id: str | None = None,
    outline: str = "",
    conditions: Sequence[Condition] = (),
    example_ids: Sequence[int] | None = None,
    held: int | None = None,
) -> str:
    """Write a part of the snapshot down under a name; returns its slice_id.

    Args:
        studio: the open workspace.
        actor: who names it.
        snapshot_id: of which snapshot.
        name: what to call it.
        map_id: the map `outline` and the column `cluster` belong to.
        outline: a polygon as text (mapping.polygon.to_text); empty for no lasso.
        conditions: filters, joined with the lasso by AND.
        example_ids: the examples themselves, instead of lasso and filters.
        held: seed of the half nobody looked at while the part was found (mapping.halves); None when all were shown.

    Raises:
        StoreError: no name, or nothing inside.
    """
    title = _name(name)
    if example_ids is None:
        chosen = points_inside(studio, snapshot_id, map_id=map_id, outline=outline, conditions=conditions)
    else:
        chosen = examples.by_ids(studio.store, snapshot_id, example_ids, ("example_id",))["example_id"].to_numpy()
    if not len(chosen):
        raise StoreError("There is nothing inside", got=0, fix="Draw the lasso around some points.")
    definition: dict[str, Any] = {
        "map_id": map_id,
        "outline": outline,
        "filters": conditions_to_text(conditions),
        "found_by": "ids" if example_ids is not None else "lasso" if outline else "filter",
    }
    if held is not None and example_ids is None:
        definition["held"] = int(held)
    return slices.add_slice(
        studio.store, snapshot_id, name=title, definition=definition, example_ids=chosen, by=actor.name
    )


@act("explore.rename_slice", "annotator")
def rename(studio: Studio, actor: Actor, *, slice_id: str, name: str) -> None:
    """Give a slice another name; the earlier ones stay on record.

    Raises:
        StoreError: an unknown slice, or no name.
    """
    slices.decide(studio.store, slice_id, kind=slices.RENAME, name=_name(name), by=actor.name)


@act("explore.delete_slice", "annotator")
def delete(studio: Studio, actor: Actor, *, slice_id: str) -> None:
    """Take a slice off the lists; links and recipes that name it still find its examples.

    Raises:
        StoreError: an unknown slice.
    """
    slices.decide(studio.store, slice_id, kind=slices.DELETE, by=actor.name)


@act("explore.restore_slice", "annotator")
def restore(studio: Studio, actor: Actor, *, slice_id: str) -> None:
    """Put a deleted slice back on the lists.

    Raises:
        StoreError: an unknown slice.
    """
    slices.decide(studio.store, slice_id, kind=slices.RESTORE, by=actor.name)


def _name(name: str) -> str:
    if not name.strip():
        raise StoreError("A slice needs a name", got=name, fix="Type a few words.")
    return name.strip()[:MAX_NAME]
