"""Explore: embed a snapshot, make its map, find what lies inside a lasso, search by meaning, save slices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.errors import MeasureError, StoreError
from studio.jobs import query
from studio.mapping import polygon as polygons
from studio.mapping.neighbours import DEFAULT_K, nearest_to
from studio.mapping.project import MapParams
from studio.models.encoders import ENCODERS, UNKNOWN_SHARE_LIMIT, choose_encoder, encoder_info
from studio.models.static import StaticEncoder
from studio.records import Actor, Array, Condition, Snapshot, conditions_to_text
from studio.store import examples, maps, snapshots, vectors
from studio.store.maps import MapRecord
from studio.store.vectors import VectorSet
from studio.workflows import runs
from studio.workflows.acts import act
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

MAX_SEARCH = 200
MAX_QUERY_CHARACTERS = 2_000
SEARCH_TIMEOUT_S = 60.0  # the first question starts a process and loads weights
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


@act("explore.save_slice", "annotator")
def save_slice(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    name: str,
    map_id: str | None = None,
    outline: str = "",
    conditions: Sequence[Condition] = (),
    example_ids: Sequence[int] | None = None,
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

    Raises:
        StoreError: no name, or nothing inside.
    """
    if not name.strip():
        raise StoreError("A slice needs a name", got=name, fix="Type a few words.")
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
    return maps.add_slice(
        studio.store, snapshot_id, name=name.strip()[:120], definition=definition, example_ids=chosen, by=actor.name
    )


# --- reading ----------------------------------------------------------------------------------------------------------
def points_inside(
    studio: Studio,
    snapshot_id: str,
    *,
    map_id: str | None,
    outline: str = "",
    conditions: Sequence[Condition] = (),
) -> Array:
    """(n,) int64 ascending ids of all examples inside a lasso and under filters, drawn or not.

    Without an outline, those under the filters. The bounding box is cut in SQL, the polygon tested on what is left.

    Raises:
        CorpusError: a filter that cannot be read.
        MeasureError: an outline that is no polygon.
    """
    inside = None
    if outline and map_id:
        corners = polygons.from_text(outline)
        if corners is None:
            raise MeasureError("The lasso cannot be read", got=outline[:80], fix="Draw it again on the map.")
        near = maps.points_in_box(studio.store, map_id, polygons.bounding_box(corners))
        mask = polygons.points_in_polygon(near["x"].to_numpy(), near["y"].to_numpy(), corners)
        inside = near["example_id"].to_numpy(np.int64)[mask]
        if not conditions:
            return inside
    listed = examples.ids(studio.store, snapshot_id, conditions, map_id=map_id)
    return listed if inside is None else np.intersect1d(inside, listed, assume_unique=True)


def neighbours_of(studio: Studio, snapshot_id: str, example_id: int, k: int = 8) -> list[tuple[int, float]]:
    """(example_id, cosine similarity) of the k nearest examples by the newest vectors, nearest first.

    Raises:
        StoreError: the snapshot is not embedded or lacks the example.
    """
    found = vectors.require(studio.store, snapshot_id)
    ids = examples.ids(studio.store, snapshot_id)
    row = int(np.searchsorted(ids, example_id))
    if row >= len(ids) or ids[row] != example_id:
        raise StoreError("This example is not in the snapshot", got=example_id, fix="Choose another one.")
    folder = studio.workspace.root / found.knn_path
    index, distance = (np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist"))
    pairs = zip(index[row, :k], distance[row, :k], strict=True)
    return [(int(ids[i]), round(1.0 - float(d), 4)) for i, d in pairs]


def search(studio: Studio, snapshot_id: str, text: str, limit: int = 20) -> list[tuple[int, float]]:
    """(example_id, cosine similarity) of the examples nearest to a typed text, best first.

    The query worker embeds the text the way the corpus was embedded; the first question takes seconds.

    Raises:
        StoreError: the snapshot is not embedded.
        MeasureError: nothing was typed.
        JobError: the query worker cannot answer.
    """
    typed = text.strip()[:MAX_QUERY_CHARACTERS]
    if not typed:
        raise MeasureError("There is nothing to search for", got=text, fix="Type some words.")
    found = vectors.require(studio.store, snapshot_id)
    answer = query.ask(
        studio,
        {"op": "embed", "texts": [typed], "encoder": found.encoder, "fitted_dir": fitted_dir(found)},
        timeout=SEARCH_TIMEOUT_S,
    )
    rows = np.load(found.vectors_file(studio.workspace.root), mmap_mode="r", allow_pickle=False)
    positions, similarity = nearest_to(rows, np.asarray(answer["vectors"][0]), min(limit, MAX_SEARCH))
    ids = examples.ids(studio.store, snapshot_id)
    pairs = zip(positions, similarity, strict=True)
    return [(int(ids[p]), round(float(s), 4)) for p, s in pairs]


def fitted_dir(found: VectorSet) -> str:
    """Where the query worker finds the fitted state of an encoder, relative to the workspace; empty for none."""
    return found.path if encoder_info(found.encoder).needs_fit else ""
