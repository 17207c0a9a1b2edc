"""`measure` and `select`: scores and frozen selections without the browser."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.cli import select_recipe
from studio.cli.context import Context
from studio.errors import SelectionError
from studio.measures import MEASURES
from studio.records import VIEWS
from studio.selection import STRATEGIES
from studio.selection.recipe import Recipe, recipe_hash
from studio.selection.weights import PRESETS
from studio.store import selections
from studio.workflows import (
    runs,
    select,
    select_effect,
    select_limits,
    select_prepare,
    select_scores,
    select_targets,
)
from studio.workflows.select import Choice
from studio.workflows.select_scores import Targets


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verbs."""
    verb = commands.add_parser("measure", parents=[common], help="compute the scores of the four views")
    _shared(verb)
    verb.add_argument("--measure", action="append", default=[], choices=[m.name for m in MEASURES],
                      help="only this measure (may be repeated); default: all that are missing")  # fmt: skip
    verb.add_argument("--detach", action="store_true", help="leave the last run to the next opener of the workspace")
    verb.set_defaults(run=measure)

    verb = commands.add_parser("select", parents=[common], help="choose examples and freeze the choice")
    _shared(verb)
    verb.add_argument("--name", default="", help="freeze under this name; without it the choice is only shown")
    verb.add_argument("--budget", type=int, default=100, help="how many examples (default 100)")
    verb.add_argument("--strategy", default="weighted_sum", choices=[s.name for s in STRATEGIES])
    verb.add_argument("--preset", choices=list(PRESETS), help="weights to start from")
    for view in VIEWS:
        verb.add_argument(f"--{view}", type=float, help=f"weight of {view}, in percent")
    verb.add_argument("--cap", action="append", default=[], metavar="COLUMN=N",
                      help="at most N examples of any one key of cluster or group_<name>")  # fmt: skip
    verb.add_argument("--even", type=float, help="spread over clusters: 0 = as in the pool, 1 = the same for all")
    verb.add_argument("--tau", type=float, help="skip examples more alike than this cosine similarity")
    verb.add_argument("--seed", type=int, default=0)
    select_recipe.add(verb)
    verb.add_argument("--control", action="store_true", help="also freeze a random control of the same size")
    verb.add_argument("--list", action="store_true", help="list the frozen selections and stop")
    verb.set_defaults(run=choose)


def _shared(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--snapshot", help="id, unique start of an id, or corpus name (default: the newest)")
    verb.add_argument(
        "--goal", default="", help="what the model is for, in a sentence: relevance is measured against it"
    )
    verb.add_argument("--goal-file", help="a file of texts relevance is measured against: a text per line, or a table")
    verb.add_argument("--pins", default="", help="example numbers relevance is measured against, with commas")


def _targets(context: Context, snapshot_id: str) -> Targets | None:
    file = ""
    if context.arguments.goal_file:
        path = Path(context.arguments.goal_file)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SelectionError("The file of targets cannot be read", got=f"{path.name}: {error.strerror}",
                                 fix="Name a file you may read.") from error  # fmt: skip
        file = select_targets.keep_file(context.studio, context.actor, name=path.name, data=data).name
    found = select_targets.read(
        context.studio, snapshot_id, text=context.arguments.goal, pins=context.arguments.pins, file=file
    )
    return None if found.is_empty else found


def measure(context: Context) -> None:
    """Embed, map and score what is missing, each step in its own run."""
    snapshot = context.snapshot()
    targets = _targets(context, snapshot.snapshot_id)
    _prepare(context, snapshot.snapshot_id, targets)
    wanted = list(context.arguments.measure)
    if wanted or targets is not None:
        try:
            run_id = select_scores.measure(
                context.studio, context.actor, snapshot_id=snapshot.snapshot_id, measures=wanted, targets=targets
            )
            _wait(context, run_id)
        except SelectionError as error:
            if wanted or "no scores to compute" not in error.what:
                raise
    state = select_scores.state(context.studio, snapshot.snapshot_id, targets)
    context.emit(
        snapshot=snapshot.snapshot_id,
        views={
            view: {
                "measures": [
                    {"measure": item.measure, "n": item.n, "undefined": item.n_undefined, "context": dict(item.context)}
                    for item in state.views[view].sets
                ],
                "lacking": state.views[view].lacking,
                "stale": [name for name, _, _ in state.views[view].stale],
            }
            for view in VIEWS
        },
    )


def _prepare(context: Context, snapshot_id: str, targets: Targets | None) -> None:
    while True:
        run_id = select_prepare.prepare(context.studio, context.actor, snapshot_id=snapshot_id, targets=targets)
        if run_id is None:
            return
        context.say(f"{select_prepare.next_step(context.studio, snapshot_id) or 'score'}: run {run_id}")
        _wait(context, run_id)


def _wait(context: Context, run_id: str) -> None:
    """To the end of a run and until its result is stored."""
    context.wait(run_id)
    if not getattr(context.arguments, "detach", False):
        runs.wait(context.studio, run_id)


def choose(context: Context) -> None:
    """Show who gets in, what it does to the groups, and freeze it when a name is given."""
    snapshot = context.snapshot()
    if context.arguments.list:
        frozen = selections.list_all(context.studio.store, snapshot.snapshot_id)
        context.emit(selections=[_line(item) for item in frozen])
        return
    targets = _targets(context, snapshot.snapshot_id)
    if select_prepare.next_step(context.studio, snapshot.snapshot_id) is not None:
        raise SelectionError("This corpus has no scores yet", got=snapshot.name, fix="Run `python -m studio measure`.")
    state = select_scores.state(context.studio, snapshot.snapshot_id, targets)
    if select_scores.lacks_relevance(state, targets):
        raise SelectionError("Relevance was not measured against this goal", got=context.arguments.goal,
                             fix="Run `python -m studio measure` with the same --goal and --pins.")  # fmt: skip
    recipe = select_recipe.read(context, snapshot.snapshot_id)
    choice = _worked_out(context, snapshot.snapshot_id, recipe, targets)
    tight = select_limits.tight(choice)
    change = select.compare(context.studio, snapshot.snapshot_id, choice)
    groups = select_effect.group_effect(choice)
    context.emit(
        snapshot=snapshot.snapshot_id,
        weights=dict(choice.weights),
        n=len(choice.ids),
        left_out=choice.n_left_out,
        barred=choice.n_barred,
        recipe_hash=recipe_hash(recipe, snapshot.snapshot_id),
        short=None if tight is None else asdict(tight),
        unmet=[asdict(gap) for gap in select_limits.gaps(choice)],
        ids=[int(i) for i in choice.ids],
        entered=len(change.entered),
        left=len(change.left),
        groups_outside=[
            {"column": g.column, "key": g.key, "picked": g.band.picked, "low": g.band.low, "high": g.band.high,
             "verdict": g.band.verdict, "q": g.band.q} for g in groups.alarms
        ],
    )  # fmt: skip
    if context.arguments.name:
        selection_id = select.freeze(
            context.studio, context.actor, snapshot_id=snapshot.snapshot_id, name=context.arguments.name, recipe=recipe,
            targets=targets, with_control=context.arguments.control,
        )  # fmt: skip
        context.emit(**_line(select.get(context.studio, selection_id)))
        if context.arguments.control:
            context.emit(control=f"{selection_id}-control")


def _worked_out(context: Context, snapshot_id: str, recipe: Recipe, targets: Targets | None) -> Choice:
    """The choice; a large one that compares candidates is made by a run first."""
    state = select_scores.state(context.studio, snapshot_id, targets)
    if select.waiting(context.studio, snapshot_id, recipe, state) is not None:
        run_id = select.work_out(context.studio, snapshot_id, recipe, state, actor=context.actor)
        if run_id is not None:
            context.say(f"choose: run {run_id}")
            _wait(context, run_id)
    return select.choose_from(context.studio, snapshot_id, recipe, state)


def _line(item: selections.FrozenSelection) -> dict[str, Any]:
    return {"selection_id": item.selection_id, "name": item.name, "arm": item.arm, "strategy": item.strategy,
            "n_frozen": item.n, "recipe_hash": item.recipe_hash, "ids_hash": item.ids_hash}  # fmt: skip
