"""The next batch to label: the examples that would help the model most, with a share drawn blindly for control."""

from __future__ import annotations

import math

import numpy as np

from studio.errors import AnnotationError, EmptyPool
from studio.records import Array, Selection

DEFAULT_CONTROL_SHARE = 0.2
CONTROL = "control_random"
SEED = "seed_random"
MOST_USEFUL = "most_useful"


def n_control(k: int, control_share: float) -> int:
    """How many of k picks are drawn at random: the share rounded half up, at least one when there is room for one."""
    if control_share <= 0 or k <= 0:
        return 0
    return min(k, max(1, math.floor(k * control_share + 0.5)) if k > 1 or control_share >= 1 else 0)


def next_batch(
    ids: Array,
    usefulness: Array,
    k: int,
    *,
    rng: np.random.Generator,
    control_share: float = DEFAULT_CONTROL_SHARE,
    measure: str = "margin",
) -> Selection:
    """The k unlabelled examples to label next, in a mixed order that does not tell which were drawn at random.

    The control picks are drawn first and from the whole pool, so that they stay a fair sample of it; the others are
    the highest by usefulness, ties by id. An undefined usefulness (NaN) can only be drawn for control, unless nothing
    else is left.

    Args:
        ids: (n,) distinct example ids of the unlabelled pool.
        usefulness: (n,) float, high = wanted (for a margin: 1 - margin).
        k: how many to pick, at least 1.
        rng: drives the control draw and the order.
        control_share: share of the batch in [0, 1] that is drawn at random.
        measure: name of what usefulness was computed from; becomes part of the reason.

    Returns:
        min(k, n) ids with the reason `most_useful:<measure>:<value>` or `control_random` each.

    Raises:
        EmptyPool: nothing is left to label.
        AnnotationError: k or the share is out of range, or an id occurs twice.
    """
    ids = np.asarray(ids, dtype=np.int64)
    values = np.asarray(usefulness, dtype=np.float64)
    if ids.size == 0:
        raise EmptyPool("There is nothing left to label", got=0, fix="Stop here, or add examples to the corpus.")
    if k < 1 or not 0 <= control_share <= 1 or ids.shape != values.shape or np.unique(ids).size != ids.size:
        raise AnnotationError(
            "This batch cannot be drawn",
            got=f"k {k}, random share {control_share}, {ids.size} ids, {values.size} scores",
            fix="Use k of at least 1 and a random share between 0 and 1.",
        )
    order = np.argsort(ids)
    ids, values = ids[order], values[order]
    k = min(k, ids.size)
    drawn = np.sort(rng.choice(ids.size, size=n_control(k, control_share), replace=False))
    is_control = np.zeros(ids.size, dtype=bool)
    is_control[drawn] = True
    rest = np.flatnonzero(~is_control)
    keys = np.where(np.isnan(values[rest]), -np.inf, values[rest])
    best = rest[np.lexsort((ids[rest], -keys))][: k - drawn.size]
    picks = rng.permutation(np.concatenate([drawn, best]))
    reasons = tuple(CONTROL if is_control[p] else f"{MOST_USEFUL}:{measure}:{values[p]:.4f}" for p in picks)
    return Selection(ids=ids[picks], reasons=reasons)


def random_batch(ids: Array, k: int, *, rng: np.random.Generator, reason: str = SEED) -> Selection:
    """min(k, n) ids drawn evenly without replacement; the seed of a loop and every batch of its random arm.

    Raises:
        EmptyPool: nothing is left to label.
    """
    pool = np.sort(np.asarray(ids, dtype=np.int64))
    if pool.size == 0:
        raise EmptyPool("There is nothing left to label", got=0, fix="Stop here, or add examples to the corpus.")
    picks = rng.choice(pool, size=min(k, pool.size), replace=False)
    return Selection(ids=picks, reasons=(reason,) * picks.size)


def is_random(reason: str) -> bool:
    """True for a pick that no model or slider had a hand in."""
    return reason in (CONTROL, SEED) or reason.startswith("random")
