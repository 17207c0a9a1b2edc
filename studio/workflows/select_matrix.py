"""The pool in memory: built once per state of scores, labels and splits, shared by every slider move."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import SelectionError
from studio.measures import by_name
from studio.records import VIEWS, Array, Condition, Knn, conditions_to_text
from studio.selection.barring import barred_by, best_part, reaches
from studio.selection.combine import CORRELATED, band_pass, rank_correlation, view_correlation, view_score
from studio.selection.constraints import NearGraph
from studio.selection.live import LiveMatrix
from studio.selection.recipe import Recipe
from studio.selection.unit_scores import unit_scores
from studio.settings import MIB
from studio.store import examples, labels, rounds, scores, selections, snapshots
from studio.store.scores import ScoreSet
from studio.workflows.select_scores import ScoreState, default_inner, ranked_part
from studio.workflows.studio import Studio

MOST_KEYS = 200  # a column with more different values is no group to limit or to compare
PREDICTED = "predicted"  # the label the newest round's model gives
FURTHER: tuple[str, ...] = ("source", "language")  # columns that may be limited besides clusters and groups
MOST_FILE_BYTES, MOST_TEXT_BYTES = 32 * MIB, 128 * MIB  # of a snapshot whose texts are kept in memory
# what is kept in memory, by kind; 1M examples take about 12 MB for the values of a measure and 16 MB for a matrix
_MOST = {"base": 2, "values": 10, "unit": 4, "barred": 8, "pool": 8, "rho": 16, "texts": 2}
_kept: dict[str, OrderedDict[tuple[Any, ...], Any]] = {kind: OrderedDict() for kind in _MOST}
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

    @cached_property
    def view_rho(self) -> Array:
        """(4, 4) rank correlation of the views in the pool; worked out once."""
        return view_correlation(self.matrix.unit)

    @cached_property
    def columns_hash(self) -> str:
        """Digest of who is in which cluster and group, names included; worked out once."""
        digest = hashlib.blake2b(json.dumps(sorted(self.matrix.keys.items())).encode(),
                                 digest_size=16)  # fmt: skip
        for _, codes in sorted(self.matrix.columns.items()):
            digest.update(np.ascontiguousarray(codes, dtype=np.int32).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class _Base:
    """What depends on the pool alone: ids of the whole snapshot, of the pool, its rows and its columns."""

    everyone: Array
    ids: Array
    rows: Array
    ids_hash: str
    columns: Mapping[str, Array]
    keys: Mapping[str, tuple[str, ...]]
    more: Mapping[str, Array]


def _remembered(kind: str, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    with _lock:
        if key in _kept[kind]:
            _kept[kind].move_to_end(key)
            return _kept[kind][key]
    made = make()
    with _lock:
        _kept[kind][key] = made
        while len(_kept[kind]) > _MOST[kind]:
            _kept[kind].popitem(last=False)
    return made


def texts(studio: Studio, snapshot_id: str, rows: Array) -> list[str | None]:
    """Texts of some rows of the snapshot, in their order; from memory where all texts of the snapshot fit into it."""

    def read() -> Any:
        if studio.workspace.examples_file(snapshot_id).stat().st_size > MOST_FILE_BYTES:
            return None
        whole = examples.table(studio.store, snapshot_id, ["text"])["text"]
        return whole if whole.nbytes <= MOST_TEXT_BYTES else None

    whole = _remembered("texts", (str(studio.workspace.root), snapshot_id), read)
    if whole is not None:
        return whole.take(rows).to_pylist()
    ids = examples.ids(studio.store, snapshot_id)[rows]
    return examples.by_ids(studio.store, snapshot_id, ids, ["example_id", "text"])["text"].tolist()


def _base_key(studio: Studio, snapshot_id: str, state: ScoreState) -> tuple[Any, ...]:
    return (str(studio.workspace.root), snapshot_id, state.around.map_mark, state.around.round_id,
            scores.pool_state(studio.store, snapshot_id))  # fmt: skip


def pool_size(studio: Studio, snapshot_id: str, state: ScoreState) -> int:
    """How many examples the pool has left; from memory when nothing it depends on has changed.

    Raises:
        CorpusError: an unknown snapshot.
    """
    key = _base_key(studio, snapshot_id, state)
    return len(_remembered("base", key, lambda: _base(studio, snapshot_id, state)).ids)


def load(studio: Studio, snapshot_id: str, state: ScoreState, recipe: Recipe) -> LivePool:
    """The pool under the score sets in use; from memory when nothing it depends on has changed.

    Args:
        studio: the open workspace.
        snapshot_id: which snapshot.
        state: which score sets are in use.
        recipe: inner weights, scale, bands, thresholds, filters and similarity are read.

    Raises:
        CorpusError: an unknown snapshot, or a filter on a column it does not have.
        SelectionError: a threshold on a measure that has no values.
    """
    inner = default_inner(state, recipe.inner)
    base_key = _base_key(studio, snapshot_id, state)
    sets_key = tuple((item.measure, item.context_hash, item.created_at) for item in state.sets)
    unit_key = (base_key, sets_key, recipe.scale, tuple(sorted(recipe.bands.items())),
                tuple(sorted((view, tuple(sorted(own.items()))) for view, own in inner.items())))  # fmt: skip
    barred_key = (base_key, sets_key, conditions_to_text(recipe.filters), tuple(sorted(recipe.best.items())),
                  tuple(sorted(recipe.bounds.items())))  # fmt: skip

    def whole() -> LivePool:
        base = _remembered("base", base_key, lambda: _base(studio, snapshot_id, state))
        unit = _remembered("unit", unit_key, lambda: _units(studio, snapshot_id, state, recipe, inner, base))
        barred, codes = _remembered("barred", barred_key, lambda: _barred(studio, snapshot_id, state, recipe, base))
        matrix = LiveMatrix(base.ids, unit, base.columns, base.keys, more=base.more, barred=barred, barred_codes=codes)
        if recipe.tau is not None and state.around.k is not None:
            matrix = replace(matrix, near=NearGraph(graph(studio, state), recipe.tau, base.rows))
        return LivePool(matrix, base.rows, len(base.everyone), base.ids_hash, inner, state.sets)

    return _remembered("pool", (unit_key, barred_key, recipe.tau, state.around), whole)


def of_rows(studio: Studio, snapshot_id: str, state: ScoreState, recipe: Recipe, ids: Array) -> LivePool:
    """The named examples (ascending ids) as if they were the pool: their scores on the scale of the whole snapshot.

    Without near pairs: whoever ranks them takes `pool_knn` of their rows.
    """
    inner, base = default_inner(state, recipe.inner), _base(studio, snapshot_id, state, ids)
    unit = _units(studio, snapshot_id, state, recipe, inner, base)
    barred, codes = _barred(studio, snapshot_id, state, recipe, base)
    matrix = LiveMatrix(base.ids, unit, base.columns, base.keys, more=base.more, barred=barred, barred_codes=codes)
    return LivePool(matrix, base.rows, len(base.everyone), base.ids_hash, inner, state.sets)


def _base(studio: Studio, snapshot_id: str, state: ScoreState, ids: Array | None = None) -> _Base:
    everyone = examples.ids(studio.store, snapshot_id)
    pool = np.asarray(labels.pool_left(studio.store, snapshot_id) if ids is None else ids, dtype=np.int64)
    rows = np.searchsorted(everyone, pool)
    columns, keys = _columns(studio, snapshot_id, state, everyone, rows)
    more = _further(studio, snapshot_id, state, pool, rows, keys)
    return _Base(everyone, pool, rows, selections.hash_ids(pool), columns, keys, more)


# --- scores -----------------------------------------------------------------------------------------------------------
def values(studio: Studio, snapshot_id: str, of: ScoreSet, everyone: Array) -> tuple[Array, Array]:
    """Raw float64 and quantile unit float32 values of a score set in the snapshot's order; from memory when known."""
    key = (str(studio.workspace.root), snapshot_id, of.measure, of.context_hash, of.created_at)

    def read() -> tuple[Array, Array]:
        ids, raw, unit = scores.values(studio.store, snapshot_id, of)
        if np.array_equal(ids, everyone):
            return raw, unit
        found = pd.DataFrame({"raw": raw, "unit": unit}, index=ids).reindex(everyone)
        return found["raw"].to_numpy(np.float64), found["unit"].to_numpy(np.float32)

    return _remembered("values", key, read)


def _units(studio: Studio, snapshot_id: str, state: ScoreState, recipe: Recipe,
           inner: Mapping[str, Mapping[str, float]], base: _Base) -> Array:  # fmt: skip
    """(n, 4) float32 scores of the views; scaled over the whole snapshot, so that labels given do not move them."""
    unit = np.full((len(base.ids), len(VIEWS)), np.nan, dtype=np.float32, order="F")
    for column, view in enumerate(VIEWS):
        if view not in inner:
            continue
        own = {item.measure: item for item in state.views[view].sets}
        units = {name: unit_of(studio, snapshot_id, own[name], recipe, base.everyone) for name in inner[view]}
        found = view_score(units, inner[view], recipe.scale)
        if view in recipe.bands:
            found = band_pass(found, recipe.bands[view])
        unit[:, column] = found[base.rows]
    return unit


def unit_of(studio: Studio, snapshot_id: str, of: ScoreSet, recipe: Recipe, everyone: Array) -> Array:
    """The scores of one measure on the recipe's scale, its band in force."""
    raw, unit = values(studio, snapshot_id, of, everyone)
    if recipe.scale != "quantile":
        one = by_name(of.measure)
        unit = unit_scores(ranked_part(one, raw), one.prefer, recipe.scale)
    return band_pass(unit, recipe.bands[of.measure]) if of.measure in recipe.bands else unit


def measure_units(studio: Studio, snapshot_id: str, state: ScoreState, pool: LivePool, view: str) -> dict[str, Array]:
    """Measure -> (n,) quantile unit scores of the pool, for every measure of a view that has values."""
    everyone = examples.ids(studio.store, snapshot_id)
    return {item.measure: values(studio, snapshot_id, item, everyone)[1][pool.rows]
            for item in state.views[view].sets}  # fmt: skip


def alike_measures(studio: Studio, snapshot_id: str, state: ScoreState, pool: LivePool) -> list[tuple[str, str, float]]:
    """Pairs of measures in use inside one view whose rank correlation in the pool is beyond 0.7; strongest first."""
    key = (str(studio.workspace.root), snapshot_id, pool.ids_hash,
           tuple((item.measure, item.context_hash, item.created_at) for item in state.sets),
           tuple(sorted((view, tuple(sorted(own))) for view, own in pool.inner.items())))  # fmt: skip

    def look() -> list[tuple[str, str, float]]:
        found = []
        for view, own in pool.inner.items():
            if len(own) > 1:
                units = measure_units(studio, snapshot_id, state, pool, view)
                found += [(a, b, rank_correlation(units[a], units[b])) for a, b in combinations(sorted(own), 2)]
        return sorted((pair for pair in found if abs(pair[2]) > CORRELATED), key=lambda pair: -abs(pair[2]))

    return _remembered("rho", key, look)


# --- thresholds and filters -------------------------------------------------------------------------------------------
def _barred(
    studio: Studio, snapshot_id: str, state: ScoreState, recipe: Recipe, base: _Base
) -> tuple[Array | None, tuple[str, ...]]:
    tests: list[tuple[str, Array]] = []
    for clause in recipe.filters:
        tests.append((f"filter:{clause.column}", _meets(studio, snapshot_id, state, clause, base)))
    sets = {item.measure: item for item in state.sets}
    for name, limit, test in [*((name, own, best_part) for name, own in sorted(recipe.best.items())),
                              *((name, own, reaches) for name, own in sorted(recipe.bounds.items()))]:  # fmt: skip
        if name not in sets:
            raise SelectionError("This measure has no values to hold a threshold against", got=name,
                                 fix="Compute it first, or take the threshold out.")  # fmt: skip
        raw = values(studio, snapshot_id, sets[name], base.everyone)[0][base.rows]
        tests.append((f"threshold:{name}", test(raw, by_name(name).prefer, limit)))
    return barred_by(len(base.ids), tests)


def _meets(studio: Studio, snapshot_id: str, state: ScoreState, clause: Condition, base: _Base) -> Array:
    if clause.column == PREDICTED:
        return _predicted_is(clause, base)
    found = examples.ids(studio.store, snapshot_id, [clause], map_id=state.around.map_id)
    return np.isin(base.ids, found, assume_unique=True)


def _predicted_is(clause: Condition, base: _Base) -> Array:
    wanted = clause.value if isinstance(clause.value, list | tuple) else [clause.value]
    if PREDICTED not in base.more or clause.op not in ("eq", "in", "ne"):
        raise SelectionError("Predicted labels cannot be asked for that", got=f"{clause.op} {clause.value}",
                             fix="Train a round first, then choose some of its labels.")  # fmt: skip
    codes = [place for place, key in enumerate(base.keys[PREDICTED]) if key in {str(value) for value in wanted}]
    inside = np.isin(base.more[PREDICTED], codes)
    return ~inside if clause.op == "ne" else inside


# --- columns ----------------------------------------------------------------------------------------------------------
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
            codes, found = pd.factorize(frame[name].iloc[rows], sort=True)
            if len(found) <= MOST_KEYS:
                columns[name] = codes.astype(np.int32)
                keys[name] = tuple(str(value) for value in found)
    return columns, keys


def _further(studio: Studio, snapshot_id: str, state: ScoreState, pool: Array, rows: Array,
             keys: dict[str, tuple[str, ...]]) -> dict[str, Array]:  # fmt: skip
    """Codes of source, language and predicted label where they have 2 to 200 values; their names go into `keys`."""
    found: dict[str, Array] = {}
    there = [name for name in FURTHER if name in snapshots.require(studio.store, snapshot_id).columns]
    table = examples.table(studio.store, snapshot_id, there) if there else None
    for name in there:
        encoded = table[name].combine_chunks().dictionary_encode()
        _add(found, keys, name, encoded.indices.fill_null(-1).to_numpy()[rows], encoded.dictionary.to_pylist())
    if state.around.round_id is not None:
        given = rounds.predicted_part(studio.store, state.around.round_id, "pool")
        codes, names = pd.factorize(given["predicted"])
        at = pd.Series(codes, index=given["example_id"].to_numpy()).reindex(pool).fillna(-1).to_numpy(np.int32)
        _add(found, keys, PREDICTED, at, list(names))
    return found


def _add(into: dict[str, Array], keys: dict[str, tuple[str, ...]], name: str, codes: Array, names: list[Any]) -> None:
    """One column with its codes in the order of the names, -1 = missing."""
    used = np.unique(codes)
    if not 2 <= int((used >= 0).sum()) <= MOST_KEYS:
        return
    order = sorted(used[used >= 0].tolist(), key=lambda code: str(names[code]))
    place = np.full(len(names) + 1, -1, dtype=np.int32)  # the last place is that of -1
    place[order] = np.arange(len(order), dtype=np.int32)
    into[name], keys[name] = place[codes], tuple(str(names[code]) for code in order)


# --- for strategies ---------------------------------------------------------------------------------------------------
def graph(studio: Studio, state: ScoreState) -> Knn:
    """The stored k-NN graph of the whole snapshot as memory maps."""
    folder = studio.workspace.root / str(state.around.vectors_path) / f"knn_{state.around.k}"
    return Knn(*(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("idx", "dist")))


def pool_knn(studio: Studio, state: ScoreState, rows: Array, n: int) -> Knn:
    """The stored k-NN graph with positions among `rows` of the snapshot; -1 where a neighbour is not one of them."""
    whole = graph(studio, state)
    place = np.full(n, -1, dtype=np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    return Knn(place[np.asarray(whole.indices)[rows]], np.asarray(whole.distances)[rows])


def vectors(studio: Studio, state: ScoreState) -> Array:
    """(n, d) float32 stored vectors of the whole snapshot, a read-only memory map."""
    path = studio.workspace.root / str(state.around.vectors_path) / "vectors.npy"
    return np.load(path, mmap_mode="r", allow_pickle=False)
