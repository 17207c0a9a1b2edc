"""`demo` and `import`: corpora in without the browser."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.cli import mapping
from studio.cli.context import Context
from studio.corpus.formats import KINDS, Choices, require_sure
from studio.corpus.preview import Preview
from studio.corpus.reading.encodings import ENCODINGS, NAMES, known
from studio.corpus.reading.form import UNITS
from studio.errors import CorpusError
from studio.records import LANGUAGES, SPLITS
from studio.store import corpora as corpus_rows
from studio.store import splits
from studio.workflows import corpora, corpora_hub, mappings

_DEFAULT_SPLIT = "pool=0.7,validation=0.1,test=0.2"


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register the verbs of this room."""
    demo = commands.add_parser("demo", parents=[common], help="make and import the built-in demo corpus")
    demo.add_argument("--language", choices=LANGUAGES, default="en")
    demo.add_argument("--seed", type=int, default=corpora.DEMO_SEED, help="another seed makes another corpus")
    demo.add_argument("--size", type=int, default=0, help="number of examples (default 6,400)")
    demo.add_argument("--detach", action="store_true", help="queue the run and return")
    demo.set_defaults(run=_demo)
    _add_import(commands, common)
    mapping.add_recipes(commands, common)


def _add_import(commands: Any, common: argparse.ArgumentParser) -> None:
    read = commands.add_parser("import", parents=[common], help="freeze files into a snapshot")
    read.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="CSV, TSV, Excel, JSON lines, JSON, SQuAD, CoNLL, Parquet or plain text, also .gz and .zst",
    )
    mapping.add_flags(read)
    read.add_argument("--group", metavar="COL", action="append", default=[], help="group attribute; may be repeated")
    read.add_argument("--source", metavar="COL", help="column that says where an example comes from")
    read.add_argument("--time", metavar="COL")
    read.add_argument("--language-column", metavar="COL")
    read.add_argument("--name", default="", help="name of the corpus (default: the first file's name)")
    read.add_argument("--language", choices=LANGUAGES, help="of the texts (default: guessed)")
    read.add_argument("--version-of", metavar="NAME", help="store as a new version of this corpus")
    read.add_argument("--kind", choices=[kind for kind in KINDS if kind not in ("parquet", "excel")],
                      help="of text files (default: found from the content)")  # fmt: skip
    read.add_argument("--hub", metavar="ID", help="a dataset of the hub, where the host allows the network")
    read.add_argument("--hub-config", metavar="NAME")
    read.add_argument("--hub-split", metavar="NAME", default="train")
    read.add_argument("--encoding", metavar="NAME", help="such as gb18030, big5 or cp1252 (default: found out)")
    read.add_argument("--delimiter", metavar="CHAR", help="of CSV files (default: found out)")
    read.add_argument("--sheet", metavar="NAME", help="of an Excel file, or list of a JSON object (default: the first)")
    read.add_argument("--unit", choices=UNITS, help="what one example of a plain text is (default: found out)")
    header = read.add_mutually_exclusive_group()
    header.add_argument("--header", dest="header", action="store_true", default=None,
                        help="the first row of CSV or TSV holds column names (default: found out)")  # fmt: skip
    header.add_argument("--no-header", dest="header", action="store_false")
    read.add_argument("--split", default=None, metavar="HOW",
                      help="shares such as pool=0.7,validation=0.1,test=0.2; or column:COL; or file (from the file "
                           "names: train, dev, test)")  # fmt: skip
    read.add_argument("--train-as", choices=("pool", "train"), default="pool",
                      help="what training rows of an imported split become (default: pool, labels hidden)")  # fmt: skip
    read.add_argument("--seed", type=int, default=0, help="of the random split")
    read.add_argument("--detach", action="store_true", help="queue the run and return")
    read.set_defaults(run=_import)


def _demo(context: Context) -> None:
    given = context.arguments
    run_id = corpora.open_demo(context.studio, context.actor, language=given.language, seed=given.seed, n=given.size)
    _finish(context, run_id)


def _import(context: Context) -> None:
    given = context.arguments
    by_file, split_column, shares = read_split(given.split or _DEFAULT_SPLIT)
    if not given.files and not given.hub:
        raise CorpusError("No file is given", fix="Choose at least one file.")
    missing = [str(path) for path in given.files if not path.exists()]
    if missing:
        raise CorpusError("The file is not there", got=", ".join(missing), fix="Check the path.")
    recipe = mapping.recipe_of(context)
    files = [corpora.spool(context.studio, context.actor, name=path.name, data=path) for path in given.files]
    files += [_fetched(context)] if given.hub else []
    choices = replace(mappings.choices_of(recipe), **_choices(given).to_json())
    files = [replace(file, choices=choices) for file in files]
    looks = [corpora.preview(context.studio, context.actor, file=file, header=given.header) for file in files]
    _say_encodings(context, looks)
    decided = mapping.decide(context, looks, recipe, split_column)
    if recipe is not None and recipe.split and given.split is None:
        plan = mappings.split_of(recipe)
    else:
        method = "imported" if by_file or split_column else "random"
        plan = corpora.SplitPlan(method, shares, given.seed, given.train_as, by_file)
    context.emit(**decided.said())
    run_id = corpora.start_import(context.studio, context.actor, files=files, roles=decided.roles, name=given.name,
                                  language=given.language, corpus_id=_version_of(context), split=plan,
                                  header=given.header)  # fmt: skip
    _finish(context, run_id)


def _fetched(context: Context) -> corpora.GivenFile:
    """Download a dataset of the hub and wait for it."""
    given = context.arguments
    run_id = corpora_hub.fetch(context.studio, context.actor, dataset_id=given.hub, split=given.hub_split,
                               config=given.hub_config)  # fmt: skip
    context.wait(run_id)
    return corpora_hub.fetched(context.studio, run_id)


def _choices(given: argparse.Namespace) -> Choices:
    """How the files are to be read, as far as the command line says."""
    encoding = known(given.encoding) if given.encoding else None
    if given.encoding and encoding is None:
        raise CorpusError("This encoding is not known", got=given.encoding, fix=f"Use one of: {', '.join(ENCODINGS)}.")
    return Choices(given.kind, encoding, given.delimiter, given.header, given.sheet, given.unit)


def _say_encodings(context: Context, looks: Sequence[Preview]) -> None:
    """Say every encoding that is not UTF-8 with a line to judge it by; a weak guess ends the command."""
    for seen in looks:
        guess = seen.form.guess
        require_sure(seen.form, Choices(), seen.name)
        if guess.encoding != "utf-8":
            context.say(f"{seen.name}: {NAMES[guess.encoding]} ({guess.confidence:.0%} sure), a line: {guess.sample}")


def _version_of(context: Context) -> str | None:
    name = context.arguments.version_of
    if not name:
        return None
    found = corpus_rows.named(context.studio.store, name)
    if found is None:
        raise CorpusError("There is no corpus of that name", got=name, fix="Leave --version-of out for a new corpus.")
    return str(found["corpus_id"])


def read_split(text: str) -> tuple[bool, str | None, dict[str, float] | None]:
    """How to split, from the command line: (by file name, split column, shares).

    Raises:
        CorpusError: none of the three forms.

    Example:
        >>> read_split("column:fold")
        (False, 'fold', None)
    """
    if text == "file":
        return True, None, None
    if text.startswith("column:") and len(text) > len("column:"):
        return False, text.removeprefix("column:"), None
    shares: dict[str, float] = {}
    for part in text.removeprefix("random").lstrip(":").split(","):
        name, _, value = part.partition("=")
        try:
            shares[name.strip()] = float(value)
        except ValueError as error:
            raise CorpusError("The split cannot be read", got=text,
                              fix=f"Write {_DEFAULT_SPLIT}, column:COL or file.") from error  # fmt: skip
    if not set(shares) <= set(SPLITS):
        raise CorpusError("The split cannot be read", got=text, fix=f"Use the names {', '.join(SPLITS)}.")
    return False, None, shares


def _finish(context: Context, run_id: str) -> None:
    context.wait(run_id)
    if context.arguments.detach:
        return
    result = corpora.outcome(context.studio, run_id)
    snapshot = result.snapshot
    if snapshot is None:
        raise CorpusError("The import is done but its snapshot could not be stored", got=run_id,
                          fix="Look at the run with `python -m studio runs`.")  # fmt: skip
    if not result.is_new:
        context.say(f"This content is here already as {snapshot.name}; nothing was stored twice.")
    context.emit(
        snapshot_id=snapshot.snapshot_id,
        corpus_id=snapshot.corpus_id,
        name=snapshot.name,
        language=snapshot.language,
        is_new=result.is_new,
        run_id=run_id,
        n_records=result.n_records,
        n_examples=result.n_examples,
        n_rejects=result.n_rejects,
        rejects=dict(result.rejects),
        rejects_file=str(result.rejects_path) if result.n_rejects else None,
        labels=len(snapshot.label_names),
        groups=list(snapshot.groups),
        splits=splits.counts(context.studio.store, snapshot.snapshot_id),
        warnings=list(result.warnings),
    )
