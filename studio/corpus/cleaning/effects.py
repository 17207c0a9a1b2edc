"""What a step does to the groups: how many of each it touches, how each share moves, whether one is squeezed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from studio.records import Array
from studio.statistics import ALPHA, SMALL_GROUP, corrected_q, wilson_pair

MOST_VALUES = 30  # values of an attribute shown, the largest; the rest is counted together
REST = "…"
SQUEEZED_POINTS, SQUEEZED_RATIO = 0.02, 1.25  # ours: an alarm also needs 2 points and a quarter more than the others


@dataclass(frozen=True)
class Effect:
    """One group under one step.

    n examples of the group before the step, n_touched of them left out (or changed, or flagged) by it; share =
    n_touched / n with its 95 % Wilson interval low to high; `others` is the share touched outside the group;
    share_before and share_after are the group's shares of all examples. `p` is the chance that a random choice of as
    many examples takes at least n_touched of this group (hypergeometric), `q` the same after correction over all
    groups of all steps; NaN where nothing is left out.
    """

    attribute: str
    value: str
    n: int
    n_touched: int
    share: float
    low: float
    high: float
    others: float
    share_before: float
    share_after: float
    p: float
    q: float = float("nan")
    is_squeezed: bool = False

    @property
    def is_small(self) -> bool:
        """True where the counts are too few for the share to mean much."""
        return self.n < SMALL_GROUP

    def to_json(self) -> dict[str, Any]:
        """For a report; NaN becomes null."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def effect_from_json(value: Mapping[str, Any]) -> Effect:
    """The inverse of `Effect.to_json`."""
    return Effect(**{name: float("nan") if item is None else item for name, item in value.items()})


class Groups:
    """The group attributes of a snapshot as codes, so that every step is counted in one pass.

    Args:
        groups: attribute -> value (or None) of each of n examples.
    """

    def __init__(self, groups: Mapping[str, Sequence[str | None]]) -> None:
        self._coded: dict[str, tuple[list[str], Array]] = {}
        for name, values in groups.items():
            counts = Counter(value for value in values if value is not None)
            common = [value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_VALUES]]
            names = common + ([REST] if len(counts) > len(common) else [])
            code_of = {value: i for i, value in enumerate(common)}
            rest = len(common)
            codes = [-1 if value is None else code_of.get(value, rest) for value in values]
            if len(names) > 1:  # a group that holds everything cannot gain or lose
                self._coded[name] = (names, np.array(codes, dtype=np.int64))

    def effects(self, before: Array, touched: Array, *, leaves: bool) -> list[Effect]:
        """Every group under one step.

        Args:
            before: (n,) bool, the examples the step looked at.
            touched: (n,) bool, those it left out, changed or flagged.
            leaves: True when the touched ones leave, which changes shares and is tested.
        """
        found = []
        n_before, n_touched = int(before.sum()), int((before & touched).sum())
        n_after = n_before - n_touched if leaves else n_before
        for attribute, (names, codes) in self._coded.items():
            here = before & (codes >= 0)
            counts = np.bincount(codes[here], minlength=len(names))
            hits = np.bincount(codes[here & touched], minlength=len(names))
            for value, n, k in zip(names, counts.tolist(), hits.tolist(), strict=True):
                if not n:
                    continue
                low, high = wilson_pair(k, n)
                left = n - k if leaves else n
                p = float(stats.hypergeom.sf(k - 1, n_before, n, n_touched)) if leaves and n_touched else np.nan
                found.append(Effect(
                    attribute, value, n, k, k / n, low, high,
                    (n_touched - k) / (n_before - n) if n_before > n else 0.0,
                    n / n_before, left / n_after if n_after else 0.0, p,
                ))  # fmt: skip
        return found


def judged(effects: Sequence[Sequence[Effect]]) -> list[list[Effect]]:
    """The same effects with q-values over all of them, and the squeezed groups marked.

    Squeezed: q < 0.05, at least 50 examples, a share left out that is 2 points and a quarter above that of the others;
    or a group of any size of which nothing is left while most of the others stay.

    Paper: benjamini-hochberg-1995. Limits: near-copies leave together, so examples are not independent and p is
    somewhat too small; that is why an alarm needs an effect as well.
    """
    q = iter(corrected_q(np.array([one.p for row in effects for one in row], dtype=np.float64)).tolist())
    return [[_judged(one, next(q)) for one in row] for row in effects]


def _judged(one: Effect, q: float) -> Effect:
    tested = one.p == one.p
    strong = one.share - one.others >= SQUEEZED_POINTS and one.share >= SQUEEZED_RATIO * one.others
    gone = tested and one.n_touched == one.n and one.others < 0.5
    return replace(one, q=q, is_squeezed=bool(gone or (tested and q < ALPHA and strong and not one.is_small)))
