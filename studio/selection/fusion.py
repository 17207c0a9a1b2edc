"""Several rankings of the same things made into one, and a query made of examples."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from studio.records import Array

RRF_K = 60  # rrf-2009: fixed there in a pilot, near the best on all their collections
ALPHA, BETA, GAMMA = 1.0, 0.75, 0.15  # manning-2008, section 9.1.1


def reciprocal_ranks(rankings: Sequence[Sequence[Hashable]]) -> dict[Hashable, float]:
    """Thing -> sum over the rankings of 1 / (60 + rank), rank from 1; a ranking without the thing adds nothing.

    Paper: rrf-2009; as published.

    Example:
        >>> fused = reciprocal_ranks([["a", "b"], ["b", "c"]])
        >>> sorted(fused, key=fused.get, reverse=True)
        ['b', 'a', 'c']
    """
    total: dict[Hashable, float] = {}
    for ranking in rankings:
        for rank, thing in enumerate(ranking, start=1):
            total[thing] = total.get(thing, 0.0) + 1.0 / (RRF_K + rank)
    return total


def rocchio(description: Array | None, likes: Array, unlikes: Array) -> Array:
    """(d,) float32 unit vector of a query: 1 · description + 0.75 · mean(likes) - 0.15 · mean(unlikes), made length 1.

    Args:
        description: (d,) or None.
        likes: (p, d) vectors of wanted examples; p may be 0.
        unlikes: (m, d) vectors of examples not wanted; m may be 0.

    Paper: rocchio-1971; the weights of manning-2008.
    """
    dim = likes.shape[1]
    total = np.zeros(dim, dtype=np.float64)
    if description is not None:
        total += ALPHA * np.asarray(description, np.float64)
    if len(likes):
        total += BETA * likes.mean(axis=0)
    if len(unlikes):
        total -= GAMMA * unlikes.mean(axis=0)
    length = float(np.linalg.norm(total))
    return (total / length if length > 0 else total).astype(np.float32)
