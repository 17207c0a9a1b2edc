"""`lexicon`: the identity terms, built in or in force for a corpus; as CSV, and back from one."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from studio import lexicons
from studio.cli.context import Context
from studio.errors import CorpusError
from studio.records import LANGUAGES, Lexicon
from studio.workflows import lexicons as acts


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("lexicon", parents=[common], help="identity terms: show, write as CSV, use a list")
    verb.add_argument("--language", choices=LANGUAGES, default="en", help="of the built-in list (default: en)")
    verb.add_argument("--snapshot", default=None, help="the list in force for this snapshot's corpus instead")
    verb.add_argument("--export", type=Path, default=None, metavar="FILE", help="write the list as CSV")
    verb.add_argument("--use", type=Path, default=None, metavar="FILE", help="with --snapshot: put a CSV list in force")
    verb.add_argument("--reset", action="store_true", help="with --snapshot: go back to the built-in list")
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """Show where the list comes from and how many terms each axis has."""
    arguments = context.arguments
    if (arguments.use or arguments.reset) and not arguments.snapshot:
        raise CorpusError("A list is used for one corpus", fix="Name it with --snapshot.")
    found = _of_corpus(context) if arguments.snapshot else lexicons.builtin(arguments.language)
    if arguments.export is not None:
        _write(found, arguments.export)
        context.emit(written=str(arguments.export))
    axes = Counter(term.axis for term in found.terms)
    context.emit(
        language=found.language,
        source=found.source,
        reviewer=found.reviewer,
        terms=len(found.terms),
        ambiguous=sum(term.is_ambiguous for term in found.terms),
        axes={axis: axes[axis] for axis in lexicons.AXES if axes[axis]},
        struck_hits=len(found.struck),
    )


def _of_corpus(context: Context) -> Lexicon:
    arguments, snapshot = context.arguments, context.snapshot()
    given = {"snapshot_id": snapshot.snapshot_id}
    if arguments.use is not None:
        try:
            data = arguments.use.read_bytes()
        except OSError as error:
            raise CorpusError(
                "The list of terms cannot be opened", got=str(arguments.use), fix="Check its path."
            ) from error
        acts.set_from_file(context.studio, context.actor, **given, data=data, name=arguments.use.name)
    elif arguments.reset:
        acts.reset(context.studio, context.actor, **given)
    found = acts.in_force(context.studio, snapshot)
    if found is None:
        raise CorpusError("There is no list of terms in this language", got=snapshot.language, fix="Choose en or zh.")
    return found


def _write(found: Lexicon, place: Path) -> None:
    try:
        place.write_text(lexicons.to_csv(found), encoding="utf-8", newline="")
    except OSError as error:
        raise CorpusError("The list of terms cannot be written", got=str(place), fix="Choose another place.") from error
