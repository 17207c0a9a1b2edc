"""What is done with finished rounds: compare them, suggest labels, choose the next batch."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from studio.annotation import batches
from studio.errors import PlanError
from studio.records import Actor, Selection
from studio.store import labels, rounds, selections
from studio.training.evaluate import paired
from studio.workflows.acts import act
from studio.workflows.studio import Studio

ORDERS: tuple[str, ...] = tuple(rounds.UNCERTAINTY)


# --- comparing --------------------------------------------------------------------------------------------------------
def compare(studio: Studio, round_a: str, round_b: str) -> dict[str, Any]:
    """Accuracy of round b minus round a on the validation examples both predicted, paired.

    The truth is the label in force today; examples without one any more are left out.

    Returns:
        What `studio.training.evaluate.paired` gives, with the two round ids.

    Raises:
        StoreError: an unknown round.
        PlanError: the two share no validation example.
    """
    a = rounds.predicted_part(studio.store, round_a, "validation").set_index("example_id")["predicted"]
    b = rounds.predicted_part(studio.store, round_b, "validation").set_index("example_id")["predicted"]
    snapshot_id = rounds.require(studio.store, round_b).snapshot_id
    truth = truth_of(studio, snapshot_id, "validation")
    shared = truth.index.intersection(a.index).intersection(b.index)
    if shared.empty:
        raise PlanError(
            "These rounds share no validation example",
            got=f"{len(a)} and {len(b)} predictions",
            fix="Compare rounds of the same snapshot.",
        )
    return {
        "round_a": round_a,
        "round_b": round_b,
        **paired(truth[shared].tolist(), a[shared].tolist(), b[shared].tolist()),
    }


def correctness(studio: Studio, round_id: str, part: str = "validation") -> dict[int, bool]:
    """Example id -> whether the round's model was right, on validation by the labels in force."""
    if part != "validation":
        raise PlanError("Only validation answers are compared between rounds", got=part, fix="Open the test split.")
    predicted = rounds.predicted_part(studio.store, round_id, part).set_index("example_id")["predicted"]
    truth = truth_of(studio, rounds.require(studio.store, round_id).snapshot_id, part)
    shared = truth.index.intersection(predicted.index)
    return {int(i): bool(truth[i] == predicted[i]) for i in shared}


def truth_of(studio: Studio, snapshot_id: str, split: str) -> pd.Series:
    """Label in force by example id, for one split."""
    now = labels.current(studio.store, snapshot_id)
    now = now[(now["split"] == split) & ~now["stale"].astype(bool)]
    return pd.Series(now["label"].to_numpy(), index=now["example_id"].to_numpy(), dtype=object)


# --- what the model says ----------------------------------------------------------------------------------------------
def suggestions(studio: Studio, round_id: str, ids: Sequence[int], most: int = 3) -> dict[int, list[tuple[str, float]]]:
    """The likeliest labels of each example with their probability, best first."""
    names = rounds.require(studio.store, round_id).labels
    found = rounds.predictions(studio.store, round_id, ids)
    out: dict[int, list[tuple[str, float]]] = {}
    for example_id, probs in zip(found["example_id"], found["probs"], strict=True):
        best = np.argsort(-np.asarray(probs), kind="stable")[:most]
        out[int(example_id)] = [(names[i], float(probs[i])) for i in best]
    return out


def next_pool(studio: Studio, round_id: str) -> pd.DataFrame:
    """The pool examples of a round that nobody has labelled since: example_id, predicted, margin, entropy, ..."""
    found = rounds.require(studio.store, round_id)
    left = set(labels.pool_left(studio.store, found.snapshot_id))
    frame = rounds.predicted_part(studio.store, round_id, "pool")
    return frame[frame["example_id"].isin(left)].reset_index(drop=True)


def control_count(k: int) -> int:
    """How many of a batch of k are drawn at random."""
    return batches.n_control(k, batches.DEFAULT_CONTROL_SHARE)


def best_next(studio: Studio, round_id: str, k: int, *, by: str = "margin") -> list[int]:
    """The k pool examples the round's model is least sure of and nobody has labelled since, ties by id."""
    frame = next_pool(studio, round_id)
    if by not in rounds.UNCERTAINTY:
        raise PlanError("There is no such order", got=by, fix=f"Use one of: {', '.join(ORDERS)}.")
    up = rounds.UNCERTAINTY[by] == "ASC"
    return [int(i) for i in frame.sort_values([by, "example_id"], ascending=[up, True])["example_id"].head(k)]


@act("train.next_batch", "analyst")
def next_batch(
    studio: Studio,
    actor: Actor,
    *,
    round_id: str,
    k: int,
    by: str = "margin",
    control_share: float = batches.DEFAULT_CONTROL_SHARE,
    seed: int = 0,
    name: str = "",
    selection_id: str | None = None,
) -> str:
    """Freeze the k most useful examples by a round's model as a selection, a share of it drawn at random for control.

    Args:
        studio: the open workspace.
        actor: who asks.
        round_id: whose model judges.
        k: how many.
        by: margin, entropy or least_confidence.
        control_share: share of the batch drawn blindly from the whole pool.
        seed: of the draw and the order.
        name: shown in lists.
        selection_id: made by the client, so that a double click freezes once.

    Returns:
        The selection_id.

    Raises:
        EmptyPool: nothing is left to label.
    """
    selection_id = selection_id or uuid.uuid4().hex
    if selections.get_or_none(studio.store, selection_id) is not None:
        return selection_id
    found = rounds.require(studio.store, round_id)
    picked, scores = _pick(studio, round_id, k, by, control_share, seed)
    recipe = {
        "strategy": "uncertainty",
        "round": round_id,
        "by": by,
        "k": k,
        "control_share": control_share,
        "seed": seed,
    }
    selections.add(
        studio.store, selection_id=selection_id, corpus_id=found.corpus_id, snapshot_id=found.snapshot_id,
        name=name or f"Round {found.number} +{len(picked.ids)}", strategy="uncertainty", arm="selection", budget=k,
        seed=seed, recipe=recipe, ids=picked.ids, reasons=picked.reasons, scores=scores, by=actor.name,
        round_id=round_id, loop_id=found.loop_id,
    )  # fmt: skip
    return selection_id


def _pick(studio: Studio, round_id: str, k: int, by: str, share: float, seed: int) -> tuple[Selection, list[float]]:
    """The batch and the usefulness of each pick (high = wanted)."""
    if by not in rounds.UNCERTAINTY:
        raise PlanError("There is no such order", got=by, fix=f"Use one of: {', '.join(ORDERS)}.")
    frame = next_pool(studio, round_id)
    values = frame[by].to_numpy(np.float64)
    useful = 1.0 - values if rounds.UNCERTAINTY[by] == "ASC" else values
    ids = frame["example_id"].to_numpy(np.int64)
    picked = batches.next_batch(ids, useful, k, control_share=share, measure=by, rng=np.random.default_rng(seed))
    score_of = dict(zip(ids.tolist(), useful.tolist(), strict=True))
    return picked, [score_of[i] for i in picked.ids.tolist()]
