"""Random draws for writing: a numpy generator served one cheap uniform number at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_BLOCK = 256


class Dice:
    """Uniform draws from a generator in blocks: a scalar call into numpy costs more than the sentence it picks."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw from `rng`, 256 numbers at a time: about what one message takes."""
        self._rng = rng
        self._block: list[float] = []

    def uniform(self) -> float:
        """The next number in [0, 1)."""
        if not self._block:
            self._block = self._rng.random(_BLOCK).tolist()
        return self._block.pop()

    def chance(self, share: float) -> bool:
        """True with probability `share`."""
        return self.uniform() < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, all alike."""
        return choices[int(self.uniform() * len(choices))]

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.uniform() * (high - low + 1))

    def weighted(self, shares: Mapping[T, float]) -> T:
        """One key, drawn by its share; shares sum to 1 up to rounding, the last key takes the remainder."""
        left = self.uniform()
        for key, share in shares.items():
            left -= share
            if left < 0:
                return key
        return key

    def shuffled(self, choices: Sequence[T]) -> list[T]:
        """The choices in random order (Fisher-Yates)."""
        cards = list(choices)
        for last in range(len(cards) - 1, 0, -1):
            other = int(self.uniform() * (last + 1))
            cards[last], cards[other] = cards[other], cards[last]
        return cards
