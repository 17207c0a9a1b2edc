"""Choices by a strategy other than the weighted sum: kept by what they rest on; large ones are made by a run."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from studio.errors import SelectionError
from studio.jobs import rundir
from studio.records import Actor, Array, Pool, RunSpec, Selection
from studio.selection import by_name, candidates, usable
from studio.selection.candidates import PREFIX, candidate_rows
from studio.selection.limits import NONE, Limits
from studio.selection.live import LiveMatrix, barred_code, limits_of
from studio.selection.reasons import Rejected
from studio.selection.recipe import COVERING, Recipe
from studio.store import examples, labels, scores
from studio.workflows import runs, select_matrix, starting
from studio.workflows.acts import act
from studio.workflows.runs import RunView
from studio.workflows.select_matrix import LivePool
from studio.workflows.select_scores import ScoreState
from studio.workflows.studio import Studio

KIND, ROOM = "choose", "choose"
LIVE_UP_TO = 2_000  # candidates worked out with every change; more wait for a press
WITHIN_LIMITS = 1  # part of what a choice rests on: files of before knew no limits
AT_ONCE_UP_TO = 20_000  # candidates worked out while one waits, some seconds; more go into a run
MOST_LABELLED = 20_000  # labelled examples looked at; of more an evenly spaced part
_KEPT = 16
OF_SCORES = ("weights", "inner", "scale", "bands", "missing", "view", "balance", "temperature")  # settings of a recipe
_kept: OrderedDict[tuple[str, str], Selection] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Asked:
    """What a strategy is asked to choose from: the pool, its (n,) weighted scores, who may be picked, the limits."""

    pool: LivePool
    weighted: Array
    usable: Array
    limits: Limits

    @property
    def scores(self) -> Array:
        """(n,) weighted scores, NaN for rows a filter or a threshold keeps out."""
        barred = self.pool.matrix.barred
        return self.weighted if barred is None else np.where(barred != 0, np.nan, self.weighted)


def asked(studio: Studio, snapshot_id: str, state: ScoreState, pool: LivePool, weighted: Array,
          recipe: Recipe) -> Asked:  # fmt: skip
    """Put together what a recipe asks of its strategy.

    Raises:
        SelectionError: a limit on a column the pool does not have.
    """
    strategy = by_name(recipe.strategy)
    probs = _two_columns(studio, snapshot_id, state, pool) if "probs" in strategy.needs else None
    may = usable.usable(pool.matrix, strategy, weighted, view=recipe.view, probs=probs)
    return Asked(pool, weighted, may, limits_of(pool.matrix, may, recipe.budget, recipe.rule))


def n_candidates(recipe: Recipe, of: Asked) -> int:
    """How many examples a strategy compares with one another; 0 for strategies that compare none.

    Those that follow every move are not counted within limits: it is the most there can be.
    """
    if recipe.strategy not in COVERING:
        return 0
    most = min(PREFIX * recipe.budget, int(np.count_nonzero(of.usable)))
    if most <= LIVE_UP_TO or not of.limits:
        return most
    return len(candidate_rows(Pool(of.pool.matrix.ids, of.scores), recipe.budget, limits=of.limits))


def pick(studio: Studio, snapshot_id: str, state: ScoreState, of: Asked, recipe: Recipe) -> Selection:
    """What a strategy picks from the pool; kept ones are read.

    Args:
        studio: the open workspace.
        snapshot_id: which snapshot.
        state: which score sets are in use.
        of: the pool and its limits.
        recipe: strategy, budget, seed and options.

    Raises:
        EmptyPool: nothing may be chosen.
        SelectionError: the strategy lacks something it needs, or the choice is too large to be made while one waits.
    """
    found = kept(studio, snapshot_id, state, of, recipe)
    if found is not None:
        return found
    n = n_candidates(recipe, of)
    if n > AT_ONCE_UP_TO:
        raise SelectionError("This choice has not been worked out yet", got=f"{n:,} candidates",
                             fix="Press “Work it out”, or choose fewer examples.")  # fmt: skip
    given, limits, _ = _given(studio, snapshot_id, state, of, recipe)
    picked = by_name(recipe.strategy).pick(given, recipe.budget, np.random.default_rng(recipe.seed), limits=limits,
                                           **options(recipe))  # fmt: skip
    return _keep(studio, key_of(studio, snapshot_id, state, of.pool, recipe), _whole(of, recipe, picked))


def options(recipe: Recipe) -> dict[str, Any]:
    """What a strategy takes besides pool, budget and generator."""
    own: dict[str, dict[str, Any]] = {
        "model_score": {"view": recipe.view},
        "mmr": {"balance": recipe.balance},
        "sampled": {"temperature": recipe.temperature},
        "deita": {} if recipe.tau is None else {"tau": recipe.tau},
    }
    return own.get(recipe.strategy, {})


def kept(studio: Studio, snapshot_id: str, state: ScoreState, of: Asked, recipe: Recipe) -> Selection | None:
    """The choice made before from the same scores, labels and settings, or None."""
    key = key_of(studio, snapshot_id, state, of.pool, recipe)
    with _lock:
        found = _kept.get((str(studio.workspace.root), key))
    if found is not None or recipe.strategy not in COVERING:
        return found
    path = _file(studio, key)
    if not path.is_file():
        return None
    table = pq.read_table(path)
    ids = table["example_id"].to_numpy().astype(np.int64)
    return _keep(studio, key, _whole(of, recipe, Selection(ids, tuple(table["reason"].to_pylist()))))


def _keep(studio: Studio, key: str, made: Selection) -> Selection:
    with _lock:
        _kept[(str(studio.workspace.root), key)] = made
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return made


def key_of(studio: Studio, snapshot_id: str, state: ScoreState, pool: LivePool, recipe: Recipe) -> str:
    """A digest of everything a choice depends on; a slider that a strategy does not look at changes nothing."""
    settings = recipe.to_json()
    needs = by_name(recipe.strategy).needs
    if "scores" not in needs:
        del settings["weights"]
    if not {"scores", "unit"} & set(needs):
        settings = {name: value for name, value in settings.items() if name not in OF_SCORES}
    content = [WITHIN_LIMITS, snapshot_id, pool.ids_hash, settings, scores.pool_state(studio.store, snapshot_id),
               [(item.measure, item.version, item.context_hash, item.created_at) for item in state.sets],
               [state.around.encoder_key, state.around.k, state.around.map_mark, state.around.round_id]]  # fmt: skip
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode("utf-8")).hexdigest()[:32]


def _file(studio: Studio, key: str) -> Path:
    return studio.workspace.cache / "choices" / f"{key}.parquet"


def _whole(of: Asked, recipe: Recipe, picked: Selection) -> Selection:
    """A pick as a selection from the whole pool: filters, missing scores and what was no candidate have reasons too."""
    matrix = of.pool.matrix
    if recipe.strategy in COVERING:
        everybody = Pool(matrix.ids, of.scores, unit=matrix.unit)
        picked = candidates.finish(everybody, recipe.budget, matrix.rows_of(picked.ids), picked.reasons, of.limits)
    order = None
    if picked.order is not None:
        order = np.full(len(matrix), np.nan)
        order[_not_barred(matrix)] = picked.order
    inside = np.zeros(len(matrix), dtype=bool)
    inside[matrix.rows_of(picked.ids)] = True

    def reason(row: int) -> str:
        return barred_code(matrix, row) or picked.rejected[int(matrix.ids[row])]

    return Selection(picked.ids, picked.reasons, Rejected(matrix.ids, inside, reason), order)


def _not_barred(matrix: LiveMatrix) -> Array:
    return np.arange(len(matrix)) if matrix.barred is None else np.flatnonzero(matrix.barred == 0)


def _given(studio: Studio, snapshot_id: str, state: ScoreState, of: Asked, recipe: Recipe, *,
           with_arrays: bool = True) -> tuple[Pool, Limits, Array]:  # fmt: skip
    """The records.Pool a strategy picks from with only what it needs, its limits, the snapshot rows of its rows."""
    pool, weighted, needs = of.pool, of.weighted, by_name(recipe.strategy).needs
    matrix = pool.matrix
    if recipe.strategy in COVERING:
        return _covering(studio, snapshot_id, state, of, recipe, needs if with_arrays else ())
    at = _not_barred(matrix)
    rows = pool.rows[at]
    clusters = matrix.columns.get("cluster")
    texts = None
    if "texts" in needs:
        frame = examples.frame(studio.store, snapshot_id, ["text"])
        texts = ["" if text is None else str(text) for text in frame["text"].iloc[rows]]
    knn = None
    if "knn" in needs and state.around.k is not None:
        knn = select_matrix.pool_knn(studio, state, rows, pool.n_snapshot)
    probs = _two_columns(studio, snapshot_id, state, pool) if "probs" in needs else None
    groups = {name: codes[at] for name, codes in matrix.columns.items() if name != "cluster"}
    given = Pool(matrix.ids[at], weighted[at], matrix.unit[at], None if clusters is None else clusters[at], groups,
                 None if probs is None else probs[at], None, knn, texts)  # fmt: skip
    return given, of.limits.at(at, len(matrix)), rows


def _covering(studio: Studio, snapshot_id: str, state: ScoreState, of: Asked, recipe: Recipe,
              needs: tuple[str, ...]) -> tuple[Pool, Limits, Array]:  # fmt: skip
    """Candidates and labelled examples only: a million vectors are not read for a choice of a thousand.

    No two candidates are near-duplicates, so caps and quotas are all that is left to keep to.
    """
    matrix, given = of.pool.matrix, of.scores
    at = candidate_rows(Pool(matrix.ids, given), recipe.budget, limits=of.limits)
    everyone = examples.ids(studio.store, snapshot_id)
    table = labels.table(studio.store, snapshot_id)
    split = table["split"].combine_chunks().to_pandas().to_numpy()
    known = np.sort(table["example_id"].to_numpy().astype(np.int64)[split == "train"])
    if len(known) > MOST_LABELLED:
        known = known[np.linspace(0, len(known) - 1, MOST_LABELLED).astype(np.int64)]
    known = known[np.isin(known, everyone) & ~np.isin(known, matrix.ids)]
    ids = np.concatenate([matrix.ids[at], known])
    order = np.argsort(ids, kind="stable")
    chosen = np.concatenate([np.zeros(len(at), bool), np.ones(len(known), bool)])[order]
    rows = np.searchsorted(everyone, ids[order])
    own = np.concatenate([given[at], np.full(len(known), np.nan)])[order]
    x = select_matrix.vectors(studio, state)[rows] if "embeddings" in needs and state.around.vectors_path else None
    knn = None
    if "knn" in needs and state.around.k is not None:
        knn = select_matrix.pool_knn(studio, state, rows, of.pool.n_snapshot)
    source = np.concatenate([at, np.zeros(len(known), np.int64)])[order]  # labelled rows are never picked: any code
    limits = replace(of.limits.at(source, len(matrix)), near=None) if of.limits.axes else NONE
    return Pool(ids[order], own, embeddings=x, knn=knn, chosen=chosen), limits, rows


def _two_columns(studio: Studio, snapshot_id: str, state: ScoreState, pool: LivePool) -> Array | None:
    """Two columns whose gap is the stored margin: all that picking by margin reads."""
    found = next((item for item in state.views["difficulty"].sets if item.measure == "margin"), None)
    if found is None:
        return None
    margin = select_matrix.values(studio, snapshot_id, found, examples.ids(studio.store, snapshot_id))[0][pool.rows]
    return np.stack([(1 + margin) / 2, (1 - margin) / 2], axis=1)


# --- as a run ---------------------------------------------------------------------------------------------------------
@act("select.apply", "analyst")
def start(studio: Studio, actor: Actor, *, snapshot_id: str, title: str, state: ScoreState, of: Asked,
          recipe: Recipe) -> str:  # fmt: skip
    """Queue the run that makes a choice; returns the run's id (that of the same one at work, if any).

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: which snapshot.
        title: shown in the list of runs.
        state: which score sets are in use.
        of: the pool and its limits.
        recipe: what to choose; its strategy compares candidates with one another.

    Raises:
        EmptyPool: nothing may be chosen.
        JobError: the run cannot be written.
    """
    key = key_of(studio, snapshot_id, state, of.pool, recipe)

    def submit() -> str:
        run_id = str(uuid.uuid4())
        with starting.inputs(studio, ROOM, run_id) as place:
            given, limits, rows = _given(studio, snapshot_id, state, of, recipe, with_arrays=False)
            axes = {f"{part}_{number}": getattr(axis, part) for number, axis in enumerate(limits.axes)
                    for part in ("codes", "limits")}  # fmt: skip
            with (place / "pool.npz").open("wb") as handle:
                np.savez(handle, ids=given.ids, scores=given.scores, chosen=given.chosen, rows=rows, **axes)
            inputs = {"given": str(place.relative_to(studio.workspace.root)),
                      "vectors": str(state.around.vectors_path)}  # fmt: skip
            if "knn" in by_name(recipe.strategy).needs:
                inputs["knn"] = f"{state.around.vectors_path}/knn_{state.around.k}"
            params = {"strategy": recipe.strategy, "budget": recipe.budget, "options": options(recipe), "key": key,
                      "limits": [[axis.name, axis.kind] for axis in limits.axes]}  # fmt: skip
            return runs.submit(studio, actor, kind=KIND, title=title, params=params, inputs=inputs,
                               snapshot_id=snapshot_id, seed=recipe.seed, run_id=run_id)  # fmt: skip

    return starting.once(studio, kind=KIND, snapshot_id=f"{snapshot_id}:{key}",
                         live=lambda: live(studio, snapshot_id, key), start=submit)  # fmt: skip


def live(studio: Studio, snapshot_id: str, key: str) -> RunView | None:
    """The run that makes the choice of this key, or None."""
    listed = runs.overview(studio, limit=20, kinds=(KIND,), snapshot_id=snapshot_id)
    return next((view for view in listed if view.is_live and view.spec.params.get("key") == key), None)


def finish(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the choice of a done run over; may be called again."""
    result = rundir.check_result(run_dir, "chosen.parquet")
    path = _file(studio, str(spec.params["key"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    temporary.write_bytes((result / "chosen.parquet").read_bytes())
    os.replace(temporary, path)
    starting.drop(studio, ROOM, spec.run_id)
