"""What the audits read, as files: written once for a run or for a look, read by whoever computes.

given.parquet: example_id, label (or labels, a JSON list), and where known family, exact, cluster, `score:<measure>`.
facts.json: everything else of a Context. Texts, groups, sources and times come from the snapshot's own Parquet file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from studio.audits.context import Context
from studio.errors import MeasureError
from studio.records import Array, Knn, Lexicon, Term

COLUMNS: tuple[str, ...] = ("example_id", "text", "source", "language", "time")
GIVEN, FACTS = "given.parquet", "facts.json"
_SCORE = "score:"
_KNOWN = frozenset({"example_id", "label", "labels", "family", "exact", "cluster"})


@dataclass(frozen=True)
class Facts:
    """The part of a Context that is no array."""

    language: str = "en"
    groups: tuple[str, ...] = ()
    reference: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    cluster_names: Mapping[int, str] = field(default_factory=dict)
    lexicon: Lexicon | None = None
    seed: int = 0
    n_families: int = 1


def write(
    folder: Path,
    given: pd.DataFrame | Iterable[pa.RecordBatch],
    facts: Facts,
    beside: Mapping[str, Array] | None = None,
) -> None:
    """Write both files; `given` has example_id in ascending order and a score column per measure under its own name.

    Columns besides example_id, label, labels, family, exact and cluster are scores.

    Args:
        folder: where; made if it is not there.
        given: a frame, or batches, which are written one by one and never held together.
        facts: what is no array.
        beside: more columns, such as family and exact; row i is row i of `given`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    batches = (
        pa.Table.from_pandas(given, preserve_index=False).to_batches() if isinstance(given, pd.DataFrame) else given
    )
    making, writer, at = folder / f".{GIVEN}", None, 0
    try:
        for batch in batches:
            columns = {name if name in _KNOWN else f"{_SCORE}{name}": batch.column(name) for name in batch.schema.names}
            columns |= {name: pa.array(rows[at : at + len(batch)]) for name, rows in (beside or {}).items()}
            at += len(batch)
            if any(len(column) != len(batch) for column in columns.values()):
                raise _strange("copies", min(map(len, (beside or {}).values())), at)
            table = pa.table(columns)
            writer = writer or pq.ParquetWriter(making, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        pq.write_table(pa.table({"example_id": pa.array([], pa.int64()), "label": pa.array([], pa.string())}), making)
    if any(len(rows) != at for rows in (beside or {}).values()):
        raise _strange("copies", max(map(len, (beside or {}).values())), at)
    os.replace(making, folder / GIVEN)
    (folder / FACTS).write_text(json.dumps(asdict(facts), ensure_ascii=False), encoding="utf-8")


def read(
    examples: Path, folder: Path, *, vectors: Path | None = None, knn: Path | None = None
) -> tuple[pd.DataFrame, Context]:
    """The frame and the context an audit takes.

    Args:
        examples: the snapshot's Parquet file.
        folder: where `write` wrote.
        vectors: folder with vectors.npy, or None.
        knn: folder with idx.npy and dist.npy, or None.

    Raises:
        MeasureError: rows of another snapshot, or the folder is gone.
    """
    if not ((folder / GIVEN).exists() and (folder / FACTS).exists()):
        raise MeasureError("The files this run reads are gone", got=folder.name,
                           fix="Start it again from its page.")  # fmt: skip
    facts = _facts(json.loads((folder / FACTS).read_text(encoding="utf-8")))
    there = set(pq.read_schema(examples).names)
    groups = [f"group_{name}" for name in facts.groups]
    frame = pq.read_table(examples, columns=[c for c in (*COLUMNS, *groups) if c in there]).to_pandas()
    given = pq.read_table(folder / GIVEN).to_pandas()
    if not np.array_equal(given["example_id"].to_numpy(np.int64), frame["example_id"].to_numpy(np.int64)):
        raise _strange("labels", len(given), len(frame))
    for name in ("label", "labels"):  # several labels are a JSON list, as in the snapshot's own file
        if name in given:
            frame[name] = given[name].astype(object).where(given[name].notna(), None)
    embeddings = None if vectors is None else _array(vectors / "vectors.npy")
    graph = None if knn is None else Knn(_array(knn / "idx.npy"), _array(knn / "dist.npy"))
    for what, rows in (("vectors", embeddings), ("neighbours", graph and graph.indices)):
        if rows is not None and len(rows) != len(frame):
            raise _strange(what, len(rows), len(frame))
    scores = {c.removeprefix(_SCORE): given[c].to_numpy(np.float64, na_value=np.nan) for c in given if
              c.startswith(_SCORE)}  # fmt: skip
    return frame, Context(
        language=facts.language,
        groups=facts.groups,
        reference=facts.reference,
        families=_codes(given, "family"),
        exact=_codes(given, "exact"),
        embeddings=embeddings,
        knn=graph,
        clusters=_codes(given, "cluster"),
        cluster_names=facts.cluster_names,
        lexicon=facts.lexicon,
        scores=scores,
        seed=facts.seed,
        n_families=facts.n_families,
    )


def _codes(given: pd.DataFrame, name: str) -> Array | None:
    return given[name].to_numpy(np.int64) if name in given else None


def _array(path: Path) -> Array:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _facts(given: Mapping[str, Any]) -> Facts:
    lexicon = given["lexicon"]
    if lexicon is not None:
        struck = tuple((str(term), int(example)) for term, example in lexicon.get("struck", ()))
        lexicon = Lexicon(**(lexicon | {"terms": tuple(Term(**term) for term in lexicon["terms"]), "struck": struck}))
    names = {int(code): str(name) for code, name in given["cluster_names"].items()}
    own = {"groups": tuple(given["groups"]), "cluster_names": names, "lexicon": lexicon}
    return Facts(**(dict(given) | own))


def _strange(what: str, got: int, wanted: int) -> MeasureError:
    return MeasureError(f"The {what} do not belong to this snapshot", got=f"{got} rows for {wanted} examples",
                        fix="Make the map again.")  # fmt: skip
