"""The snapshot on disk: the Parquet row, its hashes, the manifest, and the writer that freezes rows into a folder.

A snapshot is `<parent>/<snapshot_id>/{examples.parquet, manifest.json}`, written once: temporary name, fsync, rename.
Every column of every task exists from the start; a corpus fills those its task has and leaves the others null.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.manifest import (
    CONTENT_VERSION,
    EXAMPLES,
    MANIFEST,
    SCHEMA_VERSION,
    file_sha256,
    move_into_place,
    read_manifest,
    verify_snapshot,
    write_json,
)
from studio.errors import CorpusError
from studio.records import MAX_EXAMPLE_ID, TASK_TYPES

__all__ = ["EXAMPLES", "MANIFEST", "read_manifest", "verify_snapshot"]  # read from here together with the rest
GROUP_PREFIX = "group_"
ROLE_FIELDS: tuple[str, ...] = (
    "text",
    "prompt",
    "completion",
    "rejected",
    "context",
    "messages",
    "label",
    "labels",
    "tokens",
    "tags",
    "spans",
)
CONTEXT_FIELDS: tuple[str, ...] = ("split", "source", "language", "time", "parent_id")
_BEFORE_GROUPS = ("example_id", *ROLE_FIELDS, *CONTEXT_FIELDS)
_AFTER_GROUPS = ("meta", "row_hash")
# Task -> the role fields of which one is filled when somebody has answered: what annotators give.
ANSWER_FIELDS: Mapping[str, frozenset[str]] = {
    task.name: frozenset({task.label_role} - {None} | ({"tags", "label"} & set(task.roles))) for task in TASK_TYPES
}
_INTEGERS = frozenset({"example_id", "parent_id"})
_FEW_VALUES = ("label", "split", "source", "language")
_ROWS_PER_GROUP = 16_384  # of 65,536 and 16,384 the same size on disk, a look at one example 3 times cheaper
_CHARACTERS_PER_GROUP = 32 * 1024 * 1024
_MOST_LABELS = 2_000
_MOST_COUNTED = 200


class NotUnicode(CorpusError):
    """A text holds something that is not valid Unicode, such as a lone surrogate."""


class TooManyLabels(CorpusError):
    """The label column has more different values than a page can show or a classifier can learn."""


def group_column(name: str) -> str:
    """The Parquet column of a group attribute."""
    return GROUP_PREFIX + name


def column_names(groups: Sequence[str] = ()) -> tuple[str, ...]:
    """All columns of a snapshot with these group attributes, in file order."""
    return (*_BEFORE_GROUPS, *(group_column(name) for name in groups), *_AFTER_GROUPS)


def arrow_schema(groups: Sequence[str] = ()) -> pa.Schema:
    """The Arrow schema: int64 for the two ids, strings for everything else (JSON text for structured fields)."""
    return pa.schema(
        [
            pa.field(name, pa.int64() if name in _INTEGERS else pa.string(), nullable=name != "example_id")
            for name in column_names(groups)
        ]
    )


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: the same value gives the same bytes everywhere.

    Raises:
        NotUnicode: a text that is not valid Unicode (a lone surrogate) or a value JSON cannot hold.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise NotUnicode(
            "A value cannot be written as JSON", got=str(error), fix="Replace the broken characters."
        ) from error


def row_hash(row: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of the role fields that are not null; annotations are tied to it.

    Example:
        >>> row_hash({"text": "hi", "label": None})[:16] == row_hash({"text": "hi"})[:16]
        True
    """
    return hashlib.sha256(canonical_json({k: row[k] for k in ROLE_FIELDS if row.get(k) is not None})).hexdigest()


def _labels_of(fields: Mapping[str, Any]) -> Iterable[str]:
    """The label names one row counts for: its label, its several labels, or the kinds of its spans."""
    if "label" in fields:
        return (fields["label"],)
    if "labels" in fields:
        return orjson.loads(fields["labels"])
    if "spans" in fields:
        return [span["label"] for span in orjson.loads(fields["spans"])]
    return ()


def group_names(columns: Sequence[str]) -> tuple[str, ...]:
    """Short safe names of group attributes, in the order of the columns they come from; never two alike.

    Letters of any script, digits and underscores stay, everything else becomes an underscore.

    Example:
        >>> group_names(["Age band", "地区", "age-band"])
        ('age_band', '地区', 'age_band_2')
    """
    taken: list[str] = []
    for column in columns:
        name = re.sub(r"\W+", "_", column.strip().lower()).strip("_")[:40] or "group"
        unique, n = name, 1
        while unique in taken:
            n += 1
            unique = f"{name}_{n}"
        taken.append(unique)
    return tuple(taken)


class SnapshotWriter:
    """Collects rows and freezes them into a content-named folder, in bounded memory.

    The name is the first 16 hex digits of sha256 over task, language, group names and, in ascending example_id, the id
    and the digest of each row (role fields, then every other column). It does not depend on time or machine.

    Args:
        parent: folder in which `<snapshot_id>/` is made.
        groups: names of the group attributes.
        task: name of a `TaskType`.
        active: columns that may be filled; the others are written as nulls without being looked at.
    """

    def __init__(
        self,
        parent: Path,
        *,
        groups: Sequence[str] = (),
        task: str = "classification",
        active: Iterable[str] | None = None,
    ) -> None:
        if task not in {t.name for t in TASK_TYPES}:
            raise CorpusError("The task is not known", got=task, fix=f"Use one of {[t.name for t in TASK_TYPES]}.")
        self.groups = tuple(groups)
        self.task = task
        self._schema = arrow_schema(self.groups)
        named = set(self._schema.names if active is None else active)
        self._role_fields = tuple(name for name in ROLE_FIELDS if name in named)
        self._other_fields = tuple(
            name
            for name in self._schema.names
            if name in named and name not in ROLE_FIELDS and name not in ("example_id", "row_hash")
        )
        self._buffers: dict[str, list[Any]] = {name: [] for name in (*self._role_fields, *self._other_fields)}
        self._ids, self._id_buffer, self._hash_buffer = array("q"), [], []
        self._digests = bytearray()
        self._characters = 0
        self.labels: Counter[str] = Counter()
        self._answers = ANSWER_FIELDS[task]
        self._n_answered = 0
        self.group_values: dict[str, Counter[str]] = {name: Counter() for name in self.groups}
        self._group_fields = tuple((name, group_column(name)) for name in self.groups)
        self.parent = parent
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = parent / f".tmp-{uuid.uuid4().hex}"
        self.folder.mkdir()
        self._writer = pq.ParquetWriter(
            self.folder / EXAMPLES,
            self._schema,
            compression="zstd",
            use_dictionary=[*_FEW_VALUES, *(group_column(name) for name in self.groups)],
        )

    def __len__(self) -> int:
        return len(self._ids)

    def append(self, example_id: int, row: Mapping[str, Any]) -> str:
        """Add one row (columns that are absent are null) and return its row_hash.

        Raises:
            NotUnicode: a text that is not valid Unicode; nothing is added then.
            CorpusError: the label column has too many different values.
        """
        fields = {name: row[name] for name in self._role_fields if row.get(name) is not None}
        others = {name: row[name] for name in self._other_fields if row.get(name) is not None}
        roles, rest = canonical_json(fields), canonical_json(others)
        digest = hashlib.sha256(roles + b"\x1f" + rest).digest()
        hashed = hashlib.sha256(roles).hexdigest()
        for name in self._role_fields:
            self._buffers[name].append(fields.get(name))
        for name in self._other_fields:
            self._buffers[name].append(others.get(name))
        for label in _labels_of(fields):
            self._count_label(label)
        self._n_answered += not self._answers.isdisjoint(fields)
        for name, column in self._group_fields:
            if column in others:
                self.group_values[name][others[column]] += 1
        self._ids.append(example_id)
        self._id_buffer.append(example_id)
        self._hash_buffer.append(hashed)
        self._digests += digest
        self._characters += len(roles) + len(rest) + 64
        if len(self._id_buffer) >= _ROWS_PER_GROUP or self._characters >= _CHARACTERS_PER_GROUP:
            self._flush()
        return hashed

    def _count_label(self, label: str) -> None:
        self.labels[label] += 1
        if len(self.labels) > _MOST_LABELS:
            raise TooManyLabels(
                f"The label column has more than {_MOST_LABELS:,} different values",
                got=label,
                fix="Choose a column with a limited set of labels, or none.",
            )

    def _flush(self) -> None:
        n = len(self._id_buffer)
        if n == 0:
            return
        columns = []
        for field in self._schema:
            if field.name == "example_id":
                columns.append(pa.array(self._id_buffer, pa.int64()))
            elif field.name == "row_hash":
                columns.append(pa.array(self._hash_buffer, pa.string()))
            elif field.name in self._buffers:
                columns.append(pa.array(self._buffers[field.name], field.type))
                self._buffers[field.name] = []
            else:
                columns.append(pa.nulls(n, field.type))
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema), row_group_size=_ROWS_PER_GROUP)
        self._id_buffer, self._hash_buffer, self._characters = [], [], 0

    def abandon(self) -> None:
        """Remove what was written; safe to call at any time."""
        self._writer.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self, **facts: Any) -> dict[str, Any]:
        """Freeze what was added and return the manifest; `facts` are stored in it as they are.

        A folder of the same name already there is kept and its manifest returned: the content is the same.

        Raises:
            CorpusError: no row was added, or an example_id repeats or is out of range.
        """
        self._flush()
        self._writer.close()
        if not self._ids:
            self.abandon()
            raise CorpusError(
                "The snapshot has no example", got=0, fix="Check the text column and the reasons of the rejects."
            )
        try:
            order = self._sorted_order()
            content = self._content_hash(order, str(facts.get("language", "")))
        except CorpusError:
            self.abandon()
            raise
        snapshot_id = content[:16]
        manifest = self._manifest(snapshot_id, content, facts)
        write_json(self.folder / MANIFEST, manifest)
        return move_into_place(self.folder, self.parent / snapshot_id, manifest)

    def _sorted_order(self) -> np.ndarray | None:
        """None when ids already ascend; otherwise the file is rewritten in id order and the order returned."""
        ids = np.frombuffer(self._ids, dtype=np.int64)
        if ids.min() < 0 or ids.max() >= MAX_EXAMPLE_ID:
            raise CorpusError(
                "An example_id is out of range",
                got=int(ids.max() if ids.max() >= MAX_EXAMPLE_ID else ids.min()),
                fix="Use ids from 0 to 2^53 - 1.",
            )
        if np.all(ids[1:] > ids[:-1]):
            return None
        order = np.argsort(ids, kind="stable")
        if np.any(np.diff(ids[order]) == 0):
            raise CorpusError("An example_id repeats", fix="Give every example its own id.")
        path = self.folder / EXAMPLES
        table = pq.read_table(path).take(pa.array(order))
        pq.write_table(
            table,
            path,
            compression="zstd",
            row_group_size=_ROWS_PER_GROUP,
            use_dictionary=[*_FEW_VALUES, *(group_column(name) for name in self.groups)],
        )
        return order

    def _content_hash(self, order: np.ndarray | None, language: str) -> str:
        ids = np.frombuffer(self._ids, dtype=np.int64)
        digests = np.frombuffer(bytes(self._digests), dtype=np.uint8).reshape(-1, 32)
        if order is not None:
            ids, digests = ids[order], digests[order]
        heading = {"schema": CONTENT_VERSION, "task": self.task, "language": language, "groups": list(self.groups)}
        total = hashlib.sha256(canonical_json(heading))
        for start in range(0, len(ids), 100_000):
            block = slice(start, start + 100_000)
            total.update(
                np.concatenate(
                    [np.ascontiguousarray(ids[block], "<i8").view(np.uint8).reshape(-1, 8), digests[block]], axis=1
                ).tobytes()
            )
        return total.hexdigest()

    def _manifest(self, snapshot_id: str, content: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        ids = np.frombuffer(self._ids, dtype=np.int64)
        return {
            "schema_version": SCHEMA_VERSION,
            "snapshot_id": snapshot_id,
            "content_sha256": content,
            "examples_sha256": file_sha256(self.folder / EXAMPLES),
            "task": self.task,
            "n_examples": len(ids),
            "smallest_example_id": int(ids.min()),
            "largest_example_id": int(ids.max()),
            "groups": list(self.groups),
            "group_values": {
                name: dict(sorted(counts.most_common(_MOST_COUNTED))) for name, counts in self.group_values.items()
            },
            "n_labelled": self._n_answered,
            "labels": dict(sorted(self.labels.items())),
            "columns": list(self._schema.names),
            **facts,
        }


def write_snapshot(
    rows: Iterable[Mapping[str, Any]],
    parent: Path,
    *,
    groups: Sequence[str] = (),
    task: str = "classification",
    **facts: Any,
) -> dict[str, Any]:
    """Freeze rows into `<parent>/<snapshot_id>/` and return the manifest (`snapshot_id` is in it).

    Args:
        rows: mappings from column to value; `example_id` may be left out (0, 1, 2 ... then); `meta` may be a mapping.
        parent: usually the workspace's snapshots folder.
        groups: names of the group attributes, whose columns are `group_<name>`.
        task: name of a `TaskType`.
        **facts: more manifest entries, such as language, roles, sources, rejects.

    Raises:
        CorpusError: no row, a repeated or impossible id, text that is not valid Unicode.
    """
    writer = SnapshotWriter(parent, groups=groups, task=task)
    try:
        for position, row in enumerate(rows):
            meta = row.get("meta")
            if meta is not None and not isinstance(meta, str):
                row = {**row, "meta": canonical_json(meta).decode()}
            writer.append(int(row.get("example_id", position)), row)
    except BaseException:
        writer.abandon()
        raise
    return writer.finish(**{"language": "en", "rejects": {}, "n_rejects": 0, "sources": [], **facts})
