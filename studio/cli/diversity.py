"""`diversity`: every measure of a snapshot, or two sets side by side with random draws as the yardstick."""

from __future__ import annotations

import argparse
import math
from typing import Any

import pandas as pd

from studio.cli.context import Context
from studio.errors import MeasureError
from studio.records import Snapshot
from studio.words import t
from studio.workflows import diversity as acts
from studio.workflows import diversity_sides


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser(
        "diversity", parents=[common], help="how varied a corpus is, alone or beside another set"
    )
    verb.add_argument("--snapshot", default=None, help="snapshot id or corpus name (default: the newest)")
    verb.add_argument("--against", default=None, metavar="SET",
                      help="compare with: a snapshot id or corpus name, selection:<id> or slice:<id>")  # fmt: skip
    verb.add_argument("--draws", type=int, default=acts.LEAST_DRAWS, help="random draws (default 99)")
    verb.add_argument("--seed", type=int, default=acts.SEED, help="of draws and samples (default 0)")
    verb.add_argument("--detach", action="store_true", help="do not wait for the run")
    verb.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the sentences")
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """Measure, or compare; both wait for the run that does the work."""
    snapshot = context.snapshot()
    if context.arguments.against:
        _compare(context, snapshot)
        return
    table, language = measured(context, snapshot), context.arguments.lang
    if not len(table):
        return
    rows = table.to_dict("records")
    context.emit(snapshot_id=snapshot.snapshot_id, n=snapshot.n_examples)
    if context.arguments.json:
        context.emit(measures=[_plain(row) for row in rows])
        return
    for row in rows:
        said = f"{row['value']:.4g}" if not math.isnan(row["value"]) else t(f"diversity.reason.{row['reason']}",
                                                                           lang=language)  # fmt: skip
        context.emit(**{t(f"diversity.name.{row['name']}", lang=language): said})


def measured(context: Context, snapshot: Snapshot) -> pd.DataFrame:
    """The numbers of a snapshot: kept, worked out here where it is small, else by a run that is waited for."""
    studio, actor = context.studio, context.actor
    if acts.is_small(snapshot):
        return acts.measure(studio, actor, snapshot_id=snapshot.snapshot_id)
    found = acts.kept(studio, snapshot_id=snapshot.snapshot_id)
    if found is None:
        context.wait(acts.start(studio, actor, snapshot_id=snapshot.snapshot_id))
        found = acts.kept(studio, snapshot_id=snapshot.snapshot_id)
    return found if found is not None else pd.DataFrame(columns=["name", "value", "reason", "values"])


def _compare(context: Context, snapshot: Snapshot) -> None:
    arguments, studio = context.arguments, context.studio
    asked = str(arguments.against)
    against = asked if asked.partition(":")[0] in diversity_sides.KINDS else (
        f"snapshot:{context.snapshot_named(asked).snapshot_id}")  # fmt: skip
    given: dict[str, Any] = {"a": against, "b": f"snapshot:{snapshot.snapshot_id}", "draws": arguments.draws,
                             "seed": arguments.seed}  # fmt: skip
    found = acts.compared(studio, **given)
    if found is None:
        context.wait(acts.compare(studio, context.actor, **given))
        found = acts.compared(studio, **given)
    if found is None:
        if not arguments.detach:
            raise MeasureError("The comparison could not be read back", got=asked, fix="Compare again.")
        return
    context.emit(a=given["a"], b=given["b"], judged=found.judged, n_a=found.size_a, n_b=found.size_b,
                 n_pool=found.size_pool, draws=found.draws, seed=found.seed)  # fmt: skip
    rows = [row | {"sentence": acts.sentence(row, found.judged, arguments.lang)}
            for row in found.table.to_dict("records")]  # fmt: skip
    if arguments.json:
        context.emit(measures=[_plain(row) for row in rows])
        return
    for row in rows:
        if row["sentence"]:
            context.emit(**{t(f"diversity.name.{row['name']}", lang=arguments.lang):
                            f"A {_short(row['a'])}  B {_short(row['b'])}  {row['sentence']}"})  # fmt: skip


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row for JSON: undefined numbers are null."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def _short(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"
