"""A snapshot a run has made becomes one of the workspace: its folder in place, its row, its lineage, its splits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio.corpus import split_methods
from studio.corpus.dedup import normalise
from studio.corpus.schema import read_manifest, verify_snapshot
from studio.errors import CorpusError
from studio.records import Array
from studio.store import corpora, examples, snapshots, splits
from studio.workflows import audits_copies
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
    studio: Studio, snapshot_id: str, plan: Mapping[str, Any], by: str, earlier: str | None, *, strict: bool = False
) -> dict[str, int]:
    """Put a split plan in force; examples of an earlier version keep the split they have there.

    Args:
        studio: the open workspace.
        snapshot_id: of which snapshot.
        plan: as `studio.corpus.split_methods` reads it.
        by: who decides.
        earlier: the version whose examples keep their split, or None.
        strict: raise what the method refuses; else the split is made at random and the decision says why.

    Raises:
        CorpusError: a plan that contradicts itself; with `strict` also one these examples cannot fill.
    """
    whole = split_methods.whole_plan(plan)
    try:
        found = planned(studio, snapshot_id, whole, earlier)
    except CorpusError as error:
        if strict:
            raise
        refused = ("refused", {"method": whole["method"], "why": error.line()})
        whole |= {"method": "random"}
        found = planned(studio, snapshot_id, whole, earlier)
        found = split_methods.Assignment(found.names, (refused, *found.notes))
    put_in_force(studio, snapshot_id, whole, found, by, earlier=earlier)
    return splits.counts(studio.store, snapshot_id)


def put_in_force(
    studio: Studio, snapshot_id: str, plan: Mapping[str, Any], found: split_methods.Assignment, by: str, **more: Any
) -> str:
    """Write an assignment as the decision in force; returns its id."""
    named, counted = np.unique(found.names.astype(str), return_counts=True)
    kept = dict(plan) | {key: value for key, value in more.items() if value is not None}
    kept |= {
        "notes": [list(note) for note in found.notes],
        "counts": dict(zip(named.tolist(), counted.tolist(), strict=True)),
    }
    shares = dict(plan["shares"]) | ({"train_as": plan["train_as"]} if plan["method"] == "imported" else {})
    return splits.decide(studio.store, snapshot_id, ids=examples.ids(studio.store, snapshot_id), names=found.names,
                         method=plan["method"], seed=plan["seed"], shares=shares, by=by, plan=kept)  # fmt: skip


def planned(
    studio: Studio, snapshot_id: str, plan: Mapping[str, Any], earlier: str | None = None
) -> split_methods.Assignment:
    """What a whole plan would give, in ascending example_id; nothing is written.

    Raises:
        CorpusError: what the method refuses.
    """
    ids = examples.ids(studio.store, snapshot_id)
    kept = _kept(studio, ids, earlier) if earlier is not None and plan["method"] != "imported" else None
    if kept is not None and plan["method"] == "mended":
        plan = dict(plan) | {"method": "random"}  # mending was about the rows of that version; new ones come at random
    if plan["method"] == "mended":
        kept = splits.frame(studio.store, snapshot_id)["split"].to_numpy(object)
    elif kept is not None and plan["method"] != "grouped":
        return _only_new(studio, snapshot_id, plan, ids, kept)
    return split_methods.assign(plan, material(studio, snapshot_id, plan, ids, kept))


def _only_new(
    studio: Studio, snapshot_id: str, plan: Mapping[str, Any], ids: Array, kept: Array
) -> split_methods.Assignment:
    """The kept names with those of the new examples in their places."""
    new = np.flatnonzero([name is None for name in kept])
    if not len(new):
        return split_methods.Assignment(kept)
    found = split_methods.assign(plan, material(studio, snapshot_id, plan, ids, None).take(new))
    names = kept.copy()
    names[new] = found.names
    return split_methods.Assignment(names, found.notes)


def _kept(studio: Studio, ids: Array, earlier: str) -> Array:
    """(n,) the split an example has in an earlier version, None for a new one."""
    before = splits.frame(studio.store, earlier)
    known = dict(zip(before["example_id"].tolist(), before["split"].tolist(), strict=True))
    return np.array([known.get(example_id) for example_id in ids.tolist()], dtype=object)


def material(
    studio: Studio, snapshot_id: str, plan: Mapping[str, Any], ids: Array, before: Array | None
) -> split_methods.Material:
    """What the plan's method looks at: its columns and, where it keeps things together, the copies."""
    together = plan["together"]
    wanted = split_methods.columns_needed(plan)
    looked_at = ("example_id", *wanted, *(("text",) if together else ()))
    frame = examples.frame(studio.store, snapshot_id, looked_at, reveal=True)
    columns = {name: frame[name].tolist() for name in wanted}
    copies = families = None
    if together:
        known = audits_copies.ready(studio, snapshot_id) if split_methods.NEAR in together else None
        known = known or audits_copies.read(studio, snapshot_id)
        families = None if known is None else np.asarray(known.families)
        copies = _equal_texts(frame["text"].tolist()) if known is None else np.asarray(known.exact)
    return split_methods.Material(ids, columns, copies, families, before)


def _equal_texts(texts: list[Any]) -> Array:
    """(n,) codes, equal where the normalised text is."""
    clean = [normalise(text) if isinstance(text, str) else "" for text in texts]
    return pd.factorize(np.array(clean, dtype=object))[0].astype(np.int64)
