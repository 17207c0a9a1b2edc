"""Before a map is made: what it will cost, whether there is memory for it, and which earlier map it could build on."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from studio.errors import StoreError
from studio.jobs import files
from studio.jobs.memory import available_bytes, require_memory
from studio.mapping.budget import PREVIEW_ABOVE, PREVIEW_LANDMARKS, embed_need, map_need
from studio.mapping.neighbours import DEFAULT_K
from studio.models.encoders import encoder_info
from studio.models.static import StaticEncoder
from studio.records import Snapshot
from studio.store import examples, lineage, maps, snapshots, vectors
from studio.store.maps import MapRecord
from studio.store.vectors import VectorSet
from studio.workflows.studio import Studio

_ESTIMATE_ROWS = 300


@dataclass(frozen=True)
class Plan:
    """What embedding (where needed) and map take about: seconds, bytes at the peak, and bytes that are free now.

    `n_preview` examples are laid out for an early preview; 0 for a corpus small enough to do without.
    """

    seconds: float
    peak_bytes: int
    free_bytes: int
    n_preview: int = 0

    @property
    def has_room(self) -> bool:
        """True when the memory is there."""
        return self.peak_bytes <= self.free_bytes


@dataclass(frozen=True)
class EarlierMap:
    """A finished map of a version this one goes back to, with its vectors; `n_new` examples it does not have."""

    map: MapRecord
    vectors: VectorSet
    snapshot_name: str
    n_shared: int
    n_new: int


def plan(studio: Studio, snapshot: Snapshot, encoder: str, *, is_embedded: bool = False) -> Plan:
    """What a map of a snapshot takes on this machine, from the lengths of some texts and speeds measured on two cores.

    Args:
        studio: the open workspace.
        snapshot: of what.
        encoder: name or key of the encoder.
        is_embedded: True when the vectors are there already.
    """
    n, info = snapshot.n_examples, encoder_info(encoder)
    some = examples.frame(studio.store, snapshot.snapshot_id, ("text",), limit=_ESTIMATE_ROWS)
    characters = float(some["text"].str.len().mean()) if len(some) else 0.0
    need = map_need(n, info.dim, DEFAULT_K, characters=characters)
    seconds, peak = need.seconds, need.peak_bytes
    if not is_embedded:
        cores = max(1, os.cpu_count() or 1)
        before = embed_need(
            n, info.dim, DEFAULT_K, characters=characters, encode_s=_encode_s(studio, info.name, n, characters, cores),
            cores=cores,
        )  # fmt: skip
        seconds, peak = seconds + before.seconds, max(peak, before.peak_bytes)
    n_preview = PREVIEW_LANDMARKS if n > PREVIEW_ABOVE else 0
    return Plan(seconds, peak, available_bytes(), n_preview)


def require_room(studio: Studio, snapshot: Snapshot, encoder: str, *, is_embedded: bool) -> None:
    """Refuse a run that would end for want of memory, before it is queued.

    Raises:
        MeasureError: less memory is free than it needs.
    """
    require_memory(plan(studio, snapshot, encoder, is_embedded=is_embedded).peak_bytes)


def _encode_s(studio: Studio, encoder: str, n: int, characters: float, cores: int) -> float:
    if encoder == "minilm":
        return n * min(characters / 4 + 3, 256) / (4_500 * cores)
    if encoder == "static":
        has_cache = StaticEncoder.is_saved(studio.workspace.cache)
        return n * max(characters, 50) / 50 / 30_000 + (0 if has_cache else 30)
    return 5 + n * max(characters, 50) / 50 / 15_000


# --- an earlier map ---------------------------------------------------------------------------------------------------
def earlier_map(studio: Studio, snapshot_id: str, *, map_id: str = "") -> EarlierMap | None:
    """A finished map of an older version, its vectors still there: the nearest one this was made from, else the newest.

    With a map_id that one and no other: vectors made for one map do not fit on a map made since. None where no older
    version with a shared example has one.
    """
    line = [version.snapshot.snapshot_id for version in lineage.ancestors(studio.store, snapshot_id)]
    corpus_id = snapshots.require(studio.store, snapshot_id).corpus_id
    older = [version.snapshot.snapshot_id for version in lineage.versions(studio.store, corpus_id)]
    older = older[: older.index(snapshot_id)]
    names = {version.snapshot_id: version.name for version in snapshots.of_corpus(studio.store, corpus_id)}
    for old_id in [*reversed(line[:-1]), *(one for one in reversed(older) if one not in line)]:
        for chart in maps.of_snapshot(studio.store, old_id):
            found = vectors.newest(studio.store, old_id, chart.encoder_key)
            if map_id and chart.map_id != map_id:
                continue
            if chart.is_preview or found is None or not found.vectors_file(studio.workspace.root).is_file():
                continue
            shared, n = _shared(studio.workspace.examples_file(snapshot_id), studio.workspace.examples_file(old_id))
            if shared:
                return EarlierMap(chart, found, names[old_id], shared, n - shared)
    return None


@lru_cache(maxsize=64)
def _shared(now: Path, earlier: Path) -> tuple[int, int]:
    """Examples two snapshots share by id, and how many the first has; snapshots never change."""
    ids, old = (pq.read_table(file, columns=["example_id"])["example_id"].to_numpy() for file in (now, earlier))
    return len(np.intersect1d(ids, old, assume_unique=True)), len(ids)


def same_state(studio: Studio, one: VectorSet, other: VectorSet) -> bool:
    """True when two embeddings can be compared: one encoder, and where it is fitted the very same fitted state."""
    if one.encoder_key != other.encoder_key:
        return False
    if not encoder_info(one.encoder).needs_fit:
        return True
    root = studio.workspace.root
    return _state_hash(root / one.path) == _state_hash(root / other.path)


def _state_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def write_places(studio: Studio, run_id: str, chart: MapRecord) -> dict[str, str]:
    """The points and clusters of an earlier map as inputs of a run, written before it exists; name -> relative path."""
    folder = studio.workspace.root / "inputs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    points = maps.points(studio.store, chart.map_id)
    if points.empty:
        raise StoreError("The earlier map has no points any more", got=chart.map_id, fix="Make a fresh map.")
    temporary = folder / ".places.parquet"
    points.to_parquet(temporary, index=False)
    os.replace(temporary, folder / "places.parquet")
    rows = maps.clusters(studio.store, chart.map_id).to_dict("records")
    listed = [{"cluster": int(row["cluster"]), "name": str(row["name"]), "keywords": [str(w) for w in row["keywords"]]}
              for row in rows]  # fmt: skip
    files.write_json(folder / "clusters.json", {"clusters": listed})
    base = folder.relative_to(studio.workspace.root).as_posix()
    return {"earlier": f"{base}/places.parquet", "earlier_clusters": f"{base}/clusters.json"}
