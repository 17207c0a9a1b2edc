"""`split`, `leakage`, `versions`, `diff` and `card`: splits and versions without the browser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.cli.context import Context
from studio.cli.corpora import read_split
from studio.corpus.leakage import SIMILAR
from studio.corpus.splits import METHODS
from studio.errors import CorpusError
from studio.workflows import audits_copies, split_leaks, splits, version_diff, versions

_FIELDS = ("licence", "description", "limits", "personal_data")


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verbs of this room."""
    split = commands.add_parser("split", parents=[common], help="see or change how a snapshot is split")
    split.add_argument("--snapshot", help="id, start of an id, or corpus name (default: the newest)")
    split.add_argument("--method", choices=[name for name in METHODS if name != "mended"],
                       help="left out: show the split in force and the earlier decisions")  # fmt: skip
    split.add_argument("--shares", default="pool=0.7,validation=0.1,test=0.2", metavar="HOW")
    split.add_argument("--seed", type=int, default=0)
    split.add_argument("--by", action="append", default=[], metavar="COL",
                       help="stratified: column to spread alike (label, group_<name>, meta.<column>); "
                       "may be repeated")  # fmt: skip
    split.add_argument("--together", action="append", default=[], metavar="COL",
                       help="grouped: near, or a column whose values are never parted (source, group_<name>, "
                       "meta.<column>); may be repeated")  # fmt: skip
    split.add_argument("--validation-from", metavar="DATE", help="time: first day of validation")
    split.add_argument("--test-from", metavar="DATE", help="time: first day of test")
    split.add_argument("--train-as", choices=("pool", "train"), default="pool")
    split.add_argument("--mend", action="store_true", help="bring families that lie across splits together")
    split.add_argument("--restore", metavar="DECISION", help="put an earlier decision in force again")
    split.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")
    split.add_argument("--accept-test-leaves", action="store_true",
                       help="examples may leave a test split that has been opened")  # fmt: skip
    split.set_defaults(run=_split)
    leaks = commands.add_parser("leakage", parents=[common], help="what lies in two splits at once")
    leaks.add_argument("--snapshot", help="id, start of an id, or corpus name (default: the newest)")
    leaks.add_argument("--cosine", type=float, default=SIMILAR, help="from which texts count as alike in meaning")
    leaks.set_defaults(run=_leakage)
    listed = commands.add_parser("versions", parents=[common], help="the versions of a corpus, oldest first")
    listed.add_argument("--snapshot", help="any version of the corpus (default: the newest)")
    listed.set_defaults(run=_versions)
    diff = commands.add_parser("diff", parents=[common], help="what changed between two versions")
    diff.add_argument("--snapshot", help="the newer version (default: the newest)")
    diff.add_argument(
        "--base", help="the older version: id, start of an id, or name (default: the one it was made from)"
    )
    diff.add_argument("--rows", help="write the rows behind one number: added, dropped, text, label, attributes, moved")
    diff.add_argument("--out", type=Path, help="file for --rows, .csv or .jsonl")
    diff.set_defaults(run=_diff)
    card = commands.add_parser("card", parents=[common], help="the dataset card, as Markdown")
    card.add_argument("--snapshot", help="id, start of an id, or corpus name (default: the newest)")
    card.add_argument("--lang", choices=("en", "zh"), default="en")
    card.add_argument("--out", type=Path, help="file to write (default: standard output)")
    for name in _FIELDS:
        card.add_argument(f"--{name.replace('_', '-')}", default=None, help=f"set this field: {name.replace('_', ' ')}")
    card.set_defaults(run=_card)


def _split(context: Context) -> None:
    given, snapshot_id = context.arguments, context.snapshot().snapshot_id
    studio = context.studio
    if not (given.method or given.mend or given.restore):
        context.emit(snapshot_id=snapshot_id, decisions=[_decision(one) for one in splits.history(studio, snapshot_id)])
        return
    if given.restore:
        found = splits.preview_restore(studio, snapshot_id, given.restore)
    else:
        plan = _plan(context, snapshot_id)
        found = splits.preview(studio, snapshot_id, plan)
    leaving = found.out_of_test if found.openings else 0
    context.emit(snapshot_id=snapshot_id, before=dict(found.before), after=dict(found.after), moved=found.n_moved,
                 annotated_moved=sum(found.labelled.values()), leave_opened_test=leaving,
                 notes=[[key, values] for key, values in found.found.notes])  # fmt: skip
    if given.dry_run:
        return
    if given.restore:
        decision = splits.restore(studio, context.actor, snapshot_id=snapshot_id, decision_id=given.restore,
                                  accept_test_leaves=given.accept_test_leaves)  # fmt: skip
    else:
        decision = splits.decide(studio, context.actor, snapshot_id=snapshot_id, plan=plan,
                                 accept_test_leaves=given.accept_test_leaves)  # fmt: skip
    context.emit(decision_id=decision)


def _plan(context: Context, snapshot_id: str) -> dict[str, Any]:
    given = context.arguments
    if given.mend or "near" in given.together:
        _copies(context, snapshot_id)
    if given.mend:
        return split_leaks.mending_plan(context.studio, snapshot_id)
    cuts = {"validation": given.validation_from, "test": given.test_from}
    return {"method": given.method, "shares": read_split(given.shares)[2], "seed": given.seed, "strata": given.by,
            "together": given.together, "train_as": given.train_as,
            "cuts": {name: day for name, day in cuts.items() if day}}  # fmt: skip


def _decision(one: dict[str, Any]) -> dict[str, Any]:
    kept = {name: one[name] for name in ("decision_id", "in_force", "method", "seed", "counts")}
    return kept | {"by": one["created_by"], "at": one["created_at"].isoformat(timespec="seconds")}


def _copies(context: Context, snapshot_id: str) -> None:
    if audits_copies.ready(context.studio, snapshot_id) is None:
        context.wait(audits_copies.find_copies(context.studio, context.actor, snapshot_id=snapshot_id))


def _leakage(context: Context) -> None:
    snapshot_id = context.snapshot().snapshot_id
    _copies(context, snapshot_id)
    found = split_leaks.report(context.studio, snapshot_id, threshold=context.arguments.cosine)
    kinds = ("exact", "near", "conflict", "semantic")
    context.emit(
        snapshot_id=snapshot_id,
        examples_across=found.n_mendable,
        encoder=found.encoder,
        leaks=[
            {"kind": leak.kind, "in": leak.second, "from": leak.first, "pairs": leak.n_pairs, "n": leak.n_second,
             "of": leak.size_second, "rate": leak.rate, "low": leak.low, "high": leak.high}
            for kind in kinds for leak in found.of(kind)
        ],
    )  # fmt: skip


def _versions(context: Context) -> None:
    corpus_id = context.snapshot().corpus_id
    context.emit(
        corpus_id=corpus_id,
        versions=[
            {"number": v.number, "snapshot_id": v.snapshot.snapshot_id, "name": v.snapshot.name, "parent": v.parent_id,
             "method": v.method, "steps": [versions.step_text(step, "en") for step in v.steps],
             "n_examples": v.snapshot.n_examples, "content_sha256": v.snapshot.manifest.get("content_sha256"),
             "by": v.snapshot.created_by, "at": v.snapshot.created_at}
            for v in versions.versions_of(context.studio, corpus_id)
        ],
    )  # fmt: skip


def _diff(context: Context) -> None:
    given, studio, after = context.arguments, context.studio, context.snapshot()
    base = given.base
    if not base:
        own = next(
            v for v in versions.versions_of(studio, after.corpus_id) if v.snapshot.snapshot_id == after.snapshot_id
        )
        base = own.parent_id
    if not base:
        raise CorpusError("This version was not made from another one", got=after.name, fix="Name one with --base.")
    base = context.snapshot_named(base).snapshot_id
    found = version_diff.diff(studio, base, after.snapshot_id)
    context.emit(before=base, after=after.snapshot_id, **{f"n_{name}": n for name, n in found.facts.items()},
                 reasons=found.reasons.to_dict("records"), labels=found.labels.to_dict("records"),
                 squeezed=[{"column": column, "value": shift.value, "gone": shift.effect.n_touched, "of": shift.before,
                            "share": shift.effect.share, "others": shift.effect.others}
                           for column, shift in found.alarms])  # fmt: skip
    if given.rows:
        if given.out is None:
            raise CorpusError("The rows need a file", fix="Name one with --out, such as rows.csv.")
        given.out.write_bytes(version_diff.rows_file(studio, found, given.rows, given.out.suffix.lstrip(".")))
        context.emit(file=str(given.out))


def _card(context: Context) -> None:
    given, studio, snapshot_id = context.arguments, context.studio, context.snapshot().snapshot_id
    asked = {name: value for name in _FIELDS if (value := getattr(given, name)) is not None}
    if asked:
        now = versions.card_fields(studio, snapshot_id)[0].to_json()
        versions.save_card(studio, context.actor, snapshot_id=snapshot_id, **(now | asked))
    text = versions.card_text(studio, snapshot_id, lang=given.lang)
    if given.out is not None:
        given.out.write_text(text, encoding="utf-8")
        context.emit(snapshot_id=snapshot_id, file=str(given.out))
    elif given.json:
        context.emit(snapshot_id=snapshot_id, card=text)
    else:
        print(text)
