"""Copies: equal texts, near-equal texts, texts that mean the same, and equal texts with different labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from studio.corpus.cleaning.records import Batch, Outcome, Parameter, Step, action
from studio.corpus.dedup import JACCARD, find_duplicates, normalise
from studio.records import Array

KEEP = Parameter("keep", "choice", "first", choices=("first", "longest", "labelled"))


def _order(batch: Batch, keep: str) -> Array:
    """Positions in the order in which they may stay: the first, the longest or a labelled one; ties by example_id."""
    place = np.arange(len(batch))
    if keep == "longest":
        return np.lexsort((place, -np.array([len(text) for text in batch.texts], dtype=np.int64)))
    if keep == "labelled":
        return np.lexsort((place, np.array([label is None for label in batch.labels], dtype=bool)))
    return place


def _codes(texts: Sequence[str]) -> Array:
    return (
        pd.factorize(np.array([normalise(text) for text in texts], dtype=object))[0] if len(texts) else np.zeros(0, int)
    )


def _exact(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    """All but one of texts that are equal after NFKC, case folding and squeezing white space."""
    codes = _codes(batch.texts)
    kept: dict[int, int] = {}
    found = {}
    for i in _order(batch, values["keep"]).tolist():
        first = kept.setdefault(int(codes[i]), i)
        if first != i:
            found[i] = ("copy", str(int(batch.ids[first])))
    return Outcome(found=dict(sorted(found.items())), action=values["action"])


EXACT = Step("exact", "clean.step.exact", "copies", "drop", (action("drop", "flag"), KEEP), (), "", 1, _exact)


def _walk(order: Array, links: sparse.csr_matrix) -> dict[int, int]:
    """Greedy: each example in order stays unless one that stays is linked to it; left out -> the one it repeats."""
    stays, repeats = np.zeros(links.shape[0], dtype=bool), {}
    for i in order.tolist():
        beside = links.indices[links.indptr[i] : links.indptr[i + 1]]
        kept = beside[stays[beside]]
        if len(kept):
            repeats[i] = int(kept.min())
        else:
            stays[i] = True
    return repeats


def _near(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    """Texts whose words overlap with one that stays: Jaccard index of at least the threshold.

    Only an example that is itself near one that stays is taken out: a chain (A like B, B like C, A unlike C) keeps A
    and C.
    """
    batch.check_stop()

    def on_progress(done: int, total: int) -> None:
        batch.check_stop()

    found = find_duplicates(batch.texts, np.random.default_rng(batch.seed), values["threshold"], on_progress)
    n = len(batch)
    pairs = [found.pairs[["first", "second"]].to_numpy(np.int64)]
    copies = np.flatnonzero(found.exact != np.arange(n))
    pairs.append(np.stack([found.exact[copies], copies], axis=1))
    # a pair names the first of equal texts; what is near it is near all of them
    members: dict[int, list[int]] = defaultdict(list)
    for i in copies.tolist():
        members[int(found.exact[i])].append(i)
    spread = [(a, b) for first, second in pairs[0].tolist() if first in members or second in members
              for a in (first, *members[first]) for b in (second, *members[second])]  # fmt: skip
    pairs.append(np.array(spread, dtype=np.int64).reshape(-1, 2))
    every = np.concatenate(pairs)
    one_way = sparse.coo_matrix((np.ones(len(every), np.int8), (every[:, 0], every[:, 1])), shape=(n, n))
    repeats = _walk(_order(batch, values["keep"]), (one_way + one_way.T).tocsr())
    return Outcome(found={i: ("near_copy", str(int(batch.ids[kept]))) for i, kept in sorted(repeats.items())},
                   action=values["action"])  # fmt: skip


NEAR = Step(
    "near", "clean.step.near", "copies", "drop",
    (action("drop", "flag"), Parameter("threshold", "float", JACCARD, 0.5, 1.0, 0.01), KEEP), (), "broder-1997", 1,
    _near,
)  # fmt: skip


def _semantic(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    """Texts whose vector is nearly that of one that stays, along the stored k-NN graph.

    Limits: only neighbours that were stored are compared, so of a crowd larger than k some may stay; the vectors are
    those of the snapshot, before the edits of this list.
    """
    if batch.knn is None:
        return Outcome(action=values["action"])
    total = len(batch.knn.indices)
    place = np.full(total, -1, dtype=np.int64)
    place[batch.rows] = np.arange(len(batch))
    near = (1.0 - np.asarray(batch.knn.distances)) >= values["similarity"] - 1e-6
    rows, columns = np.nonzero(near)
    first, second = place[rows], place[np.asarray(batch.knn.indices)[rows, columns]]
    both = (first >= 0) & (second >= 0)
    n = len(batch)
    one_way = sparse.coo_matrix((np.ones(int(both.sum()), np.int8), (first[both], second[both])), shape=(n, n))
    repeats = _walk(_order(batch, values["keep"]), (one_way + one_way.T).tocsr())
    return Outcome(found={i: ("same_meaning", str(int(batch.ids[kept]))) for i, kept in sorted(repeats.items())},
                   action=values["action"])  # fmt: skip


# 0.95, ours: SemDeDup tunes its threshold per corpus; at 0.95 MiniLM pairs are rewordings, not neighbours of a subject.
SEMANTIC = Step(
    "semantic", "clean.step.semantic", "copies", "drop",
    (action("drop", "flag"), Parameter("similarity", "float", 0.95, 0.8, 1.0, 0.005), KEEP), ("knn",),
    "semdedup-2023", 1, _semantic,
)  # fmt: skip


def _conflict(batch: Batch, values: Mapping[str, Any]) -> Outcome:
    """Equal texts whose labels differ: all of them, or those against the majority."""
    codes = _codes(batch.texts)
    votes: dict[int, Counter[str]] = defaultdict(Counter)
    for code, label in zip(codes.tolist(), batch.labels, strict=True):
        if label is not None:
            votes[code][label] += 1
    at_odds = {code: counts for code, counts in votes.items() if len(counts) > 1}
    found = {}
    for i, (code, label) in enumerate(zip(codes.tolist(), batch.labels, strict=True)):
        if label is None or code not in at_odds:
            continue
        ranked = at_odds[code].most_common()
        has_majority = ranked[0][1] > ranked[1][1]
        if values["resolve"] == "majority" and has_majority and label == ranked[0][0]:
            continue
        listed = ", ".join(f"{name} {n}" for name, n in sorted(ranked, key=lambda item: (-item[1], item[0])))
        found[i] = ("labels_differ", listed[:300])
    return Outcome(found=found, action="drop" if values["action"] == "drop" else "flag")


CONFLICT = Step(
    "conflict", "clean.step.conflict", "copies", "flag",
    (action("flag", "drop"), Parameter("resolve", "choice", "all", choices=("all", "majority"))), ("labels",), "", 1,
    _conflict,
)  # fmt: skip
