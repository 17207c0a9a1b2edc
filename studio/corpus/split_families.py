"""Splits that keep together what belongs together: copies, near-duplicate families, authors, sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from studio.corpus.splits import check_shares, largest_remainder
from studio.records import SPLITS, Array


def joined_units(n: int, parts: Sequence[Array]) -> Array:
    """(n,) unit of each example: two examples that share a code in any of the parts are in one unit.

    Args:
        n: number of examples.
        parts: (n,) int codes each; -1 belongs to nothing.

    Returns:
        The position of each unit's first member.

    Example:
        >>> joined_units(4, [np.array([0, 0, -1, -1]), np.array([-1, 5, 5, -1])]).tolist()
        [0, 0, 0, 3]
    """
    rows, nodes, offset = [], [], n
    for part in parts:
        codes, values = pd.factorize(np.where(np.asarray(part) < 0, -1, part), use_na_sentinel=False)
        has = np.flatnonzero(np.asarray(part) >= 0)
        rows.append(has)
        nodes.append(codes[has] + offset)
        offset += len(values)
    first = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    second = np.concatenate(nodes) if nodes else np.zeros(0, np.int64)
    graph = sparse.coo_matrix((np.ones(len(first), np.int8), (first, second)), shape=(offset, offset))
    labels = connected_components(graph, directed=False)[1][:n]
    _, start, place = np.unique(labels, return_index=True, return_inverse=True)
    return start[place].astype(np.int64)


def column_codes(values: Sequence[str | None]) -> Array:
    """(n,) int codes of a column; -1 for a missing value, which is nobody's."""
    return pd.factorize(np.array([value or None for value in values], dtype=object))[0].astype(np.int64)


def grouped_split(
    units: Array,
    shares: Mapping[str, float],
    rng: np.random.Generator,
    *,
    strata: Array | None = None,
    fixed: Array | None = None,
) -> Array:
    """(n,) split names in which no unit lies across two splits.

    Greedy: from the largest unit down, ties in random order, each goes to the split that lacks most of what the unit
    holds: the split s with the largest sum over strata j of h_j · (target_sj - given_sj) / n_j, plus the same over all
    examples. Examples that are a unit of their own fill the rest, stratum by stratum, at random. No split exceeds its
    share by more than the size of one unit.

    Args:
        units: (n,) int unit of each example.
        shares: by split, summing to 1.
        rng: from the stored seed.
        strata: (n,) int codes whose shares should be alike in all splits, or None.
        fixed: (n,) split names of examples that stay, None elsewhere. A unit with such members follows the most of
            them; ties go to the later split.

    Raises:
        CorpusError: shares that do not sum to 1.
    """
    values = np.array([check_shares(shares)[name] for name in SPLITS])
    n = len(units)
    codes = np.zeros(n, np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    unit, sizes = np.unique(units, return_inverse=True, return_counts=True)[1:]
    chosen = np.full(n, -1, dtype=np.int64)
    if fixed is not None:
        chosen = _followed(unit, fixed)
    per_stratum = np.bincount(codes, minlength=1).astype(float)
    lack = values[:, None] * per_stratum  # (splits, strata)
    settled = chosen >= 0
    np.subtract.at(lack, (chosen[settled], codes[settled]), 1.0)
    blocked = values <= 0
    _place_large(unit, sizes, codes, chosen, lack, per_stratum, blocked, rng)
    _place_single(codes, chosen, lack, values, rng)
    return np.array(SPLITS, dtype=object)[chosen]


def _followed(unit: Array, fixed: Array) -> Array:
    """(n,) split of each example that is fixed, or whose unit has fixed members; -1 elsewhere."""
    place = {name: i for i, name in enumerate(SPLITS)}
    given = np.array([place.get(name, -1) for name in fixed], dtype=np.int64)
    votes = np.zeros((int(unit.max(initial=-1)) + 1, len(SPLITS)), dtype=np.int64)
    has = given >= 0
    np.add.at(votes, (unit[has], given[has]), 1)
    last_best = len(SPLITS) - 1 - votes[:, ::-1].argmax(axis=1)
    follow = np.where(votes.sum(axis=1) > 0, last_best, -1)
    return np.where(has, given, follow[unit])


def _place_large(
    unit: Array, sizes: Array, codes: Array, chosen: Array, lack: Array, per_stratum: Array, blocked: Array,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Hand out the units of two and more, the largest first; `chosen` and `lack` are changed in place."""
    order = np.argsort(unit, kind="stable")
    starts = np.searchsorted(unit[order], np.arange(len(sizes) + 1))
    shuffled = rng.permutation(len(sizes))
    n = max(len(unit), 1)
    for one in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        members = order[starts[one] : starts[one + 1]]
        if len(members) < 2:
            break
        if chosen[members[0]] >= 0:
            continue
        own, held = np.unique(codes[members], return_counts=True)
        score = (lack[:, own] / per_stratum[own] * held).sum(axis=1) + lack.sum(axis=1) * len(members) / n
        score[blocked] = -np.inf
        best = int(np.round(score, 9).argmax())
        chosen[members] = best
        lack[best, own] -= held


def _place_single(codes: Array, chosen: Array, lack: Array, values: Array, rng: np.random.Generator) -> None:
    free = rng.permutation(np.flatnonzero(chosen < 0))
    free = free[np.argsort(codes[free], kind="stable")]
    carry = np.zeros(len(values))
    total = lack.sum(axis=1)
    for code, size in zip(*np.unique(codes[free], return_counts=True), strict=True):
        members = free[np.searchsorted(codes[free], code) :][:size]
        # What the stratum lacks, held back where the split as a whole is full already.
        missing = np.minimum(np.maximum(lack[:, code], 0), np.maximum(total, 0)) * (values > 0)
        if missing.sum() <= 0:
            missing = np.maximum(total, 0) * (values > 0)
        part = missing / missing.sum() if missing.sum() > 0 else values
        counts = largest_remainder(int(size), part.tolist(), carry)
        chosen[members] = np.repeat(np.arange(len(values)), counts)
        total -= counts


def mended_split(
    units: Array,
    before: Array,
    shares: Mapping[str, float],
    rng: np.random.Generator,
    guard: Sequence[str] = (),
) -> Array:
    """(n,) split names that move only what lies across splits.

    Each unit that has members in several splits moves as a whole into one of them: into the first guarded split it
    touches, else into the one that lacks most examples for its share. The largest go first, ties in random order.

    Args:
        units: (n,) int unit of each example.
        before: (n,) split names in force.
        shares: by split, summing to 1: what the splits should keep near to.
        rng: from the stored seed.
        guard: splits no example may leave, such as a test split that has been opened.

    Raises:
        CorpusError: shares that do not sum to 1.
    """
    values = np.array([check_shares(shares)[name] for name in SPLITS])
    place = {name: i for i, name in enumerate(SPLITS)}
    given = np.array([place[name] for name in before], dtype=np.int64)
    unit, sizes = np.unique(units, return_inverse=True, return_counts=True)[1:]
    touched = np.zeros((len(sizes), len(SPLITS)), dtype=bool)
    touched[unit, given] = True
    across = touched.sum(axis=1) > 1
    lack = values * len(units) - np.bincount(given[~across[unit]], minlength=len(SPLITS))
    target = np.full(len(sizes), -1, dtype=np.int64)
    guarded = [place[name] for name in guard]
    shuffled = rng.permutation(np.flatnonzero(across))
    for one in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        first = next((split for split in guarded if touched[one, split]), None)
        best = int(np.where(touched[one], np.round(lack, 9), -np.inf).argmax()) if first is None else first
        target[one] = best
        lack[best] -= sizes[one]
    chosen = np.where(across[unit], target[unit], given)
    return np.array(SPLITS, dtype=object)[chosen]
