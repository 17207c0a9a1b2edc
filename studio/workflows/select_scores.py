"""Scores of a snapshot: what is there, what it was computed from, what is stale, and the run that computes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from studio.errors import SelectionError
from studio.jobs import query, rundir
from studio.measures import DEFAULT_MEASURES, MEASURES, by_name
from studio.models.encoders import encoder_info
from studio.records import VIEWS, Actor, Array, Measure, RunSpec, Snapshot
from studio.selection.unit_scores import unit_scores
from studio.store import examples, labels, scores, snapshots
from studio.store.scores import ScoreSet, Surroundings
from studio.workflows import runs
from studio.workflows.acts import act
from studio.workflows.studio import Studio

MAX_TARGETS = 2_000  # an evenly spaced part of a larger slice; relevance looks at the nearest three only
MIN_LABELS = 10  # what the probe asks for
MAX_DESCRIPTION = 2_000


@dataclass(frozen=True)
class Targets:
    """What relevance is measured against: a typed description, or examples."""

    text: str = ""
    ids: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when nothing was named."""
        return not self.text.strip() and not self.ids


@dataclass(frozen=True)
class ViewState:
    """One view now: the score sets in use, and why it has none (a words key) where it has none.

    `stale` holds (measure, words key, values) of score sets that were computed from something older than there is now.
    """

    view: str
    sets: tuple[ScoreSet, ...]
    lacking: str = ""
    stale: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()


@dataclass(frozen=True)
class ScoreState:
    """All four views of a snapshot, and what scores could be computed from now."""

    views: Mapping[str, ViewState]
    around: Surroundings
    n_labels: int

    @property
    def available(self) -> tuple[str, ...]:
        """Views that have at least one score set."""
        return tuple(view for view in VIEWS if self.views[view].sets)

    @property
    def sets(self) -> tuple[ScoreSet, ...]:
        """Score sets in use, over all views."""
        return tuple(item for view in VIEWS for item in self.views[view].sets)


def context_hash(context: Mapping[str, Any]) -> str:
    """Short hash of everything a score depends on besides the snapshot and the measure's version."""
    text = json.dumps(context, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def state(studio: Studio, snapshot_id: str, targets: Targets | None = None) -> ScoreState:
    """Which scores are there for each view, which are missing and why, which are stale.

    Args:
        studio: the open workspace.
        snapshot_id: which snapshot.
        targets: relevance against these; None takes the newest relevance there is.

    Raises:
        CorpusError: an unknown snapshot.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    around = scores.surroundings(studio.store, snapshot_id)
    known = labels.current(studio.store, snapshot_id)
    train = known[known["split"] == "train"]
    wanted = {m.name: wanted_context(studio, snapshot, m, around, train, targets) for m in MEASURES}
    newest: dict[str, ScoreSet] = {}
    for item in scores.sets(studio.store, snapshot_id):
        if item.measure not in wanted or item.version != by_name(item.measure).version:
            continue  # of a scorer model, which belongs to no view, or of an older version
        exact = wanted[item.measure] is not None and item.context_hash == context_hash(wanted[item.measure] or {})
        if exact or (item.measure not in newest and not (by_name(item.measure).view == "relevance" and targets)):
            newest[item.measure] = item if exact else newest.get(item.measure, item)
    views = {}
    for view in VIEWS:
        own = tuple(newest[m.name] for m in MEASURES if m.view == view and m.name in newest)
        stale = tuple(entry for item in own if (entry := _stale(item, wanted[item.measure], around, len(train))))
        views[view] = ViewState(view, own, "" if own else _lacking(view, around, len(train), targets), stale)
    return ScoreState(views, around, len(train))


def _lacking(view: str, around: Surroundings, n_labels: int, targets: Targets | None) -> str:
    if view == "relevance" and (targets is None or targets.is_empty):
        return "select.lacking.targets"
    if view == "difficulty" and around.round_id is None and n_labels < MIN_LABELS:
        return "select.lacking.labels"
    return "select.lacking.scores"


def _stale(
    item: ScoreSet, wanted: Mapping[str, Any] | None, around: Surroundings, n_labels: int
) -> tuple[str, str, Mapping[str, Any]] | None:
    """Why a score set is older than what it could be computed from, as measure, words key and values."""
    old = item.context
    if wanted is None and "ids" in old and old.get("encoder") != around.encoder_key:
        return item.measure, "select.stale.encoder", {"old": old.get("encoder", ""), "new": around.encoder_key or ""}
    if wanted is None or item.context_hash == context_hash(wanted):
        return None
    if old.get("encoder") != wanted.get("encoder"):
        return item.measure, "select.stale.encoder", {"old": old.get("encoder", ""), "new": wanted.get("encoder", "")}
    if old.get("map") != wanted.get("map"):
        return item.measure, "select.stale.map", {}
    if wanted.get("round") and old.get("round") != wanted.get("round"):
        return item.measure, "select.stale.round", {"number": around.round_number or 0}
    if old.get("n_labels") is not None and "labels" in wanted:
        return item.measure, "select.stale.labels", {"old": old["n_labels"], "new": n_labels}
    return None


def wanted_context(
    studio: Studio,
    snapshot: Snapshot,
    measure: Measure,
    around: Surroundings,
    train: pd.DataFrame,
    targets: Targets | None,
) -> dict[str, Any] | None:
    """What a measure would be computed from now; None where something it needs is not there."""
    needs = set(measure.needs)
    context: dict[str, Any] = {"language": snapshot.language}
    if needs & {"embeddings", "knn"} and around.encoder_key is None:
        return None
    if needs & {"embeddings", "knn"}:
        context = {"encoder": around.encoder_key}
    if "knn" in needs:
        if around.k is None:
            return None
        context["k"] = around.k
    if "clusters" in needs:
        if around.map_id is None:
            return None
        context = {"map": around.map_mark}
    if "targets" in needs:
        if targets is None or targets.is_empty:
            return None
        context |= {"text": targets.text.strip(), "n": len(targets.ids), "ids": _digest(targets.ids)}
    if "class_probs" in needs:
        if around.round_id is not None:
            return {"round": around.round_id, "number": around.round_number}
        if around.encoder_key is None or len(train) < MIN_LABELS or train["label"].nunique() < 2:
            return None
        digest = _digest(list(zip(train["example_id"].tolist(), train["label"].tolist(), strict=True)))
        context = {"encoder": around.encoder_key, "labels": digest, "n_labels": len(train)}
    return context


def _digest(value: Sequence[Any]) -> str:
    text = json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


# --- computing --------------------------------------------------------------------------------------------------------
@act("select.measure", "analyst")
def measure(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    measures: Sequence[str] = (),
    targets: Targets | None = None,
    seed: int = 0,
    run_id: str | None = None,
) -> str:
    """Start the run that computes scores, with everything it needs frozen into its inputs.

    Args:
        studio: the open workspace.
        actor: who asks.
        snapshot_id: which snapshot.
        measures: names; empty for all that can be computed now and are not there yet.
        targets: what relevance is measured against.
        seed: of the probe's folds.
        run_id: a UUID made by the client.

    Returns:
        The run_id.

    Raises:
        SelectionError: nothing can be computed, or nothing is missing.
        JobError: the description cannot be embedded.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    around = scores.surroundings(studio.store, snapshot_id)
    known = labels.current(studio.store, snapshot_id)
    train = known[known["split"] == "train"]
    there = {(item.measure, item.context_hash) for item in scores.sets(studio.store, snapshot_id)}
    contexts: dict[str, dict[str, Any]] = {}
    for one in [by_name(name) for name in measures] or MEASURES:
        context = wanted_context(studio, snapshot, one, around, train, targets)
        if context is not None and (measures or (one.name, context_hash(context)) not in there):
            contexts[one.name] = context
    if not contexts:
        raise SelectionError("There are no scores to compute", got=list(measures) or None,
                             fix="Embed the corpus, name targets or label examples first.")  # fmt: skip
    inputs = _inputs(studio, snapshot, around, known, {need for name in contexts for need in by_name(name).needs})
    only_relevance = all(by_name(name).view == "relevance" for name in contexts)
    if any("targets" in by_name(name).needs for name in contexts):
        inputs["targets"] = _write_targets(studio, snapshot_id, around, targets or Targets())
    return runs.submit(
        studio,
        actor,
        kind="measure",
        title=snapshot.name,
        params={"measures": list(contexts), "contexts": contexts, "language": snapshot.language},
        inputs=inputs,
        snapshot_id=snapshot_id,
        corpus_id=snapshot.corpus_id,
        seed=seed,
        slot="free" if only_relevance else None,
        run_id=run_id,
    )


def _inputs(
    studio: Studio, snapshot: Snapshot, around: Surroundings, known: pd.DataFrame, needs: set[str]
) -> dict[str, str]:
    """Input name -> path relative to the workspace; labels and clusters are written down as they are now."""
    root = studio.workspace.root
    inputs = {"examples": str(studio.workspace.examples_file(snapshot.snapshot_id).relative_to(root))}
    if needs & {"embeddings", "knn", "class_probs"} and around.vectors_path:
        inputs["vectors"] = around.vectors_path
        if "knn" in needs:
            inputs["knn"] = f"{around.vectors_path}/knn_{around.k}"
    if "class_probs" in needs and around.round_path is not None:
        inputs["predictions"] = f"{around.round_path}/predictions.parquet"
    if "clusters" in needs or ("class_probs" in needs and around.round_path is None):
        given = pd.DataFrame({"example_id": examples.ids(studio.store, snapshot.snapshot_id)})
        train = known.loc[known["split"] == "train", ["example_id", "label"]]
        given = given.merge(train, on="example_id", how="left")
        if around.map_id is not None:
            given = given.merge(scores.clusters(studio.store, around.map_id), on="example_id", how="left")
        inputs["given"] = _write_given(studio, given)
    return inputs


def _inputs_folder(studio: Studio) -> Path:
    folder = studio.workspace.cache / "measure"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_given(studio: Studio, given: pd.DataFrame) -> str:
    digest = hashlib.sha256(given.to_csv(index=False).encode("utf-8")).hexdigest()[:24]
    path = _inputs_folder(studio) / f"given-{digest}.parquet"
    if not path.exists():
        temporary = path.with_suffix(f".{id(given):x}.tmp")
        given.to_parquet(temporary, index=False)
        temporary.rename(path)
    return str(path.relative_to(studio.workspace.root))


def _write_targets(studio: Studio, snapshot_id: str, around: Surroundings, targets: Targets) -> str:
    """Unit rows of the targets as a file: the description embedded by the query worker, examples looked up."""
    rows: list[Array] = []
    if targets.text.strip():
        answer = query.ask(
            studio,
            {
                "op": "embed",
                "texts": [targets.text.strip()[:MAX_DESCRIPTION]],
                "encoder": around.encoder_key,
                "fitted_dir": around.vectors_path if encoder_info(str(around.encoder_key)).needs_fit else "",
            },
            timeout=60.0,
        )
        rows.append(np.asarray(answer["vectors"], dtype=np.float32))
    if targets.ids:
        wanted = np.asarray(targets.ids, dtype=np.int64)
        if len(wanted) > MAX_TARGETS:
            wanted = wanted[np.linspace(0, len(wanted) - 1, MAX_TARGETS).astype(np.int64)]
        rows.append(vectors_of(studio, snapshot_id, around, wanted))
    matrix = np.concatenate(rows) if rows else np.empty((0, max(around.dim, 1)), dtype=np.float32)
    matrix = matrix[np.abs(matrix).sum(axis=1) > 0]
    if not len(matrix):
        raise SelectionError("None of the targets can be used", got=f"{len(targets.ids)} examples",
                             fix="Describe the task in a few words, or pin examples of this corpus.")  # fmt: skip
    path = _inputs_folder(studio) / f"targets-{hashlib.sha256(matrix.tobytes()).hexdigest()[:24]}.npy"
    if not path.exists():
        temporary = path.with_suffix(f".{id(matrix):x}.tmp.npy")
        np.save(temporary, matrix, allow_pickle=False)
        temporary.rename(path)
    return str(path.relative_to(studio.workspace.root))


def vectors_of(studio: Studio, snapshot_id: str, around: Surroundings, ids: Array) -> Array:
    """(m, d) float32 stored vectors of the named examples; ids the snapshot lacks are left out."""
    everyone = examples.ids(studio.store, snapshot_id)
    at = np.searchsorted(everyone, ids)
    known = np.minimum(at, max(len(everyone) - 1, 0))
    rows = known[everyone[known] == ids] if len(everyone) else np.empty(0, dtype=np.int64)
    matrix = np.load(studio.workspace.root / str(around.vectors_path) / "vectors.npy", mmap_mode="r",
                     allow_pickle=False)  # fmt: skip
    return np.asarray(matrix[rows], dtype=np.float32)


def finish_measure(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the scores of a done run over: raw values and unit scores into the database. May be called again."""
    result = rundir.check_result(run_dir, "scores.parquet")
    table = pq.read_table(result / "scores.parquet")
    ids = table["example_id"].to_numpy()
    for name, context in spec.params["contexts"].items():
        if name not in table.column_names:
            continue
        one = by_name(name)
        raw = np.asarray(table[name].to_numpy(), dtype=np.float64)
        scores.put(
            studio.store,
            str(spec.snapshot_id),
            one,
            context_hash=context_hash(context),
            context=context,
            ids=ids,
            raw=raw,
            unit=unit_scores(raw, one.prefer),
            run_id=spec.run_id,
        )


def default_inner(state_: ScoreState, inner: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """View -> measure -> weight, for the score sets there are; the defaults where a view names none of its own."""
    chosen: dict[str, dict[str, float]] = {}
    for view in state_.available:
        there = [item.measure for item in state_.views[view].sets]
        named = {name: inner[name] for name in there if inner.get(name, 0) > 0}
        usual = {name: 1.0 for name in there if name in DEFAULT_MEASURES[view]}
        chosen[view] = named or usual or {there[0]: 1.0}
    return chosen
