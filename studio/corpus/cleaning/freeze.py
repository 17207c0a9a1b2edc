"""The child snapshot of a cleaned table: its rows, and beside them what was dropped, changed and flagged, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.corpus.cleaning.recipe import Recipe
from studio.corpus.cleaning.run import Cleaned
from studio.corpus.manifest import EXAMPLES, read_manifest
from studio.corpus.schema import SnapshotWriter
from studio.errors import CorpusError

DROPPED, CHANGED, FLAGGED = "dropped.parquet", "changed.parquet", "flagged.parquet"
_DROPPED = pa.schema([("example_id", pa.int64()), ("step", pa.string()), ("place", pa.int32()),
                      ("reason", pa.string()), ("detail", pa.string())])  # fmt: skip
_CHANGED = pa.schema([("example_id", pa.int64()), ("steps", pa.string()), ("before_sha256", pa.string())])
# Facts of the parent that stay true of the child; the rest is counted anew or belongs to the import.
_INHERITED = ("language", "roles", "group_columns", "source_columns", "imported_splits")
_BATCH_ROWS = 8_192


def freeze(
    parent: Path,
    cleaned: Cleaned,
    recipe: Recipe,
    target: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write the child snapshot into `<target>/<snapshot_id>/` and return its manifest.

    The same example_ids, the same columns; only edited fields differ. `lineage` in the manifest names the parent, the
    steps with their parameters and counts, and the ids a person brought back. A list that changes nothing gives the
    parent's own id back.

    Args:
        parent: folder of the snapshot that was cleaned.
        cleaned: what the list did to it.
        recipe: the list.
        target: folder for the new folder.
        on_progress: called with (examples written, examples).

    Raises:
        CorpusError: the table is not that of the parent, or nothing is left.
    """
    facts = read_manifest(parent)
    source = pq.ParquetFile(parent / EXAMPLES)
    if source.metadata.num_rows != len(cleaned.table):
        raise CorpusError("The cleaned table is not that of this snapshot", got=len(cleaned.table),
                          fix="Preview the list again.")  # fmt: skip
    writer = SnapshotWriter(target, groups=tuple(facts["groups"]), task=str(facts["task"]))
    before: dict[int, str] = {}
    try:
        done = 0
        for batch in source.iter_batches(_BATCH_ROWS, columns=_filled(source)):
            for row in batch.to_pylist():
                i = int(np.searchsorted(cleaned.table.ids, row["example_id"]))
                if not cleaned.stays[i]:
                    continue
                if i in cleaned.changed:
                    before[i] = hashlib.sha256((row["text"] or "").encode()).hexdigest()
                    row |= {"text": cleaned.table.texts[i]}
                    row |= {name: values[i] for name, values in cleaned.table.fields.items()}
                writer.append(row["example_id"], row)
            done += batch.num_rows
            on_progress(done, len(cleaned.table))
        _beside(writer.folder, cleaned, before)
    except BaseException:
        writer.abandon()
        raise
    kept = {name: facts[name] for name in _INHERITED if name in facts}
    return writer.finish(**{"rejects": {}, "n_rejects": 0, "sources": []} | kept,
                         lineage=lineage_of(str(facts["snapshot_id"]), cleaned, recipe))  # fmt: skip


def _filled(source: pq.ParquetFile) -> list[str]:
    """Columns that hold anything, by the statistics of the file; a column without statistics is read."""
    names = source.schema_arrow.names
    meta = source.metadata
    empty = {
        name
        for place, name in enumerate(names)
        if all((stats := meta.row_group(g).column(place).statistics) is not None and stats.has_null_count
               and stats.null_count == meta.row_group(g).num_rows for g in range(meta.num_row_groups))
    }  # fmt: skip
    return [name for name in names if name not in empty and name != "row_hash"]


def _beside(folder: Path, cleaned: Cleaned, before: Mapping[int, str]) -> None:
    """dropped, changed and flagged beside examples.parquet; always all three, empty where nothing was."""
    ids, names = cleaned.table.ids, {report.place: report.name for report in cleaned.steps}
    rows = [
        (int(ids[i]), names[place], place, reason, detail) for i, (place, reason, detail) in cleaned.dropped.items()
    ]
    pq.write_table(_table(rows, _DROPPED), folder / DROPPED, compression="zstd")
    rows = [(int(ids[i]), names[place], place, reason, detail) for i, place, reason, detail in cleaned.flagged]
    pq.write_table(_table(rows, _DROPPED), folder / FLAGGED, compression="zstd")
    rows = [(int(ids[i]), ",".join(steps), before[i]) for i, steps in cleaned.changed.items()]
    pq.write_table(_table(rows, _CHANGED), folder / CHANGED, compression="zstd")


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def lineage_of(parent_id: str, cleaned: Cleaned, recipe: Recipe) -> dict[str, Any]:
    """What the manifest says of how the child was made."""
    reports = {report.place: report for report in cleaned.steps}
    steps = []
    for place, plan in enumerate(recipe.plans):
        entry = plan.to_json()
        if place in reports:
            one = reports[place]
            entry |= {"n_before": one.n_before, "n_changed": one.n_changed, "n_dropped": one.n_dropped,
                      "n_flagged": one.n_flagged, "n_left_alone": one.n_left_alone}  # fmt: skip
        steps.append(entry)
    counts = {"n_before": len(cleaned.table), "n_after": int(cleaned.stays.sum()), "n_dropped": len(cleaned.dropped),
              "n_changed": len(cleaned.changed), "n_flagged": len({row[0] for row in cleaned.flagged}),
              "n_brought_back": cleaned.n_kept_back}  # fmt: skip
    return {"parent": parent_id, "method": "clean", "recipe": recipe.digest, "steps": steps, "counts": counts,
            "keep_ids": list(recipe.keep_ids)}  # fmt: skip


def read_beside(folder: Path, name: str) -> pa.Table:
    """One of the three tables of a cleaned snapshot; empty where the snapshot has none."""
    path = folder / name
    return pq.read_table(path) if path.exists() else _table([], _CHANGED if name == CHANGED else _DROPPED)
