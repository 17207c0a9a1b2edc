"""What a diversity measure is, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from studio.diversity.rows import Rows

GROUPS: tuple[str, ...] = ("meaning", "words", "repetition", "shape", "instructions")
# What a higher number says: more varied, less varied, closer to the reference, further from it, or neither.
Direction = Literal["varied", "repeated", "close", "apart", "neither"]
DIRECTIONS: tuple[Direction, ...] = ("varied", "repeated", "close", "apart", "neither")


@dataclass(frozen=True)
class Number:
    """A value with what its sentence needs, or NaN with the reason as the last part of `diversity.reason.<reason>`."""

    value: float
    reason: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DiversityMeasure:
    """One number per set of examples.

    name: unique, part of the stored key together with `version`. group: the part of the table it stands in. title: a
    words key. needs: fields of `Rows` that must be there. unit: a words key under `diversity.unit`. direction: what a
    higher number says. by_size: True where the number moves with how many examples there are, so that only sets of one
    size may be compared. most: the largest number of examples it is worked out on in a comparison; more are sampled.
    """

    name: str
    group: str
    title: str
    needs: tuple[str, ...]
    unit: str
    direction: Direction
    by_size: bool
    most: int
    version: int
    paper: str
    compute: Callable[[Rows], Number]


MOST = 20_000  # ours: a hundred draws of so many short texts take about a minute on two cores
MOST_PAIRS = 2_000  # ours: for measures that look at all pairs of examples; a draw takes a tenth of a second


def undefined(reason: str, **values: Any) -> Number:
    """No number, and why."""
    return Number(float("nan"), reason, values)
