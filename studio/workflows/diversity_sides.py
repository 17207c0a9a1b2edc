"""What can be compared: a whole snapshot, a frozen selection, a saved slice; and the rows two of them stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from studio.diversity.comparison import MOST
from studio.errors import CorpusError, MeasureError
from studio.models.encoders import encoder_info
from studio.records import Array, Snapshot
from studio.store import examples, scores, selections, slices, snapshots, vectors
from studio.workflows import audits_copies
from studio.workflows.studio import Studio

POOL = 200_000  # ours: rows draws are taken from; of a larger pool a seeded sample, 1 GB of texts and codes at most
KINDS: tuple[str, ...] = ("snapshot", "selection", "slice")


@dataclass(frozen=True)
class Side:
    """One set of examples; `key` names it in a URL as `<kind>:<id>`, and what it names never changes."""

    key: str
    kind: str
    name: str
    n: int
    snapshot_id: str


@dataclass(frozen=True)
class Pair:
    """The rows of the snapshots two sides stand in.

    given: columns part, row, example_id, in_a, in_b, drawn, cluster, family (see studio.diversity.material). inputs:
    the files of each part, relative to the workspace. absent: field -> reason why it is not compared. n_pool: rows
    draws stand for. judged: a or b, the side that is not the whole pool.
    """

    given: pd.DataFrame
    inputs: Mapping[str, str]
    n_pool: int
    judged: str
    absent: Mapping[str, str] = field(default_factory=dict)


def listed(studio: Studio, snapshot: Snapshot) -> list[Side]:
    """Every set that can be compared from a snapshot: itself, its selections and slices, every other snapshot."""
    store, own = studio.store, snapshot.snapshot_id
    found = [_whole(snapshot)]
    found += [
        Side(f"selection:{one.selection_id}", "selection", one.name, one.n, own)
        for one in selections.list_all(store, own)
    ]
    found += [Side(f"slice:{row.slice_id}", "slice", row.name, int(row.n), own)
              for row in slices.slices(store, own).itertuples()]  # fmt: skip
    others = [one for one in snapshots.list_all(store) if one.snapshot_id != own]
    return found + [_whole(one) for one in sorted(others, key=lambda one: one.corpus_id != snapshot.corpus_id)]


def require(studio: Studio, key: str) -> Side:
    """The set a key names.

    Raises:
        CorpusError: it names nothing.
    """
    kind, _, name = str(key).partition(":")
    store = studio.store
    if kind == "snapshot" and (one := snapshots.get(store, name)) is not None:
        return _whole(one)
    if kind == "selection" and (chosen := selections.get_or_none(store, name)) is not None:
        return Side(key, kind, chosen.name, chosen.n, chosen.snapshot_id)
    if kind == "slice" and (part := slices.get_slice(store, name)) is not None:
        return Side(key, kind, part.name, part.n, part.snapshot_id)
    raise CorpusError("This set of examples is not known", got=key, fix="Choose one of the list.")


def _whole(snapshot: Snapshot) -> Side:
    return Side(f"snapshot:{snapshot.snapshot_id}", "snapshot", snapshot.name, snapshot.n_examples,
                snapshot.snapshot_id)  # fmt: skip


def ids_of(studio: Studio, side: Side) -> Array:
    """(n,) int64 ascending example ids of a set."""
    store, name = studio.store, side.key.partition(":")[2]
    if side.kind == "selection":
        return np.unique(selections.ids(store, name))
    if side.kind == "slice":
        part = slices.require_slice(store, name)
        return np.unique(slices.ids(store, part.snapshot_id, name))
    return examples.ids(store, side.snapshot_id)


def state_of(studio: Studio, a: Side, b: Side) -> dict[str, Any]:
    """What a comparison rests on besides the two sets: vectors of both snapshots, the topics in force."""
    state: dict[str, Any] = {}
    for name, side in (("a", a), ("b", b)):
        made = vectors.newest(studio.store, side.snapshot_id)
        state[f"vectors_{name}"] = f"{made.encoder_key} {made.content_hash}" if made else None
        state[f"map_{name}"] = scores.surroundings(studio.store, side.snapshot_id).map_mark
    return state


def pair(studio: Studio, a: Side, b: Side, seed: int) -> Pair:
    """The rows both sides stand in; an example in both snapshots with the same text is one row.

    Draws are made from all of them. Where everything of one snapshot is in the other, only the other is read.
    """
    first, second = a.snapshot_id, b.snapshot_id
    base = _rows(studio, first, by_content=second != first)
    parts = [first]
    if second != first:
        more = _rows(studio, second)
        only_second, only_first = ~_in(more, base), ~_in(base, more)
        if not only_first.any():
            base, parts = more, [second]
        elif only_second.any():
            base = pd.concat([base.assign(part=0), more[only_second].assign(part=1)], ignore_index=True)
            parts = [first, second]
    given = base if "part" in base else base.assign(part=0)
    for name, side in (("in_a", a), ("in_b", b)):
        given[name] = _members(studio, side, given, parts)
    absent = {}
    if len(parts) > 1 and (reason := _space(studio, parts)):
        absent = {"vectors": reason, "clusters": reason}
    inputs = _inputs(studio, parts, with_vectors=not absent)
    if not absent and len([name for name in inputs if name.startswith("vectors")]) < len(parts):
        absent = {"vectors": "no_vectors"}
    n_pool = len(given)
    judged = _judged(given)
    given = _with_topics_and_copies(studio, given, parts)
    given["drawn"] = True
    if n_pool > POOL:
        given = _sampled(given, seed)
    return Pair(
        given.drop(columns=["row_hash"], errors="ignore").reset_index(drop=True), inputs, n_pool, judged, absent
    )


def _judged(given: pd.DataFrame) -> str:
    sizes = {name: int(given[f"in_{name}"].sum()) for name in ("a", "b")}
    if not all(sizes.values()):
        raise MeasureError("There is nothing to compare", got="no examples on one side", fix="Choose two sets.")
    if given["in_a"].equals(given["in_b"].rename("in_a")):
        raise MeasureError("Both sides are the same examples", got=sizes["a"], fix="Choose two different sets.")
    return "b" if sizes["b"] < len(given) else "a"


def _rows(studio: Studio, snapshot_id: str, *, by_content: bool = True) -> pd.DataFrame:
    """Columns example_id, row, corpus, and row_hash where two snapshots are to be laid over each other."""
    columns = ("example_id", "row_hash") if by_content else ("example_id",)
    frame = examples.table(studio.store, snapshot_id, columns).to_pandas()  # hashes stay Arrow: no object per row
    return frame.assign(row=np.arange(len(frame)), corpus=snapshots.require(studio.store, snapshot_id).corpus_id)


def _in(rows: pd.DataFrame, others: pd.DataFrame) -> Array:
    """Which rows are among the others too: same corpus, example and content."""
    keys = [pd.MultiIndex.from_frame(one[["corpus", "example_id", "row_hash"]]) for one in (rows, others)]
    return keys[0].isin(keys[1])


def _members(studio: Studio, side: Side, given: pd.DataFrame, parts: list[str]) -> Array:
    """Which rows of the pool are in a set: by id, and by content where they come from the other snapshot."""
    wanted = ids_of(studio, side)
    if parts == [side.snapshot_id]:
        return np.isin(given["example_id"].to_numpy(), wanted)
    own = _rows(studio, side.snapshot_id)
    return _in(given, own[np.isin(own["example_id"].to_numpy(), wanted)])


def _space(studio: Studio, parts: list[str]) -> str:
    """Why the vectors of two snapshots cannot be compared; empty where they can."""
    made = [vectors.newest(studio.store, one) for one in parts]
    if any(one is None for one in made):
        return "no_vectors"
    keys = {one.encoder_key for one in made if one is not None}
    fitted = any(encoder_info(one.encoder).needs_fit for one in made if one is not None)
    return "other_space" if len(keys) > 1 or fitted else ""


def _inputs(studio: Studio, parts: list[str], *, with_vectors: bool) -> dict[str, str]:
    root, inputs = studio.workspace.root, {}
    for number, snapshot_id in enumerate(parts):
        suffix = f"_{number}" if number else ""
        inputs[f"examples{suffix}"] = str(studio.workspace.examples_file(snapshot_id).relative_to(root))
        made = vectors.newest(studio.store, snapshot_id)
        if made is not None and with_vectors:
            inputs[f"vectors{suffix}"] = made.path
    return inputs


def whole_inputs(studio: Studio, snapshot_id: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows of a whole snapshot with topics and copies, and its files, stored neighbours included."""
    given = _rows(studio, snapshot_id, by_content=False).assign(part=0)
    inputs = _inputs(studio, [snapshot_id], with_vectors=True)
    made = vectors.newest(studio.store, snapshot_id)
    if made is not None and made.k:
        inputs["knn"] = made.knn_path
    return _with_topics_and_copies(studio, given, [snapshot_id]), inputs


def _with_topics_and_copies(studio: Studio, given: pd.DataFrame, parts: list[str]) -> pd.DataFrame:
    """Topics of the first snapshot's map in force; families where there is one snapshot whose copies are known."""
    around = scores.surroundings(studio.store, parts[0])
    given = given.drop(columns=["corpus"])
    if around.map_id:
        points = scores.clusters(studio.store, around.map_id)
        codes = pd.Series(points["cluster"].to_numpy(), index=points["example_id"].to_numpy())
        here = given["part"] == 0
        given["cluster"] = given["example_id"].map(codes).where(here).fillna(-1).astype(np.int64)
    if len(parts) == 1:
        copies = audits_copies.read(studio, parts[0])
        if copies is not None and len(copies.families) == len(given):
            given["family"] = np.asarray(copies.families)
    return given


def _sampled(given: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A seeded sample of a large pool for the draws, with as much of either side as is worked on."""
    rng = np.random.default_rng([seed, 2])
    drawn = np.zeros(len(given), dtype=bool)
    drawn[rng.choice(len(given), POOL, replace=False)] = True
    kept = drawn.copy()
    for name in ("in_a", "in_b"):
        inside = np.flatnonzero(given[name].to_numpy())
        chosen = rng.permutation(inside)[:MOST]
        given[name] = False
        given.loc[chosen, name] = True
        kept[chosen] = True
    given["drawn"] = drawn
    return given[kept]
