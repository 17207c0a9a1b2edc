"""Two sets of examples side by side for every measure, with random draws of one's size as the yardstick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from studio.diversity import DIVERSITY, DiversityMeasure, Number, Rows, measure
from studio.diversity.instructions import top_pairs
from studio.diversity.record import MOST, MOST_PAIRS, undefined
from studio.diversity.reference import Reference, make_reference
from studio.errors import MeasureError
from studio.records import Array
from studio.statistics import CONFIDENCE, corrected_q

LEAST_DRAWS = 99  # a two-sided p of 0.02 at best
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Comparison:
    """table: one row per measure, in the order of the catalogue; judged: a or b, the side the draws are as large as.

    Columns: name, a, b (values), reason_a, reason_b, values_a, values_b, n_a, n_b (examples worked on), n_draw (size of
    a draw), n_draws (draws with a value), low, middle, high (2.5 %, 50 %, 97.5 % of the draws), lower and higher (how
    many draws lie strictly below and above the judged side), p (two-sided, by rank among the draws), q (BH over the
    measures), draws (list).
    """

    table: pd.DataFrame
    judged: str
    n_pool: int


def whole(
    rows: Rows, measures: Sequence[DiversityMeasure] = DIVERSITY, *, on_progress: Progress | None = None
) -> pd.DataFrame:
    """Every measure of a set that needs no reference: columns name, value, reason, values (of its sentence)."""
    found = []
    for number, one in enumerate(one for one in measures if "reference" not in one.needs):
        if on_progress is not None:
            on_progress(number, len(measures))
        got = measure(one, rows)
        more = {"top": [list(pair) for pair in top_pairs(rows)]} if one.name == "pairs" else {}
        found.append({"name": one.name, "value": got.value, "reason": got.reason, "values": dict(got.values) | more})
    return pd.DataFrame(found, columns=["name", "value", "reason", "values"])


def compare(
    pool: Rows,
    a: Array,
    b: Array,
    *,
    seed: int,
    draws: int = LEAST_DRAWS,
    measures: Sequence[DiversityMeasure] = DIVERSITY,
    drawn_from: Array | None = None,
    judged: str | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Every measure of two sets, and where the smaller question lies among random draws of its size from the pool.

    b is judged by draws of its size, and distances are measured to a; where b is the whole pool, a is judged instead.
    Draws are without replacement, each by a seed of its own. A measure with a limit (`most`) is worked out on a seeded
    sample of that many examples, on both sides and in every draw. p = 2 (1 + min(#(draws <= v), #(draws >= v))) /
    (1 + #draws), at most 1.

    Args:
        pool: every example the draws may take, without a graph or a reference.
        a: positions of the one side in the pool.
        b: positions of the other side.
        seed: of samples and draws.
        draws: how many; at least 99.
        measures: which; all by default.
        drawn_from: positions draws are taken from, where the pool is too large to be held as a whole; all by default.
        judged: a or b, where the sides given here are samples of larger ones; else b, or a where b is the whole pool.
        on_progress: called with draws done and all; may raise to stop.

    Raises:
        MeasureError: a side is empty, both sides are the whole pool, or too few draws.
    """
    sides = {"a": np.unique(np.asarray(a, np.int64)), "b": np.unique(np.asarray(b, np.int64))}
    _check(pool, sides, draws)
    judged = judged or ("b" if len(sides["b"]) < pool.n else "a")
    other = "a" if judged == "b" else "b"
    rng = np.random.default_rng([seed, 0])
    shown = {name: _sample(positions, rng) for name, positions in sides.items()}
    reference = _reference(pool.take(np.sort(shown[other])), rng)
    numbers = {
        name: _numbers(pool, positions, measures, reference if name == judged else None)
        for name, positions in shown.items()
    }
    everyone = np.arange(pool.n) if drawn_from is None else np.asarray(drawn_from, np.int64)
    size = len(shown[judged])
    drawn = np.full((draws, len(measures)), np.nan)
    live = [i for i, one in enumerate(measures) if np.isfinite(numbers[judged][i].value)]
    for number in range(draws):
        if on_progress is not None:
            on_progress(number, draws)
        positions = np.random.default_rng([seed, 1 + number]).choice(everyone, size, replace=False)
        found = _numbers(pool, positions, [measures[i] for i in live], reference)
        drawn[number, live] = [one.value for one in found]
    if on_progress is not None:
        on_progress(draws, draws)
    values = np.array([one.value for one in numbers[judged]])
    table = _table(measures, numbers, {name: len(positions) for name, positions in shown.items()}, size)
    return Comparison(_with_draws(table, drawn, values), judged, pool.n)


def _check(pool: Rows, sides: dict[str, Array], draws: int) -> None:
    empty = [name for name, positions in sides.items() if not len(positions)]
    if empty:
        raise MeasureError("There is nothing to compare", got="no examples on one side", fix="Choose two sets.")
    if all(len(positions) == pool.n for positions in sides.values()):
        raise MeasureError("Both sides are the same examples", got=pool.n, fix="Choose two different sets.")
    if draws < LEAST_DRAWS:
        raise MeasureError("Too few random draws to compare with", got=draws, fix=f"Ask for {LEAST_DRAWS} or more.")


def _sample(positions: Array, rng: np.random.Generator) -> Array:
    """At most MOST of them in random order, so that a prefix is a sample too."""
    return rng.permutation(positions)[:MOST]


def _reference(rows: Rows, rng: np.random.Generator) -> Reference | None:
    try:
        return make_reference(rows, rng)
    except MeasureError:  # undefined vectors: the measures that need them say so
        return make_reference(replace(rows, vectors=None), rng)


def _numbers(
    pool: Rows, positions: Array, measures: Sequence[DiversityMeasure], reference: Reference | None
) -> list[Number]:
    """The numbers of one set given in random order: pairs are looked at in its first MOST_PAIRS examples."""
    absent = dict(pool.absent) | ({"reference": "is_reference"} if reference is None else {})
    large = replace(pool.take(np.sort(positions)), reference=reference, absent=absent)
    small = large
    if len(positions) > MOST_PAIRS and any(one.most <= MOST_PAIRS for one in measures):
        small = replace(_vectors_only(pool).take(np.sort(positions[:MOST_PAIRS])), reference=reference, absent=absent)
    return [measure(one, small if one.most <= MOST_PAIRS else large) for one in measures]


def _vectors_only(pool: Rows) -> Rows:
    """What measures of pairs need, so that a sample does not copy the texts again."""
    return Rows(n=pool.n, vectors=pool.vectors, absent=pool.absent)


def _table(
    measures: Sequence[DiversityMeasure], numbers: dict[str, list[Number]], n: dict[str, int], size: int
) -> pd.DataFrame:
    rows = []
    for place, one in enumerate(measures):
        row: dict[str, object] = {"name": one.name}
        for name in ("a", "b"):
            found = numbers[name][place] if numbers[name] else undefined("no_examples")
            row |= {name: found.value, f"reason_{name}": found.reason, f"values_{name}": dict(found.values),
                    f"n_{name}": min(n[name], one.most)}  # fmt: skip
        rows.append(row | {"n_draw": min(size, one.most)})
    return pd.DataFrame(rows)


def _with_draws(table: pd.DataFrame, drawn: Array, values: Array) -> pd.DataFrame:
    """The band of the draws, how many lie on either side of the judged value, p and q."""
    known = np.isfinite(drawn)
    n_draws = known.sum(axis=0)
    tail = (1 - CONFIDENCE) / 2
    band = np.full((3, drawn.shape[1]), np.nan)
    for column in np.flatnonzero(n_draws):
        # at i / (n + 1): one draw more lies outside in 5 of 100 cases; the usual way of 99 draws gives 7
        band[:, column] = np.quantile(drawn[known[:, column], column], (tail, 0.5, 1 - tail), method="weibull")
    tie = 1e-9 * np.maximum(1.0, np.abs(values))  # sums of the same numbers in another order
    lower = (known & (drawn < values - tie)).sum(axis=0)
    higher = (known & (drawn > values + tie)).sum(axis=0)
    p = np.where(n_draws > 0, np.minimum(1.0, 2 * (1 + n_draws - np.maximum(lower, higher)) / (1 + n_draws)), np.nan)
    return table.assign(
        n_draws=n_draws,
        low=band[0],
        middle=band[1],
        high=band[2],
        lower=lower,
        higher=higher,
        p=p,
        q=corrected_q(p),
        draws=[[float(v) for v in drawn[known[:, i], i]] for i in range(drawn.shape[1])],
    )
