"""What a loop is started with: checked once, frozen, kept in its row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.annotation import batches, stopping
from studio.errors import AnnotationError

ANNOTATORS: tuple[str, ...] = ("human", "simulated")


@dataclass(frozen=True)
class LoopConfig:
    """The settings of a loop. Shares and epsilon are in [0, 1].

    `seed_labels` random labels start it, each batch has `batch` examples of which `control_share` are drawn at random;
    `by` is margin, entropy or least_confidence; `plan` is a training plan as JSON; `compare_random` trains a second
    model each round on as many randomly drawn labels (simulated annotator only). `actor_name` and `actor_role` are who
    the later steps are done for.

    Raises:
        AnnotationError: a value out of range, or two that cannot go together.
    """

    seed_labels: int = 100
    batch: int = 50
    control_share: float = batches.DEFAULT_CONTROL_SHARE
    by: str = "margin"
    annotator: str = "human"
    error_rate: float = 0.0
    compare_random: bool = False
    rule: str = stopping.DEFAULT_RULE
    epsilon: float = 0.02
    patience: int = 2
    min_validation: int = 200
    max_rounds: int = 10
    seed: int = 0
    plan: Mapping[str, Any] = field(default_factory=dict)
    actor_name: str = "local"
    actor_role: str = "analyst"

    def __post_init__(self) -> None:
        """Check every field and the fields against each other."""
        if self.seed_labels < 2 or self.batch < 1:
            raise AnnotationError(
                "A loop needs at least 2 labels to start with and 1 per batch",
                got=f"{self.seed_labels} and {self.batch}",
                fix="Start with 100 and label 50 at a time.",
            )
        if not 0 <= self.control_share <= 1:
            raise AnnotationError(
                "The random share of a batch must lie between 0 and 1", got=self.control_share, fix="Use 0.2 for 20 %."
            )
        if self.annotator not in ANNOTATORS:
            raise AnnotationError(
                "There is no such annotator", got=self.annotator, fix=f"Use one of {', '.join(ANNOTATORS)}."
            )
        if self.compare_random and self.annotator != "simulated":
            raise AnnotationError(
                "A random-selection line needs labels for examples nobody labelled",
                got="compare_random with a human annotator",
                fix="Use the simulated annotator, or leave the comparison out.",
            )
        if self.by not in ("margin", "entropy", "least_confidence"):
            raise AnnotationError("There is no such order", got=self.by, fix="Use margin, entropy or least_confidence.")
        stopping.rule(self.rule)
        self.stop_settings()

    def stop_settings(self) -> stopping.StopSettings:
        """The thresholds of the stopping rules."""
        return stopping.StopSettings(self.epsilon, self.patience, self.min_validation, self.max_rounds)

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return dataclasses.asdict(self) | {"plan": dict(self.plan)}


def from_json(values: Mapping[str, Any]) -> LoopConfig:
    """The inverse of `to_json`; unknown keys (of a newer Winnow) are left out."""
    known = {item.name for item in dataclasses.fields(LoopConfig)}
    return LoopConfig(**{key: value for key, value in values.items() if key in known})
