"""`proposal`: selections put up for review: list, show, export, comment, decide."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.cli.context import Context
from studio.errors import SelectionError, StoreError
from studio.records import Actor
from studio.reports import recipe
from studio.reports.proposal import benefit_lines, check_lines, cost_lines, verdict
from studio.reports.said import sentence
from studio.store import proposals as rows
from studio.store.proposals import VERDICTS, Proposal
from studio.workflows import openings, proposals, proposals_proof_test, proposals_report


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verbs."""
    verb = commands.add_parser("proposal", help="selections put up for review: list, show, export, propose, decide")
    acts = verb.add_subparsers(dest="act", metavar="ACT", required=True)

    one = acts.add_parser("list", parents=[common], help="the proposals of a corpus, newest first")
    one.add_argument("--snapshot", help="id, unique start of an id, or corpus name (default: the newest)")
    one.set_defaults(run=show_all)

    one = acts.add_parser("propose", parents=[common], help="put a frozen selection up for review")
    one.add_argument("selection", help="selection id (`select --list` shows them)")
    one.add_argument("--name", required=True, help="name of the proposal")
    one.add_argument("--purpose", required=True, help="what the examples are for")
    one.add_argument("--limits", default="", help="what is known to be wrong with it")
    one.add_argument("--after", default=None, help="the proposal this one takes the place of")
    _by(one)
    one.set_defaults(run=propose)

    one = acts.add_parser("show", parents=[common], help="one proposal in words")
    _which(one)
    one.add_argument("--lang", choices=("en", "zh"), default="en")
    one.set_defaults(run=show)

    one = acts.add_parser("export", parents=[common], help="one proposal as one HTML file")
    _which(one)
    one.add_argument("--out", type=Path, default=None, help="file to write (default: a name of its own, here)")
    one.add_argument("--lang", choices=("en", "zh"), default="en")
    one.set_defaults(run=export)

    one = acts.add_parser("comment", parents=[common], help="say something about a proposal")
    _which(one)
    one.add_argument("body", help="the comment")
    one.add_argument("--example", type=int, default=None, help="number of the example it is about")
    _by(one)
    one.set_defaults(run=comment)

    one = acts.add_parser("decide", parents=[common], help="approve a proposal, ask for changes, or reject it")
    _which(one)
    one.add_argument("verdict", choices=VERDICTS)
    one.add_argument("--note", default="", help="why; needed for everything but an approval")
    _by(one)
    one.set_defaults(run=decide)


def _which(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("proposal", help="proposal id or the unique start of one")
    verb.add_argument("--snapshot", help="corpus it belongs to (default: the newest)")


def _by(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--by", default=None, help="under this name (default: the user of this machine)")


def _actor(context: Context) -> Actor:
    given = getattr(context.arguments, "by", None)
    return context.actor if given is None else Actor(given, context.actor.role, verified=False)


def _found(context: Context) -> Proposal:
    """The proposal of an id or of the unique start of one.

    Raises:
        SelectionError: several begin so.
        StoreError: none does.
    """
    asked, store = context.arguments.proposal, context.studio.store
    exact = rows.get_or_none(store, asked)
    if exact is not None:
        return exact
    known = [one for one in rows.of_corpus(store, context.snapshot().corpus_id) if one.proposal_id.startswith(asked)]
    if len(known) > 1:
        raise SelectionError("Several proposals begin so", got=asked, fix="Give more of the id.")
    return known[0] if known else rows.get(store, asked)


def _line(found: Proposal) -> dict[str, Any]:
    return {"proposal_id": found.proposal_id, "name": found.name, "state": found.state, "by": found.created_by,
            "at": found.created_at, "selection_id": found.selection_id, "n": found.content["n"],
            "previous_id": found.previous_id}  # fmt: skip


def show_all(context: Context) -> None:
    """The proposals of a corpus with their state and whether they went stale."""
    listed = proposals.listing(context.studio, context.actor, corpus_id=context.snapshot().corpus_id)
    context.emit(proposals=[_line(item.proposal) | {"stale": item.is_stale, "comments": item.n_comments}
                            for item in listed])  # fmt: skip


def propose(context: Context) -> None:
    """Put a frozen selection up for review."""
    given = context.arguments
    made = proposals.propose(context.studio, _actor(context), selection_id=given.selection, name=given.name,
                             purpose=given.purpose, known_limits=given.limits, previous_id=given.after)  # fmt: skip
    context.emit(**_line(rows.get(context.studio.store, made)))


def show(context: Context) -> None:
    """One proposal in words: sentence, recipe, cost, limits, decisions."""
    lang = context.arguments.lang
    seen = proposals.read(context.studio, context.actor, proposal_id=_found(context).proposal_id)
    content = seen.proposal.content
    context.emit(
        **_line(seen.proposal),
        verdict=verdict(content, lang=lang),
        purpose=seen.proposal.purpose,
        recipe=recipe.lines(content["recipe"], lang=lang),
        cost=cost_lines(content, lang=lang),
        benefit=benefit_lines(content, lang=lang),
        checks=check_lines(content, lang=lang),
        limits=_said(content["limits"], lang),
        stale=_said(seen.stale, lang),
        decisions=[{"kind": one.kind, "by": one.created_by, "is_checked": one.verified, "at": one.created_at,
                    "note": one.note}
                   for one in seen.decisions],
        comments=[{"by": one.created_by, "at": one.created_at, "example": one.example_id, "body": one.body}
                  for one in seen.comments],
        proof_test=[proposals_proof_test.facts(context.studio, one, stale=changed, lang=lang)
                    for one, changed in seen.looks],
        labelled=seen.n_labelled,
        rounds=[{"number": one.number, "labels": one.n_labels, "validation_accuracy": one.accuracy,
                 "test_openings": one.test_openings, "test_accuracy": one.test and one.test["accuracy"]["value"],
                 "test_opened": openings.told(context.studio, one.round_id, lang=lang)} for one in seen.rounds],
    )  # fmt: skip


def _said(parts: Sequence[Any], lang: str) -> list[str]:
    return [sentence(one, lang=lang) for one in parts]


def export(context: Context) -> None:
    """Write one proposal as one HTML file."""
    found = _found(context)
    text = proposals_report.write(context.studio, context.actor, proposal_id=found.proposal_id,
                                  lang=context.arguments.lang)  # fmt: skip
    out = context.arguments.out or Path(proposals_report.file_name(found))
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError("The proposal cannot be written", got=str(error),
                         fix="Choose another place with --out.") from error  # fmt: skip
    context.emit(proposal_id=found.proposal_id, file=str(out))


def comment(context: Context) -> None:
    """Say something about a proposal or one of its examples."""
    given = context.arguments
    context.emit(comment_id=proposals.comment(context.studio, _actor(context), proposal_id=_found(context).proposal_id,
                                              body=given.body, example_id=given.example))  # fmt: skip


def decide(context: Context) -> None:
    """Decide on a proposal of somebody else."""
    found = _found(context)
    proposals.decide(context.studio, _actor(context), proposal_id=found.proposal_id, verdict=context.arguments.verdict,
                     note=context.arguments.note)  # fmt: skip
    context.emit(**_line(rows.get(context.studio.store, found.proposal_id)))
