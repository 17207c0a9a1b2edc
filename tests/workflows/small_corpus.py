"""A small corpus whose labels can be learnt from its words, frozen and split, for tests of the desk and the loop."""

from __future__ import annotations

import numpy as np

from studio.corpus.schema import write_snapshot
from studio.store import corpora, selections, snapshots, splits
from studio.store.connection import Store

WORDS = {
    "billing": "invoice charge payment amount bill fee price money",
    "delivery": "parcel courier shipment late box address van arrive",
    "login": "password account sign screen code email reset locked",
    "refund": "return money back item broken receipt exchange want",
}
SPLITS = ("pool",) * 12 + ("validation",) * 6 + ("test",) * 2


def make(
    store: Store, *, n: int = 400, with_labels: bool = True, seed: int = 0, language: str = "en", noise: int = 3
) -> str:
    """Write the corpus and its split (60 % pool, 30 % validation, 10 % test); returns the snapshot id."""
    rng = np.random.default_rng(seed)
    every = " ".join(WORDS.values()).split()
    rows = []
    for number in range(n):
        label = list(WORDS)[number % len(WORDS)]
        words = [*rng.choice(WORDS[label].split(), 3), *rng.choice(every, noise)]
        rows.append(
            {
                "example_id": number + 1,
                "text": f"{' '.join(rng.permutation(words))} please {number}",
                "label": label if with_labels else None,
                "language": language,
                "group_gender": ("f", "m")[number % 2],
            }
        )
    manifest = write_snapshot(rows, store.workspace.snapshots, groups=("gender",), language=language)
    corpus_id, snapshot_id = f"c{manifest['snapshot_id']}", str(manifest["snapshot_id"])
    corpora.add(store, corpus_id=corpus_id, name="Small", language=language, task="classification", by="tester")
    snapshots.add(store, manifest, corpus_id=corpus_id, name="Small", by="tester")
    names = np.array([SPLITS[i % len(SPLITS)] for i in rng.permutation(n)])
    splits.decide(
        store, snapshot_id, ids=np.arange(1, n + 1), names=names, method="random", seed=seed, shares={}, by="tester"
    )
    return snapshot_id


def freeze(store: Store, snapshot_id: str, ids, *, selection_id: str = "q1", reasons=None, name: str = "Queue") -> str:
    """Freeze these ids as a queue in this order."""
    found = snapshots.require(store, snapshot_id)
    selections.add(
        store,
        selection_id=selection_id,
        corpus_id=found.corpus_id,
        snapshot_id=snapshot_id,
        name=name,
        strategy="top_score",
        arm="selection",
        budget=len(ids),
        seed=0,
        recipe={},
        ids=list(ids),
        reasons=reasons or ["above_threshold"] * len(ids),
        by="tester",
    )
    return selection_id
