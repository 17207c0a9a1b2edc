"""Who writes to the help desk: the reference shares of every attribute, and draws from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

# Shares of the company's customers, ours; representation is judged against them. Every attribute sums to 1.
REFERENCE: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "en": {
        "gender": {"woman": 0.48, "man": 0.44, "nonbinary": 0.03, "undisclosed": 0.05},
        "age_band": {"18-29": 0.22, "30-44": 0.31, "45-59": 0.27, "60+": 0.20},
        "region": {"Capital": 0.23, "North": 0.20, "South": 0.18, "West": 0.15, "East": 0.12, "Islands": 0.12},
        "channel": {"e-mail": 0.35, "chat": 0.30, "web form": 0.19, "phone transcript": 0.16},
        "source": {"main desk": 0.60, "partner desk": 0.27, "night desk": 0.13},
    },
    "zh": {
        "gender": {"女": 0.47, "男": 0.44, "未填": 0.09},
        "age_band": {"18-25岁": 0.21, "26-35岁": 0.36, "36-50岁": 0.28, "51岁以上": 0.15},
        "region": {"华东": 0.28, "华南": 0.19, "华北": 0.16, "华中": 0.14, "西南": 0.12, "东北": 0.06, "西北": 0.05},
        "channel": {"在线客服": 0.43, "网页表单": 0.24, "电话转写": 0.18, "邮件": 0.15},
        "source": {"自营客服": 0.60, "外包客服": 0.27, "夜班客服": 0.13},
    },
}
_FIRST_DAY = datetime(2024, 1, 1)
_N_DAYS = 546
# How busy each hour of the day is, ours: quiet nights, a peak before noon and another after work.
_HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 13, 16, 17, 15, 12, 12, 13, 13, 12, 12, 13, 14, 13, 9, 5, 2)


def draw(shares: Mapping[str, float], uniforms: NDArray[np.float64]) -> NDArray[np.object_]:
    """One value per uniform number (n,), by inverse shares: the same number gives the same value while shares stand."""
    names = np.array(list(shares), dtype=object)
    edges = np.cumsum(list(shares.values()))[:-1]
    return names[np.searchsorted(edges, uniforms, side="right")]


def with_share(shares: Mapping[str, float], group: str, share: float) -> dict[str, float]:
    """The shares with one group set to `share` and the others scaled to fill the rest."""
    scale = (1 - share) / (1 - shares[group])
    return {name: share if name == group else value * scale for name, value in shares.items()}


def shares_for_odds(share: float, prior: float, odds_ratio: float) -> tuple[float, float]:
    """Shares of a group inside and outside a label that give an odds ratio and leave the group's overall share.

    Solves `p1 (1 - p0) / (p0 (1 - p1)) = odds_ratio` and `prior p1 + (1 - prior) p0 = share` for (p1, p0); `prior` is
    the share of the label. With k = odds_ratio, p1 = k p0 / (1 + (k - 1) p0) leads to
    `(1 - prior)(k - 1) p0^2 + (prior k + (1 - prior) - share (k - 1)) p0 - share = 0`, whose positive root is p0.
    """
    k = odds_ratio
    if k == 1:
        return share, share
    a = (1 - prior) * (k - 1)
    b = prior * k + (1 - prior) - share * (k - 1)
    outside = (-b + math.sqrt(b * b + 4 * a * share)) / (2 * a)
    return k * outside / (1 + (k - 1) * outside), outside


def odds_ratios(tables: Mapping[str, Mapping[str, float]], priors: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Population odds ratio of every (label, group): `tables[label]` are group shares inside the label."""
    found: dict[tuple[str, str], float] = {}
    for label, prior in priors.items():
        for group in tables[label]:
            inside = tables[label][group]
            outside = sum(priors[m] * tables[m][group] for m in priors if m != label) / (1 - prior)
            found[label, group] = inside * (1 - outside) / (outside * (1 - inside))
    return found


def times(rng: np.random.Generator, n: int) -> Sequence[str]:
    """N arrival times as ISO text, ascending, over eighteen months; nights are quiet, Sundays have half the mail."""
    days = np.arange(_N_DAYS)
    weight = np.where((days + _FIRST_DAY.weekday()) % 7 == 6, 0.5, 1.0)
    day = rng.choice(days, size=n, p=weight / weight.sum())
    hours = np.array(_HOURS, dtype=float)
    hour = rng.choice(24, size=n, p=hours / hours.sum())
    seconds = np.sort(day * 86_400 + hour * 3_600 + rng.integers(0, 3_600, size=n))
    return [(_FIRST_DAY + timedelta(seconds=int(second))).isoformat() for second in seconds]
