"""`audit`: every audit of a snapshot, findings as sentences or JSON."""

from __future__ import annotations

import argparse

from studio.audits import engine
from studio.cli.context import Context
from studio.cli.diversity import measured
from studio.findings import finding_to_json
from studio.records import AuditResult, Snapshot
from studio.reports.findings import sentence
from studio.words import t
from studio.workflows import audits as audit_acts
from studio.workflows import counterfactual, runs


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
    verb.add_argument("--counterfactual", nargs="?", const="", default=None, metavar="AXIS:GROUP:OTHER",
                      help="instead: swap two groups' terms (default: the first pair) and compare")  # fmt: skip
    verb.set_defaults(run=run)


def run(context: Context) -> None:
    """Run the audits: at once where the snapshot is small, else as a run."""
    arguments, snapshot = context.arguments, context.snapshot()
    studio, actor, language = context.studio, context.actor, arguments.lang
    if arguments.counterfactual is not None:
        _swap(context, snapshot)
        return
    given = {"snapshot_id": snapshot.snapshot_id, "names": arguments.only, "label_mode": arguments.labels}
    report = audit_acts.report(studio, **given)
    if not audit_acts.is_small(snapshot) and (report is None or report.older or report.missing):
        run_id = audit_acts.start(studio, actor, **given)
        if context.wait(run_id).state != "done":  # left to go on by itself
            return
        runs.wait(studio, run_id)
    report = audit_acts.run_audits(studio, actor, **given)
    found = [
        finding_to_json(finding) | {"sentence": sentence(finding, lang=language)}
        for result in report.results.values()
        for finding in result.findings
    ]
    notes = {name: _notes(result, language) for name, result in report.results.items()}
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


def _notes(result: AuditResult, language: str) -> list[str]:
    """What a check says of itself; why it could not be computed, where it could not."""
    why = engine.reason(result)
    said = [t(note, lang=language) for note in result.notes]
    return said if why is None else [f"{said[0]} {why.line()}"]


def _swap(context: Context, snapshot: Snapshot) -> None:
    """Swap the terms of two groups; the whole outcome as JSON, else its sentences."""
    asked, choices = context.arguments.counterfactual, counterfactual.options(snapshot)
    contrast = tuple(asked.split(":")) if asked else (choices or (("", "", ""),))[0]
    given = {"snapshot_id": snapshot.snapshot_id, "contrast": contrast}
    run_id = counterfactual.start(context.studio, context.actor, **given)
    if context.wait(run_id).state != "done":
        return
    runs.wait(context.studio, run_id)
    found = counterfactual.outcome(context.studio, **given)
    content = dict(found.content) if found else {}
    if context.arguments.json:
        context.emit(snapshot_id=snapshot.snapshot_id, **content)
        return
    lang = context.arguments.lang
    numbers = {"pairs": content["n_pairs"], "read": content["n_read"], "texts": content["n_texts"],
               "both": content["n_both"]}  # fmt: skip
    context.say(t("counterfactual.read", lang=lang, **numbers))
    for part in content["flips"][:1]:
        values = {name: part[name] for name in ("n", "flips", "share", "low", "high")}
        context.say(t("counterfactual.flips", lang=lang, **values))
    context.emit(snapshot_id=snapshot.snapshot_id, n_pairs=content["n_pairs"], changes=content["changes"])
