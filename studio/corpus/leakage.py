"""What lies in two splits at once: equal texts, near-duplicates, texts alike in meaning, copies labelled apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from studio.errors import CorpusError
from studio.records import SPLITS, Array, Knn
from studio.statistics import wilson_pair

KINDS: tuple[str, ...] = ("exact", "near", "semantic", "conflict")
SIMILAR = 0.95  # ours: cosine from which two texts are shown as meaning the same; a list to read, not a verdict


@dataclass(frozen=True, eq=False)
class Evidence:
    """What leaks are counted from; row i of every array is the same example.

    splits (n,) int place in SPLITS; exact, families (n,) int codes; labels (n,) int codes, -1 for none, or None.
    similar (m, 2): rows of examples that mean the same, first < second, with `cosine` (m,); None without vectors.
    """

    splits: Array
    exact: Array
    families: Array
    labels: Array | None = None
    similar: Array | None = None
    cosine: Array | None = None


@dataclass(frozen=True)
class Leak:
    """How much of the split `second` is known from `first`, by one kind of likeness.

    n_pairs: pairs of examples, one in each; n_first, n_second: examples with at least one such relative on the other
    side; rate = n_second / size_second with its 95 % Wilson interval.
    """

    kind: str
    first: str
    second: str
    n_pairs: int
    n_first: int
    n_second: int
    size_first: int
    size_second: int
    rate: float
    low: float
    high: float


def similar_pairs(knn: Knn, threshold: float) -> tuple[Array, Array]:
    """Pairs (m, 2) of rows at least as alike as `threshold` by the stored k-NN graph, with their cosines (m,).

    Raises:
        CorpusError: a threshold outside (0, 1].

    Limits: of a text with more than k near ones only the k nearest are seen.
    """
    if not 0 < threshold <= 1:
        raise CorpusError("The cosine must lie above 0 and be at most 1", got=threshold, fix="Use 0.95 or so.")
    rows, places = np.nonzero(knn.distances <= 1 - threshold + 1e-6)
    other = knn.indices[rows, places].astype(np.int64)
    cosine = 1 - knn.distances[rows, places].astype(np.float64)
    first, second = np.minimum(rows, other), np.maximum(rows, other)
    frame = pd.DataFrame({"first": first, "second": second, "cosine": cosine})
    frame = frame[(frame["first"] >= 0) & (frame["first"] != frame["second"])]
    frame = frame.groupby(["first", "second"], as_index=False)["cosine"].max()
    return frame[["first", "second"]].to_numpy(np.int64), frame["cosine"].to_numpy()


def leaks(evidence: Evidence) -> list[Leak]:
    """Every kind of leak for every two splits that have examples; kinds do not overlap.

    exact: equal after normalising. near: one near-duplicate family, but not equal. semantic: alike by vectors, but of
    different families. conflict: one family (equal texts included), but different labels.

    Paper: wilson-1927 (the interval). Limits: copies make examples dependent, so the interval is a little too narrow.
    """
    sizes = np.bincount(evidence.splits, minlength=len(SPLITS))
    kinds = [k for k in KINDS if _is_known(evidence, k)]
    found = []
    for kind in kinds:
        for a, b in combinations(range(len(SPLITS)), 2):
            if sizes[a] and sizes[b]:
                n_pairs, touched_a, touched_b = _touched(evidence, kind, a, b)
                n_second = int(touched_b.sum())
                low, high = wilson_pair(n_second, int(sizes[b]))
                found.append(Leak(kind, SPLITS[a], SPLITS[b], n_pairs, int(touched_a.sum()), n_second, int(sizes[a]),
                                  int(sizes[b]), n_second / int(sizes[b]), low, high))  # fmt: skip
    return found


def _is_known(evidence: Evidence, kind: str) -> bool:
    if kind == "semantic":
        return evidence.similar is not None
    return kind != "conflict" or (evidence.labels is not None and bool((evidence.labels >= 0).any()))


def _touched(evidence: Evidence, kind: str, a: int, b: int) -> tuple[int, Array, Array]:
    """(number of pairs, mask of the rows of a, mask of the rows of b) that have a relative on the other side."""
    n = len(evidence.splits)
    if kind == "semantic":
        rows = _crossing(evidence, a, b)
        masks = np.zeros((2, n), dtype=bool)
        for side, split in enumerate((a, b)):
            inside = rows[evidence.splits[rows] == split]
            masks[side, inside] = True
        return len(rows), masks[0], masks[1]
    group, unlike, usable = _grouping(evidence, kind)
    in_group = _counts(group, evidence.splits, usable)
    alike = np.zeros_like(in_group) if unlike is None else _counts(unlike, evidence.splits, usable)
    one, other = in_group[group], (alike[unlike] if unlike is not None else np.zeros((n, len(SPLITS)), np.int64))
    relatives = (one - other) * usable[:, None]
    in_a, in_b = evidence.splits == a, evidence.splits == b
    touched_a, touched_b = in_a & (relatives[:, b] > 0), in_b & (relatives[:, a] > 0)
    return int(relatives[in_b, a].sum()), touched_a, touched_b


def _grouping(evidence: Evidence, kind: str) -> tuple[Array, Array | None, Array]:
    """(n,) group in which relatives are looked for, (n,) group of those that do not count, (n,) rows that count."""
    n = len(evidence.splits)
    everyone = np.ones(n, dtype=bool)
    if kind == "exact":
        return np.unique(evidence.exact, return_inverse=True)[1], None, everyone
    families = np.unique(evidence.families, return_inverse=True)[1]
    if kind == "near":
        return families, np.unique(evidence.exact, return_inverse=True)[1], everyone
    labels = np.asarray(evidence.labels)
    own = np.unique(families * (int(labels.max(initial=0)) + 2) + labels + 1, return_inverse=True)[1]
    return families, own, labels >= 0


def _counts(group: Array, splits: Array, usable: Array) -> Array:
    table = np.zeros((int(group.max(initial=-1)) + 1, len(SPLITS)), dtype=np.int64)
    np.add.at(table, (group[usable], splits[usable]), 1)
    return table


def _crossing(evidence: Evidence, a: int, b: int) -> Array:
    """(m, 2) similar pairs with one end in each split and of different families."""
    pairs = evidence.similar
    ends = np.sort(evidence.splits[pairs], axis=1)
    apart = evidence.families[pairs[:, 0]] != evidence.families[pairs[:, 1]]
    return pairs[(ends[:, 0] == a) & (ends[:, 1] == b) & apart]


def beside(evidence: Evidence, kind: str, first: str, second: str) -> pd.DataFrame:
    """Each touched row of the split `second` beside one relative in `first`: columns second, first (rows), cosine.

    One line per touched example, so there are as many as the rate counts; the relative is the one with the smallest
    row, for semantic leaks the nearest. cosine is NaN for the other kinds.

    Raises:
        CorpusError: an unknown kind or split, or one that was not looked for.
    """
    if kind not in KINDS or first not in SPLITS or second not in SPLITS or not _is_known(evidence, kind):
        raise CorpusError("There is no such list of leaks", got=f"{kind} {first} {second}", fix="Choose another one.")
    a, b = sorted((SPLITS.index(first), SPLITS.index(second)))
    if kind == "semantic":
        pairs = _crossing(evidence, a, b)
        keys = evidence.similar[:, 0] * len(evidence.splits) + evidence.similar[:, 1]
        wanted = pairs[:, 0] * len(evidence.splits) + pairs[:, 1]
        cosine = pd.Series(evidence.cosine, index=keys).reindex(wanted).to_numpy()
        swap = evidence.splits[pairs[:, 0]] == b
        frame = pd.DataFrame({"second": np.where(swap, pairs[:, 0], pairs[:, 1]),
                              "first": np.where(swap, pairs[:, 1], pairs[:, 0]), "cosine": cosine})  # fmt: skip
        frame = frame.sort_values(["second", "cosine", "first"], ascending=[True, False, True])
        return frame.drop_duplicates("second").reset_index(drop=True)
    group, unlike, usable = _grouping(evidence, kind)
    rows_b = np.flatnonzero(_touched(evidence, kind, a, b)[2])
    rows_a = np.flatnonzero((evidence.splits == a) & usable)
    partner = _partner(group, unlike, rows_a, rows_b)
    return pd.DataFrame({"second": rows_b, "first": partner, "cosine": np.nan})


def _partner(group: Array, unlike: Array | None, rows_a: Array, rows_b: Array) -> Array:
    """For each row of b the smallest row of a in its group that is not in its `unlike` group."""
    own = group[rows_a]
    leading, at = np.unique(own, return_index=True)
    first = np.full(int(group.max(initial=-1)) + 1, -1, dtype=np.int64)
    first[leading] = rows_a[at]
    candidate = first[group[rows_b]]
    if unlike is None:
        return candidate
    # A second candidate per group: the first row that is unlike the first candidate.
    others = rows_a[unlike[rows_a] != unlike[first[own]]]
    second = np.full_like(first, -1)
    leading, at = np.unique(group[others], return_index=True)
    second[leading] = others[at]
    return np.where(unlike[candidate] != unlike[rows_b], candidate, second[group[rows_b]])
