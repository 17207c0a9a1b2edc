"""How long a fit will take and how much memory it will need: an estimate, said to be one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from studio.training.plan import TrainPlan

#: Tokens per second of one training step, measured on 2 cores of an AMD EPYC with torch 2.13 (docs/log.md).
#: A workspace that has trained before uses its own measured speed instead.
REFERENCE_SPEED: Mapping[tuple[str, str], float] = {
    ("minilm", "lora"): 2400.0, ("minilm", "frozen"): 3000.0, ("minilm", "full"): 1900.0,
    ("minilm", "linear_probe"): 8000.0, ("characters", "full"): 9000.0, ("ngrams", "linear_probe"): 60_000.0,
}  # fmt: skip
GPU_SPEED_UP = 40.0
START_S = 8.0
#: An estimate is shown as a range: this factor below and above (other work on the machine, uneven text lengths).
SPREAD = 2.0
_PARAMETERS: Mapping[str, float] = {"minilm": 22.7e6, "characters": 3.0e6, "ngrams": 5.0e6}
_WIDTH: Mapping[str, tuple[int, int]] = {"minilm": (384, 6), "characters": (192, 3), "ngrams": (0, 0)}
_PROCESS_BYTES = 700 * 1024**2


@dataclass(frozen=True)
class Estimate:
    """Seconds with a range, bytes of memory, optimiser steps; `measured` is True for a speed of this workspace."""

    seconds: float
    low_s: float
    high_s: float
    memory_bytes: int
    steps: int
    measured: bool


def estimate(
    plan: TrainPlan,
    n: int,
    average_tokens: float,
    *,
    device: str = "cpu",
    n_corpus: int = 0,
    n_pool: int = 0,
    speed: float | None = None,
) -> Estimate:
    """What a plan will cost on n labelled texts.

    seconds = start + tokens seen / speed, where tokens seen = n x epochs (x 1.3 for padding) plus the warm-up of a
    model from scratch and one third of a step's cost for every text that is only predicted.

    Args:
        plan: the plan.
        n: training rows.
        average_tokens: mean tokens per text (cut at max_length).
        device: cpu, cuda or mps.
        n_corpus: texts read by a warm-up.
        n_pool: texts that the finished model scores.
        speed: tokens per second of an earlier round of the same base and method here, when there is one.
    """
    tokens = min(average_tokens, plan.max_length) * 1.3
    passes = plan.epochs if plan.uses_gradients else 1
    seen = n * passes * tokens + plan.warmup_epochs * n_corpus * tokens + n_pool * tokens / 3
    pace = speed or REFERENCE_SPEED.get((plan.base, plan.method), REFERENCE_SPEED[("minilm", "full")])
    if speed is None and device == "cuda":
        pace *= GPU_SPEED_UP
    seconds = START_S + seen / pace
    steps = math.ceil(math.ceil(n / plan.batch_size) / plan.accumulation) * plan.epochs if plan.uses_gradients else 0
    return Estimate(seconds, seconds / SPREAD, seconds * SPREAD, memory(plan), steps, speed is not None)


def memory(plan: TrainPlan) -> int:
    """Bytes at the peak: the process, weights, gradients and Adam's two moments, and the activations of one batch."""
    parameters = _PARAMETERS.get(plan.base, 110e6)
    width, layers = _WIDTH.get(plan.base, (768, 12))
    trained = parameters if plan.method in ("full", "frozen") else 0.0
    activations = plan.batch_size * plan.max_length * width * max(layers, 1) * 34 * 4 / 2
    return int(_PROCESS_BYTES + 4 * (parameters + 3 * trained) + (activations if plan.uses_gradients else 0))
