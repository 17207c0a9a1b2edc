"""Change how a snapshot is split: what would move, what that does to labels and rounds, decide, restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studio.corpus import split_methods
from studio.corpus.split_methods import Assignment
from studio.errors import CorpusError
from studio.records import SPLITS, Actor, Array
from studio.statistics import SMALL_GROUP, wilson
from studio.store import examples, labels, metadata, rounds, snapshots, splits
from studio.workflows import adopt, runs
from studio.workflows.acts import act
from studio.workflows.studio import Studio

MOST_OTHERS = 12  # ours: of the columns without a role, so that a wide file does not make the page wait
MOST_VALUES = 200  # a column with more different values is no group to compare splits by


@dataclass(frozen=True, eq=False)
class Preview:
    """What a split decision would do; nothing is written.

    before and after: examples by split; moves: (from, to) -> examples; labelled: the same for examples somebody
    annotated; hidden, shown: corpus labels that would leave or enter sight; out_of_test: examples that would leave the
    test split for pool or train; openings: how often the test split has been opened; n_rounds: rounds measured on the
    split in force; notes: as `Assignment.notes`.
    """

    plan: Mapping[str, Any]
    found: Assignment
    before: Mapping[str, int]
    after: Mapping[str, int]
    moves: Mapping[tuple[str, str], int]
    labelled: Mapping[tuple[str, str], int]
    hidden: int
    shown: int
    out_of_test: int
    openings: int
    n_rounds: int

    @property
    def n_moved(self) -> int:
        """Examples that would change their split."""
        return sum(self.moves.values())

    @property
    def needs_consent(self) -> bool:
        """True when examples of an opened test split would become ones to learn from."""
        return self.openings > 0 and self.out_of_test > 0


def preview(studio: Studio, snapshot_id: str, plan: Mapping[str, Any]) -> Preview:
    """What a plan would do to a snapshot.

    Raises:
        CorpusError: an unknown snapshot, or a plan that cannot be carried out.
    """
    snapshots.require(studio.store, snapshot_id)
    whole = split_methods.whole_plan(plan)
    return _preview(studio, snapshot_id, whole, adopt.planned(studio, snapshot_id, whole))


def preview_restore(studio: Studio, snapshot_id: str, decision_id: str) -> Preview:
    """What putting an earlier decision back would do.

    Raises:
        CorpusError: an unknown snapshot.
        StoreError: no such decision on record.
    """
    snapshots.require(studio.store, snapshot_id)
    names = splits.assignment(studio.store, snapshot_id, decision_id)
    earlier = next(one for one in splits.history(studio.store, snapshot_id) if one["decision_id"] == decision_id)
    plan = earlier["plan"] or {
        "method": earlier["method"],
        "seed": earlier["seed"],
        "shares": _shares(earlier["shares"]),
    }
    kept = {key: value for key, value in plan.items() if key not in ("notes", "counts")}
    return _preview(studio, snapshot_id, kept | {"restored_from": decision_id}, Assignment(names))


def _shares(shares: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(shares.get(name, 0.0)) for name in SPLITS}


def _preview(studio: Studio, snapshot_id: str, plan: Mapping[str, Any], found: Assignment) -> Preview:
    store = studio.store
    now = in_force(studio, snapshot_id)
    after = found.names
    moved = np.flatnonzero(now != after)
    annotated = labels.current(store, snapshot_id)
    annotated = set(annotated.loc[annotated["origin"] == "annotation", "example_id"].tolist())
    ids = examples.ids(store, snapshot_id)[moved]
    is_annotated = np.array([int(i) in annotated for i in ids], dtype=bool)
    has_label = examples.by_ids(store, snapshot_id, ids, ("label",), reveal=True)["label"].notna().to_numpy(bool)
    was_pool, is_pool = now[moved] == "pool", after[moved] == "pool"
    return Preview(
        plan=plan,
        found=found,
        before=_count(now),
        after=_count(after),
        moves=_moves(now[moved], after[moved]),
        labelled=_moves(now[moved][is_annotated], after[moved][is_annotated]),
        hidden=int((is_pool & ~was_pool & has_label).sum()),
        shown=int((was_pool & ~is_pool & has_label).sum()),
        out_of_test=int(((now == "test") & np.isin(after, ("pool", "train"))).sum()),
        openings=rounds.test_openings(store, snapshot_id),
        n_rounds=len(rounds.of_snapshot(store, snapshot_id)),
    )


def in_force(studio: Studio, snapshot_id: str) -> Array:
    """(n,) the split of each example in ascending example_id; pool where nothing was decided."""
    names = splits.frame(studio.store, snapshot_id)["split"].to_numpy(object)
    n = snapshots.require(studio.store, snapshot_id).n_examples
    return names if len(names) == n else np.full(n, "pool", dtype=object)


def _count(names: Array) -> dict[str, int]:
    return {split: int((names == split).sum()) for split in SPLITS}


def _moves(before: Array, after: Array) -> dict[tuple[str, str], int]:
    pairs = pd.Series(list(zip(before.tolist(), after.tolist(), strict=True)), dtype=object).value_counts(sort=False)
    place = {name: i for i, name in enumerate(SPLITS)}
    return {key: int(pairs[key]) for key in sorted(pairs.index, key=lambda key: (place[key[0]], place[key[1]]))}


# --- deciding ---------------------------------------------------------------------------------------------------------
@act("prepare.split", "analyst")
def decide(
    studio: Studio, actor: Actor, *, snapshot_id: str, plan: Mapping[str, Any], accept_test_leaves: bool = False
) -> str:
    """Put a split plan in force; the decision before it stays on record. Returns the decision's id.

    Args:
        studio: the open workspace.
        actor: who decides.
        snapshot_id: of which snapshot.
        plan: as `studio.corpus.split_methods` reads it.
        accept_test_leaves: examples may leave a test split that has been opened for pool or train.

    Raises:
        CorpusError: what `preview` raises, training at work on the snapshot, or examples that would leave an opened
            test split without consent.
    """
    return _put(studio, actor, snapshot_id, preview(studio, snapshot_id, plan), accept_test_leaves)


@act("prepare.restore_split", "analyst")
def restore(
    studio: Studio, actor: Actor, *, snapshot_id: str, decision_id: str, accept_test_leaves: bool = False
) -> str:
    """Put an earlier decision in force again, example by example; a new decision that says where it comes from.

    Raises:
        CorpusError: as `decide`.
        StoreError: no such decision on record.
    """
    found = preview_restore(studio, snapshot_id, decision_id)
    return _put(studio, actor, snapshot_id, found, accept_test_leaves)


def _put(studio: Studio, actor: Actor, snapshot_id: str, found: Preview, accept_test_leaves: bool) -> str:
    live = runs.live(studio, kind="train", snapshot_id=snapshot_id)
    if live is not None:
        raise CorpusError("A round is being trained on this snapshot", got=live.spec.title,
                          fix="Wait until it is done, or stop it on the Runs page.")  # fmt: skip
    if found.needs_consent and not accept_test_leaves:
        raise CorpusError("Examples would leave a test split that has been opened", got=f"{found.out_of_test:,}",
                          fix="Confirm it, or choose a split that keeps them in the test split.")  # fmt: skip
    with studio.store.write():
        return adopt.put_in_force(studio, snapshot_id, found.plan, found.found, actor.name)


def history(studio: Studio, snapshot_id: str) -> list[dict[str, Any]]:
    """Every split decision, newest first, each with `counts` by split where they are on record."""
    found = splits.history(studio.store, snapshot_id)
    for place, one in enumerate(found):
        known = (one["plan"] or {}).get("counts")
        one["counts"] = known or (splits.counts(studio.store, snapshot_id) if place == 0 else {})
        one["notes"] = [(str(key), dict(values)) for key, values in (one["plan"] or {}).get("notes", [])]
        one["in_force"] = place == 0
    return found


# --- looking ----------------------------------------------------------------------------------------------------------
def columns_to_split_by(studio: Studio, snapshot_id: str) -> dict[str, list[str]]:
    """Columns a plan may name, by use: `strata` (few values), `together` (values that repeat), `time`, `imported`.

    Beside label, source, language and groups these are the original columns without a role, as `meta.<column>`.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    able = [
        name for name in ("label", "labels", "source", "language", *snapshot.group_columns) if name in snapshot.columns
    ]
    able += metadata.columns(studio.store, snapshot_id, naming=True)[:MOST_OTHERS]
    looked = [*able, *(name for name in ("time", "split") if name in snapshot.columns)]
    frame = examples.frame(studio.store, snapshot_id, tuple(dict.fromkeys(looked)), reveal=True)
    distinct = {name: int(frame[name].nunique()) for name in looked}
    n = len(frame)
    return {
        "strata": [
            name for name in able if 2 <= distinct[name] <= MOST_VALUES or (name == "labels" and distinct[name])
        ],
        "together": [name for name in able if name not in ("label", "labels") and 1 <= distinct[name] < n],
        "time": ["time"] if distinct.get("time") else [],
        "imported": ["split"] if distinct.get("split") else [],
    }


def shares_by_split(studio: Studio, snapshot_id: str, names: Array, column: str) -> pd.DataFrame:
    """How a column is spread over the splits: value, split, n, size, share, low, high (Wilson), is_small.

    Args:
        studio: the open workspace.
        snapshot_id: of which snapshot.
        names: (n,) split names in ascending example_id.
        column: label, source, language or a group column; label counts those of the pool as well, in sum only.
    """
    values = examples.frame(studio.store, snapshot_id, (column,), reveal=True)[column]
    table = pd.crosstab(values.fillna("").to_numpy(object), names)
    frame = table.stack().rename("n").reset_index()
    frame.columns = ["value", "split", "n"]
    sizes = pd.Series(names).value_counts()
    frame["size"] = frame["split"].map(sizes).astype(int)
    low, high = wilson(frame["n"].to_numpy(), frame["size"].to_numpy())
    return frame.assign(share=frame["n"] / frame["size"], low=low, high=high, is_small=frame["n"] < SMALL_GROUP)
