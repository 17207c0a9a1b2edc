"""`audit`: every audit of a snapshot, findings as sentences or JSON."""

from __future__ import annotations

import argparse

from studio.cli.context import Context
from studio.cli.diversity import measured
from studio.store.findings import finding_to_json
from studio.words import t
from studio.workflows import audits as audit_acts
from studio.workflows import audits_copies


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Register the verb."""
    verb = commands.add_parser("audit", parents=[common], help="bias, balance, copies and diversity of a corpus")
    verb.add_argument("--snapshot", default=None, help="snapshot id or corpus name (default: the newest)")
    verb.add_argument("--labels", choices=audit_acts.LABEL_MODES, default="all",
                      help="all labels as imported (default), or only those visible to annotators")  # fmt: skip
    verb.add_argument("--only", nargs="+", choices=audit_acts.NAMES, default=list(audit_acts.NAMES), metavar="AUDIT",
                      help=f"some of: {', '.join(audit_acts.NAMES)}")  # fmt: skip
    verb.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the sentences")
    verb.add_argument("--no-diversity", action="store_true", help="leave the diversity numbers out")
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """Run the audits; a large snapshot's copies are looked for by a run first."""
    arguments, snapshot = context.arguments, context.snapshot()
    studio, actor, language = context.studio, context.actor, arguments.lang
    if "duplicates" in arguments.only and audits_copies.ready(studio, snapshot.snapshot_id) is None:
        context.wait(audits_copies.find_copies(studio, actor, snapshot_id=snapshot.snapshot_id))
    report = audit_acts.run_audits(studio, actor, snapshot_id=snapshot.snapshot_id, names=arguments.only,
                                   label_mode=arguments.labels)  # fmt: skip
    found = [
        finding_to_json(finding) | {"sentence": t(finding.key, lang=language, **finding.values)}
        for result in report.results.values()
        for finding in result.findings
    ]
    notes = {name: [t(note, lang=language) for note in result.notes] for name, result in report.results.items()}
    values = {
        "snapshot_id": snapshot.snapshot_id,
        "n": report.n,
        "n_labelled": report.n_labelled,
        "labels": report.label_mode,
        "alarms": sum(item["alarm"] for item in found),
        "notes": {name: said for name, said in notes.items() if said},
    }
    diversity = None
    if not arguments.no_diversity:
        table = measured(context, snapshot).dropna(subset=["value"])
        diversity = dict(zip(table["name"], table["value"], strict=True))
    if arguments.json:
        context.emit(**values, findings=found, diversity=diversity)
        return
    for item in sorted(found, key=lambda item: not item["alarm"]):
        context.say(f"{'!' if item['alarm'] else ' '} {item['sentence']}")
    context.say(t("audit.intro", lang=language))
    context.emit(**values)
    for name, value in (diversity or {}).items():
        context.emit(**{t(f"diversity.name.{name}", lang=language): round(value, 4)})
