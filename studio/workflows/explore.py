"""Explore: embed a snapshot and make its map; what is read from a map lies in explore_map, its slices in slices."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from studio.errors import MeasureError, StoreError
from studio.mapping.neighbours import DEFAULT_K
from studio.mapping.project import MapParams
from studio.models.encoders import ENCODERS, UNKNOWN_SHARE_LIMIT, choose_encoder, encoder_info
from studio.records import Actor, Snapshot
from studio.store import maps, snapshots, vectors
from studio.store.maps import MapRecord
from studio.store.vectors import VectorSet
from studio.workflows import explore_previews as previews
from studio.workflows import runs, starting
from studio.workflows.acts import act
from studio.workflows.explore_plan import EarlierMap, Plan, earlier_map, plan, require_room, same_state, write_places
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

ENCODER_NAMES: tuple[str, ...] = tuple(info.name for info in ENCODERS)


@dataclass(frozen=True)
class ExploreState:
    """Where a snapshot stands: what to embed it with and why, and what is there.

    `encoder` and `reason` (a words key) are the default choice; `plan` what embedding and map will cost where there is
    no map yet; `map` may be a preview; `run` a live run of either kind; `ended` the newest one when it ended without a
    result; `earlier` the map of an earlier version that new examples could be placed on.
    """

    encoder: str
    reason: str
    plan: Plan | None
    vectors: VectorSet | None
    map: MapRecord | None
    run: RunView | None
    ended: RunView | None
    earlier: EarlierMap | None = None

    @property
    def is_hard_to_read(self) -> bool:
        """True when the encoder of the vectors knows too few of the corpus's tokens."""
        share = self.vectors.unknown_share if self.vectors else None
        return share is not None and share > UNKNOWN_SHARE_LIMIT


def state(studio: Studio, snapshot: Snapshot) -> ExploreState:
    """Where the snapshot stands; the preview of a run that is still at work is taken over here."""
    name, reason = choose_encoder(snapshot.language, snapshot.n_examples)
    listed = runs.overview(studio, limit=10, kinds=("embed", "map"), snapshot_id=snapshot.snapshot_id)
    live = next((view for view in listed if view.is_live), None)
    previews.take_over(studio, snapshot.snapshot_id)
    chart = maps.newest(studio.store, snapshot.snapshot_id)
    found = vectors.newest(studio.store, snapshot.snapshot_id)
    last = max(listed, key=lambda view: view.spec.ticket, default=None)
    ended = None
    if live is None and last is not None and (last.status.state != "done" or last.trouble):
        ended = last
    cost = None
    if chart is None:
        cost = plan(studio, snapshot, found.encoder if found else name, is_embedded=found is not None)
    return ExploreState(name, reason, cost, found, chart, live, ended, earlier_map(studio, snapshot.snapshot_id))


# --- acts -------------------------------------------------------------------------------------------------------------
@act("explore.embed", "analyst")
def embed(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    encoder: str | None = None,
    k: int = DEFAULT_K,
    seed: int = 0,
    then_map: bool = False,
    resolution: float = 1.0,
    state_of: VectorSet | None = None,
    keep_places: bool = False,
    earlier_map_id: str = "",
    run_id: str | None = None,
) -> str:
    """Queue the embedding of a snapshot; returns the run_id.

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: what to embed.
        encoder: a name of ENCODERS; by default the one that suits language and size.
        k: neighbours stored per example.
        seed: of fitting and of the approximate search.
        then_map: queue the map as soon as the vectors are in place.
        resolution: of the clusters of that map.
        state_of: vectors of another version whose fitted encoder is used again, so that both can be compared.
        keep_places: that map is the earlier version's with the new examples placed on it.
        earlier_map_id: which map of an earlier version that is.
        run_id: a UUID made by the client.

    Raises:
        CorpusError: unknown snapshot.
        ModelError: unknown encoder.
        MeasureError: k out of range, or too little memory.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    name = encoder_info(encoder).name if encoder else choose_encoder(snapshot.language, snapshot.n_examples)[0]
    if not 2 <= k <= 200:
        raise MeasureError("The number of neighbours must be 2 to 200", got=k, fix=f"{DEFAULT_K} suits most corpora.")
    require_room(studio, snapshot, name, is_embedded=False)
    inputs = {"examples": f"snapshots/{snapshot_id}/examples.parquet"}
    if state_of is not None:
        inputs["encoder_state"] = state_of.path
    return runs.submit(
        studio,
        actor,
        kind="embed",
        title=f"{snapshot.name} · {name}",
        params={"encoder": name, "k": k, "then_map": then_map, "resolution": resolution, "keep_places": keep_places,
                "earlier_map": earlier_map_id},
        inputs=inputs,
        snapshot_id=snapshot_id,
        corpus_id=snapshot.corpus_id,
        seed=seed,
        run_id=run_id,
    )  # fmt: skip


@act("explore.map", "analyst")
def make_map(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    encoder_key: str | None = None,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    resolution: float = 1.0,
    seed: int = 0,
    earlier: EarlierMap | None = None,
    keep_places: bool = False,
    run_id: str | None = None,
) -> str:
    """Queue the map of an embedded snapshot; returns the run_id.

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: what to map.
        encoder_key: which vectors; by default the newest.
        n_neighbors: neighbours the layout looks at, the example itself included.
        min_dist: how near to each other points may lie.
        resolution: above 1 more and smaller clusters.
        seed: of layout and clusters.
        earlier: a map of an earlier version; a fresh layout begins from its places and says how far they moved.
        keep_places: no old example moves; new ones get places between their neighbours on the earlier map.
        run_id: a UUID made by the client.

    Raises:
        StoreError: the snapshot is not embedded.
        MeasureError: a parameter out of range, too little memory, or vectors unlike the earlier map's.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    found = vectors.require(studio.store, snapshot_id, encoder_key)
    MapParams(n_neighbors=n_neighbors, min_dist=min_dist)
    if not 0.05 <= resolution <= 50:
        raise MeasureError("The fineness of clusters must be 0.05 to 50", got=resolution, fix="Try 1.0.")
    require_room(studio, snapshot, found.encoder, is_embedded=True)
    run_id = run_id or str(uuid.uuid4())
    inputs = _map_inputs(studio, run_id, found, earlier, keep_places)
    return runs.submit(
        studio,
        actor,
        kind="map",
        title=f"{snapshot.name} · {found.encoder}",
        params={
            "encoder_key": found.encoder_key,
            "n_neighbors": n_neighbors,
            "min_dist": min_dist,
            "resolution": resolution,
            "earlier_map": earlier.map.map_id if earlier else "",
            "keep": keep_places,
        },
        inputs=inputs,
        snapshot_id=snapshot_id,
        corpus_id=snapshot.corpus_id,
        seed=seed,
        run_id=run_id,
    )


def _map_inputs(
    studio: Studio, run_id: str, found: VectorSet, earlier: EarlierMap | None, keep_places: bool
) -> dict[str, str]:
    """The files a map run reads; vectors of two fitted states are not put on one map."""
    inputs = {
        "examples": f"snapshots/{found.snapshot_id}/examples.parquet",
        "vectors": found.path,
        "knn": found.knn_path,
    }
    if earlier is None:
        return inputs
    if keep_places and not same_state(studio, found, earlier.vectors):
        raise MeasureError(
            "These vectors cannot be compared with those of the earlier map",
            got=found.encoder_key,
            fix="Place the new examples from the Explore page: it embeds them the earlier way first.",
        )
    return inputs | {**write_places(studio, run_id, earlier.map), "earlier_vectors": earlier.vectors.path}


@act("explore.map", "analyst", log=False)
def start(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    encoder: str | None = None,
    seed: int = 0,
    resolution: float = 1.0,
) -> str:
    """What the page's one button does: the map of the vectors there are, else embedding with the map to follow.

    A run of this snapshot that is queued or at work already is returned instead of a second one; embed and make_map
    write the audit-log entry.
    """

    def begin() -> str:
        if vectors.newest(studio.store, snapshot_id, encoder) is None:
            given = {"encoder": encoder, "seed": seed, "then_map": True, "resolution": resolution}
            return embed(studio, actor, snapshot_id=snapshot_id, **given)
        return make_map(studio, actor, snapshot_id=snapshot_id, encoder_key=encoder, seed=seed, resolution=resolution)

    return _once(studio, snapshot_id, begin)


@act("explore.map", "analyst", log=False)
def place_new(studio: Studio, actor: Actor, *, snapshot_id: str, keep_places: bool = True) -> str:
    """Put a later version on the map of the version it was made from; returns the run_id.

    Examples both have keep their places, the new ones get places between their nearest neighbours. Where the encoder is
    fitted on a corpus, the examples are embedded with the earlier version's fitted state first: vectors of two states
    cannot be compared. embed and make_map write the audit-log entry.

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: the later version.
        keep_places: False makes a fresh layout that only begins from the earlier places.

    Raises:
        StoreError: no earlier version has a map and vectors.
        MeasureError: too little memory.
    """
    return _once(studio, snapshot_id, lambda: _place(studio, actor, snapshot_id, keep_places))


def _once(studio: Studio, snapshot_id: str, start: Callable[[], str]) -> str:
    """The run of either kind that is queued or at work on the snapshot, else the one that is started now."""

    def live() -> RunView | None:
        found = (runs.live(studio, kind=kind, snapshot_id=snapshot_id) for kind in ("embed", "map"))
        return next((view for view in found if view is not None), None)

    return starting.once(studio, kind="map", snapshot_id=snapshot_id, live=live, start=start)


def _place(studio: Studio, actor: Actor, snapshot_id: str, keep_places: bool) -> str:
    earlier = earlier_map(studio, snapshot_id)
    if earlier is None:
        raise StoreError(
            "No earlier version of this corpus has a map",
            got=snapshot_id,
            fix="Make a map of this version, or of the one it was made from.",
        )
    key = earlier.vectors.encoder_key
    own = vectors.newest(studio.store, snapshot_id, key)
    if own is None or not same_state(studio, own, earlier.vectors):
        return embed(studio, actor, snapshot_id=snapshot_id, encoder=key, seed=earlier.map.seed, then_map=True,
                     state_of=earlier.vectors, keep_places=keep_places, earlier_map_id=earlier.map.map_id)  # fmt: skip
    return make_map(studio, actor, snapshot_id=snapshot_id, encoder_key=key, seed=earlier.map.seed, earlier=earlier,
                    keep_places=keep_places)  # fmt: skip
