"""Scores learnt from people: a view as a linear function of frozen vectors, from ratings or from pairs (method D)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit

from studio.errors import MeasureError
from studio.records import VIEWS, Array, Batch, Measure
from studio.statistics import wilson_pair

NEEDED = 50  # method D asks for 50 to 500 judgements; below it a head is mostly chance
RIDGES: tuple[float, ...] = tuple(float(10.0**p) for p in np.arange(-2, 3.5, 0.5))
PENALTIES: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0, 100.0)
FOLDS = 5
RESAMPLES = 1_000
CHANCE = 0.5  # of a pair
FEWEST_SHARED = 10  # ours: below it two people's judgements are not compared
_BLOCK = 65_536
_STEPS, _CLOSE = 60, 1e-10


# --- ridge on ratings -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Head:
    """A linear score: s(x) = offset + weights · x; `penalty` was chosen on the data."""

    weights: Array
    offset: float
    penalty: float

    def of(self, embeddings: Array) -> Array:
        """(n,) float64 scores; rows that hold NaN give NaN."""
        made = np.empty(len(embeddings))
        for start in range(0, len(embeddings), _BLOCK):
            block = np.asarray(embeddings[start : start + _BLOCK], dtype=np.float64)
            made[start : start + _BLOCK] = block @ self.weights + self.offset
        return made


def ridge(x: Array, y: Array, penalties: Sequence[float] = RIDGES) -> Head:
    """Ridge regression with an unpenalised offset; the penalty with the least squared leave-one-out error.

    min_w sum_i (y_i - o - w·x_i)² + a |w|²; with the centred X = U S Vᵀ the left-out error of row i is
    r_i / (1 - h_i), h_i = 1/m + sum_j U_ij² s_j² / (s_j² + a).

    Args:
        x: (m, d) float.
        y: (m,) float.
        penalties: those to choose from; of equally good ones the largest.

    Paper: hoerl-1970; the shortcut is Allen's (1974).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    centre, level = x.mean(axis=0), float(y.mean())
    left, sizes, right = np.linalg.svd(x - centre, full_matrices=False)
    shares = left.T @ (y - level)
    best: tuple[float, float] | None = None
    for penalty in sorted(penalties, reverse=True):
        shrink = sizes**2 / (sizes**2 + penalty)
        residual = (y - level) - left @ (shrink * shares)
        weight = 1 - 1 / len(y) - (left**2) @ shrink
        error = float(np.mean((residual / np.maximum(weight, 1e-12)) ** 2))
        if best is None or error < best[0]:
            best = (error, penalty)
    penalty = best[1] if best is not None else 1.0
    weights = right.T @ (sizes / (sizes**2 + penalty) * shares)
    return Head(weights, level - float(centre @ weights), penalty)


# --- Bradley-Terry on pairs -------------------------------------------------------------------------------------------
def pairwise(first: Array, second: Array, won: Array, penalties: Sequence[float] = PENALTIES) -> Head:
    """Bradley-Terry with linear abilities: p(first better) = sigmoid(s(first) - s(second)), s(x) = w·x.

    min_w sum_k BCE(won_k, sigmoid(w·(a_k - b_k))) + (p/2) |w|², by Newton steps in the span of the differences. Of the
    penalties the one with the least leave-one-out loss, each row left out by one step of its own.

    Args:
        first: (m, d) vectors of one side.
        second: (m, d) vectors of the other.
        won: (m,) 1 where the first is better, 0 where the second is, 0.5 where both are equal.
        penalties: those to choose from; of equally good ones the largest.

    Paper: bradley-terry-1952, qurating-2024; ties count as half a win for each side.
    """
    apart = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    won = np.asarray(won, np.float64)
    left, sizes, right = np.linalg.svd(apart, full_matrices=False)
    kept = sizes > 1e-10 * max(float(sizes[0]) if len(sizes) else 0.0, 1e-300)
    rows = left[:, kept] * sizes[kept]
    best: tuple[float, float, Array] | None = None
    for penalty in sorted(penalties, reverse=True):
        weights = _newton(rows, won, penalty)
        loss = _left_out_loss(rows, won, weights, penalty)
        if best is None or loss < best[0]:
            best = (loss, penalty, weights)
    if best is None:
        return Head(np.zeros(apart.shape[1]), 0.0, 1.0)
    return Head(right[kept].T @ best[2], 0.0, best[1])


def _newton(rows: Array, won: Array, penalty: float) -> Array:
    """The minimum of the penalised loss; steps are halved until they lower it, so it cannot run away."""
    weights = np.zeros(rows.shape[1])
    value = _loss(rows @ weights, won).sum()
    for _ in range(_STEPS):
        p = expit(rows @ weights)
        slope = rows.T @ (p - won) + penalty * weights
        curve = (rows * (p * (1 - p))[:, None]).T @ rows + penalty * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while size > 1e-6:
            moved = weights - size * step
            new = _loss(rows @ moved, won).sum() + penalty / 2 * moved @ moved
            if new <= value + 1e-15:
                break
            size /= 2
        weights, before, value = moved, value, new
        if before - value < _CLOSE * (1 + abs(value)) and np.abs(size * step).max(initial=0.0) < 1e-9:
            break
    return weights


def _loss(z: Array, won: Array) -> Array:
    return np.logaddexp(0.0, z) - won * z


def _left_out_loss(rows: Array, won: Array, weights: Array, penalty: float) -> float:
    z = rows @ weights
    p = expit(z)
    curve = (rows * (p * (1 - p))[:, None]).T @ rows + penalty * np.eye(len(weights))
    reach = np.einsum("ij,ij->i", rows, np.linalg.solve(curve, rows.T).T)
    without = z + (p - won) * reach / np.maximum(1 - p * (1 - p) * reach, 1e-9)
    return float(_loss(without, won).mean())


# --- measures ---------------------------------------------------------------------------------------------------------
def _rated_rows(batch: Batch, view: str) -> tuple[Array, Array]:
    """Rows with a rating and a vector, and their ratings; ordered by example so that no order of rows matters."""
    given = np.asarray(getattr(batch, f"ratings_{view}"), dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(given))
    rows = rows[np.argsort(np.asarray(batch.ids)[rows], kind="stable")]
    whole = np.isfinite(np.asarray(batch.embeddings[rows], np.float64)).all(axis=1) if len(rows) else rows > 0
    return rows[whole], given[rows[whole]]


def _compared_rows(batch: Batch) -> tuple[Array, Array, Array]:
    """Rows of the two sides and who won, of pairs whose examples are both here and have a vector."""
    pairs = np.asarray(batch.pairs_quality, dtype=np.float64).reshape(-1, 3)
    ids = np.asarray(batch.ids, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    sides = []
    there = np.ones(len(pairs), dtype=bool)
    for column in (0, 1):
        wanted = pairs[:, column].astype(np.int64)
        place = np.minimum(np.searchsorted(ids[order], wanted), max(len(ids) - 1, 0))
        rows = order[place] if len(ids) else place
        there &= (ids[rows] == wanted) if len(ids) else False
        sides.append(rows)
    both = np.flatnonzero(there)
    if len(both):
        fine = [np.isfinite(np.asarray(batch.embeddings[side[both]], np.float64)).all(axis=1) for side in sides]
        both = both[fine[0] & fine[1]]
    found = pairs[both]
    sort = np.lexsort((found[:, 2], found[:, 1], found[:, 0])) if len(both) else both
    return sides[0][both][sort], sides[1][both][sort], found[sort, 2]


def _rated(batch: Batch, view: str) -> Array:
    """What people would rate the example, on their scale of 1 to 5; high is wanted.

    s(x) = o + w·x by `ridge` on the mean rating of every rated example, the vectors frozen.

    Args:
        batch: embeddings (n, d) unit rows; ratings_<view> (n,) mean rating, NaN = nobody rated it.
        view: which view the ratings are about.

    Returns:
        (n,) float64; all NaN with fewer than 50 rated examples or where all ratings are equal.

    Paper: hoerl-1970; method D. Departs from it in asking people for the view itself instead of taking a model's score.
    Limits: it can only say what the vectors hold, and prefers what these raters prefer; see it by group.
    """
    rows, y = _rated_rows(batch, view)
    if len(rows) < NEEDED or not np.ptp(y) > 0:
        return np.full(len(batch.ids), np.nan)
    return ridge(batch.embeddings[rows], y).of(batch.embeddings)


def _pairwise_quality(batch: Batch) -> Array:
    """How likely people call the example the better one of two, in log-odds; high is wanted.

    Args:
        batch: embeddings (n, d) unit rows; pairs_quality (m, 3): id, id, 1 = first better, 0 = second, 0.5 = equal.

    Returns:
        (n,) float64, centred on its mean; all NaN with fewer than 50 comparisons or where all of them are ties.

    Paper: bradley-terry-1952, qurating-2024; a linear head on frozen vectors instead of a fine-tuned model.
    Limits: only differences mean anything; it prefers what these people prefer (topics, roles, regions): see it by
    group.
    """
    first, second, won = _compared_rows(batch)
    if len(won) < NEEDED or (won == 0.5).all():
        return np.full(len(batch.ids), np.nan)
    made = pairwise(batch.embeddings[first], batch.embeddings[second], won).of(batch.embeddings)
    return made - np.nanmean(made)


def _measure(view: str) -> Measure:
    return Measure(
        name=f"rated_{view}",
        view=view,
        title=f"measure.rated_{view}.title",
        needs=("embeddings", f"ratings_{view}"),
        unit="rating of 1 to 5",
        prefer="high",
        version=1,
        paper="hoerl-1970",
        compute=partial(_rated, view=view),
        is_asked=True,
    )


RATED: tuple[Measure, ...] = tuple(_measure(view) for view in VIEWS)
PAIRWISE_QUALITY = Measure(
    name="pairwise_quality",
    view="quality",
    title="measure.pairwise_quality.title",
    needs=("embeddings", "pairs_quality"),
    unit="log-odds",
    prefer="high",
    version=1,
    paper="bradley-terry-1952",
    compute=_pairwise_quality,
    is_asked=True,
)
HEADS: Mapping[str, Measure] = {one.name: one for one in (*RATED, PAIRWISE_QUALITY)}
JUDGED: frozenset[str] = frozenset(one.needs[1] for one in HEADS.values())  # Batch fields that people filled


# --- agreement --------------------------------------------------------------------------------------------------------
def agreement(batch: Batch, name: str, seed: int) -> dict[str, Any]:
    """How well a head says what people say about examples it did not learn from (five folds); a check before `compute`.

    Ratings: Spearman's rho of the left-out predictions with the ratings, a 95 % bootstrap interval over examples.
    Pairs: the share of decided pairs put in the right order, a 95 % Wilson interval; chance is a half. Equal vectors,
    and pairs that share an example, stay in one fold.

    Raises:
        MeasureError: fewer than 50 judgements, or all of them say the same.
    """
    rng = np.random.default_rng(seed)
    if name == PAIRWISE_QUALITY.name:
        return _pair_agreement(batch, rng) | {"seed": seed}
    return _rating_agreement(batch, name.removeprefix("rated_"), rng) | {"seed": seed}


def _rating_agreement(batch: Batch, view: str, rng: np.random.Generator) -> dict[str, Any]:
    rows, y = _rated_rows(batch, view)
    if len(rows) < NEEDED:
        raise MeasureError("There are too few ratings to learn from", got=len(rows),
                           fix=f"Rate {NEEDED} examples or more.")  # fmt: skip
    if not np.ptp(y) > 0:
        raise MeasureError("All ratings are the same, so there is nothing to learn", got=float(y[0]),
                           fix="Use the whole scale: rate some examples lower, some higher.")  # fmt: skip
    x = np.asarray(batch.embeddings[rows], np.float64)
    folds = _folds(np.unique(x, axis=0, return_inverse=True)[1].reshape(-1), y, rng)
    guess = np.full(len(y), np.nan)
    for fold in np.unique(folds):
        inside = folds != fold
        if inside.any() and np.ptp(y[inside]) > 0:
            guess[~inside] = ridge(x[inside], y[inside]).of(x[~inside])
    told = {"kind": "ratings", "n": len(y), "folds": int(folds.max()) + 1, "penalty": ridge(x, y).penalty}
    known = np.isfinite(guess)
    rho, low, high = spearman_interval(guess[known], y[known], rng)
    return told | {"n_judged": int(known.sum()), "rho": rho, "low": low, "high": high}


def spearman_interval(a: Array, b: Array, rng: np.random.Generator) -> tuple[float | None, float | None, float | None]:
    """Spearman's rho with its 95 % percentile bootstrap interval over rows; None where it is undefined."""
    if len(a) < 3 or not (np.ptp(a) > 0 and np.ptp(b) > 0):
        return None, None, None
    rho = float(stats.spearmanr(a, b).statistic)
    drawn = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, len(a), len(a))
        x, y = stats.rankdata(a[rows]), stats.rankdata(b[rows])
        x, y = x - x.mean(), y - y.mean()
        scale = math.sqrt(float((x @ x) * (y @ y)))
        if scale > 0:
            drawn.append(float(x @ y) / scale)
    if not drawn:
        return rho, None, None
    low, high = np.quantile(drawn, (0.025, 0.975))
    return rho, float(low), float(high)


def _pair_agreement(batch: Batch, rng: np.random.Generator) -> dict[str, Any]:
    first, second, won = _compared_rows(batch)
    if len(won) < NEEDED:
        raise MeasureError("There are too few comparisons to learn from", got=len(won),
                           fix=f"Compare {NEEDED} pairs or more.")  # fmt: skip
    decided = won != 0.5
    if not decided.any():
        raise MeasureError("All comparisons are ties, so there is nothing to learn", got=len(won),
                           fix="Say which of two is better where one is.")  # fmt: skip
    a, b = (np.asarray(batch.embeddings[side], np.float64) for side in (first, second))
    folds = _folds(_components(first, second), won, rng)
    right = np.full(len(won), np.nan)
    for fold in np.unique(folds):
        inside = folds != fold
        if inside.any() and (won[inside] != 0.5).any():
            head = pairwise(a[inside], b[inside], won[inside])
            gap = (a[~inside] - b[~inside]) @ head.weights
            right[~inside] = np.where(gap == 0, 0.5, (gap > 0) == (won[~inside] > 0.5))
    judged = decided & np.isfinite(right)
    n, count = int(judged.sum()), float(right[judged].sum())
    told = {"kind": "pairs", "n": len(won), "n_ties": int((~decided).sum()), "folds": int(folds.max()) + 1,
            "n_judged": n, "penalty": pairwise(a, b, won).penalty}  # fmt: skip
    if not n:
        return told | {"share": None, "low": None, "high": None}
    low, high = wilson_pair(count, n)  # type: ignore[arg-type]
    return told | {"share": count / n, "low": float(low), "high": float(high)}


def _components(first: Array, second: Array) -> Array:
    """(m,) which pairs hang together by a shared example."""
    over: dict[int, int] = {}

    def top(item: int) -> int:
        while over.setdefault(item, item) != item:
            over[item] = over[over[item]]
            item = over[item]
        return item

    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        over[top(a)] = top(b)
    return np.unique([top(int(a)) for a in first], return_inverse=True)[1].reshape(-1)


def _folds(groups: Array, y: Array, rng: np.random.Generator) -> Array:
    """(m,) fold of every row: whole groups, dealt by their mean outcome so that every fold sees the whole scale."""
    n = int(groups.max()) + 1
    sizes = np.bincount(groups, minlength=n)
    means = np.bincount(groups, weights=y, minlength=n) / np.maximum(sizes, 1)
    order = np.lexsort((rng.permutation(n), means))
    count = min(FOLDS, n)
    of_group = np.empty(n, dtype=np.int64)
    for start in range(0, n, count):
        part = order[start : start + count]
        of_group[part] = rng.permutation(count)[: len(part)]
    return of_group[groups]


def between(people: Sequence[str], subjects: Sequence[Any], values: Sequence[float]) -> dict[str, Any]:
    """How far people agree where two judged the same: every two people on every subject both judged, pooled.

    Returns:
        n (such pairs of judgements), rho (Spearman) and same (share of equal ones); both None below 10 of them.
    """
    told: dict[Any, dict[str, float]] = {}
    for person, subject, value in zip(people, subjects, values, strict=True):
        told.setdefault(subject, {})[person] = float(value)
    a: list[float] = []
    b: list[float] = []
    for own in told.values():
        names = sorted(own)
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                a.append(own[one])
                b.append(own[other])
    if len(a) < FEWEST_SHARED:
        return {"n": len(a), "rho": None, "same": None}
    same = float(np.mean(np.asarray(a) == np.asarray(b)))
    rho = float(stats.spearmanr(a, b).statistic) if np.ptp(a) > 0 and np.ptp(b) > 0 else None
    return {"n": len(a), "rho": rho, "same": same}
