"""Rows of `selection` and `selection_example`: who was chosen, in which order, why, by which recipe. Never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import SelectionError
from studio.records import Array
from studio.store.connection import Store

_COLUMNS = """
selection_id, corpus_id, snapshot_id, name, strategy, arm, budget, n, seed, recipe, recipe_hash, ids_hash, round_id,
loop_id, created_at, created_by
"""
_GET = f"SELECT {_COLUMNS} FROM selection WHERE selection_id = $selection_id"
_LIST = f"""
SELECT {_COLUMNS} FROM selection WHERE snapshot_id = $snapshot_id ORDER BY created_at DESC, selection_id
"""
_LIST_CORPUS = f"""
SELECT {_COLUMNS} FROM selection WHERE corpus_id = $corpus_id ORDER BY created_at DESC, selection_id
"""
_IDS = "SELECT example_id FROM selection_example WHERE selection_id = $selection_id ORDER BY rank"
_EXAMPLES = """
SELECT rank, example_id, score, reason FROM selection_example WHERE selection_id = $selection_id ORDER BY rank
"""
ARMS: tuple[str, ...] = ("selection", "random")


@dataclass(frozen=True)
class FrozenSelection:
    """One frozen selection; `arm` is selection, or random for a control draw, `recipe` holds all that made it."""

    selection_id: str
    corpus_id: str
    snapshot_id: str
    name: str
    strategy: str
    arm: str
    budget: int
    n: int
    seed: int
    recipe: Mapping[str, Any]
    recipe_hash: str
    ids_hash: str
    round_id: str | None
    loop_id: str | None
    created_at: str
    created_by: str


def hash_ids(ids: Sequence[int] | Array) -> str:
    """sha256 of the ids as little-endian int64 in pick order, in hex."""
    return hashlib.sha256(np.asarray(ids, dtype="<i8").tobytes()).hexdigest()


def hash_recipe(recipe: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of a recipe, in hex."""
    text = json.dumps(recipe, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def add(
    store: Store,
    *,
    selection_id: str,
    corpus_id: str,
    snapshot_id: str,
    name: str,
    strategy: str,
    arm: str,
    budget: int,
    seed: int,
    recipe: Mapping[str, Any],
    ids: Sequence[int] | Array,
    reasons: Sequence[str],
    scores: Sequence[float] | Array | None = None,
    round_id: str | None = None,
    loop_id: str | None = None,
    by: str,
) -> FrozenSelection:
    """Freeze a selection; the same selection_id twice (a double click) is the first one.

    `selection_id` is made by the caller. `ids` come in pick order, each once; `reasons` belong to them and so do
    `scores` (NaN or absent where there are none). `arm` is selection or random; `recipe` is plain JSON.

    Raises:
        SelectionError: no ids, repeated ids, an unknown arm, or lists of different lengths.
    """
    known = get_or_none(store, selection_id)
    if known is not None:
        return known
    ids = np.asarray(ids, dtype=np.int64)
    if not len(ids) or len(np.unique(ids)) != len(ids) or len(reasons) != len(ids) or arm not in ARMS:
        raise SelectionError(
            "A selection needs examples, each once, each with a reason",
            got=f"{len(ids)} ids, {len(np.unique(ids))} different, {len(reasons)} reasons, arm {arm}",
            fix="Raise the budget or loosen the limits.",
        )
    row = {
        "selection_id": selection_id,
        "corpus_id": corpus_id,
        "snapshot_id": snapshot_id,
        "name": name,
        "strategy": strategy,
        "arm": arm,
        "budget": int(budget),
        "n": len(ids),
        "seed": int(seed),
        "round_id": round_id,
        "loop_id": loop_id,
        "created_by": by,
    }
    _insert(store, row, recipe, ids, reasons, np.full(len(ids), np.nan) if scores is None else scores)
    return get(store, selection_id)


def _insert(
    store: Store,
    row: dict[str, Any],
    recipe: Mapping[str, Any],
    ids: Array,
    reasons: Sequence[str],
    scores: Sequence[float] | Array,
) -> None:
    values = np.asarray(scores, dtype=np.float64)
    row |= {
        "recipe": json.dumps(dict(recipe), ensure_ascii=False, sort_keys=True),
        "recipe_hash": hash_recipe(recipe),
        "ids_hash": hash_ids(ids),
        "created_at": datetime.now(UTC),
    }
    chosen = pd.DataFrame(
        {
            "selection_id": row["selection_id"],
            "rank": np.arange(1, len(ids) + 1),
            "example_id": ids,
            "score": pd.arrays.FloatingArray(np.nan_to_num(values), np.isnan(values)),
            "reason": list(reasons),
        }
    )
    with store.write():
        if get_or_none(store, row["selection_id"]) is None:
            store.insert("selection", pd.DataFrame([row]))
            store.insert("selection_example", chosen)


def get(store: Store, selection_id: str) -> FrozenSelection:
    """One frozen selection.

    Raises:
        SelectionError: there is none of that id.
    """
    found = get_or_none(store, selection_id)
    if found is None:
        raise SelectionError(
            "This selection is not known", got=selection_id, fix="Choose one of the list on the Select page."
        )
    return found


def get_or_none(store: Store, selection_id: str) -> FrozenSelection | None:
    """One frozen selection, or None."""
    row = store.one(_GET, {"selection_id": selection_id})
    return _record(row) if row else None


def list_all(store: Store, snapshot_id: str) -> list[FrozenSelection]:
    """The selections of a snapshot, newest first."""
    return [_record(row) for row in store.rows(_LIST, {"snapshot_id": snapshot_id})]


def of_corpus(store: Store, corpus_id: str) -> list[FrozenSelection]:
    """The selections of all snapshots of a corpus, newest first."""
    return [_record(row) for row in store.rows(_LIST_CORPUS, {"corpus_id": corpus_id})]


def ids(store: Store, selection_id: str) -> Array:
    """(n,) int64 example ids in pick order."""
    return store.read(_IDS, {"selection_id": selection_id})["example_id"].to_numpy(np.int64)


def examples(store: Store, selection_id: str) -> pd.DataFrame:
    """Columns rank (from 1), example_id, score (NaN where none), reason, in pick order."""
    return store.read(_EXAMPLES, {"selection_id": selection_id})


def _record(row: tuple[Any, ...]) -> FrozenSelection:
    return FrozenSelection(*row[:9], json.loads(row[9]), *row[10:14], row[14].isoformat(), row[15])
