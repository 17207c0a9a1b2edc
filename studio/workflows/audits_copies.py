"""Families of copies of a snapshot: made once, inline when small, else by a run; kept as files beside the vectors."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.corpus.dedup import JACCARD, VERSION, find_duplicates
from studio.jobs import rundir
from studio.records import Actor, Array, RunSpec
from studio.store import examples, snapshots
from studio.workflows import runs, starting
from studio.workflows.acts import act
from studio.workflows.studio import Studio

INLINE_UP_TO = 20_000  # texts; 20,000 short ones take about half a second, above it a run does the work
SEED = 0


@dataclass(frozen=True)
class Copies:
    """families (n,) and exact (n,) int64 over the snapshot's examples in ascending example_id."""

    families: Array
    exact: Array


def folder(studio: Studio, snapshot_id: str) -> Path:
    """Where the families of a snapshot lie."""
    return studio.workspace.vectors_dir(snapshot_id, f"copies@{VERSION}")


def read(studio: Studio, snapshot_id: str) -> Copies | None:
    """The stored families; None where nobody has looked for copies yet."""
    place = folder(studio, snapshot_id)
    if not (place / "meta.json").exists():
        return None
    arrays = [np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("families", "exact")]
    return Copies(*arrays)


def ready(studio: Studio, snapshot_id: str) -> Copies | None:
    """The stored families, found now where the snapshot is small enough; None where a run has to do it."""
    stored = read(studio, snapshot_id)
    if stored is not None:
        return stored
    if snapshots.require(studio.store, snapshot_id).n_examples > INLINE_UP_TO:
        return None
    return make(studio, snapshot_id)


def make(studio: Studio, snapshot_id: str) -> Copies:
    """The stored families, found now where there are none yet, however large the snapshot is."""
    stored = read(studio, snapshot_id)
    if stored is not None:
        return stored
    texts = examples.table(studio.store, snapshot_id, ("text",))["text"].to_pylist()
    found = find_duplicates(texts, np.random.default_rng(SEED))
    making = _making(studio, snapshot_id)
    np.save(making / "families.npy", found.families, allow_pickle=False)
    np.save(making / "exact.npy", found.exact, allow_pickle=False)
    _keep(making, folder(studio, snapshot_id), {"threshold": JACCARD, "seed": SEED, "run_id": None})
    return Copies(found.families, found.exact)


@act("audit.copies", "analyst")
def find_copies(studio: Studio, actor: Actor, *, snapshot_id: str, title: str = "", run_id: str | None = None) -> str:
    """Queue the search for copies in a snapshot; returns the run's id (that of a live search where there is one)."""
    snapshot = snapshots.require(studio.store, snapshot_id)
    inputs = {"examples": str(studio.workspace.examples_file(snapshot_id).relative_to(studio.workspace.root))}

    def start() -> str:
        return runs.submit(studio, actor, kind="dedup", title=title or f"Find copies in {snapshot.name}",
                           params={"threshold": JACCARD}, inputs=inputs, snapshot_id=snapshot_id,
                           corpus_id=snapshot.corpus_id, seed=SEED, run_id=run_id)  # fmt: skip

    return starting.once(studio, kind="dedup", snapshot_id=snapshot_id, start=start,
                         live=lambda: runs.live(studio, kind="dedup", snapshot_id=snapshot_id))  # fmt: skip


def finish_dedup(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the families of a done run over; may be called again."""
    result = rundir.check_result(run_dir, "families.npy", "exact.npy")
    take_over(studio, str(spec.snapshot_id), result, spec)


def take_over(studio: Studio, snapshot_id: str, result: Path, spec: RunSpec) -> None:
    """Keep the families a run left in its result folder, where it left some and none are kept yet."""
    target = folder(studio, snapshot_id)
    if (target / "meta.json").exists() or not (result / "families.npy").exists():
        return
    making = _making(studio, snapshot_id)
    for name in ("families.npy", "exact.npy"):
        shutil.copy2(result / name, making / name)
    threshold = spec.params.get("threshold", JACCARD)
    _keep(making, target, {"threshold": threshold, "seed": spec.seed, "run_id": spec.run_id})


def _making(studio: Studio, snapshot_id: str) -> Path:
    target = folder(studio, snapshot_id)
    making = target.with_name(f"{target.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    making.mkdir(parents=True)
    return making


def _keep(making: Path, target: Path, meta: dict[str, object]) -> None:
    """Whole or not at all: everything on disk under a temporary name, then renamed; the first one wins."""
    (making / "meta.json").write_text(json.dumps(meta | {"version": VERSION}), encoding="utf-8")
    for file in making.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    try:
        os.rename(making, target)
    except OSError:
        shutil.rmtree(making, ignore_errors=True)
        if not (target / "meta.json").exists():
            raise
