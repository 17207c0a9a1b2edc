"""The files an audit reads: labels in force, copies, clusters and scores, written down as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from studio import audits
from studio.audits import material
from studio.records import Snapshot
from studio.store import findings_given, references, scores
from studio.workflows import audits_copies, audits_state, starting
from studio.workflows.studio import Studio

SEED = 0
SEVERAL = "classification_multi"  # the task whose examples carry several labels
ROOM = "audit"  # the folder below cache/


def folder(studio: Studio, name: str) -> Path:
    """Where the files of one run lie."""
    return starting.folder(studio, ROOM, name)


def write(studio: Studio, snapshot: Snapshot, label_mode: str, names: Sequence[str], place: Path) -> None:
    """Write what the named audits need into a folder (see studio.audits.material), a batch of rows at a time."""
    store, snapshot_id = studio.store, snapshot.snapshot_id
    copies = audits_copies.read(studio, snapshot_id)
    beside = {"family": np.asarray(copies.families), "exact": np.asarray(copies.exact)} if copies is not None else {}
    around = scores.surroundings(store, snapshot_id)
    map_id = around.map_id if audits_state.needs(names, "clusters") else None
    facts = material.Facts(
        language=snapshot.language,
        groups=snapshot.groups,
        reference=references.shares(store, snapshot_id),
        cluster_names=scores.cluster_names(store, map_id) if map_id else {},
        lexicon=audits_state.lexicon_of(studio, snapshot),
        seed=SEED,
        n_families=audits.N_FAMILIES,
    )
    sets = audits_state.score_sets(studio, snapshot) if audits_state.needs(names, "scores") else ()
    asked = {"reveal": label_mode == "all", "several": snapshot.task == SEVERAL}
    with findings_given.rows(store, snapshot_id, map_id=map_id, score_sets=sets, **asked) as given:
        material.write(place, given, facts, beside)


def paths(studio: Studio, names: Sequence[str], around: Any) -> dict[str, Path]:
    """The folders of vectors and neighbours the named audits look at, as absolute paths."""
    return {name: studio.workspace.root / path for name, path in audits_state.vectors_in_use(around, names).items()}
