"""A snapshot a run has made becomes one of the workspace: its folder in place, its row, its lineage, its splits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from studio.corpus import splits as split_rules
from studio.corpus.schema import read_manifest, verify_snapshot
from studio.store import corpora, examples, snapshots, splits
from studio.workflows.studio import Studio

SNAPSHOTS = "snapshots"


def take_snapshot(studio: Studio, run_dir: Path, snapshot_id: str) -> dict[str, Any]:
    """Move `result/snapshots/<snapshot_id>/` of a run to its place and return its manifest; may be called again.

    Where the same content lies there already, that copy stays and the new one is removed.

    Raises:
        CorpusError: the folder is missing, or differs from what its manifest says.
    """
    target = studio.workspace.snapshot_dir(snapshot_id)
    made = run_dir / "result" / SNAPSHOTS / snapshot_id
    if not target.exists():
        verify_snapshot(made)
        os.rename(made, target)
    shutil.rmtree(made, ignore_errors=True)
    return read_manifest(target)


def add_snapshot(
    studio: Studio,
    manifest: Mapping[str, Any],
    *,
    corpus_id: str,
    by: str,
    run_id: str | None = None,
    parent_id: str | None = None,
    name: str = "",
) -> bool:
    """Index a snapshot as the next version of its corpus; False when it was known already.

    Args:
        studio: the open workspace.
        manifest: of a snapshot that lies in its place.
        corpus_id: the corpus, which exists already.
        by: who made it.
        run_id: the run that made it.
        parent_id: the snapshot it was made from, None for the first of a corpus.
        name: how people know it; by default the corpus's name with its version number.
    """
    if not name:
        number = len(snapshots.of_corpus(studio.store, corpus_id)) + 1
        known = str(corpora.get(studio.store, corpus_id)["name"])
        name = known + (f" v{number}" if number > 1 else "")
    return snapshots.add(studio.store, manifest, corpus_id=corpus_id, name=name, by=by, run_id=run_id,
                         parent_id=parent_id)  # fmt: skip


def assign_splits(
    studio: Studio, snapshot_id: str, plan: Mapping[str, Any], by: str, earlier: str | None
) -> dict[str, int]:
    """Put a split plan in force; examples of an earlier version keep the split they have there."""
    store = studio.store
    frame = examples.frame(store, snapshot_id, ("example_id", "split"))
    ids = frame["example_id"].to_numpy(np.int64)
    rng = np.random.default_rng(int(plan["seed"]))
    if plan["method"] == "imported":
        words = [word if isinstance(word, str) else None for word in frame["split"]]
        names = split_rules.imported_split(words, rng, train_as=plan["train_as"], shares=plan["shares"])
    else:
        names = split_rules.random_split(len(ids), plan["shares"], rng)
        if earlier is not None:
            before = splits.frame(store, earlier)
            kept = dict(zip(before["example_id"].tolist(), before["split"].tolist(), strict=True))
            is_new = np.array([example_id not in kept for example_id in ids.tolist()], dtype=bool)
            names[is_new] = split_rules.random_split(int(is_new.sum()), plan["shares"], rng)
            names[~is_new] = [kept[example_id] for example_id in ids[~is_new].tolist()]
    shares = dict(plan["shares"]) | ({"train_as": plan["train_as"]} if plan["method"] == "imported" else {})
    splits.decide(store, snapshot_id, ids=ids, names=names, method=plan["method"], seed=int(plan["seed"]),
                  shares=shares, by=by)  # fmt: skip
    return splits.counts(store, snapshot_id)
