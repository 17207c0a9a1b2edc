"""Stratified splits: every label or group has the same shares in every split, as far as whole examples allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import orjson

from studio.corpus.splits import check_shares, largest_remainder
from studio.records import SPLITS, Array


def strata_codes(columns: Sequence[Sequence[str | None]]) -> tuple[Array, list[tuple[str, ...]]]:
    """(n,) int64 codes of the combinations of several columns, and their names in order; a missing value is "".

    Example:
        >>> strata_codes([["b", "a", None, "b"]])[0].tolist()
        [2, 1, 0, 2]
    """
    keys = list(zip(*[[value or "" for value in column] for column in columns], strict=True))
    names = sorted(set(keys))
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[key] for key in keys], dtype=np.int64), names


def stratified_split(codes: Array, shares: Mapping[str, float], rng: np.random.Generator) -> Array:
    """(n,) split names with exact shares in every stratum.

    Inside a stratum of n_s examples each split gets the floor or the ceiling of n_s · share, at random; the roundings
    of one stratum are owed to the next (`largest_remainder` with carry), so that the totals keep the shares.

    Args:
        codes: (n,) int stratum of each example.
        shares: by split, summing to 1.
        rng: from the stored seed.

    Raises:
        CorpusError: shares that do not sum to 1.
    """
    values = [check_shares(shares)[name] for name in SPLITS]
    shuffled = rng.permutation(len(codes))
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]
    names = np.empty(len(codes), dtype=object)
    carry = np.zeros(len(SPLITS))
    pattern = [largest_remainder(int(size), values, carry) for size in np.unique(codes, return_counts=True)[1]]
    if pattern:
        names[order] = np.repeat(np.tile(np.array(SPLITS, dtype=object), len(pattern)), np.ravel(pattern))
    return names


def small_strata(codes: Array, shares: Mapping[str, float]) -> int:
    """How many strata are too small to be in every split with a share: n_s · smallest share < 1."""
    wanted = [share for share in check_shares(shares).values() if share > 0]
    sizes = np.unique(codes, return_counts=True)[1]
    return int((sizes * min(wanted) < 1 - 1e-9).sum())


def label_lists(cells: Sequence[str | None]) -> list[tuple[str, ...]]:
    """The labels of each example from a column of JSON lists; anything else counts as one label, null as none."""
    found = []
    for cell in cells:
        if not cell:
            found.append(())
            continue
        try:
            value = orjson.loads(cell)
        except orjson.JSONDecodeError:
            value = [cell]
        found.append(tuple(sorted({str(item) for item in value})) if isinstance(value, list) else (str(value),))
    return found


def iterative_split(labels: Sequence[Sequence[str]], shares: Mapping[str, float], rng: np.random.Generator) -> Array:
    """(n,) split names for examples with several labels each: iterative stratification.

    The rarest label left is handed out first; each of its examples goes to the split that still wants that label most,
    then to the one that wants most examples. Examples without a label fill what is missing at the end.

    Args:
        labels: of each example, any number.
        shares: by split, summing to 1.
        rng: from the stored seed.

    Raises:
        CorpusError: shares that do not sum to 1.

    Paper: sechidis-2011. Limits: the shares of each label and of the whole are near what was asked, not exact.
    """
    values = np.array([check_shares(shares)[name] for name in SPLITS])
    known = sorted({label for own in labels for label in own})
    place = {label: i for i, label in enumerate(known)}
    own = [np.array([place[label] for label in given], dtype=np.int64) for given in labels]
    holders: list[list[int]] = [[] for _ in known]
    for row in rng.permutation(len(labels)).tolist():
        for code in own[row]:
            holders[code].append(row)
    left = np.array([len(rows) for rows in holders], dtype=np.int64)
    wanted = values[:, None] * left  # (splits, labels)
    total = values * len(labels)
    chosen = np.full(len(labels), -1, dtype=np.int64)
    possible = np.flatnonzero(values > 0)
    while left.any():
        label = int(np.where(left > 0, left, np.iinfo(np.int64).max).argmin())
        for row in holders[label]:
            if chosen[row] >= 0:
                continue
            best = max(possible.tolist(), key=lambda s: (round(wanted[s, label], 9), round(total[s], 9), -s))
            chosen[row] = best
            wanted[best, own[row]] -= 1
            total[best] -= 1
            left[own[row]] -= 1
    free = np.flatnonzero(chosen < 0)
    if len(free):
        missing = np.maximum(total, 0) * (values > 0)
        part = missing / missing.sum() if missing.sum() > 0 else values
        chosen[rng.permutation(free)] = np.repeat(np.arange(len(SPLITS)), largest_remainder(len(free), part.tolist()))
    return np.array(SPLITS, dtype=object)[chosen]
