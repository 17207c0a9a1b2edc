"""The check whether a choice helps, as a run: 10,000 labelled examples, 384 numbers each, 77 labels (goal 3 minutes).

A workspace is made with labels, vectors, clusters and scores of every view; the act of the page starts the run, its
worker process fits what the page shows: the choice, 100 random draws of its size, clusters in proportion, longest, each
view alone, bottom, all examples, and every size of the curve with 20 draws. Wall time is from the act to the stored
result, processor time that of the worker; the load stands beside them.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.schema import write_snapshot
from studio.measures import MEASURES
from studio.records import VIEWS, Actor, Array
from studio.selection.recipe import Recipe
from studio.selection.unit_scores import unit_scores
from studio.settings import Settings, Workspace
from studio.store import corpora, examples, labels, maps, scores, snapshots, splits, vectors
from studio.workflows import runs, select_proof, select_scores
from studio.workflows.select_scores import Targets
from studio.workflows.studio import Studio, open_studio

LABELLED, HELD, POOL, DIM, CLUSTERS, BUDGET, GOAL_S = 10_000, 2_000, 20_000, 384, 40, 1_000, 180
ENCODER, TARGETS = "lexical", Targets(ids=(1, 5, 9))


def geometry(n: int, n_labels: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Unit vectors whose spread falls off over the dimensions as an encoder's does, and the label each lies nearest to.

    The noise is such that of 77 labels a head is right on some 85 % after 1,000 examples, as on banking77 with MiniLM.
    """
    scale = 1 / np.sqrt(1 + np.arange(DIM) / 12)
    centres = rng.normal(size=(n_labels, DIM)) * scale
    label = rng.integers(n_labels, size=n)
    x = (centres[label] + 2.8 * rng.normal(size=(n, DIM)) * scale).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True), label


def make(studio: Studio, n_labels: int, seed: int = 0) -> str:
    """The snapshot with everything a study of it reads; returns its id."""
    n, rng = LABELLED + HELD + POOL, np.random.default_rng(seed)
    x, label = geometry(n, n_labels, rng)
    rows = ({"example_id": i + 1, "text": f"text number {i} {'word ' * (i * 7 % 13)}", "label": f"label {code}",
             "language": "en", "group_region": "NSEW"[i % 4]} for i, code in enumerate(label.tolist()))  # fmt: skip
    manifest = write_snapshot(rows, studio.workspace.snapshots, groups=("region",), language="en")
    made = str(manifest["snapshot_id"])
    corpora.add(studio.store, corpus_id=f"c{made}", name="Bench", language="en", task="classification", by="bench")
    snapshots.add(studio.store, manifest, corpus_id=f"c{made}", name="Bench", by="bench")
    parts = np.repeat(("train", "validation", "pool"), (LABELLED, HELD, POOL))
    splits.decide(studio.store, made, ids=np.arange(1, n + 1), names=parts, method="random", seed=0, shares={},
                  by="bench")  # fmt: skip
    folder = studio.workspace.vectors_dir(made, f"{ENCODER}@1")
    folder.mkdir(parents=True)
    np.save(folder / "vectors.npy", x)
    meta = {"encoder": ENCODER, "version": 1, "dim": DIM, "n": n, "k": 1, "unknown_share": 0.0, "content_hash": "x"}
    vectors.put(studio.store, made, meta, path=folder.relative_to(studio.workspace.root).as_posix(), run_id=None)
    _map(studio, made, label % CLUSTERS)
    _scores(studio, made, rng)
    return made


def _map(studio: Studio, made: str, cluster: Array) -> None:
    file = studio.workspace.cache / "points.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    place = np.zeros(len(cluster), dtype=np.float32)
    pq.write_table(pa.table({"example_id": np.arange(1, len(cluster) + 1), "x": place, "y": place,
                             "cluster": cluster.astype(np.int32)}), file)  # fmt: skip
    found = {"map_id": f"m{made[:9]}", "method": "bench", "trustworthiness": 0.9, "neighbour_overlap": 0.5,
             "n_quality": 2_000, "cluster_method": "bench", "stability": 0.9, "noise_share": 0.0,
             "clusters": [{"cluster": c, "size": int((cluster == c).sum()), "keywords": ["word"], "name": f"topic {c}"}
                          for c in range(CLUSTERS)]}  # fmt: skip
    maps.put(studio.store, made, found, encoder_key=f"{ENCODER}@1", params={}, seed=0, points_file=file, run_id=None)


def _scores(studio: Studio, made: str, rng: np.random.Generator) -> None:
    """Values by chance for every measure that needs no label: the time does not depend on them."""
    around, snapshot = scores.surroundings(studio.store, made), snapshots.require(studio.store, made)
    ids, none = examples.ids(studio.store, made), labels.current(studio.store, made)[:0]
    for one in MEASURES:
        context = select_scores.wanted_context(studio, snapshot, one, around, none, TARGETS)
        if context is None or "class_probs" in one.needs:
            continue
        raw = rng.random(len(ids))
        scores.put(studio.store, made, one, context_hash=select_scores.context_hash(context), context=context, ids=ids,
                   raw=raw, unit=unit_scores(raw, one.prefer), run_id=None)  # fmt: skip


def _workers_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(n_labels: int) -> dict[str, object]:
    """One study, from the act to the stored result."""
    workspace = Workspace(Path(tempfile.mkdtemp(prefix="winnow-proof-")) / "workspace").make()
    studio = open_studio(Settings(workspace=workspace, device="cpu"))
    try:
        made = make(studio, n_labels)
        state = select_scores.state(studio, made, TARGETS)
        recipe = Recipe(budget=BUDGET, weights=dict(zip(VIEWS, (25, 25, 25, 25), strict=True)))
        load, before, started = os.getloadavg()[0], _workers_s(), time.perf_counter()
        run_id = select_proof.start(studio, Actor("bench", "analyst"), snapshot_id=made, recipe=recipe, state=state)
        status = runs.wait(studio, run_id, 1_800)
        wall, cpu = time.perf_counter() - started, _workers_s() - before
        snapshot = snapshots.require(studio.store, made)
        study = select_proof.kept(studio, snapshot, select_proof.prospect(studio, snapshot, recipe, state))
        if status.state != "done" or study is None or study.stale:
            raise SystemExit(f"the study did not end well: {status.state} {status.message}")
        arms = study.arms.set_index("arm")["value"].astype(float)
        return {
            "benchmark": "proof study", "examples": study.facts["n_rows"], "held": study.facts["n_held"],
            "labels": n_labels, "dimensions": DIM, "budget": int(study.selection["size"]),
            "draws": int(study.selection["n_draws"]), "sizes": len(study.curve), "arms": len(study.arms),
            "fits": study.facts["n_fits"], "random_right": round(float(arms["random"]), 3),
            "full_right": round(float(arms["full"]), 3), "wall_s": round(wall, 1), "worker_cpu_s": round(cpu, 1),
            "goal_s": GOAL_S, "met": wall <= GOAL_S, "load_1min": round(load, 1),
        }  # fmt: skip
    finally:
        studio.close()


def main() -> None:
    """Print one JSON line per number of labels."""
    for n_labels in (20, 77):
        print(json.dumps(measure(n_labels)), flush=True)
        print(f"{n_labels} labels done", file=sys.stderr)


if __name__ == "__main__":
    main()
