"""A corpus with a map of any size, written through the store: no worker, no encoder, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.schema import write_snapshot
from studio.store import corpora, maps, snapshots, splits, vectors
from studio.store.connection import Store

DIM, K, N_CLUSTERS = 8, 12, 24
LABELS = {"en": ("billing", "delivery", "login", "refund"), "zh": ("账单", "快递", "登录", "退款")}
TEXTS = {
    "en": "please look at my {label} question number {i}, it is about the {label}",
    "zh": "请看我的{label}问题，编号{i}，是关于{label}的",
}


def make(store: Store, n: int, *, language: str = "en", seed: int = 0) -> str:
    """Write n examples around 24 centres with labels, a group, a split, vectors, neighbours and a map."""
    rng = np.random.default_rng(seed)
    code = rng.integers(N_CLUSTERS, size=n)
    centres = rng.normal(scale=6, size=(N_CLUSTERS, 2))
    place = (centres[code] + rng.normal(size=(n, 2))).astype(np.float32)
    names, text = LABELS[language], TEXTS[language]
    rows = (
        {"example_id": i + 1, "text": text.format(label=names[c % 4], i=i), "label": names[c % 4], "language": language,
         "source": ("mail", "chat", "form")[i % 3], "group_region": "NSEW"[(c + i) % 4]}
        for i, c in enumerate(code.tolist())
    )  # fmt: skip
    manifest = write_snapshot(rows, store.workspace.snapshots, groups=("region",), language=language)
    snapshot_id = str(manifest["snapshot_id"])
    corpora.add(store, corpus_id=f"c{snapshot_id}", name=f"Large {language}", language=language, task="classification",
                by="tester")  # fmt: skip
    snapshots.add(store, manifest, corpus_id=f"c{snapshot_id}", name=f"Large {language}", by="tester")
    parts = np.array(("pool", "train", "validation", "test"))[np.arange(n) % 4]
    splits.decide(store, snapshot_id, ids=np.arange(1, n + 1), names=parts, method="random", seed=seed, shares={},
                  by="tester")  # fmt: skip
    _vectors(store, snapshot_id, code, rng)
    _map(store, snapshot_id, place, code)
    return snapshot_id


def _vectors(store: Store, snapshot_id: str, code: np.ndarray, rng: np.random.Generator) -> None:
    n = len(code)
    folder = store.workspace.vectors_dir(snapshot_id, "lexical@1")
    (folder / f"knn_{K}").mkdir(parents=True)
    rows = (rng.normal(size=(N_CLUSTERS, DIM))[code] + 0.2 * rng.normal(size=(n, DIM))).astype(np.float32)
    np.save(folder / "vectors.npy", rows / np.linalg.norm(rows, axis=1, keepdims=True))
    np.save(folder / f"knn_{K}" / "idx.npy", ((np.arange(n)[:, None] + np.arange(1, K + 1)) % n).astype(np.int32))
    np.save(folder / f"knn_{K}" / "dist.npy", np.sort(rng.random((n, K), dtype=np.float32), axis=1))
    meta = {"encoder": "lexical", "version": 1, "dim": DIM, "n": n, "k": K, "unknown_share": 0.0, "content_hash": "x"}
    path = folder.relative_to(store.workspace.root).as_posix()
    vectors.put(store, snapshot_id, meta, path=path, run_id=None)


def _map(store: Store, snapshot_id: str, place: np.ndarray, code: np.ndarray) -> None:
    file = store.workspace.cache / f"points-{snapshot_id}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {"example_id": np.arange(1, len(code) + 1), "x": place[:, 0], "y": place[:, 1]}
    pq.write_table(pa.table(columns | {"cluster": code.astype(np.int32)}), file)
    listed = [{"cluster": c, "size": int((code == c).sum()), "keywords": [f"word{c}"], "name": f"topic {c}"}
              for c in range(N_CLUSTERS)]  # fmt: skip
    found = {"map_id": f"map{snapshot_id[:9]}", "method": "test", "trustworthiness": 0.9, "neighbour_overlap": 0.5,
             "n_quality": 2_000, "cluster_method": "test", "stability": 0.9, "noise_share": 0.0,
             "clusters": listed}  # fmt: skip
    maps.put(store, snapshot_id, found, encoder_key="lexical@1", params={}, seed=0, points_file=file, run_id=None)
