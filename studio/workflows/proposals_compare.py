"""Two proposals side by side: what differs in weights, counts and groups, and who is in one and not in the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.records import VIEWS, Array
from studio.store import examples, selections, snapshots
from studio.store.proposals import Proposal
from studio.workflows import proposals_content, select
from studio.workflows.studio import Studio

MOST_SHOWN = 50


@dataclass(frozen=True)
class Only:
    """An example that one of two selections holds: why it is in there, and why it is not in the other (if known)."""

    example_id: int
    text: str
    inside: str | None
    outside: str | None


@dataclass(frozen=True)
class SideBySide:
    """Two proposals. `first` and `second` are the first examples that only one of them holds, of n_first, n_second.

    `groups` holds (column, key, band of the first, band of the second), a band None where the other has no such group.
    """

    both: int
    n_first: int
    n_second: int
    first: tuple[Only, ...]
    second: tuple[Only, ...]
    weights: tuple[tuple[str, int | None, int | None], ...]
    groups: tuple[tuple[str, str, Mapping[str, Any] | None, Mapping[str, Any] | None], ...]
    same_pool: bool


def compare(studio: Studio, one: Proposal, other: Proposal) -> SideBySide:
    """Hold two proposals of a corpus side by side.

    Reasons why an example is not in the other selection need that choice to be made again; where it comes out
    differently by now they are left out.
    """
    mine, theirs = _ids(studio, one), _ids(studio, other)
    only_one, only_other = mine[~np.isin(mine, theirs)], theirs[~np.isin(theirs, mine)]
    return SideBySide(
        both=int(np.isin(mine, theirs).sum()),
        n_first=len(only_one),
        n_second=len(only_other),
        first=_only(studio, one, other, only_one[:MOST_SHOWN]),
        second=_only(studio, other, one, only_other[:MOST_SHOWN]),
        weights=_weights(one, other),
        groups=_groups(one, other),
        same_pool=one.content["recipe"].get("pool") == other.content["recipe"].get("pool")
        and one.content["n_pool"] == other.content["n_pool"],
    )


def _ids(studio: Studio, proposal: Proposal) -> Array:
    return selections.ids(studio.store, proposal.selection_id)


def _only(studio: Studio, here: Proposal, there: Proposal, ids: Array) -> tuple[Only, ...]:
    if not len(ids):
        return ()
    table = selections.examples(studio.store, here.selection_id)
    inside = dict(zip(table["example_id"].tolist(), table["reason"].tolist(), strict=True))
    frozen = selections.get_or_none(studio.store, there.selection_id)
    choice = proposals_content.choice_of(studio, frozen) if frozen is not None else None
    outside = [None] * len(ids) if choice is None else select.why_not(choice, ids.tolist())
    texts: dict[int, str] = {}
    if snapshots.get(studio.store, here.snapshot_id) is not None:
        rows = examples.by_ids(studio.store, here.snapshot_id, ids, ["example_id", "text"])
        texts = {int(row.example_id): str(row.text or "") for row in rows.itertuples()}
    return tuple(
        Only(int(i), texts.get(int(i), ""), inside.get(int(i)), code) for i, code in zip(ids, outside, strict=True)
    )


def _weights(one: Proposal, other: Proposal) -> tuple[tuple[str, int | None, int | None], ...]:
    """View -> its weight in either; None where a recipe has no weights or does not look at them."""
    sides = [_of_recipe(proposal) for proposal in (one, other)]
    names = [*VIEWS, *sorted({name for side in sides for name in side} - set(VIEWS))]
    return tuple((name, sides[0].get(name), sides[1].get(name)) for name in names)


def _of_recipe(proposal: Proposal) -> Mapping[str, int]:
    weights = proposal.content["recipe"].get("weights")
    return weights if isinstance(weights, Mapping) else {}


def _groups(one: Proposal, other: Proposal) -> tuple[tuple[str, str, Any, Any], ...]:
    """People before clusters, the largest of either pool first."""
    sides = [{(str(g["column"]), str(g["key"])): g for g in proposal.content["groups"]} for proposal in (one, other)]
    keys = sorted(
        sides[0].keys() | sides[1].keys(),
        key=lambda key: (key[0] == "cluster", key[0],
                         -max(side[key]["pool"] for side in sides if key in side), key[1]),
    )  # fmt: skip
    return tuple((*key, sides[0].get(key), sides[1].get(key)) for key in keys)
