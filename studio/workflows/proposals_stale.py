"""Has what a proposal rests on changed since? Labels, splits, scores, corpus, recipe: compared, said in words."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from studio.measures import MEASURES
from studio.records import Array
from studio.reports.said import part
from studio.store import annotation_facts, labels, scores, selections, snapshots, splits
from studio.store.proposals import Proposal
from studio.store.selections import FrozenSelection
from studio.workflows.studio import Studio

_KEPT = 8
_kept: OrderedDict[tuple[str, str, str], tuple[Array, Array]] = OrderedDict()
_lock = threading.Lock()


def state_of(studio: Studio, frozen: FrozenSelection, ids: Array) -> dict[str, Any]:
    """What the numbers of a proposal are computed from, as short marks that can be compared later.

    Labels of the chosen (and of their random control) are left out: they are what the proposal asks for.
    """
    digest, n = _labels(studio, frozen.snapshot_id, _own(studio, frozen.selection_id, ids))
    wanted = {(s["measure"], s["context_hash"]) for s in frozen.recipe.get("scores", ()) if "context_hash" in s}
    used = [item for item in scores.sets(studio.store, frozen.snapshot_id)
            if (item.measure, item.context_hash) in wanted]  # fmt: skip
    return {
        "labels": digest,
        "n_labels": n,
        "splits": _splits(studio, frozen.snapshot_id),
        "scores": [{"measure": s.measure, "version": s.version, "context_hash": s.context_hash} for s in used],
    }


def reasons(studio: Studio, proposal: Proposal) -> list[dict[str, Any]]:
    """Why a proposal no longer describes what is there, as sentences to be put into words; empty while it does."""
    then = proposal.content.get("state", {})
    found = _snapshot(studio, proposal)
    frozen = selections.get_or_none(studio.store, proposal.selection_id)
    if snapshots.get(studio.store, proposal.snapshot_id) is None:
        return [*found, part("proposal.stale.gone")]
    if frozen is None:
        return [*found, part("proposal.stale.no_selection")]
    if frozen.recipe_hash != proposal.content.get("recipe_hash"):
        found.append(part("proposal.stale.recipe"))
    if frozen.ids_hash != proposal.content.get("ids_hash"):
        found.append(part("proposal.stale.ids", old=proposal.content.get("n", 0), new=frozen.n))
    own = _own(studio, proposal.selection_id, selections.ids(studio.store, proposal.selection_id))
    digest, n = _labels(studio, proposal.snapshot_id, own)
    if digest != then.get("labels"):
        old = int(then.get("n_labels", 0))
        if n == old:
            found.append(part("proposal.stale.labels_changed", n=n))
        else:
            found.append(part("proposal.stale.labels_more" if n > old else "proposal.stale.labels_fewer",
                              n=abs(n - old), now=n))  # fmt: skip
    if _splits(studio, proposal.snapshot_id) != then.get("splits"):
        found.append(part("proposal.stale.splits"))
    return found + _scores(studio, proposal.snapshot_id, then)


def _snapshot(studio: Studio, proposal: Proposal) -> list[dict[str, Any]]:
    if proposal.snapshot_id != proposal.content.get("snapshot"):
        return [part("proposal.stale.removed")]
    newer = [other for other in snapshots.of_corpus(studio.store, proposal.corpus_id)
             if other.created_at > proposal.created_at and other.snapshot_id != proposal.snapshot_id]  # fmt: skip
    return [part("proposal.stale.version", name=newer[0].name, n=newer[0].n_examples)] if newer else []


def _own(studio: Studio, selection_id: str, ids: Array) -> Array:
    return np.union1d(ids, selections.ids(studio.store, f"{selection_id}-control"))


def _labels(studio: Studio, snapshot_id: str, without: Array) -> tuple[str, int]:
    """A digest of the labels in force of a snapshot but for those of some examples, and how many they are."""
    ids, names = _in_force(studio, snapshot_id)
    keep = ~np.isin(ids, without)
    digest = hashlib.sha256(np.ascontiguousarray(ids[keep], dtype="<i8").tobytes())
    digest.update("\x1f".join(names[keep]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16], int(keep.sum())


def _in_force(studio: Studio, snapshot_id: str) -> tuple[Array, Array]:
    """Ids and labels in force, ascending; from memory while no label, split decision or round came in."""
    key = (str(studio.workspace.root), snapshot_id, annotation_facts.mark(studio.store, snapshot_id))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    table = labels.table(studio.store, snapshot_id)
    ids = table["example_id"].to_numpy().astype(np.int64)
    names = np.array([str(name) for name in table["label"].to_pylist()], dtype=object)
    with _lock:
        _kept[key] = (ids, names)
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return ids, names


def _splits(studio: Studio, snapshot_id: str) -> str | None:
    """The split decision in force."""
    newest = splits.decision(studio.store, snapshot_id)
    return None if newest is None else str(newest["created_at"])


def _scores(studio: Studio, snapshot_id: str, then: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Scores that are gone, follow another formula, or were computed again from something newer.

    Relevance against another goal is another question, not a newer answer.
    """
    now = scores.sets(studio.store, snapshot_id)
    there = {(item.measure, item.version, item.context_hash) for item in now}
    newest = {item.measure: item for item in reversed(now)}
    known = {measure.name: measure for measure in MEASURES}
    gone, formula, newer = [], [], []
    for used in then.get("scores", ()):
        name = used["measure"]
        if name not in known or known[name].version != used["version"]:
            formula.append(name)
        elif (name, used["version"], used["context_hash"]) not in there:
            gone.append(name)
        elif known[name].view != "relevance" and newest[name].context_hash != used["context_hash"]:
            newer.append(name)
    return [
        part(f"proposal.stale.scores_{kind}", measures=sorted(names))
        for kind, names in (("gone", gone), ("formula", formula), ("newer", newer))
        if names
    ]
