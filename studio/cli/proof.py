"""`proof`: does a choice help, shown on examples that have labels already."""

from __future__ import annotations

import argparse
import json
from typing import Any

from studio.cli.context import Context
from studio.errors import JobError, SelectionError
from studio.records import VIEWS
from studio.selection import STRATEGIES
from studio.selection.recipe import Recipe, recipe_from_json
from studio.selection.weights import DEFAULT_WEIGHTS, PRESETS, normalise_url_weights
from studio.store import selections
from studio.workflows import proposals_proof_test, runs, select_proof, select_proof_test, select_scores
from studio.workflows.select_proof import Study


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("proof", parents=[common], help="whether a choice beats random, on labelled examples")
    verb.add_argument("--snapshot", help="id, unique start of an id, or corpus name (default: the newest)")
    verb.add_argument("--selection", help="the recipe of this frozen selection")
    verb.add_argument("--budget", type=int, default=100, help="how many examples (default 100)")
    verb.add_argument("--strategy", default="weighted_sum", choices=[s.name for s in STRATEGIES])
    verb.add_argument("--preset", choices=list(PRESETS), help="weights to start from")
    for view in VIEWS:
        verb.add_argument(f"--{view}", type=float, help=f"weight of {view}, in percent")
    verb.add_argument("--seed", type=int, default=select_proof.SEED, help="of draws, folds and resamples (default 0)")
    verb.add_argument("--detach", action="store_true", help="do not wait for the run")
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """Check one recipe; a kept result of the same recipe, labels and scores is printed at once."""
    snapshot, arguments = context.snapshot(), context.arguments
    state = select_scores.state(context.studio, snapshot.snapshot_id)
    recipe = _recipe(context)
    found = select_proof.prospect(context.studio, snapshot, recipe, state, arguments.seed)
    study = select_proof.kept(context.studio, snapshot, found)
    if study is None or study.stale:
        run_id = select_proof.start(context.studio, context.actor, snapshot_id=snapshot.snapshot_id, recipe=recipe,
                                    state=state, seed=arguments.seed)  # fmt: skip
        context.wait(run_id)
        if arguments.detach:
            return
        runs.wait(context.studio, run_id)
        study = select_proof.kept(context.studio, snapshot, found)
    if study is None or study.stale:
        raise JobError("The check could not be read back", got=snapshot.snapshot_id, fix="Run it again.")
    looks = select_proof_test.of_study(context.studio, snapshot, study)
    context.emit(**as_json(study), test=[proposals_proof_test.facts(context.studio, one) for one in looks])


def as_json(study: Study) -> dict[str, Any]:
    """A study as plain JSON: verdict, the selection against random, every arm, every size, the facts."""
    own = study.selection
    keep = ("verdict", "size", "value", "draws_mean", "difference", "low", "high", "percentile", "percentile_low",
            "percentile_high", "p", "n_lower", "n_draws")  # fmt: skip
    arms, curve = (json.loads(frame.dropna(axis=1, how="all").to_json(orient="records", double_precision=10))
                   for frame in (study.arms, study.curve))  # fmt: skip
    return {**{name: _plain(own[name], name) for name in keep}, "arms": arms, "sizes": curve, **dict(study.facts)}


def _plain(value: Any, name: str) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return int(value) if name in ("size", "n_lower", "n_draws") else value


def _recipe(context: Context) -> Recipe:
    arguments = context.arguments
    if arguments.selection:
        return recipe_from_json(selections.get(context.studio.store, arguments.selection).recipe)
    named = {view: getattr(arguments, view) for view in VIEWS if getattr(arguments, view) is not None}
    weights = dict(PRESETS[arguments.preset]) if arguments.preset else dict(DEFAULT_WEIGHTS)
    if named:
        weights = dict.fromkeys(VIEWS, 0) | named
    if arguments.budget < 1:
        raise SelectionError("The budget must be at least 1", got=arguments.budget, fix="Choose how many examples.")
    return Recipe(strategy=arguments.strategy, weights=normalise_url_weights(weights), budget=arguments.budget)
