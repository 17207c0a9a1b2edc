"""How varied a corpus is: exact numbers in one pass over the vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg.blas import dsyrk, ssyrk

from studio.audits.balance import evenness
from studio.audits.tokenise import units
from studio.errors import MeasureError
from studio.records import Array

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

    def __add__(self, other: Spread) -> Spread:
        """The spread of both row sets together."""
        noise = max(self.noise, other.noise)
        return Spread(self.n + other.n, self.gram + other.gram, self.total + other.total, noise)


@dataclass(frozen=True)
class Diversity:
    """Diversity of a subset beside equal-size random draws.

    vendi by order q; `draws_*` hold one value per random draw; `percentile` is the share of draws that are less
    diverse, NaN without draws; `cap` = min(n, d), the highest Vendi score these vectors allow.
    """

    n: int
    cap: int
    vendi: dict[float, float]
    distance: float
    draws_vendi: tuple[float, ...] = ()
    draws_distance: tuple[float, ...] = ()
    percentile_vendi: float = float("nan")
    percentile_distance: float = float("nan")
    notes: tuple[str, ...] = field(default=("diversity.note.cap",))


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
    values = np.linalg.eigvalsh(of.gram)
    # rounding leaves tiny eigenvalues where exact arithmetic has 0; at q = 0.1 each would count as a kind
    values = values[values > values.max() * of.noise]
    share = values / values.sum()
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


def diversity(
    embeddings: Array,
    subset_positions: Array | None = None,
    rng: np.random.Generator | None = None,
    draws: int = 0,
    orders: Sequence[float] = ORDERS,
) -> Diversity:
    """Vendi score and mean pairwise distance of a subset, beside equal-size random draws from all rows.

    Args:
        embeddings: (n, d) float32 unit rows of the whole pool.
        subset_positions: rows of the subset; None measures all rows and draws nothing.
        rng: makes the draws; needed when draws > 0.
        draws: how many random subsets of the same size, without replacement.
        orders: Vendi orders q; the draws use q = 1.

    Raises:
        MeasureError: a position outside the matrix, or draws without rng.
    """
    n = len(embeddings)
    positions = None if subset_positions is None else np.unique(np.asarray(subset_positions, dtype=np.int64))
    if positions is not None and len(positions) and (positions[0] < 0 or positions[-1] >= n):
        raise MeasureError(
            "The subset names rows that do not exist",
            got=[int(positions[0]), int(positions[-1])],
            fix=f"Use positions from 0 to {n - 1}.",
        )
    own = spread(embeddings, positions)
    scores = vendi_scores(own, orders)
    result = {"n": own.n, "cap": min(own.n, embeddings.shape[1]), "vendi": scores, "distance": mean_distance(own)}
    if positions is None or draws < 1 or len(positions) in (0, n):
        return Diversity(**result)
    if rng is None:
        raise MeasureError(
            "Random draws need a random generator", got=None, fix="Pass rng=numpy.random.default_rng(seed)."
        )
    drawn = [spread(embeddings, np.sort(rng.choice(n, size=len(positions), replace=False))) for _ in range(draws)]
    vendi = tuple(vendi_scores(one, (1.0,))[1.0] for one in drawn)
    distance = tuple(mean_distance(one) for one in drawn)
    first = scores[1.0] if 1.0 in scores else vendi_scores(own, (1.0,))[1.0]
    return Diversity(
        **result,
        draws_vendi=vendi,
        draws_distance=distance,
        percentile_vendi=float(np.mean(np.array(vendi) < first)),
        percentile_distance=float(np.mean(np.array(distance) < result["distance"])),
    )


def distinct_n(sequences: Iterable[Sequence[str]], n: int) -> tuple[int, int, float]:
    """Different n-grams over all n-grams of a corpus: (different, all, ratio); NaN where there is none.

    Paper: distinct-n-2016; as published. Limits: falls with corpus size, so compare only corpora of equal size.

    Example:
        >>> distinct_n([["a", "b", "a"], ["b"]], 1)
        (2, 4, 0.5)
    """
    seen: set[tuple[str, ...]] = set()
    total = 0
    for tokens in sequences:
        grams = list(zip(*(tokens[i:] for i in range(n)), strict=False))
        total += len(grams)
        seen.update(grams)
    return len(seen), total, len(seen) / total if total else float("nan")


def distinct_of_texts(texts: Iterable[str], orders: Sequence[int] = (1, 2, 3)) -> dict[int, tuple[int, int, float]]:
    """distinct-n of texts by order, over words or, in scripts without spaces, characters."""
    sequences = [units(text) for text in texts]
    return {n: distinct_n(sequences, n) for n in orders}


def exact_repeats(texts: Iterable[str]) -> tuple[int, int, float]:
    """Examples whose text was seen before: (repeats, n, rate), rate = 1 - distinct / n, 0 for no text.

    Example:
        >>> exact_repeats(["hello sun", "hello moon", "hello sun"])
        (1, 3, 0.3333333333333333)
    """
    counts = Counter(texts)
    n = sum(counts.values())
    return n - len(counts), n, (n - len(counts)) / n if n else 0.0


def cluster_evenness(clusters: Array) -> tuple[float, float, float, int]:
    """Entropy (nats), effective number and evenness of the clusters, and how many examples are in none (-1)."""
    codes = np.asarray(clusters)
    inside = codes[codes >= 0]
    counts = np.unique(inside, return_counts=True)[1] if len(inside) else np.array([])
    return (*evenness(counts), int(len(codes) - len(inside)))
