"""`open-test`: hold a finished round against the test labels, under an approval or for a written reason."""

from __future__ import annotations

import argparse
from typing import Any

from studio.cli.context import Context
from studio.errors import PlanError
from studio.store import openings as rows
from studio.store import rounds
from studio.workflows import openings


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("open-test", parents=[common], help="open the test split for a finished round (counted)")
    verb.add_argument("round", help="round id or the unique start of one")
    verb.add_argument("--snapshot", help="corpus it belongs to (default: the newest)")
    verb.add_argument("--why", default="", metavar="TEXT", help="needed without an approval, or for a further opening")
    verb.add_argument("--look", action="store_true", help="say whether an approval lets it be opened; open nothing")
    verb.set_defaults(run=_open)


def _found(context: Context) -> rounds.Round:
    """The round of an id or of the unique start of one.

    Raises:
        PlanError: none or several begin so.
    """
    asked, store = context.arguments.round, context.studio.store
    exact = rounds.get(store, asked)
    if exact is not None:
        return exact
    known = [one for one in rounds.of_snapshot(store, context.snapshot().snapshot_id) if one.round_id.startswith(asked)]
    if len(known) != 1:
        raise PlanError("No single round fits that id", got=asked, fix="Give more of its id.")
    return known[0]


def _open(context: Context) -> None:
    found, studio = _found(context), context.studio
    if not context.arguments.look:
        openings.open_test(studio, context.actor, round_id=found.round_id, why=context.arguments.why)
    now = openings.permission(studio, found.round_id)
    listed = rows.of_round(studio.store, found.round_id)
    context.emit(
        round_id=found.round_id,
        selection_id=now.selection.selection_id if now.selection else None,
        proposal_id=now.proposal.proposal_id if now.proposal else None,
        state=now.state,
        openings_of_corpus=rounds.test_openings(studio.store, found.snapshot_id),
        openings=[openings.facts(studio, one) for one in listed],
    )
