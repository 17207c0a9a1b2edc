"""`loop`: label, train, score, pick, again, until the stopping rule says so."""

from __future__ import annotations

import argparse
from typing import Any

from studio.annotation import stopping
from studio.cli.context import OK, Context
from studio.errors import JobError
from studio.store import loops
from studio.words import spoken, t
from studio.workflows import loop, loop_view, train
from studio.workflows.loop_config import LoopConfig


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("loop", parents=[common], help="run the annotate and train loop to its own stop")
    verb.add_argument("--snapshot", help="snapshot id, start of one, or corpus name (default: the newest)")
    verb.add_argument("--loop", help="go on with this loop instead of starting one")
    verb.add_argument("--name", default="", help="name of the loop")
    verb.add_argument("--simulated", action="store_true", help="the corpus's own labels stand in for people")
    verb.add_argument("--error-rate", type=float, default=0.0, help="share of wrong simulated labels (0 to 1)")
    verb.add_argument("--seed-labels", type=int, default=100, help="random labels to start with")
    verb.add_argument("--batch", type=int, default=50, help="labels per round")
    verb.add_argument("--control-share", type=float, default=0.2, help="share of a batch drawn at random")
    verb.add_argument("--by", default="margin", choices=("margin", "entropy", "least_confidence"))
    verb.add_argument("--epsilon", type=float, default=0.02, help="smallest gain in accuracy worth a round (0 to 1)")
    verb.add_argument("--rule", default=stopping.DEFAULT_RULE, choices=stopping.CHOICES, help="stopping rule")
    verb.add_argument("--min-validation", type=int, default=200, help="validation rows the default rule needs")
    verb.add_argument("--max-rounds", type=int, default=10)
    verb.add_argument("--compare-random", action="store_true", help="train a random-selection line beside it")
    verb.add_argument("--base", default=None, help="base model (default: what fits the corpus's language)")
    verb.add_argument("--method", default="linear_probe", help="training method")
    verb.add_argument("--seed", type=int, default=0)
    verb.set_defaults(run=run)


def run(context: Context) -> int:
    """Start a loop or go on with one; with people as annotators it ends where labels are needed."""
    asked = context.arguments
    loop_id = asked.loop or _start(context)
    row = loops.require(context.studio.store, loop_id)
    context.emit(loop_id=loop_id)
    row = loop.advance(context.studio, context.actor, loop_id=loop_id)
    told = 0
    while row.state == "training":
        for run_id in row.detail["runs"].values():
            context.wait(run_id)
        row = loop.advance(context.studio, context.actor, loop_id=loop_id)
        seen = loop_view.view(context.studio, loop_id)
        for turn in seen.turns[told:]:
            context.say(_turn_line(turn))
        told = len(seen.turns)
    return _end(context, loop_view.view(context.studio, loop_id))


def _start(context: Context) -> str:
    asked = context.arguments
    snapshot = context.snapshot()
    base = asked.base or train.bases(context.studio, snapshot)[0]
    method = asked.method if asked.method in train.methods(base) else train.methods(base)[0]
    if base == "minilm" and not train.vectors_of(context.studio, snapshot.snapshot_id, base):
        context.say("No stored vectors: every round embeds the whole pool again. `embed` first makes rounds faster.")
    config = LoopConfig(
        seed_labels=asked.seed_labels,
        batch=asked.batch,
        control_share=asked.control_share,
        by=asked.by,
        annotator="simulated" if asked.simulated else "human",
        error_rate=asked.error_rate,
        compare_random=asked.compare_random,
        rule=asked.rule,
        epsilon=asked.epsilon,
        min_validation=asked.min_validation,
        max_rounds=asked.max_rounds,
        seed=asked.seed,
        plan=train.default_plan(base, method, asked.seed).to_json(),
    )
    return loop.start(context.studio, context.actor, snapshot_id=snapshot.snapshot_id, config=config, name=asked.name)


def _turn_line(turn: loop_view.TurnView) -> str:
    point = turn.point
    random = f", random {100 * turn.random.accuracy:.1f} %" if turn.random else ""
    return (
        f"round {turn.number}: {turn.n_labels:,} labels, validation {100 * point.accuracy:.1f} % "
        f"[{100 * point.low:.1f}, {100 * point.high:.1f}] of {point.n_validation:,}{random}"
    )


def _end(context: Context, seen: loop_view.LoopView) -> int:
    values: dict[str, Any] = {
        "state": seen.row.state,
        "stop_reason": seen.row.stop_reason,
        "annotator": seen.config.annotator,
        "n_labels": seen.n_labels,
        "n_pool": seen.n_pool,
        "rounds": [_turn_json(turn) for turn in seen.turns],
        "advice": [t(key, lang="en", **values) for key, values in loop_view.advice(seen)],
    }
    context.emit(**values)
    problem = seen.row.detail.get("problem")
    if seen.row.state == "paused" and problem:
        raise JobError(problem["what"], got=problem["got"], fix=spoken(problem["fix"]))
    if seen.row.state == "labelling":
        context.emit(selection_id=seen.selection_id, n_open=seen.n_open)
        context.say(f"{seen.n_open} examples wait on the Annotate page; then run `loop --loop {seen.row.loop_id}`.")
    return OK


def _turn_json(turn: loop_view.TurnView) -> dict[str, Any]:
    point = turn.point
    return {
        "round": turn.number,
        "round_id": turn.round_id,
        "n_labels": turn.n_labels,
        "n_train": point.n_train,
        "n_validation": point.n_validation,
        "accuracy": point.accuracy,
        "low": point.low,
        "high": point.high,
        "gain": None if turn.gain is None else turn.gain.estimate,
        "gain_high": None if turn.gain is None else turn.gain.high,
        "random_accuracy": turn.random.accuracy if turn.random else None,
    }
