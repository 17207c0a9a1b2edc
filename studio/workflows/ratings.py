"""People rate examples of a view, one by one or in pairs; a head learns from it and becomes a score."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import SelectionError
from studio.measures import DEFAULT_MEASURES
from studio.measures.rated import CHANCE, HEADS, NEEDED
from studio.measures.rating_queue import next_for, spread
from studio.records import VIEWS, Actor, Array, Condition, Measure, Snapshot
from studio.store import examples, ratings, scores
from studio.store.scores import ScoreSet
from studio.workflows import rated_inputs, runs, select_matrix, select_scores
from studio.workflows.acts import act
from studio.workflows.rated_inputs import Said
from studio.workflows.select_scores import ScoreState
from studio.workflows.studio import Studio

__all__ = ["CHANCE", "NEEDED", "Desk", "Shown", "compare", "head_of", "rate", "read", "train", "undo"]
ONE, TWO = "one", "two"
KINDS: dict[str, tuple[str, ...]] = {view: (ONE, TWO) if view == "quality" else (ONE,) for view in VIEWS}
_KEPT = 8
_orders: OrderedDict[tuple[Any, ...], Array] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Shown:
    """What is on the desk: one example or two, with what they say and the hash of their rows."""

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    hashes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Desk:
    """The desk of one person for one view. `shown` is None when they had everything there is.

    n_mine: what this person judged; newest: their entry that can be taken back; head: the score learnt from this, with
    `is_stale` where what people said has changed since; n_missing: judgements until a head can be learnt.
    """

    view: str
    kind: str
    measure: Measure
    shown: Shown | None
    said: Said
    n_mine: int
    newest: str | None
    head: ScoreSet | None
    is_stale: bool
    has_vectors: bool

    @property
    def n_missing(self) -> int:
        """How many more are needed."""
        return max(NEEDED - self.said.n, 0)


def head_of(view: str, kind: str) -> Measure:
    """The measure that is learnt from judgements of a view.

    Raises:
        SelectionError: no such view or kind.
    """
    if kind not in KINDS.get(view, ()):
        raise SelectionError("This view is not rated that way", got=f"{view}, {kind}",
                             fix="Compare pairs for quality; rate the other views one by one.")  # fmt: skip
    return HEADS[f"rated_{view}" if kind == ONE else f"pairwise_{view}"]


def read(studio: Studio, snapshot: Snapshot, state: ScoreState, *, actor: Actor, view: str, kind: str) -> Desk:
    """What a person sees next and where the view stands; a pure read.

    Raises:
        SelectionError: no such view or kind.
        CorpusError: an unknown snapshot.
    """
    measure = head_of(view, kind)
    said = rated_inputs.said(studio, snapshot.snapshot_id, measure.needs[1])
    order = _order(studio, snapshot, state, view)
    shown = _next(studio, snapshot, actor, said, order, kind)
    head = next((item for item in state.views[view].sets if item.measure == measure.name), None)
    stale = any(name == measure.name for name, _, _ in state.views[view].stale)
    table = rated_inputs.table_of(measure.needs[1])
    newest = ratings.newest(studio.store, table, snapshot.corpus_id, view, actor.name)
    n_mine = int((said.usable["actor"] == actor.name).sum())
    return Desk(view, kind, measure, shown, said, n_mine, newest, head, stale, state.around.encoder_key is not None)


# --- the queue --------------------------------------------------------------------------------------------------------
def _order(studio: Studio, snapshot: Snapshot, state: ScoreState, view: str) -> Array:
    """Ids outside the test split, spread over fifths of the view's own score and over clusters; kept in memory."""
    usual = next((item for item in state.views[view].sets if item.measure in DEFAULT_MEASURES[view]), None)
    mark = (usual.context_hash, usual.created_at) if usual else None
    key = (str(studio.workspace.root), snapshot.snapshot_id, view, mark, state.around.map_mark,
           scores.pool_state(studio.store, snapshot.snapshot_id)[1])  # fmt: skip
    with _lock:
        if key in _orders:
            _orders.move_to_end(key)
            return _orders[key]
    ids = examples.ids(studio.store, snapshot.snapshot_id, [Condition("split_now", "ne", "test")])
    unit = clusters = None
    if usual is not None:
        everyone = examples.ids(studio.store, snapshot.snapshot_id)
        unit = select_matrix.values(studio, snapshot.snapshot_id, usual, everyone)[1][np.searchsorted(everyone, ids)]
    if state.around.map_id is not None:
        placed = scores.clusters(studio.store, state.around.map_id).set_index("example_id")["cluster"]
        clusters = placed.reindex(ids).fillna(-1).to_numpy(np.int64)
    seed = int(hashlib.sha256(f"{snapshot.corpus_id}/{view}".encode()).hexdigest()[:8], 16)
    order = ids[spread(unit, clusters, len(ids), seed)]
    with _lock:
        _orders[key] = order
        while len(_orders) > _KEPT:
            _orders.popitem(last=False)
    return order


def _next(studio: Studio, snapshot: Snapshot, actor: Actor, said: Said, order: Array, kind: str) -> Shown | None:
    given = said.everything
    counted = given[~given["is_gone"].astype(bool) & ~given["is_changed"].astype(bool)]
    mine, others = counted[counted["actor"] == actor.name], counted[counted["actor"] != actor.name]
    others = others[others["kind"] != "skip"]
    if kind == ONE:
        chosen = next_for(order, mine["example_id"].tolist(), others["example_id"].tolist())
        return None if chosen is None else _shown(studio, snapshot, (chosen,))
    firsts, seconds = order[: len(order) // 2 * 2 : 2], order[1::2]
    place = {frozenset(pair): k for k, pair in enumerate(zip(firsts.tolist(), seconds.tolist(), strict=True))}

    def places(frame: pd.DataFrame) -> list[int]:
        told = zip(frame["example_id"].tolist(), frame["other_id"].tolist(), strict=True)
        return [place[pair] for pair in map(frozenset, told) if pair in place]

    at = next_for(np.arange(len(firsts)), places(mine), places(others))
    return None if at is None else _shown(studio, snapshot, (int(firsts[at]), int(seconds[at])))


def _shown(studio: Studio, snapshot: Snapshot, ids: tuple[int, ...]) -> Shown:
    rows = examples.by_ids(studio.store, snapshot.snapshot_id, list(ids), ["example_id", "text", "row_hash"])
    rows = rows.set_index("example_id").loc[list(ids)]
    return Shown(ids, tuple(str(text or "") for text in rows["text"]), tuple(map(str, rows["row_hash"])))


# --- acts -------------------------------------------------------------------------------------------------------------
@act("select.rate", "annotator", log=False)  # the row is its own entry: who, role, when, what
def rate(
    studio: Studio, actor: Actor, *, snapshot: Snapshot, view: str, shown: Shown, value: int | None, entry_id: str
) -> dict[str, Any]:
    """Keep a rating of 1 to 5, or that the person passed over the example (None); durable when this returns.

    Raises:
        SelectionError: another value, or no such view.
        StoreError: it could not be written.
    """
    head_of(view, ONE)
    return ratings.rate(studio.store, entry_id=entry_id, corpus_id=snapshot.corpus_id, snapshot_id=snapshot.snapshot_id,
                        view=view, example_id=shown.ids[0], row_hash=shown.hashes[0], value=value,
                        by=actor)  # fmt: skip


@act("select.compare", "annotator", log=False)
def compare(
    studio: Studio, actor: Actor, *, snapshot: Snapshot, view: str, shown: Shown, outcome: str | None, entry_id: str
) -> dict[str, Any]:
    """Keep which of two is better (first, second, tie), or that the person passed over the pair (None).

    Raises:
        SelectionError: another outcome, or a view that is not compared.
        StoreError: it could not be written.
    """
    head_of(view, TWO)
    return ratings.compare(studio.store, entry_id=entry_id, corpus_id=snapshot.corpus_id,
                           snapshot_id=snapshot.snapshot_id, view=view, pair=(shown.ids[0], shown.ids[1]),
                           hashes=(shown.hashes[0], shown.hashes[1]), outcome=outcome, by=actor)  # fmt: skip


@act("select.unrate", "annotator", log=False)
def undo(studio: Studio, actor: Actor, *, kind: str, supersedes: str, entry_id: str) -> dict[str, Any]:
    """Take back one's own newest judgement by a new row.

    Raises:
        SelectionError: it is not one's own.
    """
    table = "rating" if kind == ONE else "comparison"
    return ratings.undo(studio.store, table, entry_id=entry_id, supersedes=supersedes, by=actor)


@act("select.learn_ratings", "analyst")
def train(
    studio: Studio, actor: Actor, *, snapshot_id: str, view: str, kind: str, seed: int = 0, run_id: str | None = None
) -> str:
    """Start the run that learns a head from what people said and scores every example with it; returns the run_id.

    Raises:
        AccessError: it needs the role analyst.
        SelectionError: too few judgements, all the same, or no vectors.
    """
    measure = head_of(view, kind)
    found = rated_inputs.said(studio, snapshot_id, measure.needs[1])
    if found.n < NEEDED:
        raise SelectionError("There are too few judgements to learn from", got=found.n,
                             fix=f"Give {NEEDED} or more.")  # fmt: skip
    if found.usable["value"].nunique() < 2 and (
        kind == ONE or (found.usable["value"] == rated_inputs.WON["tie"]).all()
    ):
        raise SelectionError("All judgements are the same, so there is nothing to learn", got=found.n,
                             fix="Use the whole scale.")  # fmt: skip
    return select_scores.measure(studio, actor, snapshot_id=snapshot_id, measures=[measure.name], seed=seed,
                                 run_id=run_id)  # fmt: skip


def learning(studio: Studio, snapshot_id: str) -> runs.RunView | None:
    """The run at work on scores of this snapshot, if any."""
    return runs.live(studio, kind="measure", snapshot_id=snapshot_id)
