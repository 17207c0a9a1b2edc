"""A look at a file before it is imported: its columns, its first records, a guess at the roles, and what is wrong."""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from studio.corpus import formats, readers
from studio.corpus.readers import Lexeme
from studio.corpus.reading import odd
from studio.corpus.reading.form import Choices, Format, Source, format_from_json
from studio.corpus.roles import FEW_VALUES, Roles, guess_language
from studio.corpus.rows import as_text
from studio.corpus.shapes.guess import Guess, fit, guess
from studio.corpus.shapes.sample import kept
from studio.errors import CorpusError

SAMPLE_RECORDS = 1_000
ANSWER_ROLES = ("labels", "tags", "spans", "completion", "instances", "rejected", "messages")
SHOWN_RECORDS = 20
SHOWN_CHARACTERS = 300
_CPU_SECONDS = 20
_MEMORY_BYTES = 4 * 1024**3
_TEMPORARY_BYTES = 8 * 1024**3
_SAMPLE_BYTES = 48 * 1024**2
REFUSED = 3


@dataclass(frozen=True)
class ColumnFacts:
    """One column of the sample: filled values, different values (counted up to the sample), the first few of them."""

    name: str
    n_filled: int
    n_distinct: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What a person confirms before the import.

    `rows` are display texts cut to 300 characters, `records` the records themselves as far as they fit into a few
    megabytes; `guess` is what the file looks like, `roles` its mapping; `n_sample` records were looked at,
    `n_unreadable` of them would be rejected whatever the roles; `problems` are words keys under corpus.problem with
    their values. `form` is how the file was read (encoding and its guess, delimiter, sheet), `odd` counts the records
    that hold odd characters.
    """

    name: str
    kind: str
    header: bool
    columns: tuple[ColumnFacts, ...]
    rows: tuple[Mapping[str, str], ...]
    roles: Roles
    language: str
    n_sample: int
    n_unreadable: int
    is_whole: bool
    problems: tuple[tuple[str, Mapping[str, Any]], ...]
    guess: Guess
    records: tuple[Mapping[str, Any], ...]
    form: Format = Format("text")
    odd: Mapping[str, int] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in file order."""
        return tuple(column.name for column in self.columns)

    def facts(self, name: str) -> ColumnFacts:
        """The facts of one column."""
        return next(column for column in self.columns if column.name == name)


def preview(source: Source) -> Preview:
    """Look at the first thousand records of a file.

    Raises:
        CorpusError: the file is empty, of a wrong kind, in a wrong encoding, or damaged.
    """
    form = formats.detect(source.path, header=source.header, name=source.name, choices=source.choices)
    reader = readers.records(source.path, form, name=source.name)
    reads = list(_sample(reader))
    is_whole = next(reader, None) is None
    found = [read.values for read in reads if read.values is not None and _is_unicode(read.values)]
    names = tuple(dict.fromkeys((*form.columns, *(name for values in found for name in values))))
    if not reads:
        raise CorpusError("The file has column names but no record", got=source.name,
                          fix="Choose a file with at least two examples.")  # fmt: skip
    looks_like = guess(names, found)
    roles = looks_like.roles
    texts = [str(row["text"]) for row in fit(roles, found[:200]).rows] if looks_like.confidence else []
    return Preview(
        name=source.name,
        kind=form.kind,
        header=form.header,
        columns=tuple(_facts(name, found) for name in names),
        rows=tuple({name: _shown(values.get(name)) for name in names} for values in found[:SHOWN_RECORDS]),
        roles=roles,
        language=guess_language(texts),
        n_sample=len(reads),
        n_unreadable=len(reads) - len(found),
        is_whole=is_whole,
        problems=tuple(_problems(form, reads, found, looks_like, is_whole)),
        guess=looks_like,
        records=kept(found),
        form=form,
        odd=_odd(found),
    )


def _sample(reader: Iterator[readers.Read]) -> Iterator[readers.Read]:
    """The first records, fewer where they are very long."""
    room = _SAMPLE_BYTES
    for read in islice(reader, SAMPLE_RECORDS):
        yield read
        room -= len(read.raw) if isinstance(read.raw, str | bytes) else 0
        if room < 0:
            return


def _is_unicode(values: Mapping[str, Any]) -> bool:
    """False for a record that holds undecodable bytes or half characters: the import rejects it."""
    try:
        orjson.dumps(values, default=_plain, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except (TypeError, RecursionError):
        return False
    return True


def _odd(found: list[Mapping[str, Any]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for values in found:
        odd.count(" ".join(value for value in values.values() if isinstance(value, str)), counts)
    return dict(sorted(counts.items()))


def problems_of_roles(seen: Preview, roles: Roles) -> list[tuple[str, dict[str, Any]]]:
    """What a mapping would meet, judged by the sample: words keys under corpus.problem with values, worst first."""
    found: list[tuple[str, dict[str, Any]]] = []
    if roles.task != "classification":
        if roles.task != "masked_lm" and not any(roles.column(name) for name in ANSWER_ROLES):
            found.append(("no_answers", {}))
    elif not roles.label:
        found.append(("no_label", {}))
    elif seen.facts(roles.label).n_distinct <= 1:
        found.append(("one_label", {"column": roles.label}))
    elif seen.n_sample >= 100 and seen.facts(roles.label).n_distinct > seen.n_sample / 2:
        found.append(("many_labels", {"column": roles.label, "n": seen.facts(roles.label).n_distinct}))
    for name in roles.groups:
        if seen.facts(name).n_distinct > FEW_VALUES:
            found.append(("many_group_values", {"column": name, "n": seen.facts(name).n_distinct}))
    return found


def as_text_or_blank(value: Any) -> str:
    """A scalar as text, anything else as nothing."""
    return "" if isinstance(value, dict | list) else (as_text(value) or "").strip()


def _shown(value: Any) -> str:
    text = readers.raw_text(value) if isinstance(value, dict | list) else readers.raw_text(as_text(value) or "")
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _facts(name: str, found: list[Mapping[str, Any]]) -> ColumnFacts:
    values = [text for record in found if (text := _shown(record.get(name)).strip())]
    distinct = dict.fromkeys(values)
    return ColumnFacts(name, len(values), len(distinct), tuple(text[:40] for text in islice(distinct, 3)))


def _problems(
    form: formats.Format,
    reads: list[readers.Read],
    found: list[Mapping[str, Any]],
    looks_like: Guess,
    is_whole: bool,
) -> list[tuple[str, dict[str, Any]]]:
    listed: list[tuple[str, dict[str, Any]]] = []
    if len(found) < len(reads):
        listed.append(("unreadable", {"n": len(reads) - len(found), "total": len(reads)}))
    if not form.header and form.kind in ("csv", "tsv"):
        listed.append(("no_header", {}))
    if form.named:
        listed.append(("label_names", {"columns": ", ".join(form.named[:5])}))
    if form.apostrophes:
        listed.append(("apostrophes", {}))
    if not looks_like.confidence:
        listed.append(("no_text_column", {}))
    if form.left_out:
        key, name = ("binary_columns", "columns") if form.kind == "parquet" else ("fields_left_out", "fields")
        listed.append((key, {name: ", ".join(form.left_out[:5])}))
    if is_whole and len(found) < 2:
        listed.append(("one_example", {}))
    return listed


# --- in a process of its own ------------------------------------------------------------------------------------------
def to_json(seen: Preview) -> bytes:
    """For a pipe; texts are valid Unicode already."""
    plain = seen.__dict__ | {"roles": seen.roles.to_json(), "guess": seen.guess.to_json(), "form": asdict(seen.form)}
    return orjson.dumps(plain, default=_plain)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Lexeme) else value.__dict__


def from_json(data: bytes) -> Preview:
    """The inverse of `to_json`."""
    value = orjson.loads(data)
    value["roles"] = Roles.from_json(value["roles"])
    value["guess"] = Guess.from_json(value["guess"])
    value["records"] = tuple(value["records"])
    value["form"] = format_from_json(value["form"])
    value["columns"] = tuple(ColumnFacts(**(item | {"examples": tuple(item["examples"])})) for item in value["columns"])
    value["rows"] = tuple(value["rows"])
    value["problems"] = tuple((key, values) for key, values in value["problems"])
    return Preview(**value)


def main(arguments: list[str]) -> int:
    """`python -m studio.corpus.preview PATH NAME CHOICES`: the preview as JSON on standard output, under limits.

    No uploaded file is read in the server: a crafted one may take its reader down, or all memory with it.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_TEMPORARY_BYTES, _TEMPORARY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    choices = Choices.from_json(orjson.loads(arguments[2])) if len(arguments) > 2 else Choices()
    try:
        sys.stdout.buffer.write(to_json(preview(Source(Path(arguments[0]), arguments[1], choices=choices))))
    except CorpusError as error:
        sys.stdout.buffer.write(orjson.dumps({"what": error.what, "got": error.got_text(), "fix": error.fix}))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
