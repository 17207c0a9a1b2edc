"""What a training run will do, frozen and checked before anything is loaded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import PlanError

BASES: tuple[str, ...] = ("minilm", "characters", "ngrams")
METHODS: tuple[str, ...] = ("linear_probe", "lora", "frozen", "full")
#: Methods each built-in base allows: a model from scratch has nothing worth keeping frozen, n-grams have no network.
METHODS_OF_BASE: Mapping[str, tuple[str, ...]] = {
    "minilm": METHODS, "characters": ("full",), "ngrams": ("linear_probe",),
}  # fmt: skip
MINILM_LAYERS = 6
MAX_POSITIONS = 512


@dataclass(frozen=True)
class TrainPlan:
    """Everything that decides a fit besides the data.

    `base` is minilm, characters (a small encoder from scratch), ngrams (character n-grams, no network) or the path of
    a model folder on the host's allow-list. `lr` is the peak of a linear schedule; `warmup_share` is the share of the
    steps spent reaching it; `patience` counts evaluations without a better macro-F1 (0 = never stop early);
    `frozen_layers` counts from the embeddings up; `probe_c` is the inverse regularisation of the logistic head.
    """

    base: str = "minilm"
    method: str = "lora"
    epochs: int = 6
    lr: float = 1e-3
    batch_size: int = 16
    accumulation: int = 1
    max_length: int = 128
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.1
    max_grad_norm: float = 1.0
    patience: int = 3
    lora_rank: int = 8
    lora_alpha: int = 16
    lora_targets: tuple[str, ...] = ("query", "value")
    frozen_layers: int = 0
    warmup_epochs: int = 0
    probe_c: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a plan that contradicts itself, naming both values.

        Raises:
            PlanError: a value out of range, or two that cannot go together.
        """
        object.__setattr__(self, "lora_targets", tuple(self.lora_targets))
        self._check_names()
        self._check_ranges()
        self._check_pairs()

    def _check_names(self) -> None:
        if not self.base.strip():
            raise PlanError("A plan needs a base model", got=self.base, fix=f"Choose one of {', '.join(BASES)}.")
        if self.method not in METHODS:
            raise PlanError(
                "This training method is not known", got=self.method, fix=f"Choose one of {', '.join(METHODS)}."
            )

    def _check_ranges(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and low <= value <= high):
                raise PlanError(f"{name} is out of range", got=value, fix=f"Choose a value from {low:g} to {high:g}.")
        for name in _WHOLE:
            if getattr(self, name) != int(getattr(self, name)):
                raise PlanError(
                    f"{name} must be a whole number", got=getattr(self, name), fix="Leave the fraction out."
                )

    def _check_pairs(self) -> None:
        allowed = METHODS_OF_BASE.get(self.base, METHODS)
        if self.method not in allowed:
            raise PlanError(
                "This base model cannot be trained by this method",
                got=f"base={self.base}, method={self.method}",
                fix=f"Choose {' or '.join(allowed)}.",
            )
        if self.method == "frozen" and self.frozen_layers < 1:
            raise PlanError(
                "Training with frozen layers needs at least one frozen layer",
                got=f"method=frozen, frozen_layers={self.frozen_layers}",
                fix="Freeze 1 layer or more.",
            )
        if self.method != "frozen" and self.frozen_layers:
            raise PlanError(
                "Only the method frozen freezes layers",
                got=f"method={self.method}, frozen_layers={self.frozen_layers}",
                fix="Set frozen_layers to 0 or choose method frozen.",
            )
        if self.base == "minilm" and self.frozen_layers > MINILM_LAYERS:
            raise PlanError(
                f"MiniLM has {MINILM_LAYERS} layers",
                got=f"frozen_layers={self.frozen_layers}",
                fix=f"Freeze at most {MINILM_LAYERS}.",
            )
        if self.method == "lora":
            _check_targets(self.lora_targets)
        if self.base == "ngrams" and self.method == "linear_probe":
            return
        if self.warmup_epochs and self.base != "characters":
            raise PlanError(
                "Only a model from scratch is warmed up by masked characters",
                got=f"base={self.base}, warmup_epochs={self.warmup_epochs}",
                fix="Set warmup_epochs to 0.",
            )

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return {**dataclasses.asdict(self), "lora_targets": list(self.lora_targets)}

    @property
    def uses_gradients(self) -> bool:
        """True when the fit takes optimiser steps; False for a closed-form head."""
        return self.method != "linear_probe"


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("epochs", 1, 200), ("lr", 1e-7, 1.0), ("batch_size", 1, 1024), ("accumulation", 1, 256),
    ("max_length", 8, MAX_POSITIONS), ("warmup_share", 0.0, 0.9), ("weight_decay", 0.0, 1.0), ("dropout", 0.0, 0.9),
    ("max_grad_norm", 1e-3, 100.0), ("patience", 0, 100), ("lora_rank", 1, 256), ("lora_alpha", 1, 1024),
    ("frozen_layers", 0, 96), ("warmup_epochs", 0, 200), ("probe_c", 1e-4, 1e4), ("seed", 0, 2**31 - 1),
)  # fmt: skip
_WHOLE = ("epochs", "batch_size", "accumulation", "max_length", "patience", "lora_rank", "lora_alpha", "frozen_layers",
          "warmup_epochs", "seed")  # fmt: skip


def _check_targets(targets: tuple[str, ...]) -> None:
    """Adapter targets are named one by one: "all-linear" would wrap the classification head as well (peft#2027)."""
    if not targets:
        raise PlanError(
            "LoRA needs the names of the layers it adapts",
            got="lora_targets=()",
            fix="Name at least one, such as query and value.",
        )
    bad = [name for name in targets if name in ("all-linear", "head") or not name.replace(".", "").isidentifier()]
    if bad:
        raise PlanError(
            "LoRA cannot adapt these layers",
            got=f"method=lora, lora_targets={', '.join(bad)}",
            fix="Name attention or feed-forward layers, such as query, key, value, dense.",
        )


def defaults(base: str, method: str, seed: int = 0) -> TrainPlan:
    """The plan a person gets before touching anything (ours, chosen by the runs written down in docs/log.md).

    Raises:
        PlanError: the method does not fit the base.
    """
    values: dict[str, Any] = {"base": base, "method": method, "seed": seed, **_DEFAULTS.get(method, {})}
    if base == "characters":
        values.update(_SCRATCH)
    return TrainPlan(**values)


_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "linear_probe": {"epochs": 1, "lr": 1.0},
    "lora": {"epochs": 10, "lr": 2e-3},
    "frozen": {"epochs": 8, "lr": 1e-4, "frozen_layers": 4},
    "full": {"epochs": 8, "lr": 5e-5},
}
_SCRATCH: Mapping[str, Any] = {"epochs": 10, "lr": 5e-4, "warmup_epochs": 6, "batch_size": 32}


def from_json(values: Mapping[str, Any]) -> TrainPlan:
    """A plan from JSON values; keys that are missing take the defaults of its base and method.

    Raises:
        PlanError: an unknown key or a bad value.
    """
    names = {f.name for f in dataclasses.fields(TrainPlan)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise PlanError(
            "The plan holds settings that are not known",
            got=", ".join(unknown),
            fix=f"Use only: {', '.join(sorted(names))}.",
        )
    start = defaults(str(values.get("base", "minilm")), str(values.get("method", "lora")))
    try:
        return dataclasses.replace(start, **values)
    except TypeError as error:
        raise PlanError("The plan holds a value of the wrong kind", got=str(error), fix="Use numbers.") from error


def check_allowed(plan: TrainPlan, allow_list: tuple[str, ...]) -> None:
    """Refuse a base that is neither built in nor on the host's allow-list.

    Raises:
        PlanError: the base is not allowed.
    """
    if plan.base not in BASES and plan.base not in allow_list:
        raise PlanError(
            "This base model is not on the allow-list",
            got=plan.base,
            fix="Ask the host to add its folder to STUDIO_MODELS, or choose a built-in one.",
        )
