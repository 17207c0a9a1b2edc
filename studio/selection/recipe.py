"""A recipe: everything that decides who gets in, as one frozen record with a canonical JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from studio.errors import SelectionError
from studio.records import VIEWS
from studio.selection.combine import MISSING, check_weights
from studio.selection.live import Rule
from studio.selection.weights import DEFAULT_WEIGHTS, normalise_url_weights

VERSION = 1
LIMITED = ("weighted_sum",)  # strategies that caps, quotas and the near-duplicate filter apply to
WEIGHTED = ("weighted_sum", "facility_location", "k_center")  # strategies that look at the weighted score


@dataclass(frozen=True)
class Recipe:
    """How to choose. `inner` maps measure -> its weight inside its view (empty = the defaults).

    `caps` maps a column (cluster, group_<name>) to the most examples of any one key; `alpha` asks for cluster quotas
    proportional to size^alpha; `tau` is the cosine similarity above which only the better of two examples is kept.
    """

    strategy: str = "weighted_sum"
    weights: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    budget: int = 100
    caps: Mapping[str, int] = field(default_factory=dict)
    alpha: float | None = None
    tau: float | None = None
    missing: str = "leave_out"
    inner: Mapping[str, float] = field(default_factory=dict)
    view: str = "difficulty"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that no strategy can use.

        Raises:
            SelectionError: naming the value.
        """
        check_weights(self.weights)
        if not isinstance(self.budget, int) or self.budget < 1:
            raise SelectionError("The budget must be at least 1", got=self.budget, fix="Choose how many examples.")
        if self.missing not in MISSING or self.view not in VIEWS:
            raise SelectionError("This recipe cannot be used", got=f"{self.missing}, {self.view}", fix="Reload it.")
        if any(not isinstance(limit, int) or limit < 1 for limit in self.caps.values()):
            raise SelectionError("A limit must let at least one example in", got=dict(self.caps), fix="Raise it.")
        if self.tau is not None and not -1.0 < self.tau <= 1.0:
            raise SelectionError("Similarity must lie between -1 and 1", got=self.tau, fix="Choose for example 0.9.")
        if self.alpha is not None and not 0.0 <= self.alpha <= 1.0:
            raise SelectionError("Alpha must lie between 0 and 1", got=self.alpha, fix="Choose a value in between.")

    @property
    def rule(self) -> Rule:
        """Caps, quotas and filter as the live ranking takes them; empty for strategies they do not apply to."""
        if self.strategy not in LIMITED:
            return Rule(missing=self.missing)
        return Rule(caps=dict(self.caps), alpha=self.alpha, near=self.tau is not None, missing=self.missing)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; equal recipes give equal text."""
        return {"version": VERSION, **asdict(self)}


def recipe_from_json(value: Mapping[str, Any]) -> Recipe:
    """The inverse of `Recipe.to_json`; unknown keys are left out, weights are normalised.

    Raises:
        SelectionError: another version, or values that cannot be used.
    """
    if value.get("version") != VERSION:
        raise SelectionError("The recipe was written by another Winnow", got=value.get("version"),
                             fix=f"Use a recipe of version {VERSION}.")  # fmt: skip
    known = {name: value[name] for name in Recipe.__dataclass_fields__ if name in value}
    known["weights"] = normalise_url_weights(known.get("weights", {}))
    try:
        return Recipe(**known)
    except TypeError as error:
        raise SelectionError("The recipe cannot be read", got=str(error), fix="Freeze it again.") from error
