"""Scores of a snapshot: what is there, what it was computed from, what is stale, and the run that computes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from studio.errors import SelectionError
from studio.jobs import rundir
from studio.measures import DEFAULT_MEASURES, MEASURES, by_name
from studio.measures.rated import JUDGED
from studio.records import VIEWS, Actor, Array, Measure, RunSpec
from studio.selection.unit_scores import unit_scores
from studio.store import labels, scores, snapshots
from studio.store.scores import ScoreSet, Surroundings
from studio.workflows import known_labels, runs, select_inputs
from studio.workflows.acts import act
from studio.workflows.select_contexts import (
    MIN_LABELS,
    Grounds,
    Targets,
    context_hash,
    stale,
    wanted_context,
)
from studio.workflows.select_inputs import MAX_DESCRIPTION, vectors_of
from studio.workflows.studio import Studio

__all__ = ["MAX_DESCRIPTION", "Targets", "context_hash", "vectors_of", "wanted_context"]
_OF_TARGETS = frozenset({"targets", "target_texts"})
AGREEMENT = "agreement.json"  # beside the scores: how far heads learnt from people agree with them
_OF_MODELS = frozenset({"lm_losses", "masked_losses", "answer_losses"})


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
        """Views that have at least one score set the pool can be ranked by."""
        return tuple(
            view for view in VIEWS if any(not by_name(s.measure).is_of_labelled for s in self.views[view].sets)
        )

    @property
    def sets(self) -> tuple[ScoreSet, ...]:
        """Score sets in use, over all views."""
        return tuple(item for view in VIEWS for item in self.views[view].sets)


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
    train = known_labels.train(studio, snapshot_id)
    grounds = Grounds(studio, snapshot, around, train, targets)
    names = {m.name: m for m in MEASURES}
    there = [item for item in scores.sets(studio.store, snapshot_id) if item.measure in names]  # scorers have no view
    wanted = {name: grounds.context(names[name]) for name in {item.measure for item in there}}
    newest: dict[str, ScoreSet] = {}
    for item in there:
        one, now = names[item.measure], wanted[item.measure]
        if item.version != one.version:
            continue
        exact = now is not None and item.context_hash == context_hash(now)
        if exact or (item.measure not in newest and not (targets and _OF_TARGETS & set(one.needs))):
            newest[item.measure] = item if exact else newest.get(item.measure, item)
    views = {}
    for view in VIEWS:
        own = tuple(newest[m.name] for m in MEASURES if m.view == view and m.name in newest)
        old = tuple(entry for item in own if (entry := stale(item, wanted[item.measure], around, len(train))))
        usable = any(not names[item.measure].is_of_labelled for item in own)
        views[view] = ViewState(view, own, "" if usable else _lacking(view, around, len(train), targets), old)
    return ScoreState(views, around, len(train))


def computable(studio: Studio, snapshot_id: str, targets: Targets | None = None) -> tuple[str, ...]:
    """Names of the measures that could be computed now, whether they are there or not, in the catalogue's order.

    Raises:
        CorpusError: an unknown snapshot.
    """
    grounds = _grounds(studio, snapshot_id, targets)[0]
    return tuple(measure.name for measure in MEASURES if grounds.context(measure) is not None)


def of_targets(studio: Studio, snapshot_id: str) -> list[str]:
    """Names of the measures to compute against new targets: the usual ones, and those somebody asked for before."""
    before = {item.measure for item in scores.sets(studio.store, snapshot_id)}
    return [one.name for one in MEASURES if _OF_TARGETS & set(one.needs) and (not one.is_asked or one.name in before)]


def lacks_relevance(state_: ScoreState, targets: Targets | None) -> bool:
    """True when targets are named and closeness to them was not computed yet."""
    there = {item.measure for item in state_.views["relevance"].sets}
    return targets is not None and not targets.is_empty and not there & set(DEFAULT_MEASURES["relevance"])


def _lacking(view: str, around: Surroundings, n_labels: int, targets: Targets | None) -> str:
    if view == "relevance" and (targets is None or targets.is_empty):
        return "select.lacking.targets"
    if view == "difficulty" and around.round_id is None and n_labels < MIN_LABELS:
        return "select.lacking.labels"
    return "select.lacking.scores"


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
    grounds, known = _grounds(studio, snapshot_id, targets)
    there = {(item.measure, item.context_hash) for item in scores.sets(studio.store, snapshot_id)}
    contexts: dict[str, dict[str, Any]] = {}
    for one in [by_name(name) for name in measures] or [one for one in MEASURES if not one.is_asked]:
        context = grounds.context(one)
        if context is not None and (measures or (one.name, context_hash(context)) not in there):
            contexts[one.name] = context
    if not contexts:
        raise SelectionError("There are no scores to compute", got=list(measures) or None,
                             fix="Embed the corpus, name targets or label examples first.")  # fmt: skip
    inputs, params = select_inputs.make(grounds, known, contexts)
    needs = {need for name in contexts for need in by_name(name).needs}
    is_light = needs <= {"embeddings", "targets", "target_texts", "labels", *JUDGED}
    return runs.submit(
        studio,
        actor,
        kind="measure",
        title=grounds.snapshot.name,
        params=params,
        inputs=inputs,
        snapshot_id=snapshot_id,
        corpus_id=grounds.snapshot.corpus_id,
        seed=seed,
        slot="free" if is_light else "gpu" if needs & _OF_MODELS else None,
        run_id=run_id,
    )


def _grounds(studio: Studio, snapshot_id: str, targets: Targets | None) -> tuple[Grounds, Any]:
    """What there is to compute from, and all current labels."""
    snapshot = snapshots.require(studio.store, snapshot_id)
    known = labels.current(studio.store, snapshot_id)
    around = scores.surroundings(studio.store, snapshot_id)
    return Grounds(studio, snapshot, around, known[known["split"] == "train"], targets), known


def finish_measure(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the scores of a done run over: raw values and unit scores into the database. May be called again."""
    result = rundir.check_result(run_dir, "scores.parquet")
    table = pq.read_table(result / "scores.parquet")
    ids = table["example_id"].to_numpy()
    told = json.loads((result / AGREEMENT).read_text(encoding="utf-8")) if (result / AGREEMENT).exists() else {}
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
            context=context | ({"agreement": told[name]} if name in told else {}),
            ids=ids,
            raw=raw,
            unit=unit_scores(ranked_part(one, raw), one.prefer),
            run_id=spec.run_id,
        )


def ranked_part(measure: Measure, raw: Array) -> Array:
    """Raw values with NaN where the measure flags them: those are shown and counted, but ranked nowhere."""
    return raw if measure.flag_from is None else np.where(raw >= measure.flag_from, np.nan, raw)


def default_inner(state_: ScoreState, inner: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """View -> measure -> weight, for the score sets there are; the defaults where a view names none of its own.

    Measures of labelled examples alone choose nothing from the pool: they count only where they are named.
    """
    chosen: dict[str, dict[str, float]] = {}
    for view in state_.available:
        there = [item.measure for item in state_.views[view].sets]
        named = {name: inner[name] for name in there if inner.get(name, 0) > 0}
        usual = {name: 1.0 for name in there if name in DEFAULT_MEASURES[view]}
        first = next(name for name in there if not by_name(name).is_of_labelled)
        chosen[view] = named or usual or {first: 1.0}
    return chosen
