"""Explore: embed a snapshot and make its map; what is read from a map lies in explore_map, its slices in slices."""

from __future__ import annotations

import os
from dataclasses import dataclass

from studio.errors import MeasureError
from studio.mapping.neighbours import DEFAULT_K
from studio.mapping.project import MapParams
from studio.models.encoders import ENCODERS, UNKNOWN_SHARE_LIMIT, choose_encoder, encoder_info
from studio.models.static import StaticEncoder
from studio.records import Actor, Snapshot
from studio.store import examples, maps, snapshots, vectors
from studio.store.maps import MapRecord
from studio.store.vectors import VectorSet
from studio.workflows import runs
from studio.workflows.acts import act
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

ENCODER_NAMES: tuple[str, ...] = tuple(info.name for info in ENCODERS)
_ESTIMATE_ROWS = 300


@dataclass(frozen=True)
class ExploreState:
    """Where a snapshot stands: what to embed it with and why, and what is there.

    `encoder` and `reason` (a words key) are the default choice; `estimate_s` the seconds embedding and map will take
    about; `run` a live run of either kind; `ended` the newest one when it ended without a result.
    """

    encoder: str
    reason: str
    estimate_s: float
    vectors: VectorSet | None
    map: MapRecord | None
    run: RunView | None
    ended: RunView | None

    @property
    def is_hard_to_read(self) -> bool:
        """True when the encoder of the vectors knows too few of the corpus's tokens."""
        share = self.vectors.unknown_share if self.vectors else None
        return share is not None and share > UNKNOWN_SHARE_LIMIT


def state(studio: Studio, snapshot: Snapshot) -> ExploreState:
    """Where the snapshot stands."""
    name, reason = choose_encoder(snapshot.language, snapshot.n_examples)
    listed = runs.overview(studio, limit=10, kinds=("embed", "map"), snapshot_id=snapshot.snapshot_id)
    live = next((view for view in listed if view.is_live), None)
    chart = maps.newest(studio.store, snapshot.snapshot_id)
    found = vectors.newest(studio.store, snapshot.snapshot_id)
    last = max(listed, key=lambda view: view.spec.ticket, default=None)
    ended = None
    if live is None and last is not None and (last.status.state != "done" or last.trouble):
        ended = last
    estimate = 0.0 if chart else estimate_seconds(studio, snapshot, name)
    return ExploreState(name, reason, estimate, found, chart, live, ended)


def estimate_seconds(studio: Studio, snapshot: Snapshot, encoder: str) -> float:
    """About how long embedding and map take here, from the lengths of some texts and speeds measured on two cores."""
    n = snapshot.n_examples
    some = examples.frame(studio.store, snapshot.snapshot_id, ("text",), limit=_ESTIMATE_ROWS)
    characters = float(some["text"].str.len().mean()) if len(some) else 0.0
    cores = max(1, os.cpu_count() or 1) / 2
    if encoder == "minilm":
        embed = n * min(characters / 4 + 3, 256) / (9_000 * cores)
    elif encoder == "static":
        has_cache = StaticEncoder.is_saved(studio.workspace.cache)
        embed = n * max(characters, 50) / 50 / 30_000 + (0 if has_cache else 30)
    else:
        embed = 5 + n * max(characters, 50) / 50 / 15_000
    neighbours = min(n, 50_000) ** 2 / (8e7 * cores) + max(n - 50_000, 0) / 2_000
    return 12 + embed + neighbours + min(n, 100_000) / 1_200 + max(n - 100_000, 0) / 4_000


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
        run_id: a UUID made by the client.

    Raises:
        CorpusError: unknown snapshot.
        ModelError: unknown encoder.
        MeasureError: k out of range.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    name = encoder_info(encoder).name if encoder else choose_encoder(snapshot.language, snapshot.n_examples)[0]
    if not 2 <= k <= 200:
        raise MeasureError("The number of neighbours must be 2 to 200", got=k, fix=f"{DEFAULT_K} suits most corpora.")
    return runs.submit(
        studio,
        actor,
        kind="embed",
        title=f"{snapshot.name} · {name}",
        params={"encoder": name, "k": k, "then_map": then_map, "resolution": resolution},
        inputs={"examples": f"snapshots/{snapshot_id}/examples.parquet"},
        snapshot_id=snapshot_id,
        corpus_id=snapshot.corpus_id,
        seed=seed,
        run_id=run_id,
    )


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
        run_id: a UUID made by the client.

    Raises:
        StoreError: the snapshot is not embedded.
        MeasureError: a parameter out of range.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    found = vectors.require(studio.store, snapshot_id, encoder_key)
    MapParams(n_neighbors=n_neighbors, min_dist=min_dist)
    if not 0.05 <= resolution <= 50:
        raise MeasureError("The fineness of clusters must be 0.05 to 50", got=resolution, fix="Try 1.0.")
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
        },
        inputs={
            "examples": f"snapshots/{snapshot_id}/examples.parquet",
            "vectors": found.path,
            "knn": found.knn_path,
        },
        snapshot_id=snapshot_id,
        corpus_id=snapshot.corpus_id,
        seed=seed,
        run_id=run_id,
    )


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
    for kind in ("embed", "map"):
        if (live := runs.live(studio, kind=kind, snapshot_id=snapshot_id)) is not None:
            return live.run_id
    if vectors.newest(studio.store, snapshot_id, encoder) is None:
        given = {"encoder": encoder, "seed": seed, "then_map": True, "resolution": resolution}
        return embed(studio, actor, snapshot_id=snapshot_id, **given)
    return make_map(studio, actor, snapshot_id=snapshot_id, encoder_key=encoder, seed=seed, resolution=resolution)
