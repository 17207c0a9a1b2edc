"""One value per point of a map: what it may be coloured, sized and filtered by, as codes or numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from studio.mapping import halves
from studio.records import Array, Snapshot
from studio.store import annotation_facts, annotations, examples, labels, maps, scores, selections, vectors
from studio.store.clusters import count as n_cluster_decisions
from studio.store.scores import ScoreSet
from studio.words.measures import unit_key
from studio.workflows.studio import Studio

SCORE = "score."
SEVERAL = "classification_multi"  # the task of examples with any number of labels
PLAIN = ("source", "language")
DECIDED = frozenset({"label_now", "split_now", "state", "round"})  # columns that change while people work
HOVER_CHARACTERS = 120
MOST_OUTLYING = 500
NEAR = 10
NOT_YET = "0"  # of the column `round`: labelled, but no round was trained since


@dataclass(frozen=True, eq=False)
class Column:
    """Row i is the i-th example of the snapshot, ascending.

    codes (n,) int32 into `names` (the most frequent first, so that colours stay the same whatever the filters are),
    -1 = missing; or numbers (n,) float32, NaN = missing, in `unit`, a words key (empty = a score from 0 to 1).
    """

    codes: Array | None = None
    names: tuple[str, ...] = ()
    numbers: Array | None = None
    unit: str = ""

    @property
    def scale(self) -> tuple[float, float]:
        """The 2nd and 98th percentile of the numbers: the ends of a colour scale that a few extremes do not eat up."""
        there = self.numbers[np.isfinite(self.numbers)] if self.numbers is not None else np.empty(0)
        low, high = np.percentile(there, [2, 98]) if len(there) else (0.0, 1.0)
        return float(low), float(high) if high > low else float(low) + 1.0


def names(studio: Studio, snapshot: Snapshot) -> list[str]:
    """Columns a map may be coloured by: clusters, people's decisions, groups, texts' facts, then every stored score."""
    plain = [name for name in PLAIN if name in snapshot.columns]
    stored = [SCORE + item.measure for item in newest_sets(studio, snapshot.snapshot_id)]
    return ["cluster", "label_now", *snapshot.group_columns, "split_now", "state", "round", *plain, "length", *stored]


def newest_sets(studio: Studio, snapshot_id: str) -> list[ScoreSet]:
    """The newest score set of every measure; doubt is that of the newest round where there is one."""
    found: dict[str, ScoreSet] = {}
    for item in scores.sets(studio.store, snapshot_id):
        kept = found.get(item.measure)
        if kept is None or (item.context.get("round") and not kept.context.get("round")):
            found[item.measure] = item
    return [found[name] for name in sorted(found)]


def mark(studio: Studio, snapshot: Snapshot, map_id: str, name: str) -> str:
    """What a column depends on beside its name: columns are kept in memory under it."""
    if name == "cluster":
        return f"{map_id}+{n_cluster_decisions(studio.store, map_id)}"
    if name == "split_now":
        return str(annotation_facts.marks(studio.store, snapshot.snapshot_id)[1])
    if name == "label_now":  # the split decides which labels may be seen; a round changes none
        return repr(annotation_facts.marks(studio.store, snapshot.snapshot_id)[:2])
    if name in DECIDED:
        return annotation_facts.mark(studio.store, snapshot.snapshot_id)
    if name.startswith(SCORE):
        item = _set(studio, snapshot.snapshot_id, name)
        return f"{item.version}.{item.context_hash}.{item.created_at}" if item else ""
    return snapshot.snapshot_id


def column(studio: Studio, snapshot: Snapshot, map_id: str, name: str, *, unit: bool = False) -> Column:
    """The values of one column; names a page translates (splits, states) come as they are stored.

    Args:
        studio: the open workspace.
        snapshot: of which snapshot.
        map_id: the map whose clusters `cluster` means.
        name: one of `names`.
        unit: of a score, the unit score (0 to 1, high = wanted) in place of the raw value.

    Raises:
        CorpusError: no such column.
    """
    if name == "cluster":
        found = maps.points(studio.store, map_id)["cluster"].to_numpy()
        return _numbered(np.where(found < 0, -1, found))
    if name == "length":
        texts = examples.table(studio.store, snapshot.snapshot_id, ("text",))["text"]
        return Column(numbers=pc.utf8_length(texts).to_numpy().astype(np.float32), unit="map.unit.characters")
    if name.startswith(SCORE):
        return _score(studio, snapshot, name, unit)
    if name in ("state", "round"):
        return _coded(annotation_facts.states(studio.store, snapshot.snapshot_id)[name])
    if name == "label_now" and snapshot.task == SEVERAL:  # nobody labels such examples here: the corpus's own
        return _coded(_label_sets(examples.table(studio.store, snapshot.snapshot_id, ("labels",))["labels"]))
    if name == "label_now":
        known = labels.table(studio.store, snapshot.snapshot_id)
        ids = examples.ids(studio.store, snapshot.snapshot_id)
        made = _coded(known["label"])
        codes = np.full(len(ids), -1, dtype=np.int32)
        codes[np.searchsorted(ids, known["example_id"].to_numpy())] = made.codes
        return Column(codes=codes, names=made.names)
    return _coded(examples.table(studio.store, snapshot.snapshot_id, (name,))[name])


def _score(studio: Studio, snapshot: Snapshot, name: str, unit: bool) -> Column:
    item = _set(studio, snapshot.snapshot_id, name)
    ids = examples.ids(studio.store, snapshot.snapshot_id)
    values = np.full(len(ids), np.nan, dtype=np.float32)
    if item is None:
        return Column(numbers=values)
    found, raw, unit_values = scores.values(studio.store, snapshot.snapshot_id, item)
    rows = np.searchsorted(ids, found)
    values[rows] = unit_values if unit else raw
    return Column(numbers=values, unit="" if unit else unit_key(item.measure))


def _set(studio: Studio, snapshot_id: str, name: str) -> ScoreSet | None:
    listed = newest_sets(studio, snapshot_id)
    return next((item for item in listed if SCORE + item.measure == name), None)


def _label_sets(values: pa.ChunkedArray) -> pa.Array:
    """All labels of an example, kept as a JSON list, as one value, in the order of their names: `joy, love`."""
    encoded = values.combine_chunks().cast(pa.string()).dictionary_encode()
    named = [", ".join(sorted(map(str, json.loads(one)))) for one in encoded.dictionary.to_pylist()]
    return pa.array(named, pa.string()).take(encoded.indices)


def _coded(values: pa.Array | pa.ChunkedArray) -> Column:
    """Codes of text values, the most frequent value first, equal ones by name; empty text is missing."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if not len(whole) or pa.types.is_null(whole.type):
        return Column(codes=np.full(len(whole), -1, dtype=np.int32))
    encoded = whole.cast(pa.string()).dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    found = encoded.dictionary.to_pylist()
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    order = sorted((i for i, name in enumerate(found) if name), key=lambda i: (-counts[i], found[i]))
    place = np.full(len(found) + 1, -1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return Column(codes=place[codes], names=tuple(found[i] for i in order))


def _numbered(codes: Array) -> Column:
    """Codes of whole numbers, named by them, the most frequent first; below 0 = missing."""
    numbers, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    order = [i for i in np.lexsort((numbers, -counts)) if numbers[i] >= 0]
    place = np.full(len(numbers), -1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return Column(codes=place[inverse], names=tuple(str(int(numbers[i])) for i in order))


def label_mix(
    studio: Studio, snapshot: Snapshot, map_id: str, *, held: int | None = None
) -> dict[int, list[tuple[str, int]]]:
    """Cluster -> its labels that may be seen with their counts, the most frequent first; of the half that is shown."""
    points = maps.points(studio.store, map_id)
    clusters = points["cluster"].to_numpy()
    found = column(studio, snapshot, map_id, "label_now")
    if found.codes is None or not found.names:
        return {}
    numbers, rows = np.unique(clusters, return_inverse=True)
    known = (found.codes >= 0) & seen(points["example_id"].to_numpy(), held)
    width = len(found.names)
    table = np.bincount(rows[known] * width + found.codes[known], minlength=len(numbers) * width)
    mixes = table.reshape(len(numbers), width)
    return {
        int(number): [(found.names[i], int(mix[i])) for i in np.argsort(-mix, kind="stable") if mix[i]]
        for number, mix in zip(numbers, mixes, strict=True)
    }


def short_texts(studio: Studio, snapshot_id: str) -> pa.Array:
    """The beginnings of all texts for hovering, ascending; Arrow, about 120 bytes an example."""
    texts = examples.table(studio.store, snapshot_id, ("text",))["text"].combine_chunks()
    return pc.utf8_slice_codeunits(texts.cast(pa.large_string()).fill_null(""), 0, HOVER_CHARACTERS)


def outlying(studio: Studio, snapshot_id: str) -> Array:
    """Row positions of the 500 examples farthest from their ten nearest, the farthest first; empty without vectors."""
    found = vectors.newest(studio.store, snapshot_id)
    if found is None or not found.k:
        return np.empty(0, dtype=np.int64)
    place = studio.workspace.root / found.knn_path / "dist.npy"
    radius = np.load(place, mmap_mode="r", allow_pickle=False)[:, :NEAR].mean(axis=1)
    return np.argsort(-radius, kind="stable")[:MOST_OUTLYING]


def newest_selection(studio: Studio, snapshot_id: str) -> selections.FrozenSelection | None:
    """The newest selection that was not drawn at random, or None."""
    frozen = [item for item in selections.list_all(studio.store, snapshot_id) if item.arm != "random"]
    return max(frozen, key=lambda item: item.created_at, default=None)


def must_draw(studio: Studio, snapshot: Snapshot, opened: str, most: int) -> Array:
    """Ids the map never leaves out, in this order: opened, outlying, of the newest selection, newest labelled."""
    ids = examples.ids(studio.store, snapshot.snapshot_id)
    wanted = [int(opened)] if opened.isascii() and opened.isdecimal() and len(opened) < 17 else []
    wanted += ids[outlying(studio, snapshot.snapshot_id)].tolist()
    newest = newest_selection(studio, snapshot.snapshot_id)
    if newest is not None:
        wanted += [int(i) for i in selections.ids(studio.store, newest.selection_id)]
    wanted += annotations.labelled_ids(studio.store, snapshot.corpus_id, most)
    return np.asarray(wanted, dtype=np.int64)


def seen(ids: Array | Sequence[int], held: int | None) -> Array:
    """(n,) bool: the examples a map shows while half of them is held back under a seed; all without one."""
    return np.ones(len(ids), dtype=bool) if held is None else ~halves.is_held(np.asarray(ids, np.int64), held)


def positions(all_ids: Array, some: Array | Sequence[int]) -> Array:
    """Positions of some ids among all, in their order; those that are not there left out."""
    places = pd.Index(all_ids).get_indexer(pd.Index(some, dtype="int64"))
    return places[places >= 0]


def family_of(studio: Studio, snapshot_id: str, families: Array, number: int) -> list[int]:
    """The other examples of the same family of near-copies, ascending; none for one that stands alone."""
    ids = examples.ids(studio.store, snapshot_id)
    row = int(np.searchsorted(ids, number))
    if len(families) != len(ids) or row >= len(ids) or ids[row] != number:
        return []
    return [int(i) for i in ids[np.flatnonzero(np.asarray(families) == families[row])] if i != number]
