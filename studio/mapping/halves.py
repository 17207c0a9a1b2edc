"""Half of the examples held back: what is found by looking at one half may be tested on the other."""

from __future__ import annotations

import numpy as np

from studio.records import Array

MAX_SEED = 2**31 - 1


def is_held(ids: Array, seed: int) -> Array:
    """(n,) bool: True for the examples held back for testing, about half of any set of them.

    Bit 0 of SplitMix64(example_id + (seed + 1) 0x9E3779B97F4A7C15): an example's side depends on its id and the seed
    alone, so that it stays where it is when examples are added or filtered.

    Args:
        ids: (n,) example ids.
        seed: 0 to 2^31 - 1.

    Paper: steele-2014, the mixing function; the use is ours.
    Limits: near-duplicates may fall on both sides and are then not independent.

    Example:
        >>> [bool(is_held(np.array([0]), seed)[0]) for seed in range(3)]
        [True, False, True]
    """
    with np.errstate(over="ignore"):
        z = np.asarray(ids).astype(np.uint64) + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((z ^ (z >> np.uint64(31))) & np.uint64(1)).astype(bool)
