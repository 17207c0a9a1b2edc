"""The files an audit reads: labels in force, copies, clusters and scores, written down as they are now."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio import audits
from studio.audits import material
from studio.jobs import rundir
from studio.records import Snapshot
from studio.store import examples, labels, references, scores
from studio.workflows import audits_copies, audits_state
from studio.workflows.studio import Studio

SEED = 0


def folder(studio: Studio, name: str) -> Path:
    """Where the files of one run or one look lie."""
    return studio.workspace.cache / "audit" / name


def write(studio: Studio, snapshot: Snapshot, label_mode: str, names: Sequence[str], place: Path) -> None:
    """Write what the named audits need into a folder (see studio.audits.material)."""
    store, snapshot_id = studio.store, snapshot.snapshot_id
    given = in_force(studio, snapshot, label_mode)
    copies = audits_copies.read(studio, snapshot_id)
    if copies is not None:
        given["family"], given["exact"] = np.asarray(copies.families), np.asarray(copies.exact)
    around, titles = scores.surroundings(store, snapshot_id), {}
    if around.map_id and audits_state.needs(names, "clusters"):
        points = scores.clusters(store, around.map_id)
        codes = pd.Series(points["cluster"].to_numpy(), index=points["example_id"].to_numpy())
        given["cluster"] = given["example_id"].map(codes).fillna(-1).to_numpy(np.int64)
        titles = scores.cluster_names(store, around.map_id)
    if audits_state.needs(names, "scores"):
        for item in audits_state.score_sets(studio, snapshot):
            ids, raw, _ = scores.values(store, snapshot_id, item)
            given[item.measure] = given["example_id"].map(pd.Series(raw, index=ids))
    facts = material.Facts(
        language=snapshot.language,
        groups=snapshot.groups,
        reference=references.shares(store, snapshot_id),
        cluster_names=titles,
        lexicon=audits_state.lexicon_of(studio, snapshot),
        seed=SEED,
        n_families=audits.N_FAMILIES,
    )
    material.write(place, given, facts)


def in_force(studio: Studio, snapshot: Snapshot, label_mode: str) -> pd.DataFrame:
    """Columns example_id (ascending) and label: as imported with annotations on top, or only what annotators see.

    An annotation of a text that has changed since is no label of this text, here as in training.
    """
    store, snapshot_id = studio.store, snapshot.snapshot_id
    frame = examples.frame(store, snapshot_id, ("example_id", "label"), reveal=label_mode == "all")
    known = labels.current(store, snapshot_id)
    known = known[(known["origin"] == "annotation") & ~known["stale"].astype(bool)]
    now = pd.Series(known["label"].to_numpy(dtype=object), index=known["example_id"].to_numpy())
    own = frame["label"].astype(object)
    given = frame["example_id"].map(now).astype(object)
    frame["label"] = given.where(given.notna(), own)
    return frame


def sweep(studio: Studio) -> None:
    """Remove the files of runs that are over for good; those of a stopped or failed one are needed to go on."""
    place = folder(studio, "")
    for path in place.iterdir() if place.is_dir() else ():
        run_dir = studio.workspace.run_dir(path.name)
        if run_dir.exists() and rundir.read_status(run_dir).state in ("done", "cancelled"):
            shutil.rmtree(path, ignore_errors=True)


def paths(studio: Studio, names: Sequence[str], around: Any) -> dict[str, Path]:
    """The folders of vectors and neighbours the named audits look at, as absolute paths."""
    return {name: studio.workspace.root / path for name, path in audits_state.vectors_in_use(around, names).items()}
