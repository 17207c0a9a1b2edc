"""Who goes into pool, train, validation and test: shares, the random split, and the split a file names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from studio.corpus.roles import split_word
from studio.errors import CorpusError
from studio.records import SPLITS, Array

DEFAULT_SHARES: Mapping[str, float] = {"pool": 0.7, "train": 0.0, "validation": 0.1, "test": 0.2}
METHODS: tuple[str, ...] = ("random", "stratified", "grouped", "time", "imported", "mended")
TRAIN_AS: tuple[str, ...] = ("pool", "train")


def check_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """All four shares, the absent ones 0.

    Raises:
        CorpusError: an unknown split, a share outside [0, 1], or a sum other than 1.
    """
    unknown = sorted(set(shares) - set(SPLITS))
    if unknown:
        raise CorpusError("There is no such split", got=", ".join(unknown), fix=f"Use {', '.join(SPLITS)}.")
    values = {name: float(shares.get(name, 0.0)) for name in SPLITS}
    if not all(0 <= share <= 1 for share in values.values()) or abs(math.fsum(values.values()) - 1) > 1e-6:
        raise CorpusError("The split shares must lie between 0 and 1 and sum to 1", got=values,
                          fix="Change them, for example to 0.7, 0, 0.1 and 0.2.")  # fmt: skip
    return values


def random_split(n: int, shares: Mapping[str, float], rng: np.random.Generator) -> Array:
    """(n,) split names: a random permutation cut by largest remainder, so the counts are exact.

    Args:
        n: number of examples.
        shares: by split, summing to 1.
        rng: from the stored seed.

    Raises:
        CorpusError: shares that do not sum to 1.

    Example:
        >>> names = random_split(10, DEFAULT_SHARES, np.random.default_rng(1))
        >>> [int((names == split).sum()) for split in SPLITS]
        [7, 0, 1, 2]
    """
    values = check_shares(shares)
    counts = largest_remainder(n, [values[name] for name in SPLITS])
    names = np.empty(n, dtype=object)
    names[rng.permutation(n)] = np.repeat(np.array(SPLITS, dtype=object), counts)
    return names


def imported_split(
    imported: Sequence[str | None],
    rng: np.random.Generator,
    *,
    train_as: str = "pool",
    shares: Mapping[str, float] = DEFAULT_SHARES,
) -> Array:
    """(n,) split names as the file has them; rows without a known word go where the training rows go.

    A file without validation or without test rows gets them from the training rows, at random: each takes its share
    of `shares` among pool, train and itself.

    Args:
        imported: the words of the file, such as train, dev, test.
        rng: from the stored seed.
        train_as: pool, so that the examples can be chosen and annotated, or train, so that their labels are used now.
        shares: used for the parts the file lacks.

    Raises:
        CorpusError: no row has a known split word, or an unknown `train_as`.
    """
    if train_as not in TRAIN_AS:
        raise CorpusError("Training rows can become pool or train", got=train_as, fix="Use pool or train.")
    words = [split_word(word) for word in imported]
    if not any(words):
        seen = sorted({str(word) for word in imported if word})[:5]
        raise CorpusError("The split column names no split", got=seen,
                          fix="Use words such as train, dev and test, or choose a random split.")  # fmt: skip
    names = np.array([train_as if word in (None, "train") else word for word in words], dtype=object)
    values = check_shares(shares)
    training = values["pool"] + values["train"]
    for part in ("validation", "test"):
        free = np.flatnonzero((names == "pool") | (names == "train"))
        if not (names == part).any() and values[part] > 0 and len(free) >= 2:
            take = max(1, round(len(free) * values[part] / (training + values[part])))
            names[rng.permutation(free)[:take]] = part
    return names


def largest_remainder(n: int, shares: Sequence[float], carry: Array | None = None) -> list[int]:
    """Whole counts that sum to n, each the floor or the ceiling of its exact value n · share.

    The units left after rounding down go to the largest remainders. With `carry`, what earlier calls owe to each share
    (exact minus given) is added to its remainder first and updated in place, so that many small strata together keep
    the shares too; a share of 0 never gets a unit.

    Args:
        n: how many to hand out.
        shares: summing to 1.
        carry: (len(shares),) float, or None.

    Example:
        >>> owed = np.zeros(2)
        >>> [largest_remainder(3, [0.75, 0.25], owed) for _ in range(4)]
        [[2, 1], [3, 0], [2, 1], [2, 1]]
    """
    exact = [n * share for share in shares]
    counts = [math.floor(value + 1e-9) for value in exact]
    owed = carry if carry is not None else np.zeros(len(shares))
    rest = [value - count for value, count in zip(exact, counts, strict=True)]
    order = sorted((i for i in range(len(shares)) if rest[i] > 1e-9), key=lambda i: (-round(rest[i] + owed[i], 9), i))
    for i in order[: n - sum(counts)]:
        counts[i] += 1
    if carry is not None:
        carry += np.array(exact) - np.array(counts)
    return counts
