"""Examples out of the workspace: a whole snapshot, what is labelled, or a frozen selection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from studio.corpus.exporting import FORMATS, write_rows
from studio.corpus.roles import Roles
from studio.errors import CorpusError
from studio.records import Actor, Array, Snapshot
from studio.store import examples, labels, snapshots
from studio.workflows.acts import act
from studio.workflows.studio import Studio

_CHUNK = 20_000
_SELECTION = "selection:"
WHAT: tuple[str, ...] = ("snapshot", "labelled", f"{_SELECTION}<id>")


@dataclass(frozen=True)
class Exported:
    """A file that was written: where, how many rows, its sha256."""

    path: Path
    n_rows: int
    sha256: str


@act("export.write", "analyst")
def export(
    studio: Studio,
    actor: Actor,
    *,
    snapshot_id: str,
    what: str = "snapshot",
    fmt: str = "jsonl",
    path: Path | None = None,
    for_spreadsheets: bool = False,
) -> Exported:
    """Write examples to a file.

    Args:
        studio: the open workspace.
        actor: who exports; the audit log keeps it.
        snapshot_id: of which snapshot.
        what: `snapshot` (every example with the corpus's own labels), `labelled` (every label in force, with its
            origin and split), or `selection:<id>` (a frozen selection in pick order, labels where they may be seen).
        fmt: jsonl, parquet or csv.
        path: the file; by default one in the workspace's exports folder.
        for_spreadsheets: CSV that no spreadsheet runs as formulas.

    Raises:
        CorpusError: unknown snapshot, selection or format, nothing to export, or the file cannot be written.
    """
    if fmt not in FORMATS:
        raise CorpusError("There is no such export format", got=fmt, fix=f"Use one of: {', '.join(FORMATS)}.")
    snapshot = snapshots.require(studio.store, snapshot_id)
    ids, extra = _choose(studio, snapshot, what)
    if len(ids) == 0:
        raise CorpusError("There is nothing to export", got=what, fix="Annotate some examples first.")
    tag = what.replace(":", "-")[:40]
    target = path or studio.workspace.exports / f"{snapshot_id}-{tag}.{fmt}"
    rows = export_rows(studio, snapshot, ids, extra, reveal=what == "snapshot", flat=fmt != "parquet")
    columns = _columns(snapshot, extra, flat=fmt != "parquet")
    n, digest = write_rows(rows, target, fmt=fmt, columns=columns, for_spreadsheets=for_spreadsheets)
    return Exported(target, n, digest)


def _choose(studio: Studio, snapshot: Snapshot, what: str) -> tuple[Array, pd.DataFrame | None]:
    """The ids in the order of the export, and a frame of further columns by example_id."""
    store, snapshot_id = studio.store, snapshot.snapshot_id
    if what == "snapshot":
        return examples.ids(store, snapshot_id), None
    if what == "labelled":
        frame = labels.current(store, snapshot_id)
        extra = frame[["example_id", "label", "origin", "split", "simulated"]]
        return frame["example_id"].to_numpy(np.int64), extra.set_index("example_id")
    if what.startswith(_SELECTION):
        frame = examples.of_selection(store, snapshot_id, what.removeprefix(_SELECTION))
        return frame["example_id"].to_numpy(np.int64), frame.set_index("example_id")[["rank", "reason"]]
    raise CorpusError("There is nothing of that kind to export", got=what, fix=f"Use one of: {', '.join(WHAT)}.")


def _group_titles(snapshot: Snapshot) -> dict[str, str]:
    """Parquet column -> exported name: the attribute's own name unless something else is called that."""
    taken = {"example_id", "text", "label", "split", "source", "language", "time", "rank", "reason", "origin"}
    return {f"group_{name}": (name if name not in taken else f"group_{name}") for name in snapshot.groups}


def _meta_names(snapshot: Snapshot) -> list[str]:
    used = set(Roles.from_json(snapshot.manifest.get("roles", {})).used())
    return [name for name in snapshot.manifest.get("source_columns", ()) if name not in used]


def _columns(snapshot: Snapshot, extra: pd.DataFrame | None, *, flat: bool) -> list[str]:
    names = ["example_id", "text", "label", "split", "source", "language", "time", *_group_titles(snapshot).values()]
    names += [name for name in (extra.columns if extra is not None else ()) if name not in names]
    names += [name for name in _meta_names(snapshot) if name not in names] if flat else ["meta"]
    return names


def export_rows(
    studio: Studio, snapshot: Snapshot, ids: Array, extra: pd.DataFrame | None, *, reveal: bool, flat: bool
) -> Iterator[Mapping[str, Any]]:
    """The rows of an export in the order of `ids`, read in chunks; `flat` brings meta back as columns of its own."""
    titles = _group_titles(snapshot)
    split = "split_now" if extra is None or "split" not in extra else "split"
    wanted = ["example_id", "text", "label", split, "source", "language", "time", *titles, "meta"]
    for start in range(0, len(ids), _CHUNK):
        frame = examples.by_ids(studio.store, snapshot.snapshot_id, ids[start : start + _CHUNK], wanted, reveal=reveal)
        frame = frame.rename(columns=titles | {"split_now": "split"})
        if extra is not None:
            for name in extra.columns:
                frame[name] = extra[name].reindex(frame["example_id"]).to_numpy()
        for row in frame.astype(object).where(frame.notna(), None).to_dict(orient="records"):
            yield _flattened(row) if flat else row


def _flattened(row: dict[str, Any]) -> dict[str, Any]:
    meta = row.pop("meta")
    if meta:
        row |= {name: value for name, value in orjson.loads(meta).items() if name not in row}
    return row
