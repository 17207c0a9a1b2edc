"""A draw in which higher scores come more often: between the top of the ranking and plain chance."""

from __future__ import annotations

import numpy as np

from studio.errors import SelectionError
from studio.records import Pool, Selection, Strategy
from studio.selection import reasons
from studio.selection.limits import NONE, Limits, down
from studio.selection.strategies import check


def pick_sampled(
    pool: Pool, budget: int, rng: np.random.Generator, *, temperature: float = 1.0, limits: Limits = NONE
) -> Selection:
    """A draw without replacement in which a row's chance grows with its score.

    P(next = i) ~ exp(z_i / T) over the rows left, z = the scores standardised over the pool; drawn as the largest of
    z_i / T + Gumbel noise. T = 0 takes the best scores.

    Args:
        pool: scores.
        budget: how many to pick.
        rng: draws the noise.
        temperature: T, at least 0.
        limits: what is drawn and does not fit them is put back.

    Returns:
        min(budget, rows with a score, what the limits allow) ids in drawing order.

    Raises:
        EmptyPool: no rows.
        SelectionError: a negative temperature.

    Paper: qurating-2024
    Paper: gumbel-top-k-2019
    """
    n = check(pool, budget)
    if not temperature >= 0.0:
        raise SelectionError("The temperature must be 0 or more", got=temperature, fix="Choose for example 1.")
    scores = np.asarray(pool.scores, dtype=np.float64)
    noise = rng.gumbel(size=n)
    keys = scores
    if temperature > 0.0 and not np.isnan(scores).all():
        spread = float(np.nanstd(scores))
        keys = (scores - np.nanmean(scores)) / (spread if spread > 0 else 1.0) / temperature + noise
    return down(
        pool, keys, budget, limits, lambda row: "drawn_by_score", lambda row: reasons.missing_view_of(pool, row)
    )


SAMPLED = Strategy("sampled", "strategy.sampled.title", ("scores",), "qurating-2024", pick_sampled)
