"""`scorer`: score the texts with a model of the host's choice, or list those that STUDIO_SCORER names."""

from __future__ import annotations

import argparse

from studio.cli.context import Context
from studio.workflows import runs, scorer


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("scorer", parents=[common], help="score texts with a model named in STUDIO_SCORER")
    verb.add_argument("name", nargs="?", default=None, help="which scorer (default: list them)")
    verb.add_argument("--snapshot", default=None, help="snapshot id or corpus name (default: the newest)")
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """Score, or say of every scorer which class counts, what is wrong with it and whether the snapshot has scores."""
    snapshot_id, name = context.snapshot().snapshot_id, context.arguments.name
    if name is not None:
        run_id = scorer.start(context.studio, context.actor, snapshot_id=snapshot_id, name=name)
        if context.wait(run_id).state != "done":
            return
        runs.wait(context.studio, run_id)
    told = {
        one.name: {
            "output": one.output,
            "problem": one.problem.line() if one.problem else None,
            "scored": one.scored is not None,
            "stale": one.is_stale,
            **{key: one.counts.get(key) for key in ("n", "n_empty", "n_failed", "n_cut", "model", "precision")},
        }
        for one in scorer.standings(context.studio, snapshot_id)
        if name in (None, one.name)
    }
    context.emit(snapshot_id=snapshot_id, scorers=told)
