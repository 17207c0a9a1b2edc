"""The pool in memory: built once per state of scores, labels and splits, shared by every slider move."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studio.records import VIEWS, Array, Knn, Pool
from studio.selection.combine import view_score
from studio.selection.constraints import near_pairs
from studio.selection.live import LiveMatrix
from studio.selection.recipe import Recipe
from studio.store import examples, labels, scores, selections, snapshots
from studio.store.scores import ScoreSet
from studio.workflows.select_scores import ScoreState, default_inner
from studio.workflows.studio import Studio

KEPT = 4  # matrices in memory: 1M examples take about 40 MB each
MOST_KEYS = 200  # a column with more different values is no group to limit or to compare
_kept: OrderedDict[tuple[Any, ...], LivePool] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class LivePool:
    """The unlabelled pool of a snapshot, ready for ranking. `rows` (n,) are its rows in the snapshot's order."""

    matrix: LiveMatrix
    rows: Array
    n_snapshot: int
    ids_hash: str
    inner: Mapping[str, Mapping[str, float]]
    sets: tuple[ScoreSet, ...]


def load(
    studio: Studio, snapshot_id: str, state: ScoreState, inner: Mapping[str, float], tau: float | None
) -> LivePool:
    """The pool under the score sets in use; from memory when nothing it depends on has changed.

    Args:
        studio: the open workspace.
        snapshot_id: which snapshot.
        state: which score sets are in use.
        inner: measure -> weight inside its view; empty = the defaults.
        tau: cosine similarity for near pairs, or None.

    Raises:
        CorpusError: an unknown snapshot.
    """
    chosen = default_inner(state, inner)
    key = (
        str(studio.workspace.root), snapshot_id, state.around, tau,
        tuple((item.measure, item.context_hash, item.created_at) for item in state.sets),
        tuple(sorted((v, tuple(sorted(m.items()))) for v, m in chosen.items())),
        scores.pool_state(studio.store, snapshot_id),
    )  # fmt: skip
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = _make(studio, snapshot_id, state, chosen, tau)
    with _lock:
        _kept[key] = made
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return made


def of_rows(studio: Studio, snapshot_id: str, state: ScoreState, recipe: Recipe, ids: Array) -> LivePool:
    """The named examples (ascending ids) as if they were the pool: their scores on the scale of the whole snapshot."""
    return _make(studio, snapshot_id, state, default_inner(state, recipe.inner), None, ids)


def _make(
    studio: Studio, snapshot_id: str, state: ScoreState, inner: Mapping[str, Mapping[str, float]], tau: float | None,
    ids: Array | None = None,
) -> LivePool:  # fmt: skip
    everyone = examples.ids(studio.store, snapshot_id)
    pool = np.asarray(labels.pool_left(studio.store, snapshot_id) if ids is None else ids, dtype=np.int64)
    rows = np.searchsorted(everyone, pool)
    unit = np.full((len(pool), len(VIEWS)), np.nan, dtype=np.float32, order="F")
    for column, view in enumerate(VIEWS):
        if view not in inner:
            continue
        own = {item.measure: item for item in state.views[view].sets}
        units = {name: _aligned(studio, snapshot_id, own[name], everyone) for name in inner[view]}
        unit[:, column] = view_score(units, inner[view])[rows]
    columns, keys = _columns(studio, snapshot_id, state, everyone, rows)
    near = None
    if tau is not None and state.around.k is not None:
        near = near_pairs(pool_knn(studio, state, rows, len(everyone)), tau)
    matrix = LiveMatrix(pool, unit, columns, keys, near)
    return LivePool(matrix, rows, len(everyone), selections.hash_ids(pool), inner, state.sets)


def _aligned(studio: Studio, snapshot_id: str, of: ScoreSet, everyone: Array) -> Array:
    """(n,) unit scores in the snapshot's order."""
    ids, _, unit = scores.values(studio.store, snapshot_id, of)
    if np.array_equal(ids, everyone):
        return unit
    found = pd.Series(unit, index=ids).reindex(everyone)
    return found.to_numpy(np.float32)


def _columns(
    studio: Studio, snapshot_id: str, state: ScoreState, everyone: Array, rows: Array
) -> tuple[dict[str, Array], dict[str, tuple[str, ...]]]:
    """Codes and names of the clusters and of every group column with few enough values."""
    columns: dict[str, Array] = {}
    keys: dict[str, tuple[str, ...]] = {}
    if state.around.map_id is not None:
        placed = scores.clusters(studio.store, state.around.map_id)
        named = scores.cluster_names(studio.store, state.around.map_id)
        codes = pd.Series(placed["cluster"].to_numpy(), index=placed["example_id"].to_numpy()).reindex(everyone)
        codes = codes.fillna(-1).to_numpy(np.int32)[rows]
        # clusters that were merged into others leave no gap: they are no groups any more
        there = {int(code) for code in np.unique(codes)} | {code for code in named if code <= codes.max(initial=-1)}
        known = sorted(code for code in there if code >= 0)
        place = np.full(known[-1] + 2 if known else 1, -1, dtype=np.int32)
        place[known] = np.arange(len(known), dtype=np.int32)
        columns["cluster"] = place[codes]  # -1, none, is the last place
        keys["cluster"] = tuple(named.get(code) or str(code) for code in known)
    groups = snapshots.require(studio.store, snapshot_id).group_columns
    if groups:
        frame = examples.frame(studio.store, snapshot_id, list(groups))
        for name in groups:
            codes, values = pd.factorize(frame[name].iloc[rows], sort=True)
            if len(values) <= MOST_KEYS:
                columns[name] = codes.astype(np.int32)
                keys[name] = tuple(str(value) for value in values)
    return columns, keys


def pool_knn(studio: Studio, state: ScoreState, rows: Array, n: int) -> Knn:
    """The stored k-NN graph with positions of the pool; -1 where a neighbour is not in it."""
    folder = studio.workspace.root / str(state.around.vectors_path) / f"knn_{state.around.k}"
    indices, distances = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist")
    )
    place = np.full(n, -1, dtype=np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    return Knn(place[np.asarray(indices)[rows]], np.asarray(distances)[rows])


def vectors(studio: Studio, state: ScoreState) -> Array:
    """(n, d) float32 stored vectors of the whole snapshot, a read-only memory map."""
    path = studio.workspace.root / str(state.around.vectors_path) / "vectors.npy"
    return np.load(path, mmap_mode="r", allow_pickle=False)


def strategy_pool(studio: Studio, snapshot_id: str, state: ScoreState, pool: LivePool, weighted: Array,
                  needs: tuple[str, ...]) -> Pool:  # fmt: skip
    """The records.Pool a strategy picks from, with only what it needs."""
    matrix = pool.matrix
    clusters = matrix.columns.get("cluster")
    embeddings = vectors(studio, state)[pool.rows] if "embeddings" in needs and state.around.vectors_path else None
    knn = None
    if "knn" in needs and state.around.k is not None:
        knn = pool_knn(studio, state, pool.rows, pool.n_snapshot)
    texts = None
    if "texts" in needs:
        frame = examples.frame(studio.store, snapshot_id, ["text"])
        texts = ["" if text is None else str(text) for text in frame["text"].iloc[pool.rows]]
    probs = _two_columns(studio, snapshot_id, state, pool) if "probs" in needs else None
    groups = {name: codes for name, codes in matrix.columns.items() if name != "cluster"}
    return Pool(matrix.ids, weighted, matrix.unit, clusters, groups, probs, embeddings, knn, texts)


def _two_columns(studio: Studio, snapshot_id: str, state: ScoreState, pool: LivePool) -> Array | None:
    """Two columns whose gap is the stored margin: all that picking by margin reads."""
    found = next((item for item in state.views["difficulty"].sets if item.measure == "margin"), None)
    if found is None:
        return None
    _, raw, _ = scores.values(studio.store, snapshot_id, found)
    margin = raw[pool.rows]
    return np.stack([(1 + margin) / 2, (1 - margin) / 2], axis=1)
