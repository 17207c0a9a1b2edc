"""All a slider move needs, in memory: one float32 matrix of views, clusters, groups and near pairs of a pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from studio.errors import EmptyPool, SelectionError
from studio.records import VIEWS, Array, Pool
from studio.selection import reasons
from studio.selection.combine import missing_views, weighted_scores
from studio.selection.constraints import Axis, NearPairs, Picked, equal_cap, pick_best, proportional_quotas

MISSING_KEY = ""  # how a missing group value or the noise cluster is written in a code table


@dataclass(frozen=True, eq=False)
class LiveMatrix:
    """A pool in memory; row i of every array is the same example, ids strictly increasing.

    ids (n,) int64; unit (n, 4) float32 by VIEWS, column-major; columns: cluster or group name -> (n,) int codes, -1 =
    missing; keys: the same names -> the name of each code; near: pairs above a cosine similarity, or None.
    """

    ids: Array
    unit: Array
    columns: Mapping[str, Array] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    near: NearPairs | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def counts(self, column: str, rows: Array | None = None) -> Array:
        """(k + 1,) rows per key of a column, the missing key first; of some rows, or of the whole pool."""
        codes = self.columns[column] if rows is None else self.columns[column][rows]
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

    `caps` and `alpha` count examples; `near` says whether the matrix' near pairs are kept apart.
    """

    caps: Mapping[str, int] = field(default_factory=dict)
    alpha: float | None = None
    quota_axis: str = "cluster"
    near: bool = False
    missing: str = "leave_out"


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

    @property
    def n_left_out(self) -> int:
        """How many rows no ranking under these weights can contain."""
        return len(self.scores) - self.picked.n_usable

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
    picked = pick_best(scores, budget, _axes(matrix, scores, budget, rule), matrix.near if rule.near else None)
    gaps = missing_views(matrix.unit, weights) if rule.missing == "leave_out" else {}
    return Ranking(picked.rows, matrix.ids[picked.rows], scores, picked, gaps, budget)


def _axes(matrix: LiveMatrix, scores: Array, budget: int, rule: Rule) -> list[Axis]:
    for column in [*rule.caps, *([rule.quota_axis] if rule.alpha is not None else [])]:
        if column not in matrix.columns:
            raise SelectionError(
                "The pool has no such column to limit",
                got=column,
                fix=f"Choose one of {', '.join(matrix.columns) or 'none'}.",
            )
    axes = [equal_cap(column, matrix.columns[column], limit) for column, limit in sorted(rule.caps.items())]
    if rule.alpha is not None:
        codes = matrix.columns[rule.quota_axis]
        axes.append(proportional_quotas(rule.quota_axis, codes, ~np.isnan(scores), budget, rule.alpha))
    return axes


def rejection(matrix: LiveMatrix, ranking: Ranking, row: int) -> str:
    """The true reason code of a row that is not in the ranking."""
    why = reasons.walk_reasons(
        matrix.ids,
        ranking.scores,
        ranking.picked,
        lambda axis, code: matrix.key_name(axis.name, code),
        lambda missing: reasons.missing_view_of(Pool(matrix.ids, ranking.scores, unit=matrix.unit), missing),
    )
    return why(row)


def rejections(matrix: LiveMatrix, ranking: Ranking, rows: Array) -> list[str]:
    """`rejection` of several rows, with the walk indexed once."""
    pool = Pool(matrix.ids, ranking.scores, unit=matrix.unit)
    why = reasons.walk_reasons(
        matrix.ids,
        ranking.scores,
        ranking.picked,
        lambda axis, code: matrix.key_name(axis.name, code),
        lambda missing: reasons.missing_view_of(pool, missing),
    )
    return [why(int(row)) for row in rows]


def parts(matrix: LiveMatrix, weights: Mapping[str, int], rows: Array, missing: str = "leave_out") -> Array:
    """(m, 4) float64 share of the score that each view gives: w_v * unit / 100; the row sums are the scores."""
    unit = matrix.unit[rows].astype(np.float64)
    if missing == "half":
        unit = np.where(np.isnan(unit), 0.5, unit)
    weight = np.array([weights[view] for view in VIEWS], dtype=np.float64) / 100.0
    return np.where(weight > 0, unit * weight, 0.0)
