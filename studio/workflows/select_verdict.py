"""The sentence about a choice, a frozen selection or a proposal: one function, whatever it is said about."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from studio.records import Snapshot
from studio.selection.verdict import Part, verdict
from studio.store import findings, selections
from studio.store.selections import FrozenSelection
from studio.workflows import proposals_content, proposals_proof, select_effect, select_proof
from studio.workflows.select import Choice
from studio.workflows.select_effect import GroupEffect, Variety
from studio.workflows.studio import Studio


def of_choice(studio: Studio, snapshot: Snapshot, choice: Choice, *, draws: int = select_effect.DRAWS,
              owner: str = "") -> list[Part]:  # fmt: skip
    """The sentence about a choice now. Variety is what the comparison in the background has found so far.

    Args:
        studio: the open workspace.
        snapshot: the pool's snapshot.
        choice: who gets in.
        draws: random draws of groups and variety.
        owner: who asks for the comparison in the background.
    """
    n = len(choice.ids)
    if not n:
        return verdict(n=0, n_pool=choice.n_pool, groups=())
    pending = select_effect.variety_soon(studio, choice, draws, owner)
    is_over = pending.is_over  # read once: the thread may end in between
    variety = _variety(pending.result) if is_over else None
    groups = _groups(select_effect.group_effect(choice, draws)) if choice.pool.matrix.columns else []
    return verdict(n=n, n_pool=choice.n_pool, groups=groups, variety=variety, proof=_proof(studio, snapshot, choice),
                   is_waiting=not is_over)  # fmt: skip


def of_frozen(studio: Studio, frozen: FrozenSelection) -> list[Part]:
    """The sentence about a frozen selection: that of the proposal it would make now.

    Raises:
        CorpusError: the snapshot is gone.
    """
    ids = selections.ids(studio.store, frozen.selection_id)
    again = proposals_content.choice_of(studio, frozen, ids)
    return proposals_content.verdict(proposals_content.verdict_facts(studio, frozen, ids, again))


def _groups(found: GroupEffect) -> list[dict[str, Any]]:
    return [
        {"column": g.column, "key": g.key, "picked": g.band.picked, "expected": g.band.expected,
         "verdict": g.band.verdict, "is_small": g.band.is_small}
        for own in found.groups.values() for g in own
    ]  # fmt: skip


def _variety(found: Variety | None) -> dict[str, Any] | None:
    if found is None:
        return None
    named = (("distance", found.distance), ("vendi", found.vendi))
    return {name: asdict(one) | {"verdict": one.verdict} for name, one in named}


def _proof(studio: Studio, snapshot: Snapshot, choice: Choice) -> dict[str, Any] | None:
    """The stored study of this recipe; what it rests on is only worked out where the snapshot has a study at all."""
    if findings.newest(studio.store, snapshot.snapshot_id, select_proof.AUDIT, select_proof.VERSION) is None:
        return None
    return proposals_proof.stored(studio, snapshot, choice)
