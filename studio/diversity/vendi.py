"""Vendi score and mean distance: how many different kinds of examples there are, exact in one pass over the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.blas import dsyrk, ssyrk

from studio.diversity.record import MOST, DiversityMeasure, Number, undefined
from studio.errors import MeasureError
from studio.records import Array

if TYPE_CHECKING:
    from studio.diversity.rows import Rows

ORDERS: tuple[float, ...] = (0.1, 1.0, 2.0, np.inf)
BLOCK = 8192  # rows per block: 12 MB of float32 at 384 dimensions
EXACT_UP_TO = 20_000  # rows multiplied in float64; above it float32 blocks are summed in float64, twice as fast


@dataclass(frozen=True)
class Spread:
    """What Vendi score and mean distance need of n rows: gram (d, d) float64 = sum x x', total (d,) = sum x.

    `noise` is the share of the largest eigenvalue below which an eigenvalue is rounding and not a kind of example.
    Spreads of disjoint row sets add up, so blocks, workers and "what would these rows add" share one code.
    """

    n: int
    gram: Array
    total: Array
    noise: float = 1e-10

    @cached_property
    def shares(self) -> Array:
        """Eigenvalues of the cosine kernel over n that are more than rounding, as shares of their sum."""
        values = np.linalg.eigvalsh(self.gram)
        # rounding leaves tiny eigenvalues where exact arithmetic has 0; at q = 0.1 each would count as a kind
        values = values[values > values.max() * self.noise]
        return values / values.sum()

    def __add__(self, other: Spread) -> Spread:
        """The spread of both row sets together."""
        noise = max(self.noise, other.noise)
        return Spread(self.n + other.n, self.gram + other.gram, self.total + other.total, noise)


def spread(embeddings: Array, positions: Array | None = None) -> Spread:
    """Gram matrix and sum of unit rows, in blocks: memory of one block, exact in any order.

    Blocks are multiplied by BLAS syrk (half the work of a full product), in float64 up to 20,000 rows and in float32
    above, and added in float64.

    Args:
        embeddings: (n, d) float32 unit rows, an array or a memory map; a row of zeros (an empty text) has no direction
            and is left out of n.
        positions: rows to use; all when None.

    Raises:
        MeasureError: not a matrix, or it holds NaN or infinity.
    """
    if getattr(embeddings, "ndim", 0) != 2:
        raise MeasureError(
            "Diversity needs a matrix of vectors", got=getattr(embeddings, "shape", None), fix="Pass (n, d) unit rows."
        )
    d = embeddings.shape[1]
    count = len(embeddings) if positions is None else len(positions)
    gram, total, n = np.zeros((d, d)), np.zeros(d), 0
    kind, multiply = (np.float64, dsyrk) if count <= EXACT_UP_TO else (np.float32, ssyrk)
    for start in range(0, count, BLOCK):
        rows = slice(start, min(start + BLOCK, count)) if positions is None else positions[start : start + BLOCK]
        block = np.ascontiguousarray(embeddings[rows], dtype=kind)
        # the transpose is an F-ordered view of the same memory: read without a copy, upper triangle filled
        gram += multiply(1.0, block.T)
        total += block.sum(axis=0, dtype=np.float64)
        n += int(np.count_nonzero(np.einsum("ij,ij->i", block, block) > 0.5))
    if not np.isfinite(total).all():
        raise MeasureError(
            "Diversity cannot be computed from undefined vectors", got="NaN or infinity", fix="Embed the corpus again."
        )
    upper = np.triu(gram)
    return Spread(n, upper + np.triu(upper, 1).T, total, 1e-10 if kind is np.float64 else 1e-6)


def vendi_scores(of: Spread, orders: Sequence[float] = ORDERS) -> dict[float, float]:
    """Vendi score: the effective number of different examples, by order q.

    With l the eigenvalues of X'X / n (those of the cosine kernel XX' / n without its zeros): q = 1 gives
    exp(-sum l ln l); q = inf gives 1 / max l; else exp(ln(sum l^q) / (1 - q)). Small q counts rare kinds of examples,
    large q only the common ones.

    Returns:
        q -> score in [1, min(n, d)]; 0.0 for no row.

    Paper: vendi-2023. Paper: vendi-orders-2023; through the d x d dual, exact, as published.
    Limits: cannot exceed the dimension d of the vectors, whatever the corpus.
    """
    if of.n == 0:
        return {float(q): 0.0 for q in orders}
    share = of.shares
    scores = {}
    for q in orders:
        if np.isinf(q):
            scores[float(q)] = float(1 / share.max())
        elif abs(q - 1.0) < 1e-12:
            scores[float(q)] = float(np.exp(-(share * np.log(share)).sum()))
        else:
            scores[float(q)] = float(np.exp(np.log((share**q).sum()) / (1 - q)))
    return scores


def mean_distance(of: Spread) -> float:
    """Mean cosine distance of two different rows: 1 - (|sum x|² - n) / (n (n - 1)); NaN below two rows.

    Example:
        >>> mean_distance(spread(np.eye(2, dtype=np.float32)))
        1.0
    """
    if of.n < 2:
        return float("nan")
    value = 1 - (float(of.total @ of.total) - float(np.trace(of.gram))) / (of.n * (of.n - 1))
    return 0.0 if abs(value) < 1e-9 else value


def _vendi(rows: Rows, order: float) -> Number:
    """The effective number of different examples at one order; higher is more varied.

    See `vendi_scores`. The cap min(n, d) stands beside the number.

    Paper: vendi-2023, vendi-orders-2023.
    Limits: compare only sets of one size in one encoder's space.
    """
    found = rows.spread
    if found.n == 0:
        return undefined("no_directions")
    cap = min(found.n, found.gram.shape[0])
    return Number(vendi_scores(found, (order,))[order], values={"cap": cap})


def _distance(rows: Rows) -> Number:
    """Mean cosine distance of two different examples; 0 is the same meaning, about 1 unrelated.

    Paper: directed-diversity-2021; with the n/(n - 1) of pairs of different examples.
    Limits: one far group and two near ones can give the same mean.
    """
    value = mean_distance(rows.spread)
    return Number(value) if np.isfinite(value) else undefined("one_row")


def _order(name: str, order: float) -> DiversityMeasure:
    return DiversityMeasure(
        name=name,
        group="meaning",
        title=f"diversity.name.{name}",
        needs=("vectors",),
        unit="kinds",
        direction="varied",
        by_size=True,
        most=MOST,
        version=1,
        paper="vendi-2023",
        compute=partial(_vendi, order=order),
    )


VENDI = _order("vendi", 1.0)
VENDI_RARE = _order("vendi_rare", 0.1)
VENDI_COMMON = _order("vendi_common", 2.0)
VENDI_ONE = _order("vendi_one", float("inf"))
DISTANCE = DiversityMeasure("distance", "meaning", "diversity.name.distance", ("vectors",), "distance", "varied", False,
                            MOST, 1, "directed-diversity-2021", _distance)  # fmt: skip
