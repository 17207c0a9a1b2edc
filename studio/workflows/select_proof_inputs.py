"""What the studies `proof` and `tune` are given: the labelled part as a pool, its held-out rows, frozen as files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import SelectionError
from studio.jobs import rundir
from studio.measures import by_name as measure_named
from studio.records import VIEWS, Array, Snapshot
from studio.selection import by_name, proxy, proxy_arms, proxy_sets
from studio.selection.live import LiveMatrix
from studio.selection.recipe import Recipe
from studio.store import examples, labels, splits, vectors
from studio.training.gate import normal
from studio.workflows import select_matrix
from studio.workflows.audits_state import digest
from studio.workflows.select import weights_in_force
from studio.workflows.select_apply import options
from studio.workflows.select_scores import ScoreState, default_inner
from studio.workflows.studio import Studio

HEAD, SETS, TAGS, LM = "head", "sets", "tags", "lm"
# How a task is judged: by the label, by which of several labels, by which kinds of tagged words occur, by texts.
KINDS: Mapping[str, str] = {"classification": HEAD, "classification_multi": SETS, "token_classification": TAGS,
                            "seq2seq": LM, "prompt_completion": LM, "generative_qa": LM, "instruction": LM, "chat": LM,
                            "preference": LM, "masked_lm": LM}  # fmt: skip
_COLUMNS: Mapping[str, tuple[str, ...]] = {SETS: ("labels",), TAGS: ("spans", "tags")}  # the first that is filled
MOST_ROWS, MOST_HELD = 10_000, 5_000  # a seeded sample of larger parts; said beside the result
MOST_LM_ROWS, MOST_LM_HELD = 4_000, 400  # every draw counts all its characters, a second or less each
MOST_KNN = 50_000
ROWS = "rows.parquet"


@dataclass(frozen=True)
class Part:
    """Which examples take part, before anything is computed.

    train and held hold example_id (ascending) and label (a JSON list of names where there may be several, None where
    the target is a text); n_* count those there are before sampling.
    """

    kind: str
    train: pd.DataFrame
    held: pd.DataFrame
    n_train: int
    n_held: int

    @property
    def n_classes(self) -> int | None:
        """Labels among the rows; of several labels an example those that tell rows apart, and one; None for texts."""
        if self.kind in _COLUMNS:
            sets = proxy_sets.read_sets(self.train["label"])
            return 1 + proxy_sets.telling(proxy_sets.indicators(sets, proxy_sets.common_names(sets)[0]))
        return None if self.kind == LM else int(self.train["label"].nunique())

    def check(self) -> None:
        """Refuse a part that could not tell anything.

        Raises:
            SelectionError: naming what is missing.
        """
        proxy.check_enough(len(self.train), len(self.held), self.n_classes)


@dataclass(frozen=True)
class Usable:
    """Measures a study can use by view, and those it cannot with the reason.

    round: in-sample; pool: not on the pool; label: it counts the label of an example that has one, a guess in the pool.

    again: view -> measure -> weight of views with a measure that is computed anew out of fold.
    """

    inner: Mapping[str, Mapping[str, float]]
    again: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def part_of(studio: Studio, snapshot: Snapshot, seed: int = 0) -> Part:
    """The labelled part: labels in force of the training side to choose from, validation labels to judge by.

    Where the target is a text every example has one: the pool and the training split are chosen from. Several labels
    and tags are the corpus's own, which are hidden in the pool: there the training split alone is chosen from.

    Raises:
        SelectionError: a task that is not judged.
    """
    kind = KINDS.get(snapshot.task)
    if kind is None:
        raise SelectionError("Choices cannot be compared for this kind of task yet", got=snapshot.task,
                             fix="Freeze it with a random control and compare the trained rounds.")  # fmt: skip
    if kind == HEAD:
        known = labels.current(studio.store, snapshot.snapshot_id)
        train, held = (known.loc[known["split"] == name, ["example_id", "label"]] for name in ("train", "validation"))
        most = (MOST_ROWS, MOST_HELD)
    elif kind in _COLUMNS:
        train, held = (sets_of(studio, snapshot, kind, name) for name in ("train", "validation"))
        most = (MOST_ROWS, MOST_HELD)
    else:
        every = splits.frame(studio.store, snapshot.snapshot_id).assign(label=None)
        train = every.loc[every["split"].isin(("pool", "train")), ["example_id", "label"]]
        held = every.loc[every["split"] == "validation", ["example_id", "label"]]
        most = (MOST_LM_ROWS, MOST_LM_HELD)
    return Part(kind, sample(train, most[0], seed), sample(held, most[1], seed), len(train), len(held))


def sets_of(studio: Studio, snapshot: Snapshot, kind: str, split: str) -> pd.DataFrame:
    """Examples of a split with what they carry as a JSON list of names, those where nothing is written left out."""
    placed = splits.frame(studio.store, snapshot.snapshot_id)
    ids = placed.loc[placed["split"] == split, "example_id"].to_numpy(np.int64)
    there = [name for name in _COLUMNS[kind] if name in snapshot.columns]
    frame = examples.by_ids(studio.store, snapshot.snapshot_id, ids, ["example_id", *there])
    found = [next((_names(value) for value in row if isinstance(value, str)), None)
             for row in frame[there].itertuples(index=False)] if there else [None] * len(frame)  # fmt: skip
    return pd.DataFrame({"example_id": frame["example_id"], "label": found}).dropna(subset=["label"])


def _names(value: str) -> str:
    """The names of a JSON list of labels, spans or tags, sorted and once each; a tag of a word in nothing is none."""
    named = [str(one["label"]) if isinstance(one, Mapping) else str(one) for one in json.loads(value)]
    return json.dumps(sorted({name for name in named if name not in ("", "O")}), ensure_ascii=False)


def sample(frame: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """The examples by id; of more than `most` as many, drawn by seed."""
    frame = frame.sort_values("example_id", ignore_index=True)
    if len(frame) <= most:
        return frame
    rows = np.sort(np.random.default_rng([seed, len(frame)]).permutation(len(frame))[:most])
    return frame.iloc[rows].reset_index(drop=True)


def usable(state: ScoreState, recipe: Recipe, kind: str = HEAD) -> Usable:
    """Which of the recipe's measures can be used on examples that have labels.

    A measure of a round's model knows these labels: what is made of class probabilities is computed again out of fold,
    anything else is left out, and so is both where one label an example is not what is judged. A measure of labelled
    examples alone says nothing about choosing from the pool, nor does one that knows a labelled example's own label,
    which the pool does not show.
    """
    inner = default_inner(state, recipe.inner)
    kept: dict[str, dict[str, float]] = {}
    again: dict[str, dict[str, float]] = {}
    left_out: dict[str, str] = {}
    for view, own in inner.items():
        sets = {item.measure: item for item in state.views[view].sets}
        for name, weight in own.items():
            in_sample = "round" in sets[name].context
            if in_sample and (kind != HEAD or set(measure_named(name).needs) != {"class_probs"}):
                left_out[name] = "round"
            elif measure_named(name).is_of_labelled:
                left_out[name] = "pool"
            elif "likely_labels" in measure_named(name).needs:
                left_out[name] = "label"
            else:
                kept.setdefault(view, {})[name] = weight
                if in_sample:
                    again[view] = {}
    again = {view: kept[view] for view in again}
    return Usable(kept, again, left_out)


def recipe_in_force(state: ScoreState, recipe: Recipe, found: Usable) -> Recipe:
    """The recipe with only the measures that can be used, its weights those of the views they leave.

    Raises:
        SelectionError: no view is left.
    """
    weights = weights_in_force(recipe.weights, [view for view in VIEWS if view in found.inner])
    return replace(recipe, weights=weights, inner={name: w for own in found.inner.values() for name, w in own.items()})


def without_predicted(recipe: Recipe) -> Recipe:
    """The recipe without filters on predicted labels, which the run applies once it has predicted them out of fold."""
    return replace(recipe, filters=tuple(clause for clause in recipe.filters if clause.column != proxy_arms.PREDICTED))


def state_key(studio: Studio, snapshot: Snapshot, part: Part, state: ScoreState, found: Usable) -> dict[str, str]:
    """What a study rests on besides the recipe: digests of labels, scores and vectors."""
    made = vectors.newest(studio.store, snapshot.snapshot_id)
    used = {name for own in found.inner.values() for name in own}
    return {
        "labels": digest([part.train.to_numpy().tolist(), part.held.to_numpy().tolist()]),
        "scores": digest(sorted([s.measure, s.version, s.context_hash] for s in state.sets if s.measure in used)),
        "vectors": digest([made.encoder_key, made.content_hash] if made else None),
        "map": digest(state.around.map_mark),
    }


def freeze(
    studio: Studio, snapshot: Snapshot, part: Part, state: ScoreState, recipe: Recipe, found: Usable, folder: Path
) -> tuple[dict[str, Any], dict[str, str]]:
    """Write the rows of a study and say what else it reads.

    Returns:
        params (kind, columns, again, needs, weights, language) and inputs (paths relative to the workspace).

    Raises:
        SelectionError: too few rows, or no vectors for a head.
    """
    part.check()
    if part.kind != LM and state.around.vectors_path is None:
        raise SelectionError("Choices are compared by vectors, and this corpus has none", got=0, fix="Embed it first.")
    part, n_leaks = _without_leaks(studio, snapshot, part)
    ids = part.train["example_id"].to_numpy(np.int64)
    pool = select_matrix.of_rows(studio, snapshot.snapshot_id, state, without_predicted(recipe), ids)
    proxy_arms.check_allowed(len(ids) - pool.matrix.n_barred)
    train = part.train.assign(part="train", row=pool.rows)
    for column, view in enumerate(VIEWS):
        inside = view in found.inner
        train[f"unit_{view}"] = pool.matrix.unit[:, column] if inside else np.float32(np.nan)
    for number, codes in enumerate(_columns(pool.matrix).values()):
        train[f"code_{number}"] = codes
    if pool.matrix.barred is not None:
        train["barred"] = (pool.matrix.barred != 0).astype(np.int16)
    for view, own in found.again.items():
        sets = {item.measure: item for item in state.views[view].sets}
        for name in own:
            if "round" not in sets[name].context:
                given = select_matrix.measure_units(studio, snapshot.snapshot_id, state, pool, view)
                train[f"unit:{name}"] = given[name]
    held = part.held.assign(part="held", row=rows_of(studio, snapshot, part.held))
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat([train, held], ignore_index=True).to_parquet(folder / ROWS, index=False)
    needs = by_name(recipe.strategy).needs
    if (recipe.tau is not None or "knn" in needs) and state.around.k is not None and len(ids) <= MOST_KNN:
        knn = select_matrix.pool_knn(studio, state, pool.rows, pool.n_snapshot)
        np.save(folder / "knn_idx.npy", knn.indices, allow_pickle=False)
        np.save(folder / "knn_dist.npy", knn.distances, allow_pickle=False)
    root = studio.workspace.root
    inputs = {"given": str(folder.relative_to(root)),
              "examples": str(studio.workspace.examples_file(snapshot.snapshot_id).relative_to(root))}  # fmt: skip
    if state.around.vectors_path is not None:
        inputs["vectors"] = str(state.around.vectors_path)
    params = {"kind": part.kind, "columns": list(_columns(pool.matrix)), "keys": _keys(pool.matrix),
              "again": {view: dict(own) for view, own in found.again.items()}, "needs": list(needs),
              "options": options(recipe), "weights": dict(recipe.weights), "recipe": recipe.to_json(),
              "language": snapshot.language, "n_leaks": n_leaks}  # fmt: skip
    return json.loads(json.dumps(params)), inputs


def _without_leaks(studio: Studio, snapshot: Snapshot, part: Part) -> tuple[Part, int]:
    """The part without rows that have the very text of a held-out one (0073), and how many those were."""
    train, held = (examples.by_ids(studio.store, snapshot.snapshot_id, frame["example_id"], ["example_id", "text"])
                   for frame in (part.train, part.held))  # fmt: skip
    known = {normal(text or "") for text in held["text"]}
    leaked = {int(i) for i, text in zip(train["example_id"], train["text"], strict=True) if normal(text or "") in known}
    kept = part.train[~part.train["example_id"].isin(leaked)].reset_index(drop=True)
    return replace(part, train=kept), len(leaked)


def _columns(matrix: LiveMatrix) -> dict[str, Array]:
    return {name: codes for name, codes in {**matrix.columns, **matrix.more}.items() if name != proxy_arms.PREDICTED}


def _keys(matrix: LiveMatrix) -> dict[str, list[str]]:
    return {name: list(matrix.keys[name]) for name in _columns(matrix)}


def rows_of(studio: Studio, snapshot: Snapshot, frame: pd.DataFrame) -> Array:
    """Rows of the snapshot of a frame's examples."""
    everyone = splits.frame(studio.store, snapshot.snapshot_id)["example_id"].to_numpy(np.int64)
    return np.searchsorted(everyone, frame["example_id"].to_numpy(np.int64))


def folder_of(studio: Studio, kind: str, run_id: str) -> Path:
    """Where the inputs of a run lie until it is over."""
    return studio.workspace.cache / kind / run_id


def sweep(studio: Studio, kind: str) -> None:
    """Remove the inputs of runs that are over for good; those of a stopped or failed one are needed to go on."""
    place = studio.workspace.cache / kind
    for path in place.iterdir() if place.is_dir() else ():
        run_dir = studio.workspace.run_dir(path.name)
        if run_dir.exists() and rundir.read_status(run_dir).state in ("done", "cancelled"):
            shutil.rmtree(path, ignore_errors=True)


def facts_of(part: Part, found: Usable) -> dict[str, Any]:
    """What the page says about where the numbers come from."""
    return {"n_labels": part.n_train, "n_validation": part.n_held, "left_out": dict(found.left_out)}
