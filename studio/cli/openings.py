"""`open-test`: a finished round or a check of a choice against the test labels, approved or for a written reason."""

from __future__ import annotations

import argparse
from typing import Any

from studio.cli.context import Context
from studio.errors import PlanError
from studio.store import openings as rows
from studio.store import rounds, selections
from studio.workflows import openings, proposals_proof_test, runs, select_proof_test


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    told = "open the test split for a finished round or a check of a choice (counted)"
    verb = commands.add_parser("open-test", parents=[common], help=told)
    verb.add_argument("round", nargs="?", default="", help="round id or the unique start of one")
    verb.add_argument("--selection", metavar="ID", help="instead of a round: the check (`proof`) of this selection")
    verb.add_argument("--snapshot", help="corpus it belongs to (default: the newest)")
    verb.add_argument("--why", default="", metavar="TEXT", help="needed without an approval, or for a further opening")
    verb.add_argument("--look", action="store_true", help="say whether an approval lets it be opened; open nothing")
    verb.add_argument("--detach", action="store_true", help="with --selection: do not wait for the run")
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
    if bool(context.arguments.round) == bool(context.arguments.selection):
        raise PlanError("The test split is opened for one thing", got=context.arguments.round or "nothing",
                        fix="Name a round, or a selection with --selection.")  # fmt: skip
    if context.arguments.selection:
        _open_proof(context)
    else:
        _open_round(context)


def _open_proof(context: Context) -> None:
    """The check of a frozen selection's recipe: asks the small models in a run, then holds them against the labels."""
    studio, given = context.studio, context.arguments
    frozen = selections.get(studio.store, given.selection)
    snapshot, recipe, state, found = select_proof_test.prospect_of(studio, frozen)
    if not given.look:
        run_id = select_proof_test.start(studio, context.actor, snapshot_id=snapshot.snapshot_id, recipe=recipe,
                                         state=state, why=given.why)  # fmt: skip
        context.wait(run_id)
        if given.detach:
            return
        runs.wait(studio, run_id)
        if rows.get_or_none(studio.store, run_id) is None:
            raise PlanError("The test split stayed closed: its opening was used meanwhile", got=frozen.name,
                            fix="Compare on validation, or say in writing why it is opened once more.")  # fmt: skip
    now = select_proof_test.permission(studio, snapshot, found, state)
    context.emit(
        selection_id=frozen.selection_id,
        proposal_id=now.proposal.proposal_id if now.proposal else None,
        state=now.state,
        openings_of_corpus=rounds.test_openings(studio.store, snapshot.snapshot_id),
        openings=[
            proposals_proof_test.facts(studio, one, stale=select_proof_test.changed_since(studio, one))
            for one in select_proof_test.of_selection(studio, frozen.selection_id)
        ],
    )


def _open_round(context: Context) -> None:
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
