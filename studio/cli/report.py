"""`report`: what is wrong with a corpus, as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.cli.context import Context
from studio.errors import StoreError
from studio.reports import findings as said
from studio.reports.corpus import verdict
from studio.workflows import audits as audit_acts
from studio.workflows import report as report_acts


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("report", parents=[common], help="what is wrong with a corpus, as one HTML file")
    verb.add_argument("--snapshot", default=None, help="snapshot id or corpus name (default: the newest)")
    verb.add_argument("--out", type=Path, default=None, help="file to write (default: a name of its own, here)")
    verb.add_argument("--labels", choices=audit_acts.LABEL_MODES, default="all",
                      help="all labels as imported (default), or only those visible to annotators")  # fmt: skip
    verb.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the report")
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """Write the report of the checks that have run; `audit` runs them."""
    arguments, snapshot = context.arguments, context.snapshot()
    given = {"snapshot_id": snapshot.snapshot_id, "label_mode": arguments.labels, "lang": arguments.lang}
    found = report_acts.compose(context.studio, context.actor, **given, is_whole=False)
    text = report_acts.write(context.studio, context.actor, **given)
    if found is None or text is None:
        raise StoreError("The checks of this version have not run", got=snapshot.name, fix="Run `audit` first.")
    out = arguments.out or Path(report_acts.file_name(snapshot))
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            "The report cannot be written", got=str(error), fix="Choose another place with --out."
        ) from error
    context.say(verdict(found, lang=arguments.lang))
    sentences = [said.sentence(finding, lang=arguments.lang) for finding in said.by_urgency(found.alarms)]
    for sentence in sentences:
        context.say(f"- {sentence}")
    context.emit(snapshot_id=snapshot.snapshot_id, file=str(out), findings=len(sentences), sentences=sentences)
