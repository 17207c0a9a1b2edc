"""Does a selection help: its place among random draws, intervals over examples and draws together, the best size.

Outcomes of one proxy are (m,) numbers, one per held-out example, whose mean is its value; or, where examples carry
several labels, (m, c) int8 codes, one per example and label, whose micro F1 is its value. An arm is a stack of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.errors import SelectionError
from studio.records import Array

SHARES: tuple[float, ...] = (0.01, 0.02, 0.05, 0.10, 0.20, 0.40, 0.70, 1.00)  # reference, section 3.4
DRAWS, OTHER_DRAWS = 100, 20  # random draws of the person's own size, and of every other size
NEITHER, FOUND, EXTRA, MISSED = range(4)  # codes of a label: not given and not said, both, said only, given only
RESAMPLES = 2_000
LEVEL = 0.95
LARGEST_SHARE = 0.7  # ours: of more than this any two choices are nearly the same rows
FEWEST = 2
_CELLS = 2_000_000  # numbers of one block of resamples, 16 MB


@dataclass(frozen=True)
class Against:
    """One arm against random draws of the same size; differences are arm minus mean draw, high = the arm is better.

    `p` is one-sided: how often a draw does at least as well, (1 + count) / (1 + draws). `percentile` counts equal draws
    half, in [0, 100].
    """

    value: float
    draws_mean: float
    difference: float
    low: float
    high: float
    percentile: float
    percentile_low: float
    percentile_high: float
    p: float
    p_worse: float
    n_lower: int
    n_draws: int
    n_held: int

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `same`: the rank among draws and the interval of the difference must both say so."""
        if self.p <= 1 - LEVEL and self.low > 0:
            return "better"
        if self.p_worse <= 1 - LEVEL and self.high < 0:
            return "worse"
        return "same"


def sizes(n: int, own: int) -> list[int]:
    """The sizes that are tried, ascending: shares of n rows and the person's own size, each at least 2."""
    return sorted({min(n, max(FEWEST, round(n * share))) for share in SHARES} | {own})


def own_size(budget: int, n_pool: int, n: int, n_allowed: int | None = None) -> tuple[int, bool]:
    """How many of n labelled rows stand for a budget; True where it is the same share instead of the same number.

    The budget itself where it is at most 70 % of the rows (of those allowed, where filters keep some out), else the
    share of the pool it would take, held to that 70 %.
    """
    most = max(FEWEST, int((n if n_allowed is None else n_allowed) * LARGEST_SHARE))
    if budget <= most:
        return max(FEWEST, budget), False
    share = min(budget / n_pool, 1.0) if n_pool else LARGEST_SHARE
    return min(most, max(FEWEST, round(n * share))), True


def percentile(value: float, draws: Array) -> float:
    """Share of the draws that lie below a value, equal ones counted half, in [0, 100].

    Example:
        >>> percentile(3.0, np.array([1.0, 2.0, 3.0, 4.0]))
        62.5
    """
    draws = np.asarray(draws, dtype=np.float64)
    return float(100 * ((draws < value).mean() + 0.5 * (draws == value).mean()))


def parts_of(outcomes: Array) -> tuple[Array, Array]:
    """(r, m) numerators and denominators per example of an arm: its value is the sum of one over that of the other.

    Numbers are divided by 1 each: value = mean. Codes by label: 2 FOUND over 2 FOUND + EXTRA + MISSED, the micro F1.
    """
    outcomes = np.asarray(outcomes)
    if outcomes.ndim < 3:
        found = np.atleast_2d(outcomes.astype(np.float64))
        return found, np.ones_like(found)
    found, extra, missed = ((outcomes == code).sum(axis=2, dtype=np.float64) for code in (FOUND, EXTRA, MISSED))
    return 2 * found, 2 * found + extra + missed


def values(outcomes: Array) -> Array:
    """(r,) the value of every run of an arm; 0 where codes hold no label given or said.

    Example:
        >>> values(np.array([[[FOUND, MISSED], [EXTRA, NEITHER]]], dtype=np.int8))  # 2 of 2 + 1 + 1
        array([0.5])
    """
    over, under = parts_of(outcomes)
    return _ratio(over.sum(axis=1), under.sum(axis=1))


def macro_f1(outcomes: Array) -> float:
    """Mean over labels of their F1, of codes (m, c) by the labels some of the examples carry; NaN where none does.

    Example:
        >>> macro_f1(np.array([[FOUND, MISSED, EXTRA], [EXTRA, FOUND, NEITHER]], dtype=np.int8))  # 2/3, 2/3, not given
        0.6666666666666666
    """
    found, extra, missed = ((outcomes == code).sum(axis=0) for code in (FOUND, EXTRA, MISSED))
    given = found + missed > 0
    if not given.any():
        return float("nan")
    return float((2 * found[given] / (2 * found + extra + missed)[given]).mean())


def _ratio(over: Array, under: Array) -> Array:
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)


def against_draws(
    arm: Array, draws: Array, rng: np.random.Generator, resamples: int = RESAMPLES, *, paired: bool = False
) -> Against:
    """An arm's outcomes against those of random draws, held-out examples and draws resampled together.

    difference = mean value of the arm's runs - mean value of the draws. In every resample the same examples (with
    replacement) are taken for both, and runs and draws with replacement; bounds are the 2.5 % and 97.5 % quantiles.

    Args:
        arm: (r, m) or (r, m, c) outcomes, one entry per run of the arm (one where nothing is random), high = good.
        draws: (k, m) or (k, m, c) outcomes, one entry per draw.
        rng: resamples.
        resamples: how many.
        paired: row i of both had the same rows to choose from, so they are taken together.

    Raises:
        SelectionError: no draws or no examples, or different examples.

    Paper: efron-1993 (the percentile interval)
    Paper: owen-2007 (two crossed factors resampled together)
    """
    (arm_over, arm_under), (over, under) = parts_of(arm), parts_of(draws)
    (r, m), k = arm_over.shape, len(over)
    if not k or not m or over.shape[1] != m or (paired and r != k):
        raise SelectionError("The draws cannot be compared", got=f"{np.shape(draws)} and {np.shape(arm)}",
                             fix="Run it again.")  # fmt: skip
    value, each = float(values(arm).mean()), values(draws)
    differences, places = np.empty(resamples), np.empty(resamples)
    step = max(1, _CELLS // m)
    for start in range(0, resamples, step):
        part = slice(start, min(start + step, resamples))
        examples, runs, taken = (_shares(rng, size, part.stop - part.start) for size in (m, r, k))
        taken = runs if paired else taken
        arm_b = np.einsum("br,br->b", _resampled(examples, arm_over, arm_under), runs)
        draws_b = _resampled(examples, over, under)  # (b, k) value of every draw on the resampled examples
        differences[part] = arm_b - np.einsum("bk,bk->b", draws_b, taken)
        places[part] = np.einsum("bk,bk->b", np.where(_same(draws_b, arm_b), 0.5, draws_b < arm_b[:, None]), taken)
    low, high = _ends(differences)
    place_low, place_high = _ends(100 * places)
    at_least = int((each >= value - 1e-12).sum())
    at_most = int((each <= value + 1e-12).sum())
    return Against(value, float(each.mean()), value - float(each.mean()), low, high, percentile(value, each),
                   place_low, place_high, (1 + at_least) / (1 + k), (1 + at_most) / (1 + k),
                   int((each < value - 1e-12).sum()), k, m)  # fmt: skip


def _resampled(examples: Array, over: Array, under: Array) -> Array:
    """(b, r) value of every run on examples taken in these (b, m) shares; denominators of 1 sum to 1."""
    top = examples @ over.T
    return top if (under == 1).all() else _ratio(top, examples @ under.T)


def _shares(rng: np.random.Generator, n: int, times: int) -> Array:
    """(times, n) shares with which each of n is taken when n are drawn with replacement."""
    return rng.multinomial(n, np.full(n, 1 / n), size=times) / n


def _same(draws: Array, arm: Array) -> Array:
    return np.abs(draws - arm[:, None]) < 1e-12


def _ends(values: Array) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def mean_interval(outcomes: Array, rng: np.random.Generator, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile interval over held-out examples of the value of one proxy's outcomes."""
    over, under = parts_of(np.asarray(outcomes)[None])
    m = over.shape[1]
    step = max(1, _CELLS // m)
    return _ends(np.concatenate([_resampled(_shares(rng, m, min(step, resamples - start)), over, under)[:, 0]
                                 for start in range(0, resamples, step)]))  # fmt: skip


def best_sizes(tried: Sequence[int], outcomes: Array) -> tuple[int, int]:
    """The size with the highest value, and the smallest within one standard error of it; ties to the smaller.

    se = standard deviation of the best size's outcomes / sqrt(m); where the value F is a sum over a sum, of
    F + (over_i - F under_i) / mean under, whose mean is F (the delta method).

    Args:
        tried: s sizes, ascending.
        outcomes: (s, m) or (s, m, c) outcomes on the examples the choice may look at.

    Paper: breiman-1984 (the one-standard-error rule).
    """
    (over, under), found = parts_of(outcomes), values(outcomes)
    m = over.shape[1]
    best = int(np.argmax(np.round(found, 12)))
    own = (over[best] - found[best] * under[best]) / max(float(under[best].mean()), 1e-12)
    error = float(own.std(ddof=1) / np.sqrt(m)) if m > 1 else 0.0
    within = int(np.flatnonzero(found >= found[best] - error - 1e-12)[0])
    return tried[best], tried[within]
