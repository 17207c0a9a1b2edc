"""What a proposal says, worked out once when it is made: numbers, map, examples, cost, known limits. Ids, no texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import StudioError
from studio.measures import by_name
from studio.records import VIEWS, Array
from studio.reports.recipe import WEIGHTED
from studio.reports.said import part
from studio.selection import verdict as selection_verdict
from studio.selection.bands import SMALL_GROUP, Band, correct_together, hypergeometric_bands
from studio.selection.recipe import recipe_from_json
from studio.store import examples, labels, maps, scores, selections, snapshots
from studio.store.selections import FrozenSelection
from studio.workflows import proposals_proof, proposals_stale, select, select_cost, select_effect, select_scores
from studio.workflows.select import Choice
from studio.workflows.select_matrix import MOST_KEYS
from studio.workflows.select_scores import ScoreState, ViewState
from studio.workflows.studio import Studio

VERSION = 1
N_EXAMPLES = 20
EXAMPLE_SEED = 5  # ours, of the draw of examples; the recipe's own seed would tie it to the choice
NEAR_SHARE = 0.2  # ours: nearly in are as many of the best left out as a fifth of the choice, 40 at least
LEAST_NEAR = 40
SMALL_POOL = 200  # ours: below this a random draw differs by chance so much that little can be told
LARGE_SHARE = 0.5  # ours: a choice of more than half of the pool leaves little to choose
GRID = (48, 32)  # cells of the density of the map
PLACES = 1_000  # places of a point on either axis
MOST_POINTS = 1_500
MOST_NAMES = 8
# What takes time, in order; words `review.propose.step.<name>`. Under limits the draws of `groups` take most of it.
STEPS = ("choice", "groups", "map", "rest")
OnStep = Callable[[str], None]


def build(studio: Studio, frozen: FrozenSelection, on_step: OnStep | None = None) -> dict[str, Any]:
    """The content of a proposal for a frozen selection; plain JSON. `on_step` hears each of `STEPS` as it begins.

    Where the choice can be made again exactly (same pool, same scores), groups are held against the bands of the
    Select page, variety against random draws, and the nearest misses are named. Where it cannot, groups are held
    against the pool as it is now with the chosen in it, and the rest is left out and said to be.

    Raises:
        CorpusError: the snapshot is gone.
    """
    tell = on_step or (lambda _step: None)
    ids = selections.ids(studio.store, frozen.selection_id)
    tell("choice")
    choice = choice_of(studio, frozen, ids)
    tell("groups")
    facts = verdict_facts(studio, frozen, ids, choice)
    tell("map")
    chart = _map(studio, frozen, ids, choice)
    tell("rest")
    content: dict[str, Any] = {
        "version": VERSION,
        "recipe": dict(frozen.recipe),
        "recipe_hash": frozen.recipe_hash,
        "ids_hash": frozen.ids_hash,
        "snapshot": frozen.snapshot_id,
        "arm": frozen.arm,
        "strategy": frozen.strategy,
        "seed": frozen.seed,
        "budget": frozen.budget,
        **facts,
        "map": chart,
        "examples": _examples(ids, choice),
        "cost": select_cost.cost(studio, corpus_id=frozen.corpus_id, snapshot_id=frozen.snapshot_id, ids=ids),
        "state": proposals_stale.state_of(studio, frozen, ids),
    }
    content["verdict"] = verdict(content)
    content["limits"] = _limits(studio, frozen, choice, content)
    return content


def verdict_facts(studio: Studio, frozen: FrozenSelection, ids: Array, choice: Choice | None) -> dict[str, Any]:
    """The numbers a sentence about a frozen selection rests on: n, n_pool, groups, draws, variety, proof.

    Raises:
        CorpusError: the snapshot is gone.
    """
    snapshot = snapshots.require(studio.store, frozen.snapshot_id)
    groups = _groups(studio, frozen, ids, choice)
    return {
        "n": frozen.n,
        "n_pool": groups["n_pool"],
        "groups": groups["bands"],
        "draws": groups["draws"],
        "is_limited": groups["is_limited"],
        "variety": None if choice is None else _variety(studio, choice),
        "proof": None if choice is None else proposals_proof.stored(studio, snapshot, choice),
    }


# --- the choice again -------------------------------------------------------------------------------------------------
def choice_of(studio: Studio, frozen: FrozenSelection, ids: Array | None = None) -> Choice | None:
    """The choice a selection was frozen from, made again from the stored recipe; None where it comes out differently.

    The pool has changed since when labels came in; scores may be gone; another Winnow may have written the recipe.
    """
    ids = selections.ids(studio.store, frozen.selection_id) if ids is None else ids
    try:
        state = scores_then(studio, frozen)
        if state is None:
            return None
        stored = dict(frozen.recipe)
        inner = stored.get("inner")
        if isinstance(inner, Mapping) and any(isinstance(own, Mapping) for own in inner.values()):
            stored["inner"] = {name: float(weight) for own in inner.values() for name, weight in dict(own).items()}
        made = select.choose_from(studio, frozen.snapshot_id, recipe_from_json(stored), state)
    except (StudioError, KeyError, TypeError, ValueError, AttributeError):
        return None  # whatever a stored recipe holds, the proposal says that the choice could not be made again
    return made if np.array_equal(np.asarray(made.ids, np.int64), ids) else None


def scores_then(studio: Studio, frozen: FrozenSelection) -> ScoreState | None:
    """The state of scores with exactly the score sets the recipe names; None when one of them is gone."""
    now = select_scores.state(studio, frozen.snapshot_id)
    named = {(s["measure"], int(s["version"]), s["context_hash"]) for s in frozen.recipe.get("scores", ())}
    found = [item for item in scores.sets(studio.store, frozen.snapshot_id)
             if (item.measure, item.version, item.context_hash) in named]  # fmt: skip
    if len({item.measure for item in found}) < len(named):
        return None
    views = {
        view: ViewState(view, tuple(item for item in found if by_name(item.measure).view == view)) for view in VIEWS
    }
    return replace(now, views=views)


# --- groups and variety -----------------------------------------------------------------------------------------------
def _groups(studio: Studio, frozen: FrozenSelection, ids: Array, choice: Choice | None) -> dict[str, Any]:
    if choice is not None:
        found = select_effect.group_effect(choice)
        bands = [_band(g.column, g.key, g.band) for own in found.groups.values() for g in own]
        return {"n_pool": choice.n_pool, "bands": bands, "draws": found.draws, "is_limited": found.is_limited}
    left = np.asarray(labels.pool_left(studio.store, frozen.snapshot_id), dtype=np.int64)
    pool = np.union1d(left, ids)
    columns = list(snapshots.require(studio.store, frozen.snapshot_id).group_columns)
    rows = examples.by_ids(studio.store, frozen.snapshot_id, pool, ["example_id", *columns])
    is_in = np.isin(rows["example_id"].to_numpy(np.int64), ids)
    keys: list[tuple[str, list[str]]] = []
    counted: list[list[Band]] = []
    for name in columns:
        codes, values = pd.factorize(rows[name], sort=True)
        if len(values) > MOST_KEYS:
            continue
        sizes = [np.bincount(codes[where] + 1, minlength=len(values) + 1) for where in (slice(None), is_in)]
        keys.append((name, [str(value) for value in values]))
        counted.append(hypergeometric_bands(*sizes))
    bands = [
        _band(name, known[band.code] if band.code >= 0 else "", band)
        for (name, known), own in zip(keys, correct_together(counted), strict=True)
        for band in own
    ]
    return {"n_pool": len(rows), "bands": bands, "draws": 0, "is_limited": False}


def _band(column: str, key: str, band: Band) -> dict[str, Any]:
    return {"column": column, "key": key} | {
        name: _plain(value) for name, value in asdict(band).items() if name not in ("code", "draws")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def _variety(studio: Studio, choice: Choice) -> dict[str, Any] | None:
    found = select_effect.variety(studio, choice)
    if found is None:
        return None
    return {
        name: {key: _plain(value) for key, value in asdict(one).items()} | {"verdict": one.verdict}
        for name, one in (("distance", found.distance), ("vendi", found.vendi))
    }


# --- map and examples -------------------------------------------------------------------------------------------------
def _map(studio: Studio, frozen: FrozenSelection, ids: Array, choice: Choice | None) -> dict[str, Any] | None:
    """The pool as a grid of counts, the chosen as points in a frame of 1,000 by 1,000, names of the largest clusters.

    The frame leaves the outermost 1 % on each side out, whose points lie at its edge.
    """
    named = frozen.recipe.get("map")
    chart = maps.get(studio.store, str(named)) if named else None
    chart = chart or maps.newest(studio.store, frozen.snapshot_id)
    if chart is None or chart.is_preview or chart.snapshot_id != frozen.snapshot_id:
        return None
    points = maps.points(studio.store, chart.map_id)
    everyone = points["example_id"].to_numpy(np.int64)
    pool = choice.pool.matrix.ids if choice is not None else labels.pool_left(studio.store, frozen.snapshot_id)
    in_pool = np.isin(everyone, np.union1d(np.asarray(pool, np.int64), ids))
    if not in_pool.any():
        return None
    places = np.stack([_placed(points[axis].to_numpy(np.float64), in_pool) for axis in ("x", "y")], axis=1)
    cells = np.minimum(places * np.array(GRID) // (PLACES + 1), np.array(GRID) - 1).astype(np.int64)
    grid = np.zeros(GRID, dtype=np.int64)
    np.add.at(grid, tuple(cells[in_pool].T), 1)
    chosen = places[np.isin(everyone, ids)]
    drawn = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), MOST_POINTS)).astype(np.int64)]
    names = scores.cluster_names(studio.store, chart.map_id)
    clusters = points["cluster"].to_numpy()
    sizes = pd.Series(clusters[in_pool & (clusters >= 0)]).value_counts()
    told = [
        [*np.median(places[clusters == code], axis=0).round().astype(int).tolist(), str(names.get(int(code), code))]
        for code in sizes.index[:MOST_NAMES]
    ]
    return {"map_id": chart.map_id, "grid": grid.tolist(), "points": drawn.tolist(), "n_points": len(chosen),
            "n_pool": int(in_pool.sum()), "names": told,
            "trustworthiness": _plain(chart.trustworthiness)}  # fmt: skip


def _placed(values: Array, among: Array) -> Array:
    """(n,) whole places from 0 to 1,000 inside the frame of the rows of `among`."""
    low, high = np.quantile(values[among], (0.01, 0.99))
    return (PLACES * np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)).round().astype(np.int64)


def _examples(ids: Array, choice: Choice | None) -> dict[str, Any]:
    """20 of the chosen and 20 of the best left out, drawn by seed, each with its place, score and reason."""
    rng = np.random.default_rng(EXAMPLE_SEED)
    drawn = np.sort(rng.choice(len(ids), min(N_EXAMPLES, len(ids)), replace=False))
    if choice is None:
        inside = [{"id": int(ids[at]), "place": int(at) + 1, "score": None, "reason": None} for at in drawn]
        return {"seed": EXAMPLE_SEED, "in": inside, "near": [], "near_of": 0, "near_by": "none"}
    inside = [
        {"id": int(ids[at]), "place": int(at) + 1, "score": _plain(float(choice.scores[at])),
         "reason": choice.reasons[at]} for at in drawn
    ]  # fmt: skip
    near, of, by = _near(choice, rng)
    codes = select.why_not(choice, choice.pool.matrix.ids[near].tolist())
    outside = [
        {"id": int(choice.pool.matrix.ids[row]), "place": None, "score": _plain(float(choice.weighted[row])),
         "reason": code} for row, code in zip(near, codes, strict=True)
    ]  # fmt: skip
    return {"seed": EXAMPLE_SEED, "in": inside, "near": outside, "near_of": of, "near_by": by}


def _near(choice: Choice, rng: np.random.Generator) -> tuple[Array, int, str]:
    """Rows of 20 examples that nearly got in, best first, out of how many, and by what they were nearly in."""
    out = np.ones(choice.n_pool, dtype=bool)
    out[choice.rows] = False
    by_score = choice.recipe.strategy != "random" and bool(np.isfinite(choice.weighted[out]).any())
    if not by_score:
        rows = np.flatnonzero(out)
        return np.sort(rng.choice(rows, min(N_EXAMPLES, len(rows)), replace=False)), len(rows), "random"
    rows = np.flatnonzero(out & np.isfinite(choice.weighted))
    rows = rows[np.argsort(-choice.weighted[rows], kind="stable")]
    rows = rows[: max(LEAST_NEAR, math.ceil(NEAR_SHARE * len(choice.rows)))]
    drawn = np.sort(rng.choice(len(rows), min(N_EXAMPLES, len(rows)), replace=False))
    return rows[drawn], len(rows), "score"


# --- verdict and limits -----------------------------------------------------------------------------------------------
def verdict(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One sentence in three parts: groups, variety, and whether it helps; the one of the Select page."""
    return selection_verdict.verdict(n=content["n"], n_pool=content["n_pool"], groups=content["groups"],
                                     variety=content["variety"], proof=content.get("proof"))  # fmt: skip


def _limits(
    studio: Studio, frozen: FrozenSelection, choice: Choice | None, content: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What a reviewer must know about the numbers, found without anybody's help."""
    found = []
    if choice is None:
        found.append(part("proposal.limit.not_again"))
    state = select_scores.state(studio, frozen.snapshot_id)
    used = {item["measure"] for item in frozen.recipe.get("scores", ()) if "measure" in item}
    stale = sorted({name for view in state.views.values() for name, _, _ in view.stale if name in used})
    if stale:
        found.append(part("proposal.limit.stale", measures=stale))
    weights = frozen.recipe.get("weights")
    missing = [view for view in VIEWS if isinstance(weights, Mapping) and not weights.get(view)]
    if missing and frozen.strategy in WEIGHTED:
        found.append(part("proposal.limit.views", views=missing))
    if choice is not None and choice.n_left_out:
        found.append(part("proposal.limit.left_out", n=choice.n_left_out, pool=choice.n_pool))
    if choice is not None:
        for a, b, rho in select.correlations(choice):
            found.append(part("proposal.limit.mirrored", views=[a, b], rho=round(float(rho), 2)))
    if content["n_pool"] < SMALL_POOL:
        found.append(part("proposal.limit.small_pool", n=content["n_pool"]))
    if content["n"] > LARGE_SHARE * content["n_pool"]:
        found.append(part("proposal.limit.large_share", n=content["n"], pool=content["n_pool"]))
    small = sum(g["is_small"] for g in content["groups"])
    if small:
        found.append(part("proposal.limit.small_groups", n=small, least=SMALL_GROUP))
    if not any(g["column"] != "cluster" for g in content["groups"]):
        found.append(part("proposal.limit.no_groups"))
    if content["variety"] is None:
        found.append(part("proposal.limit.no_variety"))
    if content["map"] is None:
        found.append(part("proposal.limit.no_map"))
    if content["proof"] is None:
        found.append(part("proposal.limit.no_proof"))
    return found
