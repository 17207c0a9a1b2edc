"""`embed` and `map`: vectors with neighbours, and the picture with its clusters."""

from __future__ import annotations

import argparse

from studio.cli.context import Context
from studio.mapping.neighbours import DEFAULT_K
from studio.store import maps, vectors
from studio.workflows import explore

NAMED_CLUSTERS = 20


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verbs."""
    verb = commands.add_parser("embed", parents=[common], help="a vector per example and the nearest neighbours")
    _shared(verb)
    verb.add_argument("--k", type=int, default=DEFAULT_K, help="neighbours stored per example")
    verb.set_defaults(run=run_embed)
    verb = commands.add_parser("map", parents=[common], help="the map with clusters and their words (embeds if needed)")
    _shared(verb)
    verb.add_argument("--neighbors", type=int, default=15, help="neighbours the layout looks at (default 15)")
    verb.add_argument("--min-dist", type=float, default=0.1, help="how near points may lie, 0 to 1 (default 0.1)")
    verb.add_argument("--resolution", type=float, default=1.0, help="above 1 more and smaller clusters (default 1)")
    verb.set_defaults(run=run_map)


def _shared(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--snapshot", default=None, help="snapshot id or corpus name (default: the newest)")
    verb.add_argument(
        "--encoder",
        choices=explore.ENCODER_NAMES,
        default=None,
        help="how texts are compared (default: by language and size)",
    )
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--detach", action="store_true", help="queue the run and return")


def run_embed(context: Context) -> None:
    """Embed a snapshot."""
    arguments, snapshot = context.arguments, context.snapshot()
    run_id = explore.embed(
        context.studio,
        context.actor,
        snapshot_id=snapshot.snapshot_id,
        encoder=arguments.encoder,
        k=arguments.k,
        seed=arguments.seed,
    )
    if context.wait(run_id).state != "done":
        return
    _emit_vectors(context, snapshot.snapshot_id, run_id)


def run_map(context: Context) -> None:
    """Make the map of a snapshot; embeds it first where that was not done."""
    arguments, snapshot = context.arguments, context.snapshot()
    studio, actor, key = context.studio, context.actor, snapshot.snapshot_id
    if vectors.newest(studio.store, key, arguments.encoder) is None:
        run_id = explore.embed(
            studio,
            actor,
            snapshot_id=key,
            encoder=arguments.encoder,
            seed=arguments.seed,
            then_map=arguments.detach,
            resolution=arguments.resolution,
        )
        if context.wait(run_id).state != "done":
            return
    run_id = explore.make_map(
        studio,
        actor,
        snapshot_id=key,
        encoder_key=arguments.encoder,
        n_neighbors=arguments.neighbors,
        min_dist=arguments.min_dist,
        resolution=arguments.resolution,
        seed=arguments.seed,
    )
    if context.wait(run_id).state != "done":
        return
    chart = maps.newest(studio.store, key)
    if chart is None:
        return
    table = maps.clusters(studio.store, chart.map_id)
    inside = table[table["cluster"] >= 0]
    context.emit(
        run_id=run_id,
        snapshot_id=key,
        map_id=chart.map_id,
        encoder=chart.encoder_key,
        n=int(table["size"].sum()),
        trustworthiness=chart.trustworthiness,
        neighbour_overlap=chart.neighbour_overlap,
        n_quality=chart.n_quality,
        n_clusters=len(inside),
        stability=chart.stability,
        noise_share=chart.noise_share,
    )
    rows = inside.to_dict("records")
    if arguments.json:
        found = [{"cluster": int(r["cluster"]), "size": int(r["size"]), "name": r["name"]} for r in rows]
        context.emit(clusters=found)
        return
    for row in rows[:NAMED_CLUSTERS]:
        context.say(f"{row['size']:8,}  {row['name']}")


def _emit_vectors(context: Context, snapshot_id: str, run_id: str) -> None:
    found = vectors.newest(context.studio.store, snapshot_id)
    if found is None:
        return
    context.emit(
        run_id=run_id,
        snapshot_id=snapshot_id,
        encoder=found.encoder_key,
        n=found.n,
        dim=found.dim,
        k=found.k,
        unknown_share=found.unknown_share,
        path=found.path,
        content_hash=found.content_hash,
    )
