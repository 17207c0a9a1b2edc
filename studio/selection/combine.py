"""From unit scores to views, and from views to one weighted score."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from studio.errors import SelectionError
from studio.records import VIEWS, Array
from studio.selection.unit_scores import unit_scores
from studio.selection.weights import TOTAL

MISSING: tuple[str, ...] = ("leave_out", "half")
CORRELATED = 0.7  # reference: above it two sliders pull on one signal


def band_pass(unit: Array, centre: float) -> Array:
    """Unit scores with the wanted end moved inside: 1 at the centre, falling to 0 at the end farthest from it.

    d'_i = 1 - |u_i - m| / max(m, 1 - m), m = centre

    Args:
        unit: (n,) in [0, 1], NaN = undefined.
        centre: in [0, 1]; 1 leaves the scores as they are, 0 turns them round.

    Raises:
        SelectionError: a centre outside [0, 1].

    Source: ours; the hardest examples are often the noisiest, so the middle of the scale may be what is wanted.
    """
    if not 0.0 <= centre <= 1.0:
        raise SelectionError("The wanted score must lie between 0 and 1", got=centre, fix="Move it.")
    return 1.0 - np.abs(np.asarray(unit, dtype=np.float64) - centre) / max(centre, 1.0 - centre)


def view_score(units: Mapping[str, Array], inner_weights: Mapping[str, float], scale: str = "quantile") -> Array:
    """One view: its enabled measures' weighted mean unit score on the same scale; high = wanted.

    v_i = scale( sum_m a_m u_mi / sum_m a_m ), over the measures m defined for i; scale = quantile unless said otherwise

    Args:
        units: measure -> (n,) unit scores, NaN = undefined.
        inner_weights: measure -> weight above 0; a measure that is not named or has 0 is not enabled.
        scale: quantile, z or min_max, that of the unit scores.

    Returns:
        (n,) float64 in [0, 1]; NaN where none of the enabled measures is defined.

    Raises:
        SelectionError: no measure is enabled, or a weight is negative.
    """
    enabled = {name: weight for name, weight in inner_weights.items() if weight != 0 and name in units}
    if not enabled or any(not weight > 0 for weight in enabled.values()):
        raise SelectionError(
            "A view needs at least one measure with a weight above 0",
            got=dict(inner_weights),
            fix="Switch on a measure of this view.",
        )
    if len(enabled) == 1:  # mid-ranks of mid-ranks are the same mid-ranks
        only = next(iter(units[name] for name in enabled))
        return unit_scores(only, "high") if scale == "quantile" else np.asarray(only, dtype=np.float64)
    stack = np.stack([np.asarray(units[name], dtype=np.float64) for name in enabled])
    weights = np.array(list(enabled.values()), dtype=np.float64)[:, None]
    defined = ~np.isnan(stack)
    total = (weights * defined).sum(axis=0)
    summed = (weights * np.where(defined, stack, 0.0)).sum(axis=0)
    mean = np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)
    # rounding keeps equal sums equal, whatever order they were added in
    return unit_scores(np.round(mean, 12), "high", scale)


def weighted_scores(unit: Array, weights: Mapping[str, int], missing: str = "leave_out") -> Array:
    """score_i = sum over the views v of w_v * unit_iv / 100; high = wanted.

    A view of weight 0 is not looked at. Weights are whole numbers and unit scores float32, so the float64 sum is exact
    but for its last bits and does not depend on a matrix library.

    Args:
        unit: (n, 4) float32 by VIEWS, NaN = undefined; column-major is fastest.
        weights: the four whole weights, summing to 100.
        missing: leave_out (an example lacking a weighted view has no score) or half (it counts as 0.5).

    Returns:
        (n,) float64 in [0, 1]; NaN = left out.

    Raises:
        SelectionError: weights that are not the four views summing to 100, or an unknown rule.
    """
    check_weights(weights)
    if missing not in MISSING:
        raise SelectionError(
            "There is no such rule for missing scores", got=missing, fix=f"Choose one of {', '.join(MISSING)}."
        )
    score = np.zeros(len(unit))
    for column, view in enumerate(VIEWS):
        if weights[view]:
            part = unit[:, column].astype(np.float64)
            if missing == "half":
                part[np.isnan(part)] = 0.5
            part *= weights[view]
            score += part
    score /= TOTAL
    return score


def check_weights(weights: Mapping[str, int]) -> None:
    """Refuse anything but four whole weights of at least 0 that sum to 100.

    Raises:
        SelectionError: otherwise.
    """
    values = [weights.get(view) for view in VIEWS]
    whole = all(isinstance(v, int | np.integer) and v >= 0 for v in values)
    if set(weights) != set(VIEWS) or not whole or sum(values) != TOTAL:
        raise SelectionError(
            "Weights must be four whole numbers that sum to 100",
            got=dict(weights),
            fix="Rescale them with normalise_url_weights.",
        )


def missing_views(unit: Array, weights: Mapping[str, int]) -> dict[str, int]:
    """How many examples lack each weighted view; views without gaps are not named."""
    gaps = {view: int(np.isnan(unit[:, column]).sum()) for column, view in enumerate(VIEWS) if weights[view]}
    return {view: count for view, count in gaps.items() if count}


def view_correlation(unit: Array) -> Array:
    """Rank correlation of the views, (4, 4); NaN where fewer than 3 examples have both or one does not vary.

    rho_ab = Pearson correlation of the mid-ranks of a and b over the examples that have both (Spearman)
    """
    rho = np.full((len(VIEWS), len(VIEWS)), np.nan)
    for a in range(len(VIEWS)):
        for b in range(a, len(VIEWS)):
            rho[a, b] = rho[b, a] = rank_correlation(unit[:, a], unit[:, b])
    return rho


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rho over the rows that have both; NaN for fewer than 3 of them or where one does not vary."""
    both = ~np.isnan(a) & ~np.isnan(b)
    if both.sum() < 3:
        return float("nan")
    x, y = unit_scores(a[both], "high"), unit_scores(b[both], "high")
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return min(max(float(x @ y) / scale, -1.0), 1.0) if scale > 0 else float("nan")


def mirrored_views(rho: Array) -> list[tuple[str, str, float]]:
    """Pairs of views whose rank correlation is beyond 0.7 in size, strongest first."""
    pairs = [
        (VIEWS[a], VIEWS[b], float(rho[a, b]))
        for a in range(len(VIEWS))
        for b in range(a + 1, len(VIEWS))
        if abs(rho[a, b]) > CORRELATED
    ]
    return sorted(pairs, key=lambda pair: -abs(pair[2]))
