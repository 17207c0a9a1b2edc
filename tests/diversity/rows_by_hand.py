"""Sets of examples for the tests of diversity: small ones whose numbers can be worked out on paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from studio.diversity import Rows
from studio.diversity.prepare import prepare
from studio.diversity.reference import make_reference

FOXES = [  # 162 bytes with a line end each
    "the quick brown fox jumps over the lazy dog",
    "the quick brown fox jumps over the sleeping cat",
    "a slow red fox walks past the lazy dog and the cat by the river bank",
]


def unit(matrix):
    matrix = np.asarray(matrix, dtype=np.float64)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.where(norms > 0, norms, 1)).astype(np.float32)


def rows(texts=("",), vectors=None, **more) -> Rows:
    """Prepared texts, with vectors, clusters and families where they are given."""
    made = prepare(list(texts), **{k: more.pop(k) for k in list(more) if k in _GIVEN})
    return replace(made, vectors=None if vectors is None else unit(vectors), **more)


_GIVEN = ("prompts", "messages", "languages", "sources", "seed", "on_progress")


def against(own: Rows, other: Rows, **more) -> Rows:
    """`own` with `other` as its reference; both must have been taken from one prepared set for words and codes."""
    return replace(own, reference=make_reference(other, np.random.default_rng(0), **more))
