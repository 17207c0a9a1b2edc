"""`storage`, `purge` and `find`: what takes space, removing for good, and looking for examples by need."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.cli.context import Context
from studio.errors import CorpusError
from studio.store import corpora as corpus_rows
from studio.store import snapshots
from studio.workflows import find, find_freeze, purge, storage


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verbs of this room."""
    used = commands.add_parser("storage", parents=[common], help="what takes space, and deleting what may go")
    used.add_argument("--delete", metavar="KEY", action="append", default=[], help="an item's key; may be repeated")
    used.add_argument("--confirm", default="", help="how many items --delete names")
    used.add_argument("--limit", type=int, default=20, help="items to list (default 20, 0 for all)")
    used.set_defaults(run=_storage)
    _add_purge(commands, common)
    _add_find(commands, common)


def _add_purge(commands: Any, common: argparse.ArgumentParser) -> None:
    gone = commands.add_parser("purge", parents=[common], help="remove examples everywhere, for good")
    gone.add_argument("--corpus", metavar="NAME", help="the corpus (default for --where: all of them)")
    what = gone.add_mutually_exclusive_group()
    what.add_argument("--example", type=int, action="append", default=[], metavar="N", help="may be repeated")
    what.add_argument("--where", metavar="COLUMN=VALUE", help="rows of a person or source, such as meta.author=anna")
    what.add_argument("--whole", action="store_true", help="the whole corpus")
    gone.add_argument("--confirm", default="", help="what the first look asks to type; without it nothing is removed")
    gone.add_argument("--only-these", action="store_true", help="leave other examples with the same text")
    gone.add_argument("--keep-backups", action="store_true")
    gone.add_argument("--keep-inbox", action="store_true")
    gone.add_argument("--delete-model", metavar="ROUND", action="append", default=[], help="may be repeated")
    gone.add_argument("--go-on", action="store_true", help="finish a removal that was stopped in the middle")
    gone.set_defaults(run=_purge)


def _add_find(commands: Any, common: argparse.ArgumentParser) -> None:
    look = commands.add_parser("find", parents=[common], help="examples that fit a need, from all corpora here")
    look.add_argument("--describe", default="", metavar="TEXT", help="what the task is about")
    look.add_argument("--like", type=Path, metavar="FILE", help="texts that fit: one per line, or JSONL with `text`")
    look.add_argument("--unlike", type=Path, metavar="FILE", help="texts that do not fit")
    look.add_argument("--in", dest="corpora", metavar="NAME", action="append", default=[], help="only these corpora")
    look.add_argument("--budget", type=int, default=200)
    look.add_argument("--by", choices=("both", "meaning", "words"), default="both")
    look.add_argument("--least", type=float, default=-1.0, metavar="COSINE", help="of embedded corpora")
    look.add_argument("--seed", type=int, default=0, help="of the random draw beside, and of the split")
    look.add_argument("--freeze", metavar="NAME", help="make the hits a corpus of this name")
    look.add_argument("--detach", action="store_true", help="queue the freezing and return")
    look.set_defaults(run=_find)


def _storage(context: Context) -> None:
    given = context.arguments
    if given.delete:
        freed = storage.delete(context.studio, context.actor, keys=given.delete, confirm=given.confirm)
        context.emit(deleted=given.delete, freed_bytes=freed)
        return
    found = storage.usage(context.studio)
    items = found.items[: given.limit] if given.limit else found.items
    kinds = {kind: {"bytes": size, "items": n} for kind, (size, n) in found.by_kind().items()}
    context.emit(bytes=found.n_bytes, free_bytes=found.free_bytes, is_low=found.is_low, kinds=kinds,
                 items=[storage.as_dict(item) for item in items])  # fmt: skip


def _purge(context: Context) -> None:
    given, studio = context.arguments, context.studio
    if given.go_on:
        context.wait(purge.go_on(studio, context.actor))
        context.emit(report=purge.reports(studio)[0])
        return
    target, options = _target(context), purge.Options(not given.keep_backups, not given.keep_inbox,
                                                      tuple(given.delete_model))  # fmt: skip
    if not given.confirm:
        made = purge.plan(studio, target, options)
        context.emit(n_examples=made.n_examples, by_corpus=[list(row) for row in made.by_corpus],
                     children=made.n_children, copies=made.n_copies, in_other_corpora=made.n_elsewhere,
                     places=[asdict(place) for place in made.places], trained_on=list(made.models),
                     running=list(made.live), confirm=made.confirm, removed=False)  # fmt: skip
        return
    context.wait(purge.start(studio, context.actor, target=target, confirm=given.confirm, options=options))
    context.emit(removed=True, report=purge.reports(studio)[0])


def _target(context: Context) -> purge.Target:
    given = context.arguments
    corpus_id = _corpus(context, given.corpus) if given.corpus else ""
    copies = not given.only_these
    if given.where:
        column, equals, value = given.where.partition("=")
        if not equals:
            raise CorpusError(
                "The rows cannot be read", got=given.where, fix="Write COLUMN=VALUE, for example meta.author=anna."
            )
        return purge.Target("value", corpus_id, column=column, value=value, copies=copies)
    if not corpus_id:
        raise CorpusError("A corpus must be named", fix="Add --corpus NAME.")
    if given.example:
        return purge.Target("example", corpus_id, tuple(given.example), copies=copies)
    if given.whole:
        return purge.Target("corpus", corpus_id, copies=copies)
    raise CorpusError("Nothing is named to remove", fix="Use --example N, --where COLUMN=VALUE or --whole.")


def _corpus(context: Context, name: str) -> str:
    found = corpus_rows.named(context.studio.store, name)
    if found is None:
        raise CorpusError("There is no corpus of that name", got=name, fix="Look at the names with `storage`.")
    return str(found["corpus_id"])


def _find(context: Context) -> None:
    given, studio = context.arguments, context.studio
    chosen = [snapshots.of_corpus(studio.store, _corpus(context, name))[0].snapshot_id for name in given.corpora]
    need = find.Need(given.describe, _texts(given.like), _texts(given.unlike), tuple(chosen), given.budget, given.by,
                     given.least, given.seed)  # fmt: skip
    found = find.search(studio, need)
    table = find_freeze.compare(studio, found)
    context.emit(n_hits=len(found.hits), searched=found.n_pool, encoders=list(found.encoders),
                 words_only=list(found.unembedded),
                 compared=json.loads(table.to_json(orient="records")))  # fmt: skip
    if not given.freeze:
        context.emit(hits=json.loads(found.hits.to_json(orient="records")))
        return
    run_id = find_freeze.freeze(studio, context.actor, need=need, keys=found.hits["key"].tolist(), name=given.freeze)
    context.wait(run_id)
    if not given.detach:
        context.emit(run_id=run_id, snapshot_id=find_freeze.outcome(studio, run_id))


def _texts(path: Path | None) -> tuple[str, ...]:
    """Texts of a file: one per line, or the field `text` of JSON lines."""
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            "The file of examples cannot be read", got=path.name, fix="Give a UTF-8 text file."
        ) from error
    found = []
    for line in lines:
        text = line.strip()
        if text.startswith("{"):
            try:
                text = str(json.loads(text).get("text") or "")
            except (ValueError, AttributeError):
                pass
        if text:
            found.append(text)
    return tuple(found)
