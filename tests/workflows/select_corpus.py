"""The small corpus with vectors, neighbours and a map made in the test, as the runs would have left them."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.measures import MEASURES, compute
from studio.records import Batch, Knn
from studio.selection.unit_scores import unit_scores
from studio.store import examples, labels, maps, scores, snapshots, vectors
from studio.workflows import select_scores
from studio.workflows.select_scores import Targets
from tests.workflows import small_corpus

TARGETS = Targets(ids=(1, 5, 9))
ENCODER, DIM, K = "lexical", 24, 8
GIVEN = {"embeddings", "knn", "clusters", "targets"}  # what `batch` holds besides ids and texts


def make(studio, *, n: int = 200, **options) -> str:
    """A snapshot with vectors, k-NN graph and map; no scores yet."""
    snapshot_id = small_corpus.make(studio.store, n=n, **options)
    frame = examples.frame(studio.store, snapshot_id, ["example_id", "text"])
    x = np.zeros((n, DIM), dtype=np.float32)
    for row, text in enumerate(frame["text"]):
        for word in text.split():
            x[row, zlib.crc32(word.encode()) % DIM] += 1
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    distances = np.clip(1 - x @ x.T, 0, 2)
    np.fill_diagonal(distances, np.inf)
    index = np.argsort(distances, axis=1, kind="stable")[:, :K]
    folder = studio.workspace.vectors_dir(snapshot_id, f"{ENCODER}@1")
    (folder / f"knn_{K}").mkdir(parents=True)
    np.save(folder / "vectors.npy", x)
    np.save(folder / f"knn_{K}" / "idx.npy", index.astype(np.int32))
    np.save(folder / f"knn_{K}" / "dist.npy", np.take_along_axis(distances, index, axis=1).astype(np.float32))
    meta = {"encoder": ENCODER, "version": 1, "dim": DIM, "n": n, "k": K, "unknown_share": 0.0, "content_hash": "x"}
    vectors.put(studio.store, snapshot_id, meta, path=folder.relative_to(studio.workspace.root).as_posix(), run_id=None)
    clusters = np.argmax(x[:, :4], axis=1)
    clusters[::17] = -1
    points = studio.workspace.cache / "points.parquet"
    pq.write_table(
        pa.table({"example_id": frame["example_id"].to_numpy(), "x": x[:, 0], "y": x[:, 1],
                  "cluster": clusters.astype(np.int32)}), points,
    )  # fmt: skip
    found = {"map_id": f"m{snapshot_id[:6]}", "method": "umap", "trustworthiness": 0.9, "neighbour_overlap": 0.5,
             "n_quality": n, "cluster_method": "test", "stability": 0.9, "noise_share": 0.1,
             "clusters": [{"cluster": c, "size": int((clusters == c).sum()), "keywords": ["w"], "name": f"topic <b>{c}"}
                          for c in range(4)]}  # fmt: skip
    maps.put(studio.store, snapshot_id, json.loads(json.dumps(found)), encoder_key=f"{ENCODER}@1", params={}, seed=0,
             points_file=points, run_id=None)  # fmt: skip
    return snapshot_id


def batch(studio, snapshot_id, around, targets=None) -> Batch:
    """What a measure run would look at, without a probe."""
    frame = examples.frame(studio.store, snapshot_id, ["example_id", "text"])
    folder = studio.workspace.root / around.vectors_path
    x = np.load(folder / "vectors.npy")
    knn = Knn(np.load(folder / f"knn_{K}" / "idx.npy"), np.load(folder / f"knn_{K}" / "dist.npy"))
    ids = frame["example_id"].to_numpy(np.int64)
    rows = x[np.searchsorted(ids, targets.ids)] if targets else None
    clusters = scores.clusters(studio.store, around.map_id)["cluster"].to_numpy()
    return Batch(ids, frame["text"].tolist(), "en", x, None, None, rows, knn, clusters)


def score(studio, snapshot_id, targets=None) -> None:
    """Store what can be computed without labels, as a measure run would have."""
    around = scores.surroundings(studio.store, snapshot_id)
    snapshot = snapshots.require(studio.store, snapshot_id)
    known = labels.current(studio.store, snapshot_id)
    given = batch(studio, snapshot_id, around, targets)
    for one in MEASURES:
        context = select_scores.wanted_context(studio, snapshot, one, around, known[known["split"] == "train"], targets)
        if context is None or one.is_asked or not set(one.needs) <= GIVEN:
            continue
        raw = compute(one, given)
        scores.put(studio.store, snapshot_id, one, context_hash=select_scores.context_hash(context), context=context,
                   ids=given.ids, raw=raw, unit=unit_scores(raw, one.prefer), run_id=None)  # fmt: skip
