"""One file into another format without an import: read, shaped and written row by row, in a process with limits."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from studio.corpus import formats, readers
from studio.corpus.reading.form import Choices, Format
from studio.corpus.recipes import MappingRecipe
from studio.corpus.roles import Roles, guess_language
from studio.corpus.rows import Rows
from studio.corpus.schema import ROLE_FIELDS
from studio.corpus.shapes.guess import guess, roles_for, tidy
from studio.corpus.writing import bundle, catalogue, files, rows, sinks, template
from studio.corpus.writing.plan import ExportPlan
from studio.errors import CorpusError

_SAMPLE = 1_000
_MOST_TEXT = 200_000
_MEMORY_BYTES = 4 * 1024**3
_CPU_SECONDS, _CPU_SECONDS_PER_GB = 15 * 60, 15 * 60  # as for imports
REFUSED = 3


@dataclass(frozen=True)
class Conversion:
    """What to convert and how; `recipe` is a saved mapping as JSON text, `task` overrules the guess."""

    source: str
    target: str
    to: str
    task: str = ""
    recipe: str = ""
    columns: tuple[str, ...] = ()
    words: str = ""
    encoding: str = ""
    strict: bool = False


@dataclass
class _Reading:
    """A file under a mapping; `rows()` reads it from its beginning each time."""

    path: Path
    form: Format
    roles: Roles
    rejects: Counter[str] = field(default_factory=Counter)

    @property
    def manifest(self) -> dict[str, Any]:
        """What the row maker needs of a snapshot's manifest."""
        return {"task": self.roles.task, "groups": list(self.roles.group_columns()), "roles": self.roles.to_json(),
                "source_columns": list(self.form.columns)}  # fmt: skip

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows as they are written, role fields decoded."""
        maker = Rows(self.roles, max_text_characters=_MOST_TEXT)
        finish = rows.maker(self.manifest)
        self.rejects.clear()
        place = -1
        for read in maker.unfold(readers.records(self.path, self.form, name=self.path.name)):
            made, reason = maker.make(read.values) if read.values is not None else ({}, read.reason)
            if not reason and not _is_unicode(made):
                reason = "lone_surrogate"
            if reason:
                self.rejects[reason] += 1
                continue
            place += 1
            yield finish({"example_id": place, **dict.fromkeys(ROLE_FIELDS), **made})


def _is_unicode(row: Mapping[str, Any]) -> bool:
    try:
        orjson.dumps(row)
    except TypeError:
        return False
    return True


def convert(asked: Conversion) -> dict[str, Any]:
    """Write the file in another format; returns what was written, what was left out and why, and what is lost.

    Raises:
        CorpusError: a file that cannot be read, a format that cannot hold its task, a target that is there already, or
            a disk that refuses. Nothing half is left behind.
    """
    target = Path(asked.target)
    form = catalogue.by_name(asked.to)
    several = form.is_folder or bool(form.describes)
    if target.exists() and (several or target.is_dir()):
        raise CorpusError("The target is there already", got=target.name, fix="Give a name that is free.")
    reading, confidence = _open(asked)
    task, known = reading.roles.task, _columns(reading)
    form.require(task)
    sample = [str(row.get("text") or "") for row in islice(reading.rows(), 200)]
    language = guess_language(sample)
    words = asked.words
    if form.needs_instruction(task) and not words:
        words = template.default_words(language, several=task == "classification_multi")
    plan = ExportPlan(asked.to, columns=asked.columns, words=words, strict=asked.strict).check(task, known)
    labels = _labels(reading) if form.needs_instruction(task) else ()
    options = plan.options(task, labels, language, tuple(name for name in known if name != "text" or _needs_text(task)))
    is_arrow = form.is_table and form.sink in (sinks.Parquet, sinks.DatasetsFolder)
    plain = files.structured_as_text(reading.rows(), options.columns) if is_arrow else frozenset()
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as place:
            made = Path(place) / "made"
            made.mkdir()
            done = files.write_data(reading.rows(), made, form, options, plain=plain, strict=asked.strict)
            if form.describes:
                info = bundle.dataset_info(options, done.records)
                (made / form.describes).write_bytes(orjson.dumps(info, option=orjson.OPT_INDENT_2))
            data = made / f"{files.DATA}{form.extension}"
            _move(made if form.describes else data, target)
    except OSError as error:
        raise sinks.cannot_write(target, error) from error
    return {
        "file": str(target), "format": form.name, "task": task, "confidence": confidence, "kind": reading.form.kind,
        "encoding": reading.form.encoding, "n": done.n, "left_out": dict(done.left_out),
        "rejects": dict(reading.rejects), "loses": [code for code in form.lost(task) if code != "nothing"],
    }  # fmt: skip


def _move(made: Path, target: Path) -> None:
    if made.is_dir():
        shutil.move(made, target)
    else:
        os.replace(made, target)


def _needs_text(task: str) -> bool:
    return task not in rows.VIEWED


def _open(asked: Conversion) -> tuple[_Reading, float]:
    """The file with its format and mapping, and how sure the guess of its shape is (1 for a mapping given)."""
    path = Path(asked.source)
    recipe = MappingRecipe.from_bytes(asked.recipe.encode("utf-8")) if asked.recipe else None
    given = recipe.options if recipe else {}
    choices = Choices(encoding=asked.encoding or given.get("encoding") or None, header=given.get("header"))
    form = formats.detect(path, name=path.name, choices=choices)
    formats.require_sure(form, choices, path.name)
    found = [read.values for read in islice(readers.records(path, form, name=path.name), _SAMPLE)
             if read.values is not None]  # fmt: skip
    names = tuple(dict.fromkeys((*form.columns, *(name for values in found for name in values))))
    form = replace(form, columns=names)
    if recipe:
        roles, confidence = recipe.roles, 1.0
    else:
        best = guess(names, found)
        roles, confidence = best.roles, best.confidence
        if asked.task and asked.task != roles.task:
            roles = tidy(roles_for(asked.task, best, names, found), found)
            confidence = next((other.confidence for other in best.others if other.task == asked.task), 0.0)
    roles.check(names)
    return _Reading(path, form, roles), confidence


def _columns(reading: _Reading) -> tuple[str, ...]:
    """The columns a table gets: those of the task, those with a role, and the others of the file."""
    roles = reading.roles
    around = [name for name in ("split", "source", "language", "time") if getattr(roles, name)]
    groups = rows.group_titles(reading.manifest).values()
    listed = (*rows.role_columns(reading.manifest), *around, *groups, *rows.meta_names(reading.manifest))
    return tuple(dict.fromkeys(listed))


def _labels(reading: _Reading) -> tuple[str, ...]:
    """Every label of the file, sorted; one pass over it."""
    found: set[str] = set()
    for row in reading.rows():
        several = row.get("labels")
        found.update(several if isinstance(several, list) else [row["label"]] if row.get("label") else [])
    return tuple(sorted(found))


def main() -> int:
    """`python -m studio.corpus.writing.converting`: a `Conversion` as JSON in, the outcome or the error as JSON out."""
    asked = orjson.loads(sys.stdin.buffer.read())
    asked["columns"] = tuple(asked["columns"])
    conversion = Conversion(**asked)
    try:
        gigabytes = Path(conversion.source).stat().st_size / 1024**3
        seconds = int(_CPU_SECONDS + gigabytes * _CPU_SECONDS_PER_GB)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        sys.stdout.buffer.write(orjson.dumps(convert(conversion)))
    except CorpusError as error:
        sys.stdout.buffer.write(orjson.dumps({"what": error.what, "got": error.got_text(), "fix": error.fix}))
        return REFUSED
    return 0


def to_json(asked: Conversion) -> bytes:
    """For the process."""
    return orjson.dumps(asdict(asked))


if __name__ == "__main__":
    sys.exit(main())
