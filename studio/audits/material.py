"""What the audits read, as files: written once for a run or for a look, read by whoever computes.

given.parquet: example_id, label, and where known family, exact, cluster, `score:<measure>`. facts.json: everything else
of a Context. Texts, groups, sources and times come from the snapshot's own Parquet file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from studio.audits.context import Context
from studio.errors import MeasureError
from studio.records import Array, Knn, Lexicon, Term

COLUMNS: tuple[str, ...] = ("example_id", "text", "source", "language", "time")
GIVEN, FACTS = "given.parquet", "facts.json"
_SCORE = "score:"


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


def write(folder: Path, given: pd.DataFrame, facts: Facts) -> None:
    """Write both files; `given` has example_id in ascending order and a score column per measure under its own name.

    Columns besides example_id, label, family, exact and cluster are scores.
    """
    known = {"example_id", "label", "family", "exact", "cluster"}
    named = {name: f"{_SCORE}{name}" for name in given.columns if name not in known}
    folder.mkdir(parents=True, exist_ok=True)
    given.rename(columns=named).to_parquet(folder / GIVEN, index=False)
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
        MeasureError: rows of another snapshot.
    """
    facts = _facts(json.loads((folder / FACTS).read_text(encoding="utf-8")))
    there = set(pq.read_schema(examples).names)
    groups = [f"group_{name}" for name in facts.groups]
    frame = pq.read_table(examples, columns=[c for c in (*COLUMNS, *groups) if c in there]).to_pandas()
    given = pq.read_table(folder / GIVEN).to_pandas()
    if not np.array_equal(given["example_id"].to_numpy(np.int64), frame["example_id"].to_numpy(np.int64)):
        raise _strange("labels", len(given), len(frame))
    frame["label"] = given["label"].astype(object).where(given["label"].notna(), None)
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
