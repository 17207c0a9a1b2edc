"""A recipe: everything that decides who gets in, as one frozen record with a canonical JSON form."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from studio.errors import SelectionError
from studio.records import VIEWS, Condition
from studio.selection.combine import MISSING, check_weights
from studio.selection.live import Rule
from studio.selection.unit_scores import MODES
from studio.selection.weights import DEFAULT_WEIGHTS, normalise_url_weights

VERSION = 2
READ = (1, 2)  # versions that are still read; 1 knew neither scales, bands, thresholds, filters nor quotas by column
RANKED = ("weighted_sum",)  # strategies that are the live ranking itself, explained part by part
OWN_FILTER = ("deita",)  # strategies whose near-duplicate filter is their own: tau is theirs, a second one says nothing
# strategies that look at the weighted score
WEIGHTED = ("weighted_sum", "facility_location", "k_center", "mmr", "sampled")
COVERING = ("facility_location", "k_center", "mmr")  # strategies that compare candidates with one another
_CLUSTER = "cluster"


@dataclass(frozen=True)
class Recipe:
    """How to choose; columns are cluster, group_<name>, source, language or predicted.

    inner: measure -> its weight inside its view (empty = the defaults); scale: how values become scores from 0 to 1;
    bands: view or measure -> the score that is wanted most, 0 to 1; best: measure -> keep only its best so many percent
    of the pool; bounds: measure -> raw value that must be reached, on the wanted side; filters: conditions an example
    must meet; caps: column -> most examples of any one key; alpha: cluster quotas proportional to size^alpha; quotas:
    the same for other columns; targets: column -> key -> the share it should have; tau: the cosine similarity above
    which only the better of two examples is kept; balance: for `mmr`, the weight of the score against being unlike;
    temperature: for `sampled`, 0 = the best scores, the higher the more by chance.
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
    scale: str = "quantile"
    bands: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, float] = field(default_factory=dict)
    filters: tuple[Condition, ...] = ()
    quotas: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    balance: float = 0.5
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values that no strategy can use.

        Raises:
            SelectionError: naming the value.
        """
        check_weights(self.weights)
        if not isinstance(self.budget, int) or self.budget < 1:
            raise SelectionError("The budget must be at least 1", got=self.budget, fix="Choose how many examples.")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise SelectionError("A seed is a whole number of 0 or more", got=self.seed, fix="Leave it at 0.")
        if self.missing not in MISSING or self.view not in VIEWS or self.scale not in MODES:
            got = f"{self.missing}, {self.view}, {self.scale}"
            raise SelectionError("This recipe cannot be used", got=got, fix="Reload it.")
        if any(not isinstance(limit, int) or limit < 1 for limit in self.caps.values()):
            raise SelectionError("A limit must let at least one example in", got=dict(self.caps), fix="Raise it.")
        if self.tau is not None and not -1.0 < self.tau <= 1.0:
            raise SelectionError("Similarity must lie between -1 and 1", got=self.tau, fix="Choose for example 0.9.")
        for alpha in (self.alpha, *self.quotas.values()):
            if alpha is not None and not 0.0 <= alpha <= 1.0:
                raise SelectionError("Alpha must lie between 0 and 1", got=alpha, fix="Choose a value in between.")
        self._check_scores()
        self._check_targets()

    def _check_scores(self) -> None:
        if not all(_finite(weight) and weight >= 0 for weight in self.inner.values()):
            raise SelectionError("A measure's weight must be 0 or more", got=dict(self.inner), fix="Raise it.")
        if not all(_finite(centre) and 0.0 <= centre <= 1.0 for centre in self.bands.values()):
            raise SelectionError("The wanted score must lie between 0 and 1", got=dict(self.bands), fix="Move it.")
        if not all(_finite(percent) and 0.0 < percent <= 100.0 for percent in self.best.values()):
            raise SelectionError("The best part of a measure is above 0 and at most 100 percent", got=dict(self.best),
                                 fix="Choose for example 50.")  # fmt: skip
        if not all(_finite(value) for value in self.bounds.values()):
            raise SelectionError("A threshold must be a number", got=dict(self.bounds), fix="Type one, such as 0.5.")
        if not (_finite(self.temperature) and self.temperature >= 0.0):
            raise SelectionError("The temperature must be 0 or more", got=self.temperature, fix="Choose for example 1.")
        if not 0.0 <= self.balance <= 1.0:
            raise SelectionError(
                "The balance must lie between 0 and 1", got=self.balance, fix="Choose for example 0.5."
            )

    def _check_targets(self) -> None:
        twice = sorted((set(self.quotas) | ({_CLUSTER} if self.alpha is not None else set())) & set(self.targets))
        if twice or (self.alpha is not None and _CLUSTER in self.quotas):
            raise SelectionError("One column has two quotas", got=", ".join(twice) or _CLUSTER, fix="Keep one of them.")
        for column, shares in self.targets.items():
            good = shares and all(_finite(share) and share >= 0 for share in shares.values())
            if not good or not math.fsum(shares.values()) > 0:
                raise SelectionError("Target shares must be 0 or more and not all 0", got=f"{column}: {dict(shares)}",
                                     fix="Give each group its share.")  # fmt: skip

    @property
    def rule(self) -> Rule:
        """Caps, quotas and filter as the live ranking takes them; they hold for every strategy."""
        near = self.tau is not None and self.strategy not in OWN_FILTER
        targets = {name: dict(own) for name, own in self.targets.items()}
        return Rule(caps=dict(self.caps), alpha=self.alpha, near=near, missing=self.missing,
                    quotas=dict(self.quotas), targets=targets)  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; equal recipes give equal text."""
        plain = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}
        plain["filters"] = [[clause.column, clause.op, clause.value] for clause in self.filters]
        return {"version": VERSION, **plain}


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _plain(value: Any) -> Any:
    return {str(key): _plain(own) for key, own in sorted(value.items())} if isinstance(value, Mapping) else value


def recipe_hash(recipe: Recipe, snapshot_id: str) -> str:
    """Twelve hex digits of a recipe and the snapshot it is for, as a share link carries them."""
    text = json.dumps([snapshot_id, recipe.to_json()], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def recipe_from_json(value: Mapping[str, Any]) -> Recipe:
    """The inverse of `Recipe.to_json`; also reads version 1 and stored recipes, whose inner weights stand by view.

    Unknown keys are left out, weights are normalised. What version 1 did not know takes defaults that do nothing.

    Raises:
        SelectionError: another version, or values that cannot be used.
    """
    if value.get("version") not in READ:
        raise SelectionError("The recipe was written by another Winnow", got=value.get("version"),
                             fix=f"Use a recipe of version {VERSION}.")  # fmt: skip
    known = {name: value[name] for name in Recipe.__dataclass_fields__ if name in value}
    try:
        known["weights"] = normalise_url_weights(known.get("weights", {}))
        known["inner"] = _flat(known.get("inner", {}))
        known["filters"] = tuple(Condition(str(c), str(op), own) for c, op, own in known.get("filters", ()))
        return Recipe(**known)
    except (TypeError, ValueError, AttributeError) as error:
        raise SelectionError("The recipe cannot be read", got=str(error), fix="Freeze it again.") from error


def _flat(inner: Mapping[str, Any]) -> dict[str, float]:
    """Measure -> weight, whether they stand by view or not."""
    flat: dict[str, float] = {}
    for name, own in inner.items():
        flat |= {str(measure): weight for measure, weight in own.items()} if isinstance(own, Mapping) else {name: own}
    return flat


def check_snapshot(value: Mapping[str, Any], snapshot_id: str) -> None:
    """Refuse a stored recipe that was frozen for another snapshot: its ids, clusters and scores are not there.

    Raises:
        SelectionError: it names another snapshot.
    """
    made_for = value.get("snapshot")
    if made_for not in (None, "", snapshot_id):
        raise SelectionError(
            "This recipe was made for another version of the data",
            got=str(made_for)[:40],
            fix="Open that version, or leave its line “snapshot” out to use the settings here.",
        )
