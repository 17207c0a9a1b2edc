"""Everything the Select page needs before its first ranking: vectors, clusters, scores; one step after the other."""

from __future__ import annotations

from studio.records import Actor
from studio.store import scores, snapshots
from studio.workflows import explore, runs, select_scores, starting
from studio.workflows.acts import act
from studio.workflows.runs import RunView
from studio.workflows.select_scores import Targets
from studio.workflows.studio import Studio

STEPS: tuple[str, ...] = ("embed", "map", "measure")
MAP_UP_TO = 200_000  # above it a map takes long; scores come without clusters until someone makes one on Explore


def next_step(studio: Studio, snapshot_id: str) -> str | None:
    """The first of embed, map and measure that is still missing; None when a ranking is possible."""
    around = scores.surroundings(studio.store, snapshot_id)
    if around.encoder_key is None:
        return "embed"
    if around.map_id is None and snapshots.require(studio.store, snapshot_id).n_examples <= MAP_UP_TO:
        return "map"
    there = {item.measure for item in scores.sets(studio.store, snapshot_id)}
    return None if {"neighbour_distance", "rule_quality"} <= there else "measure"


def current_run(studio: Studio, snapshot_id: str) -> RunView | None:
    """The run of these kinds on the snapshot that is queued or at work."""
    for kind in STEPS:
        found = runs.live(studio, kind=kind, snapshot_id=snapshot_id)
        if found is not None:
            return found
    return None


def ended_badly(studio: Studio, snapshot_id: str) -> RunView | None:
    """The newest run of these kinds when it ended without a result."""
    listed = runs.overview(studio, limit=10, kinds=STEPS, snapshot_id=snapshot_id)
    last = max(listed, key=lambda view: view.spec.ticket, default=None)
    if last is None or last.is_live or (last.status.state == "done" and not last.trouble):
        return None
    return last


@act("select.prepare", "analyst")
def prepare(studio: Studio, actor: Actor, *, snapshot_id: str, targets: Targets | None = None) -> str | None:
    """Start the next missing step, or return the one at work; call it again until it gives None.

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: which snapshot.
        targets: what relevance is measured against, if anything.

    Returns:
        The run_id of the step at work, None when nothing is missing.

    Raises:
        CorpusError: an unknown snapshot.
        SelectionError: no score can be computed.
    """

    def begin() -> str:
        step = next_step(studio, snapshot_id)
        if step in ("embed", "map"):
            return explore.start(studio, actor, snapshot_id=snapshot_id)
        if step == "measure":
            return select_scores.measure(studio, actor, snapshot_id=snapshot_id, targets=targets)
        return ""

    found = starting.once(studio, kind="prepare", snapshot_id=snapshot_id, start=begin,
                          live=lambda: current_run(studio, snapshot_id))  # fmt: skip
    return found or None
