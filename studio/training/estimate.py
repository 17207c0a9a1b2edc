"""How long a fit will take and how much memory it will need: an estimate, said to be one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from studio.training.plan import TrainPlan

#: Training tokens per second of ONE core: processor time of a single thread (Intel Xeon with AMX-BF16, torch 2.13,
#: demo texts of 44 pieces or 52 characters, docs/log.md). For MiniLM's probe it is the speed of embedding.
#: A workspace that has trained before uses its own measured pace instead.
REFERENCE_SPEED: Mapping[tuple[str, str], float] = {
    ("minilm", "lora"): 940.0, ("minilm", "frozen"): 1160.0, ("minilm", "full"): 670.0,
    ("minilm", "linear_probe"): 4900.0, ("characters", "full"): 4000.0, ("ngrams", "linear_probe"): 43_000.0,
}  # fmt: skip
#: What a token costs that is only predicted, as a share of one that is trained on; measured in the same runs.
PREDICTED: Mapping[tuple[str, str], float] = {
    ("minilm", "lora"): 0.20, ("minilm", "frozen"): 0.22, ("minilm", "full"): 0.12,
    ("minilm", "linear_probe"): 1.0, ("characters", "full"): 0.13, ("ngrams", "linear_probe"): 0.14,
}  # fmt: skip
CORES_POWER = 0.85  # ours: two cores do 1.8 times the work of one, eight not quite six times
GPU_SPEED_UP = 40.0  # ours, never measured here: the shown range is wide, and the first round replaces it
START_S = 8.0  # ours: a worker's start, torch's import and the weights; 4 s of processor time measured
AGAIN_S = 2.0  # ours: what a further training in the same process costs besides its work: weights, rows, checkpoints
PADDING = 1.3  # ours: batches are as long as their longest text
#: An estimate is shown as a range: this factor below and above (other work on the machine, uneven text lengths).
SPREAD = 2.0
_PARAMETERS: Mapping[str, float] = {"minilm": 22.7e6, "characters": 3.0e6, "ngrams": 5.0e6}
_WIDTH: Mapping[str, tuple[int, int]] = {"minilm": (384, 6), "characters": (192, 3), "ngrams": (0, 0)}
_PROCESS_BYTES = 700 * 1024**2


@dataclass(frozen=True)
class Estimate:
    """Seconds with a range, bytes of memory, optimiser steps; `measured` is True for a pace of this workspace."""

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
    cores: int = 1,
    n_corpus: int = 0,
    n_pool: int = 0,
    has_vectors: bool = False,
    pace: float | None = None,
) -> Estimate:
    """What a plan will cost on n labelled texts: seconds = start + work / pace.

    Args:
        plan: the plan.
        n: training rows.
        average_tokens: mean tokens per text (cut at max_length).
        device: cpu, cuda or mps.
        cores: cores a worker may use.
        n_corpus: texts read by a warm-up.
        n_pool: texts that the finished model scores.
        has_vectors: stored vectors stand in for MiniLM's own, so its probe reads no text.
        pace: work per second of an earlier round of the same base and method on this device, when there is one.
    """
    amount = work(plan, n, average_tokens, n_corpus=n_corpus, n_pool=n_pool, has_vectors=has_vectors)
    speed = pace or REFERENCE_SPEED.get((plan.base, plan.method), REFERENCE_SPEED[("minilm", "full")])
    if pace is None:
        speed *= GPU_SPEED_UP if device == "cuda" else max(cores, 1) ** CORES_POWER
    seconds = START_S + amount / speed
    steps = math.ceil(math.ceil(n / plan.batch_size) / plan.accumulation) * plan.epochs if plan.uses_gradients else 0
    return Estimate(seconds, seconds / SPREAD, seconds * SPREAD, memory(plan), steps, pace is not None)


def of_many(one: Estimate, n: int) -> Estimate:
    """N trainings like this one in a single process: it starts once, and each of them costs its work and a little."""
    seconds = START_S + n * (one.seconds - START_S + AGAIN_S)
    return replace(one, seconds=seconds, low_s=seconds / SPREAD, high_s=seconds * SPREAD, steps=n * one.steps)


def work(
    plan: TrainPlan,
    n: int,
    average_tokens: float,
    *,
    n_corpus: int = 0,
    n_pool: int = 0,
    has_vectors: bool = False,
    epochs: float | None = None,
) -> float:
    """Tokens of work, as trained ones count: n x epochs, the warm-up, and what is predicted at its share; padded.

    Args:
        plan: the plan.
        n: training rows.
        average_tokens: mean tokens per text.
        n_corpus: texts read by a warm-up.
        n_pool: texts that are predicted.
        has_vectors: see `estimate`.
        epochs: passes really made, when the fit is over; the plan's otherwise.
    """
    if has_vectors and plan.base == "minilm" and not plan.uses_gradients:
        return 0.0
    tokens = min(average_tokens, plan.max_length) * PADDING
    passes = (plan.epochs if epochs is None else epochs) if plan.uses_gradients else 1
    predicted = PREDICTED.get((plan.base, plan.method), PREDICTED[("minilm", "full")])
    return tokens * (n * passes + plan.warmup_epochs * n_corpus + n_pool * predicted)


def pace_of(amount: float, busy_s: float) -> float | None:
    """Work per second of a round that fitted and predicted this long; None when it was too short to tell."""
    return amount / busy_s if amount > 0 and busy_s > 1.0 else None


def memory(plan: TrainPlan) -> int:
    """Bytes at the peak: the process, weights, gradients and Adam's two moments, and the activations of one batch."""
    parameters = _PARAMETERS.get(plan.base, 110e6)
    width, layers = _WIDTH.get(plan.base, (768, 12))
    trained = parameters if plan.method in ("full", "frozen") else 0.0
    activations = plan.batch_size * plan.max_length * width * max(layers, 1) * 34 * 4 / 2
    return int(_PROCESS_BYTES + 4 * (parameters + 3 * trained) + (activations if plan.uses_gradients else 0))
