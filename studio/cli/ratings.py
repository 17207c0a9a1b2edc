"""`ratings`: what people said of examples as a CSV file, and back; learning a score from it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.cli.context import Context
from studio.records import VIEWS
from studio.workflows import ratings, ratings_files


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("ratings", parents=[common], help="what people said of examples: export, import, learn")
    verb.add_argument("--snapshot", help="id, unique start of an id, or corpus name (default: the newest)")
    act = verb.add_mutually_exclusive_group(required=True)
    act.add_argument("--export", metavar="FILE", type=Path, help="write what counts now as CSV")
    act.add_argument("--import", metavar="FILE", type=Path, dest="read", help="store the judgements of a CSV file")
    act.add_argument("--learn", choices=VIEWS, help="learn a score of this view from its ratings")
    act.add_argument("--learn-pairs", action="store_true", help="learn quality from comparisons")
    verb.add_argument("--seed", type=int, default=0, help="of the folds (default 0)")
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """Do the one thing that was asked."""
    snapshot, arguments = context.snapshot(), context.arguments
    if arguments.export is not None:
        content = ratings_files.to_csv(context.studio, snapshot)
        arguments.export.write_bytes(content)
        context.emit(judgements=len(content.splitlines()) - 1, file=str(arguments.export))
    elif arguments.read is not None:
        told = ratings_files.from_csv(context.studio, context.actor, snapshot=snapshot, path=arguments.read)
        context.emit(stored=told.n_new, known=told.n_known, refused=dict(told.refused))
    else:
        view, kind = ("quality", ratings.TWO) if arguments.learn_pairs else (arguments.learn, ratings.ONE)
        run_id = ratings.train(context.studio, context.actor, snapshot_id=snapshot.snapshot_id, view=view, kind=kind,
                               seed=arguments.seed)  # fmt: skip
        context.wait(run_id)
        context.emit(run_id=run_id)
