"""Rows into the data files of an export: one file, or one per split, with what was left out and why."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.corpus.writing import catalogue, shapes, sinks
from studio.errors import CorpusError

DATA = "data"
MOST_NAMED = 1_000  # examples left out that are named one by one; beyond it they are only counted


@dataclass
class Written:
    """What came of the rows: records by data file, rows left out by reason, and the first of those by id."""

    records: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    named: list[tuple[Any, str]] = field(default_factory=list)

    @property
    def n(self) -> int:
        """Records in all files."""
        return sum(self.records.values())


def write_data(
    rows: Iterable[Mapping[str, Any]],
    folder: Path,
    form: catalogue.Format,
    options: shapes.Options,
    *,
    by_split: bool = False,
    plain: frozenset[str] = frozenset(),
    strict: bool = False,
) -> Written:
    """Write the data files of an export into a folder that exists.

    Args:
        rows: role fields as values, `split` and the other columns beside them.
        folder: where; files that are there already are replaced.
        form: which format.
        options: task, instruction, columns.
        by_split: a file per split, named after it.
        plain: structured columns written as JSON text because some value does not fit a typed column.
        strict: a row that cannot be written ends everything instead of being counted.

    Raises:
        CorpusError: nothing can be written, the disk refuses, or (strict) a row cannot be written.
    """
    shape, done = catalogue.shape_for(form, options.task), Written()
    open_: dict[str, sinks.Sink] = {}
    try:
        for row in rows:
            try:
                record = shape(row, options)
            except shapes.Unwritable as error:
                _leave_out(done, row, error.reason, strict, form)
                continue
            stem = str(row.get("split") or "pool") if by_split else DATA
            if stem not in open_:
                name = f"{stem}{form.extension}"
                more = {"plain": plain} if form.sink in (sinks.Parquet, sinks.DatasetsFolder) else {}
                open_[stem] = form.sink(folder / name, options.columns, **more)
                done.records[name] = 0
            open_[stem].add(record)
            done.records[f"{stem}{form.extension}"] += 1
        if not done.n:
            raise _nothing(done, form)
        for stem in list(open_):
            open_.pop(stem).close()
    except OSError as error:
        raise sinks.cannot_write(folder, error) from error
    finally:
        for sink in open_.values():
            _abandon(sink)
    done.records = dict(sorted(done.records.items()))
    return done


def _leave_out(done: Written, row: Mapping[str, Any], reason: str, strict: bool, form: catalogue.Format) -> None:
    if strict:
        raise CorpusError(f"An example cannot be written as {form.name}",
                          got=f"example {row.get('example_id', '?')}: {reason}",
                          fix="Mend it, choose another format, or leave such examples out.")  # fmt: skip
    done.left_out[reason] += 1
    if len(done.named) < MOST_NAMED:
        done.named.append((row.get("example_id"), reason))


def _nothing(done: Written, form: catalogue.Format) -> CorpusError:
    if not done.left_out:
        return CorpusError("There is nothing to export", got="0 examples", fix="Choose other splits or other examples.")
    common = ", ".join(f"{reason} {n:,}" for reason, n in done.left_out.most_common(3))
    return CorpusError("No example can be written in this format", got=f"{form.name}: {common}",
                       fix="Choose another format, or examples that have what it needs.")  # fmt: skip


def _abandon(sink: Any) -> None:
    """Let go of a file that will be thrown away; a full disk may refuse even that."""
    try:
        sink.close()
    except (OSError, ValueError):
        return


def structured_as_text(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> frozenset[str]:
    """Structured columns in which some value does not fit the typed column of Arrow formats."""
    watched = {name for name in columns if name in sinks.STRUCTURED}
    found: set[str] = set()
    for row in rows if watched else ():
        found |= {name for name in watched - found if not sinks.fits(name, row.get(name))}
        if found == watched:
            break
    return frozenset(found)


def file_sums(folder: Path) -> list[tuple[str, int, str]]:
    """(path, bytes, sha256) of every file below a folder, by path."""
    listed = []
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        listed.append((path.relative_to(folder).as_posix(), path.stat().st_size, digest))
    return listed


def writable(
    rows: Iterable[Mapping[str, Any]], shape: Any, options: shapes.Options, most: int
) -> list[Mapping[str, Any]]:
    """The first rows that this shape can hold, at most so many."""
    found: list[Mapping[str, Any]] = []
    for row in rows:
        if len(found) == most:
            break
        try:
            shape(row, options)
        except shapes.Unwritable:
            continue
        found.append(row)
    return found
