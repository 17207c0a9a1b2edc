"""Where a group gets lost: its counts at every step from the pool to the train set, each step held against chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from studio.errors import SelectionError
from studio.records import Array
from studio.selection.bands import Band, correct_together, hypergeometric_bands

STEPS: tuple[str, ...] = ("pool", "filtered", "selected", "annotated", "train")


@dataclass(frozen=True)
class Stage:
    """One step of one column.

    counts (k + 1,) members of each key, the missing key first. since: bands of a random draw of this size from the step
    before, one per key with members there; overall: the same from the first step. Both empty for the first step.
    """

    name: str
    n: int
    counts: Array
    since: tuple[Band, ...] = ()
    overall: tuple[Band, ...] = ()


@dataclass(frozen=True)
class Funnel:
    """The steps of every column; bands are corrected over all columns and steps, `since` and `overall` each alone."""

    columns: Mapping[str, tuple[Stage, ...]]

    @property
    def n_compared(self) -> int:
        """How many groups of 50 and more are held against chance; a step that leaves everybody in compares nothing."""
        return sum(not band.is_small for stages in self.columns.values()
                   for before, stage in pairwise(stages) if stage.n != before.n for band in stage.since)  # fmt: skip

    def alarms(self) -> list[tuple[str, str, Band]]:
        """(column, step, band) of every group of 50 and more that a step treats unlike chance, farthest first."""
        found = [(column, stage.name, band) for column, stages in self.columns.items() for stage in stages
                 for band in stage.since if band.verdict in ("fewer", "more") and not band.is_small]  # fmt: skip
        return sorted(found, key=lambda one: (one[0] == "cluster", -abs(one[2].picked - one[2].expected)
                                              / max(one[2].expected, 1.0), one[0], one[1], one[2].code))  # fmt: skip


def funnel(columns: Mapping[str, tuple[Array, int]], steps: Sequence[tuple[str, Array]]) -> Funnel:
    """Counts of every column at every step, and the exact bands of chance between steps.

    Args:
        columns: name -> ((n,) int codes of the same rows, -1 = missing; how many keys the column has).
        steps: (name, (n,) bool who is still there), each a part of the one before.

    Returns:
        The funnel; a column whose codes say -2 for a row does not know that row: its steps start where all are known.

    Raises:
        SelectionError: a step that is not a part of the one before.
    """
    for (_, before), (name, now) in zip(steps, steps[1:], strict=False):
        if (now & ~before).any():
            raise SelectionError("A step of the funnel cannot hold more than the one before", got=name,
                                 fix="Count the same examples.")  # fmt: skip
    whole: dict[str, list[Stage]] = {}
    for column, (codes, k) in columns.items():
        codes = np.asarray(codes, dtype=np.int64)
        known = [(name, inside) for name, inside in steps if not (codes[inside] == -2).any()]
        counted = [(name, np.bincount(codes[inside] + 1, minlength=k + 1)) for name, inside in known]
        whole[column] = [Stage(name, int(counts.sum()), counts) for name, counts in counted]
    return Funnel(_with_bands(whole))


def _with_bands(whole: Mapping[str, Sequence[Stage]]) -> dict[str, tuple[Stage, ...]]:
    """Bands between neighbouring steps and from the first one, each kind corrected over every column and step.

    A step that leaves everybody in compares nothing, so it is none of the comparisons that are corrected together.
    """
    places = [(column, at) for column, stages in whole.items() for at in range(1, len(stages))]
    kinds = []
    for is_since in (True, False):
        raw = [hypergeometric_bands(whole[column][at - 1 if is_since else 0].counts, whole[column][at].counts)
               for column, at in places]  # fmt: skip
        moving = [at for at, (column, step) in enumerate(places)
                  if whole[column][step].n != whole[column][step - 1 if is_since else 0].n]  # fmt: skip
        for at, bands in zip(moving, correct_together([raw[at] for at in moving]), strict=True):
            raw[at] = bands
        kinds.append(dict(zip(places, raw, strict=True)))
    since, overall = kinds
    return {
        column: tuple(
            Stage(stage.name, stage.n, stage.counts, tuple(since.get((column, at), ())),
                  tuple(overall.get((column, at), ())))
            for at, stage in enumerate(stages)
        )
        for column, stages in whole.items()
    }  # fmt: skip
