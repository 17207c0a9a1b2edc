"""What the columns mean, from the command line: role flags, saved mappings, and the guess; `recipes` lists them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studio.cli.context import Context
from studio.corpus.preview import Preview
from studio.corpus.recipes import MappingRecipe
from studio.corpus.roles import NEEDED, OPTIONAL, Roles
from studio.corpus.shapes.guess import Guess, roles_for, tidy
from studio.errors import CorpusError
from studio.records import TASK_TYPES
from studio.workflows import mappings

# Flag -> the task it speaks of when none is named and the guess has no such role; the first flag given decides.
_SPEAKS_OF: Mapping[str, str] = {
    "labels": "classification_multi", "messages": "chat", "chosen": "preference", "rejected": "preference",
    "tokens": "token_classification", "tags": "token_classification", "spans": "token_classification",
    "context": "generative_qa", "prompt": "prompt_completion", "completion": "prompt_completion",
    "label": "classification", "text": "classification",
}  # fmt: skip


@dataclass(frozen=True)
class Decided:
    """The mapping an import uses and where it comes from: the guess, the flags, or a saved mapping."""

    roles: Roles
    guess: Guess
    recipe: MappingRecipe | None

    def said(self) -> dict[str, Any]:
        """For the JSON answer: task, shape, confidence of the guess, the roles in force."""
        same = self.recipe is None and self.guess.task == self.roles.task
        return {
            "task": self.roles.task,
            "shape": self.guess.shape if same else (self.recipe.shape if self.recipe else "by_hand"),
            "confidence": self.guess.confidence if same else None,
            "guessed_task": self.guess.task,
            "roles": {name: value for name, value in self.roles.to_json().items() if value not in (None, [])},
            "recipe": self.recipe.name if self.recipe else None,
        }


def add_flags(read: argparse.ArgumentParser) -> None:
    """The flags of `import` that say what the columns mean."""
    read.add_argument("--task", choices=[task.name for task in TASK_TYPES], help="what the examples are for "
                      "(default: guessed)")  # fmt: skip
    read.add_argument("--text", metavar="COL", help="text column (default: guessed)")
    read.add_argument("--label", metavar="COL", help="label column (default: guessed, unless --text is given)")
    read.add_argument("--labels", metavar="COL", action="append", default=[],
                      help="column with several labels, or one column of 0 and 1 per label; repeatable")  # fmt: skip
    read.add_argument("--separator", default=None, help="what stands between labels in one column")
    read.add_argument("--label-names", type=Path, metavar="FILE", help="names of label numbers 0, 1 ..., one per line")
    for role in ("prompt", "completion", "context", "messages", "system", "tokens", "tags", "spans", "chosen",
                 "rejected"):  # fmt: skip
        read.add_argument(f"--{role}", metavar="COL")
    read.add_argument("--guess-groups", action="store_true", help="take the columns that look like group attributes")
    read.add_argument("--recipe", metavar="FILE_OR_NAME", help="a saved mapping: its name, or its JSON file")


def add_recipes(commands: Any, common: argparse.ArgumentParser) -> None:
    """Register `recipes list` and `recipes show`."""
    room = commands.add_parser("recipes", parents=[common], help="saved mappings of columns to roles")
    verbs = room.add_subparsers(dest="verb", metavar="VERB", required=True)
    listing = verbs.add_parser("list", parents=[common], help="their names, newest first")
    listing.set_defaults(run=_list)
    show = verbs.add_parser("show", parents=[common], help="one as JSON, as `import --recipe` reads it")
    show.add_argument("name", metavar="NAME")
    show.set_defaults(run=_show)


def recipe_of(context: Context) -> MappingRecipe | None:
    """The saved mapping asked for.

    Raises:
        CorpusError: no such mapping.
    """
    asked = context.arguments.recipe
    return mappings.find(context.studio, asked) if asked else None


def decide(context: Context, looks: Sequence[Preview], recipe: MappingRecipe | None, split: str | None) -> Decided:
    """The mapping of an import: the saved one or the guess, with every flag that was given on top.

    Args:
        context: the command.
        looks: one look per file; the first decides.
        recipe: from `recipe_of`.
        split: the split column, None for another way to split.

    Raises:
        CorpusError: columns the files lack, or a mapping that cannot be.
    """
    given, seen = context.arguments, looks[0]
    columns = tuple(dict.fromkeys(name for look in looks for name in look.names))
    flags = {role: getattr(given, role) for role in _SPEAKS_OF if role != "labels" and getattr(given, role)}
    flags |= {"labels": tuple(given.labels)} if given.labels else {}
    if recipe is not None:
        recipe.check(columns)
        start = recipe.roles
    else:
        start = _start(given, flags, seen)
    context_columns = {"source": given.source, "time": given.time, "language": given.language_column, "split": split}
    if recipe is None:
        groups = start.groups if given.guess_groups else ()
        start = replace(start, groups=groups, source=None, time=None, language=None, split=None)
    flags |= {name: value for name, value in context_columns.items() if value}
    flags |= {"groups": tuple(given.group)} if given.group else {}
    flags |= {"system": given.system} if given.system else {}
    flags |= {"separator": given.separator} if given.separator is not None else {}
    flags |= {"label_names": _names(given.label_names)} if given.label_names else {}
    taken = {value for value in flags.values() if isinstance(value, str)} | set(flags.get("labels", ()))
    start = replace(start, groups=tuple(name for name in start.groups if name not in taken))
    roles = tidy(replace(start, **flags), seen.records)
    roles.check(columns)
    decided = Decided(roles, seen.guess, recipe)
    if recipe is None and not flags and not given.task:
        used = ", ".join(f"{name}={value}" for name, value in _used(roles).items()) or "no columns"
        context.say(f"looks like {roles.task} ({seen.guess.shape}), {seen.guess.confidence:.0%} sure: {used}")
    return decided


def _start(given: argparse.Namespace, flags: Mapping[str, Any], seen: Preview) -> Roles:
    """The guess where it has the roles of the flags, else the guess for the task the flags speak of."""
    own = {*NEEDED[seen.guess.task], *OPTIONAL[seen.guess.task]}
    task = given.task
    if task is None:
        stranger = next((role for role in _SPEAKS_OF if role in flags and role not in own), None)
        task = _SPEAKS_OF[stranger] if stranger else seen.guess.task
    start = seen.guess.roles if task == seen.guess.task else roles_for(task, seen.guess, seen.names, seen.records)
    if "text" in flags and "label" not in flags and task == "classification":
        start = replace(start, label=None)
    if "labels" in flags:
        start = replace(start, separator=start.separator if start.labels == flags["labels"] else "")
    taken = set(value for value in flags.values() if isinstance(value, str)) | set(flags.get("labels", ()))
    freed = {role: None for role in own if role not in flags and role != "labels" and getattr(start, role) in taken}
    return replace(start, **freed)


def _used(roles: Roles) -> dict[str, str]:
    named = {role: roles.column(role) for role in (*NEEDED[roles.task], *OPTIONAL[roles.task])}
    return {role: column for role, column in named.items() if column}


def _names(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError("The file of label names cannot be read", got=str(path),
                          fix="Give a UTF-8 text file with one name per line.") from error  # fmt: skip
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _list(context: Context) -> None:
    rows = mappings.saved(context.studio)
    context.emit(recipes=[{"name": row.name, "id": row.recipe_id, "task": row.body["roles"].get("task"),
                           "created_at": row.created_at, "created_by": row.created_by} for row in rows])  # fmt: skip


def _show(context: Context) -> None:
    context.emit(**mappings.find(context.studio, context.arguments.name).to_json())
