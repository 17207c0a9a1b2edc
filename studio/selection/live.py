"""All a slider move needs, in memory: one float32 matrix of views, clusters, groups and near pairs of a pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from studio.errors import EmptyPool, SelectionError
from studio.records import VIEWS, Array, Pool
from studio.selection import reasons
from studio.selection.combine import missing_views, weighted_scores
from studio.selection.constraints import (
    Axis,
    Near,
    Picked,
    equal_cap,
    pick_best,
    proportional_quotas,
    target_quotas,
)
from studio.selection.limits import Limits

MISSING_KEY = ""  # how a missing group value or the noise cluster is written in a code table


@dataclass(frozen=True, eq=False)
class LiveMatrix:
    """A pool in memory; row i of every array is the same example, ids strictly increasing.

    ids (n,) int64; unit (n, 4) float32 by VIEWS, column-major; columns: cluster or group name -> (n,) int codes, -1 =
    missing; keys: the same names -> the name of each code; near: pairs above a cosine similarity, or None; more:
    further columns that may be limited (source, language, predicted), with their names in keys too; barred (n,) int16:
    0 = may be picked, else the place in barred_codes of the reason why not.
    """

    ids: Array
    unit: Array
    columns: Mapping[str, Array] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    near: Near | None = None
    more: Mapping[str, Array] = field(default_factory=dict)
    barred: Array | None = None
    barred_codes: tuple[str, ...] = ("",)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_barred(self) -> int:
        """How many rows a filter or a threshold keeps out."""
        return 0 if self.barred is None else int(np.count_nonzero(self.barred))

    @property
    def limitable(self) -> tuple[str, ...]:
        """Columns that caps and quotas may name."""
        return (*self.columns, *self.more)

    def codes(self, column: str) -> Array:
        """(n,) codes of a column that may be limited."""
        return self.columns[column] if column in self.columns else self.more[column]

    def counts(self, column: str, rows: Array | None = None) -> Array:
        """(k + 1,) rows per key of a column, the missing key first; of some rows, or of the whole pool."""
        codes = self.codes(column) if rows is None else self.codes(column)[rows]
        return np.bincount(codes.astype(np.int64) + 1, minlength=len(self.keys[column]) + 1)

    def key_name(self, column: str, code: int) -> str:
        """The name of a code; empty for missing."""
        return self.keys[column][code] if code >= 0 else MISSING_KEY

    def rows_of(self, ids: Array) -> Array:
        """Rows of the ids that are in the pool, in the order given."""
        at = np.searchsorted(self.ids, ids)
        inside = at < len(self.ids)
        inside[inside] = self.ids[at[inside]] == np.asarray(ids)[inside]
        return at[inside]


@dataclass(frozen=True)
class Rule:
    """What a ranking obeys besides the weights: caps column -> most of one key, alpha of cluster quotas, tau, missing.

    `caps` and `alpha` count examples; `near` says whether the matrix' near pairs are kept apart; `quotas` column -> its
    own alpha; `targets` column -> key -> wanted share, in any proportion.
    """

    caps: Mapping[str, int] = field(default_factory=dict)
    alpha: float | None = None
    quota_axis: str = "cluster"
    near: bool = False
    missing: str = "leave_out"
    quotas: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Who gets in under some weights: rows and ids in pick order, their scores, and the walk that found them.

    `scores` (n,) is the whole pool's; `left_out` counts rows lacking a weighted view by view, `n_left_out` rows.
    """

    rows: Array
    ids: Array
    scores: Array
    picked: Picked
    left_out: Mapping[str, int]
    budget: int
    n_barred: int = 0

    @property
    def n_left_out(self) -> int:
        """How many rows lack a score these weights need, filters and thresholds aside."""
        return len(self.scores) - self.picked.n_usable - self.n_barred

    @property
    def is_short(self) -> bool:
        """True where the limits gave fewer examples than budget and pool allow."""
        return len(self.rows) < min(self.budget, self.picked.n_usable)


def rank(matrix: LiveMatrix, weights: Mapping[str, int], budget: int, rule: Rule | None = None) -> Ranking:
    """Who gets in under these weights; never raises for limits that are too tight, the ranking is short then.

    Args:
        matrix: the pool.
        weights: four whole weights summing to 100.
        budget: most examples, at least 0.
        rule: caps, quotas, near-duplicates, what to do with missing views.

    Returns:
        The ranking; ties fall to the lower id.

    Raises:
        EmptyPool: the pool has no rows.
        SelectionError: weights, budget or a rule that cannot be used.
    """
    rule = rule or Rule()
    if not len(matrix):
        raise EmptyPool("There is nothing to choose from", got=0, fix="Every pool example is labelled, or none exist.")
    scores = weighted_scores(matrix.unit, weights, rule.missing)
    unit = matrix.unit
    if matrix.barred is not None:
        scores[matrix.barred != 0] = np.nan
        unit = matrix.unit[matrix.barred == 0] if rule.missing == "leave_out" else unit
    picked = pick_best(scores, budget, axes_of(matrix, scores, budget, rule), matrix.near if rule.near else None)
    gaps = missing_views(unit, weights) if rule.missing == "leave_out" else {}
    return Ranking(picked.rows, matrix.ids[picked.rows], scores, picked, gaps, budget, matrix.n_barred)


def axes_of(matrix: LiveMatrix, scores: Array, budget: int, rule: Rule) -> list[Axis]:
    """Caps, then quotas, then targets of a rule as limits per key; quotas share out what has a score.

    Raises:
        SelectionError: a column the pool does not have.
    """
    alphas = dict(rule.quotas) | ({rule.quota_axis: rule.alpha} if rule.alpha is not None else {})
    for column in [*rule.caps, *alphas, *rule.targets]:
        if column not in matrix.limitable:
            raise SelectionError(
                "The pool has no such column to limit",
                got=column,
                fix=f"Choose one of {', '.join(matrix.limitable) or 'none'}.",
            )
    axes = [equal_cap(column, matrix.codes(column), limit) for column, limit in sorted(rule.caps.items())]
    if alphas or rule.targets:
        usable = ~np.isnan(scores)
        axes += [proportional_quotas(column, matrix.codes(column), usable, budget, alpha)
                 for column, alpha in sorted(alphas.items())]  # fmt: skip
        axes += [target_quotas(column, matrix.codes(column), matrix.keys[column], usable, budget, shares)
                 for column, shares in sorted(rule.targets.items())]  # fmt: skip
    return axes


def limits_of(matrix: LiveMatrix, may_be_picked: Array, budget: int, rule: Rule) -> Limits:
    """The limits of a rule for a way of choosing that may pick the rows of a mask; quotas share out those.

    Raises:
        SelectionError: a column the pool does not have.
    """
    axes = axes_of(matrix, np.where(may_be_picked, 0.0, np.nan), budget, rule)
    return Limits(tuple(axes), matrix.near if rule.near else None, matrix.keys)


def rejection(matrix: LiveMatrix, ranking: Ranking, row: int) -> str:
    """The true reason code of a row that is not in the ranking."""
    return rejections(matrix, ranking, np.array([row]))[0]


def rejections(matrix: LiveMatrix, ranking: Ranking, rows: Array) -> list[str]:
    """`rejection` of several rows, with the walk indexed once."""
    pool = Pool(matrix.ids, ranking.scores, unit=matrix.unit)

    def no_score(row: int) -> str:
        return barred_code(matrix, row) or reasons.missing_view_of(pool, row)

    why = reasons.walk_reasons(
        matrix.ids, ranking.scores, ranking.picked, lambda axis, code: matrix.key_name(axis.name, code), no_score
    )
    return [why(int(row)) for row in rows]


def barred_code(matrix: LiveMatrix, row: int) -> str:
    """The reason code of the filter or threshold that keeps a row out; empty for none."""
    return "" if matrix.barred is None else matrix.barred_codes[int(matrix.barred[row])]


def parts(matrix: LiveMatrix, weights: Mapping[str, int], rows: Array, missing: str = "leave_out") -> Array:
    """(m, 4) float64 share of the score that each view gives: w_v * unit / 100; the row sums are the scores."""
    unit = matrix.unit[rows].astype(np.float64)
    if missing == "half":
        unit = np.where(np.isnan(unit), 0.5, unit)
    weight = np.array([weights[view] for view in VIEWS], dtype=np.float64) / 100.0
    return np.where(weight > 0, unit * weight, 0.0)
