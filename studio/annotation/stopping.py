"""When to stop annotating: rules that look at the rounds so far and say stop or go on, and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.errors import AnnotationError

ONE_SIDED_95 = 1.6448536269514722  # 0.95 quantile of the standard normal


@dataclass(frozen=True)
class Turn:
    """What one round showed. `correct` maps a validation example id to whether the round's model was right.

    `n_labels` counts every label paid for so far, validation labels included; `n_pool` counts unlabelled examples.
    """

    number: int
    n_labels: int
    n_pool: int
    correct: Mapping[int, bool] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        """Share of right answers on validation; NaN without validation rows."""
        return sum(self.correct.values()) / len(self.correct) if self.correct else math.nan


@dataclass(frozen=True)
class StopSettings:
    """The thresholds of the rules. Shares are in [0, 1].

    epsilon 0.02: ours, chosen because the interval of the paired gain on 200 rows cannot get narrower than 0.0115.
    patience 2 and min_validation 200: ours, against advice that flips from round to round.

    Raises:
        AnnotationError: a threshold outside its range.
    """

    epsilon: float = 0.02
    patience: int = 2
    min_validation: int = 200
    max_rounds: int = 10

    def __post_init__(self) -> None:
        """Refuse thresholds under which a rule could never or would always fire."""
        if not (math.isfinite(self.epsilon) and 0 < self.epsilon < 1):
            raise AnnotationError(
                "The smallest gain worth another round must lie between 0 and 1",
                got=self.epsilon,
                fix="Use 0.02 for two percentage points.",
            )
        if self.patience < 1 or self.min_validation < 2 or self.max_rounds < 1:
            raise AnnotationError(
                "A stopping threshold is too small",
                got=f"patience {self.patience}, validation {self.min_validation}, rounds {self.max_rounds}",
                fix="Use at least 1 round of patience, 2 validation examples and 1 round.",
            )


@dataclass(frozen=True)
class Gain:
    """Change of accuracy between two rounds on the same validation examples.

    `better` examples became right, `worse` became wrong, `n` were answered by both; `estimate` = (better - worse) / n;
    `low` and `high` bound it at 95 % each on its own side.
    """

    better: int
    worse: int
    n: int
    estimate: float
    low: float
    high: float


def paired_gain(before: Mapping[int, bool], after: Mapping[int, bool]) -> Gain:
    """Gain in accuracy from one round to the next on the examples both answered; high is good.

    gain = (b - c) / n with b newly right, c newly wrong. Interval: the adjusted Wald interval for paired proportions,
    p12 = (b + 1) / (n + 2), p21 = (c + 1) / (n + 2),
    p12 - p21 -+ z * sqrt((p12 + p21 - (p12 - p21)^2) / (n + 2)), z = 1.645, cut to [-1, 1].

    Args:
        before: example id -> right or wrong in the earlier round.
        after: the same for the later round.

    Returns:
        The gain with its one-sided 95 % bounds; NaN bounds when no example was answered by both.

    Paper: bonett-price-2012; as published, with z for one-sided 95 % bounds.
    Limits: treats validation examples as independent; near-duplicates in validation make it too narrow.

    Example:
        >>> gain = paired_gain({1: True, 2: False, 3: False}, {1: True, 2: True, 3: False})
        >>> gain.better, gain.worse, gain.n, round(gain.estimate, 3)
        (1, 0, 3, 0.333)
    """
    shared = before.keys() & after.keys()
    better = sum(1 for i in shared if after[i] and not before[i])
    worse = sum(1 for i in shared if before[i] and not after[i])
    n = len(shared)
    if n == 0:
        return Gain(0, 0, 0, math.nan, math.nan, math.nan)
    up, down = (better + 1) / (n + 2), (worse + 1) / (n + 2)
    half = ONE_SIDED_95 * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    middle = up - down
    return Gain(better, worse, n, (better - worse) / n, max(-1.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class Verdict:
    """What a rule says after a round: stop or not, the sentence (a words key with values), and the numbers behind it.

    `number` is the round the verdict was given after.
    """

    rule: str
    stop: bool
    key: str
    values: Mapping[str, Any]
    number: int = 0
    gain: Gain | None = None


@dataclass(frozen=True)
class StoppingRule:
    """A rule that ends a loop. `title` and `crosses` are words keys; `crosses` says which way its number must move."""

    name: str
    title: str
    crosses: str
    paper: str
    check: Callable[[Sequence[Turn], StopSettings], Verdict]


def _confident_gain(history: Sequence[Turn], settings: StopSettings) -> Verdict:
    """Stop when even the optimistic end of the gain has been below epsilon for `patience` rounds running.

    Crosses downwards: upper bound of the paired gain < epsilon, strictly. Never on fewer than `min_validation` rows.
    """
    name = "confident_gain"
    if len(history) < 2:
        return Verdict(name, False, "loop.verdict.first", {}, len(history))
    gains = [paired_gain(a.correct, b.correct) for a, b in zip(history[:-1], history[1:], strict=True)]
    last = gains[-1]
    number = len(history)
    if last.n == 0:
        return Verdict(name, False, "loop.verdict.no_validation", {}, number)
    values = _gain_values(last, settings)
    if last.n < settings.min_validation:
        return Verdict(name, False, "loop.verdict.too_small", values, number, last)
    window = gains[-settings.patience :]
    below = [g.n >= settings.min_validation and g.high < settings.epsilon for g in window]
    if len(window) == settings.patience and all(below):
        return Verdict(name, True, "loop.verdict.no_gain", values, number, last)
    key = "loop.verdict.once_below" if below[-1] else "loop.verdict.may_gain"
    return Verdict(name, False, key, values, number, last)


def _literal_gain(history: Sequence[Turn], settings: StopSettings) -> Verdict:
    """Stop the first time validation accuracy rises by less than epsilon, however small validation is.

    Crosses downwards: gain < epsilon, strictly, once.
    """
    if len(history) < 2:
        return Verdict("literal_gain", False, "loop.verdict.first", {}, len(history))
    gain = paired_gain(history[-2].correct, history[-1].correct)
    if gain.n == 0:
        return Verdict("literal_gain", False, "loop.verdict.no_validation", {}, len(history))
    values = _gain_values(gain, settings)
    stop = gain.estimate < settings.epsilon
    key = "loop.verdict.literal_stop" if stop else "loop.verdict.literal_go"
    return Verdict("literal_gain", stop, key, values, len(history), gain)


def _max_rounds(history: Sequence[Turn], settings: StopSettings) -> Verdict:
    """Stop after a fixed number of rounds. Crosses upwards: rounds >= max_rounds."""
    stop = len(history) >= settings.max_rounds
    key = "loop.verdict.max_rounds" if stop else "loop.verdict.rounds_left"
    values = {"n": len(history), "max": settings.max_rounds}
    return Verdict("max_rounds", stop, key, values, len(history))


def _pool_empty(history: Sequence[Turn], settings: StopSettings) -> Verdict:
    """Stop when nothing is left to label. Crosses downwards: unlabelled pool examples <= 0."""
    left = history[-1].n_pool if history else None
    stop = left is not None and left <= 0
    key = "loop.verdict.pool_empty" if stop else "loop.verdict.pool_left"
    return Verdict("pool_empty", stop, key, {"n": left or 0}, len(history))


def _gain_values(gain: Gain, settings: StopSettings) -> dict[str, Any]:
    return {
        "gain": 100 * gain.estimate,
        "low": 100 * gain.low,
        "high": 100 * gain.high,
        "n": gain.n,
        "better": gain.better,
        "worse": gain.worse,
        "epsilon": 100 * settings.epsilon,
        "min": settings.min_validation,
        "patience": settings.patience,
    }


STOPPING_RULES: tuple[StoppingRule, ...] = (
    StoppingRule(
        name="confident_gain",
        title="loop.rule.confident_gain",
        crosses="loop.crosses.confident_gain",
        paper="bonett-price-2012",
        check=_confident_gain,
    ),
    StoppingRule(
        name="literal_gain",
        title="loop.rule.literal_gain",
        crosses="loop.crosses.literal_gain",
        paper="method-a",
        check=_literal_gain,
    ),
    StoppingRule(
        name="max_rounds",
        title="loop.rule.max_rounds",
        crosses="loop.crosses.max_rounds",
        paper="method-a",
        check=_max_rounds,
    ),
    StoppingRule(
        name="pool_empty",
        title="loop.rule.pool_empty",
        crosses="loop.crosses.pool_empty",
        paper="method-a",
        check=_pool_empty,
    ),
)
CHOICES: tuple[str, ...] = ("confident_gain", "literal_gain", "max_rounds")
DEFAULT_RULE = "confident_gain"


def rule(name: str) -> StoppingRule:
    """The rule of this name.

    Raises:
        AnnotationError: no rule has that name.
    """
    for known in STOPPING_RULES:
        if known.name == name:
            return known
    raise AnnotationError(
        "This stopping rule is not known", got=name, fix=f"Use one of {', '.join(r.name for r in STOPPING_RULES)}."
    )


def decide(history: Sequence[Turn], chosen: str, settings: StopSettings) -> Verdict:
    """The verdict that counts: the chosen rule's, or that of a hard end (no pool left, round limit) when it stops.

    Args:
        history: all rounds so far, oldest first.
        chosen: name of the rule the loop was started with.
        settings: its thresholds.
    """
    asked = rule(chosen).check(history, settings)
    if asked.stop:
        return asked
    for hard in ("pool_empty", "max_rounds"):
        verdict = rule(hard).check(history, settings)
        if verdict.stop:
            return verdict
    return asked


def window(history: Sequence[Turn], chosen: str, settings: StopSettings, size: int = 5) -> list[Verdict]:
    """The verdicts after each of the last `size` rounds, oldest first: advice that flickers is seen to flicker."""
    first = max(1, len(history) - size + 1)
    return [decide(history[:end], chosen, settings) for end in range(first, len(history) + 1)]


def narrowest_high(n: int) -> float:
    """The upper bound of the gain on n rows when no single answer changed; an epsilon below it can never be met."""
    return paired_gain(dict.fromkeys(range(n), True), dict.fromkeys(range(n), True)).high
