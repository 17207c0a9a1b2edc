"""The rows of an export out of a snapshot's Parquet file, joined with what was decided about them, in bounded memory.

Decisions are a table sorted by example_id: `example_id`, `split`, and where there are any `label`, `rank`, `reason`,
`origin`, `simulated`. They come from the database; the Parquet file is read here, in a worker, row group by row group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.roles import Roles
from studio.corpus.schema import ROLE_FIELDS, group_column
from studio.errors import CorpusError
from studio.records import TASK_TYPES

STRUCTURED: frozenset[str] = frozenset({"messages", "labels", "tokens", "tags", "spans"})
# The label roles people decide about: hidden in the pool unless the whole snapshot is written (DESIGN, section 3).
HIDDEN_IN_POOL: tuple[str, ...] = ("label", "labels", "tags", "spans")
_CONVERSATIONAL = ("prompt", "completion", "rejected")  # lists of messages where the roles say so
_AROUND: tuple[str, ...] = ("source", "language", "time", "parent_id")
_DECIDED: tuple[str, ...] = ("split", "rank", "reason", "origin", "simulated", "stale")
_CHUNK = 16_384
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """What an export reads: the Parquet file, its manifest, and the decisions (None: every row, nothing decided).

    `reveal` shows the corpus's own labels of the pool; `in_order` keeps the order of `rank` instead of example_id.
    """

    path: Path
    manifest: Mapping[str, Any]
    decisions: pa.Table | None = None
    reveal: bool = True
    in_order: bool = False

    @property
    def task(self) -> str:
        """The task of the snapshot."""
        return str(self.manifest["task"])


def role_columns(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The role fields rows of this snapshot may hold, the text first."""
    task = next((item for item in TASK_TYPES if item.name == manifest["task"]), None)
    wanted = {"text", *(task.roles if task else ())}
    present = set(manifest.get("columns", ())) or wanted
    return tuple(name for name in ROLE_FIELDS if name in wanted and name in present)


def group_titles(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Parquet column -> exported name: the attribute's own name unless something else is called that."""
    taken = {"example_id", *ROLE_FIELDS, *_AROUND, *_DECIDED, "meta"}
    return {group_column(name): (name if name not in taken else group_column(name)) for name in manifest["groups"]}


def meta_names(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The original columns that have no role, in file order."""
    used = set(Roles.from_json(manifest.get("roles") or {}).used())
    return tuple(name for name in manifest.get("source_columns", ()) if name not in used)


def with_columns(manifest: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The manifest with `source_columns`: those of a version made by a run are found in its first examples."""
    if manifest.get("source_columns"):
        return dict(manifest)
    first = pq.ParquetFile(path).read_row_group(0, columns=["meta"])["meta"].to_pylist()
    names = dict.fromkeys(name for text in first if text for name in orjson.loads(text))
    return dict(manifest) | {"source_columns": list(names), "roles": {**(manifest.get("roles") or {})}}


def available(manifest: Mapping[str, Any], decided: Sequence[str] = ("split",)) -> tuple[str, ...]:
    """Every column an export of this snapshot can hold, in the order they are offered."""
    around = [name for name in _AROUND if name in manifest.get("columns", _AROUND)]
    further = [name for name in _DECIDED if name in decided]
    listed = ("example_id", *role_columns(manifest), *further, *around, *group_titles(manifest).values())
    return tuple(dict.fromkeys((*listed, *meta_names(manifest))))


def filled(manifest: Mapping[str, Any], path: Path) -> frozenset[str]:
    """Columns of the Parquet file that hold anything at all, judged by its statistics: empty ones need no export."""
    metadata = pq.ParquetFile(path).metadata
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    found: set[str] = set()
    for group in range(metadata.num_row_groups):
        for i, name in enumerate(names):
            statistics = metadata.row_group(group).column(i).statistics
            if statistics is None or not statistics.has_null_count \
                    or statistics.null_count < metadata.row_group(group).num_rows:  # fmt: skip
                found.add(name)
    titles = group_titles(manifest)
    return frozenset(titles.get(name, name) for name in found)


def rows(source: Source, *, splits: Sequence[str] = (), progress: Progress | None = None) -> Iterator[dict[str, Any]]:
    """The rows as mappings: role fields decoded, decisions joined, original columns beside them.

    Args:
        source: what to read.
        splits: only these splits; empty for all.
        progress: called with (rows looked at, rows in all); it may raise to stop.

    Raises:
        CorpusError: the Parquet file is damaged.
    """
    tables = _joined(source, splits, progress)
    if source.in_order:
        found = list(tables)
        if not found:
            return
        whole = pa.concat_tables(found)
        tables = _cut(whole.take(pa.compute.sort_indices(whole, [("rank", "ascending")])))
    make = _Maker(source.manifest, hide=not source.reveal)
    for table in tables:
        for row in table.to_pylist():
            yield make(row)


def _cut(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, _CHUNK):
        yield table.slice(start, _CHUNK)


def _joined(source: Source, splits: Sequence[str], progress: Progress | None) -> Iterator[pa.Table]:
    file = pq.ParquetFile(source.path)
    names = set(file.schema_arrow.names)
    wanted = ["example_id", *role_columns(source.manifest), *_AROUND, *group_titles(source.manifest), "meta"]
    wanted = [name for name in dict.fromkeys(wanted) if name in names]
    total, done = file.metadata.num_rows, 0
    decided = None if source.decisions is None else source.decisions["example_id"].to_numpy()
    keep = None
    if source.decisions is not None and splits:
        keep = np.isin(source.decisions["split"].to_numpy(zero_copy_only=False), list(splits))
    try:
        for group in range(file.num_row_groups):
            if decided is not None and not _touches(file, group, decided):
                done += file.metadata.row_group(group).num_rows
                continue
            table = file.read_row_group(group, columns=wanted)
            done += table.num_rows
            if decided is not None:
                table = _join(table, source.decisions, decided, keep)
            yield from _cut(table)
            if progress is not None:
                progress(done, total)
    except (pa.ArrowException, OSError) as error:
        raise CorpusError(
            "The examples of this snapshot cannot be read",
            got=str(error)[:120],
            fix="Import the corpus again or restore the folder snapshots/ from a backup.",
        ) from error


def _touches(file: pq.ParquetFile, group: int, decided: np.ndarray) -> bool:
    """True when some decided id may lie in this row group, by its statistics."""
    metadata = file.metadata.row_group(group)
    column = next(i for i in range(metadata.num_columns) if metadata.column(i).path_in_schema == "example_id")
    statistics = metadata.column(column).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    place = int(np.searchsorted(decided, statistics.min))
    return place < len(decided) and int(decided[place]) <= statistics.max


def _join(table: pa.Table, decisions: pa.Table, decided: np.ndarray, keep: np.ndarray | None) -> pa.Table:
    """The rows of this group somebody decided about, with the decisions beside them."""
    ids = table["example_id"].to_numpy()
    place = np.searchsorted(decided, ids)
    place[place == len(decided)] = 0
    is_in = decided[place] == ids if len(decided) else np.zeros(len(ids), bool)
    if keep is not None:
        is_in &= keep[place]
    table = table.filter(pa.array(is_in))
    beside = decisions.take(pa.array(place[is_in]))
    for name in beside.column_names:
        if name == "example_id":
            continue
        title = "decided_label" if name == "label" else name
        table = table.append_column(title, beside[name]) if title not in table.column_names else table.set_column(
            table.column_names.index(title), title, beside[name])  # fmt: skip
    return table


def maker(manifest: Mapping[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What turns a stored row into one as it is written, nothing hidden: for rows that are in no snapshot."""
    return _Maker(manifest, hide=False)


class _Maker:
    """Turns a row as it is stored into a row as it is written."""

    def __init__(self, manifest: Mapping[str, Any], *, hide: bool) -> None:
        self._titles = group_titles(manifest)
        self._hide = hide
        talks = (manifest.get("roles") or {}).get("form") == "conversational"
        self._structured = STRUCTURED | frozenset(_CONVERSATIONAL if talks else ())
        self._label = next((item.label_role for item in TASK_TYPES if item.name == manifest["task"]), None)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        decided = row.pop("decided_label", None)
        meta = row.pop("meta", None)
        if self._hide and row.get("split", "pool") == "pool":
            for name in HIDDEN_IN_POOL:
                if name in row:
                    row[name] = None
        if decided is not None and self._label is not None:
            row[self._label] = decided
            if "tags" in row:
                row["tags"] = None  # they say what the spans said before somebody changed them
        for name in self._structured:
            if isinstance(value := row.get(name), str):
                row[name] = _decoded(name, value)
        for column, title in self._titles.items():
            row[title] = row.pop(column, None)
        if meta:
            row |= {name: value for name, value in orjson.loads(meta).items() if row.get(name) is None}
        return row


def _decoded(name: str, value: str) -> Any:
    """A structured field as a value; a single label given to a task with several is a list of one."""
    try:
        found = orjson.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, list):
        return [value] if name == "labels" else value if name in _CONVERSATIONAL else None
    return found


# Tasks whose text is a view made of the other role fields: a file that holds those needs no view.
VIEWED = frozenset({"seq2seq", "prompt_completion", "generative_qa", "instruction", "chat", "preference"})


def usual_columns(source: Source) -> tuple[str, ...]:
    """The columns a table holds when nobody chose: those that say something, and no text that only repeats them."""
    return tuple(name for name in offered_columns(source) if name != "text" or source.task not in VIEWED)


def offered_columns(source: Source) -> tuple[str, ...]:
    """The columns an export may hold, those that are empty throughout left out."""
    decided = source.decisions.column_names if source.decisions is not None else ["split"]
    full = filled(source.manifest, source.path)
    always = {"example_id", *decided, *meta_names(source.manifest)}
    return tuple(name for name in available(source.manifest, decided) if name in full or name in always)
