"""Is a group squeezed? The counts of a selection against those of random draws of the same size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats
from scipy.special import gammaln

from studio.errors import SelectionError
from studio.records import Array
from studio.selection.constraints import Axis, NearPairs, greedy_keep
from studio.statistics import corrected_q

LEVEL = 0.95
TAIL = 0.025  # on either side; (1 - LEVEL) / 2 is a little more, which moves a band whose tail is exactly 2.5 %
DRAWS = 199  # 199 draws put the 2.5 % points on the 5th smallest and 5th largest
PREFIX = 40  # longest part of a shuffle that is drawn at first, in budgets
SMALL_GROUP = 50
RATIO = 0.8  # the four-fifths rule: a share below 0.8 or above 1/0.8 of the pool's is an effect worth a sentence


@dataclass(frozen=True)
class Band:
    """One group: how many are in the pool and in the selection, and what a random draw of that size would give.

    `low`..`high` hold at least 95 % of random draws; `verdict` is fewer or more (outside the band, q < 0.05 and the
    share off by a fifth or more), open (outside all draws and as far off, but so few draws tell nothing after
    correction), slight (outside the band, but small or not after correction), or within. `draws` is 0 for the exact
    band. `is_small` marks groups under 50 in the pool.
    """

    code: int
    pool: int
    picked: int
    pool_share: float
    share: float
    expected: float
    low: int
    high: int
    low_share: float
    high_share: float
    p: float
    q: float
    verdict: str
    is_small: bool
    draws: int = 0

    @property
    def gap(self) -> int:
        """Examples missing to the band (negative) or beyond it (positive); 0 inside."""
        return min(0, self.picked - self.low) + max(0, self.picked - self.high)


def hypergeometric_bands(pool_counts: Array, picked_counts: Array) -> list[Band]:
    """Exact two-sided 95 % bands of a random draw without replacement, one for each group with pool members.

    X ~ Hypergeometric(pool size, group size, draw size); low, high = its 2.5 % and 97.5 % points;
    p = min(1, 2 min(P(X <= x), P(X >= x))), corrected over the groups by Benjamini-Hochberg.

    Args:
        pool_counts: (k,) members of each group in the pool; groups do not overlap and cover it.
        picked_counts: (k,) of them in the selection.

    Returns:
        Bands in the order of the groups; `code` is the place in the arrays minus 1 (the first is the missing key).

    Raises:
        SelectionError: more picked than there are.

    Paper: benjamini-hochberg-1995 (the correction); the band is in every textbook.
    Limits: the selection is a subset somebody chose, not a sample: the band says what chance would do, nothing more.
    """
    pool_counts, picked_counts = np.asarray(pool_counts, dtype=np.int64), np.asarray(picked_counts, dtype=np.int64)
    if (picked_counts > pool_counts).any():
        raise SelectionError(
            "A selection cannot hold more of a group than the pool",
            got=f"{picked_counts.tolist()} of {pool_counts.tolist()}",
            fix="Count the same examples.",
        )
    n, size = int(pool_counts.sum()), int(picked_counts.sum())
    if not n:
        return []
    draw = stats.hypergeom(n, pool_counts, size)
    low, high = draw.ppf(TAIL).astype(np.int64), draw.ppf(1 - TAIL).astype(np.int64)
    p = np.minimum(1.0, 2.0 * np.minimum(draw.cdf(picked_counts), draw.sf(picked_counts - 1)))
    return _bands(pool_counts, picked_counts, size * pool_counts / max(n, 1), low, high, p, 0)


def stratified_bands(pool_counts: Array, picked_counts: Array, members: Array, taken: Array) -> list[Band]:
    """Exact two-sided 95 % bands of a random draw that takes a fixed number from every stratum, as one quota makes it.

    X = sum over strata s of Hypergeometric(N_s, members of the group in s, taken_s), independent; its distribution is
    the convolution of theirs. p and correction as `hypergeometric_bands`, which is the case of one stratum.

    Args:
        pool_counts: (k,) members of each group in the pool; groups do not overlap and cover it.
        picked_counts: (k,) of them in the selection.
        members: (strata, k) members of each group in each stratum.
        taken: (strata,) how many every draw takes of each, at most what it has.

    Returns:
        Bands as `hypergeometric_bands`.

    Paper: benjamini-hochberg-1995 (the correction).

    Example:
        >>> [band] = stratified_bands(np.array([2]), np.array([0]), np.array([[1], [1]]), np.array([1, 1]))
        >>> band.low, band.high, band.expected  # both strata are taken whole
        (2, 2, 2.0)
    """
    members, taken = np.asarray(members, dtype=np.int64), np.asarray(taken, dtype=np.int64)
    picked_counts, sizes = np.asarray(picked_counts, dtype=np.int64), members.sum(axis=1)
    logs = gammaln(np.arange(sizes.max(initial=0) + 2, dtype=np.float64) + 1)
    low, high = np.zeros(members.shape[1], dtype=np.int64), np.zeros(members.shape[1], dtype=np.int64)
    p = np.ones(members.shape[1])
    for g in np.flatnonzero(members.sum(axis=0)).tolist():
        first, chances = _sum_of_draws(sizes, members[:, g], taken, logs)
        below = np.minimum(np.cumsum(chances), 1.0)  # P(X <= first + i)
        above = np.minimum(np.cumsum(chances[::-1])[::-1], 1.0)
        low[g] = first + int(np.searchsorted(below, TAIL - 1e-12))
        high[g] = first + int(np.searchsorted(below, 1 - TAIL - 1e-12))
        at = int(picked_counts[g]) - first
        p_low = below[min(at, len(below) - 1)] if at >= 0 else 0.0
        p_high = above[max(at, 0)] if at < len(above) else 0.0
        p[g] = min(1.0, 2.0 * min(p_low, p_high))
    expected = (members * (taken / np.maximum(sizes, 1))[:, None]).sum(axis=0)
    return _bands(np.asarray(pool_counts), picked_counts, expected, low, high, p, 0)


def _sum_of_draws(sizes: Array, own: Array, taken: Array, logs: Array) -> tuple[int, Array]:
    """Distribution of the sum over strata of hypergeometric counts: its smallest value, and the chances from there."""

    def choose(n: Array | int, k: Array) -> Array:
        return logs[n] - logs[k] - logs[n - k]

    first, chances = 0, np.ones(1)
    for s in np.flatnonzero((own > 0) & (taken > 0)).tolist():
        size, group, draw = int(sizes[s]), int(own[s]), int(taken[s])
        least, most = max(0, draw - (size - group)), min(group, draw)
        x = np.arange(least, most + 1)
        first += least
        if len(x) > 1:
            one = np.exp(choose(group, x) + choose(size - group, draw - x) - choose(size, np.array(draw)))
            chances = np.convolve(chances, one)
    return first, chances / chances.sum()


def simulated_bands(pool_counts: Array, picked_counts: Array, drawn: Array) -> list[Band]:
    """Bands from counts of random draws under the same caps.

    low, high = the (B + 1) * 2.5 % smallest and largest of the B draws; p = min(1, 2 min((1 + #{X <= x}), (1 + #{X >=
    x})) / (B + 1)), corrected by Benjamini-Hochberg.

    Args:
        pool_counts: (k,) members of each group in the pool.
        picked_counts: (k,) of them in the selection.
        drawn: (B, k) counts of the draws, B >= 39.

    Returns:
        Bands as `hypergeometric_bands`.

    Raises:
        SelectionError: fewer than 39 draws, for which no 95 % band exists.

    Paper: benjamini-hochberg-1995 (the correction); the band is that of a Monte Carlo test.
    Limits: with 199 draws no p is below 0.01.
    """
    draws = len(drawn)
    edge = int(np.floor((draws + 1) * (1 - LEVEL) / 2 + 1e-9))
    if edge < 1:
        raise SelectionError("A band needs at least 39 random draws", got=draws, fix="Draw more.")
    ordered = np.sort(drawn, axis=0)
    low, high = ordered[edge - 1], ordered[draws - edge]
    below = 1 + (drawn <= picked_counts).sum(axis=0)
    above = 1 + (drawn >= picked_counts).sum(axis=0)
    p = np.minimum(1.0, 2.0 * np.minimum(below, above) / (draws + 1))
    return _bands(np.asarray(pool_counts), np.asarray(picked_counts), drawn.mean(axis=0), low, high, p, draws)


def correct_together(columns: Sequence[Sequence[Band]]) -> list[list[Band]]:
    """The same bands with q-values and verdicts corrected over all groups of all columns at once."""
    flat = [band for bands in columns for band in bands]
    q = corrected_q(np.array([band.p for band in flat]))
    mended = iter(
        replace(
            band,
            q=float(value),
            verdict=_verdict(
                band.picked, band.expected, (band.low, band.high), float(value), is_beyond_draws(band.p, band.draws)
            ),
        )  # fmt: skip
        for band, value in zip(flat, q, strict=True)
    )
    return [[next(mended) for _ in bands] for bands in columns]


def is_beyond_draws(p: float, draws: int) -> bool:
    """True where every draw lies on one side: p is 2 / (draws + 1), the least there is, and more draws could lower it.

    Where such a p is not below the level after correction, so many draws can call nothing alone an alarm (decision
    0219). False for an exact band, which has no draws.
    """
    return draws > 0 and p <= 2.0 / (draws + 1) + 1e-9


def _verdict(picked: int, expected: float, band: tuple[int, int], q: float, is_beyond: bool) -> str:
    low, high = band
    if low <= picked <= high:
        return "within"
    ratio = picked / expected if expected > 0 else np.inf
    if RATIO <= ratio <= 1 / RATIO:
        return "slight"
    if q < 1 - LEVEL:
        return "fewer" if picked < low else "more"
    return "open" if is_beyond else "slight"


def _bands(pool: Array, picked: Array, expected: Array, low: Array, high: Array, p: Array, draws: int) -> list[Band]:
    there = np.flatnonzero(pool > 0)
    q = np.ones(len(pool))
    q[there] = corrected_q(p[there])
    n, size = int(pool.sum()), int(picked.sum())
    bands = []
    for g in there.tolist():
        share = picked[g] / size if size else 0.0
        band = int(low[g]), int(high[g])
        verdict = _verdict(int(picked[g]), float(expected[g]), band, float(q[g]), is_beyond_draws(float(p[g]), draws))
        bands.append(
            Band(
                g - 1,
                int(pool[g]),
                int(picked[g]),
                pool[g] / n,
                share,
                float(expected[g]),
                *band,
                low[g] / max(size, 1),
                high[g] / max(size, 1),
                float(p[g]),
                float(q[g]),
                verdict,
                int(pool[g]) < SMALL_GROUP,
                draws,
            )
        )
    return bands


def random_draws(
    usable: Array,
    budget: int,
    n: int,
    rng: np.random.Generator,
    *,
    draws: int = DRAWS,
    axes: Sequence[Axis] = (),
    near: NearPairs | None = None,
) -> list[Array]:
    """Random selections of `budget` rows under the same constraints: shuffle, then walk as the ranking does.

    Args:
        usable: (m,) rows a draw may take.
        budget: rows of one draw; a draw is shorter where the constraints give no more.
        n: size of the pool.
        rng: shuffles.
        draws: how many selections.
        axes: caps.
        near: near-duplicate pairs to keep apart.

    Returns:
        One array of rows per draw.
    """
    found = []
    for _ in range(draws):
        # A prefix of a shuffle is usually enough; quotas need a longer one, and only rarely all of it.
        lengths = [3 * budget + 64, PREFIX * budget + 64] if axes or near is not None else [budget]
        longest = min(len(usable), lengths[-1])
        shuffled = usable[rng.choice(len(usable), size=longest, replace=False)]
        rows = shuffled[:0]
        for length in lengths:
            rows = _walk(shuffled[:length], n, budget, axes, near)
            if len(rows) == budget or length >= longest:
                break
        if len(rows) < budget and longest < len(usable):
            rest = np.setdiff1d(usable, shuffled, assume_unique=True)
            rows = _walk(np.concatenate([shuffled, rng.permutation(rest)]), n, budget, axes, near)
        found.append(rows)
    return found


def _walk(walked: Array, n: int, budget: int, axes: Sequence[Axis], near: NearPairs | None) -> Array:
    if not axes and near is None:
        return walked[:budget]
    keep, _ = greedy_keep(walked, n, axes, near)
    return walked[keep][:budget]


@dataclass(frozen=True)
class AgainstRandom:
    """A number of the selection beside the same number of random draws; `p` is two-sided, `low`..`high` their band.

    `lower` and `higher` count the draws that lie below and above the value.
    """

    value: float
    mean: float
    low: float
    high: float
    p: float
    draws: int
    lower: int = 0
    higher: int = 0

    @property
    def verdict(self) -> str:
        """Lower or higher than the band of the draws, or within."""
        return "lower" if self.value < self.low else "higher" if self.value > self.high else "within"


def against_random(value: float, drawn: Array) -> AgainstRandom:
    """Place a value among those of random draws: their 95 % band and a two-sided Monte Carlo p.

    Raises:
        SelectionError: fewer than 39 draws.
    """
    drawn = np.sort(np.asarray(drawn, dtype=np.float64))
    edge = int(np.floor((len(drawn) + 1) * (1 - LEVEL) / 2 + 1e-9))
    if edge < 1:
        raise SelectionError("A band needs at least 39 random draws", got=len(drawn), fix="Draw more.")
    below, above = 1 + int((drawn <= value).sum()), 1 + int((drawn >= value).sum())
    return AgainstRandom(
        float(value),
        float(drawn.mean()),
        float(drawn[edge - 1]),
        float(drawn[len(drawn) - edge]),
        min(1.0, 2.0 * min(below, above) / (len(drawn) + 1)),
        len(drawn),
        int((drawn < value).sum()),
        int((drawn > value).sum()),
    )
